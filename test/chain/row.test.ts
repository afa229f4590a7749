/**
 * The edges of the row layout: what is left out, what is spelled out, and what no row can carry.
 */
import { expect } from "chai";
import { encodeRow } from "../../src/chain/row.ts";
import { type Hex, toWord } from "../../src/domain/hex.ts";

const from: Hex = `0x${"aa".repeat(20)}`;
const to: Hex = `0x${"bb".repeat(20)}`;
const plain = { from, to, value: 1n, validAfter: 0, validBefore: 2 ** 40 - 1, nonce: toWord(2n ** 40n - 1n) };
const r = "11".repeat(32);
const s = `7f${"22".repeat(31)}`;
const head = `${from.slice(2)}${to.slice(2)}`;

const encode = (over: Partial<typeof plain> = {}, rest: { memo?: Hex; signature?: Hex } = {}): Hex | null =>
  encodeRow({
    authorization: { ...plain, ...over },
    memo: rest.memo ?? null,
    signature: rest.signature ?? `0x${r}${s}1b`,
  });

describe("encodeRow", () => {
  it("leaves everything out that is not there", () => {
    expect(encode()).to.equal(`0x01${head}0000000000000001ffffffffffffffffffff${r}${s}`);
  });

  it("puts v into the highest bit of s", () => {
    expect(encode({}, { signature: `0x${r}${s}1c` })?.slice(-64)).to.equal(`ff${"22".repeat(31)}`);
    expect(encode({}, { signature: `0x${r}ff${"22".repeat(31)}` })?.slice(-64)).to.equal(`ff${"22".repeat(31)}`);
  });

  it("writes the nonce in 32 bytes from 2^40 on", () => {
    expect(encode({ nonce: toWord(2n ** 40n) })).to.equal(
      `0x03${head}0000000000000001ffffffffff${toWord(2n ** 40n).slice(2)}${r}${s}`,
    );
  });

  it("writes validAfter, then the memo, a zero memo too", () => {
    const memo = toWord(0n);
    expect(encode({ validAfter: 1 }, { memo })).to.equal(
      `0x0d${head}0000000000000001ffffffffffffffffffff0000000001${memo.slice(2)}${r}${s}`,
    );
  });

  it("writes a signature that is not ECDSA as it is, with its length", () => {
    const cases: readonly Hex[] = ["0x", "0xabcd", `0x${r}${s}00`, `0x${"cd".repeat(4_096)}`];
    for (const signature of cases) {
      const length = (signature.length / 2 - 1).toString(16).padStart(4, "0");
      const row = `0x11${head}0000000000000001ffffffffffffffffffff${length}${signature.slice(2)}`;
      expect(encode({}, { signature })).to.equal(row);
    }
  });

  it("writes the highest s in the lower half compactly, one more as it is", () => {
    const most = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
    expect(encode({}, { signature: `0x${r}${most}1b` })?.slice(0, 4)).to.equal("0x01");
    expect(encode({}, { signature: `0x${r}${most.slice(0, -1)}11b` })?.slice(0, 4)).to.equal("0x11");
  });

  it("has none where a number or the signature does not fit", () => {
    expect(encode({ value: 2n ** 64n - 1n })).to.not.equal(null);
    expect(encode({ value: 2n ** 64n })).to.equal(null);
    expect(encode({ validBefore: 2 ** 40 })).to.equal(null);
    expect(encode({ validAfter: 2 ** 40 })).to.equal(null);
    expect(encode({}, { signature: `0x${"cd".repeat(4_097)}` })).to.equal(null);
  });
});
