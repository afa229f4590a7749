/**
 * Webhooks on the wire. Owns the shapes of their requests and resources. Promises that a secret is in the answer to a creation, once, and
 * nowhere else.
 */
import { z } from "zod";
import { eventTypes, maxBodyBytes, type Webhook } from "../domain/webhook.ts";
import type { PublishedEvent, Store } from "../pipeline/ports.ts";
import { writeEvent } from "./events.ts";
import { address, addressOut, timeOut } from "./fields.ts";
import { toTime } from "./resources.ts";
import { spellAddress } from "./spelling.ts";

export const webhookBody = z
  .strictObject({
    url: z.string().min(1).max(1_000),
    account: address.optional().meta({ description: "Only events that concern this account" }),
    types: z.array(z.enum(eventTypes)).min(1).max(eventTypes.length).optional(),
  })
  .meta({ id: "WebhookRequest" });

export const replayBody = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,18}$/)
    .meta({ description: "Sequence of the last event that is not to be sent again" }),
});

export const webhook = z
  .object({
    id: z.string(),
    url: z.string(),
    account: addressOut.nullable(),
    types: z.array(z.enum(eventTypes)).nullable(),
    state: z.enum(["enabled", "disabled"]),
    reason: z.enum(["gone", "gave_up"]).nullable().meta({ description: "Why it was disabled" }),
    position: z.string().meta({ description: "Sequence up to which events were sent, or wait to be sent again" }),
    waiting: z.number().meta({ description: "Deliveries that failed, and those that wait behind one" }),
    failures: z.number().meta({ description: "Failures since a delivery last arrived" }),
    lastError: z.string().nullable(),
    missed: z.string().meta({ description: "Events that were no longer kept when their turn came" }),
    createdAt: timeOut,
  })
  .meta({ id: "Webhook" });

export const webhookCreated = webhook
  .extend({
    secret: z.string().nullable().meta({ description: "Signs what is sent; shown this once, null in repeats" }),
  })
  .meta({ id: "WebhookCreated" });
export const webhookList = z.object({ data: z.array(webhook) });
export type WebhookView = z.output<typeof webhook>;
export type WebhookCreated = z.output<typeof webhookCreated>;

export function toWebhook(found: Webhook): WebhookView {
  return {
    id: found.id,
    url: found.url,
    account: found.account === null ? null : spellAddress(found.account),
    types: found.types === null ? null : [...found.types],
    state: found.disabled === null ? "enabled" : "disabled",
    reason: found.disabled,
    position: found.cursor.toString(),
    waiting: found.waiting,
    failures: found.failures,
    lastError: found.lastError,
    missed: found.missed.toString(),
    createdAt: toTime(found.createdAt),
  };
}

/** The body of a delivery: the event as its stream tells it. */
export async function writeBody(store: Pick<Store, "readIntent">, event: PublishedEvent): Promise<string> {
  const told = await writeEvent(store, event);
  const body = JSON.stringify(told);
  if (Buffer.byteLength(body) <= maxBodyBytes) return body;
  return JSON.stringify({ ...told, data: { omitted: "too long; read the resource" } });
}
