/**
 * Numbers for operators, as Prometheus text. Owns their names; everything about money is read when asked, from where it is kept, so that a
 * restart forgets nothing that counts.
 */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { LaneView } from "../pipeline/lanes.ts";
import type { App, RouteParts } from "./app.ts";

/** Seconds: from a cached answer to a long poll. */
const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];

function addReadings(registers: Registry[], parts: RouteParts, streams: () => number): void {
  const { store, head } = parts;
  const registry = { registers };
  new Gauge({
    ...registry,
    name: "remesa_intents",
    help: "Intents by state",
    labelNames: ["state"],
    async collect() {
      for (const [state, count] of Object.entries(await store.countByState())) this.set({ state }, count);
    },
  });
  new Gauge({
    ...registry,
    name: "remesa_halted",
    help: "1 while no new transactions are sent",
    async collect() {
      this.set((await store.readHalt()) === null ? 0 : 1);
    },
  });
  new Gauge({
    ...registry,
    name: "remesa_block",
    help: "Newest and final block applied",
    labelNames: ["tag"],
    collect() {
      this.set({ tag: "latest" }, head.latest?.number ?? -1);
      this.set({ tag: "final" }, head.final?.number ?? -1);
    },
  });
  new Gauge({
    ...registry,
    name: "remesa_head_age_seconds",
    help: "Since a new block was last seen",
    collect() {
      this.set(head.ageMs() / 1_000);
    },
  });
  new Gauge({
    ...registry,
    name: "remesa_books_agree",
    help: "1 when the newest statement agrees, 0 when not, -1 before the first",
    collect() {
      const latest = parts.reconciler.latest();
      this.set(latest === null ? -1 : Number(latest.agrees));
    },
  });
  let listing: Promise<readonly LaneView[]> | null = null;
  /** One look for all gauges of a scrape. */
  async function listLanes(): Promise<readonly LaneView[]> {
    listing ??= parts.laneDesk.list().finally(() => {
      listing = null;
    });
    return (await listing).filter(({ state }) => state !== "retired");
  }
  const laneLabels = { ...registry, labelNames: ["lane", "role", "state"] };
  new Gauge({
    ...laneLabels,
    name: "remesa_lane_balance_wei",
    help: "Gas money of each lane that is not retired, and of their funder",
    async collect() {
      this.reset();
      for (const { address: lane, role, state, gasBalance } of await listLanes()) {
        if (gasBalance !== null) this.set({ lane, role, state }, Number(gasBalance));
      }
    },
  });
  new Gauge({
    ...laneLabels,
    name: "remesa_lane_open_slots",
    help: "Slots of each lane that are not final, 100 at most",
    async collect() {
      this.reset();
      for (const { address: lane, role, state, slots } of await listLanes()) {
        this.set({ lane, role, state }, slots.length);
      }
    },
  });
  let reading: ReturnType<typeof store.readWebhooks> | null = null;
  /** One look for all gauges of a scrape. */
  function readWebhooks() {
    reading ??= store.readWebhooks().finally(() => {
      reading = null;
    });
    return reading;
  }
  new Gauge({
    ...registry,
    name: "remesa_webhooks",
    help: "Webhooks by state; failing: nothing arrived since the last failure",
    labelNames: ["state"],
    async collect() {
      const counts = { enabled: 0, failing: 0, disabled: 0 };
      for (const { disabled, failures } of await readWebhooks()) {
        counts[disabled !== null ? "disabled" : failures > 0 ? "failing" : "enabled"] += 1;
      }
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count);
    },
  });
  new Gauge({
    ...registry,
    name: "remesa_webhook_deliveries_waiting",
    help: "Deliveries that failed, and those that wait behind one",
    async collect() {
      this.set((await readWebhooks()).reduce((sum, { waiting }) => sum + waiting, 0));
    },
  });
  new Gauge({
    ...registry,
    name: "remesa_webhook_failures",
    help: "Failures since something last arrived, of all webhooks that are not disabled",
    async collect() {
      const enabled = (await readWebhooks()).filter(({ disabled }) => disabled === null);
      this.set(enabled.reduce((sum, { failures }) => sum + failures, 0));
    },
  });
  new Gauge({
    ...registry,
    name: "remesa_event_streams",
    help: "Event streams open",
    collect() {
      this.set(streams());
    },
  });
}

export function addMetrics(app: App, parts: RouteParts, streams: () => number): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addReadings([registry], parts, streams);
  const requests = new Histogram({
    registers: [registry],
    name: "remesa_http_request_seconds",
    help: "Time to answer, by route and status",
    labelNames: ["method", "route", "status"],
    buckets,
  });

  app.addHook("onResponse", async (request, reply) => {
    // The route's pattern, never the path: labels must be few.
    const route = request.routeOptions.url ?? "none";
    requests.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
  });

  app.get(
    "/metrics",
    {
      config: { access: "public" },
      schema: { tags: ["node"], summary: "Numbers for operators (Prometheus text)", produces: ["text/plain"] },
    },
    async (_request, reply) => reply.header("content-type", registry.contentType).send(await registry.metrics()),
  );
}
