/**
 * The node as a program: reads its configuration, puts the adapters behind the pipeline's ports, and keeps the loops running until it
 * is told to stop. Owns start and stop; holds no state that a kill would lose. Exit codes: 0 stopped, 1 cannot run, 2 configuration.
 */
import { AssertionError } from "node:assert";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { createChain } from "./chain/node.ts";
import { createEncoder } from "./chain/encode.ts";
import { createEndpoints } from "./chain/endpoints.ts";
import { createRecoverer } from "./chain/recover.ts";
import { createSandbox } from "./chain/sandbox.ts";
import { KeystoreRefused, readPassphrase } from "./chain/passphrase.ts";
import { createLaneSigner, createOrderSigner } from "./chain/signer.ts";
import { type Config, ConfigError, readConfig, readCredentials, readDeployment } from "./config.ts";
import { createServer } from "./http/server.ts";
import { createLog, type Logger } from "./log.ts";
import { createIntake, defaultIntakeLimits } from "./pipeline/accept.ts";
import { createFollower, defaultFollowerLimits } from "./pipeline/confirm.ts";
import { createKeeper, defaultKeeperLimits } from "./pipeline/keep.ts";
import { createLaneDesk } from "./pipeline/lanes.ts";
import { createPlanner, defaultPlannerLimits } from "./pipeline/plan.ts";
import type { Hex } from "./domain/hex.ts";
import type { Chain, ChainIdentity, Clock, Deployment, Notify, Store } from "./pipeline/ports.ts";
import { createBooksCheck, defaultCheckEvery } from "./pipeline/post.ts";
import { createPublisher, defaultPublisherLimits } from "./pipeline/publish.ts";
import { createReconciler } from "./pipeline/reconcile.ts";
import { createSender, defaultSenderLimits } from "./pipeline/send.ts";
import { createLanes } from "./pipeline/sign.ts";
import { openSqlite, StoreLockedError } from "./store/sqlite.ts";

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) => sleep(ms),
};

/** How long the chain may take to answer at start before the node gives up. */
const chainPatienceMs = 60_000;
/** Deadlines are in whole seconds. */
const keepPauseMs = 1_000;
/** Pause after a loop's turn threw: a store or chain that is out is asked again, not hammered. */
const faultPauseMs = 1_000;
const gwei = 1_000_000_000n;
/** One thousand dollars per call of the devnet's faucet. */
const faucetUnits = 1_000_000_000n;

class StartError extends Error {
  override readonly name = "StartError";
}

/** The folder of package.json: two levels up in the sources, three where this file runs compiled. */
function findPackage(): string {
  const here = fileURLToPath(import.meta.url);
  return fileURLToPath(new URL(here.endsWith(".ts") ? "../" : "../../", import.meta.url));
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(`${findPackage()}package.json`, "utf8")) as { version: string };
  return version;
}

/** The lanes' keys: those of credentials.json, and those of the keystore where there is one. Keys past LANE_COUNT only wait. */
async function readLaneKeys(config: Config, lanes: readonly Hex[]) {
  const { LANE_KEYSTORE: path, LANE_PASSPHRASE: source, LANE_COUNT: active, LANE_SPARE: spare } = config;
  if (path === undefined) {
    if (lanes.length > 0) return { keys: lanes };
    throw new ConfigError(["LANE_KEYSTORE: not set, and credentials.json names no lane: the node could send nothing"]);
  }
  const passphrase = await readPassphrase(source, { env: process.env });
  const { readKeystoreKeys } = await import("./chain/keystore.ts");
  const keys = await readKeystoreKeys({ path, passphrase, count: active + spare });
  return { keys: [...lanes, ...keys.slice(0, active)], spareKeys: keys.slice(active) };
}

/** The chain over its one endpoint, or over several that must agree. */
function connect(config: Config, parts: { deployment: Deployment; maxFeePerGas: bigint; notify: Notify }): Chain {
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
async function bindChain(store: Store, chain: Chain, deployment: Deployment, log: Logger): Promise<void> {
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

interface Loop {
  readonly name: string;
  /** Returns true when there is more to do at once. */
  readonly turn: () => Promise<boolean>;
  readonly pauseMs: () => number;
}

/** Runs a loop until `signal`; a fault is logged and the turn repeated, a broken invariant ends the process. */
async function runLoop(
  loop: Loop,
  { signal, log, bell }: { signal: AbortSignal; log: Logger; bell: () => Promise<void> },
) {
  while (!signal.aborted) {
    try {
      if (await loop.turn()) continue;
      await Promise.race([sleep(loop.pauseMs(), undefined, { signal }).catch(() => undefined), bell()]);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      log.error(
        { loop: loop.name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        "turn failed",
      );
      await sleep(faultPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** A bell that any number of sleepers can wait for. */
function createBell(): { ring(): void; next(): Promise<void> } {
  let current = Promise.withResolvers<void>();
  return {
    ring() {
      const rung = current;
      current = Promise.withResolvers<void>();
      rung.resolve();
    },
    next: () => current.promise,
  };
}

/** Everything the node is made of, wired once. */
async function assemble(config: Config, store: Store, log: Logger) {
  const deployment = readDeployment(config.REMESA_DATA);
  const credentials = readCredentials(config.REMESA_DATA);
  const laneKeys = await readLaneKeys(config, credentials.lanes);
  const maxFeePerGas = BigInt(config.MAX_FEE_GWEI) * gwei;
  const notify: Notify = ({ step, code, subject, detail }) => log.warn({ step, code, subject }, detail);
  const chain = connect(config, { deployment, maxFeePerGas, notify });
  await bindChain(store, chain, deployment, log);

  const encoder = await createEncoder(deployment);
  const orderSigner = await createOrderSigner(credentials.roles);
  const signer = await createLaneSigner({
    ...laneKeys,
    deployment,
    maxFeePerGas,
  });
  const lanes = createLanes({ store, chain, signer });
  const publisher = createPublisher({ store, clock, limits: defaultPublisherLimits });
  const bell = createBell();
  const wake = (): void => {
    publisher.wake();
    bell.ring();
  };
  const books = createBooksCheck({ store, deployment, clock, every: defaultCheckEvery, notify });
  const head = createFollower({
    store,
    chain,
    deployment,
    lanes,
    books,
    clock,
    limits: defaultFollowerLimits,
    wake,
    notify,
  });
  const maxHeadAgeMs = config.MAX_HEAD_AGE_SECONDS * 1_000;
  const recoverer = await createRecoverer();
  const intake = createIntake({
    store,
    encoder,
    recoverer,
    orderSigner,
    deployment,
    head,
    clock,
    limits: {
      ...defaultIntakeLimits,
      validity: { ...defaultIntakeLimits.validity, transfer: config.MAX_VALIDITY_SECONDS },
      maxHeadAgeMs,
      maxLiveIntents: config.MAX_LIVE_INTENTS,
      sponsorship: {
        minimums: config.MIN_SPONSORED_UNITS,
        budget: {
          payerPerDay: BigInt(config.SPONSOR_GAS_PER_PAYER_DAY),
          newPayerPerDay: BigInt(config.SPONSOR_GAS_PER_NEW_PAYER_DAY),
          perHour: BigInt(config.SPONSOR_GAS_PER_HOUR),
        },
      },
    },
    wake,
  });
  const limits = { ...defaultPlannerLimits, rows: config.BATCH_ROWS, maxFeePerGas };
  const planner = createPlanner({ store, chain, lanes, clock, head, limits, wake, notify });
  const sender = createSender({
    store,
    chain,
    lanes,
    clock,
    head,
    limits: { ...defaultSenderLimits, maxFeePerGas },
    notify,
  });
  const keeper = createKeeper({ store, intake, head, clock, limits: defaultKeeperLimits, notify });
  const reconciler = createReconciler({ store, chain, deployment, clock, notify });
  const laneDesk = createLaneDesk({ store, chain, lanes, signer, clock, wake, notify });
  const server = await createServer({
    store,
    chain,
    intake,
    encoder,
    recoverer,
    publisher,
    reconciler,
    head,
    orderSigner,
    deployment,
    lanes: signer.lanes,
    laneDesk,
    apiKeys: credentials.apiKeys,
    sandbox: config.SANDBOX === "1" ? createSandbox(config.RPC_URLS?.[0] ?? config.RPC_URL) : null,
    network: { blockIntervalMs: config.BLOCK_INTERVAL_MS ?? null, finality: config.FINALITY },
    limits: {
      requestsPerMinute: config.RATE_LIMIT_PER_MINUTE,
      maxHeadAgeMs,
      maxValiditySeconds: config.MAX_VALIDITY_SECONDS,
      faucetUnits,
    },
    version: readVersion(),
    logger: log,
    webRoot: `${findPackage()}src/web`,
    loginHosts: config.LOGIN_HOSTS ?? null,
    clock,
  });
  const loops: readonly Loop[] = [
    {
      name: "confirm",
      pauseMs: () => config.POLL_MS,
      turn: async () => (await head.tick()) === defaultFollowerLimits.blocks,
    },
    {
      name: "plan and send",
      pauseMs: () => config.POLL_MS,
      async turn() {
        const planned = await planner.tick();
        return (await sender.tick()) > 0 && planned > 0;
      },
    },
    {
      name: "keep",
      pauseMs: () => keepPauseMs,
      async turn() {
        await laneDesk.tick();
        if (config.KEEPER === "1") await keeper.tick();
        return false;
      },
    },
    {
      name: "reconcile",
      // The first statement comes with the first final block.
      pauseMs: () => (reconciler.latest() === null ? config.POLL_MS : config.RECONCILE_SECONDS * 1_000),
      async turn() {
        if (head.final !== null) await reconciler.run();
        return false;
      },
    },
  ];
  return { server, loops, bell, head };
}

async function run(): Promise<void> {
  const config = readConfig();
  const log = createLog(config.LOG_LEVEL);
  const store = await openSqlite({ folder: config.REMESA_DATA });
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopping.abort());

  const { server, loops, bell } = await assemble(config, store, log);
  const { signal } = stopping;
  const running = loops.map((loop) =>
    // Only the planner is woken by commits; the follower has the chain to ask, the reconciler its own pace.
    runLoop(loop, {
      signal,
      log,
      bell: loop.name === "plan and send" ? () => bell.next() : () => new Promise<void>(() => {}),
    }),
  );
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await server.listen({ host: config.HOST, port: config.PORT });
  log.info({ data: config.REMESA_DATA, address: server.server.address() }, "listening");

  // A loop ends before it is told to only by a broken invariant: the process stops, restart and reconcile is the recovery.
  await Promise.race([stopped, Promise.all(running)]);
  await server.close();
  stopping.abort();
  await Promise.all(running);
  await store.close();
  log.info("stopped");
}

try {
  await run();
  process.exit(0);
} catch (error) {
  if (error instanceof KeystoreRefused) {
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
  if (error instanceof ConfigError) {
    process.stderr.write(
      `the configuration is wrong:\n${error.problems.map((problem) => `  ${problem}`).join("\n")}\n`,
    );
    process.exit(2);
  }
  const known = error instanceof StoreLockedError || error instanceof StartError;
  const unknown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${known ? error.message : unknown}\n`);
  process.exit(1);
}
