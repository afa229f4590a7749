/**
 * The fences of a payment's steps: the whole id and the whole state in them, so that nothing else ever has the same. And what a division is
 * matched by.
 */
import { expect } from "chai";
import fc from "fast-check";
import { feeOf, parsePaymentFence, paymentFence, toDivisionMemo } from "../../src/domain/agreement.ts";
import type { Address, Word } from "../../src/domain/hex.ts";
import { seeded } from "./seed.ts";

const escrow: Address = `0x${"e5".repeat(20)}`;
const nothing = { captured: 0n, voided: 0n, disputed: false };

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const word = bytes(32).map((digits): Word => `0x${Buffer.from(digits).toString("hex")}`);
const units = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const totals = fc.record({ captured: units, voided: units, disputed: fc.boolean() });

describe("paymentFence", () => {
  for (const [title, from, to] of [
    ["their first 15 bytes", 0, 15],
    ["their first 20 bytes", 0, 20],
    ["their last 12 bytes", 20, 32],
    ["all but their last byte", 0, 31],
  ] as const) {
    it(`P2: differs for two ids that share ${title}`, () => {
      const id = "5a".repeat(32);
      const other = `${"1".repeat(2 * from)}${id.slice(2 * from, 2 * to)}`.padEnd(64, "1");
      expect(other).to.not.equal(id);
      expect(paymentFence(escrow, `0x${id}`, nothing)).to.not.deep.equal(paymentFence(escrow, `0x${other}`, nothing));
    });
  }

  it("P2: is one to one with payment and state, and says both", () => {
    fc.assert(
      fc.property(word, totals, (id, state) => {
        const fence = paymentFence(escrow, id, state);
        expect([fence.scope, fence.subject.length, fence.key.length]).to.deep.equal([escrow, 42, 66]);
        expect(parsePaymentFence(fence)).to.deep.equal({
          id,
          ended: state.captured + state.voided,
          disputed: state.disputed,
        });
        for (const change of [{ captured: state.captured + 1n }, { voided: state.voided + 1n }]) {
          expect(paymentFence(escrow, id, { ...state, ...change })).to.not.deep.equal(fence);
        }
        expect(paymentFence(escrow, id, { ...state, disputed: !state.disputed })).to.not.deep.equal(fence);
      }),
      seeded(),
    );
  });
});

describe("toDivisionMemo", () => {
  it("is one to one with the totals afterwards and the fee", () => {
    fc.assert(
      fc.property(units, units, units, (captured, voided, fee) => {
        const memo = toDivisionMemo({ captured, voided, fee });
        expect(memo).to.match(/^0x[0-9a-f]{64}$/);
        const parts = [2, 18, 34].map((at) => BigInt(`0x${memo.slice(at, at + 16)}`));
        expect(parts).to.deep.equal([captured, voided, fee]);
      }),
      seeded(),
    );
  });

  it("has 32 bytes also of what no terms allow", () => {
    for (const odd of [-1n, 2n ** 64n]) {
      expect(toDivisionMemo({ captured: odd, voided: odd, fee: odd })).to.match(/^0x[0-9a-f]{64}$/);
    }
  });
});

describe("feeOf", () => {
  it("is rounded down once, on the total", () => {
    expect([feeOf(9_999n, 1), feeOf(10_000n, 1), feeOf(19_999n, 1), feeOf(7n, 10_000)]).to.deep.equal([0n, 1n, 1n, 7n]);
  });
});
