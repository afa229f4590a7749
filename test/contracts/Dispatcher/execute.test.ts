import { expect } from "chai";
import { AbiCoder, type BytesLike, ZeroAddress, concat, dataSlice } from "ethers";
import { createLoader, isInstrumented } from "../../support/treasury.ts";
import type { Call, DispatcherWorld } from "./dispatching.ts";
import { LIMIT, deployDispatcher, execute as dispatch, neededFor, outcomesOf, readTargets } from "./dispatching.ts";

const load = await createLoader(deployDispatcher);
const ones = (size: number): string => `0x${"ff".repeat(size)}`;

describe("Dispatcher.execute", () => {
  let w: DispatcherWorld;
  let targetAddress: string;
  const item = (data: BytesLike, gasLimit = LIMIT, target = targetAddress): Call => ({ target, gasLimit, data });
  const add = (amount: bigint) => w.target.interface.encodeFunctionData("add", [amount]);
  const execute = (calls: Call[], gas?: bigint) => dispatch(w, calls, gas);
  const word = (value: bigint) => AbiCoder.defaultAbiCoder().encode(["uint256"], [value]);
  beforeEach(async () => {
    w = await load();
    targetAddress = await w.target.getAddress();
  });

  describe("requires", () => {
    it("reverts with DispatcherListInvalid(0, 100)", async () => {
      await expect(execute([])).to.be.revertedWithCustomError(w.dispatcher, "DispatcherListInvalid").withArgs(0, 100);
    });

    it("accepts 1 call", async () => {
      await execute([item(add(1n))]);
      expect(await w.target.sum()).to.equal(1n);
    });

    it("accepts 100 calls", async () => {
      await execute(
        Array.from({ length: 100 }, () => item(add(1n))),
        16_000_000n,
      );
      expect(await w.target.calls()).to.equal(100n);
    });

    it("reverts with DispatcherListInvalid(101, 100)", async () => {
      await expect(
        execute(
          Array.from({ length: 101 }, () => item(add(1n))),
          16_000_000n,
        ),
      )
        .to.be.revertedWithCustomError(w.dispatcher, "DispatcherListInvalid")
        .withArgs(101, 100);
    });

    it("reverts with DispatcherGasTooLow(1, available, needed) at the second call, and undoes the first", async () => {
      const before = await readTargets(w);
      const greedy = 16_000_000n;
      await expect(execute([item(add(1n)), item(add(1n), greedy)], greedy))
        .to.be.revertedWithCustomError(w.dispatcher, "DispatcherGasTooLow")
        .withArgs(1n, (available: bigint) => available > 15_000_000n && available < greedy, neededFor(greedy));
      expect(await readTargets(w)).to.deep.equal(before);
    });

    it("reverts with DispatcherGasTooLow(0, available, 2^256 - 1) for a limit of 2^256 - 1", async () => {
      const most = 2n ** 256n - 1n;
      await expect(execute([item(add(1n), most)], 1_000_000n))
        .to.be.revertedWithCustomError(w.dispatcher, "DispatcherGasTooLow")
        .withArgs(0n, (available: bigint) => available < 1_000_000n, most);
    });

    it("reverts with DispatcherGasTooLow(0, needed - 1, needed), acts with exactly the gas needed", async function () {
      this.timeout(120_000);
      if (isInstrumented()) return;
      // the gas between the start of the transaction and the check does not depend on the gas given
      const calls = [item(add(1n))];
      const gas = 130_000n;
      const { interface: coder } = w.dispatcher;
      const data = coder.encodeFunctionData("execute", [calls]);
      const to = await w.dispatcher.getAddress();
      const availableAt = async (limit: bigint): Promise<bigint | undefined> => {
        try {
          await w.relayer.call({ to, data, gasLimit: limit });
          return undefined;
        } catch (error) {
          const shown = JSON.stringify(error, (_, value: unknown) =>
            typeof value === "bigint" ? String(value) : value,
          );
          const { selector } = coder.getError("DispatcherGasTooLow")!;
          const at = shown.indexOf(selector.slice(2));
          expect(at, shown).to.be.greaterThan(0);
          const raw = shown.slice(at + 8, at + 8 + 192);
          const [, available, needed] = AbiCoder.defaultAbiCoder().decode(
            ["uint256", "uint256", "uint256"],
            `0x${raw}`,
          );
          expect(needed).to.equal(neededFor(LIMIT));
          return available as bigint;
        }
      };
      const available = await availableAt(gas);
      expect(available).to.be.a("bigint");
      const exact = gas + neededFor(LIMIT) - available!;
      expect(await availableAt(exact - 1n)).to.equal(neededFor(LIMIT) - 1n);
      expect(await availableAt(exact)).to.equal(undefined);
    });
  });

  describe("ensures", () => {
    it("each call has the whole of its gas limit, whatever the gas of the transaction", async function () {
      if (isInstrumented()) return;
      const measure = w.target.interface.encodeFunctionData("measure");
      // once, so that the slot is warm and of the same cost in all
      const seen = new Set<bigint>();
      for (const gas of [200_000n, 1_000_000n, 10_000_000n]) {
        await execute([item(measure)], gas);
        seen.add(await w.target.gasSeen());
      }
      expect(seen.size).to.equal(1);
      const [only] = [...seen];
      expect(only! > LIMIT - 1_000n && only! <= LIMIT).to.equal(true);
    });

    it("all that succeed act in their order, and this contract keeps nothing", async () => {
      const other = await w.other.getAddress();
      const outcomes = await outcomesOf(w, execute([item(add(5n)), item(add(7n), LIMIT, other), item(add(3n))]));
      expect(await readTargets(w)).to.deep.equal({ calls: 2n, sum: 8n, otherCalls: 1n, otherSum: 7n });
      expect(outcomes).to.deep.equal([
        { index: 0n, target: targetAddress, success: true, result: word(5n) },
        { index: 1n, target: other, success: true, result: word(7n) },
        { index: 2n, target: targetAddress, success: true, result: word(8n) },
      ]);
      const dispatcher = await w.dispatcher.getAddress();
      const { provider } = w.connection.ethers;
      expect(await provider.getStorage(dispatcher, 0)).to.equal(word(0n));
      expect(await provider.getBalance(dispatcher)).to.equal(0n);
    });

    it("long data goes through whole, and a shorter one after it carries nothing of it", async () => {
      const long = w.other.interface.encodeFunctionData("reenter", [ones(2_000)]);
      const outcomes = await outcomesOf(w, execute([item(long), item(add(1n)), item("0x"), item(add(1n))]));
      expect(outcomes.map(({ success }) => success)).to.deep.equal([false, true, false, true]);
      expect(await w.target.sum()).to.equal(2n);
    });

    for (const size of [0, 1, 32, 255, 256]) {
      for (const well of [true, false]) {
        it(`an answer of ${size} bytes is reported whole after ${well ? "a success" : "a failure"}`, async () => {
          const data = w.target.interface.encodeFunctionData("answer", [size, well]);
          const outcomes = await outcomesOf(w, execute([item(data)]));
          expect(outcomes).to.deep.equal([{ index: 0n, target: targetAddress, success: well, result: ones(size) }]);
        });
      }
    }

    for (const size of [257, 5_000]) {
      it(`an answer of ${size} bytes is cut after 256`, async () => {
        const data = w.target.interface.encodeFunctionData("answer", [size, true]);
        const [outcome] = await outcomesOf(w, execute([item(data)]));
        expect(outcome!.result).to.equal(ones(256));
      });
    }

    it("a short answer after a long one shows nothing of the long one", async () => {
      const long = w.target.interface.encodeFunctionData("answer", [256, true]);
      const short = w.target.interface.encodeFunctionData("answer", [3, true]);
      const outcomes = await outcomesOf(w, execute([item(long), item(short), item("0x", LIMIT, ZeroAddress)]));
      expect(outcomes.map(({ result }) => result)).to.deep.equal([ones(256), ones(3), "0x"]);
    });

    it("the log of a short answer is padded with zeros", async () => {
      const long = w.target.interface.encodeFunctionData("answer", [256, true]);
      const short = w.target.interface.encodeFunctionData("answer", [3, true]);
      const receipt = (await (await execute([item(long), item(short)])).wait())!;
      const { data } = receipt.logs[1]!;
      expect(data).to.equal(concat([word(1n), word(64n), word(3n), ones(3), `0x${"00".repeat(29)}`]));
      expect(dataSlice(data, 96, 99)).to.equal(ones(3));
    });

    it("a target without code counts as a success", async () => {
      const outcomes = await outcomesOf(w, execute([item("0x12345678", LIMIT, w.holder.address)]));
      expect(outcomes).to.deep.equal([{ index: 0n, target: w.holder.address, success: true, result: "0x" }]);
    });

    it("a limit of no gas fails, unless there is nothing to run", async () => {
      const outcomes = await outcomesOf(w, execute([item(add(1n), 0n), item("0x", 0n, w.holder.address)]));
      expect(outcomes.map(({ success }) => success)).to.deep.equal([false, true]);
      expect(await w.target.sum()).to.equal(0n);
    });

    it("no value can be sent along", async () => {
      const to = await w.dispatcher.getAddress();
      const data = w.dispatcher.interface.encodeFunctionData("execute", [[item(add(1n))]]);
      await expect(w.relayer.sendTransaction({ to, data, value: 1n })).to.be.revertedWithoutReason(w.connection.ethers);
      await expect(w.relayer.sendTransaction({ to, value: 1n })).to.be.revertedWithoutReason(w.connection.ethers);
    });
  });

  describe("emits", () => {
    it("Dispatched for a success and for a failure", async () => {
      const refuse = w.target.interface.encodeFunctionData("refuse", [9n]);
      const reason = w.target.interface.encodeErrorResult("DispatchMockTooLarge", [9n, 0n]);
      await expect(execute([item(add(4n)), item(refuse)]))
        .to.emit(w.dispatcher, "Dispatched")
        .withArgs(0, targetAddress, true, word(4n))
        .and.to.emit(w.dispatcher, "Dispatched")
        .withArgs(1, targetAddress, false, reason);
    });
  });
});
