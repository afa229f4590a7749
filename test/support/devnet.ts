/**
 * A devnet for end-to-end tests: real processes, free ports, a temporary folder. Owns cleaning up; promises that a test that fails or is
 * killed leaves no process behind. No side effects on loading.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Credentials, readCredentials } from "../../src/config.ts";
import { type ApiRole } from "../../src/config.ts";
import { type Client, createClient } from "../../src/http/client.ts";
import { type SpawnedDevnet, spawnDevnet } from "../../scripts/devnet/spawn.ts";

export interface TestDevnet extends SpawnedDevnet {
  readonly keys: Credentials;
  /** A client with the key of that role; without one, as a stranger. */
  as(role: ApiRole | null): Client;
  /** Ends the devnet and removes its folder. */
  remove(): Promise<void>;
}

export interface TestDevnetOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A folder to use again; a new one otherwise. */
  readonly data?: string;
}

export async function startDevnet({ args = [], env = {}, data }: TestDevnetOptions = {}): Promise<TestDevnet> {
  const folder = data ?? mkdtempSync(join(tmpdir(), "remesa-devnet-"));
  const devnet = await spawnDevnet({ data: join(folder, "data"), args, env });
  const keys = readCredentials(devnet.data);
  return {
    ...devnet,
    keys,
    as(role) {
      const key = keys.apiKeys.find((apiKey) => apiKey.role === role)?.key;
      return createClient({ url: devnet.url, ...(key === undefined ? {} : { key }) });
    },
    async remove() {
      await devnet.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
