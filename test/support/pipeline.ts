/**
 * The whole pipeline over any store and chain, with a clock that only moves when told: what main.ts wires, for tests. `drain` runs it
 * round by round, as the loops would, until nothing is left to do.
 */
import type { Draft } from "../../src/domain/draft.ts";
import { createIntake, defaultIntakeLimits, type IntakeLimits } from "../../src/pipeline/accept.ts";
import { createFollower, defaultFollowerLimits } from "../../src/pipeline/confirm.ts";
import { createFunder, type FunderLimits } from "../../src/pipeline/fund.ts";
import { createKeeper, defaultKeeperLimits } from "../../src/pipeline/keep.ts";
import { createLaneDesk } from "../../src/pipeline/lanes.ts";
import { createPlanner, defaultPlannerLimits, type PlannerLimits } from "../../src/pipeline/plan.ts";
import type {
  AcceptOutcome,
  Chain,
  Clock,
  Deployment,
  Encoder,
  LaneSigner,
  Notice,
  OrderSigner,
  Recoverer,
  Store,
} from "../../src/pipeline/ports.ts";
import { createBooksCheck } from "../../src/pipeline/post.ts";
import { createPublisher, defaultPublisherLimits } from "../../src/pipeline/publish.ts";
import { createReconciler } from "../../src/pipeline/reconcile.ts";
import { createSender, defaultSenderLimits, type SenderLimits } from "../../src/pipeline/send.ts";
import { createLanes } from "../../src/pipeline/sign.ts";
import type { ModelChain } from "./model-chain.ts";
import { createModelSigner, deployment, encoder, orderSigner, recoverer } from "./model-codec.ts";

export interface ManualClock extends Clock {
  advance(ms: number): void;
  /** Moves the wall clock alone. */
  skew(ms: number): void;
}

/** Sleepers wake when the clock passes them; a sleep with nobody to move the clock ends in the next turn of the loop. */
export function createManualClock(start = 1_800_000_000_000): ManualClock {
  let elapsed = 0;
  let skewed = 0;
  return {
    now: () => start + elapsed + skewed,
    monotonic: () => elapsed,
    async sleep(ms) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      elapsed += ms;
    },
    advance(ms) {
      elapsed += ms;
    },
    skew(ms) {
      skewed += ms;
    },
  };
}

export interface HouseOptions {
  readonly store: Store;
  readonly chain: Chain;
  readonly clock: ManualClock;
  readonly signer?: LaneSigner;
  /** The real chain's language in place of the model's. */
  readonly language?: {
    readonly encoder: Encoder;
    readonly recoverer: Recoverer;
    readonly orderSigner: OrderSigner;
    readonly deployment: Deployment;
  };
  readonly planner?: Partial<PlannerLimits>;
  readonly sender?: Partial<SenderLimits>;
  readonly intake?: Partial<IntakeLimits>;
  readonly funder?: Partial<FunderLimits>;
}

/** Small enough for the model's fees of a hundred wei: a slot of a few payments costs less than a hundredth of a gwei. */
export const funderLimits: FunderLimits = {
  low: 1n,
  topUp: 5n,
  perDay: 1_000n,
  gas: 100_000n,
  maxFeePerGas: defaultPlannerLimits.maxFeePerGas,
  unminedSlots: 16,
};

export function createHouse({ store, chain, clock, ...options }: HouseOptions) {
  const notices: Notice[] = [];
  const notify = (notice: Notice) => void notices.push(notice);
  const signer = options.signer ?? createModelSigner();
  const language = options.language ?? { encoder, recoverer, orderSigner, deployment };
  const lanes = createLanes({ store, chain, signer });
  const publisher = createPublisher({ store, clock, limits: defaultPublisherLimits });
  const wake = () => publisher.wake();
  const books = createBooksCheck({ store, deployment: language.deployment, clock, every: 1, notify });
  const limits = {
    intake: { ...defaultIntakeLimits, ...options.intake },
    sender: { ...defaultSenderLimits, ...options.sender },
  };
  const follower = createFollower({
    store,
    chain,
    deployment: language.deployment,
    lanes,
    books,
    clock,
    limits: defaultFollowerLimits,
    wake,
    notify,
  });
  const intake = createIntake({
    store,
    ...language,
    head: follower,
    clock,
    limits: limits.intake,
    wake,
  });
  const planner = createPlanner({
    store,
    chain,
    lanes,
    clock,
    head: follower,
    limits: { ...defaultPlannerLimits, lingerMs: 0, ...options.planner },
    wake,
    notify,
  });
  const funder = createFunder({
    store,
    chain,
    lanes,
    short: planner.short,
    clock,
    limits: { ...funderLimits, ...options.funder },
    wake,
    notify,
  });
  const sender = createSender({ store, chain, lanes, clock, head: follower, limits: limits.sender, notify });
  const keeper = createKeeper({ store, intake, head: follower, clock, limits: defaultKeeperLimits, notify });
  const reconciler = createReconciler({ store, chain, deployment: language.deployment, clock, notify });

  const wakeNobody = () => undefined;
  const desk = createLaneDesk({ store, chain, lanes, signer, clock, wake: wakeNobody, notify });

  /** One round of the loops; a step that fails is tried again in the next round, as main does. */
  async function round(): Promise<void> {
    for (const step of [follower, planner, funder, sender]) await step.tick().catch(() => undefined);
  }

  return {
    follower,
    intake,
    planner,
    funder,
    sender,
    keeper,
    reconciler,
    publisher,
    lanes,
    desk,
    notices,
    round,
    clock,
  };
}
export type House = ReturnType<typeof createHouse>;

/** Rounds with a block after each, until every intent has ended or `rounds` are over. Returns how many are left. */
export async function drain(
  house: House,
  world: { readonly store: Store; readonly model: ModelChain; readonly rounds?: number },
): Promise<number> {
  const { store, model, rounds = 60 } = world;
  for (let i = 0; i < rounds; i++) {
    await house.round();
    const { accepted, planned, sent, included } = await store.countByState();
    const left = accepted + planned + sent + included;
    if (left === 0 && model.pending === 0) return 0;
    model.mine();
    house.clock.advance(1_000);
  }
  const { accepted, planned, sent, included } = await store.countByState();
  return accepted + planned + sent + included;
}

export async function submitOne(house: House, draft: Draft): Promise<AcceptOutcome> {
  const [outcome] = await house.intake.submit([draft], null);
  if (outcome === undefined) throw new Error("one outcome per draft");
  return outcome;
}
