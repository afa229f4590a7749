/**
 * Webhooks and what waits for them, in a real store: one per owner and key, bounded; rounds of sending recorded whole or not at all.
 */
import { expect } from "chai";
import { type Delivery, type NewWebhook, type Webhook } from "../../src/domain/webhook.ts";
import type { DeliveryRound, Store } from "../../src/pipeline/ports.ts";
import { type OpenStore, withStore } from "./harness.ts";
import { ana } from "./world.ts";

const limits = { perOwner: 3, total: 4 };

export function newWebhook(number: number, changes: Partial<NewWebhook> = {}): NewWebhook {
  return {
    id: `wh_${number}`,
    owner: "desk",
    key: `k${number}`,
    requestHash: `0x${number}`,
    url: `https://example.org/${number}`,
    secret: "whsec_c2VjcmV0",
    account: null,
    types: null,
    cursor: 10n,
    createdAt: number,
    ...changes,
  };
}

const delivery = (sequence: number, changes: Partial<Delivery> = {}): Delivery => ({
  sequence: BigInt(sequence),
  intent: 7n,
  eventId: `evt_${sequence}_0`,
  body: `{"n":${sequence}}`,
  tries: 1,
  nextAt: 5_000,
  ...changes,
});

export function describeWebhooks(open: OpenStore): void {
  const test = (title: string, body: (store: Store) => Promise<void>) => it(title, withStore(open, body));

  async function read(store: Store, id: string): Promise<Webhook> {
    const found = (await store.readWebhooks()).find((one) => one.id === id);
    if (found === undefined) throw new Error(`no webhook ${id}`);
    return found;
  }

  /** A round that only moves the cursor, with changes. */
  async function record(store: Store, id: string, changes: Partial<DeliveryRound> = {}): Promise<boolean> {
    const { revision, cursor } = await read(store, id);
    const nothing = { failures: 0, lastError: null, disabled: null, missed: 0n, done: [], waiting: [] };
    return store.recordDeliveries({ webhook: id, revision, cursor, ...nothing, ...changes });
  }

  describe("addWebhook", () => {
    test("keeps all that was given, and nothing waits at first", async (store) => {
      const given = newWebhook(1, { account: ana, types: ["settled", "expired"] });
      expect(await store.addWebhook(given, limits)).to.equal("created");
      const fresh = { revision: 1, disabled: null, failures: 0, lastError: null, missed: 0n, waiting: 0 };
      expect(await store.readWebhooks()).to.deep.equal([{ ...given, ...fresh }]);
    });

    test("knows an owner's key, and takes the same key of another owner", async (store) => {
      await store.addWebhook(newWebhook(1, { key: "k" }), limits);
      expect(await store.addWebhook(newWebhook(2, { key: "k" }), limits)).to.equal("known");
      expect(await store.addWebhook(newWebhook(3, { key: "k", owner: "audit" }), limits)).to.equal("created");
      expect((await store.readWebhooks()).map(({ id }) => id)).to.deep.equal(["wh_1", "wh_3"]);
    });

    test("is full at the owner's limit, and at everybody's", async (store) => {
      const outcomes = [];
      for (const number of [1, 2, 3, 4]) outcomes.push(await store.addWebhook(newWebhook(number), limits));
      expect(outcomes).to.deep.equal(["created", "created", "created", "full"]);
      expect(await store.addWebhook(newWebhook(5, { owner: "audit" }), limits)).to.equal("created");
      expect(await store.addWebhook(newWebhook(6, { owner: "other" }), limits)).to.equal("full");
      expect(await store.addWebhook(newWebhook(7, { key: "k1" }), limits), "a repeat needs no room").to.equal("known");
      await store.changeWebhook("wh_1", { kind: "remove" });
      expect(await store.addWebhook(newWebhook(8), limits)).to.equal("created");
    });
  });

  describe("recordDeliveries", () => {
    test("moves the cursor, counts and remembers, and keeps what waits in order", async (store) => {
      await store.addWebhook(newWebhook(1), limits);
      const waiting = [delivery(12, { intent: null }), delivery(11), delivery(13, { tries: 0, nextAt: 0 })];
      const told = { cursor: 15n, failures: 2, lastError: "status 500", missed: 3n, waiting };
      expect(await record(store, "wh_1", told)).to.equal(true);
      expect(await read(store, "wh_1")).to.deep.include({
        revision: 2,
        cursor: 15n,
        failures: 2,
        lastError: "status 500",
        missed: 3n,
        waiting: 3,
      });
      expect(await store.readDeliveries("wh_1")).to.deep.equal([waiting[1], waiting[0], waiting[2]]);
      expect(await store.readDeliveries("wh_2")).to.deep.equal([]);
    });

    test("takes away what arrived and changes when the rest is tried again, not what is sent", async (store) => {
      await store.addWebhook(newWebhook(1), limits);
      await record(store, "wh_1", { waiting: [delivery(11), delivery(12), delivery(13)] });
      const later = delivery(12, { tries: 2, nextAt: 99_000 });
      await record(store, "wh_1", { done: [11n], waiting: [{ ...later, body: "another" }], missed: 1n });
      expect(await store.readDeliveries("wh_1")).to.deep.equal([later, delivery(13)]);
      expect(await read(store, "wh_1")).to.deep.include({ waiting: 2, missed: 1n, revision: 3 });
    });

    test("writes nothing when the webhook was moved, disabled or removed meanwhile", async (store) => {
      await store.addWebhook(newWebhook(1), limits);
      await record(store, "wh_1", { waiting: [delivery(11)] });
      const stale = { revision: 1, cursor: 99n, done: [11n], waiting: [delivery(12)] };
      expect(await record(store, "wh_1", stale)).to.equal(false);
      expect(await read(store, "wh_1")).to.deep.include({ cursor: 10n, waiting: 1, revision: 2 });
      await record(store, "wh_1", { disabled: "gave_up" });
      expect(await record(store, "wh_1", { cursor: 99n })).to.equal(false);
      expect(await read(store, "wh_1")).to.deep.include({ cursor: 10n, disabled: "gave_up" });
      const last = await read(store, "wh_1");
      await store.changeWebhook("wh_1", { kind: "remove" });
      const late = { failures: 0, lastError: null, disabled: null, missed: 0n, done: [], waiting: [delivery(12)] };
      expect(await store.recordDeliveries({ webhook: "wh_1", revision: last.revision, cursor: 11n, ...late })).to.equal(
        false,
      );
      expect(await store.readDeliveries("wh_1")).to.deep.equal([]);
    });

    test("touches no other webhook", async (store) => {
      await store.addWebhook(newWebhook(1), limits);
      await store.addWebhook(newWebhook(2), limits);
      await record(store, "wh_2", { waiting: [delivery(11)] });
      const before = await read(store, "wh_2");
      await record(store, "wh_1", { cursor: 20n, done: [11n], waiting: [delivery(12)] });
      expect(await read(store, "wh_2")).to.deep.equal(before);
      expect(await store.readDeliveries("wh_2")).to.deep.equal([delivery(11)]);
    });
  });

  describe("changeWebhook", () => {
    test("enables: nothing is held against it, and all that waits may be tried", async (store) => {
      await store.addWebhook(newWebhook(1), limits);
      await record(store, "wh_1", { waiting: [delivery(11)], failures: 9, lastError: "timeout", disabled: "gone" });
      expect(await store.changeWebhook("wh_1", { kind: "enable" })).to.equal(true);
      expect(await read(store, "wh_1")).to.deep.include({ disabled: null, failures: 0, lastError: null, revision: 3 });
      expect(await store.readDeliveries("wh_1")).to.deep.equal([delivery(11, { tries: 0, nextAt: 0 })]);
    });

    test("replays: the cursor goes back, and what waits beyond it comes from the history again", async (store) => {
      await store.addWebhook(newWebhook(1), limits);
      await record(store, "wh_1", { cursor: 20n, waiting: [delivery(11), delivery(15)] });
      expect(await store.changeWebhook("wh_1", { kind: "replay", after: 12n })).to.equal(true);
      expect(await read(store, "wh_1")).to.deep.include({ cursor: 12n, waiting: 1, revision: 3 });
      expect(await store.readDeliveries("wh_1")).to.deep.equal([delivery(11)]);
    });

    test("never moves a cursor forward", async (store) => {
      await store.addWebhook(newWebhook(1), limits);
      expect(await store.changeWebhook("wh_1", { kind: "replay", after: 11n })).to.equal(false);
      expect(await store.changeWebhook("wh_1", { kind: "replay", after: 10n })).to.equal(true);
      expect((await read(store, "wh_1")).cursor).to.equal(10n);
    });

    test("removes a webhook with what waits for it", async (store) => {
      await store.addWebhook(newWebhook(1), limits);
      await record(store, "wh_1", { waiting: [delivery(11)] });
      expect(await store.changeWebhook("wh_1", { kind: "remove" })).to.equal(true);
      expect(await store.readWebhooks()).to.deep.equal([]);
      expect(await store.readDeliveries("wh_1")).to.deep.equal([]);
    });

    for (const change of [{ kind: "enable" }, { kind: "replay", after: 0n }, { kind: "remove" }] as const) {
      test(`says when there is none to ${change.kind}`, async (store) => {
        expect(await store.changeWebhook("wh_1", change)).to.equal(false);
      });
    }
  });
}
