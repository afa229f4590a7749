/**
 * Claims, payments, quotes and public exits on a real store: what a block's steps change, what a reorg puts back, who sees them, what is due,
 * and which fences share a number without being the same.
 */
import { expect } from "chai";
import {
  type ClaimTerms,
  claimFence,
  paymentFence,
  type PaymentTerms,
  type QuoteTerms,
} from "../../src/domain/agreement.ts";
import type { AgreementMoved, FenceConsumed } from "../../src/domain/facts.ts";
import { type Address, toWord, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import { approvalFence, type Fence, type IntentKind } from "../../src/domain/intent.ts";
import type { StoredQuote } from "../../src/pipeline/ports.ts";
import { type OpenStore, withStore } from "./harness.ts";
import {
  ana,
  codesOf,
  coin,
  createWorld,
  escrow,
  lane,
  luis,
  stranger,
  toAddress,
  toHash,
  transferFacts,
  type World,
} from "./world.ts";

type Test = (title: string, body: (world: World) => Promise<void>) => void;

const attestor = toAddress(0xa7);
const arbiter = toAddress(0xab);
const registry = toAddress(0x4e);
const swap = toAddress(0x5a);

const claim: ClaimTerms = {
  coin,
  sender: ana,
  amount: 40n,
  linkKey: toAddress(0x11),
  attestor,
  handle: toHash("handle", 1),
  cancelFrom: 50,
  expiry: 100,
  salt: toHash("salt", 1),
};
const payment: PaymentTerms = {
  coin,
  payer: ana,
  merchant: luis,
  amount: 90n,
  feeReceiver: zeroAddress,
  minFeeBps: 0,
  maxFeeBps: 0,
  arbiter,
  authorizeBy: 50,
  captureBy: 200,
  refundBy: 300,
  salt: toHash("salt", 2),
};
const claimId = toHash("claim", 1);
const paymentId = toHash("payment", 1);

function createSteps(world: World) {
  const base = () => ({ escrow, fee: 0n, terms: null, transaction: world.nextHash(), logIndex: world.nextLog() });
  return {
    open: (change: Partial<AgreementMoved> = {}): AgreementMoved => ({
      ...base(),
      id: claimId,
      actor: ana,
      step: "open",
      state: "open",
      amount: 40n,
      totals: null,
      terms: { kind: "claim", terms: claim },
      ...change,
    }),
    claimed: (party: Address): AgreementMoved => ({
      ...base(),
      id: claimId,
      actor: claim.linkKey,
      party,
      step: "claim",
      state: "claimed",
      amount: 40n,
      totals: null,
    }),
    pay: (
      step: string,
      done: { captured?: bigint; voided?: bigint; disputed?: boolean; state?: string },
    ): AgreementMoved => {
      const { captured = 0n, voided = 0n, disputed = false, state = "authorized" } = done;
      const totals = { captured, voided, refunded: 0n, disputed };
      const terms = step === "authorize" ? ({ kind: "payment", terms: payment } as const) : null;
      return { ...base(), id: paymentId, actor: luis, step, state, amount: 30n, totals, terms };
    },
  };
}

const used = (fence: Fence, kinds: readonly IntentKind[], world: World): FenceConsumed => ({
  fence,
  how: "used",
  match: { kinds },
  transaction: world.nextHash(),
  logIndex: world.nextLog(),
  by: stranger,
});

function describeAgreements(test: Test): void {
  describe("agreements", () => {
    test("keep their terms and every step, in order, with their evidence", async (world) => {
      const steps = createSteps(world);
      expect(await world.store.readAgreement(paymentId)).to.equal(null);
      const authorized = steps.pay("authorize", {});
      await world.apply({ agreements: [authorized] });
      const captured = { ...steps.pay("capture", { captured: 30n }), fee: 1n, by: stranger };
      await world.apply({ agreements: [captured] });
      const stored = await world.store.readAgreement(paymentId);
      expect(stored?.agreement).to.deep.equal({ kind: "payment", terms: payment });
      expect([stored?.id, stored?.escrow, stored?.state]).to.deep.equal([paymentId, escrow, "authorized"]);
      expect(stored?.totals).to.deep.equal({ captured: 30n, voided: 0n, refunded: 0n, disputed: false });
      expect(stored?.steps[1]).to.deep.equal({
        step: "capture",
        state: "authorized",
        actor: luis,
        amount: 30n,
        fee: 1n,
        time: world.blocks.head?.time,
        blockNumber: 2,
        blockHash: world.blocks.head?.hash,
        transaction: captured.transaction,
        logIndex: captured.logIndex,
        by: stranger,
      });
      expect(stored?.steps[0]?.by, "the actor, where nobody says who sent it").to.equal(luis);
    });

    test("are listed to their parties alone, newest first, the recipient of a claim from then on", async (world) => {
      const steps = createSteps(world);
      const other = toHash("claim", 2);
      await world.apply({ agreements: [steps.open()] });
      await world.apply({ agreements: [steps.open({ id: other }), steps.pay("authorize", {})] });
      const list = async (account: Address, kind: "claim" | "payment", limit = 9) =>
        (await world.store.listAgreements({ kind, account, limit })).map(({ id }) => id);
      expect(await list(ana, "claim")).to.deep.equal([other, claimId]);
      expect(await list(ana, "claim", 1)).to.deep.equal([other]);
      expect(await list(attestor, "claim")).to.deep.equal([other, claimId]);
      for (const party of [ana, luis, arbiter]) expect(await list(party, "payment")).to.deep.equal([paymentId]);
      expect(await list(zeroAddress, "payment"), "nobody is no party").to.deep.equal([]);
      expect(await list(stranger, "claim")).to.deep.equal([]);
      await world.apply({ agreements: [steps.claimed(stranger)] });
      expect(await list(stranger, "claim")).to.deep.equal([claimId]);
      await world.reorgTo(2);
      expect(await list(stranger, "claim")).to.deep.equal([]);
    });

    test("tell each step to every party, and to nobody else", async (world) => {
      const steps = createSteps(world);
      await world.apply({ agreements: [steps.open(), steps.pay("authorize", {})] });
      await world.apply({ agreements: [steps.claimed(stranger)] });
      const told = async (account: Address) => {
        const { events } = await world.store.readEvents({ after: 0n, limit: 99, account });
        return events.map(({ type, body }) => `${type} ${String(body["step"])}`);
      };
      expect(await told(ana)).to.deep.equal(["claim open", "payment authorize", "claim claim"]);
      expect(await told(attestor)).to.deep.equal(["claim open", "claim claim"]);
      expect(await told(stranger)).to.deep.equal(["claim claim"]);
      expect(await told(luis)).to.deep.equal(["payment authorize"]);
      expect(await told(arbiter)).to.deep.equal(["payment authorize"]);
      expect(await told(claim.linkKey)).to.deep.equal([]);
      const { events } = await world.store.readEvents({ after: 0n, limit: 99 });
      expect(events.map(({ accounts }) => accounts)).to.deep.equal([
        [ana, attestor],
        [ana, luis, arbiter],
        [ana, stranger, attestor],
      ]);
      expect(events[1]?.body).to.deep.include({ payment: paymentId, amount: "30", captured: "0", disputed: false });
    });

    test("link a step to the intent that it carried out", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(
        transferFacts({ kind: "open-claim", nonce: claimId, payee: escrow, amount: 40n, subject: claimId }),
      );
      const slot = await world.send(intent);
      const transaction = slot.attempt.hash;
      const opened = createSteps(world).open({ transaction });
      await world.apply({ ...world.settled([intent], transaction), agreements: [opened], slots: [world.mined(slot)] });
      expect((await world.read(intent)).state).to.equal("included");
      const { events } = await world.store.readEvents({ after: 0n, limit: 99 });
      expect(events.find(({ type }) => type === "claim")?.intent).to.equal(intent.sequence);
      expect((await world.store.readAgreement(claimId))?.steps[0]?.by).to.equal(lane);
    });

    test("P8: go back step by step with a reorg, and go altogether with their first", async (world) => {
      const steps = createSteps(world);
      await world.apply({ agreements: [steps.pay("authorize", {})] });
      const before = await world.store.readAgreement(paymentId);
      await world.apply({ agreements: [steps.pay("capture", { captured: 30n })] });
      await world.apply({ agreements: [steps.pay("void", { captured: 30n, voided: 60n, state: "closed" })] });
      await world.reorgTo(1);
      expect(await world.store.readAgreement(paymentId)).to.deep.equal(before);
      const { events } = await world.store.readEvents({ after: 0n, limit: 99 });
      expect(events.slice(-2).map(({ body }) => [body["step"], body["why"]])).to.deep.equal([
        ["void", "reorg"],
        ["capture", "reorg"],
      ]);
      await world.reorgTo(0);
      expect(await world.store.readAgreement(paymentId)).to.equal(null);
      expect(await world.store.listAgreements({ kind: "payment", account: ana, limit: 9 })).to.deep.equal([]);
    });

    test("P19: throws when an agreement moves that was never made", async (world) => {
      const error: unknown = await world.apply({ agreements: [createSteps(world).claimed(luis)] }).catch(String);
      expect(String(error)).to.match(/P19/);
    });
  });
}

function describeExits(test: Test): void {
  describe("public exits", () => {
    const due = async ({ store }: World, now: number, limit = 9) =>
      (await store.listDue({ now, limit })).map(({ kind, id, due: at }) => [kind, id, at]);
    const red = toHash("redemption", 7);
    const terms = {
      coin,
      holder: ana,
      amount: 50n,
      payout: zeroWord,
      acceptBy: 10,
      payoutBy: 20,
      finalBy: 30,
      salt: zeroWord,
    };
    const moved = (world: World, from: "none" | "locked" | "accepted" | "sent" | "disputed", to: string) => ({
      id: red,
      escrow,
      actor: ana,
      from,
      to: to as "locked",
      reference: zeroWord,
      terms: from === "none" ? terms : null,
      transaction: world.nextHash(),
      logIndex: world.nextLog(),
    });

    test("are listed from their deadline on, oldest first, while something is open", async (world) => {
      const steps = createSteps(world);
      await world.apply({
        agreements: [steps.pay("authorize", {}), steps.open()],
        redemptions: [moved(world, "none", "locked")],
      });
      expect(await due(world, 9)).to.deep.equal([]);
      expect(await due(world, 10)).to.deep.equal([["reclaim", red, 10]]);
      expect(await due(world, 99)).to.have.length(1);
      expect(await due(world, 200)).to.deep.equal([
        ["reclaim", red, 10],
        ["reclaim-claim", claimId, 100],
        ["reclaim-payment", paymentId, 200],
      ]);
      expect(await due(world, 200, 2)).to.have.length(2);
      await world.apply({ agreements: [steps.claimed(luis)] });
      expect((await due(world, 200)).map(([kind]) => kind)).to.deep.equal(["reclaim", "reclaim-payment"]);
    });

    test("follow a redemption through its states, a dispute fifteen days beyond the last deadline", async (world) => {
      const at = async () => (await world.store.listDue({ now: 1e10, limit: 1 }))[0]?.due;
      const path = [
        ["none", "locked", 10],
        ["locked", "accepted", 20],
        ["accepted", "sent", 30],
        ["sent", "disputed", 30 + 15 * 86_400],
        ["disputed", "returned", undefined],
      ] as const;
      for (const [from, to, expected] of path) {
        await world.apply({ redemptions: [moved(world, from, to)] });
        expect(await at(), to).to.equal(expected);
      }
      for (let block = path.length - 1; block > 0; block--) {
        await world.reorgTo(block);
        expect(await at()).to.equal(path[block - 1]?.[2]);
      }
      await world.reorgTo(0);
      expect(await at()).to.equal(undefined);
    });

    test("follow a payment: a dispute postpones it, closing ends it, a reorg brings it back", async (world) => {
      const steps = createSteps(world);
      await world.apply({ agreements: [steps.pay("authorize", {})] });
      await world.apply({ agreements: [steps.pay("dispute", { disputed: true, state: "disputed" })] });
      const late = 200 + 15 * 86_400;
      expect(await due(world, late - 1)).to.deep.equal([]);
      expect(await due(world, late)).to.deep.equal([["reclaim-payment", paymentId, late]]);
      await world.apply({ agreements: [steps.pay("resolve", { captured: 30n, voided: 60n, state: "closed" })] });
      expect(await due(world, late)).to.deep.equal([]);
      await world.reorgTo(1);
      expect(await due(world, 200)).to.deep.equal([["reclaim-payment", paymentId, 200]]);
    });

    test("leave out what is on its way, and list it again when that ended without it", async (world) => {
      await world.apply({ agreements: [createSteps(world).open()] });
      const call = { kind: "call", to: escrow, data: "0xab", gas: 100_000n } as const;
      const exit = await world.accept(
        transferFacts({
          kind: "reclaim-claim",
          fence: claimFence(escrow, claimId),
          payer: null,
          payee: null,
          amount: 0n,
          subject: claimId,
          action: call,
          validBefore: 1_700_000_000 + 5,
        }),
      );
      expect(await due(world, 100)).to.deep.equal([]);
      await world.apply({}, 1_700_000_000 + 5);
      await world.finalize();
      expect((await world.read(exit)).state).to.equal("expired");
      expect(await due(world, 100)).to.deep.equal([["reclaim-claim", claimId, 100]]);
    });

    test("sum up what an escrow keeps for what is open, per coin", async (world) => {
      const steps = createSteps(world);
      const sum = (of: Address, inCoin = coin) => world.store.sumEscrow({ escrow: of, coin: inCoin });
      expect(await sum(escrow)).to.deep.equal({ open: 0n, balance: 0n });
      await world.fund(escrow, 135n);
      await world.apply({ agreements: [steps.open(), steps.pay("authorize", {})] });
      expect(await sum(escrow)).to.deep.equal({ open: 130n, balance: 135n });
      await world.apply({ agreements: [steps.pay("capture", { captured: 30n })] });
      expect(await sum(escrow)).to.deep.equal({ open: 100n, balance: 135n });
      expect(await sum(escrow, toAddress(0xdead))).to.deep.equal({ open: 0n, balance: 0n });
      expect(await sum(swap)).to.deep.equal({ open: 0n, balance: 0n });
    });
  });
}

function describeQuotes(test: Test): void {
  const quote = (n: number, change: Partial<QuoteTerms> = {}): StoredQuote => ({
    id: toHash("quote", n),
    terms: {
      maker: ana,
      taker: luis,
      sellCoin: coin,
      sellAmount: 1n << 60n,
      buyCoin: toAddress(0xc2),
      buyAmount: 7n,
      validBefore: 100,
      salt: toHash("salt", n),
      ...change,
    },
    makerSignature: "0x1234",
    offeredAt: 5,
  });
  const fence = (n: number): Fence => ({ scope: swap, subject: zeroAddress, key: toHash("quote", n) });

  describe("quotes", () => {
    test("are kept as they were offered, once", async ({ store }) => {
      const bounds = { now: 10, limit: 1 };
      expect(await store.readQuote(quote(1).id)).to.equal(null);
      expect(await store.offerQuote(quote(1), bounds)).to.equal(true);
      expect(await store.offerQuote({ ...quote(1), offeredAt: 9 }, bounds), "the same again").to.equal(true);
      expect(await store.readQuote(quote(1).id)).to.deep.equal(quote(1));
    });

    test("are bounded per maker; expired ones go and make room", async ({ store }) => {
      const bounds = { now: 10, limit: 2 };
      expect(await store.offerQuote(quote(1), bounds)).to.equal(true);
      expect(await store.offerQuote(quote(2, { validBefore: 101 }), bounds)).to.equal(true);
      expect(await store.offerQuote(quote(3), bounds)).to.equal(false);
      expect(await store.readQuote(quote(3).id)).to.equal(null);
      expect(await store.offerQuote(quote(4, { maker: stranger }), bounds)).to.equal(true);
      expect(await store.offerQuote(quote(3, { validBefore: 200 }), { now: 99, limit: 2 })).to.equal(false);
      expect(await store.offerQuote(quote(3, { validBefore: 200 }), { now: 100, limit: 2 })).to.equal(true);
      expect(await store.readQuote(quote(1).id)).to.equal(null);
      expect(await store.readQuote(quote(2).id)).to.not.equal(null);
    });

    test("end with a swap or a cancellation, which makes room too; a reorg opens them again", async (world) => {
      const { store } = world;
      const bounds = { now: 10, limit: 1 };
      await store.offerQuote(quote(1), bounds);
      expect(await store.readQuoteEnd(swap, quote(1).id)).to.equal(null);
      await world.apply({ fences: [used(fence(1), ["swap"], world)] });
      expect(await store.readQuoteEnd(swap, quote(1).id)).to.equal("swap");
      expect(await store.readQuoteEnd(escrow, quote(1).id)).to.equal(null);
      expect(await store.offerQuote(quote(2), bounds)).to.equal(true);
      await world.reorgTo(0);
      expect(await store.readQuoteEnd(swap, quote(1).id)).to.equal(null);
      expect(await store.offerQuote(quote(3), bounds)).to.equal(false);
      await world.apply({ fences: [{ ...used(fence(1), ["cancel-quote"], world), how: "cancelled" }] });
      expect(await store.readQuoteEnd(swap, quote(1).id)).to.equal("cancel-quote");
    });

    test("let a swap and the cancellation of it live side by side; one of them settles", async (world) => {
      const facts = { fence: fence(1), payer: null, payee: null, amount: 0n };
      const swapped = await world.accept(transferFacts({ ...facts, kind: "swap" }));
      const cancelled = await world.accept(transferFacts({ ...facts, kind: "cancel-quote" }));
      expect(codesOf(await world.acceptOne(transferFacts({ ...facts, kind: "swap" })))).to.deep.equal([
        "step_in_flight",
      ]);
      await world.apply({ fences: [used(fence(1), ["swap"], world)] });
      await world.finalize();
      expect([(await world.read(swapped)).state, (await world.read(cancelled)).state]).to.deep.equal([
        "settled",
        "superseded",
      ]);
      expect(codesOf(await world.acceptOne(transferFacts({ ...facts, kind: "swap" })))).to.deep.equal([
        "quote_state_invalid",
      ]);
    });
  });
}

function describeFences(test: Test): void {
  const call = { kind: "call", to: registry, data: "0xab", gas: 100_000n } as const;
  const ofRegistry = (kind: IntentKind, key: Word) =>
    transferFacts({
      kind,
      fence: { scope: registry, subject: ana, key },
      payer: null,
      payee: null,
      amount: 0n,
      action: call,
    });

  describe("fences that share their number", () => {
    test("a consent and the moment of leaving are two, and neither is a window nonce", async (world) => {
      const key = toWord(7n);
      const leave = await world.accept(ofRegistry("leave", key));
      const complete = await world.accept(ofRegistry("complete-leave", key));
      await world.apply({ fences: [used(leave.fence, ["leave"], world)] });
      await world.apply({ fences: [used(complete.fence, ["complete-leave"], world)] });
      await world.finalize();
      expect([(await world.read(leave)).state, (await world.read(complete)).state]).to.deep.equal([
        "settled",
        "settled",
      ]);
      const [account] = await world.store.readAccounts([{ coin: registry, address: ana }]);
      expect([account?.nonceBase, account?.consumed, account?.live]).to.deep.equal([0n, [], []]);
      const again = async (kind: IntentKind) => codesOf(await world.acceptOne(ofRegistry(kind, key)));
      expect(await again("join"), "joining and leaving share their ids").to.deep.equal(["nonce_used"]);
      expect(await again("complete-leave")).to.deep.equal(["vasp_invalid"]);
    });

    test("an approval may be given again, by another key and in another block, and each is settled once", async (world) => {
      const id = toHash("redemption", 9);
      const facts = () =>
        transferFacts({
          kind: "approve",
          fence: approvalFence(escrow, id),
          payer: null,
          payee: null,
          amount: 0n,
          subject: id,
          action: call,
        });
      const first = await world.accept(facts());
      await world.apply({ fences: [used(first.fence, ["approve"], world)] });
      await world.apply({ fences: [used(first.fence, ["approve"], world)] });
      const { evidence } = await world.read(first);
      expect(evidence?.blockNumber, "the first one is its own").to.equal(1);
      await world.finalize();
      const second = await world.accept(facts());
      await world.apply({ fences: [used(first.fence, ["approve"], world)] });
      await world.finalize();
      expect([(await world.read(first)).state, (await world.read(second)).state]).to.deep.equal(["settled", "settled"]);
    });

    test("P2: steps of two payments whose ids begin alike are two, each carried out by its own", async (world) => {
      const ids = ["aa", "bb"].map((end): Word => `0x${"5a".repeat(20)}${end.repeat(12)}`);
      const nothing = { captured: 0n, voided: 0n, disputed: false };
      const toFacts = (id: Word) =>
        transferFacts({
          kind: "capture",
          fence: paymentFence(escrow, id, nothing),
          payer: null,
          payee: luis,
          amount: 0n,
          subject: id,
          action: call,
        });
      const [first, second] = [
        await world.accept(toFacts(ids[0] as Word)),
        await world.accept(toFacts(ids[1] as Word)),
      ];
      await world.apply({ fences: [used(first.fence, ["capture"], world)] });
      await world.finalize();
      expect([(await world.read(first)).state, (await world.read(second)).state]).to.deep.equal([
        "settled",
        "accepted",
      ]);
      await world.apply({ fences: [used(second.fence, ["capture"], world)] });
      await world.finalize();
      expect((await world.read(second)).state).to.equal("settled");
      const { events } = await world.store.readEvents({ after: 0n, limit: 100 });
      const told = events.filter(({ intent }) => intent === second.sequence);
      expect(told.length).to.be.greaterThan(1);
      for (const { accounts } of told) expect(accounts, "an id is nobody's account").to.deep.equal([luis]);
    });

    test("says of each family of kinds what its fence being used means", async (world) => {
      const keyed = (kind: IntentKind, key: Word) =>
        transferFacts({
          kind,
          fence: { scope: escrow, subject: zeroAddress, key },
          payer: null,
          payee: null,
          amount: 0n,
        });
      const cases = [
        ["claim", "agreement_state_invalid"],
        ["capture", "agreement_state_invalid"],
        ["accept", "redemption_state_invalid"],
        ["swap", "quote_state_invalid"],
        ["approve-mint", "nonce_used"],
      ] as const;
      for (const [index, [kind, code]] of cases.entries()) {
        const facts = keyed(kind, toHash("key", index));
        await world.apply({ fences: [used(facts.fence, [kind], world)] });
        expect(codesOf(await world.acceptOne(facts)), kind).to.deep.equal([code]);
      }
    });
  });

  describe("an attestation", () => {
    test("makes what waits for it ready at once: rows of that payee and amount, and any call", async (world) => {
      await world.fund(ana, 100n);
      const row = await world.accept(transferFacts({ amount: 10n }));
      const other = await world.accept(transferFacts({ amount: 11n }));
      const elsewhere = await world.accept(transferFacts({ amount: 10n, payee: stranger }));
      const broke = await world.accept(transferFacts({ amount: 10n }));
      const step = await world.accept(ofRegistry("capture", toHash("key", 1)));
      const until = world.at() + 60_000;
      const wait = (intent: { sequence: bigint }, reason: "travel_rule" | "insufficient_funds") =>
        ({ sequence: intent.sequence, reason, until }) as const;
      await world.store.hold([
        ...[row, other, elsewhere, step].map((intent) => wait(intent, "travel_rule")),
        wait(broke, "insufficient_funds"),
      ]);
      const ready = async () =>
        (await world.store.readReady({ now: world.at(), limit: 9 })).map(({ sequence }) => sequence);
      expect(await ready()).to.deep.equal([]);
      const fence = { scope: registry, subject: toAddress(2), key: toWord(3n) };
      const match = { kinds: ["travel-attest"], payee: luis, amount: 10n } as const;
      await world.apply({ fences: [{ ...used(fence, ["travel-attest"], world), match }] });
      expect(await ready()).to.deep.equal([row.sequence, step.sequence]);
    });
  });
}

export function describeEscrows(open: OpenStore): void {
  const test: Test = (title, body) =>
    void it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );
  describe("escrows", () => {
    describeAgreements(test);
    describeExits(test);
    describeQuotes(test);
    describeFences(test);
  });
}
