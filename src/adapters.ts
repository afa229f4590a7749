/**
 * What the node stands on: its clock, its chain and its store, opened as the configuration says, and the chain held against the store's. Owns
 * every reason not to start; knows nothing of what is done with them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createEndpoints } from "./chain/endpoints.ts";
import { createChain } from "./chain/node.ts";
import type { Config } from "./config.ts";
import type { Logger } from "./log.ts";
import { faultPauseMs } from "./loops.ts";
import type { Chain, ChainIdentity, Clock, Deployment, Leases, Notify, Store } from "./pipeline/ports.ts";
import { soleLeases } from "./store/lock.ts";
import { openPostgres } from "./store/postgres.ts";
import { openSqlite } from "./store/sqlite.ts";

export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) => sleep(ms),
};

/** How long the chain may take to answer at start before the node gives up. */
const chainPatienceMs = 60_000;

export class StartError extends Error {
  override readonly name = "StartError";
}

/** What the funder may give: the signer keeps to it, the store counts it, the pipeline asks for no more. */
export function toFunderLimits(config: Config) {
  return {
    low: BigInt(config.LANE_LOW_GWEI),
    topUp: BigInt(config.LANE_TOP_UP_GWEI),
    perDay: BigInt(config.FUNDER_GWEI_PER_DAY),
  };
}

/** The chain over its one endpoint, or over several that must agree. */
export function connect(
  config: Config,
  parts: { deployment: Deployment; maxFeePerGas: bigint; notify: Notify },
): Chain {
  const { deployment, maxFeePerGas, notify } = parts;
  const urls = config.RPC_URLS ?? [config.RPC_URL];
  const chains = urls.map((url, index) => ({
    // The host alone: a path may be a key.
    name: `${index + 1} ${new URL(url).host}`,
    chain: createChain({
      url,
      deployment,
      finality: config.FINALITY,
      maxFeePerGas,
      // Where another one can be asked, waiting long for this one is the worse choice.
      ...(urls.length > 1 ? { timeoutMs: 5_000 } : {}),
    }),
  }));
  const [only, ...others] = chains;
  return only !== undefined && others.length === 0 ? only.chain : createEndpoints({ endpoints: chains, clock, notify });
}

/** The chain's identity, waited for; another chain than the folder's is refused. */
export async function bindChain(store: Store, chain: Chain, deployment: Deployment, log: Logger): Promise<void> {
  let identity: ChainIdentity | null = null;
  for (const start = clock.monotonic(); identity === null; ) {
    try {
      identity = await chain.identity();
    } catch (error) {
      if (clock.monotonic() - start > chainPatienceMs) {
        throw new StartError(
          `the chain does not answer at RPC_URL (${error instanceof Error ? error.message : String(error)}); start it, or correct the address`,
          { cause: error },
        );
      }
      log.warn({ error: String(error) }, "waiting for the chain");
      await clock.sleep(faultPauseMs);
    }
  }
  if (identity.chainId !== deployment.chainId) {
    throw new StartError(`deployment.json is for chain ${deployment.chainId}, RPC_URL is chain ${identity.chainId}`);
  }
  const stored = await store.bindChain(identity);
  const same =
    stored.chainId === identity.chainId &&
    stored.genesis === identity.genesis &&
    Object.entries(stored.code).every(
      ([address, code]) => identity.code[address as keyof typeof identity.code] === code,
    );
  if (!same) {
    throw new StartError(
      `this data folder belongs to another chain (genesis ${stored.genesis}, here ${identity.genesis}) or other contracts; use another folder`,
    );
  }
}

export interface OpenedStore {
  readonly store: Store;
  readonly leases: Leases;
  /** True when other processes may have the same store open. */
  readonly isShared: boolean;
}

/** `DATABASE_URL` chooses the engine, and nothing else does. */
export async function openStore({ DATABASE_URL: url, REMESA_DATA: folder }: Config): Promise<OpenedStore> {
  if (url === undefined) return { store: await openSqlite({ folder }), leases: soleLeases, isShared: false };
  const store = await openPostgres({ url });
  return { store, leases: store.leases, isShared: true };
}
