/**
 * The event stream (server-sent events). Owns resuming by sequence, the heartbeat and the bounds: a stream reads the store only when its
 * reader has taken what came before, so a slow reader costs no memory, and one that takes nothing for a minute is cut off.
 */
import { Readable } from "node:stream";
import type { Address } from "../domain/hex.ts";
import { parseUnits } from "../domain/amount.ts";
import type { Intent, IntentKind } from "../domain/intent.ts";
import type { PublishedEvent, Publisher, Store } from "../pipeline/ports.ts";
import type { App, RouteParts } from "./app.ts";
import { admitTo, type Caller } from "./auth.ts";
import { RejectedError } from "./problem.ts";
import type { PublicEvent } from "./published.ts";
import { prefixOf, toEvent } from "./resources.ts";
import { eventsQuery } from "./schemas.ts";

/** Streams at once, all callers together; each costs a socket and a wake-up per commit. */
const maxStreams = 256;
const maxStreamsPerCaller = 16;
const pageSize = 200;
/** Between looks without a wake-up: losing one costs this much latency. */
const lookMs = 1_000;
/** Often enough that proxies, which cut at 30 or 60 seconds, keep the connection. */
const heartbeatMs = 15_000;
/** A reader that takes not one byte for this long is gone. */
const stallMs = 60_000;

interface Wake {
  /** Resolves at the next commit, after `ms`, or when the stream ends. */
  wait(ms: number): Promise<void>;
  end(): void;
  readonly ended: boolean;
}

function createWake(publisher: Publisher): Wake {
  let ended = false;
  let pending = false;
  let resolveWait: (() => void) | null = null;
  const ring = () => {
    pending = true;
    resolveWait?.();
  };
  const unsubscribe = publisher.subscribe(ring);
  return {
    async wait(ms) {
      if (pending || ended) {
        pending = false;
        return;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      resolveWait = resolve;
      const timer = setTimeout(resolve, ms);
      await promise;
      clearTimeout(timer);
      resolveWait = null;
      pending = false;
    },
    end() {
      if (ended) return;
      ended = true;
      unsubscribe();
      resolveWait?.();
    },
    get ended() {
      return ended;
    },
  };
}

async function readKind(store: Pick<Store, "readIntent">, event: PublishedEvent): Promise<IntentKind | null> {
  const told = event.body["kind"];
  if (typeof told === "string" && told in prefixOf) return told as IntentKind;
  const intent: Intent | null = event.intent === null ? null : await store.readIntent(event.intent);
  return intent?.kind ?? null;
}

/** An event as everybody is told it. */
export async function writeEvent(store: Pick<Store, "readIntent">, event: PublishedEvent): Promise<PublicEvent> {
  return toEvent(event, await readKind(store, event));
}

interface StreamOptions {
  readonly store: Store;
  readonly wake: Wake;
  readonly account: Address | null;
  readonly after: bigint;
  readonly monotonic: () => number;
}

/** The text of the stream. Ends when the stream's place is no longer kept: the reader reconnects and is told so. */
async function* writeEvents({ store, wake, account, after, monotonic }: StreamOptions): AsyncGenerator<string> {
  let place = after;
  let said = monotonic();
  // A first byte at once, so that the reader knows it is connected.
  yield `retry: 1000\nid: ${place}\n: connected\n\n`;
  while (!wake.ended) {
    const page = await store.readEvents({ after: place, limit: pageSize, ...(account === null ? {} : { account }) });
    if (place + 1n < page.oldest) return;
    for (const event of page.events) {
      const text = JSON.stringify(await writeEvent(store, event));
      yield `id: ${event.sequence}\ndata: ${text}\n\n`;
      place = event.sequence;
      said = monotonic();
    }
    if (page.events.length === pageSize) continue;
    // Nothing of this account beyond: its place moves with everybody's, or it would fall out of what is kept.
    if (page.newest > place) place = page.newest;
    if (monotonic() - said >= heartbeatMs) {
      yield `id: ${place}\n: heartbeat\n\n`;
      said = monotonic();
    }
    await wake.wait(lookMs);
  }
}

function readPlace(text: string): bigint {
  const place = parseUnits(text);
  if (place !== null) return place;
  throw new RejectedError({
    code: "request_malformed",
    subject: "last-event-id",
    actual: text.slice(0, 40),
    remedy: "Send the id of the last event received, or nothing.",
  });
}

/** Where to begin: after the given event, otherwise with the next one that happens. */
async function findStart(store: Store, given: string | undefined): Promise<bigint> {
  const wanted = given === undefined ? null : readPlace(given);
  const { oldest, newest } = await store.readEvents({ after: wanted ?? 0n, limit: 1 });
  if (wanted === null) return newest;
  if (wanted + 1n >= oldest) return wanted;
  throw new RejectedError({
    code: "events_gone",
    subject: "last-event-id",
    actual: wanted.toString(),
    limit: oldest.toString(),
    remedy: "Read the present state of your payments, then follow the stream without a Last-Event-ID.",
    extra: { oldest: oldest.toString(), newest: newest.toString() },
  });
}

/** Whose events: a wallet's own; an API key's choice, by default everyone's. */
export function readScope(caller: Caller, asked: Address | undefined): Address | null {
  if (asked !== undefined) {
    admitTo(caller, asked);
    return asked;
  }
  return caller.kind === "wallet" ? caller.address : null;
}

/** Stable and not secret. */
export function toOwner(caller: Caller): string {
  return caller.kind === "key" ? caller.id : caller.kind === "wallet" ? caller.address : "none";
}

export interface Streams {
  /** Ends every stream. */
  end(): void;
  readonly open: number;
}

export function addEvents(app: App, parts: RouteParts): Streams {
  const open = new Map<Wake, string>();

  function checkRoom(owner: string): void {
    const own = [...open.values()].filter((one) => one === owner).length;
    if (open.size < maxStreams && own < maxStreamsPerCaller) return;
    const [actual, limit] = own < maxStreamsPerCaller ? [open.size, maxStreams] : [own, maxStreamsPerCaller];
    const remedy = "Close a stream, or follow several accounts with one.";
    throw new RejectedError({
      code: "rate_limited",
      subject: "streams",
      actual: `${actual}`,
      limit: `${limit}`,
      remedy,
    });
  }

  app.get(
    "/v1/events",
    {
      config: { access: "login" },
      schema: {
        tags: ["events"],
        summary: "Follow what happens (server-sent events)",
        description:
          "Resumes after `Last-Event-ID`, or `?after=`; 410 `events_gone` when that is no longer kept. A wallet sees its own account's events, an API key all of them or those of `?account=`.",
        querystring: eventsQuery,
        produces: ["text/event-stream"],
      },
    },
    async (request, reply) => {
      const account = readScope(request.caller, request.query.account);
      const header = request.headers["last-event-id"];
      const given = typeof header === "string" && header !== "" ? header : request.query.after;
      const owner = toOwner(request.caller);
      checkRoom(owner);
      const wake = createWake(parts.publisher);
      open.set(wake, owner);
      const close = () => {
        wake.end();
        open.delete(wake);
      };
      try {
        const after = await findStart(parts.store, given);
        const { store, clock } = parts;
        const stream = Readable.from(writeEvents({ store, wake, account, after, monotonic: () => clock.monotonic() }), {
          objectMode: false,
        });
        stream.once("close", close);
        reply.raw.once("close", close);
        reply.raw.setTimeout(stallMs, () => reply.raw.destroy());
        return (
          reply
            .header("content-type", "text/event-stream; charset=utf-8")
            .header("cache-control", "no-store")
            .header("x-accel-buffering", "no")
            // A stream shares its connection with nothing: when it ends, a closing server need not wait for what might follow.
            .header("connection", "close")
            .send(stream)
        );
      } catch (error) {
        close();
        throw error;
      }
    },
  );

  return {
    end() {
      for (const wake of open.keys()) wake.end();
    },
    get open() {
      return open.size;
    },
  };
}
