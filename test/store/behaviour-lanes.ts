/**
 * Lanes and slots on a real store: epochs, nonces, committed bytes, attempts, and which intents are ready;
 * the lanes' states, and the budget of gas that acceptance counts against.
 */
import { expect } from "chai";
import { type Address, toWord } from "../../src/domain/hex.ts";
import { laneMoves, type LaneState } from "../../src/domain/lane.ts";
import { longestHoldMs } from "../../src/domain/plan.ts";
import type { AcceptItem, AcceptOutcome } from "../../src/pipeline/ports.ts";
import { type OpenStore, withStore } from "./harness.ts";
import {
  ana,
  cancelFacts,
  coin,
  createWorld,
  lane,
  luis,
  stranger,
  toAddress,
  toCancelled,
  transferFacts,
  wallTime,
  type World,
} from "./world.ts";

/** States, moves and the budget of gas. */
export function describeLaneStates(open: OpenStore): void {
  const test = (title: string, body: (world: World) => Promise<void>) =>
    it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );
  const other = toAddress(0x99);
  const stateOf = async ({ store }: World, address: Address) =>
    (await store.readLanes()).find((one) => one.address === address)?.state;
  const move = (world: World, verb: keyof typeof laneMoves, address = lane) =>
    world.store.moveLane({ ...laneMoves[verb], address, by: "desk", at: 7 });

  describe("readLanes and addLanes", () => {
    test("shows every lane in address order, active when it was opened without a word", async (world) => {
      await world.store.addLanes([{ address: other, state: "stored" }]);
      expect(await world.store.readLanes()).to.deep.equal([
        { address: lane, epoch: 1n, nextNonce: 0, role: "lane", state: "active", moved: null },
        { address: other, epoch: 0n, nextNonce: 0, role: "lane", state: "stored", moved: null },
      ]);
    });

    test("keeps the role a lane was taken in with", async (world) => {
      await world.store.addLanes([{ address: other, state: "active", role: "funder" }]);
      await world.store.addLanes([{ address: other, state: "active" }]);
      await world.store.openLanes([{ address: other, chainNonce: 3 }]);
      const [, funder] = await world.store.readLanes();
      expect(funder).to.deep.equal({
        address: other,
        epoch: 1n,
        nextNonce: 3,
        role: "funder",
        state: "active",
        moved: null,
      });
    });

    test("takes a lane in once: a known one stays as it is", async (world) => {
      await world.store.addLanes([
        { address: lane, state: "stored" },
        { address: other, state: "active" },
      ]);
      await world.store.addLanes([{ address: other, state: "stored" }]);
      expect([await stateOf(world, lane), await stateOf(world, other)]).to.deep.equal(["active", "active"]);
    });

    test("keeps the state of a lane that is opened again", async (world) => {
      await move(world, "pause");
      const [opened] = await world.store.openLanes([{ address: lane, chainNonce: 0 }]);
      expect(opened?.epoch).to.equal(2n);
      expect(await stateOf(world, lane)).to.equal("paused");
    });
  });

  describe("moveLane", () => {
    const from: Readonly<Record<LaneState, readonly (keyof typeof laneMoves)[]>> = {
      stored: [],
      active: ["resume"],
      draining: ["resume", "drain"],
      paused: ["resume", "pause"],
      retired: ["resume", "pause", "retire"],
    };
    for (const [state, way] of Object.entries(from) as [LaneState, (keyof typeof laneMoves)[]][]) {
      test(`makes from ${state} exactly the moves of the table`, async (world) => {
        let index = 0x200;
        for (const [verb, { from: allowed, to }] of Object.entries(laneMoves)) {
          const address = toAddress(index++);
          await world.store.addLanes([{ address, state: "stored" }]);
          for (const step of way) expect(await move(world, step, address), step).to.equal(true);
          expect(await stateOf(world, address)).to.equal(state);
          const moved = await move(world, verb as keyof typeof laneMoves, address);
          expect(moved, `${verb} from ${state}`).to.equal(allowed.includes(state));
          expect(await stateOf(world, address)).to.equal(moved ? to : state);
        }
      });
    }

    test("keeps who moved it and when", async (world) => {
      await move(world, "pause");
      const [found] = await world.store.readLanes();
      expect(found?.moved).to.deep.equal({ by: "desk", at: 7 });
    });

    test("drained and retire wait until no slot is open: mined is not enough", async (world) => {
      await world.fund(ana, 1_000n);
      const intent = await world.accept(transferFacts({ amount: 1n }));
      const slot = await world.send(intent);
      expect(await move(world, "drain")).to.equal(true);
      for (const verb of ["drained", "retire"] as const) expect(await move(world, verb), verb).to.equal(false);
      await world.settle(slot, intent);
      expect(await move(world, "drained"), "mined is not final").to.equal(false);
      await world.store.finalize(world.blocks.head?.number ?? 0, world.at());
      expect(await move(world, "drained")).to.equal(true);
      expect(await move(world, "retire")).to.equal(true);
    });

    test("knows no other lane", async (world) => {
      expect(await move(world, "pause", other)).to.equal(false);
    });
  });

  describe("commitPlan by state", () => {
    for (const verb of ["pause", "drain"] as const) {
      test(`writes nothing on a lane after ${verb}, and a further attempt of an open slot all the same`, async (world) => {
        await world.fund(ana, 1_000n);
        const [first, second] = [
          await world.accept(transferFacts({ amount: 1n })),
          await world.accept(transferFacts({ amount: 1n })),
        ];
        const slot = await world.plan(first);
        expect(await move(world, verb)).to.equal(true);
        const attempt = { ...slot.attempt, hash: world.nextHash() };
        expect(await world.store.commitPlan({ ...slot, nonce: 1, items: [second.sequence], attempt })).to.equal(false);
        expect((await world.read(second)).state).to.equal("accepted");
        expect(await world.store.addAttempt({ lane, nonce: 0, epoch: 1n, attempt })).to.equal(true);
      });
    }
  });
}

/** Gas promised to payers: in the transaction that accepts, whatever the order. */
export function describeSponsorship(open: OpenStore): void {
  const test = (title: string, body: (world: World) => Promise<void>) =>
    it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );
  const budget = { payerPerDay: 100n, newPayerPerDay: 100n, perHour: 1_000n };
  const item = (gas: bigint, facts = transferFacts({ amount: 1n })): AcceptItem => ({
    facts,
    idempotency: null,
    sponsored: { payer: facts.payer, gas },
  });
  const kinds = (outcomes: readonly AcceptOutcome[]) =>
    outcomes.map((outcome) =>
      outcome.kind === "refused" ? outcome.reasons.map(({ code }) => code).join() : outcome.kind,
    );
  const spent = "sponsor_budget_exhausted";

  describe("acceptBatch with a budget", () => {
    test("takes what fits, to the last unit of gas, and refuses the rest with what it found", async (world) => {
      await world.fund(ana, 1_000n);
      const { store } = world;
      const outcomes = await store.acceptBatch([item(60n), item(40n), item(1n)], wallTime, budget);
      expect(kinds(outcomes)).to.deep.equal(["created", "created", spent]);
      const [, , refusal] = outcomes;
      if (refusal?.kind !== "refused") throw new Error("refused");
      expect(refusal.reasons[0]).to.include({ subject: ana, actual: "101 gas", limit: "100 gas" });
      expect(refusal.reasons[0]?.extra).to.include({ scope: "payer" });
      expect(kinds(await store.acceptBatch([item(1n)], wallTime, budget)), "in a later batch").to.deep.equal([spent]);
      expect(kinds(await store.acceptBatch([item(1n)], wallTime))).to.deep.equal(["created"]);
    });

    test("leaves nothing behind of one that it refuses: no hold, no fence", async (world) => {
      await world.fund(ana, 1_000n);
      const facts = transferFacts({ amount: 1n });
      await world.store.acceptBatch([item(101n, facts)], wallTime, budget);
      const [account] = await world.store.readAccounts([{ coin, address: ana }]);
      expect(account?.held).to.equal(0n);
      expect(kinds(await world.store.acceptBatch([item(100n, facts)], wallTime, budget))).to.deep.equal(["created"]);
    });

    test("counts each payer alone, and all of them in the hour", async (world) => {
      await world.fund(ana, 1_000n);
      await world.fund(luis, 1_000n);
      const tight = { ...budget, perHour: 150n };
      const byLuis = (gas: bigint) => item(gas, transferFacts({ amount: 1n, payer: luis, payee: ana }));
      const one = async (asked: AcceptItem) => (await world.store.acceptBatch([asked], wallTime, tight))[0];
      expect((await one(item(100n)))?.kind).to.equal("created");
      expect((await one(byLuis(50n)))?.kind).to.equal("created");
      const refusal = await one(byLuis(1n));
      if (refusal?.kind !== "refused") throw new Error("refused");
      expect(refusal.reasons[0]).to.include({ code: spent, subject: "everybody", actual: "151 gas" });
    });

    test("does not count what it knows already, nor what is refused for another reason", async (world) => {
      await world.fund(ana, 10n);
      const { store } = world;
      const known = item(60n);
      await store.acceptBatch([known], wallTime, budget);
      const poor = item(60n, transferFacts({ amount: 11n }));
      const outcomes = await store.acceptBatch([known, known, item(40n)], wallTime, budget);
      expect(kinds(outcomes)).to.deep.equal(["existing", "existing", "created"]);
      expect(
        kinds(await store.acceptBatch([poor], wallTime, { ...budget, payerPerDay: 1_000n, newPayerPerDay: 1_000n })),
      ).to.deep.equal(["insufficient_funds"]);
      expect(
        kinds(await store.acceptBatch([item(1n)], wallTime, { ...budget, payerPerDay: 101n, newPayerPerDay: 101n })),
      ).to.deep.equal(["created"]);
    });

    test("does not ask the budget where an item takes nothing from it", async (world) => {
      await world.fund(ana, 1_000n);
      const none = { payerPerDay: 0n, newPayerPerDay: 0n, perHour: 0n };
      const free = { ...item(1n), sponsored: null };
      expect(kinds(await world.store.acceptBatch([free], wallTime, none))).to.deep.equal(["created"]);
      expect(kinds(await world.store.acceptBatch([item(1n)], wallTime, none))).to.deep.equal([spent]);
    });

    test("begins anew with the UTC hour and day, and never gives back before", async (world) => {
      await world.fund(ana, 1_000n);
      const { store } = world;
      const day = Math.floor(wallTime / 86_400_000) * 86_400_000;
      const tight = { ...budget, perHour: 100n };
      const at = async (time: number) => kinds(await store.acceptBatch([item(100n)], time, tight));
      expect(await at(day)).to.deep.equal(["created"]);
      expect(await at(day + 3_599_999), "the hour").to.deep.equal([spent]);
      expect(await at(day + 3_600_000), "the payer's day").to.deep.equal([spent]);
      expect(await at(day + 86_400_000)).to.deep.equal(["created"]);
      expect(await at(day + 86_399_999), "a clock set back").to.deep.equal([spent]);
    });

    test("gives a payer of whom nothing has settled the smaller budget", async (world) => {
      await world.fund(ana, 1_000n);
      const { store } = world;
      const wary = { ...budget, newPayerPerDay: 30n };
      const outcomes = await store.acceptBatch([item(30n), item(1n)], wallTime, wary);
      expect(kinds(outcomes)).to.deep.equal(["created", spent]);
      const [first, refusal] = outcomes;
      if (first?.kind !== "created" || refusal?.kind !== "refused") throw new Error("one of each");
      expect(refusal.reasons[0]?.extra).to.include({ scope: "new payer" });
      await world.settle(await world.send(first.intent), first.intent);
      expect(kinds(await store.acceptBatch([item(1n)], wallTime, wary)), "included is not settled").to.deep.equal([
        spent,
      ]);
      await store.finalize(world.blocks.head?.number ?? 0, world.at());
      expect(kinds(await store.acceptBatch([item(70n), item(1n)], wallTime, wary))).to.deep.equal(["created", spent]);
    });

    test("P12: never gives more than the budget, whatever order and races", async (world) => {
      const seed = (Math.random() * 2 ** 32) >>> 0;
      let state = seed;
      const random = (below: number): number => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const payers = [ana, luis, toAddress(0x33), toAddress(0x34)];
      for (const payer of payers) await world.fund(payer, 10_000n);
      const bounds = { payerPerDay: 400n, newPayerPerDay: 250n, perHour: 700n };
      const counted = new Map<string, bigint>();
      const count = (key: string, gas: bigint) => {
        counted.set(key, (counted.get(key) ?? 0n) + gas);
        return counted.get(key) ?? 0n;
      };
      for (let turn = 0; turn < 40; turn++) {
        const at = wallTime + turn * 400_000;
        const batches = Array.from({ length: 3 }, () =>
          Array.from({ length: 1 + random(8) }, () => {
            const payer = payers[random(payers.length)] ?? ana;
            return item(BigInt(1 + random(90)), transferFacts({ amount: 1n, payer, payee: toAddress(0x77) }));
          }),
        );
        const answers = await Promise.all(batches.map((batch) => world.store.acceptBatch(batch, at, bounds)));
        for (const [index, outcomes] of answers.entries()) {
          for (const [position, outcome] of outcomes.entries()) {
            const sponsored = batches[index]?.[position]?.sponsored;
            if (outcome.kind !== "created" || sponsored === undefined || sponsored === null) continue;
            const day = count(`${sponsored.payer} ${Math.floor(at / 86_400_000)}`, sponsored.gas);
            const hour = count(`hour ${Math.floor(at / 3_600_000)}`, sponsored.gas);
            expect(day <= bounds.newPayerPerDay, `seed ${seed}: ${sponsored.payer} has ${day}`).to.equal(true);
            expect(hour <= bounds.perHour, `seed ${seed}: the hour has ${hour}`).to.equal(true);
          }
        }
      }
      expect(counted.size, `seed ${seed}`).to.be.greaterThan(4);
    });
  });
}

/** What the planner counts on as if it were mined. */
function describeInFlight(open: OpenStore): void {
  const test = (title: string, body: (world: World) => Promise<void>) =>
    it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );

  describe("readAccounts: what is on its way", () => {
    test("counts planned and sent intents of window nonces, not accepted ones nor those in a block", async (world) => {
      await world.fund(ana, 1_000n);
      const pay = (nonce: bigint, amount: bigint) => world.accept(transferFacts({ amount, nonce: toWord(nonce) }));
      const [first, second] = [await pay(0n, 1n), await pay(1n, 20n)];
      await pay(2n, 300n);
      const read = async () => (await world.account(ana)).inFlight;
      expect(await read(), "accepted").to.deep.equal({ nonces: [], amount: 0n });
      await world.plan(second);
      expect(await read(), "planned").to.deep.equal({ nonces: [1n], amount: 20n });
      const { number } = world.blocks.head ?? expect.fail("a block");
      const slot = await world.send(first);
      expect(await read(), "sent").to.deep.equal({ nonces: [0n, 1n], amount: 21n });
      await world.settle(slot, first);
      expect(await read(), "in a block").to.deep.equal({ nonces: [1n], amount: 20n });
      await world.reorgTo(number);
      expect(await read(), "taken back").to.deep.equal({ nonces: [0n, 1n], amount: 21n });
      expect((await world.account(ana)).live).to.deep.equal([0n, 1n, 2n]);
    });

    test("names a nonce once that a payment and its cancellation are on their way to", async (world) => {
      await world.fund(ana, 1_000n);
      const facts = transferFacts({ amount: 7n, nonce: toWord(3n) });
      const both = [await world.accept(facts), await world.accept(cancelFacts(facts))] as const;
      await world.plan(both[0]);
      await world.plan(both[1]);
      expect((await world.account(ana)).inFlight).to.deep.equal({ nonces: [3n], amount: 7n });
    });
  });
}

export function describeLanes(open: OpenStore): void {
  describeLaneStates(open);
  describeInFlight(open);
  describeSponsorship(open);
  const test = (title: string, body: (world: World) => Promise<void>) =>
    it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );
  const accept = async (world: World, count: number) => {
    await world.fund(ana, 1_000n);
    const intents = [];
    for (let i = 0; i < count; i++) intents.push(await world.accept(transferFacts({ amount: 1n })));
    return intents;
  };

  describe("openLanes", () => {
    test("raises the epoch each time and never lowers the next nonce", async ({ store }) => {
      const other = toAddress(0x99);
      const first = await store.openLanes([{ address: other, chainNonce: 7 }]);
      const second = await store.openLanes([{ address: other, chainNonce: 3 }]);
      const third = await store.openLanes([{ address: other, chainNonce: 9 }]);
      expect([...first, ...second, ...third]).to.deep.equal([
        { address: other, epoch: 1n, nextNonce: 7 },
        { address: other, epoch: 2n, nextNonce: 7 },
        { address: other, epoch: 3n, nextNonce: 9 },
      ]);
    });
  });

  describe("commitPlan", () => {
    test("writes slot, items, bytes and states together", async (world) => {
      const intents = await accept(world, 2);
      const slot = await world.plan(...intents);
      const { attempt } = slot;
      expect(await world.store.readOpenSlots(lane, 10)).to.deep.equal([
        { lane, nonce: 0, state: "signed", kind: "settle", attempts: [{ ...attempt, sentAt: null }] },
      ]);
      for (const intent of intents) expect((await world.read(intent)).state).to.equal("planned");
      expect(await world.store.readReady({ now: world.at(), limit: 10 })).to.deep.equal([]);
    });

    test("F1: writes nothing when the nonce was taken, the epoch is old or the nonce is ahead", async (world) => {
      const [intent, other] = await accept(world, 2);
      if (intent === undefined || other === undefined) throw new Error("no intents");
      const slot = await world.plan(intent);
      const again = { ...slot, items: [other.sequence], attempt: { ...slot.attempt, hash: world.nextHash() } };
      expect(await world.store.commitPlan(again), "nonce taken").to.equal(false);
      expect(await world.store.commitPlan({ ...again, nonce: 2 }), "nonce ahead").to.equal(false);
      expect(await world.store.commitPlan({ ...again, nonce: 1, epoch: 0n }), "epoch").to.equal(false);
      await world.store.openLanes([{ address: lane, chainNonce: 0 }]);
      expect(await world.store.commitPlan({ ...again, nonce: 1 }), "epoch of the former owner").to.equal(false);
      expect((await world.read(other)).state).to.equal("accepted");
      expect(await world.store.readOpenSlots(lane, 10)).to.have.length(1);
    });

    test("writes nothing when one item is not accepted any more", async (world) => {
      const [first, second] = await accept(world, 2);
      if (first === undefined || second === undefined) throw new Error("no intents");
      const slot = await world.plan(first);
      const items = [second.sequence, first.sequence];
      const attempt = { ...slot.attempt, hash: world.nextHash() };
      expect(await world.store.commitPlan({ ...slot, nonce: 1, items, attempt })).to.equal(false);
      expect((await world.read(second)).state).to.equal("accepted");
      expect(
        (await world.store.commitPlan({ ...slot, nonce: 1, items: [second.sequence], attempt })) as boolean,
      ).to.equal(true);
    });

    test("refuses one intent twice in a slot, and one whose fence was consumed", async (world) => {
      const [first] = await accept(world, 1);
      if (first === undefined) throw new Error("no intent");
      const attempt = { hash: world.nextHash(), raw: "0x02", maxFeePerGas: 1n, maxPriorityFeePerGas: 1n } as const;
      const slot = { lane, nonce: 0, epoch: 1n, kind: "settle", attempt, at: world.at() } as const;
      const twice = [first.sequence, first.sequence];
      expect(await world.store.commitPlan({ ...slot, items: twice })).to.equal(false);
      await world.apply({ fences: [toCancelled(first.fence, { transaction: world.nextHash(), logIndex: 1 })] });
      expect(await world.store.commitPlan({ ...slot, items: [first.sequence] })).to.equal(false);
    });
  });

  describe("markSent", () => {
    test("moves slot and intents to sent and keeps the newest time", async (world) => {
      const [intent] = await accept(world, 1);
      if (intent === undefined) throw new Error("no intent");
      const slot = await world.plan(intent);
      await world.store.markSent([slot.attempt.hash], 5);
      await world.store.markSent([slot.attempt.hash], 9);
      const [open] = await world.store.readOpenSlots(lane, 1);
      expect([open?.state, open?.attempts[0]?.sentAt]).to.deep.equal(["sent", 9]);
      expect((await world.read(intent)).state).to.equal("sent");
    });

    test("ignores bytes it does not know", async ({ store, nextHash }) => {
      await store.markSent([nextHash()], 5);
    });
  });

  describe("addAttempt", () => {
    test("adds bytes for the same nonce, once, under the present epoch only", async (world) => {
      const [intent] = await accept(world, 1);
      if (intent === undefined) throw new Error("no intent");
      await world.send(intent);
      const attempt = { hash: world.nextHash(), raw: "0x03", maxFeePerGas: 9n, maxPriorityFeePerGas: 2n } as const;
      const repriced = { lane, nonce: 0, epoch: 1n, attempt };
      expect(await world.store.addAttempt({ ...repriced, epoch: 0n }), "epoch").to.equal(false);
      expect(await world.store.addAttempt({ ...repriced, nonce: 1 }), "no such slot").to.equal(false);
      expect(await world.store.addAttempt(repriced)).to.equal(true);
      expect(await world.store.addAttempt(repriced), "repeated").to.equal(true);
      const [slot] = await world.store.readOpenSlots(lane, 1);
      expect(slot?.attempts.map(({ hash }) => hash).at(-1)).to.equal(attempt.hash);
      expect(slot?.attempts).to.have.length(2);
    });

    test("refuses a further attempt once the slot is mined", async (world) => {
      const [intent] = await accept(world, 1);
      if (intent === undefined) throw new Error("no intent");
      await world.settle(await world.send(intent), intent);
      const attempt = { hash: world.nextHash(), raw: "0x03", maxFeePerGas: 9n, maxPriorityFeePerGas: 2n } as const;
      expect(await world.store.addAttempt({ lane, nonce: 0, epoch: 1n, attempt })).to.equal(false);
    });
  });

  describe("abandonSlots", () => {
    test("closes slots below the nonce and sends their intents back, saying why", async (world) => {
      const [first, second] = await accept(world, 2);
      if (first === undefined || second === undefined) throw new Error("no intents");
      await world.send(first);
      await world.send(second);
      expect(await world.store.abandonSlots(lane, 1)).to.equal(1);
      expect([(await world.read(first)).state, (await world.read(second)).state]).to.deep.equal(["accepted", "sent"]);
      expect(await world.eventTypes(first)).to.deep.equal(["accepted", "back"]);
      expect((await world.store.readOpenSlots(lane, 10)).map(({ nonce }) => nonce)).to.deep.equal([1]);
      expect(await world.store.abandonSlots(lane, 1), "repeated").to.equal(0);
    });

    test("leaves an intent that a stranger carried out where it is", async (world) => {
      const [intent] = await accept(world, 1);
      if (intent === undefined) throw new Error("no intent");
      await world.send(intent);
      await world.apply(world.settled([intent], world.nextHash(), stranger));
      await world.store.abandonSlots(lane, 1);
      expect((await world.read(intent)).state).to.equal("included");
      await world.reorgTo(1);
      expect((await world.read(intent)).state).to.equal("accepted");
    });
  });

  describe("readReady and hold", () => {
    test("reads accepted intents oldest first, at most the limit, with what planning needs", async (world) => {
      const intents = await accept(world, 3);
      const ready = await world.store.readReady({ now: world.at(), limit: 2 });
      expect(ready.map(({ sequence }) => sequence)).to.deep.equal(intents.slice(0, 2).map(({ sequence }) => sequence));
      const [intent] = intents;
      expect(ready[0]).to.deep.equal({
        sequence: intent?.sequence,
        kind: "transfer",
        fence: intent?.fence,
        coin: intent?.coin,
        payer: ana,
        payee: luis,
        amount: 1n,
        validAfter: intent?.validAfter,
        validBefore: intent?.validBefore,
        action: intent?.action,
        reverts: 0,
        holds: 0,
        payeeKnown: false,
      });
      await world.fund(luis, 1n);
      expect((await world.store.readReady({ now: world.at(), limit: 1 }))[0]?.payeeKnown).to.equal(true);
    });

    test("leaves held ones out until their time, shows the reason, and counts", async (world) => {
      const [first, second] = await accept(world, 2);
      if (first === undefined || second === undefined) throw new Error("no intents");
      await world.store.hold([{ sequence: first.sequence, reason: "nonce_gap", until: 500 }]);
      const ready = async (now: number) =>
        (await world.store.readReady({ now, limit: 9 })).map(({ sequence }) => sequence);
      expect(await ready(499)).to.deep.equal([second.sequence]);
      expect(await ready(500)).to.deep.equal([first.sequence, second.sequence]);
      const [held] = await world.store.readReady({ now: 500, limit: 1 });
      expect(held?.holds).to.equal(1);
      expect((await world.read(first)).reason).to.equal("nonce_gap");
    });

    test("P13: takes a wait longer than any there is for a clock that was set back, and does not wait", async (world) => {
      const [first] = await accept(world, 1);
      if (first === undefined) throw new Error("no intent");
      const until = 1_000_000;
      await world.store.hold([{ sequence: first.sequence, reason: "nonce_gap", until }]);
      const ready = async (now: number) => (await world.store.readReady({ now, limit: 9 })).length;
      expect([await ready(until - longestHoldMs), await ready(until - 1)]).to.deep.equal([0, 0]);
      expect([await ready(until - longestHoldMs - 1), await ready(until - 600_000)]).to.deep.equal([1, 1]);
    });

    test("tells a held event only when the reason changes, and holds nothing that has moved on", async (world) => {
      const [first, second] = await accept(world, 2);
      if (first === undefined || second === undefined) throw new Error("no intents");
      for (const reason of ["nonce_gap", "nonce_gap", "paused"] as const) {
        await world.store.hold([{ sequence: first.sequence, reason, until: 1 }]);
      }
      expect(await world.eventTypes(first)).to.deep.equal(["accepted", "held", "held"]);
      await world.plan(second);
      await world.store.hold([{ sequence: second.sequence, reason: "paused", until: 1 }]);
      expect(await world.eventTypes(second)).to.deep.equal(["accepted"]);
      expect((await world.read(second)).reason).to.equal(null);
    });
  });
}
