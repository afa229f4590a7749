import { expect } from "chai";
import { AbiCoder, Interface, ZeroAddress, concat, id } from "ethers";
import { createLoader, isInstrumented } from "../../support/treasury.ts";
import { attest, deployVasps, readVasps, signVasp, toAttestation } from "../../support/vasp.ts";
import type { Call, DispatcherWorld } from "./dispatching.ts";
import { LIMIT, deployDispatcher, execute, neededFor, outcomesOf, readTargets } from "./dispatching.ts";

const load = await createLoader(deployDispatcher);
const loadVasps = await createLoader(deployVasps);
const GAS = 16_000_000n;

describe("Dispatcher under attack", () => {
  let w: DispatcherWorld;
  let coder: Interface;
  const word = (value: bigint) => AbiCoder.defaultAbiCoder().encode(["uint256"], [value]);
  const call = async (name: string, inputs: unknown[] = [], gasLimit = LIMIT): Promise<Call> => ({
    target: await w.target.getAddress(),
    gasLimit,
    data: coder.encodeFunctionData(name, inputs),
  });

  beforeEach(async () => {
    w = await load();
    coder = w.target.interface as unknown as Interface;
  });

  for (const [title, name, inputs, result] of [
    ["reverts with a reason", "refuse", [9n], (c: Interface) => c.encodeErrorResult("DispatchMockTooLarge", [9n, 0n])],
    ["burns all its gas", "burnGas", [], () => "0x"],
    ["answers with a bomb of its own memory", "bomb", [10_000_000n], () => "0x"],
    ["reverts with 6,000 bytes", "answer", [6_000n, false], () => `0x${"ff".repeat(256)}`],
  ] as const) {
    it(`attack 29: a call that ${title} costs only itself`, async () => {
      const bad = await call(name, [...inputs]);
      const good = [await call("add", [1n]), bad, await call("add", [2n]), bad, await call("add", [4n])];
      const outcomes = await outcomesOf(w, execute(w, good, GAS));
      expect(outcomes.map(({ success }) => success)).to.deep.equal([true, false, true, false, true]);
      expect(outcomes.map((outcome) => outcome.result)).to.deep.equal([
        word(1n),
        result(coder),
        word(3n),
        result(coder),
        word(7n),
      ]);
      expect(await readTargets(w)).to.deep.equal({ calls: 3n, sum: 7n, otherCalls: 0n, otherSum: 0n });
    });
  }

  it("attack 29: a call that answers with the largest bomb its gas pays for costs at most its limit and the report", async () => {
    const limit = 3_000_000n;
    // 64 kilobytes of memory and more: copied here, they would cost as much again
    const bomb = await call("bomb", [900_000n], limit);
    const plain = (await (await execute(w, [await call("refuse", [1n], limit)], GAS)).wait())!;
    const bombed = (await (await execute(w, [bomb], GAS)).wait())!;
    const outcome = w.dispatcher.interface.parseLog(bombed.logs[0]!)!.args;
    expect(outcome["success"]).to.equal(false);
    expect(outcome["result"]).to.equal(`0x${"00".repeat(256)}`);
    if (!isInstrumented()) expect(bombed.gasUsed - plain.gasUsed).to.be.lessThan(limit);
  });

  it("attack 29: ninety-nine calls that burn all their gas do not stop the hundredth", async () => {
    const bad = await call("burnGas", [], 50_000n);
    const calls = [...Array.from({ length: 99 }, () => bad), await call("add", [1n])];
    const outcomes = await outcomesOf(w, execute(w, calls, GAS));
    expect(outcomes.filter(({ success }) => success).map(({ index }) => index)).to.deep.equal([99n]);
    expect(await w.target.sum()).to.equal(1n);
  });

  it("attack 1: a call that re-enters execute gets a frame of its own and nothing else", async () => {
    const inner = w.dispatcher.interface.encodeFunctionData("execute", [
      [await call("add", [10n]), await call("refuse", [1n])],
    ]);
    const outcomes = await outcomesOf(
      w,
      execute(w, [await call("add", [1n]), await call("reenter", [inner], 5n * LIMIT), await call("add", [2n])], GAS),
    );
    // the inner list reports first, as it ends first
    expect(outcomes.map(({ index, success }) => [index, success])).to.deep.equal([
      [0n, true],
      [0n, true],
      [1n, false],
      [1n, true],
      [2n, true],
    ]);
    expect(await w.target.sum()).to.equal(13n);
  });

  it("attack 1: a list that calls itself without end stops at its own gas and leaves the others alone", async () => {
    const dispatcher = await w.dispatcher.getAddress();
    let data = w.dispatcher.interface.encodeFunctionData("execute", [[await call("add", [100n])]]);
    for (let depth = 0; depth < 12; depth += 1) {
      const again = { target: dispatcher, gasLimit: 10n * LIMIT, data };
      data = w.dispatcher.interface.encodeFunctionData("execute", [[again]]);
    }
    const nested = { target: dispatcher, gasLimit: 10n * LIMIT, data };
    const outcomes = await outcomesOf(w, execute(w, [nested, await call("add", [1n])], GAS));
    expect(outcomes.at(0)!.success).to.equal(false);
    expect(outcomes.at(0)!.result.slice(0, 10)).to.equal(
      w.dispatcher.interface.getError("DispatcherGasTooLow")!.selector,
    );
    expect(outcomes.at(1)!.success).to.equal(true);
    expect(await w.target.sum()).to.equal(1n);
  });

  it("attack 30: the zero address in the list is a call to nobody, the others go on", async () => {
    const nobody = { target: ZeroAddress, gasLimit: LIMIT, data: "0x" };
    const outcomes = await outcomesOf(w, execute(w, [nobody, await call("add", [1n])], GAS));
    expect(outcomes.map(({ success }) => success)).to.deep.equal([true, true]);
    expect(await w.target.sum()).to.equal(1n);
  });

  it("attack 25: at no amount of gas does a shortage become an outcome", async function () {
    this.timeout(120_000);
    if (isInstrumented()) return;
    // a delegated account that nobody touched before: the dearest to reach; its answer is reported in full
    const delegated = `0x${"d1".repeat(20)}`;
    const code = concat(["0xef0100", await w.target.getAddress()]);
    await w.connection.ethers.provider.send("hardhat_setCode", [delegated, code]);
    const { networkHelpers } = w.connection;
    const snapshot = await networkHelpers.takeSnapshot();
    const reset = () => snapshot.restore();
    const data = coder.encodeFunctionData("answer", [256, true]);
    const succeeds = async (limit: bigint) => {
      const [outcome] = await outcomesOf(w, execute(w, [{ target: delegated, gasLimit: limit, data }], GAS));
      await reset();
      return outcome!.success;
    };
    // the least limit with which the call succeeds when gas is plenty
    let [low, high] = [0n, LIMIT];
    while (high - low > 1n) {
      const middle = (low + high) / 2n;
      if (await succeeds(middle)) high = middle;
      else low = middle;
    }
    const calls = [
      { target: delegated, gasLimit: high, data },
      { target: delegated, gasLimit: high, data },
      await call("burnGas", [], 200_000n),
      await call("add", [1n]),
    ];
    const plenty = await outcomesOf(w, execute(w, calls, GAS));
    expect(plenty.map(({ success }) => success)).to.deep.equal([true, true, false, true]);
    expect(plenty[0]!.result).to.equal(`0x${"ff".repeat(256)}`);
    await reset();

    const enough = 21_000n + 20_000n + 2n * neededFor(high) + neededFor(200_000n) + neededFor(LIMIT);
    let [refused, carried] = [0, 0];
    for (let gas = 60_000n; gas <= enough; gas += 1_499n) {
      const before = await readTargets(w);
      try {
        const outcomes = await outcomesOf(w, execute(w, calls, gas));
        expect(outcomes).to.deep.equal(plenty);
        carried += 1;
      } catch (error) {
        if (error instanceof Error && error.name === "AssertionError") throw error;
        expect(await readTargets(w)).to.deep.equal(before);
        refused += 1;
      }
      await reset();
    }
    expect(refused).to.be.greaterThan(50);
    expect(carried).to.be.greaterThan(5);
  });

  it("attack 32: an order says who may act, not who submits: a forged one beside two good ones costs only itself", async () => {
    const v = await loadVasps();
    const dispatcher = await v.connection.ethers.deployContract("Dispatcher");
    const registry = await v.registry.getAddress();
    const calls: Call[] = [];
    for (const [index, signer] of [v.key, v.stranger, v.key].entries()) {
      const attestation = await toAttestation(v, { attestationId: id(`order ${index}`) });
      const signature = await signVasp(v, signer, "TravelAttestation", attestation);
      const inputs = [attestation, v.key.address, signature] as const;
      const data = v.registry.interface.encodeFunctionData("attestBySig", [...inputs]);
      calls.push({ target: registry, gasLimit: 2n * LIMIT, data });
    }
    const execution = dispatcher.getFunction("execute");
    const refusal = v.registry.interface.encodeErrorResult("OrderSignatureInvalid", [v.key.address]);
    await expect(execution(calls)).to.emit(dispatcher, "Dispatched").withArgs(1, registry, false, refusal);
    expect((await readVasps(v)).waiting[0]).to.equal(2n);
  });

  it("attack 32: the dispatcher lends its callers no power", async () => {
    const v = await loadVasps();
    const dispatcher = await v.connection.ethers.deployContract("Dispatcher");
    await attest(v);
    const before = await readVasps(v);
    const { interface: registry } = v.registry;
    const attempts = [
      registry.encodeFunctionData("suspend", [1n]),
      registry.encodeFunctionData("useAttestation", [v.payer.address, v.payee.address, 1_234_567_891n]),
      registry.encodeFunctionData("attest", [await toAttestation(v, { attestationId: id("another") })]),
      registry.encodeFunctionData("announceLeave"),
    ];
    const target = await v.registry.getAddress();
    const calls = attempts.map((data) => ({ target, gasLimit: 2n * LIMIT, data }));
    const receipt = await (await dispatcher.connect(v.freezer).getFunction("execute")(calls)).wait();
    const outcomes = (receipt?.logs ?? []).map((log) => dispatcher.interface.parseLog(log));
    expect(outcomes.map((log) => log?.args["success"] as boolean)).to.deep.equal([false, false, false, false]);
    expect(await readVasps(v)).to.deep.equal(before);
  });
});
