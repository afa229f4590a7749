/**
 * Recovery by three implementations: the native binding, WebAssembly, and the pure one behind viem as the oracle. Any signature they disagree
 * on would be a payment accepted on one machine and refused on another.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { recoverAddress } from "viem";
import { type Curve, createNativeCurve, createWasmCurve, loadCurve } from "../../src/chain/curve.ts";
import { toHex } from "../../src/chain/digest.ts";
import { createRecoverer, type ParsedSignature, parseSignature, toCompact, toLong } from "../../src/chain/recover.ts";
import { type RecoverThread, startRecoverThread } from "../../src/chain/recover-thread.ts";
import type { Hex, Word } from "../../src/domain/hex.ts";
import type { Recoverer } from "../../src/pipeline/ports.ts";

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const half = order / 2n;
const word = (value: bigint): string => value.toString(16).padStart(64, "0");
const toKey = (bytes: Uint8Array): Uint8Array => {
  const key = (BigInt(toHex(bytes)) % (order - 1n)) + 1n;
  return Buffer.from(word(key), "hex");
};
/** Where the package ships a binding; everywhere else WebAssembly alone is held against the oracle. */
const hasNative = existsSync(`node_modules/secp256k1/prebuilds/${process.platform}-${process.arch}`);
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** Counts the turns of the event loop until the returned function is called. */
function countTurns(): () => number {
  let turns = 0;
  let running = true;
  const count = (): void => {
    turns++;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  return () => {
    running = false;
    return turns;
  };
}

describe("createRecoverer", () => {
  const curves: Curve[] = [];
  const recoverers: Recoverer[] = [];

  before(async () => {
    const wasm = await createWasmCurve();
    curves.push(hasNative ? createNativeCurve() : wasm, wasm);
    for (const curve of curves) recoverers.push(await createRecoverer({ curve }));
  });

  /** What both answer; they must agree. */
  async function recover(digest: Word, signature: Hex): Promise<string | null> {
    const answers = await Promise.all(recoverers.map(async (one) => (await one.recover([{ digest, signature }]))[0]));
    expect(answers[0], "native and WebAssembly disagree").to.equal(answers[1]);
    return answers[0] ?? null;
  }

  it("uses the native binding where there is one, WebAssembly elsewhere", async () => {
    expect((await loadCurve()).kind).to.equal(hasNative ? "native" : "wasm");
  });

  it("recovers what any implementation signed, as viem does", async () => {
    await fc.assert(
      fc.asyncProperty(bytes32, bytes32, fc.constantFrom(0, 1), async (seed, hash, which) => {
        const { signature, recovery } = (curves[which] as Curve).sign(hash, toKey(seed));
        const digest = toHex(hash);
        const long: Hex = `${toHex(signature)}${recovery === 0 ? "1b" : "1c"}`;
        const expected = (await recoverAddress({ hash: digest, signature: long })).toLowerCase();
        expect(await recover(digest, long)).to.equal(expected);
        const parsed = parseSignature(long);
        if (parsed === null) throw new Error("a signature that was just made");
        expect(toLong(parsed)).to.equal(long.slice(2));
        expect(await recover(digest, `0x${toCompact(parsed)}`)).to.equal(expected);
      }),
      { numRuns: 40 },
    );
  });

  it("signs alike", async () => {
    await fc.assert(
      fc.asyncProperty(bytes32, bytes32, async (seed, hash) => {
        const [native, wasm] = curves.map((curve) => curve.sign(hash, toKey(seed)));
        expect(toHex(native?.signature as Uint8Array)).to.equal(toHex(wasm?.signature as Uint8Array));
        expect(native?.recovery).to.equal(wasm?.recovery);
      }),
      { numRuns: 40 },
    );
  });

  it("agrees with viem on arbitrary 65 bytes", async () => {
    const digest: Word = `0x${"42".repeat(32)}`;
    await fc.assert(
      fc.asyncProperty(bytes32, bytes32, fc.constantFrom(27, 28), async (r, s, v) => {
        const signature: Hex = `${toHex(r)}${toHex(s).slice(2)}${v.toString(16)}`;
        const oracle = await recoverAddress({ hash: digest, signature }).then(
          (address) => (BigInt(toHex(s)) > half ? null : address.toLowerCase()),
          () => null,
        );
        expect(await recover(digest, signature)).to.equal(oracle);
      }),
      { numRuns: 60 },
    );
  });

  describe("answers null", () => {
    const digest: Word = `0x${"11".repeat(32)}`;
    let good: { readonly r: string; readonly s: bigint; readonly recovery: number };

    before(() => {
      const { signature, recovery } = (curves[0] as Curve).sign(Buffer.alloc(32, 0x11), Buffer.alloc(32, 7));
      good = { r: toHex(signature.subarray(0, 32)).slice(2), s: BigInt(toHex(signature.subarray(32))), recovery };
    });
    const v = (): string => (good.recovery === 0 ? "1b" : "1c");

    const cases: readonly [string, () => Hex][] = [
      ["for s in the upper half", () => `0x${good.r}${word(order - good.s)}${v() === "1b" ? "1c" : "1b"}`],
      ["for s one above half the order", () => `0x${good.r}${word(half + 1n)}${v()}`],
      ["for v 0 and 1", () => `0x${good.r}${word(good.s)}0${good.recovery}`],
      ["for v 29", () => `0x${good.r}${word(good.s)}1d`],
      ["for r zero", () => `0x${word(0n)}${word(good.s)}${v()}`],
      ["for s zero", () => `0x${good.r}${word(0n)}${v()}`],
      ["for r at the order", () => `0x${word(order)}${word(good.s)}${v()}`],
      ["for 64 bytes with a malleable s", () => `0x${good.r}${word((order - good.s) & ((1n << 255n) - 1n))}`],
      ["for 63 bytes", () => `0x${good.r}${word(good.s).slice(2)}`],
      ["for 66 bytes", () => `0x${good.r}${word(good.s)}${v()}00`],
      ["for no bytes", () => "0x"],
      ["for text that is not hexadecimal", () => `0x${good.r}${word(good.s)}zz`],
    ];
    for (const [title, toSignature] of cases) {
      it(title, async () => {
        const signature = toSignature();
        // a compact form with another s recovers somebody else, who has signed nothing
        const signer = await recover(digest, `0x${good.r}${word(good.s)}${v()}`);
        const answer = await recover(digest, signature);
        if (signature.length === 130) expect(answer).to.not.equal(signer);
        else expect(answer).to.equal(null);
      });
    }

    it("does not for s at half the order", async () => {
      expect(parseSignature(`0x${good.r}${word(half)}1b`)).to.not.equal(null);
    });
  });

  it("lets other work run between slices", async () => {
    const { signature } = (curves[0] as Curve).sign(Buffer.alloc(32, 1), Buffer.alloc(32, 2));
    const item = { digest: `0x${"01".repeat(32)}` as Word, signature: `${toHex(signature)}1b` as Hex };
    const stop = countTurns();
    const answers = await (recoverers[0] as Recoverer).recover(Array.from({ length: 201 }, () => item));
    const turns = stop();
    expect(answers).to.have.length(201);
    expect(new Set(answers)).to.have.property("size", 1);
    expect(turns).to.be.at.least(4);
  });

  it("takes long calls one after the other, and short ones in between", async () => {
    const native = curves[0] as Curve;
    let recovered = 0;
    const recover: Curve["recover"] = (...one) => {
      recovered++;
      return native.recover(...one);
    };
    const recoverer = await createRecoverer({ curve: { ...native, recover } });
    const { signature } = native.sign(Buffer.alloc(32, 1), Buffer.alloc(32, 2));
    const item = { digest: `0x${"01".repeat(32)}` as Word, signature: `${toHex(signature)}1b` as Hex };
    const call = async (length: number): Promise<number> => {
      await recoverer.recover(Array.from({ length }, () => item));
      return recovered;
    };
    const [first, second, short] = await Promise.all([call(400), call(400), call(1)]);
    expect(first, "when the first long call ends, the second has hardly begun").to.be.within(400, 451);
    expect(second).to.equal(801);
    expect(short, "a short call waits for nobody").to.be.below(400);
  });

  describe("with a thread", () => {
    const items: { readonly digest: Word; readonly signature: Hex }[] = [];
    let thread: RecoverThread;

    before(() => {
      const native = curves[0] as Curve;
      for (let i = 0; i < 64; i++) {
        const hash = Buffer.alloc(32, i + 1);
        const { signature, recovery } = native.sign(hash, Buffer.alloc(32, (i % 7) + 1));
        const v = recovery === 0 ? "1b" : "1c";
        const forms: readonly Hex[] = [
          `${toHex(signature)}${v}`,
          `0x${toCompact(parseSignature(`${toHex(signature)}${v}`) as ParsedSignature)}`,
          `0x${"ff".repeat(32)}${toHex(signature.subarray(32)).slice(2)}${v}`,
          "0x",
        ];
        items.push({ digest: toHex(hash), signature: forms[i % 4] as Hex });
      }
    });

    beforeEach(() => {
      thread = startRecoverThread();
    });

    afterEach(() => thread.close());

    it("answers as without one, in order, whatever cannot be recovered in between", async () => {
      const expected = await (recoverers[0] as Recoverer).recover(items);
      expect(expected.filter((signer) => signer === null)).to.have.length(32);
      let asked = 0;
      const count: RecoverThread["recover"] = (questions) => {
        asked++;
        return thread.recover(questions);
      };
      const recoverer = await createRecoverer({ thread: { recover: count } });
      const calls = [items, items.slice(0, 8), items.slice(0, 7), items.slice(20)];
      const answers = await Promise.all(calls.map((call) => recoverer.recover(call)));
      expect(answers).to.deep.equal([expected, expected.slice(0, 8), expected.slice(0, 7), expected.slice(20)]);
      expect(asked, "seven are not worth the way").to.equal(3);
    });

    it("answers all the same when the thread dies before or after it is asked", async () => {
      const expected = await (recoverers[0] as Recoverer).recover(items);
      let lost = 0;
      const recoverer = await createRecoverer({ thread, lost: () => lost++ });
      const long = Array.from({ length: 40 }, () => items).flat();
      const asked = recoverer.recover(long);
      await thread.close();
      expect(await asked).to.deep.equal(Array.from({ length: 40 }, () => expected).flat());
      expect(await recoverer.recover(items)).to.deep.equal(expected);
      expect(lost, "told once").to.equal(1);
    });

    it("leaves the main thread free meanwhile", async () => {
      const recoverer = await createRecoverer({ thread });
      await recoverer.recover(items);
      const stop = countTurns();
      await recoverer.recover(Array.from({ length: 10 }, () => items).flat());
      expect(stop(), "more turns than slices").to.be.above(640 / 50);
    });

    it("does not keep a process alive", async () => {
      const program = `
        import { createRecoverer } from "./src/chain/recover.ts";
        import { startRecoverThread } from "./src/chain/recover-thread.ts";
        const recoverer = await createRecoverer({ thread: startRecoverThread() });
        const item = { digest: "0x${"01".repeat(32)}", signature: "0x" };
        console.log((await recoverer.recover(Array.from({ length: 9 }, () => item))).length);`;
      const run = promisify(execFile);
      const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], { timeout: 20_000 });
      expect(stdout.trim()).to.equal("9");
    });
  });
});
