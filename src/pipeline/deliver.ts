/**
 * Deliver: sends published events to webhooks. Owns the order, the retries and their bounds. A webhook has a cursor into the published
 * history; only what failed, and what follows it for the same intent, becomes a row, which goes when it has arrived: O(in trouble), nothing per
 * payment. Promises that every event arrives at least once, that those of one intent arrive in order, and that a webhook that always fails
 * holds up nobody but itself. Sending comes before recording: a crash in between sends again, with the same ids. Never decides about money.
 */
import { type Delivery, isDue, maxTries, toRetryMs, wants, type Webhook } from "../domain/webhook.ts";
import type { Clock, Courier, DeliveryRound, Notify, PublishedEvent, WebhookStore, Store } from "./ports.ts";

export interface DelivererLimits {
  /** Requests at a time to one webhook; after as many failures in a row, one. */
  readonly hands: number;
  /** Events read at a time. */
  readonly page: number;
  /** Deliveries that may wait before nothing new is read for their webhook; a page may come on top. */
  readonly waiting: number;
  /** Rounds in one go before the webhook is read anew. */
  readonly rounds: number;
  /** Events of others that a cursor may lie behind before it is written for their sake alone. */
  readonly lag: bigint;
}

export const defaultDelivererLimits: DelivererLimits = { hands: 4, page: 200, waiting: 300, rounds: 20, lag: 5_000n };

export interface DelivererParts {
  readonly store: WebhookStore & Pick<Store, "readEvents">;
  readonly courier: Pick<Courier, "carry">;
  /** An event as its readers know it. */
  readonly write: (event: PublishedEvent) => Promise<string>;
  /** False for whoever may no longer log in. */
  readonly admits: (owner: string) => boolean;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly limits: DelivererLimits;
  readonly notify: Notify;
}

export interface Deliverer {
  /** Starts whatever webhook has nothing under way, and waits for none. Throws what an earlier start met. */
  tick(): Promise<void>;
  /** Resolves when nothing is under way. */
  rest(): Promise<void>;
}

/** What becomes of the sending in one round; shared by the hands. */
interface Tally {
  failures: number;
  lastError: string | null;
  gaveUp: boolean;
  gone: boolean;
  readonly arrived: Set<bigint>;
  readonly failed: Map<bigint, Delivery>;
}

type Page = Awaited<ReturnType<Store["readEvents"]>>;
type ReadPage = (after: bigint) => Promise<Page>;

/** After a restore a sequence may belong to another event: the time tells them apart. */
function toEventId({ sequence, at }: PublishedEvent): string {
  return `evt_${sequence}_${at}`;
}

/** In order within each group, oldest group first. */
function groupByIntent(deliveries: readonly Delivery[]): readonly (readonly Delivery[])[] {
  const groups = new Map<bigint | null, Delivery[]>();
  for (const delivery of deliveries) {
    const group = groups.get(delivery.intent);
    if (group === undefined) groups.set(delivery.intent, [delivery]);
    else group.push(delivery);
  }
  return [...groups.values()];
}

export function createDeliverer(parts: DelivererParts): Deliverer {
  const { store, courier, write, admits, clock, limits, notify } = parts;
  const working = new Map<string, Promise<void>>();
  /** How far others' events were passed over without a word in the store. */
  const passed = new Map<string, { readonly revision: number; readonly at: bigint }>();
  const strangers = new Set<string>();
  let fault: { readonly error: unknown } | null = null;

  async function send(webhook: Webhook, delivery: Delivery, tally: Tally): Promise<boolean> {
    const { url, secret } = webhook;
    const answer = await courier.carry({ url, secret, id: delivery.eventId, body: delivery.body });
    if (answer.ok) {
      tally.failures = 0;
      tally.lastError = null;
      tally.arrived.add(delivery.sequence);
      return true;
    }
    const tries = delivery.tries + 1;
    tally.failures += 1;
    tally.lastError = answer.why;
    tally.gone ||= answer.gone;
    tally.gaveUp ||= tries >= maxTries;
    tally.failed.set(delivery.sequence, { ...delivery, tries, nextAt: clock.now() + toRetryMs(tries) });
    return false;
  }

  /** Several groups at a time, each in order up to its first failure. While the webhook is down: one delivery. */
  async function sendAll(webhook: Webhook, groups: readonly (readonly Delivery[])[]): Promise<Tally> {
    const { failures, lastError } = webhook;
    const tally: Tally = { failures, lastError, gaveUp: false, gone: false, arrived: new Set(), failed: new Map() };
    const now = clock.now();
    const due = groups.filter(([head]) => head !== undefined && isDue(head, now));
    if (failures >= limits.hands) {
      const head = due[0]?.[0];
      if (head !== undefined) await send(webhook, head, tally);
      return tally;
    }
    let next = 0;
    const hand = async (): Promise<void> => {
      for (let group = due[next++]; group !== undefined; group = due[next++]) {
        for (const delivery of group) {
          // Several failures and no success in between: the rest need not be tried to know.
          if (tally.gone || tally.failures >= limits.hands) return;
          if (!(await send(webhook, delivery, tally))) break;
        }
      }
    };
    await Promise.all(Array.from({ length: limits.hands }, hand));
    return tally;
  }

  async function toDelivery(event: PublishedEvent): Promise<Delivery> {
    const { sequence, intent } = event;
    return { sequence, intent, eventId: toEventId(event), body: await write(event), tries: 0, nextAt: 0 };
  }

  /** What the history holds for a webhook beyond its cursor, and how far was looked. */
  async function readFresh(webhook: Webhook, readPage: ReadPage) {
    const known = passed.get(webhook.id);
    const from = known?.revision === webhook.revision && known.at > webhook.cursor ? known.at : webhook.cursor;
    const isFull = ({ events }: Page): boolean => events.length === limits.page;
    const { account } = webhook;
    let page = await readPage(from);
    // Far behind: the store finds one account's events faster than they can all be looked at here.
    if (account !== null && isFull(page)) page = await store.readEvents({ after: from, limit: limits.page, account });
    const { events, oldest, newest } = page;
    const missed = oldest > from + 1n ? oldest - 1n - from : 0n;
    const fresh = await Promise.all(events.filter((event) => wants(webhook, event)).map(toDelivery));
    const last = events.at(-1)?.sequence ?? from;
    return { fresh, missed, looked: isFull(page) || newest < last ? last : newest, full: isFull(page) };
  }

  function tell(webhook: Webhook, round: DeliveryRound): void {
    const say = (code: string, detail: string) => notify({ step: "deliver", code, subject: webhook.id, detail });
    const detail = `${round.failures} failures in a row, the last: ${round.lastError ?? "none"}`;
    if (round.disabled !== null) say("webhook_disabled", `${round.disabled}: ${detail}`);
    else if (webhook.failures < limits.hands && round.failures >= limits.hands) say("webhook_failing", detail);
    if (round.missed > 0n) say("webhook_missed", `${round.missed} events were no longer kept`);
  }

  /** The webhook as it is afterwards; null when there is nothing more to do now. */
  async function runRound(webhook: Webhook, readPage: ReadPage): Promise<Webhook | null> {
    const waiting = webhook.waiting === 0 ? [] : await store.readDeliveries(webhook.id);
    const { fresh, missed, looked, full } =
      waiting.length <= limits.waiting
        ? await readFresh(webhook, readPage)
        : { fresh: [], missed: 0n, looked: webhook.cursor, full: false };
    const all = [...waiting, ...fresh];
    const tally = await sendAll(webhook, groupByIntent(all));
    const attempts = tally.arrived.size + tally.failed.size;
    if (attempts === 0 && fresh.length === 0 && missed === 0n && looked - webhook.cursor < limits.lag) {
      passed.set(webhook.id, { revision: webhook.revision, at: looked });
      return full ? webhook : null;
    }
    const round: DeliveryRound = {
      webhook: webhook.id,
      revision: webhook.revision,
      cursor: looked,
      failures: tally.failures,
      lastError: tally.lastError,
      disabled: tally.gone ? "gone" : tally.gaveUp ? "gave_up" : null,
      missed,
      done: waiting.map(({ sequence }) => sequence).filter((sequence) => tally.arrived.has(sequence)),
      waiting: [
        ...waiting.flatMap(({ sequence }) => tally.failed.get(sequence) ?? []),
        ...fresh
          .filter(({ sequence }) => !tally.arrived.has(sequence))
          .map((delivery) => tally.failed.get(delivery.sequence) ?? delivery),
      ],
    };
    if (!(await store.recordDeliveries(round))) return null;
    tell(webhook, round);
    if (round.disabled !== null || (tally.arrived.size === 0 && !full)) return null;
    const { cursor, failures, lastError } = round;
    const left = all.length - tally.arrived.size;
    return { ...webhook, revision: webhook.revision + 1, cursor, failures, lastError, waiting: left };
  }

  async function serve(webhook: Webhook, readPage: ReadPage): Promise<void> {
    let current: Webhook | null = webhook;
    for (let round = 0; current !== null && round < limits.rounds; round++) {
      current = await runRound(current, readPage);
      // Everybody else's turn: a round that sends nothing may never have waited.
      await clock.sleep(0);
    }
  }

  /** Webhooks that have read everything stand at the same place: one look for all of them. */
  function createPages(): ReadPage {
    const pages = new Map<bigint, Promise<Page>>();
    return (after) => {
      const page = pages.get(after) ?? store.readEvents({ after, limit: limits.page });
      pages.set(after, page);
      return page;
    };
  }

  function isServed({ id, owner, disabled }: Webhook): boolean {
    if (disabled !== null || working.has(id)) return false;
    if (admits(owner)) return true;
    if (!strangers.has(id)) {
      const detail = "whoever made it may no longer log in: nothing is sent";
      notify({ step: "deliver", code: "webhook_without_owner", subject: id, detail });
    }
    strangers.add(id);
    return false;
  }

  async function tick(): Promise<void> {
    const thrown = fault;
    fault = null;
    if (thrown !== null) throw thrown.error;
    const webhooks = await store.readWebhooks();
    for (const id of passed.keys()) if (!webhooks.some((webhook) => webhook.id === id)) passed.delete(id);
    const readPage = createPages();
    for (const webhook of webhooks.filter(isServed)) {
      const work = serve(webhook, readPage)
        .catch((error: unknown) => {
          fault ??= { error };
        })
        .finally(() => working.delete(webhook.id));
      working.set(webhook.id, work);
    }
  }

  return {
    tick,
    async rest() {
      while (working.size > 0) await Promise.all(working.values());
    },
  };
}
