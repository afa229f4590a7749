/**
 * A published fact on the wire. Owns its shape alone: what it is about and to whom it matters, with the facts under `data`; apart from the
 * resources, so that they can be told in events and traces alike.
 */
import { z } from "zod";
import { addressOut, timeOut } from "./fields.ts";

export const publicEvent = z
  .object({
    sequence: z.string(),
    id: z.string().nullable().meta({ description: "The resource it is about" }),
    type: z.string(),
    at: timeOut,
    accounts: z.array(addressOut),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "Event" });
export type PublicEvent = z.output<typeof publicEvent>;
