/**
 * Webhooks and what waits for them. Owns `webhooks` and `deliveries`. Promises that a round of sending is recorded whole or, when somebody moved
 * the webhook meanwhile, not at all; and that without a webhook nothing is ever written. Never sends anything.
 */
import type { NewWebhook } from "../../domain/webhook.ts";
import type { DeliveryRound, WebhookChange, WebhookStore } from "../../pipeline/ports.ts";
import {
  deliveryColumns,
  type DeliveryRow,
  newWebhookColumns,
  toDelivery,
  toWebhook,
  toWebhookValues,
  type WebhookRow,
  webhookSql,
} from "../webhooks.ts";
import { type Engine, lockSpace, locks, prepare, type Session } from "./engine.ts";
import { toColumns } from "./types.ts";

/** One new webhook at a time: two at once would both find room for the last one. */
const lock = prepare(`SELECT pg_advisory_xact_lock(${lockSpace}, ${locks.webhooks})`);
const isKnown = prepare("SELECT 1 FROM webhooks WHERE owner = $1 AND key = $2");
const add = prepare(
  `INSERT INTO webhooks (${newWebhookColumns})
   SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::bytea, $8::text, $9::bigint, $10::bigint
   WHERE (SELECT count(*) FROM webhooks) < $11 AND (SELECT count(*) FROM webhooks WHERE owner = $2) < $12`,
);
const all = prepare(webhookSql);
const waiting = prepare(`SELECT ${deliveryColumns} FROM deliveries WHERE webhook = $1 ORDER BY sequence`);
const record = prepare(
  `UPDATE webhooks SET revision = revision + 1, cursor = $3, failures = $4, last_error = $5, disabled = $6, missed = missed + $7
   WHERE id = $1 AND revision = $2 AND disabled IS NULL`,
);
const done = prepare("DELETE FROM deliveries WHERE webhook = $1 AND sequence = ANY ($2::bigint[])");
const wait = prepare(
  `INSERT INTO deliveries (webhook, ${deliveryColumns})
   SELECT $1, v.* FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[]) AS v
   ON CONFLICT (webhook, sequence) DO UPDATE SET tries = excluded.tries, next_at = excluded.next_at`,
);
const enable = prepare(
  "UPDATE webhooks SET revision = revision + 1, disabled = NULL, failures = 0, last_error = NULL WHERE id = $1",
);
const tryAgain = prepare("UPDATE deliveries SET tries = 0, next_at = 0 WHERE webhook = $1");
const replay = prepare("UPDATE webhooks SET revision = revision + 1, cursor = $2 WHERE id = $1 AND cursor >= $2");
const dropAfter = prepare("DELETE FROM deliveries WHERE webhook = $1 AND sequence > $2");
const remove = prepare("DELETE FROM webhooks WHERE id = $1");
// Taken first by whoever touches the deliveries of a webhook, so that no two of them meet half way.
const hold = prepare("SELECT 1 FROM webhooks WHERE id = $1 FOR UPDATE");

async function addOne(session: Session, webhook: NewWebhook, limits: { perOwner: number; total: number }) {
  await session.run(lock);
  if ((await session.get(isKnown, [webhook.owner, webhook.key])) !== undefined) return "known";
  const count = await session.run(add, [...toWebhookValues(webhook), limits.total, limits.perOwner]);
  return count === 1 ? "created" : "full";
}

async function recordRound(session: Session, round: DeliveryRound): Promise<boolean> {
  const { webhook, revision, cursor, failures, lastError, disabled, missed } = round;
  const values = [webhook, revision, cursor, failures, lastError, disabled, missed];
  if ((await session.run(record, values)) === 0) return false;
  if (round.done.length > 0) await session.run(done, [webhook, [...round.done]]);
  const columns = toColumns(
    round.waiting,
    ({ sequence }) => sequence,
    ({ intent }) => intent,
    ({ eventId }) => eventId,
    ({ body }) => body,
    ({ tries }) => tries,
    ({ nextAt }) => nextAt,
  );
  if (round.waiting.length > 0) await session.run(wait, [webhook, ...columns]);
  return true;
}

async function changeOne(session: Session, id: string, wanted: WebhookChange): Promise<boolean> {
  await session.run(hold, [id]);
  switch (wanted.kind) {
    case "enable":
      await session.run(tryAgain, [id]);
      return (await session.run(enable, [id])) === 1;
    case "replay":
      if ((await session.run(replay, [id, wanted.after])) === 0) return false;
      await session.run(dropAfter, [id, wanted.after]);
      return true;
    case "remove":
      await session.run(dropAfter, [id, -1]);
      return (await session.run(remove, [id])) === 1;
  }
}

export function createWebhooks(engine: Engine): WebhookStore {
  return {
    addWebhook: (webhook, limits) =>
      engine.write({ step: "addWebhook", stand: "apart" }, (tx) => addOne(tx, webhook, limits)),
    readWebhooks: async () => (await engine.all<WebhookRow>("readWebhooks", all)).map(toWebhook),
    readDeliveries: async (webhook) =>
      (await engine.all<DeliveryRow>("readDeliveries", waiting, [webhook])).map(toDelivery),
    recordDeliveries: (round) =>
      engine.write({ step: "recordDeliveries", stand: "apart" }, (tx) => recordRound(tx, round)),
    changeWebhook: (id, wanted) =>
      engine.write({ step: "changeWebhook", stand: "apart" }, (tx) => changeOne(tx, id, wanted)),
  };
}
