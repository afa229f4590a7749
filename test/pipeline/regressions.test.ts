/**
 * What broke elsewhere, one named test each; expiry, providers and owners are in regressions-trouble.test.ts. Every title is preceded by the guard
 * or fault whose removal makes it fail; scripts/guards/ removes the guards one by one.
 */
import { expect } from "chai";
import { toWord } from "../../src/domain/hex.ts";
import type { ReadyIntent, Store } from "../../src/pipeline/ports.ts";
import { toReplacementFees } from "../../src/pipeline/send.ts";
import { laneOf } from "../../src/pipeline/slots.ts";
import { createModelSigner, encoder, laneA, laneB, wallet } from "../support/model-codec.ts";
import { createTown, funds, payment } from "../support/town.ts";

const ours = [laneA, laneB];
const oneLane = () => createModelSigner([laneA]);

describe("failures seen elsewhere", () => {
  // Fault: what is ready is read before the other's commit. Guard: commitPlan moves each item from accepted, or writes nothing.
  it("F1: a payment that was read as ready twice gets one nonce", async () => {
    let stale: readonly ReadyIntent[] | null = null;
    const town = await createTown({
      signer: oneLane(),
      wrapStore: (store): Store => ({ ...store, readReady: async (query) => stale ?? store.readReady(query) }),
    });
    await town.accept(payment(1));
    stale = await town.store.readReady({ now: town.clock.now(), limit: 10 });
    expect(await town.house.planner.tick()).to.equal(1);
    expect(await town.house.planner.tick(), "the second look is stale").to.equal(0);
    stale = null;
    expect(await town.settle()).to.equal(0);
    expect(town.model.transactionsOf(ours)).to.have.length(1);
  });

  // Guard: the store takes a nonce only under the lane's present epoch and next nonce.
  it("F1: two planners at once take one nonce and sign one slot for a payment", async () => {
    const town = await createTown({ signer: oneLane() });
    await town.accept(payment(1));
    const second = town.restart();
    await second.follower.tick();
    const counts = await Promise.all([town.house.planner.tick(), second.planner.tick()]);
    expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(1);
    expect(await town.store.readOpenSlots(laneA, 10)).to.have.length(1);
    expect(await town.settle()).to.equal(0);
    expect(town.model.transactionsOf(ours)).to.have.length(1);
  });

  // Guard: a commit that wrote nothing makes the lane be opened again.
  it("F2: a nonce that another process moved on is read again; the lane does not jam", async () => {
    const town = await createTown({ signer: oneLane() });
    await town.accept(payment(1));
    await town.house.planner.tick();
    const second = town.restart();
    await second.follower.tick();
    const theirs = await town.accept(payment(2));
    expect(await second.planner.tick()).to.equal(1);
    const mine = await town.accept(payment(3));
    expect(await town.house.planner.tick(), "its belief is old").to.equal(0);
    expect(await town.house.planner.tick()).to.equal(1);
    expect(await town.settle()).to.equal(0);
    for (const intent of [theirs, mine]) expect((await town.read(intent)).state).to.equal("settled");
    expect(town.model.transactionsOf(ours).map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2]);
  });

  // Fault: readBlock answers null. Guard: a block without its facts is not applied.
  it("F3: receipts missing for 45 minutes leave the payment sent, and it settles once they are there", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    await town.round();
    town.model.faults.noReceipts = true;
    for (let minute = 0; minute < 45; minute++) {
      town.model.mine();
      town.clock.advance(60_000);
      await town.round();
    }
    expect((await town.read(intent)).state).to.equal("sent");
    town.model.faults.noReceipts = false;
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
    expect(town.model.transactionsOf(ours)).to.have.length(1);
  });

  // Guard: the sender rebroadcasts what is not mined, a new process at once.
  it("F4: the head transaction is handed over again by whoever comes next", async () => {
    const town = await createTown({ signer: oneLane() });
    await town.accept(payment(1));
    town.model.faults.drop = true;
    town.model.faults.answer = (hash) => ({ kind: "answered", hash });
    await town.round();
    town.model.faults.drop = false;
    town.model.faults.answer = null;
    expect(await town.house.sender.tick(), "not yet").to.equal(0);
    const second = town.restart();
    expect(await second.sender.tick()).to.equal(1);
    town.clock.advance(5_000);
    expect(await town.house.sender.tick()).to.equal(1);
    expect(town.model.pending).to.equal(1);
  });

  // Guard: bytes and hash are committed before they are sent; a restart sends the same bytes.
  it("F5: a crash between broadcast and its record sends the same bytes again, under the same nonce", async () => {
    const town = await createTown({
      wrapStore: (store): Store => ({ ...store, markSent: () => Promise.reject(new Error("the process died")) }),
    });
    await town.accept(payment(1));
    await town.round();
    expect(town.model.arrived.size).to.equal(1);
    const again = town.restart();
    await again.round();
    expect(await town.settle()).to.equal(0);
    expect(town.model.arrived.size).to.equal(1);
    expect(town.model.transactionsOf(ours)).to.have.length(1);
  });

  // Fault: the answer is a time-out while the transaction arrived. Guard: every answer but `refused` counts as sent.
  it("F6: a time-out is read as maybe sent", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    town.model.faults.answer = () => ({ kind: "unknown", message: "timeout" });
    await town.round();
    expect((await town.read(intent)).state).to.equal("sent");
    expect(await town.settle()).to.equal(0);
    expect(town.model.transactionsOf(ours)).to.have.length(1);
  });

  // Guard: a slot is closed only when the final chain has used its nonce, and its bytes are not among ours.
  it("F7: an error, or no receipt, is not a replacement; only a final nonce used by other bytes is", async () => {
    const town = await createTown({ signer: oneLane() });
    const intent = await town.accept(payment(1));
    town.model.faults.answer = () => ({ kind: "unknown", message: "nonce too low" });
    town.model.faults.drop = true;
    await town.block(5);
    expect((await town.read(intent)).state).to.equal("sent");
    expect(town.house.notices.map(({ code }) => code)).to.not.include("slots_abandoned");
    town.model.submit({ by: laneA, nonce: 0 });
    await town.block(2);
    expect((await town.read(intent)).state, "not final yet").to.equal("sent");
    await town.block(1);
    expect(town.house.notices.map(({ code }) => code)).to.include("slots_abandoned");
    town.model.faults.answer = null;
    town.model.faults.drop = false;
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
    expect(town.model.coin.accounts.get(wallet(21))?.balance).to.equal(100n);
  });

  // Guard: nothing the process remembers is needed to go on.
  it("F10: a process that was killed leaves nothing behind that its successor misses", async () => {
    const town = await createTown();
    const intents = [];
    for (let payer = 1; payer <= 6; payer++) intents.push(await town.accept(payment(payer)));
    await town.house.planner.tick();
    const second = town.restart();
    await second.follower.tick();
    await second.sender.tick();
    town.model.mine(3);
    const third = town.restart();
    await third.follower.tick();
    for (const intent of intents) expect((await town.read(intent)).state).to.equal("settled");
  });

  // Guard: only finalize ends an intent.
  it("F12: the first receipt settles nothing; a reorg that drops the payment leaves it unpaid and alive", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    await town.block(1);
    await town.block(1);
    expect((await town.read(intent)).state).to.equal("included");
    town.model.reorg(1, { drop: true });
    town.model.mine();
    await town.house.follower.tick();
    expect((await town.read(intent)).state).to.equal("sent");
    expect((await town.read(intent)).evidence).to.equal(null);
  });

  // Guard: a lane's purse closes that lane alone. P14.
  it("F13: a lane without gas holds, the others go on, and it resumes after a top-up", async () => {
    const town = await createTown();
    // The lane of the oldest payment: the others' slots come after its own.
    const empty = laneOf(encoder.encode(payment(1)).facts, ours);
    const other = empty === laneA ? laneB : laneA;
    town.model.purses.set(empty, 0n);
    const intents = [];
    for (let payer = 1; payer <= 6; payer++) intents.push(await town.accept(payment(payer)));
    await town.block(5);
    const states = [];
    for (const intent of intents) states.push((await town.read(intent)).state);
    expect(states).to.include("settled");
    expect(states).to.include("accepted");
    expect(new Set(town.model.transactionsOf(ours).map(({ from }) => from))).to.deep.equal(new Set([other]));
    expect(town.house.notices.find(({ code }) => code === "lane_out_of_gas")?.subject).to.equal(empty);
    town.model.purses.set(empty, 10n ** 18n);
    expect(await town.settle()).to.equal(0);
    for (const intent of intents) expect((await town.read(intent)).state).to.equal("settled");
  });

  // Guard: the digest is looked up before anything is refused. P10.
  it("F14: a repeat is the same payment, also after it settled and expired", async () => {
    const town = await createTown();
    const draft = payment(1, { validBefore: 1_000_000 + 30 });
    const intent = await town.accept(draft);
    expect(await town.settle()).to.equal(0);
    await town.block(40);
    const [again] = await town.house.intake.submit([draft], null);
    expect(again?.kind === "existing" && [again.intent.sequence, again.intent.state]).to.deep.equal([
      intent.sequence,
      "settled",
    ]);
  });

  // Guard: one live intent per digest, decided in one transaction. P10.
  it("F14: of many at once one creates it and all others are told so; another payment under the nonce is refused", async () => {
    const town = await createTown();
    const draft = payment(1);
    const results = await Promise.all(Array.from({ length: 50 }, () => town.house.intake.submit([draft], null)));
    const kinds = results.flat().map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "created")).to.have.length(1);
    expect(kinds.filter((kind) => kind === "existing")).to.have.length(49);
    const [other] = await town.house.intake.submit([payment(1, { value: 5n })], null);
    expect(other?.kind === "refused" && other.reasons.map(({ code }) => code)).to.deep.equal(["nonce_in_use"]);
  });

  // Fault: the node answers another hash. Guard: the answer is compared and otherwise ignored.
  it("F15: a foreign hash in the answer is reported and changes nothing", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    town.model.faults.answer = () => ({ kind: "answered", hash: toWord(666n) });
    await town.round();
    expect(town.house.notices.map(({ code }) => code)).to.include("hash_differs");
    expect((await town.read(intent)).state, "its own bytes are marked").to.equal("sent");
    expect(await town.settle()).to.equal(0);
    const { evidence } = await town.read(intent);
    expect(evidence?.transaction).to.equal(town.model.transactionsOf(ours)[0]?.hash);
  });

  // Guard: a batch around what reverted is simulated and split; the culprit alone is held. P11.
  it("F16: one poison row costs one batch; everybody else settles, it is held alone", async () => {
    const town = await createTown({ signer: oneLane() });
    const memo = toWord(0xbadn);
    town.model.coin.poison.add(memo);
    const good = [];
    for (let payer = 2; payer <= 6; payer++) good.push(await town.accept(payment(payer)));
    const bad = await town.accept(payment(1, {}, memo));
    expect(await town.settle(20)).to.equal(1);
    for (const intent of good) expect((await town.read(intent)).state).to.equal("settled");
    const held = await town.read(bad);
    expect([held.state, held.reason]).to.deep.equal(["accepted", "reverted"]);
    expect(town.model.transactionsOf(ours).length).to.be.at.most(3);
  });

  // Guard: the halving of batches, where simulation sees nothing. P11.
  it("F16: without the help of simulation the poison is cornered by halving", async () => {
    const town = await createTown({ signer: oneLane(), planner: { rows: 8 } });
    town.model.faults.blindSimulation = true;
    const memo = toWord(0xbadn);
    town.model.coin.poison.add(memo);
    const good = [];
    for (let payer = 2; payer <= 6; payer++) good.push(await town.accept(payment(payer)));
    await town.accept(payment(1, {}, memo));
    expect(await town.settle(60)).to.equal(1);
    for (const intent of good) expect((await town.read(intent)).state).to.equal("settled");
  });

  // Fault: acceptBatch hangs, then fails. Guard: submit resolves after the commit only.
  it("F20: nothing is acknowledged before the commit, and a failed commit is storage_unavailable", async () => {
    const gate = Promise.withResolvers<void>();
    let entered = false;
    const town = await createTown({
      wrapStore: (store): Store => ({
        ...store,
        async acceptBatch() {
          entered = true;
          await gate.promise;
          throw new Error("disk full");
        },
      }),
    });
    let answered = false;
    const pending = town.house.intake.submit([payment(1)], null).finally(() => {
      answered = true;
    });
    while (!entered) await new Promise<void>((resolve) => setImmediate(resolve));
    for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    expect(answered).to.equal(false);
    gate.resolve();
    const [outcome] = await pending;
    expect(outcome?.kind === "refused" && outcome.reasons.map(({ code }) => code)).to.deep.equal([
      "storage_unavailable",
    ]);
    expect((await town.store.countByState()).accepted).to.equal(0);
  });

  // Guard: the fee cap in the planner and the sender. P12.
  it("P12: fees a hundred times higher stop new slots; they resume when fees fall", async () => {
    const town = await createTown({ planner: { maxFeePerGas: 1_000n } });
    town.model.market = { maxFeePerGas: 10_000n, maxPriorityFeePerGas: 10n };
    const intent = await town.accept(payment(1));
    await town.block(5);
    expect((await town.read(intent)).state).to.equal("accepted");
    expect(town.house.notices.map(({ code }) => code)).to.include("fees_above_cap");
    town.model.market = { maxFeePerGas: 900n, maxPriorityFeePerGas: 10n };
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
  });

  // Guard: the bound of unmined slots. F18: where it is too low, planning waits; nothing is lost.
  it("F17, F18: no lane has more unmined slots than its bound, and all is settled nevertheless", async () => {
    const town = await createTown({ signer: oneLane(), planner: { rows: 1, unminedSlots: 2 } });
    for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer));
    town.model.baseFee = 1_000n;
    await town.block(3);
    expect(await town.store.readOpenSlots(laneA, 10)).to.have.length(2);
    town.model.baseFee = 1n;
    expect(await town.settle()).to.equal(0);
    expect(await town.store.readOpenSlots(laneA, 10), "F17: what is final is no longer looked at").to.have.length(0);
  });

  // Guard: the planner reads the halt; sender and intake do not.
  it("rule 12: a halt stops new slots only; what is committed is sent and what is signed is accepted", async () => {
    const town = await createTown();
    const first = await town.accept(payment(1));
    await town.house.planner.tick();
    await town.store.halt("a test", town.clock.now());
    const second = await town.accept(payment(2));
    await town.block(5);
    expect([(await town.read(first)).state, (await town.read(second)).state]).to.deep.equal(["settled", "accepted"]);
    await town.store.resume("a person", town.clock.now());
    expect(await town.settle()).to.equal(0);
    expect((await town.read(second)).state).to.equal("settled");
  });

  describe("the price of the head slot", () => {
    const stuck = async (options: { readonly cap: bigint }) => {
      const town = await createTown({
        signer: oneLane(),
        planner: { rows: 1 },
        sender: { repriceBlocks: 3, maxFeePerGas: options.cap },
      });
      town.model.baseFee = 150n;
      await town.accept(payment(1));
      await town.accept(payment(2));
      await town.round();
      await town.block(2);
      return town;
    };

    it("stays while fees have not moved, however long it waits", async () => {
      const town = await stuck({ cap: 1_000n });
      await town.block(10);
      const slots = await town.store.readOpenSlots(laneA, 10);
      expect(slots.map(({ attempts }) => attempts.length)).to.deep.equal([1, 1]);
    });

    it("rises by an eighth on both fields when fees moved, for the head slot only", async () => {
      const town = await stuck({ cap: 1_000n });
      town.model.market = { maxFeePerGas: 101n, maxPriorityFeePerGas: 10n };
      await town.block(2);
      const slots = await town.store.readOpenSlots(laneA, 10);
      expect(slots.map(({ attempts }) => attempts.length)).to.deep.equal([2, 1]);
      const { maxFeePerGas, maxPriorityFeePerGas } = slots[0]?.attempts[1] ?? expect.fail();
      expect([maxFeePerGas, maxPriorityFeePerGas]).to.deep.equal([113n, 12n]);
    });

    it("stops at the cap, and the slot is mined when fees fall; either attempt counts", async () => {
      const town = await stuck({ cap: 140n });
      town.model.market = { maxFeePerGas: 200n, maxPriorityFeePerGas: 10n };
      await town.block(8);
      expect((await town.store.readOpenSlots(laneA, 10)).map(({ attempts }) => attempts.length)).to.deep.equal([1, 1]);
      expect(town.house.notices.map(({ code }) => code)).to.include("reprice_capped");
      town.model.baseFee = 1n;
      expect(await town.settle()).to.equal(0);
    });

    it("stops at the bound of attempts", async () => {
      const limits = { repriceBlocks: 1, attempts: 3 };
      const town = await createTown({ signer: oneLane(), sender: limits });
      town.model.baseFee = 1n << 40n;
      await town.accept(payment(1));
      for (let rise = 1; rise <= 10; rise++) {
        town.model.market = { maxFeePerGas: 100n * 2n ** BigInt(rise), maxPriorityFeePerGas: 10n };
        await town.block(2);
      }
      const [slot] = await town.store.readOpenSlots(laneA, 10);
      expect(slot?.attempts).to.have.length(3);
      expect(town.model.arrived.size).to.equal(3);
    });

    it("toReplacementFees rounds up, follows the market, and keeps the tip below the whole", () => {
      const fees = (maxFeePerGas: bigint, maxPriorityFeePerGas: bigint) => ({ maxFeePerGas, maxPriorityFeePerGas });
      expect(toReplacementFees(fees(100n, 10n), fees(100n, 10n))).to.equal(null);
      expect(toReplacementFees(fees(100n, 10n), fees(90n, 10n))).to.equal(null);
      expect(toReplacementFees(fees(100n, 10n), fees(100n, 11n))).to.deep.equal(fees(113n, 12n));
      expect(toReplacementFees(fees(100n, 10n), fees(300n, 10n))).to.deep.equal(fees(300n, 12n));
      expect(toReplacementFees(fees(10n, 10n), fees(10n, 40n))).to.deep.equal(fees(40n, 40n));
    });
  });

  it("the town's wallets begin with what the chain says", async () => {
    const town = await createTown();
    const [account] = await town.store.readAccounts([{ coin: payment(1).coin, address: wallet(1) }]);
    expect(account?.balance).to.equal(funds);
  });
});
