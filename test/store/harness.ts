/**
 * Opening and closing around one test. Owns nothing else; every store opened here is closed, whatever the test does.
 */
import type { Store } from "../../src/pipeline/ports.ts";

export type OpenStore = () => Promise<Store>;

/** Opens a fresh store for one test body and closes it afterwards. */
export function withStore(open: OpenStore, body: (store: Store) => Promise<void>): () => Promise<void> {
  return async () => {
    const store = await open();
    try {
      await body(store);
    } finally {
      await store.close();
    }
  };
}
