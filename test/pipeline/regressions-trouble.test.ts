/**
 * What broke elsewhere, second half: payments that expire on their way, providers in trouble, chains that take less than expected, and owners
 * that die. Every title is followed by the guard whose removal makes it fail; scripts/guards/ removes them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect } from "chai";
import type { Address, Hex, Word } from "../../src/domain/hex.ts";
import { toWord } from "../../src/domain/hex.ts";
import type { Chain, SendAnswer } from "../../src/pipeline/ports.ts";
import { databaseFile, openSqlite } from "../../src/store/sqlite.ts";
import { createModelSigner, decodeTransaction, laneA, laneB, wallet } from "../support/model-codec.ts";
import { createHouse, drain, type HouseOptions } from "../support/pipeline.ts";
import { createTown, payment } from "../support/town.ts";

const ours = [laneA, laneB];
const oneLane = () => createModelSigner([laneA]);
type Town = Awaited<ReturnType<typeof createTown>>;

/** A process on the town's store whose provider differs from the model in `changes`. */
function startBehind(town: Town, changes: Partial<Chain>, options: Partial<HouseOptions> = {}) {
  const { store, model, clock, signer } = town;
  return createHouse({ store, chain: { ...model, ...changes }, clock, signer, ...options });
}

function hashesOf(town: Town): readonly Word[] {
  return town.model.transactionsOf(ours).map(({ hash }) => hash);
}

/** A provider that takes a transaction only where `takes` says so, and answers the others as told. */
function createPicky(town: Town, takes: (nonce: number, lane: Address) => boolean, answer: SendAnswer) {
  let turnedAway = 0;
  return {
    turnedAway: () => turnedAway,
    async send(raws: readonly Hex[]): Promise<readonly SendAnswer[]> {
      const answers: SendAnswer[] = [];
      for (const raw of raws) {
        const { nonce, from } = decodeTransaction(raw);
        if (takes(nonce, from)) answers.push(...(await town.model.send([raw])));
        else {
          turnedAway += 1;
          answers.push(answer);
        }
      }
      return answers;
    },
  };
}

describe("failures seen elsewhere: expiry, providers and owners", () => {
  // Guard: an intent expires by the time of a final block, so that no branch can still carry it out.
  it("F8: a payment past its time is not called expired while another branch can still pay it", async () => {
    const town = await createTown({ signer: oneLane() });
    const validBefore = town.model.time + 10;
    town.model.baseFee = 1_000n;
    const intent = await town.accept(payment(1, { validBefore }));
    await town.round();
    while (town.model.time < validBefore) await town.block();
    expect((await town.read(intent)).state).to.equal("sent");
    town.model.baseFee = 1n;
    const replaced = await town.model.block(town.model.height);
    town.model.reorg(2);
    expect((await town.model.block(town.model.height))?.hash, "another branch").to.not.equal(replaced?.hash);
    expect(town.model.coin.accounts.get(wallet(21))?.balance).to.equal(100n);
    await town.block(4);
    expect((await town.read(intent)).state).to.equal("settled");
  });

  // Guard: a slot whose payments have ended is still handed over, as it was signed.
  it("F8: a slot outlives its payment: the same bytes until they are mined, no other transaction under its nonce", async () => {
    const town = await createTown({ signer: oneLane() });
    town.model.baseFee = 1_000n;
    const expired = await town.accept(payment(1, { validBefore: town.model.time + 10 }));
    await town.round();
    const [committed] = await town.store.readOpenSlots(laneA, 10);
    await town.block(20);
    expect((await town.read(expired)).state).to.equal("expired");
    const next = await town.accept(payment(2));
    await town.block(6);
    const slots = await town.store.readOpenSlots(laneA, 10);
    expect(slots.map(({ nonce }) => nonce)).to.deep.equal([0, 1]);
    expect(slots[0]?.attempts.map(({ raw }) => raw)).to.deep.equal(committed?.attempts.map(({ raw }) => raw));
    town.model.baseFee = 1n;
    expect(await town.settle()).to.equal(0);
    expect(hashesOf(town)).to.have.length(2);
    expect(hashesOf(town)[0]).to.equal(committed?.attempts[0]?.hash);
    expect(town.model.coin.accounts.get(wallet(21))?.balance ?? 0n, "too late pays nothing").to.equal(0n);
    expect([(await town.read(expired)).state, (await town.read(next)).state]).to.deep.equal(["expired", "settled"]);
  });

  // Fault: every read and every send fails for five minutes. Guard: what was sent waits for evidence, whatever the time.
  it("F9: five minutes without a provider cancel and replace nothing", async () => {
    const town = await createTown({ signer: oneLane(), sender: { repriceBlocks: 1 } });
    const intent = await town.accept(payment(1));
    await town.round();
    const [before] = await town.store.readOpenSlots(laneA, 10);
    town.model.faults.outage = true;
    for (let second = 0; second < 300; second++) {
      town.clock.advance(1_000);
      await town.round();
    }
    town.model.faults.outage = false;
    const [after] = await town.store.readOpenSlots(laneA, 10);
    expect(after).to.deep.equal(before);
    expect((await town.read(intent)).state).to.equal("sent");
    expect(await town.settle()).to.equal(0);
    expect(hashesOf(town)).to.deep.equal(before?.attempts.map(({ hash }) => hash));
  });

  // Fault: the nonce is answered from another branch than ours. Guard: it counts only at the final block that is ours.
  it("F9: a provider that answers for another branch cancels nothing", async () => {
    const town = await createTown({ signer: oneLane() });
    const intent = await town.accept(payment(1));
    town.model.baseFee = 1_000n;
    await town.round();
    let isElsewhere = true;
    let [asked, met] = [false, 0];
    const house = startBehind(town, {
      async transactionCount(lane, number) {
        if (!isElsewhere) return town.model.transactionCount(lane, number);
        asked = true;
        met += 1;
        return 7;
      },
      async block(number) {
        const block = await town.model.block(number);
        // Right when the final block is looked up, elsewhere by the time its nonce has been read.
        return isElsewhere && asked && block !== null ? { ...block, hash: toWord(666n) } : block;
      },
    });
    for (let second = 0; second < 20; second++) {
      asked = false;
      town.model.mine();
      town.clock.advance(1_000);
      await house.follower.tick();
    }
    expect(met, "the fault was met").to.be.greaterThan(0);
    expect(house.notices.map(({ code }) => code)).to.not.include("slots_abandoned");
    expect((await town.read(intent)).state).to.equal("sent");
    isElsewhere = false;
    town.model.baseFee = 1n;
    expect(await drain(house, { store: town.store, model: town.model })).to.equal(0);
    expect(hashesOf(town)).to.have.length(1);
  });

  // Guard: opening a lane raises its epoch; nothing is taken out of a pool, so there is nothing to give back.
  it("F11: owners that die one after another leak no lane, and none of them can commit any more", async () => {
    const town = await createTown({ signer: oneLane() });
    const former = [];
    for (let owner = 0; owner < 10; owner++) {
      const house = town.restart();
      await house.follower.tick();
      expect((await house.lanes.current()).map(({ address }) => address)).to.deep.equal([laneA]);
      former.push(house);
    }
    const intent = await town.accept(payment(1));
    const last = former.pop() ?? expect.fail();
    for (const house of former) expect(await house.planner.tick(), "its epoch is over").to.equal(0);
    expect(await last.planner.tick()).to.equal(1);
    await last.sender.tick();
    expect(await drain(last, { store: town.store, model: town.model })).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
    expect(hashesOf(town)).to.have.length(1);
  });

  describe("with a database on disk", () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "remesa-regressions-"));
    });
    afterEach(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    function countRows(tables: readonly string[]): Readonly<Record<string, number>> {
      const database = new Database(join(folder, databaseFile), { readonly: true });
      const counts = tables.map((table) => [
        table,
        database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? -1,
      ]);
      database.close();
      return Object.fromEntries(counts) as Record<string, number>;
    }

    // Guard: what has ended leaves the hot tables, blocks behind the final one go, events are kept up to a bound.
    it("F17: after a hundred payments the hot tables are empty and blocks and events are within their bounds", async () => {
      const store = await openSqlite({ folder, eventsKept: 50n });
      const town = await createTown({ wrapStore: () => store });
      for (let turn = 0; turn < 20; turn++) {
        for (let payer = 1; payer <= 5; payer++) {
          await town.accept(payment(payer, { value: 1n, nonce: toWord(BigInt(turn)) }));
        }
        expect(await drain(town.house, { store, model: town.model })).to.equal(0);
      }
      await town.block(3);
      expect((await store.countByState()).settled).to.equal(100);
      await store.close();
      const { intent_work: work, blocks, events, fences } = countRows(["intent_work", "blocks", "events", "fences"]);
      expect(work).to.equal(0);
      expect(blocks, "the final one and what is above it").to.equal(3);
      expect(events).to.be.at.most(50 + 5);
      expect(fences, "nonces below an account's base need no row").to.equal(0);
    });
  });

  // Fault: the chain takes fewer pending transactions than `unminedSlots`. Guard: what is not mined is handed over again.
  it("F18: a chain that keeps fewer pending transactions than we think gets them again, in order", async () => {
    const town = await createTown({ signer: oneLane() });
    const isMined = (nonce: number) => nonce < hashesOf(town).length;
    const picky = createPicky(town, (nonce) => isMined(nonce - 2), { kind: "refused", message: "txpool is full" });
    const house = startBehind(town, { send: picky.send }, { planner: { rows: 1, unminedSlots: 16 } });
    await house.follower.tick();
    for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer));
    expect(await drain(house, { store: town.store, model: town.model })).to.equal(0);
    expect(picky.turnedAway()).to.be.greaterThan(0);
    expect(town.model.transactionsOf(ours).map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });

  // Fault: one pending transaction for a delegated sender. Guard: a transaction that was turned away is handed over again.
  it("F19: a delegated sender key that may have one pending transaction settles everything, one by one", async () => {
    const town = await createTown({ signer: oneLane() });
    const answer = { kind: "unknown", message: "in-flight transaction limit reached for delegated accounts" } as const;
    const picky = createPicky(town, (nonce) => nonce === hashesOf(town).length, answer);
    const house = startBehind(town, { send: picky.send }, { planner: { rows: 1 } });
    await house.follower.tick();
    const intents = [];
    for (let payer = 1; payer <= 6; payer++) intents.push(await town.accept(payment(payer)));
    expect(await drain(house, { store: town.store, model: town.model })).to.equal(0);
    expect(picky.turnedAway()).to.be.greaterThan(0);
    for (const intent of intents) expect((await town.read(intent)).state).to.equal("settled");
    expect(town.model.transactionsOf(ours).map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });

  // Guard: nothing in the database says that somebody is working on it; what was handed over by the dead is handed over again.
  it("F22: the work of a killed process is taken up by the next at once, without a lock to wait for", async () => {
    const dying = await createTown({ signer: oneLane() });
    const { model, store, clock } = dying;
    // Committed and sent into nothing by a process that is never heard of again.
    model.faults.drop = true;
    model.faults.answer = (hash) => ({ kind: "answered", hash });
    const sent = await dying.accept(payment(1));
    await dying.round();
    const planned = await dying.accept(payment(2));
    model.mine();
    await dying.house.follower.tick();
    await dying.house.planner.tick();
    const read = await dying.accept(payment(3));
    await store.readReady({ now: clock.now(), limit: 10 });
    model.faults.drop = false;
    model.faults.answer = null;
    const states = [(await dying.read(sent)).state, (await dying.read(planned)).state, (await dying.read(read)).state];
    expect(states).to.deep.equal(["sent", "planned", "accepted"]);

    const before = clock.now();
    const next = dying.restart();
    await next.round();
    model.mine(3);
    await next.follower.tick();
    expect(clock.now(), "no time has passed").to.equal(before);
    for (const intent of [sent, planned, read]) expect((await dying.read(intent)).state).to.equal("settled");
    expect(hashesOf(dying)).to.have.length(3);
  });
});
