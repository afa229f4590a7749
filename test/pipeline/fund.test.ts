/**
 * Gas money for lanes, over the whole pipeline and the real store (P14). Guards: dropping `served` from the search, or reading balances before
 * slots, makes "is not given twice" fail; dropping `short` makes "costs more than the mark" fail; counting the funder among the lanes that may have
 * moved makes "nobody waits" fail. One at a time for each lane is the store's guard too: its index, in the suite of the engines.
 */
import { expect } from "chai";
import { type Address, toWord } from "../../src/domain/hex.ts";
import type { LaneVerb } from "../../src/domain/lane.ts";
import { createModelSigner, decodeTransaction, funder, laneA, laneB } from "../support/model-codec.ts";
import { createHouse, funderLimits } from "../support/pipeline.ts";
import { createTown, payment, type TownOptions } from "../support/town.ts";

const gwei = 1_000_000_000n;
const given = funderLimits.topUp * gwei;
type Town = Awaited<ReturnType<typeof createTown>>;

const openTown = (options: TownOptions = {}) =>
  createTown({ signer: createModelSigner([laneA, laneB], funder), ...options });

/** Lanes that were given something, in the order of the chain. */
const servedBy = ({ model }: Town): readonly Address[] => model.transactionsOf([funder]).map(({ to }) => to);
const codesOf = ({ house }: Town) => house.notices.map(({ code }) => code);

async function act({ house }: Town, verb: LaneVerb, lane: Address): Promise<string> {
  const outcome = await house.desk.act({ verb, lane, by: "desk" });
  return outcome.ok ? outcome.value.lane.state : outcome.reasons.map(({ code }) => code).join();
}

describe("the funder", () => {
  it("P14: a lane out of gas holds, the other goes on, and it resumes by itself after it was topped up", async () => {
    const town = await openTown({ funder: { perDay: 0n } });
    const intents = [];
    for (let payer = 1; payer <= 6; payer++) intents.push(await town.accept(payment(payer)));
    town.model.purses.set(laneA, 1_000n);
    await town.block(4);
    const states = await Promise.all(intents.map(async (intent) => (await town.read(intent)).state));
    expect(new Set(states), "one lane holds, the other settled").to.deep.equal(new Set(["accepted", "settled"]));
    const { store, model, clock, signer } = town;
    const next = createHouse({ store, chain: model, clock, signer });
    for (let i = 0; i < 10; i++) {
      await next.round();
      model.mine();
      clock.advance(1_000);
    }
    await next.round();
    for (const intent of intents) expect((await town.read(intent)).state).to.equal("settled");
    expect(servedBy(town)).to.deep.equal([laneA]);
    expect(model.purses.get(laneA)).to.equal(1_000n + given);
    expect(codesOf(town)).to.include.members(["lane_out_of_gas", "funder_capped"]);
  });

  it("gives to lanes below the mark alone, exactly what is set", async () => {
    const town = await openTown();
    town.model.purses.set(laneA, gwei - 1n);
    town.model.purses.set(laneB, gwei);
    await town.block(5);
    expect(servedBy(town)).to.deep.equal([laneA]);
    const [transfer] = town.model.transactionsOf([funder]);
    expect(transfer).to.include({ value: given, data: "0x", nonce: 0 });
    expect(town.model.purses.get(laneA)).to.equal(gwei - 1n + given);
  });

  it("gives a lane one at a time: the next one when the last is final", async () => {
    const town = await openTown({ funder: { low: 12n } });
    town.model.purses.set(laneA, 0n);
    const seen: number[] = [];
    for (let i = 0; i < 16; i++) {
      await town.block();
      const open = await town.store.readOpenSlots(funder, 9);
      expect(open.length).to.be.lessThan(2);
      seen.push(servedBy(town).length);
    }
    // 5, 10, 15 gwei: three are needed, and a block is final once two others are on it.
    expect(seen.at(-1)).to.equal(3);
    expect(seen.filter((count, index) => count !== seen[index - 1]).length).to.equal(seen[0] === 0 ? 4 : 3);
    expect(town.model.purses.get(laneA)).to.equal(3n * given);
  });

  it("is not given twice what becomes final between two looks", async () => {
    const town = await openTown();
    town.model.purses.set(laneA, 0n);
    await town.round();
    const real = town.model.gasBalance;
    let looks = 0;
    // Whoever asks for the balance first sees an old one; the transfer becomes final behind its back.
    town.model.gasBalance = async (lane) => {
      const balance = await real(lane);
      if (lane === laneA && looks++ === 0) {
        town.model.mine(4);
        await town.house.follower.tick();
      }
      return balance;
    };
    await town.house.funder.tick();
    town.model.gasBalance = real;
    await town.block(6);
    expect(servedBy(town)).to.deep.equal([laneA]);
  });

  it("keeps its word over a crash: another process gives nothing for what is on its way", async () => {
    const town = await openTown();
    town.model.purses.set(laneA, 0n);
    town.model.faults.answer = () => ({ kind: "unknown", message: "the connection broke" });
    town.model.faults.drop = true;
    await town.round();
    const again = town.restart();
    await again.round();
    expect((await town.store.readOpenSlots(funder, 9)).length).to.equal(1);
    town.model.faults.answer = null;
    town.model.faults.drop = false;
    for (let i = 0; i < 8; i++) {
      town.model.mine();
      town.clock.advance(6_000);
      await again.round();
    }
    expect(servedBy(town)).to.deep.equal([laneA]);
  });

  it("raises the price of its transfer and not its amount", async () => {
    const town = await openTown({ sender: { repriceBlocks: 2 } });
    town.model.purses.set(laneA, 0n);
    town.model.baseFee = 500n;
    await town.block(2);
    town.model.market = { maxFeePerGas: 1_000n, maxPriorityFeePerGas: 100n };
    await town.block(6);
    const transfers = town.model.transactionsOf([funder]);
    expect(transfers.map(({ value, maxFeePerGas }) => [value, maxFeePerGas])).to.deep.equal([[given, 1_000n]]);
  });

  it("empty, says so once, holds nobody, and goes on when it has money", async () => {
    const town = await openTown();
    town.model.purses.set(laneA, 0n);
    town.model.purses.set(funder, given);
    for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer));
    await town.block(6);
    expect(servedBy(town)).to.deep.equal([]);
    expect(codesOf(town).filter((code) => code === "funder_empty").length).to.equal(1);
    const { settled } = await town.store.countByState();
    expect(settled, "the other lane's").to.be.within(1, 5);
    town.model.purses.set(funder, given + 100_000n * 100n);
    expect(await town.settle()).to.equal(0);
    expect(servedBy(town)).to.deep.equal([laneA]);
    expect(town.model.purses.get(funder), "what gas would cost at most is there").to.equal(100_000n * 100n);
  });

  it("counts what is on its way as gone", async () => {
    const town = await openTown();
    const cost = given + 100_000n * 100n;
    for (const lane of [laneA, laneB]) town.model.purses.set(lane, 0n);
    town.model.purses.set(funder, 2n * cost - 1n);
    town.model.faults.answer = () => ({ kind: "unknown", message: "the connection broke" });
    town.model.faults.drop = true;
    await town.round();
    await town.round();
    expect((await town.store.readOpenSlots(funder, 9)).length).to.equal(1);
    expect(codesOf(town)).to.include("funder_empty");
  });

  it("P12: gives no more than the bound in a day, over restarts", async () => {
    const town = await openTown({ funder: { perDay: 9n } });
    for (const lane of [laneA, laneB]) town.model.purses.set(lane, 0n);
    await town.block(5);
    const again = town.restart();
    await again.round();
    expect(servedBy(town).length).to.equal(1);
    expect(codesOf(town)).to.include("funder_capped");
    town.clock.advance(86_400_000);
    for (let i = 0; i < 3; i++) {
      await again.round();
      town.model.mine();
    }
    expect(new Set(servedBy(town))).to.deep.equal(new Set([laneA, laneB]));
  });

  it("helps a lane whose next slot costs more than the mark, and stops when nothing waits", async () => {
    const town = await openTown({ signer: createModelSigner([laneA], funder), funder: { low: 1n, topUp: 2n } });
    town.model.market = { maxFeePerGas: 100_000n, maxPriorityFeePerGas: 10n };
    town.model.purses.set(laneA, 2n * gwei);
    await town.block(3);
    expect(servedBy(town), "nothing waits").to.deep.equal([]);
    for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer));
    expect(await town.settle(120)).to.equal(0);
    const count = servedBy(town).length;
    expect(count).to.be.greaterThan(1);
    await town.block(8);
    expect(servedBy(town).length).to.equal(count);
  });

  it("gives nothing while halted, above the fee cap, or paused", async () => {
    const town = await openTown({ funder: { maxFeePerGas: 100n } });
    town.model.purses.set(laneA, 0n);
    await town.store.halt("a difference", 1);
    await town.block(2);
    expect((await town.store.readOpenSlots(funder, 9)).length, "halted").to.equal(0);
    await town.store.resume("desk", 2);
    town.model.market = { maxFeePerGas: 101n, maxPriorityFeePerGas: 10n };
    await town.block(2);
    expect((await town.store.readOpenSlots(funder, 9)).length, "dear").to.equal(0);
    town.model.market = { maxFeePerGas: 100n, maxPriorityFeePerGas: 10n };
    expect(await act(town, "pause", funder)).to.equal("paused");
    await town.block(2);
    expect((await town.store.readOpenSlots(funder, 9)).length, "paused").to.equal(0);
    expect(await act(town, "resume", funder)).to.equal("active");
    await town.block(1);
    expect((await town.store.readOpenSlots(funder, 9)).length).to.equal(1);
  });

  it("gives nothing to stored and retired lanes, and to a paused one only while something of it is open", async () => {
    const town = await openTown();
    await town.house.lanes.current();
    for (const verb of ["pause", "retire"] as const) await act(town, verb, laneA);
    await act(town, "pause", laneB);
    for (const lane of [laneA, laneB]) town.model.purses.set(lane, 0n);
    await town.block(4);
    expect(servedBy(town)).to.deep.equal([]);
    await act(town, "resume", laneB);
    town.model.purses.set(laneB, 10n ** 12n);
    await town.accept(payment(1));
    town.model.baseFee = 500n;
    await town.round();
    await act(town, "pause", laneB);
    town.model.purses.set(laneB, 0n);
    town.model.market = { maxFeePerGas: 1_000n, maxPriorityFeePerGas: 100n };
    await town.block(4);
    expect(servedBy(town)).to.deep.equal([laneB]);
  });

  it("carries nothing else, and nobody waits for what it has on its way", async () => {
    const town = await openTown();
    const real = town.model.send;
    town.model.send = async (raws) =>
      decodeTransaction(raws[0] ?? "0x").from === funder
        ? raws.map(() => ({ kind: "unknown", message: "" }))
        : real(raws);
    town.model.purses.set(laneA, gwei - 1n);
    for (const nonce of [0n, 1n]) {
      for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer, { nonce: toWord(nonce) }));
      expect(await town.settle(), "it drains although the transfer does not").to.equal(0);
    }
    expect((await town.house.lanes.current()).map(({ address }) => address)).to.have.members([laneA, laneB]);
    expect(town.model.transactionsOf([funder])).to.deep.equal([]);
    await town.accept(payment(1, { nonce: toWord(2n) }));
    await town.round();
    // A process that begins meanwhile does not take the funder for a lane that was left.
    await town.accept(payment(1, { nonce: toWord(3n) }));
    const again = town.restart();
    await again.follower.tick();
    expect(await again.planner.tick()).to.equal(1);
  });

  it("is shown with its role, and no lane takes its place", async () => {
    const town = await openTown();
    await town.round();
    const list = await town.house.desk.list();
    expect(list.find(({ address }) => address === funder)).to.include({
      role: "funder",
      hasKey: true,
      state: "active",
    });
    expect(list.filter(({ role }) => role === "lane").map(({ address }) => address)).to.have.members([laneA, laneB]);
    expect(await act(town, "rotate", funder)).to.equal("lane_state_invalid");
  });

  it("does nothing with a key that was a lane's before", async () => {
    const town = await createTown();
    await town.round();
    const { store, model, clock } = town;
    const other = createHouse({ store, chain: model, clock, signer: createModelSigner([laneB], laneA) });
    model.purses.set(laneB, 0n);
    for (let i = 0; i < 3; i++) await other.round();
    expect(await other.lanes.purse()).to.equal(null);
    expect(model.transactionsOf([laneA])).to.deep.equal([]);
  });
});
