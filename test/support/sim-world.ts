/**
 * What goes wrong around a node in the simulation: a provider that lags, forgets and lies, a chain with reorgs, evictions and a market, lanes that
 * run dry, clocks that jump. Everything is decided by the seed and stops when the world is told to be calm; nothing here is beyond what
 * a real provider or a real clock does.
 */
import { toWord, type Word } from "../../src/domain/hex.ts";
import type { SendAnswer } from "../../src/pipeline/ports.ts";
import type { ModelChain } from "./model-chain.ts";
import { laneA, laneB, wallet } from "./model-codec.ts";
import type { Random } from "./random.ts";
import type { Actor, Mishap, Scheduler } from "./scheduler.ts";

export interface SimWorld {
  readonly model: ModelChain;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly actor: Actor;
  /** Nothing goes wrong any more. */
  calm: boolean;
  /** No further block: everything that is left to do is to follow. */
  still: boolean;
  readonly happened: Map<string, number>;
}

export function count({ happened }: SimWorld, what: string): void {
  happened.set(what, (happened.get(what) ?? 0) + 1);
}

/** What befalls a node's call; in calm nothing does. */
export function befallIn(world: SimWorld, actor: Actor): Mishap {
  if (world.calm || actor === world.actor) return "none";
  const roll = world.random.below(1_000);
  const mishap =
    roll < 3 ? "dies before" : roll < 6 ? "dies after" : roll < 26 ? "before" : roll < 46 ? "lost" : "none";
  if (mishap !== "none") count(world, mishap);
  return mishap;
}

/** One transaction handed to a provider that may drop it, refuse it, or answer something else. */
async function sendOne(world: SimWorld, raw: `0x${string}`): Promise<SendAnswer> {
  const { model, random } = world;
  const roll = world.calm ? 100 : random.below(100);
  if (roll < 3) return { kind: "refused", message: "refused" };
  if (roll < 6) return { kind: "unknown", message: "time-out before delivery" };
  const [answer] = await model.send([raw]);
  if (roll < 9) return { kind: "answered", hash: toWord(BigInt(random.below(1 << 30))) as Word };
  if (roll < 12) return { kind: "unknown", message: "time-out after delivery" };
  return answer ?? { kind: "unknown", message: "no answer" };
}

/** The chain as an unkind provider shows it. */
export function showUnkindly(world: SimWorld): ModelChain {
  const { model, random } = world;
  const isBad = (probability: number): boolean => !world.calm && random.chance(probability);
  return {
    ...model,
    async head() {
      const behind = isBad(0.05) ? 1 + random.below(2) : 0;
      return model.blocks.at(-1 - Math.min(behind, model.blocks.length - 1))?.ref ?? model.head();
    },
    block: async (number) => (isBad(0.03) ? null : model.block(number)),
    readBlock: async (ref, attempts) => (isBad(0.05) ? null : model.readBlock(ref, attempts)),
    async send(raws) {
      const answers: SendAnswer[] = [];
      for (const raw of raws) answers.push(await sendOne(world, raw));
      return answers;
    },
    simulate: async (call) => (isBad(0.02) ? "reverted" : isBad(0.02) ? null : model.simulate(call)),
  };
}

/** Repeats an act of the world at random intervals, as a call among the others. */
async function repeat(
  world: SimWorld,
  about: { readonly name: string; readonly ms: readonly [number, number]; readonly act: () => void },
): Promise<void> {
  const { scheduler, random, actor } = world;
  const clock = scheduler.clockOf(actor);
  const [least, most] = about.ms;
  while (actor.alive) {
    await clock.sleep(least + random.below(most - least));
    await scheduler.call(actor, about.name, about.act);
  }
}

/** `depth`: blocks on a block that make it final. Reorgs stay below it. */
export function startChain(world: SimWorld, depth: number): void {
  const { model, random } = world;
  void repeat(world, {
    name: "mine",
    ms: [300, 2_000],
    act() {
      if (!world.still) model.mine();
      if (world.calm) return;
      if (random.chance(0.2) && model.height > depth + 2) {
        model.reorg(1 + random.below(depth - 1), { drop: random.chance(0.3) });
        count(world, "reorg");
      }
      if (random.chance(0.05)) model.evict(random.below);
    },
  });
}

const usual = { maxFeePerGas: 100n, maxPriorityFeePerGas: 10n };

/** Prices that rise and fall, up to a hundredfold; lanes that run out of gas and are topped up; money that moves outside the node. */
export function startMarket(world: SimWorld): void {
  const { model, random } = world;
  void repeat(world, {
    name: "market",
    ms: [2_000, 8_000],
    act() {
      if (world.calm) return;
      const [base, fee] = random.pick([
        [1n, 100n],
        [1n, 100n],
        [150n, 300n],
        [500n, 1_000n],
        [9_000n, 20_000n],
      ] as const);
      model.baseFee = base;
      model.market = { ...usual, maxFeePerGas: fee };
      for (const lane of [laneA, laneB]) {
        if (random.chance(0.2)) model.purses.set(lane, 1_000n);
        else model.purses.delete(lane);
      }
    },
  });
  void repeat(world, {
    name: "outsider",
    ms: [3_000, 9_000],
    act() {
      if (world.calm) return;
      const [from, to] = [wallet(1 + random.below(8)), wallet(1 + random.below(8))];
      const balance = model.coin.accounts.get(from)?.balance ?? 0n;
      if (from !== to && balance > 10n) model.move(from, to, balance / 3n);
    },
  });
}

/** The wall clock jumps by ten minutes, either way. */
export function startClockJumps(world: SimWorld): void {
  const { scheduler, random, actor } = world;
  const clock = scheduler.clockOf(actor);
  let skewed = 0;
  void repeat(world, {
    name: "clock",
    ms: [8_000, 20_000],
    act() {
      const wanted = random.pick([-600_000, 0, 600_000]);
      clock.skew(wanted - skewed);
      skewed = wanted;
    },
  });
}

/** From now on everything goes well, and what waited for better times may go on. */
export function calmDown(world: SimWorld): void {
  const { model } = world;
  world.calm = true;
  model.baseFee = 1n;
  model.market = usual;
  model.purses.clear();
  model.coin.poison.clear();
}
