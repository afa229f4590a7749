/**
 * Lanes and slots on a real store: epochs, nonces, committed bytes, attempts, and which intents are ready.
 */
import { expect } from "chai";
import { type OpenStore, withStore } from "./harness.ts";
import { ana, createWorld, lane, luis, stranger, toAddress, toCancelled, transferFacts, type World } from "./world.ts";

export function describeLanes(open: OpenStore): void {
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
