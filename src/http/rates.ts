/**
 * How often who has called: the counts behind the limit on requests, kept in this process. Owns them and their bound. Counts by the monotonic clock: with the
 * plugin's own counts a wall clock that is set back ten minutes makes a minute last eleven, and keeps out whoever keeps to the limit.
 */
import type { FastifyRateLimitOptions, FastifyRateLimitStore } from "@fastify/rate-limit";
import type { Clock } from "../pipeline/ports.ts";

/** Callers that are counted at a time; one more, and the one that was silent longest is counted anew. */
const mostCallers = 5_000;

interface Count {
  readonly since: number;
  current: number;
}

/** What the plugin makes its counts with. */
export function createRates(
  clock: Pick<Clock, "monotonic">,
): new (
  options: FastifyRateLimitOptions,
) => FastifyRateLimitStore {
  const create = (): FastifyRateLimitStore => {
    const counts = new Map<string, Count>();
    return {
      incr(key, callback, windowMs) {
        const now = clock.monotonic();
        const known = counts.get(key);
        const count = known !== undefined && now - known.since < windowMs ? known : { since: now, current: 0 };
        count.current += 1;
        // Last in the map: the first is the one to go.
        counts.delete(key);
        counts.set(key, count);
        const [oldest] = counts.keys();
        if (counts.size > mostCallers && oldest !== undefined) counts.delete(oldest);
        callback(null, { current: count.current, ttl: windowMs - (now - count.since) });
      },
      child: create,
    };
  };
  // The plugin calls it with `new`, and takes what it returns.
  return function Rates() {
    return create();
  } as unknown as new (
    options: FastifyRateLimitOptions,
  ) => FastifyRateLimitStore;
}
