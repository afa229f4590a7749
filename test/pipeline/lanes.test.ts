/**
 * Lanes as an operator works on them, over the whole pipeline and the real store. Guards: dropping `state = 'active'` from the store's
 * `takeNonce` makes "a plan made before the pause" fail; watching active lanes only makes "is sent again and repriced" fail; dropping `moving`
 * from the plan makes "nothing overtakes" fail; dropping `idle` from the moves makes "retire" fail.
 */
import { expect } from "chai";
import { type Address, toWord } from "../../src/domain/hex.ts";
import type { LaneState, LaneVerb } from "../../src/domain/lane.ts";
import { createModelSigner, decodeSettle, decodeTransaction, laneA, laneB, wallet } from "../support/model-codec.ts";
import { createHouse } from "../support/pipeline.ts";
import { createTown, payment } from "../support/town.ts";

const laneC: Address = `0x${"1c".repeat(20)}`;
type Town = Awaited<ReturnType<typeof createTown>>;

const withSpare = () => ({ ...createModelSigner([laneA, laneB, laneC]), spare: new Set([laneC]) });

async function act(town: Town, verb: LaneVerb, lane: Address): Promise<string> {
  const outcome = await town.house.desk.act({ verb, lane, by: "desk" });
  return outcome.ok ? outcome.value.lane.state : outcome.reasons.map(({ code }) => code).join();
}

async function states(town: Town): Promise<Readonly<Record<string, LaneState>>> {
  return Object.fromEntries((await town.store.readLanes()).map(({ address, state }) => [address, state]));
}

/** Lanes of the canonical transactions, oldest first. */
function sendersOf(town: Town): readonly Address[] {
  return town.model.transactionsOf([laneA, laneB, laneC]).map(({ from }) => from);
}

describe("a lane's states", () => {
  it("begin active, and stored for keys that wait", async () => {
    const town = await createTown({ signer: withSpare() });
    await town.accept(payment(1));
    await town.round();
    expect(await states(town)).to.deep.equal({ [laneA]: "active", [laneB]: "active", [laneC]: "stored" });
    expect(await town.settle()).to.equal(0);
    expect(sendersOf(town)).to.not.include(laneC);
  });

  it("are kept over a restart, with who moved the lane and when", async () => {
    const town = await createTown();
    await town.round();
    await town.house.lanes.current();
    expect(await act(town, "pause", laneA)).to.equal("paused");
    const again = town.restart();
    await again.lanes.current();
    const [lane] = (await again.desk.list()).filter(({ address }) => address === laneA);
    expect(lane).to.include({ state: "paused", hasKey: true });
    expect(lane?.moved).to.deep.equal({ by: "desk", at: town.clock.now() });
  });

  it("are moved by one process and seen by another on the same store, whose epochs stay", async () => {
    const town = await createTown({ signer: withSpare() });
    const first = town.house;
    await first.lanes.current();
    const before = new Map((await town.store.readLanes()).map(({ address, epoch }) => [address, epoch]));
    const second = town.restart();
    expect((await second.desk.act({ verb: "rotate", lane: laneA, by: "desk" })).ok).to.equal(true);
    await first.lanes.refresh();
    expect(await first.lanes.watched()).to.have.members([laneA, laneB, laneC]);
    for (const { address, epoch } of await town.store.readLanes()) expect(epoch).to.equal(before.get(address));
  });

  it("pause: takes no new slots, while the other lanes carry everybody's payments", async () => {
    const town = await createTown();
    await town.house.lanes.current();
    expect(await act(town, "pause", laneA)).to.equal("paused");
    for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer));
    expect(await town.settle()).to.equal(0);
    expect(new Set(sendersOf(town))).to.deep.equal(new Set([laneB]));
  });

  it("pause: a plan made before the pause is not committed after it", async () => {
    const town = await createTown({ signer: createModelSigner([laneA]) });
    const intent = await town.accept(payment(1));
    const [lane] = await town.house.lanes.current();
    expect(await act(town, "pause", laneA)).to.equal("paused");
    const attempt = { hash: toWord(5n), raw: "0x02", maxFeePerGas: 1n, maxPriorityFeePerGas: 1n } as const;
    const slot = { lane: laneA, nonce: 0, epoch: lane?.epoch ?? 0n, kind: "settle", items: [intent.sequence] } as const;
    expect(await town.store.commitPlan({ ...slot, attempt, at: 0 })).to.equal(false);
    expect((await town.read(intent)).state).to.equal("accepted");
  });

  it("paused, what it has is sent again and repriced until it is final", async () => {
    const town = await createTown({ signer: createModelSigner([laneA]), sender: { repriceBlocks: 2 } });
    const intent = await town.accept(payment(1));
    town.model.faults.answer = () => ({ kind: "unknown", message: "the connection broke" });
    town.model.faults.drop = true;
    await town.round();
    expect(await act(town, "pause", laneA)).to.equal("paused");
    town.model.faults.answer = null;
    town.model.faults.drop = false;
    town.model.market = { maxFeePerGas: 1_000n, maxPriorityFeePerGas: 100n };
    town.model.baseFee = 500n;
    await town.block(6);
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
    const [mined] = town.model.transactionsOf([laneA]);
    expect(mined?.maxFeePerGas).to.equal(1_000n);
  });

  it("without any active lane everything waits, says so, and goes on after resume", async () => {
    const town = await createTown({ signer: createModelSigner([laneA]) });
    await town.house.lanes.current();
    await act(town, "pause", laneA);
    await town.accept(payment(1));
    await town.block(3);
    expect(town.model.arrived.size).to.equal(0);
    expect(town.house.notices.map(({ code }) => code)).to.include("no_active_lane");
    expect(await act(town, "resume", laneA)).to.equal("active");
    expect(await town.settle()).to.equal(0);
  });

  it("drain: its slots run out, then it is paused, not before", async () => {
    const town = await createTown({ signer: createModelSigner([laneA]) });
    const intent = await town.accept(payment(1));
    await town.round();
    expect(await act(town, "drain", laneA)).to.equal("draining");
    await town.house.desk.tick();
    expect((await states(town))[laneA]).to.equal("draining");
    await town.block(4);
    expect((await town.read(intent)).state).to.equal("settled");
    await town.house.desk.tick();
    expect((await states(town))[laneA]).to.equal("paused");
    expect(town.house.notices.map(({ code }) => code)).to.include("lane_drained");
  });

  it("retire: only an empty lane, and for good", async () => {
    const town = await createTown({ signer: createModelSigner([laneA]) });
    await town.accept(payment(1));
    await town.round();
    expect(await act(town, "retire", laneA), "active").to.equal("lane_state_invalid");
    await act(town, "pause", laneA);
    expect(await act(town, "retire", laneA), "with an open slot").to.equal("lane_state_invalid");
    await town.block(4);
    expect(await act(town, "retire", laneA)).to.equal("retired");
    for (const verb of ["resume", "pause", "drain", "rotate", "retire"] as const) {
      expect(await act(town, verb, laneA), verb).to.equal("lane_state_invalid");
    }
    const again = town.restart();
    expect(await again.lanes.current()).to.deep.equal([]);
    expect((await states(town))[laneA]).to.equal("retired");
  });

  it("rotate: a stored lane takes its place, its slots run out, nothing is lost", async () => {
    const town = await createTown({ signer: withSpare() });
    const intents = [];
    for (let payer = 1; payer <= 6; payer++) intents.push(await town.accept(payment(payer)));
    await town.round();
    const outcome = await town.house.desk.act({ verb: "rotate", lane: laneA, by: "desk" });
    expect(outcome.ok && [outcome.value.lane.state, outcome.value.successor]).to.deep.equal(["draining", laneC]);
    for (let payer = 1; payer <= 6; payer++) intents.push(await town.accept(payment(payer, { nonce: toWord(1n) })));
    expect(await town.settle()).to.equal(0);
    for (const intent of intents) expect((await town.read(intent)).state).to.equal("settled");
    await town.house.desk.tick();
    expect(await states(town)).to.deep.equal({ [laneA]: "paused", [laneB]: "active", [laneC]: "active" });
    expect(sendersOf(town)).to.include(laneC);
  });

  it("rotate: is refused when no stored lane is left, and nothing changes", async () => {
    const town = await createTown();
    await town.house.lanes.current();
    expect(await act(town, "rotate", laneA)).to.equal("lane_key_missing");
    expect((await states(town))[laneA]).to.equal("active");
  });

  it("an unknown lane is not found", async () => {
    const town = await createTown();
    expect(await act(town, "pause", wallet(9))).to.equal("not_found");
  });
});

describe("an account's order", () => {
  it("stands when its lane changes under it: nothing overtakes what is on its way", async () => {
    const town = await createTown({ signer: withSpare() });
    const real = town.model.send;
    // What the first two lanes send is lost on the way for a while; the third one's arrives.
    town.model.send = async (raws) =>
      decodeTransaction(raws[0] ?? "0x").from === laneC
        ? real(raws)
        : raws.map(() => ({ kind: "unknown", message: "" }));
    for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer));
    await town.round();
    await act(town, "rotate", laneA);
    await act(town, "pause", laneB);
    for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer, { nonce: toWord(1n) }));
    await town.block(3);
    town.model.send = real;
    expect(await town.settle()).to.equal(0);
    const nonces = new Map<Address, bigint[]>();
    for (const { data } of town.model.transactionsOf([laneA, laneB, laneC])) {
      for (const { authorization } of decodeSettle(data)) {
        nonces.set(authorization.from, [...(nonces.get(authorization.from) ?? []), BigInt(authorization.nonce)]);
      }
    }
    expect(nonces.size).to.equal(6);
    for (const [, seen] of nonces) expect(seen).to.deep.equal([0n, 1n]);
  });
});

describe("a lane whose key is gone", () => {
  it("is followed, sent again and settled by a process without its key, which plans on the others", async () => {
    const town = await createTown();
    const intents = [];
    for (let payer = 1; payer <= 6; payer++) intents.push(await town.accept(payment(payer)));
    town.model.faults.answer = () => ({ kind: "unknown", message: "the connection broke" });
    town.model.faults.drop = true;
    await town.round();
    town.model.faults.answer = null;
    town.model.faults.drop = false;
    const { store, model, clock } = town;
    const other = createHouse({ store, chain: model, clock, signer: createModelSigner([laneB]) });
    for (let i = 0; i < 8; i++) {
      await other.round();
      model.mine();
      clock.advance(1_000);
    }
    await other.round();
    for (const intent of intents) expect((await town.read(intent)).state).to.equal("settled");
    expect(new Set(sendersOf(town))).to.deep.equal(new Set([laneA, laneB]));
    const [lane] = (await other.desk.list()).filter(({ address }) => address === laneA);
    expect(lane).to.include({ hasKey: false, state: "active" });
    const refused = await other.desk.act({ verb: "pause", lane: laneA, by: "desk" });
    expect(refused.ok).to.equal(true);
    const back = await other.desk.act({ verb: "resume", lane: laneA, by: "desk" });
    expect(back.ok ? "resumed" : back.reasons[0]?.code).to.equal("lane_key_missing");
  });
});

describe("a lane's bytes", () => {
  it("keep their nonces without a gap through pause, drain and rotation", async () => {
    const town = await createTown({ signer: withSpare(), planner: { rows: 1 } });
    for (let turn = 0; turn < 6; turn++) {
      for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer, { nonce: toWord(BigInt(turn)) }));
      await town.block();
      const verbs: readonly LaneVerb[] = ["pause", "resume", "drain", "resume", "rotate", "resume"];
      await act(town, verbs[turn] ?? "pause", laneA);
    }
    expect(await town.settle()).to.equal(0);
    for (const lane of [laneA, laneB, laneC]) {
      const nonces = town.model.transactionsOf([lane]).map(({ nonce }) => nonce);
      expect(nonces.length, lane).to.be.greaterThan(0);
      expect(nonces).to.deep.equal(nonces.map((_, index) => index));
    }
  });
});
