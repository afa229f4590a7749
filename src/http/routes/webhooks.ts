/**
 * Webhooks: where callers have events sent. Owns these routes. A caller gets what its event stream would tell it, and no more; it sees and moves
 * its own webhooks, an API key sees everybody's, and the operator moves everybody's.
 */
import { randomBytes } from "node:crypto";
import type { NewWebhook, Webhook } from "../../domain/webhook.ts";
import type { App, RouteParts } from "../app.ts";
import type { Caller } from "../auth.ts";
import { readScope, toOwner } from "../events.ts";
import { RejectedError } from "../problem.ts";
import { refuseUnknown } from "../read.ts";
import { emptyBody, idParams } from "../schemas.ts";
import { readIdempotency } from "../submission.ts";
import { replayBody, toWebhook, webhook, webhookBody, webhookCreated, webhookList } from "../webhooks.ts";

/** Webhooks of one caller. */
const perOwner = 8;
/** Each costs up to four sockets and 500 waiting deliveries. */
const total = 100;
/** Anybody can be a wallet: all wallets together leave room for the keys. */
const totalWithWallets = 50;

const isOwn = (found: Webhook, caller: Caller): boolean => found.owner === toOwner(caller);

async function list({ store }: RouteParts, caller: Caller): Promise<readonly Webhook[]> {
  const all = await store.readWebhooks();
  return caller.kind === "key" ? all : all.filter((found) => isOwn(found, caller));
}

async function find(parts: RouteParts, id: string, caller: Caller): Promise<Webhook> {
  const found = (await list(parts, caller)).find((one) => one.id === id);
  if (found === undefined) throw refuseUnknown("id", id);
  return found;
}

/** One that the caller may move. */
async function findMovable(parts: RouteParts, id: string, caller: Caller): Promise<Webhook> {
  const found = await find(parts, id, caller);
  if (isOwn(found, caller) || (caller.kind === "key" && caller.role === "operator")) return found;
  throw new RejectedError({
    code: "forbidden",
    subject: id,
    actual: caller.kind === "key" ? caller.role : caller.kind,
    remedy: "Use the login that made the webhook, or the operator's API key.",
  });
}

async function checkUrl({ courier }: RouteParts, url: string): Promise<void> {
  const actual = await courier.refuse(url);
  if (actual === null) return;
  const remedy = "Use an https URL whose host has public addresses only; a devnet also takes http and its own machine.";
  throw new RejectedError({ code: "webhook_url_refused", subject: "url", actual, remedy });
}

/** A repeat of a creation: the first one's webhook, without its secret. */
function toRepeat(known: Webhook, requestHash: string) {
  if (known.requestHash === requestHash) return { ...toWebhook(known), secret: null };
  throw new RejectedError({
    code: "idempotency_key_reused",
    subject: known.key,
    remedy: "Use a new Idempotency-Key: this one belongs to a request with another path or body.",
  });
}

function addCreation(app: App, parts: RouteParts): void {
  const { store, clock } = parts;
  app.post(
    "/v1/webhook-endpoints",
    {
      config: { access: "login" },
      schema: {
        tags: ["events"],
        summary: "Have events sent to a URL (Standard Webhooks 1.0)",
        description:
          "Begins with what happens next. A wallet gets its own account's events, an API key all of them or those of `account`. Each event is posted as `GET /v1/events` tells it, at least once, in order for each resource, signed with the secret that is in this answer and never shown again: whoever lost it removes the webhook and makes another.",
        body: webhookBody,
        response: { 201: webhookCreated },
      },
    },
    async (request, reply) => {
      const { caller, body } = request;
      const owner = toOwner(caller);
      const { key, requestHash } = readIdempotency(request, owner);
      const account = readScope(caller, body.account);
      const findKnown = async () => (await store.readWebhooks()).find((one) => one.owner === owner && one.key === key);
      const repeat = (known: Webhook) =>
        reply.code(201).header("idempotency-hit", "true").send(toRepeat(known, requestHash));
      const known = await findKnown();
      if (known !== undefined) return repeat(known);
      await checkUrl(parts, body.url);
      const now = clock.now();
      const { newest } = await store.readEvents({ after: (1n << 62n) - 1n, limit: 1 });
      const made: NewWebhook = {
        id: `wh_${now.toString(36).padStart(9, "0")}${randomBytes(8).toString("hex")}`,
        owner,
        key,
        requestHash,
        url: body.url,
        secret: `whsec_${randomBytes(32).toString("base64")}`,
        account,
        types: body.types ?? null,
        cursor: newest,
        createdAt: now,
      };
      const most = caller.kind === "key" ? total : totalWithWallets;
      const outcome = await store.addWebhook(made, { perOwner, total: most });
      if (outcome === "full") {
        const limit = `${perOwner} of one login, ${most} in all`;
        const remedy = "Remove a webhook that is not needed.";
        throw new RejectedError({ code: "webhook_limit", subject: "webhooks", limit, remedy });
      }
      const stored = await findKnown();
      if (stored === undefined) throw refuseUnknown("id", made.id);
      if (outcome === "known") return repeat(stored);
      return reply.code(201).send({ ...toWebhook(stored), secret: made.secret });
    },
  );
}

function addReads(app: App, parts: RouteParts): void {
  app.get(
    "/v1/webhook-endpoints",
    {
      config: { access: "login" },
      schema: { tags: ["events"], summary: "List webhooks", response: { 200: webhookList } },
    },
    async (request) => ({ data: (await list(parts, request.caller)).map(toWebhook) }),
  );

  app.get(
    "/v1/webhook-endpoints/:id",
    {
      config: { access: "login" },
      schema: { tags: ["events"], summary: "Read a webhook", params: idParams, response: { 200: webhook } },
    },
    async (request) => toWebhook(await find(parts, request.params.id, request.caller)),
  );
}

/** Refuses a place that is no longer kept, or that was not reached yet. */
async function checkPlace({ store }: RouteParts, after: bigint, found: Webhook): Promise<void> {
  const { oldest } = await store.readEvents({ after, limit: 1 });
  const compared = { subject: "after", actual: after.toString() } as const;
  if (after + 1n < oldest) {
    const remedy = "Replay from what is still kept, and read the present state of what came before.";
    throw new RejectedError({ code: "events_gone", ...compared, limit: oldest.toString(), remedy });
  }
  if (after <= found.cursor) return;
  const remedy = "Replay from the webhook's position or before: what follows it is sent anyway.";
  throw new RejectedError({ code: "request_malformed", ...compared, limit: found.cursor.toString(), remedy });
}

function addMoves(app: App, parts: RouteParts): void {
  const { store } = parts;
  app.delete(
    "/v1/webhook-endpoints/:id",
    {
      config: { access: "login" },
      schema: {
        tags: ["events"],
        summary: "Remove a webhook and what waits for it",
        params: idParams,
        response: { 200: webhook },
      },
    },
    async (request) => {
      const found = await findMovable(parts, request.params.id, request.caller);
      await store.changeWebhook(found.id, { kind: "remove" });
      return toWebhook(found);
    },
  );

  app.post(
    "/v1/webhook-endpoints/:id/enable",
    {
      config: { access: "login" },
      schema: {
        tags: ["events"],
        summary: "Go on after a webhook was disabled; what waits is tried at once",
        params: idParams,
        body: emptyBody.nullish(),
        response: { 200: webhook },
      },
    },
    async (request) => {
      const found = await findMovable(parts, request.params.id, request.caller);
      await store.changeWebhook(found.id, { kind: "enable" });
      return toWebhook(await find(parts, found.id, request.caller));
    },
  );

  app.post(
    "/v1/webhook-endpoints/:id/replay",
    {
      config: { access: "login" },
      schema: {
        tags: ["events"],
        summary: "Send again what followed an event, with the same ids",
        params: idParams,
        body: replayBody,
        response: { 200: webhook },
      },
    },
    async (request) => {
      const found = await findMovable(parts, request.params.id, request.caller);
      const after = BigInt(request.body.after);
      await checkPlace(parts, after, found);
      await store.changeWebhook(found.id, { kind: "replay", after });
      return toWebhook(await find(parts, found.id, request.caller));
    },
  );
}

export function addWebhooks(app: App, parts: RouteParts): void {
  addCreation(app, parts);
  addReads(app, parts);
  addMoves(app, parts);
}
