/**
 * What goes wrong with the nodes' processes: killed, stopped and continued, restarted one after another, their wall clocks moved. Owns each event until
 * every node it touched answers again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { StageNode } from "./nodes.ts";
import type { Trap } from "./proxy.ts";
import { pickNode, restart, type Scene, waitLease, waitReplaced, waitTakeover } from "./scene.ts";

/**
 * Calls at which a node is killed: a broadcast, the evidence of a block, the price before a plan; and where it opens its lanes or looks at the contracts
 * after a start, so that it dies while it recovers from having died.
 */
const points: readonly (Pick<Trap, "method" | "when"> & { readonly starting?: true })[] = [
  { method: "eth_sendRawTransaction", when: "before" },
  { method: "eth_sendRawTransaction", when: "after" },
  { method: "eth_getTransactionReceipt", when: "after" },
  { method: "eth_getBlockByNumber", when: "after" },
  { method: "eth_maxPriorityFeePerGas", when: "after" },
  { method: "eth_getTransactionCount", when: "before", starting: true },
  { method: "eth_getCode", when: "after", starting: true },
];
const trapMs = 3_000;
/** A node that was killed is up again within that time. */
const startMs = 20_000;
/** How far a wall clock stands off the true time at most, either way. */
const skewMs = 600_000;

/** Any node, at any moment. */
export async function killAtRandom(scene: Scene): Promise<string> {
  const node = pickNode(scene);
  await sleep(scene.random.within(0, 500));
  await restart(node, "SIGKILL");
  return `${node.name} killed`;
}

export async function killAll({ stage }: Scene): Promise<string> {
  await Promise.all(stage.nodes.map((node) => restart(node, "SIGKILL")));
  return `${stage.nodes.length} nodes killed at once`;
}

interface Sprung {
  readonly node: StageNode;
  readonly pid: number;
}

/** Waits for one call of any node and kills that node there; null when it was not made in time. */
async function killAt({ stage }: Scene, { method, when, starting }: (typeof points)[number]): Promise<string | null> {
  const sprung = Promise.withResolvers<Sprung>();
  const setTraps = (trap: (node: StageNode) => Trap | null): void => {
    for (const node of stage.nodes) node.proxy.trap = trap(node);
  };
  setTraps((node) => ({
    method,
    when,
    spring() {
      setTraps(() => null);
      const pid = node.process.pid();
      node.process.signal("SIGKILL");
      sprung.resolve({ node, pid });
    },
  }));
  if (starting === true) for (const node of stage.nodes) node.process.signal("SIGKILL");
  const hit = await Promise.race([sprung.promise, sleep(starting === true ? startMs : trapMs, null)]);
  setTraps(() => null);
  if (hit !== null) await waitReplaced(hit.node, hit.pid);
  await Promise.all(stage.nodes.map((node) => node.process.whenReady()));
  if (hit === null) return null;
  return `${hit.node.name} killed ${when} ${method}${starting === true ? ", while starting after a kill" : ""}`;
}

/** A call that is not made these seconds, as when there is nothing to send after a reorg, leaves the turn to another. */
export async function killAtPoint(scene: Scene): Promise<string | null> {
  for (const point of scene.random.shuffle(points)) {
    const happened = await killAt(scene, point);
    if (happened !== null) return happened;
  }
  return null;
}

/** In the middle of accepting: some milliseconds after a payment was sent to that node. */
export async function killAtAccept({ payers, random }: Scene): Promise<string | null> {
  const sent = Promise.withResolvers<StageNode>();
  const lateMs = random.within(0, 6);
  payers.onSubmit = sent.resolve;
  const node = await Promise.race([sent.promise, sleep(trapMs, null)]);
  payers.onSubmit = null;
  if (node === null) return null;
  await sleep(lateMs);
  await restart(node, "SIGKILL");
  return `${node.name} killed ${lateMs} ms after a payment was sent to it`;
}

async function holdStill(node: StageNode, work: () => Promise<void>): Promise<void> {
  node.process.signal("SIGSTOP");
  try {
    await work();
  } finally {
    node.process.signal("SIGCONT");
  }
}

export async function stopAndContinue(scene: Scene): Promise<string> {
  const node = pickNode(scene);
  const ms = scene.random.within(500, 4_000);
  await holdStill(node, () => sleep(ms));
  return `${node.name} stopped for ${ms} ms`;
}

/** The one that sends is stopped until another has its lease, and some more: it wakes up believing what is not so any more. */
export async function stopSender({ stage, random }: Scene): Promise<string | null> {
  const before = await waitLease(stage, "send");
  if (before === null) return null;
  const [started, ms] = [performance.now(), random.within(0, 3_000)];
  let next = "";
  await holdStill(before.node, async () => {
    next = (await waitTakeover(stage, "send", before)).node.name;
    await sleep(ms);
  });
  await before.node.process.whenReady();
  return `${before.node.name} stopped for ${Math.round(performance.now() - started)} ms while it sent, ${next} took over`;
}

/** Asked to stop, one after another, each only when the one before is ready again, as an upgrade does it. */
export async function rollRestarts({ stage, random, payers }: Scene): Promise<string> {
  const [started, before] = [performance.now(), payers.accepted()];
  for (const node of random.shuffle(stage.nodes)) await restart(node, "SIGTERM");
  const ms = Math.round(performance.now() - started);
  return `${stage.nodes.length} restarted in ${ms} ms, ${payers.accepted() - before} payments accepted meanwhile`;
}

/** Ten minutes off, or back to the true time. */
export async function moveWallClock(scene: Scene): Promise<string | null> {
  const { clock, name, process } = pickNode(scene);
  const away = scene.random.happens(0.5) ? skewMs : -skewMs;
  const to = clock.offset === 0 ? away : 0;
  const by = to - clock.offset;
  if (!(await clock.moveTo(to, process.pid()))) return null;
  return `${name}: wall clock moved by ${by / 1_000} s`;
}
