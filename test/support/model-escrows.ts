/**
 * The escrows and the swap as naive contract models, from their interfaces alone and apart from the node's own arithmetic: claims, payments with
 * captures, voids, refunds, disputes, and quotes over two coins. A step is judged first and changes nothing when it would revert.
 */
import { strict as assert } from "node:assert";
import { type ClaimTerms, type PaymentTerms, paymentFence, toPaymentState } from "../../src/domain/agreement.ts";
import type { AgreementMoved } from "../../src/domain/facts.ts";
import type { Address, Word } from "../../src/domain/hex.ts";
import type { Fence, HeldReason, IntentKind } from "../../src/domain/intent.ts";
import { claimId, fenceOf, legNonce, type ModelStep, paymentId, quoteId, refundNonce } from "./model-agreements.ts";
import { accountIn, consume, type Context, type CoinState, judgeNonce, move } from "./model-coin.ts";
import { claims, commerce, swap } from "./model-names.ts";

interface PaymentRecord {
  readonly terms: PaymentTerms;
  captured: bigint;
  voided: bigint;
  refunded: bigint;
  feeBps: bigint;
  disputed: boolean;
}

export interface EscrowState {
  readonly claims: Map<Word, { readonly terms: ClaimTerms; state: string }>;
  readonly payments: Map<Word, PaymentRecord>;
  readonly quotes: Set<Word>;
  readonly attestations: Set<Word>;
}

export function createEscrows(): EscrowState {
  return { claims: new Map(), payments: new Map(), quotes: new Set(), attestations: new Set() };
}

export interface EscrowContext {
  readonly escrows: EscrowState;
  readonly coins: readonly CoinState[];
  /** The transaction, for either coin. */
  readonly at: Omit<Context, "state">;
}

export function coinIn(coins: readonly CoinState[], address: Address): CoinState {
  return coins.find((state) => state.address === address) ?? assert.fail("a coin of the model");
}

/** ReceiveWithAuthorization: the order of the coin's checks. */
export function judgeTake(
  state: CoinState,
  from: Address,
  take: { amount: bigint; until: number; nonce: Word; time: number },
) {
  if (take.time >= take.until) return "expired";
  const { balance, frozen } = accountIn(state, from);
  if (frozen === null) return "payer_frozen";
  if (balance - frozen < take.amount) return "insufficient_funds";
  return judgeNonce(state, from, take.nonce);
}

const left = ({ terms, captured, voided }: PaymentRecord): bigint => terms.amount - captured - voided;

function judgePaymentStep(
  step: Extract<ModelStep, { terms: PaymentTerms }>,
  context: EscrowContext,
): HeldReason | null {
  const { escrows, coins, at } = context;
  const { terms } = step;
  const record = escrows.payments.get(paymentId(terms));
  if (step.kind === "authorize" || step.kind === "charge") {
    if (record !== undefined) return "agreement_state_invalid";
    const take = { amount: terms.amount, until: terms.authorizeBy, nonce: paymentId(terms), time: at.time };
    return judgeTake(coinIn(coins, terms.coin), terms.payer, take);
  }
  if (record === undefined) return "agreement_state_invalid";
  if (step.kind === "refund") {
    if (step.refunded !== record.refunded || record.refunded + step.amount > record.captured) {
      return "agreement_state_invalid";
    }
    const nonce = refundNonce(paymentId(terms), step.refunded);
    const take = { amount: step.amount, until: terms.refundBy, nonce, time: at.time };
    return judgeTake(coinIn(coins, terms.coin), terms.merchant, take);
  }
  const expected = "order" in step ? step.order : step;
  if (expected.captured !== record.captured || expected.voided !== record.voided) return "agreement_state_invalid";
  if (left(record) === 0n) return "agreement_state_invalid";
  const end = terms.captureBy + (record.disputed ? 15 * 86_400 : 0);
  if (at.time >= end !== (step.kind === "reclaim-payment")) return "deadline_passed";
  if (step.kind === "capture" || step.kind === "dispute-payment")
    return record.disputed ? "agreement_state_invalid" : null;
  return step.kind === "resolve-payment" && !record.disputed ? "agreement_state_invalid" : null;
}

function judgeClaimStep(step: ModelStep & { id: Word }, { escrows, at }: EscrowContext): HeldReason | null {
  const record = escrows.claims.get(step.id);
  if (record?.state !== "open") return "agreement_state_invalid";
  const { expiry, cancelFrom } = record.terms;
  if (step.kind === "cancel-claim" && at.time < cancelFrom) return "not_yet_valid";
  return at.time >= expiry === (step.kind === "reclaim-claim") ? null : "deadline_passed";
}

/** Why the step would revert; null when it would not. */
export function judgeStep(step: ModelStep, context: EscrowContext): HeldReason | null {
  const { escrows, coins, at } = context;
  if ("deadline" in step && at.time > step.deadline) return "expired";
  switch (step.kind) {
    case "open-claim": {
      const { terms } = step;
      const take = { amount: terms.amount, until: terms.expiry, nonce: claimId(terms), time: at.time };
      return judgeTake(coinIn(coins, terms.coin), terms.sender, take);
    }
    case "claim":
    case "decline-claim":
    case "cancel-claim":
    case "reclaim-claim":
      return judgeClaimStep(step, context);
    case "swap": {
      const { terms } = step;
      const id = quoteId(terms);
      if (escrows.quotes.has(id)) return "nonce_used";
      const { validBefore: until } = terms;
      const sell = { amount: terms.sellAmount, until, nonce: legNonce(id, 1), time: at.time };
      const buy = { amount: terms.buyAmount, until, nonce: legNonce(id, 2), time: at.time };
      return (
        judgeTake(coinIn(coins, terms.sellCoin), terms.maker, sell) ??
        judgeTake(coinIn(coins, terms.buyCoin), terms.taker, buy)
      );
    }
    case "cancel-quote":
      return escrows.quotes.has(quoteId(step.terms)) ? "nonce_used" : null;
    case "travel-attest":
      return escrows.attestations.has(step.attestationId) ? "nonce_used" : null;
    default:
      return judgePaymentStep(step, context);
  }
}

/** Writes into the log as the decoder would read it. */
function createWriter(step: ModelStep, { coins, at }: EscrowContext) {
  const place = () => ({ transaction: at.hash, logIndex: at.nextIndex(), by: at.by });
  return {
    use(fence: Fence, match: { kinds?: readonly IntentKind[]; payee?: Address; amount?: bigint }): void {
      at.log.fences.push({ fence, how: "used", match, ...place() });
    },
    take(
      coin: Address,
      from: Address,
      to: Address,
      taken: { amount: bigint; nonce: Word; kinds?: readonly IntentKind[]; cause?: Fence },
    ): void {
      const { amount, nonce, kinds, cause } = taken;
      const state = coinIn(coins, coin);
      const fence = { scope: coin, subject: from, key: nonce };
      consume(state, from, nonce);
      this.use(fence, { payee: to, amount, ...(kinds === undefined ? {} : { kinds }) });
      move({ ...at, state }, { kind: "transfer", from, to, amount, memo: null, fence: cause ?? fence });
    },
    /** Out of an escrow, for the step whose fence that is. */
    pay(coin: Address, from: Address, to: Address, amount: bigint, fence: Fence = fenceOf(step)): void {
      if (amount === 0n) return;
      const state = coinIn(coins, coin);
      move({ ...at, state }, { kind: "transfer", from, to, amount, memo: null, fence });
    },
    tell(moved: Omit<AgreementMoved, "transaction" | "logIndex" | "by">): void {
      at.log.agreements.push({ ...moved, ...place() });
    },
  };
}
type Writer = ReturnType<typeof createWriter>;

function runClaim(
  step: Extract<ModelStep, { kind: "claim" | "decline-claim" | "cancel-claim" | "reclaim-claim" }>,
  context: EscrowContext,
  writer: Writer,
): void {
  const record = context.escrows.claims.get(step.id) ?? assert.fail("judged before");
  const { coin, sender, amount } = record.terms;
  const party = step.kind === "claim" ? step.recipient : sender;
  const names = {
    claim: ["claim", "claimed"],
    "decline-claim": ["decline", "declined"],
    "cancel-claim": ["cancel", "cancelled"],
    "reclaim-claim": ["reclaim", "reclaimed"],
  } as const;
  const [name, state] = names[step.kind];
  record.state = state;
  writer.use(fenceOf(step), { kinds: [step.kind], ...(step.kind === "claim" ? { payee: party } : {}) });
  const actor = step.kind === "reclaim-claim" ? context.at.by : step.signer;
  const moved = { id: step.id, escrow: claims, actor, party, step: name, state, amount, fee: 0n };
  writer.tell({ ...moved, totals: null, terms: null });
  writer.pay(coin, claims, party, amount);
}

function runPayment(step: Extract<ModelStep, { terms: PaymentTerms }>, context: EscrowContext, writer: Writer): void {
  const { terms } = step;
  const { coin, payer, merchant } = terms;
  const id = paymentId(terms);
  const { payments } = context.escrows;
  const record = payments.get(id) ?? { terms, captured: 0n, voided: 0n, refunded: 0n, feeBps: 0n, disputed: false };
  payments.set(id, record);
  const tell = (name: string, moved: { actor: Address; amount: bigint; fee?: bigint; isNew?: boolean }) => {
    const { captured, voided, refunded, disputed } = record;
    const totals = { captured, voided, refunded, disputed };
    const { actor, amount, fee = 0n, isNew = false } = moved;
    const state = toPaymentState(terms.amount, totals);
    const told = isNew ? ({ kind: "payment", terms } as const) : null;
    writer.tell({ id, escrow: commerce, actor, step: name, state, amount, fee, totals, terms: told });
  };
  const use = () => writer.use(paymentFence(commerce, id, record), { kinds: [step.kind] });
  const capture = (name: string, part: { amount: bigint; feeBps: number; rest: bigint; actor: Address }) => {
    const feeOf = (total: bigint) => (total * BigInt(part.feeBps)) / 10_000n;
    const fee = feeOf(record.captured + part.amount) - feeOf(record.captured);
    const fence = paymentFence(commerce, id, record);
    record.captured += part.amount;
    record.voided += part.rest;
    if (left(record) === 0n) record.disputed = false;
    tell(name, { actor: part.actor, amount: part.amount, fee });
    writer.pay(coin, commerce, merchant, part.amount - fee, fence);
    writer.pay(coin, commerce, terms.feeReceiver, fee, fence);
    writer.pay(coin, commerce, payer, part.rest, fence);
  };
  const giveBack = (name: string, amount: bigint, actor: Address) => {
    record.voided += amount;
    if (left(record) === 0n) record.disputed = false;
    tell(name, { actor, amount });
    writer.pay(coin, commerce, payer, amount);
  };
  switch (step.kind) {
    case "authorize":
    case "charge":
      writer.take(coin, payer, commerce, { amount: terms.amount, nonce: id, kinds: [step.kind] });
      tell("authorize", { actor: payer, amount: terms.amount, isNew: true });
      if (step.kind === "charge") {
        const { amount, feeBps, voidRest } = step.capture;
        writer.use(paymentFence(commerce, id, record), { kinds: ["capture"] });
        capture("capture", { amount, feeBps, rest: voidRest ? left(record) - amount : 0n, actor: merchant });
      }
      return;
    case "capture": {
      const { amount, feeBps, voidRest } = step.order;
      use();
      return capture("capture", { amount, feeBps, rest: voidRest ? left(record) - amount : 0n, actor: merchant });
    }
    case "void":
      use();
      return giveBack("void", step.order.amount, merchant);
    case "reclaim-payment":
      use();
      return giveBack("reclaim", left(record), context.at.by);
    case "dispute-payment":
      use();
      record.disputed = true;
      return tell("dispute", { actor: payer, amount: left(record) });
    case "resolve-payment": {
      use();
      const rest = left(record) - step.toMerchant;
      return capture("resolve", { amount: step.toMerchant, feeBps: step.feeBps, rest, actor: terms.arbiter });
    }
    case "refund":
      record.refunded += step.amount;
      writer.take(coin, merchant, commerce, { amount: step.amount, nonce: fenceOf(step).key, kinds: ["refund"] });
      tell("refund", { actor: merchant, amount: step.amount });
      return writer.pay(coin, commerce, payer, step.amount);
  }
}

/** Runs a step; returns why it reverted, null when it did not. */
export function runStep(step: ModelStep, context: EscrowContext): HeldReason | null {
  const reason = judgeStep(step, context);
  if (reason !== null) return reason;
  const { escrows, coins } = context;
  const writer = createWriter(step, context);
  switch (step.kind) {
    case "open-claim": {
      const { terms } = step;
      const id = claimId(terms);
      escrows.claims.set(id, { terms, state: "open" });
      const { coin, sender: actor, amount } = terms;
      const moved = { id, escrow: claims, actor, step: "open", state: "open", amount, fee: 0n, totals: null };
      writer.tell({ ...moved, terms: { kind: "claim", terms } });
      writer.take(coin, actor, claims, { amount, nonce: id });
      return null;
    }
    case "claim":
    case "decline-claim":
    case "cancel-claim":
    case "reclaim-claim":
      runClaim(step, context, writer);
      return null;
    case "swap": {
      const { maker, taker, sellCoin, sellAmount, buyCoin, buyAmount } = step.terms;
      const id = quoteId(step.terms);
      escrows.quotes.add(id);
      // A quote explains all of its payments.
      const cause = fenceOf(step);
      writer.use(cause, { kinds: ["swap"] });
      writer.take(sellCoin, maker, swap, { amount: sellAmount, nonce: legNonce(id, 1), cause });
      writer.take(buyCoin, taker, swap, { amount: buyAmount, nonce: legNonce(id, 2), cause });
      writer.pay(sellCoin, swap, taker, sellAmount);
      writer.pay(buyCoin, swap, maker, buyAmount);
      return null;
    }
    case "cancel-quote": {
      escrows.quotes.add(quoteId(step.terms));
      const { hash: transaction, by, nextIndex } = context.at;
      const match = { kinds: ["cancel-quote"] as const };
      context.at.log.fences.push({
        fence: fenceOf(step),
        how: "cancelled",
        match,
        by,
        transaction,
        logIndex: nextIndex(),
      });
      return null;
    }
    case "travel-attest": {
      escrows.attestations.add(step.attestationId);
      const { attested } = coinIn(coins, step.coin);
      const pair = `${step.payer}:${step.payee}`;
      attested.set(pair, (attested.get(pair) ?? 0) + 1);
      writer.use(fenceOf(step), { kinds: ["travel-attest"], payee: step.payee, amount: step.amount });
      return null;
    }
    default:
      runPayment(step, context, writer);
      return null;
  }
}
