/**
 * Webhooks and what waits for them. Owns `webhooks` and `deliveries`. Promises that a round of sending is recorded whole or, when somebody moved
 * the webhook meanwhile, not at all; and that without a webhook nothing is ever written. Never sends anything.
 */
import type { DeliveryRound, WebhookChange, WebhookStore } from "../pipeline/ports.ts";
import type { Delivery, DisabledReason, EventType, NewWebhook, Webhook } from "../domain/webhook.ts";
import type { Engine } from "./engine.ts";
import { toBlobOrNull, toHex } from "./rows.ts";

export interface WebhookRow {
  id: string;
  owner: string;
  key: string;
  request_hash: string;
  url: string;
  secret: string;
  account: Buffer | null;
  types: string | null;
  cursor: bigint;
  created_at: bigint;
  revision: bigint;
  disabled: string | null;
  failures: bigint;
  last_error: string | null;
  missed: bigint;
  waiting: bigint;
}

export interface DeliveryRow {
  sequence: bigint;
  intent: bigint | null;
  event_id: string;
  body: string;
  tries: bigint;
  next_at: bigint;
}

export const webhookSql = `SELECT w.*, (SELECT count(*) FROM deliveries d WHERE d.webhook = w.id) AS waiting
   FROM webhooks w ORDER BY w.created_at, w.id`;
export const deliveryColumns = "sequence, intent, event_id, body, tries, next_at";

export function toWebhook(row: WebhookRow): Webhook {
  return {
    id: row.id,
    owner: row.owner,
    key: row.key,
    requestHash: row.request_hash,
    url: row.url,
    secret: row.secret,
    account: row.account === null ? null : toHex(row.account),
    types: row.types === null ? null : (JSON.parse(row.types) as EventType[]),
    cursor: row.cursor,
    createdAt: Number(row.created_at),
    revision: Number(row.revision),
    disabled: row.disabled as DisabledReason | null,
    failures: Number(row.failures),
    lastError: row.last_error,
    missed: row.missed,
    waiting: Number(row.waiting),
  };
}

export function toDelivery(row: DeliveryRow): Delivery {
  return {
    sequence: row.sequence,
    intent: row.intent,
    eventId: row.event_id,
    body: row.body,
    tries: Number(row.tries),
    nextAt: Number(row.next_at),
  };
}

/** In the order of the columns that a new webhook has. */
export function toWebhookValues(webhook: NewWebhook) {
  const { id, owner, key, requestHash, url, secret, account, types, cursor, createdAt } = webhook;
  const typesText = types === null ? null : JSON.stringify(types);
  return [id, owner, key, requestHash, url, secret, toBlobOrNull(account), typesText, cursor, createdAt] as const;
}
export const newWebhookColumns = "id, owner, key, request_hash, url, secret, account, types, cursor, created_at";

function prepare({ database }: Engine) {
  return {
    isKnown: database.prepare<[string, string], bigint>("SELECT 1 FROM webhooks WHERE owner = ? AND key = ?").pluck(),
    add: database.prepare(
      `INSERT INTO webhooks (${newWebhookColumns}) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
       WHERE (SELECT count(*) FROM webhooks) < ? AND (SELECT count(*) FROM webhooks WHERE owner = ?) < ?`,
    ),
    all: database.prepare<[], WebhookRow>(webhookSql),
    waiting: database.prepare<[string], DeliveryRow>(
      `SELECT ${deliveryColumns} FROM deliveries WHERE webhook = ? ORDER BY sequence`,
    ),
    record: database.prepare<[bigint, number, string | null, string | null, bigint, string, number]>(
      `UPDATE webhooks SET revision = revision + 1, cursor = ?, failures = ?, last_error = ?, disabled = ?, missed = missed + ?
       WHERE id = ? AND revision = ? AND disabled IS NULL`,
    ),
    done: database.prepare<[string, bigint]>("DELETE FROM deliveries WHERE webhook = ? AND sequence = ?"),
    wait: database.prepare<[string, bigint, bigint | null, string, string, number, number]>(
      `INSERT INTO deliveries (webhook, ${deliveryColumns}) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (webhook, sequence) DO UPDATE SET tries = excluded.tries, next_at = excluded.next_at`,
    ),
    enable: database.prepare<[string]>(
      "UPDATE webhooks SET revision = revision + 1, disabled = NULL, failures = 0, last_error = NULL WHERE id = ?",
    ),
    tryAgain: database.prepare<[string]>("UPDATE deliveries SET tries = 0, next_at = 0 WHERE webhook = ?"),
    replay: database.prepare<[bigint, string, bigint]>(
      "UPDATE webhooks SET revision = revision + 1, cursor = ? WHERE id = ? AND cursor >= ?",
    ),
    dropAfter: database.prepare<[string, bigint]>("DELETE FROM deliveries WHERE webhook = ? AND sequence > ?"),
    remove: database.prepare<[string]>("DELETE FROM webhooks WHERE id = ?"),
  };
}

export function createWebhooks(engine: Engine): WebhookStore {
  const sql = prepare(engine);

  function add(webhook: NewWebhook, limits: { perOwner: number; total: number }): "created" | "known" | "full" {
    const { owner, key } = webhook;
    if (sql.isKnown.get(owner, key) !== undefined) return "known";
    const { changes } = sql.add.run(...toWebhookValues(webhook), limits.total, owner, limits.perOwner);
    return changes === 1 ? "created" : "full";
  }

  function record(round: DeliveryRound): boolean {
    const { webhook, revision, cursor, failures, lastError, disabled, missed, done, waiting } = round;
    const { changes } = sql.record.run(cursor, failures, lastError, disabled, missed, webhook, revision);
    if (changes === 0) return false;
    for (const sequence of done) sql.done.run(webhook, sequence);
    for (const { sequence, intent, eventId, body, tries, nextAt } of waiting) {
      sql.wait.run(webhook, sequence, intent, eventId, body, tries, nextAt);
    }
    return true;
  }

  function change(id: string, wanted: WebhookChange): boolean {
    switch (wanted.kind) {
      case "enable":
        sql.tryAgain.run(id);
        return sql.enable.run(id).changes === 1;
      case "replay":
        if (sql.replay.run(wanted.after, id, wanted.after).changes === 0) return false;
        sql.dropAfter.run(id, wanted.after);
        return true;
      case "remove":
        sql.dropAfter.run(id, -1n);
        return sql.remove.run(id).changes === 1;
    }
  }

  return {
    addWebhook: (webhook, limits) => engine.write("addWebhook", () => add(webhook, limits)),
    readWebhooks: () => engine.read("readWebhooks", () => sql.all.all().map(toWebhook)),
    readDeliveries: (webhook) => engine.read("readDeliveries", () => sql.waiting.all(webhook).map(toDelivery)),
    recordDeliveries: (round) => engine.write("recordDeliveries", () => record(round)),
    changeWebhook: (id, wanted) => engine.write("changeWebhook", () => change(id, wanted)),
  };
}
