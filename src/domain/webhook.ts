/**
 * Webhooks: addresses that callers want events sent to, and deliveries, one event on its way to one webhook. Owns their shapes, which events a
 * webhook gets and how long a delivery is tried. Retries are counted, never timed: a wrong clock neither ends nor prolongs them.
 */
import type { Address } from "./hex.ts";

/** Every type of event there is. */
export const eventTypes = [
  "accepted",
  "held",
  "back",
  "included",
  "settled",
  "cancelled",
  "superseded",
  "expired",
  "redemption",
  "claim",
  "payment",
  "halted",
  "resumed",
] as const;
export type EventType = (typeof eventTypes)[number];

/** Why a webhook gets nothing any more: its address gave 410, or one event was refused for three days. */
export type DisabledReason = "gone" | "gave_up";

export interface NewWebhook {
  /** `wh_…`, sortable by time. */
  readonly id: string;
  /** Who made it: an API key's id, or a wallet's address. */
  readonly owner: string;
  /** Of its creation: the Idempotency-Key with the hash of the request. */
  readonly key: string;
  readonly requestHash: string;
  readonly url: string;
  /** `whsec_` and base64: signs what is sent, and is told only to whoever creates the webhook. */
  readonly secret: string;
  /** Only events that concern this account; null: all. */
  readonly account: Address | null;
  /** Only events of these types; null: all. */
  readonly types: readonly EventType[] | null;
  /** Sequence of the last event that is not to be sent. */
  readonly cursor: bigint;
  /** Unix milliseconds. */
  readonly createdAt: number;
}

export interface Webhook extends NewWebhook {
  /** Rises with every write: whoever decided on an earlier one writes nothing. */
  readonly revision: number;
  /** Null while it is enabled. */
  readonly disabled: DisabledReason | null;
  /** Failures since something last arrived. */
  readonly failures: number;
  /** What the last failure was; null when the last delivery arrived. */
  readonly lastError: string | null;
  /** Events that were no longer kept when their turn came. */
  readonly missed: bigint;
  /** Deliveries that wait to be tried, or behind one that is. */
  readonly waiting: number;
}

/** One event for one webhook that did not arrive yet. */
export interface Delivery {
  /** Of the event. */
  readonly sequence: bigint;
  /** What is kept in order among itself: one intent, or everything that is about none. */
  readonly intent: bigint | null;
  /** The same at every try, and never given to another event. */
  readonly eventId: string;
  /** What is sent, byte for byte. */
  readonly body: string;
  readonly tries: number;
  /** Not before, wall milliseconds. */
  readonly nextAt: number;
}

/** Bytes of a body at most; what an event tells is far below. */
export const maxBodyBytes = 20_000;

const firstPauseMs = 5_000;
const longestPauseMs = 3_600_000;
/** Pauses of 5 s that double up to an hour: 80 tries take just under three days. */
export const maxTries = 80;

/** Milliseconds after the try numbered `tries` (from 1) until the next. */
export function toRetryMs(tries: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(tries - 1, 10));
}

/** True when a delivery may be tried; one that lies twice as far ahead as any pause was written by a clock that was wrong. */
export function isDue(delivery: Pick<Delivery, "nextAt">, now: number): boolean {
  return delivery.nextAt <= now || delivery.nextAt > now + 2 * longestPauseMs;
}

/** True when the webhook's owner asked for such events. */
export function wants(
  { account, types }: Pick<Webhook, "account" | "types">,
  event: { readonly type: string; readonly accounts: readonly Address[] },
): boolean {
  if (account !== null && !event.accounts.includes(account)) return false;
  return types === null || types.some((type) => type === event.type);
}
