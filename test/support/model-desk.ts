/**
 * Redemptions, orders of roles and families of wallet operators as naive contract models, from their interfaces alone: the bank desk, the
 * Treasury's and the coin's orders, the registry's members. An order is judged first and changes nothing when it would revert.
 */
import { strict as assert } from "node:assert";
import type { RedemptionTerms } from "../../src/domain/facts.ts";
import { type Address, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import type { Consumption } from "../../src/domain/lifecycle.ts";
import type { HeldReason, RedemptionState } from "../../src/domain/intent.ts";
import { endOf, isLeavable } from "../../src/domain/redemption.ts";
import type { CoinCall } from "./model-codec.ts";
import { accountIn, consume, type CoinState, type Context, move } from "./model-coin.ts";
import { coinIn, judgeTake } from "./model-escrows.ts";
import { dealer, redemptions } from "./model-names.ts";
import {
  approver,
  custody,
  digestOfOrder,
  fenceOfOrder,
  mintKey,
  type ModelOrder,
  redemptionId,
} from "./model-orders.ts";

interface Redemption {
  readonly terms: RedemptionTerms;
  state: RedemptionState;
  approver: Address | null;
}

export interface DeskState {
  readonly redemptions: Map<Word, Redemption>;
  /** `target:signer:id` of used orders, `account:id` of used consents, `signer:key` of approvals. */
  readonly used: Set<string>;
  /** Coins that may not be minted. */
  readonly off: Set<Address>;
  /** Coin → attested reserves. */
  readonly attested: Map<Address, bigint>;
  /** Account → its operator, and when it leaves, Unix seconds. */
  readonly members: Map<Address, { readonly vasp: number; leaveAt: number | null }>;
}

/** From this amount on a mint needs an approver, a payout a second key. */
export const approvalLimit = 1_000_000n;
/** Leaving takes effect at the second next full thousand seconds. */
const toLeaveAt = (time: number): number => (Math.floor(time / 1_000) + 2) * 1_000;

export function createDesk(): DeskState {
  return { redemptions: new Map(), used: new Set(), off: new Set(), attested: new Map(), members: new Map() };
}

export interface DeskContext {
  readonly desk: DeskState;
  readonly coins: readonly CoinState[];
  /** The transaction, for either coin. */
  readonly at: Omit<Context, "state">;
}

/** What the Treasury says to a mint before the coin does. */
export function judgeMint(desk: DeskState, coin: Address, call: CoinCall & { kind: "mint" }): HeldReason | null {
  if (desk.off.has(coin)) return "minting_off";
  const { depositId, to } = call;
  const amount = BigInt(call.amount);
  const key = mintKey({ dealer, coin, depositId, to, amount });
  return amount < approvalLimit || desk.used.has(`${approver}:${key}`) ? null : "approval_missing";
}

function judgeRedemption(order: Extract<ModelOrder, { id: Word }>, { desk, at }: DeskContext): HeldReason | null {
  const record = desk.redemptions.get(order.id);
  if (record === undefined || record.state !== order.from || !isLeavable(record.state)) {
    return "redemption_state_invalid";
  }
  const isOver = at.time >= endOf(record.state, record.terms).at;
  if (isOver !== (order.kind === "reclaim")) return "deadline_passed";
  if (order.kind === "approve") return record.approver === null ? null : "redemption_state_invalid";
  const needsKey = order.kind === "mark-sent" && record.terms.amount >= approvalLimit;
  return needsKey && record.approver === null ? "approval_missing" : null;
}

function judgeSeizure(order: Extract<ModelOrder, { kind: "seize" }>, { coins }: DeskContext): HeldReason | null {
  const { balance, frozen } = accountIn(coinIn(coins, order.coin), order.account);
  return order.amount > balance || (frozen !== null && order.amount > frozen) ? "insufficient_funds" : null;
}

/** Why the order would revert; null when it would not. */
export function judgeOrder(order: ModelOrder, context: DeskContext): HeldReason | null {
  const { desk, coins, at } = context;
  if ("deadline" in order && at.time > order.deadline) return "expired";
  switch (order.kind) {
    case "lock": {
      const { coin, holder, amount, acceptBy: until } = order.terms;
      const nonce = redemptionId(order.terms);
      if (desk.redemptions.has(nonce)) return "redemption_state_invalid";
      return judgeTake(coinIn(coins, coin), holder, { amount, until, nonce, time: at.time });
    }
    case "attest":
    case "minting":
    case "freeze":
    case "unfreeze":
    case "seize":
    case "approve-mint": {
      const { scope, subject, key } = fenceOfOrder(order);
      const id = order.kind === "approve-mint" ? `${subject}:${key}` : `${scope}:${subject}:${key}`;
      if (desk.used.has(id)) return "nonce_used";
      return order.kind === "seize" ? judgeSeizure(order, context) : null;
    }
    case "join":
      if (desk.used.has(`${order.account}:${order.joinId}`)) return "nonce_used";
      return desk.members.has(order.account) ? "vasp_invalid" : null;
    case "leave":
      if (desk.used.has(`${order.account}:${order.leaveId}`)) return "nonce_used";
      return desk.members.get(order.account)?.leaveAt === null ? null : "vasp_invalid";
    case "complete-leave":
      if (desk.members.get(order.account)?.leaveAt !== order.leaveAt) return "vasp_invalid";
      return at.time < order.leaveAt ? "not_yet_valid" : null;
    default:
      return judgeRedemption(order, context);
  }
}

function place({ at }: DeskContext) {
  return { transaction: at.hash, logIndex: at.nextIndex(), by: at.by };
}

function use(order: ModelOrder, context: DeskContext, match: Consumption["match"]): void {
  context.at.log.fences.push({ fence: fenceOfOrder(order), how: "used", match, ...place(context) });
}

function runLock(order: Extract<ModelOrder, { kind: "lock" }>, context: DeskContext): void {
  const { desk, coins, at } = context;
  const { terms } = order;
  const { coin, holder, amount } = terms;
  const id = redemptionId(terms);
  desk.redemptions.set(id, { terms, state: "locked", approver: null });
  const state = coinIn(coins, coin);
  consume(state, holder, id);
  const fence = fenceOfOrder(order);
  use(order, context, { payee: redemptions, amount, memo: null });
  move({ ...at, state }, { kind: "transfer", from: holder, to: redemptions, amount, memo: null, fence });
  const moved = { id, escrow: redemptions, actor: holder, from: "none", to: "locked", reference: zeroWord } as const;
  at.log.redemptions.push({ ...moved, terms, ...place(context) });
}

function nextState(order: Extract<ModelOrder, { id: Word }>): RedemptionState {
  switch (order.kind) {
    case "accept":
      return "accepted";
    case "mark-sent":
      return "sent";
    case "dispute":
      return "disputed";
    case "confirm":
      return "burned";
    case "resolve":
      return order.paid === true ? "burned" : "returned";
    default:
      return "returned";
  }
}

function runRedemption(order: Extract<ModelOrder, { id: Word }>, context: DeskContext): void {
  const { desk, coins, at } = context;
  const record = desk.redemptions.get(order.id) ?? assert.fail("judged before");
  if (order.kind === "approve") {
    record.approver = order.signer;
    return use(order, context, { kinds: ["approve"], payee: order.signer });
  }
  const { coin, holder, amount } = record.terms;
  const from = record.state;
  const to = nextState(order);
  record.state = to;
  const side = order.kind === "resolve" ? { payee: to === "burned" ? zeroAddress : redemptions } : {};
  use(order, context, { kinds: [order.kind], ...side });
  const actor = order.kind === "reclaim" ? at.by : order.signer;
  const reference = order.kind === "reclaim" ? zeroWord : order.reference;
  const moved = { id: order.id, escrow: redemptions, actor, from, to, reference, terms: null };
  at.log.redemptions.push({ ...moved, ...place(context) });
  const payment = { from: redemptions, amount, memo: null, fence: fenceOfOrder(order) };
  const state = coinIn(coins, coin);
  if (to === "burned") move({ ...at, state }, { ...payment, kind: "burn", to: zeroAddress });
  if (to === "returned") move({ ...at, state }, { ...payment, kind: "transfer", to: holder });
}

function setFrozen(context: DeskContext, on: { coin: Address; account: Address; frozen: bigint | null }): void {
  const { coin, account, frozen } = on;
  accountIn(coinIn(context.coins, coin), account).frozen = frozen;
  context.at.log.freezes.push({ coin, account, frozen, ...place(context) });
}

type RoleOrder = Extract<ModelOrder, { kind: "attest" | "minting" | "freeze" | "unfreeze" | "seize" }>;

function runRoleOrder(order: RoleOrder, context: DeskContext): void {
  const { desk, coins, at } = context;
  const fence = fenceOfOrder(order);
  desk.used.add(`${fence.scope}:${fence.subject}:${fence.key}`);
  use(order, context, { digest: digestOfOrder(order) });
  const { coin } = order;
  switch (order.kind) {
    case "attest":
      desk.attested.set(coin, order.amount);
      return;
    case "minting":
      if (order.enabled) desk.off.delete(coin);
      else desk.off.add(coin);
      return;
    case "freeze":
    case "unfreeze":
      return setFrozen(context, { coin, account: order.account, frozen: order.kind === "freeze" ? order.amount : 0n });
    case "seize": {
      const { account, amount } = order;
      const state = coinIn(coins, coin);
      move({ ...at, state }, { kind: "transfer", from: account, to: custody, amount, memo: null, fence });
      const { frozen } = accountIn(state, account);
      setFrozen(context, { coin, account, frozen: frozen === null ? null : frozen - amount });
    }
  }
}

/** Runs an order; returns why it reverted, null when it did not. */
export function runOrder(order: ModelOrder, context: DeskContext): HeldReason | null {
  const reason = judgeOrder(order, context);
  if (reason !== null) return reason;
  const { desk, at } = context;
  switch (order.kind) {
    case "lock":
      runLock(order, context);
      break;
    case "attest":
    case "minting":
    case "freeze":
    case "unfreeze":
    case "seize":
      runRoleOrder(order, context);
      break;
    case "approve-mint":
      desk.used.add(`${order.signer}:${order.mintKey}`);
      use(order, context, { kinds: ["approve-mint"] });
      break;
    case "join":
      desk.used.add(`${order.account}:${order.joinId}`);
      desk.members.set(order.account, { vasp: order.vasp, leaveAt: null });
      use(order, context, { kinds: ["join"] });
      break;
    case "leave": {
      desk.used.add(`${order.account}:${order.leaveId}`);
      const member = desk.members.get(order.account) ?? assert.fail("judged before");
      member.leaveAt = toLeaveAt(at.time);
      use(order, context, { kinds: ["leave"] });
      break;
    }
    case "complete-leave":
      desk.members.delete(order.account);
      use(order, context, { kinds: ["complete-leave"] });
      break;
    default:
      runRedemption(order, context);
  }
  return null;
}
