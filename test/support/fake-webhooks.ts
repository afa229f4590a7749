/**
 * Webhooks in memory, for tests of the surface: what the store keeps, without what waits.
 */
import type { Webhook } from "../../src/domain/webhook.ts";
import type { WebhookStore } from "../../src/pipeline/ports.ts";

export function createFakeWebhooks(webhooks: Webhook[]): WebhookStore {
  const replace = (id: string, changes: Partial<Webhook>): boolean => {
    const at = webhooks.findIndex((one) => one.id === id);
    const found = webhooks[at];
    if (found !== undefined) webhooks[at] = { ...found, ...changes, revision: found.revision + 1 };
    return found !== undefined;
  };
  return {
    async addWebhook(webhook, { perOwner, total }) {
      const own = webhooks.filter(({ owner }) => owner === webhook.owner);
      if (own.some(({ key }) => key === webhook.key)) return "known";
      if (own.length >= perOwner || webhooks.length >= total) return "full";
      const fresh = { revision: 1, disabled: null, failures: 0, lastError: null, missed: 0n, waiting: 0 };
      webhooks.push({ ...webhook, ...fresh });
      return "created";
    },
    readWebhooks: async () => [...webhooks],
    readDeliveries: async () => [],
    recordDeliveries: async () => true,
    async changeWebhook(id, change) {
      if (change.kind === "enable") return replace(id, { disabled: null, failures: 0, lastError: null });
      if (change.kind === "replay") return replace(id, { cursor: change.after });
      const at = webhooks.findIndex((one) => one.id === id);
      if (at >= 0) webhooks.splice(at, 1);
      return at >= 0;
    },
  };
}
