/**
 * Long polls. Owns how many wait at once and that none outlives the server; a wait that cannot be granted is answered with the present state
 * at once, which is always a correct answer.
 */
import type { Intent } from "../domain/intent.ts";
import type { Publisher } from "../pipeline/ports.ts";

/** Waits at once: each costs a timer and a socket. */
const maxWaits = 5_000;

export interface Waiting {
  /** The intent when it has ended, or as it is after that many seconds. */
  wait(intent: Intent, seconds: number): Promise<Intent>;
  /** Ends every wait now. */
  release(): void;
}

export function createWaiting(publisher: Publisher): Waiting {
  const releases = new Set<() => void>();
  let released = false;

  return {
    async wait(intent, seconds) {
      if (seconds === 0 || intent.endedAt !== null || released || releases.size >= maxWaits) return intent;
      const { promise, resolve } = Promise.withResolvers<null>();
      const release = () => resolve(null);
      releases.add(release);
      try {
        const ended = publisher.waitUntilEnded(intent.sequence, seconds * 1_000);
        return (await Promise.race([ended, promise])) ?? intent;
      } finally {
        releases.delete(release);
      }
    },
    release() {
      released = true;
      for (const release of releases) release();
    },
  };
}
