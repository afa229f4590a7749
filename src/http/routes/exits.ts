/**
 * Public exits that are due: what anyone may end now, because its deadline has passed. Owns this one route; whoever keeps the deadlines
 * reads it and takes each exit by the route it names, without a key.
 */
import { z } from "zod";
import type { App, RouteParts } from "../app.ts";
import { timeOut, wordOut } from "../fields.ts";
import { toTimeOfSeconds } from "../resources.ts";

/** Exits told at once, oldest deadline first: those taken make room for the rest. */
const listed = 100;

const exits = z
  .object({
    data: z.array(
      z.object({
        kind: z.enum(["reclaim", "reclaim-claim", "reclaim-payment"]),
        id: wordOut,
        since: timeOut,
        post: z.string().meta({ description: "The route that takes it; needs no body" }),
      }),
    ),
  })
  .meta({ id: "Exits" });
export type Exits = z.output<typeof exits>;

const places = { reclaim: "redemptions", "reclaim-claim": "claims", "reclaim-payment": "payments" } as const;

export function addExits(app: App, parts: RouteParts): void {
  app.get(
    "/v1/exits",
    {
      config: { access: "public" },
      schema: {
        tags: ["operations"],
        summary: "What anyone may end now: deadlines that have passed",
        response: { 200: exits },
      },
    },
    async () => {
      const now = parts.head.latest?.time;
      const due = now === undefined ? [] : await parts.store.listDue({ now, limit: listed });
      return {
        data: due.map(({ kind, id, due: since }) => ({
          kind,
          id,
          since: toTimeOfSeconds(since) ?? "",
          post: `/v1/${places[kind]}/${id}/reclaim`,
        })),
      };
    },
  );
}
