/**
 * A process that accepts batch after batch and prints how many intents were acknowledged: the victim of the crash tests. Runs only when started
 * as a program, with a folder and a batch size.
 */
import { pathToFileURL } from "node:url";
import { openSqlite } from "../../src/store/sqlite.ts";
import { mintFacts, toHash } from "./world.ts";

async function main(folder: string, size: number): Promise<void> {
  const store = await openSqlite({ folder });
  for (let acknowledged = 0; ; ) {
    const items = Array.from({ length: size }, (_, i) => ({
      facts: mintFacts(toHash("deposit", acknowledged + i)),
      idempotency: null,
    }));
    await store.acceptBatch(items, Date.now());
    acknowledged += size;
    process.stdout.write(`${acknowledged}\n`);
  }
}

const [, program, folder, size] = process.argv;
if (program !== undefined && folder !== undefined && import.meta.url === pathToFileURL(program).href) {
  await main(folder, Number(size));
}
