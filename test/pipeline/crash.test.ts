/**
 * Crash enumeration: a scenario is run once and its port calls are counted; then the process dies before, dies after, and loses the answer
 * of every single one. A new process on the same store and chain must bring everything to its end: P1 P2 P3 P4 P5 P9 hold each time.
 * Removing any guard of `commitPlan`, the resending of committed bytes, or the retry by digest makes it fail.
 */
import { expect } from "chai";
import type { Address, Word } from "../../src/domain/hex.ts";
import { toWord } from "../../src/domain/hex.ts";
import { isEnded } from "../../src/domain/lifecycle.ts";
import type { Intent } from "../../src/domain/intent.ts";
import type { AcceptOutcome, Store } from "../../src/pipeline/ports.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { createFaults, type Faults, faultModes } from "../support/faults.ts";
import { claimId, claimTerms, signClaim, signOpenClaim } from "../support/model-agreements.ts";
import { createModelChain, type ModelChain } from "../support/model-chain.ts";
import {
  coin,
  createModelSigner,
  encoder,
  laneA,
  laneB,
  signTransfer,
  transferDigest,
  wallet,
} from "../support/model-codec.ts";
import { claims } from "../support/model-names.ts";
import { createHouse, createManualClock, drain, type House, type ManualClock } from "../support/pipeline.ts";

const payees = 20;
const terms = claimTerms({ sender: wallet(7), amount: 250n, expiry: 1_000_000 + 600, cancelFrom: 1_000_000 + 600 });
const opening = signOpenClaim(terms);
const claiming = signClaim(terms, wallet(70), 1_000_000 + 500);
const signer = createModelSigner();

interface World {
  readonly store: Store;
  readonly model: ModelChain;
  readonly clock: ManualClock;
  /** Bytes committed by any process so far: hash of every attempt. */
  readonly committed: Set<Word>;
  /** Intents whose acceptance somebody was told of. */
  readonly told: Map<Word, Intent>;
}

/** Six payers and the sender of a claim with 1,000 each. */
async function createWorld(): Promise<World> {
  const balances = new Map<Address, bigint>();
  for (let payer = 1; payer <= 7; payer++) balances.set(wallet(payer), 1_000n);
  const store = await openSqlite({ folder: "", durability: "memory" });
  return {
    store,
    model: createModelChain(balances),
    clock: createManualClock(),
    committed: new Set(),
    told: new Map(),
  };
}

/** A new process: everything it remembers is new, the store and the chain are not. */
function startProcess({ store, model, clock, committed }: World, faults: Faults): House {
  const noting: Store = {
    ...store,
    async commitPlan(slot) {
      committed.add(slot.attempt.hash);
      const done = await store.commitPlan(slot);
      if (!done) committed.delete(slot.attempt.hash);
      return done;
    },
  };
  const sending = {
    ...model,
    async send(raws: Parameters<ModelChain["send"]>[0]) {
      const before = model.arrived.size;
      const answers = await model.send(raws);
      if (model.arrived.size > before) {
        for (const hash of model.arrived)
          expect(committed.has(hash), "P4: only committed bytes are sent").to.equal(true);
      }
      return answers;
    },
  };
  return createHouse({
    store: faults.wrap("store", noting),
    chain: faults.wrap("chain", sending),
    signer: { lanes: [laneA, laneB], sign: faults.wrap("signer", signer).sign },
    clock,
    sender: { rebroadcastMs: 500 },
  });
}

/** Payment i; the second of payer 1 finds the account emptied and is skipped. */
function drafts(model: ModelChain) {
  const validBefore = 1_000_000 + 600;
  expect(model.time).to.be.lessThan(validBefore);
  return [1, 2, 3, 4, 5, 6].map((payer) => {
    const authorization = {
      from: wallet(payer),
      to: wallet(payees + payer),
      value: 400n,
      validAfter: 0,
      validBefore,
      nonce: toWord(BigInt(payer)),
    };
    return signTransfer(authorization);
  });
}

function note(world: World, outcomes: readonly AcceptOutcome[]): void {
  for (const outcome of outcomes) {
    if (outcome.kind !== "refused") world.told.set(outcome.intent.digest, outcome.intent);
  }
}

/** Accept six, plan, send, skip one, confirm, reorg, finalize. Every step may fail: main's loops go on after an error. */
async function play(house: House, world: World): Promise<void> {
  const { model, clock } = world;
  const attempt = async (work: () => Promise<unknown>) => {
    await work().catch(() => undefined);
  };
  const all = drafts(model);
  await attempt(() => house.follower.tick());
  await attempt(async () => note(world, await house.intake.submit(all.slice(0, 3), null)));
  await attempt(async () => note(world, await house.intake.submit([...all.slice(3), opening], null)));
  // Behind the node's back payer 3 spends what it promised: its row will be skipped, then the money comes back.
  model.move(wallet(3), wallet(9), 700n);
  await attempt(() => house.planner.tick());
  await attempt(() => house.sender.tick());
  model.mine();
  clock.advance(1_000);
  for (const step of [house.follower, house.planner, house.sender]) await attempt(() => step.tick());
  // What the claim is taken from is in a block that the reorg puts back.
  await attempt(async () => note(world, await house.intake.submit([claiming], null)));
  model.reorg(1);
  model.move(wallet(9), wallet(3), 700n);
  model.mine(2);
  clock.advance(2_000);
  for (const step of [house.follower, house.planner, house.sender]) await attempt(() => step.tick());
  model.mine(2);
  for (const step of [house.follower, house.sender]) await attempt(() => step.tick());
}

/** After everything has drained: the properties of docs/INVARIANTS.md that this level can see. */
async function check(house: House, world: World): Promise<void> {
  const { store, model, told, committed } = world;
  for (const { digest, sequence } of told.values()) {
    const intent = await store.findByDigest(digest);
    expect(intent?.sequence, "P1: what was acknowledged is there").to.equal(sequence);
  }
  const paid = new Map<string, number>();
  const moved: Address[] = [];
  const seen = new Set<Word>();
  for (let number = 0; number <= model.height; number++) {
    const ref = await model.block(number);
    const facts = ref === null ? null : await model.readBlock(ref, new Map());
    for (const { fence, amount, from, to } of facts?.movements ?? []) {
      if (fence === null) continue;
      if (from === claims || to === claims) {
        expect(amount).to.equal(250n);
        moved.push(to);
        continue;
      }
      expect(amount).to.equal(400n);
      paid.set(`${fence.subject}:${fence.key}`, (paid.get(`${fence.subject}:${fence.key}`) ?? 0) + 1);
    }
  }
  expect(paid.size, "every payment is on the chain").to.equal(6);
  for (const [fence, count] of paid) expect(count, `P2: ${fence} is settled once`).to.equal(1);
  expect(moved, "P2: the claim is opened once and paid once").to.deep.equal([claims, wallet(70)]);
  expect((await store.readAgreement(claimId(terms)))?.state, "P3: and the store knows").to.equal("claimed");
  const digests = [opening, claiming].map((draft) => encoder.encode(draft).facts.digest);
  for (const draft of drafts(model)) digests.push(transferDigest(coin, draft.authorization, null));
  for (const digest of digests) {
    const intent = await store.findByDigest(digest);
    expect(intent !== null && isEnded(intent.state), "P1: it has ended").to.equal(true);
    expect(intent?.state, "P3: it ended as the chain says").to.equal("settled");
    const { blockNumber, blockHash } = intent?.evidence ?? { blockNumber: -1, blockHash: "0x" };
    expect((await model.block(blockNumber))?.hash, "P3: its evidence is on the chain").to.equal(blockHash);
  }
  for (const lane of [laneA, laneB]) {
    const sent = model.transactionsOf([lane]);
    expect(
      sent.map(({ nonce }) => nonce),
      "P5: no nonce is left out",
    ).to.deep.equal(sent.map((_, index) => index));
    for (const { hash } of sent) {
      expect(committed.has(hash), "P4: the bytes were committed").to.equal(true);
      expect(seen.has(hash), "P4: and mined once").to.equal(false);
      seen.add(hash);
    }
  }
  const statement = await house.reconciler.run();
  expect(statement.differences, "P9: books and chain agree").to.deep.equal([]);
  expect(await store.readHalt(), "P9: nothing halted").to.equal(null);
}

async function runOnce(at: number | null, mode: (typeof faultModes)[number]) {
  const world = await createWorld();
  const faults = createFaults(at, mode);
  const first = startProcess(world, faults);
  await play(first, world);
  const calls = faults.calls;
  // The next process, or the same one where it lives on. Whoever got no answer asks again.
  const house = faults.dead ? startProcess(world, createFaults(null)) : first;
  await house.follower.tick().catch(() => undefined);
  note(world, await house.intake.submit([...drafts(world.model), opening], null));
  await drain(house, { store: world.store, model: world.model });
  note(world, await house.intake.submit([claiming], null));
  expect(world.told.size, "P1: all eight are accepted in the end").to.equal(8);
  const left = await drain(house, { store: world.store, model: world.model });
  world.model.mine(3);
  await house.round();
  expect(left, "everything drains").to.equal(0);
  await check(house, world);
  await world.store.close();
  return { calls, struck: faults.struck, skipped: house.notices };
}

describe("crash enumeration", function () {
  this.timeout(120_000);

  it("plays the scenario without a fault in fewer than 200 port calls, with a skipped row and a reorg in it", async () => {
    const world = await createWorld();
    const faults = createFaults(null);
    const house = startProcess(world, faults);
    await play(house, world);
    expect(faults.calls).to.be.within(40, 199);
    const digest = transferDigest(coin, drafts(world.model)[2]?.authorization ?? expect.fail(), null);
    const trace = await world.store.readTrace((await world.store.findByDigest(digest))?.sequence ?? 0n);
    expect(trace?.events.map(({ type, body }) => [type, body["reason"]])).to.deep.include([
      "held",
      "insufficient_funds",
    ]);
    expect(house.notices.map(({ code }) => code)).to.include("reorg");
    await world.store.close();
  });

  it("ends right after a fault at every port call, before it, after it, and with its answer lost", async () => {
    const { calls } = await runOnce(null, "before");
    let run = 0;
    for (let at = 1; at <= calls; at++) {
      for (const mode of faultModes) {
        try {
          const { struck } = await runOnce(at, mode);
          expect(struck, "the fault happened").to.equal(true);
        } catch (error) {
          throw new Error(
            `call ${at} of ${calls}, ${mode}: ${error instanceof Error ? error.message : String(error)}`,
            { cause: error },
          );
        }
        run += 1;
      }
    }
    console.log(`        ${calls} port calls × 3 = ${calls * 3} faults, ${run} run`);
    expect(run).to.equal(calls * 3);
  });
});
