/**
 * What the surfaces read from a real store: lists, traces, events, counts, halts and the chain identity.
 */
import { expect } from "chai";
import { type OpenStore, withStore } from "./harness.ts";
import {
  ana,
  coin,
  createWorld,
  lane,
  luis,
  mintFacts,
  replacer,
  stranger,
  toHash,
  transferFacts,
  type World,
} from "./world.ts";

export function describeReads(open: OpenStore): void {
  const test = (title: string, body: (world: World) => Promise<void>) =>
    it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );

  describe("listIntents", () => {
    test("lists newest first by account on either side, kind, subject and page", async (world) => {
      await world.fund(ana, 100n);
      await world.fund(stranger, 100n);
      const deposit = toHash("deposit", 1);
      const first = await world.accept(transferFacts({ amount: 1n }));
      const mint = await world.accept(mintFacts(deposit));
      const toAna = await world.accept(transferFacts({ payer: stranger, payee: ana, amount: 1n }));
      const unrelated = await world.accept(transferFacts({ payer: stranger, payee: luis, amount: 1n }));
      const toSelf = await world.accept(transferFacts({ payee: ana, amount: 1n }));
      const list = async (query: Parameters<typeof world.store.listIntents>[0]) =>
        (await world.store.listIntents(query)).map(({ sequence }) => sequence);
      const all = [toSelf, unrelated, toAna, mint, first].map(({ sequence }) => sequence);
      expect(await list({ limit: 10 })).to.deep.equal(all);
      expect(await list({ account: ana, limit: 10 })).to.deep.equal(all.filter((one) => one !== unrelated.sequence));
      expect(await list({ account: ana, limit: 2 })).to.deep.equal([toSelf.sequence, toAna.sequence]);
      expect(await list({ account: ana, kinds: ["transfer"], before: toAna.sequence, limit: 9 })).to.deep.equal([
        first.sequence,
      ]);
      expect(await list({ subject: deposit, limit: 9 })).to.deep.equal([mint.sequence]);
      expect(await list({ kinds: [], limit: 9 })).to.deep.equal([]);
      expect((await world.store.listIntents({ subject: deposit, limit: 1 }))[0]).to.deep.equal(mint);
    });
  });

  describe("listMovements", () => {
    test("lists newest first, of one account over all coins or of all", async (world) => {
      await world.fund(ana, 100n);
      await world.fund(luis, 5n);
      const intent = await world.accept(transferFacts({ amount: 1n }));
      await world.settle(await world.send(intent), intent);
      await world.finalize();
      const amounts = async (query: Parameters<typeof world.store.listMovements>[0]) =>
        (await world.store.listMovements(query)).map(({ amount }) => amount);
      expect(await amounts({ limit: 9 })).to.deep.equal([1n, 5n, 100n]);
      expect(await amounts({ account: ana, limit: 9 })).to.deep.equal([1n, 100n]);
      expect(await amounts({ account: ana, limit: 1 })).to.deep.equal([1n]);
      const [movement] = await world.store.listMovements({ limit: 1 });
      expect([movement?.from, movement?.to, movement?.final, movement?.kind]).to.deep.equal([
        ana,
        luis,
        true,
        "transfer",
      ]);
    });
  });

  describe("readTrace", () => {
    test("tells one payment from acceptance to the ledger", async (world) => {
      await world.fund(ana, 100n);
      const other = await world.accept(transferFacts({ amount: 1n }));
      const intent = await world.accept(transferFacts({ amount: 60n }));
      const slot = await world.send(other, intent);
      await world.settle(slot, other, intent);
      await world.finalize();
      const trace = await world.store.readTrace(intent.sequence);
      expect(trace?.intent.state).to.equal("settled");
      expect(
        trace?.slots.map(({ lane: of, nonce, state, index, size, gasUsed }) => [
          of,
          nonce,
          state,
          index,
          size,
          gasUsed,
        ]),
      ).to.deep.equal([[lane, 0, "final", 1, 2, 21_000n]]);
      expect(trace?.slots[0]?.attempts.map(({ hash }) => hash)).to.deep.equal([slot.attempt.hash]);
      expect(trace?.movements.map(({ amount, intent: of }) => [amount, of])).to.deep.equal([[60n, intent.sequence]]);
      expect(trace?.lines).to.deep.equal([
        { account: `wallet:${ana}`, amount: -60n },
        { account: `wallet:${luis}`, amount: 60n },
      ]);
      expect(trace?.events.map(({ type }) => type)).to.deep.equal([
        "accepted",
        "planned",
        "sent",
        "included",
        "settled",
      ]);
    });

    test("knows nothing of an intent that does not exist", async ({ store }) => {
      expect(await store.readTrace(1n)).to.equal(null);
      expect(await store.readIntent(1n)).to.equal(null);
      expect(await store.findByDigest(toHash("digest", 0))).to.equal(null);
      expect(await store.readRedemption(toHash("redemption", 0))).to.equal(null);
    });
  });

  describe("readEvents", () => {
    test("resumes after a sequence, for everyone or for one account", async (world) => {
      await world.fund(ana, 100n);
      await world.fund(stranger, 100n);
      const mine = await world.accept(transferFacts({ amount: 1n }));
      await world.accept(transferFacts({ payer: stranger, payee: stranger, amount: 1n }));
      await world.settle(await world.send(mine), mine);
      await world.finalize();
      const { store } = world;
      const all = await store.readEvents({ after: 0n, limit: 99 });
      expect(all.events.map(({ type }) => type)).to.deep.equal(["accepted", "accepted", "included", "settled"]);
      expect([all.oldest, all.newest]).to.deep.equal([1n, 4n]);
      const luisOnly = await store.readEvents({ after: 1n, limit: 99, account: luis });
      expect(luisOnly.events.map(({ type }) => type)).to.deep.equal(["included", "settled"]);
      expect(luisOnly.events[0]?.accounts).to.deep.equal([ana, luis]);
      expect(
        (await store.readEvents({ after: 0n, limit: 1, account: ana })).events.map(({ sequence }) => sequence),
      ).to.deep.equal([1n]);
      expect((await store.readEvents({ after: 4n, limit: 9 })).events).to.deep.equal([]);
    });

    it(
      "finds an account's events behind thousands of others",
      withStore(open, async (store) => {
        for (let batch = 0; batch < 11; batch++) {
          const ids = Array.from({ length: 1_000 }, (_, i) => batch * 1_000 + i);
          const items = ids.map((id) => ({
            facts: mintFacts(toHash("deposit", id), { payee: id % 10_500 === 10_499 ? ana : luis }),
            idempotency: null,
          }));
          await store.acceptBatch(items, 1);
        }
        const find = (after: bigint, limit = 9) => store.readEvents({ after, limit, account: ana });
        const { events, oldest, newest } = await find(0n);
        expect(events.map(({ sequence }) => sequence)).to.deep.equal([10_500n]);
        expect([oldest, newest]).to.deep.equal([1n, 11_000n]);
        expect((await find(10_499n)).events).to.have.length(1);
        expect((await find(10_500n)).events).to.have.length(0);
        expect(
          (await store.readEvents({ after: 9_998n, limit: 3, account: luis })).events.map(({ sequence }) => sequence),
        ).to.deep.equal([9_999n, 10_000n, 10_001n]);
      }),
    ).timeout(20_000);

    test("gives bodies that are JSON, with evidence, without the client's reference", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts({ amount: 60n, reference: "for rent" }));
      const slot = await world.send(intent);
      await world.settle(slot, intent);
      await world.finalize();
      const { events } = await world.store.readEvents({ after: 0n, limit: 99 });
      const settled = events.at(-1);
      expect(JSON.parse(JSON.stringify(settled?.body))).to.deep.equal(settled?.body);
      expect(settled?.body).to.deep.include({ kind: "transfer", amount: "60", payer: ana, payee: luis, coin });
      expect(settled?.body["evidence"]).to.deep.include({ transaction: slot.attempt.hash, by: lane });
      expect(JSON.stringify(events, replacer)).to.not.contain("for rent");
    });
  });

  describe("countByState", () => {
    test("counts live and ended intents", async (world) => {
      await world.fund(ana, 100n);
      const settled = await world.accept(transferFacts({ amount: 1n }));
      await world.settle(await world.send(settled), settled);
      await world.finalize();
      await world.send(await world.accept(transferFacts({ amount: 1n })));
      await world.accept(transferFacts({ amount: 1n }));
      const zero = {
        accepted: 0,
        planned: 0,
        sent: 0,
        included: 0,
        settled: 0,
        cancelled: 0,
        superseded: 0,
        expired: 0,
      };
      expect(await world.store.countByState()).to.deep.equal({ ...zero, accepted: 1, sent: 1, settled: 1 });
    });
  });

  describe("halts and identity", () => {
    test("keeps the first reason until someone resumes, and tells both", async ({ store }) => {
      expect(await store.readHalt()).to.equal(null);
      await store.halt("supply differs", 5);
      await store.halt("another reason", 6);
      expect(await store.readHalt()).to.deep.equal({ reason: "supply differs", since: 5 });
      await store.resume("ops: recounted", 7);
      await store.resume("ops: recounted", 8);
      expect(await store.readHalt()).to.equal(null);
      await store.halt("again", 9);
      expect((await store.readHalt())?.reason).to.equal("again");
      const { events } = await store.readEvents({ after: 0n, limit: 9 });
      expect(events.map(({ type, at }) => [type, at])).to.deep.equal([
        ["halted", 5],
        ["resumed", 7],
        ["halted", 9],
      ]);
      expect(events[1]?.body).to.deep.equal({ by: "ops: recounted", reason: "supply differs" });
    });

    test("binds to the first chain it sees and returns that one ever after", async ({ store }) => {
      const identity = { chainId: 31_337, genesis: toHash("genesis", 1), code: { [coin]: toHash("code", 1) } };
      expect(await store.bindChain(identity)).to.deep.equal(identity);
      expect(await store.bindChain({ ...identity, chainId: 1 })).to.deep.equal(identity);
    });
  });
}
