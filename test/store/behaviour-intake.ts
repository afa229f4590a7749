/**
 * Intake on a real store: identity by digest, one live intent per fence, holds, Idempotency-Keys, and what a batch sees of itself.
 */
import { expect } from "chai";
import { stepFence } from "../../src/domain/intent.ts";
import { toWord, zeroAddress } from "../../src/domain/hex.ts";
import { type OpenStore, withStore } from "./harness.ts";
import {
  ana,
  cancelFacts,
  codesOf,
  coin,
  createWorld,
  escrow,
  luis,
  mintFacts,
  nextDigest,
  orderFacts,
  stranger,
  toCancelled,
  toHash,
  transferFacts,
  wide,
  type World,
} from "./world.ts";

const key = (name: string, request = "a") => ({ owner: "desk", key: name, requestHash: toHash(request, 1) });

function describeIdentity(open: OpenStore): void {
  const test = (title: string, body: (world: World) => Promise<void>) =>
    it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );

  describe("identity", () => {
    test("creates an intent with the facts that were signed", async (world) => {
      await world.fund(ana, 100n);
      const facts = transferFacts({ memo: toHash("memo", 1), reference: "invoice 7" });
      const outcome = await world.acceptOne(facts);
      expect(outcome.kind).to.equal("created");
      const intent = outcome.kind === "created" ? outcome.intent : null;
      expect(intent).to.deep.equal({
        ...facts,
        sequence: intent?.sequence,
        state: "accepted",
        reason: null,
        evidence: null,
        acceptedAt: world.at(),
        endedAt: null,
      });
      expect(await world.store.findByDigest(facts.digest)).to.deep.equal(intent);
      expect(await world.store.readIntent(intent?.sequence ?? 0n)).to.deep.equal(intent);
    });

    test("answers the same digest with the same intent, live or ended", async (world) => {
      await world.fund(ana, 100n);
      const facts = transferFacts({ amount: 60n });
      const first = await world.accept(facts);
      const again = await world.acceptOne(facts);
      expect(again).to.deep.equal({ kind: "existing", intent: first });
      expect((await world.account(ana)).held, "held once").to.equal(60n);
      await world.settle(await world.send(first), first);
      await world.finalize();
      const ended = await world.acceptOne(facts);
      expect(ended.kind === "existing" && ended.intent.state).to.equal("settled");
    });

    test("gives rising sequence numbers that carry the wall clock, in the order of the input", async (world) => {
      await world.fund(ana, 100n);
      await world.fund(luis, 100n);
      const at = world.at();
      const facts = [luis, ana, luis, ana].map((payer) => transferFacts({ payer, payee: stranger, amount: 1n }));
      const outcomes = await world.store.acceptBatch(
        facts.map((one) => ({ facts: one, idempotency: null })),
        at,
      );
      const sequences = outcomes.map((outcome) => (outcome.kind === "created" ? outcome.intent.sequence : 0n));
      expect(sequences).to.deep.equal([...sequences].sort((a, b) => (a < b ? -1 : 1)));
      expect((sequences[0] ?? 0n) >> 20n).to.equal(BigInt(at));
    });

    test("keeps sequence numbers rising when the clock goes back", async (world) => {
      await world.fund(ana, 100n);
      const accept = async (at: number) => {
        const [outcome] = await world.store.acceptBatch(
          [{ facts: transferFacts({ amount: 1n }), idempotency: null }],
          at,
        );
        return outcome?.kind === "created" ? outcome.intent.sequence : 0n;
      };
      const first = await accept(2_000_000);
      expect(await accept(1_000_000)).to.equal(first + 1n);
    });

    test("answers a repeated Idempotency-Key with its intent, whatever the digest is now", async (world) => {
      const first = await world.acceptOne(mintFacts(toHash("deposit", 1)), key("k1"));
      const again = await world.acceptOne(mintFacts(toHash("deposit", 1)), key("k1"));
      expect(first.kind).to.equal("created");
      expect(again).to.deep.equal({ ...first, kind: "existing" });
      expect(await world.store.findIdempotent(key("k1"))).to.deep.equal({ ...first, kind: "hit" });
      expect(await world.store.findIdempotent(key("k1", "b"))).to.deep.equal({ kind: "reused" });
      expect(await world.store.findIdempotent({ ...key("k1"), owner: "other" })).to.deep.equal({ kind: "none" });
    });

    test("refuses an Idempotency-Key with another request", async (world) => {
      await world.acceptOne(mintFacts(toHash("deposit", 1)), key("k1"));
      const other = await world.acceptOne(mintFacts(toHash("deposit", 2)), key("k1", "b"));
      expect(codesOf(other)).to.deep.equal(["idempotency_key_reused"]);
    });

    test("never answers one wish with the intent of another under the same key and request", async (world) => {
      const items = [1, 2].map((n) => ({ facts: mintFacts(toHash("deposit", n)), idempotency: key("k1") }));
      const [first, second] = await world.store.acceptBatch(items, world.at());
      expect(first?.kind).to.equal("created");
      expect(second === undefined ? [] : codesOf(second)).to.deep.equal(["idempotency_in_flight"]);
    });

    test("binds a key to an intent that existed already", async (world) => {
      await world.fund(ana, 100n);
      const facts = transferFacts();
      const intent = await world.accept(facts);
      expect((await world.acceptOne(facts, key("k1"))).kind).to.equal("existing");
      expect(await world.store.findIdempotent(key("k1"))).to.deep.equal({ kind: "hit", intent });
    });
  });
}

function describeFences(open: OpenStore): void {
  const test = (title: string, body: (world: World) => Promise<void>) =>
    it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );

  describe("one live intent per fence", () => {
    test("refuses another transfer on a live nonce and names 16 free ones", async (world) => {
      await world.fund(ana, 100n);
      await world.accept(transferFacts({ nonce: toWord(0n), amount: 1n }));
      await world.accept(transferFacts({ nonce: toWord(2n), amount: 1n }));
      const outcome = await world.acceptOne(transferFacts({ nonce: toWord(0n), amount: 1n }));
      expect(codesOf(outcome)).to.deep.equal(["nonce_in_use"]);
      const extra = outcome.kind === "refused" ? outcome.reasons[0]?.extra : undefined;
      const free = [1, ...Array.from({ length: 15 }, (_, i) => i + 3)].map(String);
      expect(extra).to.deep.equal({ freeNonces: free });
      expect((await world.account(ana)).held).to.equal(2n);
    });

    test("accepts the cancellation of a live transfer, once", async (world) => {
      await world.fund(ana, 100n);
      const transfer = await world.accept(transferFacts());
      const cancel = await world.accept(cancelFacts(transfer));
      expect(cancel.state).to.equal("accepted");
      expect(codesOf(await world.acceptOne(cancelFacts(transfer)))).to.deep.equal(["nonce_in_use"]);
    });

    test("refuses a second order for a live deposit, a spent one, and knows the settled one", async (world) => {
      const deposit = toHash("deposit", 1);
      const facts = mintFacts(deposit);
      const mint = await world.accept(facts);
      expect(codesOf(await world.acceptOne(mintFacts(deposit)))).to.deep.equal(["deposit_conflict"]);
      await world.settle(await world.send(mint), mint);
      await world.finalize();
      expect(codesOf(await world.acceptOne(mintFacts(deposit)))).to.deep.equal(["deposit_conflict"]);
      const again = await world.acceptOne(facts);
      expect(again.kind === "existing" && again.intent.state).to.equal("settled");
    });

    test("refuses a second step of a redemption while one is in flight, and a step whose state was left", async (world) => {
      const fence = stepFence(escrow, toHash("redemption", 1), "locked");
      const step = () => transferFacts({ kind: "accept", fence, payer: null, payee: null, amount: 0n });
      const first = await world.accept(step());
      const rival = transferFacts({ kind: "cancel-redemption", fence, payer: null, payee: null, amount: 0n });
      expect(codesOf(await world.acceptOne(rival))).to.deep.equal(["step_in_flight"]);
      const at = { transaction: world.nextHash(), logIndex: 1, by: stranger };
      await world.apply({ fences: [{ fence, how: "used", match: { kinds: ["accept"] }, ...at }] });
      await world.finalize();
      expect((await world.read(first)).state).to.equal("settled");
      expect(codesOf(await world.acceptOne(step()))).to.deep.equal(["redemption_state_invalid"]);
    });

    test("refuses an order id in flight and one that was used", async (world) => {
      const order = orderFacts("freeze", stranger, toWord(5n));
      const intent = await world.accept(order);
      expect(codesOf(await world.acceptOne(orderFacts("freeze", stranger, toWord(5n))))).to.deep.equal([
        "step_in_flight",
      ]);
      const at = { transaction: world.nextHash(), logIndex: 1, by: stranger };
      await world.apply({ fences: [{ fence: order.fence, how: "used", match: { digest: order.digest }, ...at }] });
      await world.finalize();
      expect((await world.read(intent)).state).to.equal("settled");
      expect(codesOf(await world.acceptOne(orderFacts("freeze", stranger, toWord(5n))))).to.deep.equal(["nonce_used"]);
    });

    test("keeps a role's order id apart from the same address's payment nonce", async (world) => {
      await world.fund(stranger, 100n);
      const order = orderFacts("freeze", stranger, toWord(0n));
      await world.accept(order);
      const at = { transaction: world.nextHash(), logIndex: 1, by: stranger };
      await world.apply({ fences: [{ fence: order.fence, how: "used", match: { digest: order.digest }, ...at }] });
      expect((await world.account(stranger)).nonceBase).to.equal(0n);
      const payment = await world.accept(
        transferFacts({ payer: stranger, payee: luis, nonce: toWord(0n), amount: 1n }),
      );
      await world.settle(await world.send(payment), payment);
      expect((await world.account(stranger)).nonceBase).to.equal(1n);
    });

    test("refuses a consumed bitmap nonce and a window nonce below the base", async (world) => {
      await world.fund(ana, 100n);
      const spent = transferFacts({ nonce: wide(1), amount: 1n });
      const low = transferFacts({ nonce: toWord(0n), amount: 1n });
      await world.apply(world.settled([spent, low], world.nextHash(), stranger));
      await world.finalize();
      for (const { fence } of [spent, low]) {
        const outcome = await world.acceptOne(transferFacts({ nonce: fence.key, amount: 1n }));
        expect(codesOf(outcome)).to.deep.equal(["nonce_used"]);
      }
      expect((await world.account(ana)).held, "a refusal holds nothing").to.equal(0n);
    });

    test("refuses a nonce that was cancelled outside the node", async (world) => {
      await world.fund(ana, 100n);
      const facts = transferFacts();
      await world.apply({ fences: [toCancelled(facts.fence, { transaction: world.nextHash(), logIndex: 1 })] });
      expect(codesOf(await world.acceptOne(facts))).to.deep.equal(["nonce_used"]);
    });

    test("frees the nonce of an expired transfer", async (world) => {
      await world.fund(ana, 100n);
      const nonce = wide(9);
      const old = await world.accept(transferFacts({ nonce, validBefore: 1 }));
      await world.finalize();
      expect((await world.read(old)).state).to.equal("expired");
      expect((await world.acceptOne(transferFacts({ nonce }))).kind).to.equal("created");
    });
  });
}

function describeHolds(open: OpenStore): void {
  const test = (title: string, body: (world: World) => Promise<void>) =>
    it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );

  describe("holds", () => {
    test("accepts up to the balance and refuses one base unit more, with both values", async (world) => {
      await world.fund(ana, 100n);
      expect((await world.acceptOne(transferFacts({ amount: 60n }))).kind).to.equal("created");
      const outcome = await world.acceptOne(transferFacts({ amount: 41n }));
      expect(codesOf(outcome)).to.deep.equal(["insufficient_funds"]);
      const reason = outcome.kind === "refused" ? outcome.reasons[0] : undefined;
      expect([reason?.subject, reason?.actual, reason?.limit]).to.deep.equal([ana, "40", "41"]);
      expect((await world.acceptOne(transferFacts({ amount: 40n }))).kind).to.equal("created");
      expect((await world.account(ana)).held).to.equal(100n);
    });

    test("refuses an account it never saw", async (world) => {
      const outcome = await world.acceptOne(transferFacts({ payer: stranger, amount: 1n }));
      expect(codesOf(outcome)).to.deep.equal(["insufficient_funds"]);
    });

    test("counts what is frozen as not available, and refuses an account frozen whole", async (world) => {
      await world.fund(ana, 100n);
      const freeze = (frozen: bigint | null) =>
        world.apply({
          freezes: [{ coin, account: ana, frozen, transaction: world.nextHash(), logIndex: world.nextLog() }],
        });
      await freeze(30n);
      expect(codesOf(await world.acceptOne(transferFacts({ amount: 71n })))).to.deep.equal(["insufficient_funds"]);
      expect((await world.acceptOne(transferFacts({ amount: 70n }))).kind).to.equal("created");
      await freeze(null);
      expect(codesOf(await world.acceptOne(transferFacts({ amount: 0n })))).to.deep.equal(["payer_frozen"]);
      expect((await world.account(ana)).frozen).to.equal(null);
    });

    test("lets the items of one batch see each other: the same funds are not promised twice", async (world) => {
      await world.fund(ana, 100n);
      const items = [60n, 60n, 40n].map((amount) => ({ facts: transferFacts({ amount }), idempotency: null }));
      const outcomes = await world.store.acceptBatch(items, world.at());
      expect(outcomes.map((outcome) => outcome.kind)).to.deep.equal(["created", "refused", "created"]);
    });

    test("lets the same digest twice in one batch be one intent", async (world) => {
      await world.fund(ana, 100n);
      const facts = transferFacts({ amount: 60n });
      const item = { facts, idempotency: null };
      const [first, second] = await world.store.acceptBatch([item, item], world.at());
      expect([first?.kind, second?.kind]).to.deep.equal(["created", "existing"]);
      expect((await world.account(ana)).held).to.equal(60n);
    });

    test("lets a refused item free its fence for the next one of the batch", async (world) => {
      await world.fund(ana, 100n);
      const nonce = wide(77);
      const items = [101n, 100n].map((amount) => ({ facts: transferFacts({ amount, nonce }), idempotency: null }));
      const outcomes = await world.store.acceptBatch(items, world.at());
      expect(outcomes.map((outcome) => outcome.kind)).to.deep.equal(["refused", "created"]);
    });

    test("holds nothing for an intent without a payer", async (world) => {
      await world.accept(mintFacts(toHash("deposit", 1), { amount: 500n }));
      expect((await world.account(ana)).held).to.equal(0n);
      expect((await world.account(zeroAddress)).held).to.equal(0n);
    });

    test("keeps the hold of a cancelled transfer until the cancellation is final", async (world) => {
      await world.fund(ana, 100n);
      const transfer = await world.accept(transferFacts({ amount: 60n }));
      await world.apply({ fences: [toCancelled(transfer.fence, { transaction: world.nextHash(), logIndex: 1 })] });
      expect((await world.account(ana)).held).to.equal(60n);
      await world.finalize();
      expect((await world.account(ana)).held).to.equal(0n);
    });

    test("P10: of two submissions racing with one digest one creates and one finds it", async (world) => {
      await world.fund(ana, 100n);
      const facts = transferFacts({ amount: 60n });
      const outcomes = await Promise.all([world.acceptOne(facts), world.acceptOne(facts), world.acceptOne(facts)]);
      expect(outcomes.map((outcome) => outcome.kind).sort()).to.deep.equal(["created", "existing", "existing"]);
    });

    test("P10: of two payments racing for one nonce one wins, and of two racing for one balance one wins", async (world) => {
      await world.fund(ana, 100n);
      const nonce = wide(5);
      const byNonce = await Promise.all([1n, 2n].map((amount) => world.acceptOne(transferFacts({ amount, nonce }))));
      expect(byNonce.map((outcome) => outcome.kind).sort()).to.deep.equal(["created", "refused"]);
      const byFunds = await Promise.all([90n, 91n].map((amount) => world.acceptOne(transferFacts({ amount }))));
      expect(byFunds.map((outcome) => outcome.kind).sort()).to.deep.equal(["created", "refused"]);
    });

    test("answers a batch of 1,000 in input order, the bad ones among them refused", async (world) => {
      await world.fund(ana, 2_000n);
      const items = Array.from({ length: 1_000 }, (_, i) => ({
        facts: transferFacts({ amount: i % 100 === 7 ? 5_000n : 2n, digest: nextDigest() }),
        idempotency: null,
      }));
      const outcomes = await world.store.acceptBatch(items, world.at());
      const refused = outcomes.flatMap((outcome, index) => (outcome.kind === "refused" ? [index] : []));
      expect(refused).to.deep.equal([7, 107, 207, 307, 407, 507, 607, 707, 807, 907]);
      outcomes.forEach((outcome, index) => {
        if (outcome.kind === "created") expect(outcome.intent.digest).to.equal(items[index]?.facts.digest);
      });
      expect((await world.account(ana)).held).to.equal(1_980n);
      expect((await world.store.countByState()).accepted).to.equal(990);
    });
  });
}

export function describeIntake(open: OpenStore): void {
  describe("intake", () => {
    describeIdentity(open);
    describeFences(open);
    describeHolds(open);
  });
}
