/**
 * The node as a program: reads its configuration, puts the adapters behind the pipeline's ports, and keeps the loops running until it
 * is told to stop. Owns start and stop; holds no state that a kill would lose. Exit codes: 0 stopped, 1 cannot run, 2 configuration.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bindChain, clock, connect, openStore, type OpenedStore, StartError, toFunderLimits } from "./adapters.ts";
import { createEncoder } from "./chain/encode.ts";
import { createRecoverer } from "./chain/recover.ts";
import { startRecoverThread } from "./chain/recover-thread.ts";
import { ChainFault } from "./chain/rpc.ts";
import { createSandbox } from "./chain/sandbox.ts";
import { KeystoreRefused } from "./chain/passphrase.ts";
import { createLaneSigner, createOrderSigner, transferGas } from "./chain/signer.ts";
import {
  type Config,
  ConfigError,
  readConfig,
  readCredentials,
  readDeployment,
  readFunderKey,
  readLaneKeys,
} from "./config.ts";
import { toKeyId } from "./http/auth.ts";
import { createCourier } from "./http/courier.ts";
import { createServer } from "./http/server.ts";
import { writeBody } from "./http/webhooks.ts";
import { createLog, type Logger } from "./log.ts";
import {
  createBell,
  type Loop,
  runLoop,
  toDeliverLoop,
  toFundLoop,
  toLanesLoop,
  toLeaseLoop,
  toWatchLoop,
} from "./loops.ts";
import { createIntake, defaultIntakeLimits } from "./pipeline/accept.ts";
import { createFollower, defaultFollowerLimits } from "./pipeline/confirm.ts";
import { createDeliverer, defaultDelivererLimits } from "./pipeline/deliver.ts";
import { createFunder } from "./pipeline/fund.ts";
import { createKeeper, defaultKeeperLimits } from "./pipeline/keep.ts";
import { createLaneDesk } from "./pipeline/lanes.ts";
import { createTenure, createWithdrawal, defaultLeaseLimits } from "./pipeline/lease.ts";
import { createPlanner, defaultPlannerLimits } from "./pipeline/plan.ts";
import type { HeadView, Leases, Notify } from "./pipeline/ports.ts";
import { createBooksCheck, defaultCheckEvery } from "./pipeline/post.ts";
import { createPublisher, defaultPublisherLimits } from "./pipeline/publish.ts";
import { createReconciler } from "./pipeline/reconcile.ts";
import { createSender, defaultSenderLimits } from "./pipeline/send.ts";
import { createLanes, type Lanes } from "./pipeline/sign.ts";
import { createWatch } from "./pipeline/watch.ts";
import { StoreFault, StoreLockedError } from "./store/sqlite.ts";

/** Deadlines are in whole seconds. */
const keepPauseMs = 1_000;
const gwei = 1_000_000_000n;
/** One thousand dollars per call of the devnet's faucet. */
const faucetUnits = 1_000_000_000n;

/** The folder of package.json: two levels up in the sources, three where this file runs compiled. */
function findPackage(): string {
  const here = fileURLToPath(import.meta.url);
  return fileURLToPath(new URL(here.endsWith(".ts") ? "../" : "../../", import.meta.url));
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(`${findPackage()}package.json`, "utf8")) as { version: string };
  return version;
}

/** Who confirms, sends, keeps and delivers, where several processes could. */
function createTenures(leases: Leases, lanes: Pick<Lanes, "doubtAll">) {
  const create = (name: string, gained: () => void = () => {}) =>
    createTenure({ name, leases, clock, limits: defaultLeaseLimits, gained });
  return {
    confirm: create("confirm"),
    // Under a new lease the lanes are opened anew: their epoch rises, and what the former owner signed and did not commit is dead.
    send: create("send", () => lanes.doubtAll()),
    keep: create("keep"),
    deliver: create("deliver"),
  };
}

/** Everything the node is made of, wired once. */
async function assemble(config: Config, { store, leases, isShared }: OpenedStore, log: Logger) {
  const deployment = readDeployment(config.REMESA_DATA);
  const credentials = readCredentials(config.REMESA_DATA);
  const laneKeys = await readLaneKeys(config, credentials.lanes);
  const { keys, spareKeys = [] } = laneKeys;
  const funderKey = await readFunderKey(config, { given: credentials.funder, lanes: [...keys, ...spareKeys] });
  const purse = toFunderLimits(config);
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
    funder:
      funderKey === undefined ? undefined : { key: funderKey, topUp: purse.topUp * gwei, perDay: purse.perDay * gwei },
  });
  const lanes = createLanes({ store, chain, signer });
  const publisher = createPublisher({ store, clock, limits: defaultPublisherLimits });
  const bell = createBell();
  const wake = (): void => {
    publisher.wake();
    bell.ring();
  };
  const books = createBooksCheck({ store, deployment, clock, every: defaultCheckEvery, notify });
  const follower = createFollower({
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
  const watch = createWatch({ store, clock, wake });
  // Alone, the follower knows the head first; with others, whoever follows writes it to the store.
  const head: HeadView = isShared ? watch : follower;
  const tenures = createTenures(leases, lanes);
  const maxHeadAgeMs = config.MAX_HEAD_AGE_SECONDS * 1_000;
  const recoverer = await createRecoverer({
    thread: startRecoverThread(),
    lost: (error) => log.warn({ error: String(error) }, "signatures are recovered on the main thread from now on"),
  });
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
  const funder = createFunder({
    store,
    chain,
    lanes,
    short: planner.short,
    clock,
    limits: { ...purse, gas: transferGas, maxFeePerGas, unminedSlots: defaultPlannerLimits.unminedSlots },
    wake,
    notify,
  });
  const keeper = createKeeper({ store, intake, head, clock, limits: defaultKeeperLimits, notify });
  const reconciler = createReconciler({ store, chain, deployment, clock, notify });
  const laneDesk = createLaneDesk({ store, chain, lanes, signer, clock, wake, notify });
  const courier = createCourier({ devnet: config.SANDBOX === "1", clock });
  const keyIds = new Set(credentials.apiKeys.map(toKeyId));
  const deliverer = createDeliverer({
    store,
    courier,
    write: (event) => writeBody(store, event),
    // A key that was taken out of the credentials gets nothing any more; a wallet is its own credential.
    admits: (owner) => owner.startsWith("0x") || keyIds.has(owner),
    clock,
    limits: defaultDelivererLimits,
    notify,
  });
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
    courier,
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
      tenure: tenures.confirm,
      pauseMs: () => config.POLL_MS,
      turn: async () => (await follower.tick()) === defaultFollowerLimits.blocks,
    },
    // Apart: while the chain takes its time over one broadcast, the next slots are planned and signed.
    {
      name: "plan",
      tenure: tenures.send,
      pauseMs: () => config.POLL_MS,
      turn: async () => (await planner.tick()) > 0,
    },
    {
      name: "send",
      tenure: tenures.send,
      pauseMs: () => config.POLL_MS,
      turn: async () => (await sender.tick()) > 0,
    },
    toFundLoop(funder, tenures.send),
    {
      name: "keep",
      tenure: tenures.keep,
      pauseMs: () => keepPauseMs,
      async turn() {
        await laneDesk.tick();
        if (config.KEEPER === "1") await keeper.tick();
        return false;
      },
    },
    toDeliverLoop(deliverer, tenures.deliver),
    ...Object.values(tenures).map(toLeaseLoop),
    ...(isShared ? [toWatchLoop(watch), toLanesLoop(lanes)] : []),
    {
      // Every process makes its own statement: it only reads, and its own API answers with it.
      name: "reconcile",
      // The first statement comes with the first final block.
      pauseMs: () => (reconciler.latest() === null ? config.POLL_MS : config.RECONCILE_SECONDS * 1_000),
      async turn() {
        if (head.final !== null) await reconciler.run();
        return false;
      },
    },
  ];
  const withdraw = createWithdrawal({ tenures: Object.values(tenures), clock });
  /** Alone there is nobody to leave the work to. */
  const onFault = async (error: unknown): Promise<void> => {
    if (isShared && error instanceof ChainFault) await withdraw();
  };
  return { server, loops, bell, tenures: Object.values(tenures), onFault };
}

async function run(): Promise<void> {
  const config = readConfig();
  const log = createLog(config.LOG_LEVEL);
  const opened = await openStore(config);
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopping.abort());

  const { server, loops, bell, tenures, onFault } = await assemble(config, opened, log);
  const { signal } = stopping;
  const running = loops.map((loop) =>
    // Only planner and sender are woken by commits; the follower has the chain to ask, the reconciler its own pace.
    runLoop(loop, {
      signal,
      log,
      onFault,
      bell: loop.name === "plan" || loop.name === "send" ? () => bell.next() : () => new Promise<void>(() => {}),
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
  // Another process takes over at once; where the store is out, the leases run out by themselves.
  await Promise.all(tenures.map((tenure) => tenure.release())).catch(() => undefined);
  await opened.store.close();
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
  const known = error instanceof StoreLockedError || error instanceof StoreFault || error instanceof StartError;
  const unknown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${known ? error.message : unknown}\n`);
  process.exit(1);
}
