/**
 * The play itself: each step happens in the contracts and in the model, and then everything is compared. Owns the transcript of a run and
 * the tally of what happened. Promises to stop at the first difference and to say what it was and which steps led there.
 */
import { Interface, type ErrorFragment, type FunctionFragment } from "ethers";
import { type Entry, type Refusal, transact, type Value, type World } from "../../model/frame.ts";
import { CLAIM_DEALERS } from "./deal-claims.ts";
import { COIN_DEALERS } from "./deal-coin.ts";
import { COMMERCE_DEALERS } from "./deal-commerce.ts";
import { createPause, FREEZE_DEALERS } from "./deal-freezes.ts";
import { REDEMPTION_DEALERS } from "./deal-redemption.ts";
import { REGISTRY_DEALERS } from "./deal-registry.ts";
import { SWAP_DEALERS } from "./deal-swap.ts";
import { encodeCall, type Method, METHODS, type MethodName } from "./methods.ts";
import { createSeen, type Seen, look, lookAtAll, openEye } from "./sight.ts";
import { type ContractName, CONTRACTS, type Stage } from "./stage.ts";
import { createTable, type Dealer, type Step, type Table } from "./table.ts";

const PLAIN: Record<string, Dealer> = {
  ...(COIN_DEALERS as Record<string, Dealer>),
  ...(FREEZE_DEALERS as Record<string, Dealer>),
  ...(REGISTRY_DEALERS as Record<string, Dealer>),
  ...(CLAIM_DEALERS as Record<string, Dealer>),
  ...(COMMERCE_DEALERS as Record<string, Dealer>),
  ...(SWAP_DEALERS as Record<string, Dealer>),
  ...REDEMPTION_DEALERS,
};
const some = (names: readonly string[]) => () => names.map((name) => PLAIN[name]!);

/** Every dealer by its name. */
export const DEALERS: Record<string, Dealer> = {
  ...PLAIN,
  "coin.pause": createPause(() => Object.values(PLAIN), {
    transfer: some(["coin.transfer", "coin.transferFrom", "coin.approve", "coin.permit", "claims.reclaim"]),
    authorization: some([
      "coin.transferWithAuthorization",
      "coin.receiveWithAuthorizationSplit",
      "coin.transferWithMemo",
      "coin.settle",
      "coin.disburse",
      "coin.cancelAuthorization",
      "claims.open",
      "swap.swap",
    ]),
    mint: some(["coin.mint"]),
    burn: some(["coin.burn", "redemption.confirm"]),
    freeze: some(["coin.freeze", "coin.unfreezeBySig", "coin.freezeBySig", "coin.unfreeze"]),
    seize: some(["coin.seize", "coin.seizeBySig"]),
  }),
};

/** A dealer, the bad choice it aims at (0 is none), and its chance. */
export interface Card {
  dealer: string;
  aim: number;
  seed: number;
}

export interface Tally {
  steps: number;
  /** By method: how often it went through and how often it was refused. */
  methods: Map<string, { done: number; refused: number }>;
  errors: Map<string, number>;
  events: Map<string, number>;
  /** Reasons of skipped rows. */
  skipped: Map<string, number>;
}

export function createTally(): Tally {
  return { steps: 0, methods: new Map(), errors: new Map(), events: new Map(), skipped: new Map() };
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

// ---------------------------------------------------------------------------------------------- both sides' words

/** Names are declared once in the house, so that one table of errors serves every contract. */
const dictionaries = new WeakMap<Stage, Interface>();
function errorsOf(stage: Stage): Interface {
  const known = dictionaries.get(stage);
  if (known !== undefined) return known;
  const fragments = new Map<string, ErrorFragment>();
  for (const face of Object.values(stage.interfaces)) {
    face.forEachError((fragment) => fragments.set(fragment.name, fragment));
  }
  const dictionary = new Interface([...fragments.values()]);
  dictionaries.set(stage, dictionary);
  return dictionary;
}

function contractAt(stage: Stage, address: string): ContractName {
  return CONTRACTS.find((name) => stage.at[name] === address)!;
}

function resolve(stage: Stage, contract: ContractName, value: Value): unknown {
  if (typeof value !== "object") return value;
  const face = stage.interfaces[contract];
  const found: ErrorFragment | FunctionFragment | null = /^[a-z]/.test(value.selectorOf)
    ? face.getFunction(value.selectorOf)
    : errorsOf(stage).getError(value.selectorOf);
  return found!.selector;
}

function encodeLog(stage: Stage, { contract, event, args }: Entry): string {
  const name = contractAt(stage, contract);
  const values = args.map((arg) => resolve(stage, name, arg));
  const { topics, data } = stage.interfaces[name].encodeEventLog(event, values);
  return [contract.toLowerCase(), ...topics, data].join(" ");
}

function encodeRefusal(stage: Stage, contract: ContractName, { error, args }: Refusal): string {
  const values = args.map((arg) => resolve(stage, contract, arg));
  return errorsOf(stage).encodeErrorResult(error, values);
}

function show(stage: Stage, value: unknown): string {
  if (typeof value === "object" && value !== null && "digest" in value && "key" in value) {
    return `signed by ${show(stage, (value as { key: string }).key)}`;
  }
  if (Array.isArray(value)) return `[${value.map((one) => show(stage, one)).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{ ${Object.entries(value)
      .map(([name, one]) => `${name}: ${show(stage, one)}`)
      .join(", ")} }`;
  }
  return stage.nameOf(value) ?? String(value);
}

function readLog(stage: Stage, log: string): string {
  const [address, ...topics] = log.split(" ") as [string, ...string[]];
  const data = topics.pop()!;
  const name = CONTRACTS.find((contract) => stage.at[contract].toLowerCase() === address);
  const parsed = name === undefined ? null : stage.interfaces[name].parseLog({ topics, data });
  return parsed === null ? log : `${name}: ${parsed.name}(${parsed.args.map((arg) => show(stage, arg)).join(", ")})`;
}

function readError(stage: Stage, data: string): string {
  const parsed = data.length < 10 ? null : errorsOf(stage).parseError(data);
  return parsed === null ? data : `${parsed.name}(${parsed.args.map((arg) => show(stage, arg)).join(", ")})`;
}

// ------------------------------------------------------------------------------------------------- the contracts

interface Outcome {
  /** What it reverted with; undefined where it went through. */
  error?: string;
  logs: string[];
}

interface Receipt {
  status: string;
  logs: { address: string; topics: string[]; data: string }[];
}

/** Under what a transaction may use; more than anything here needs. */
const GAS = "0xf00000";

async function send(stage: Stage, { from, to, method, args }: Step, time: bigint): Promise<Outcome> {
  const { provider } = stage;
  const data = encodeCall(stage, stage.interfaces[contractAt(stage, to)], method, args);
  await provider.request({ method: "evm_setNextBlockTimestamp", params: [Number(time)] });
  let hash: string;
  try {
    hash = (await provider.request({
      method: "eth_sendTransaction",
      params: [{ from, to, data, gas: GAS }],
    })) as string;
  } catch (error) {
    return { error: revertOf(error), logs: [] };
  }
  const receipt = (await provider.request({ method: "eth_getTransactionReceipt", params: [hash] })) as Receipt;
  const logs = receipt.logs.map((log) => [log.address.toLowerCase(), ...log.topics, log.data].join(" "));
  return { logs };
}

function revertOf(error: unknown): string {
  const { data } = error as { data?: string | { data?: string } };
  const found = typeof data === "object" ? data.data : data;
  if (typeof found !== "string") throw error;
  return found;
}

// ------------------------------------------------------------------------------------------------------ the model

export type Models = Readonly<Record<MethodName, Pick<Method, "model">>>;

function imagine(
  world: World,
  { from, to, method, args }: Step,
  time: bigint,
  models: Models = METHODS,
): ReturnType<typeof transact> {
  const act = models[method].model as (c: object, ...args: readonly unknown[]) => void;
  return transact(world, (next) => {
    next.time = time;
    act({ world: next, self: to, caller: from }, ...structuredClone(args));
  });
}

// ----------------------------------------------------------------------------------------------------- side by side

export class Difference extends Error {
  /** Cards played until it showed. */
  played = 0;
}

/** Steps before a difference that are told. */
const TOLD = 40;

interface Run {
  stage: Stage;
  models: Models;
  tally: Tally;
  world: World;
  compare: (world: World) => Promise<string[]>;
  transcript: string[];
}

async function playStep(run: Run, step: Step): Promise<void> {
  const { stage } = run;
  const time = step.time > run.world.time ? step.time : run.world.time + 1n;
  const named = step.args.map((arg) => show(stage, arg)).join(", ");
  const line = `${time} ${show(stage, step.from)} → ${show(stage, step.to)} ${step.method}(${named})`;
  run.transcript.push(line);
  const outcome = await send(stage, step, time);
  const { world, refusal } = imagine(run.world, step, time, run.models);
  const contract = contractAt(stage, step.to);
  const expected = refusal === undefined ? undefined : encodeRefusal(stage, contract, refusal);
  const differences: string[] = [];
  if (outcome.error !== expected) {
    const told = (data?: string) => (data === undefined ? "success" : readError(stage, data));
    differences.push(`outcome: the contract has ${told(outcome.error)}, the model ${told(expected)}`);
  }
  const logs = world.log.map((entry) => encodeLog(stage, entry));
  if (logs.join("\n") !== outcome.logs.join("\n")) {
    const told = (list: string[]) => list.map((log) => `\n      ${readLog(stage, log)}`).join("");
    differences.push(`events: the contract has${told(outcome.logs)}\n    the model${told(logs)}`);
  }
  if (differences.length === 0) differences.push(...(await run.compare(world)));
  if (differences.length > 0) throw new Difference([line, ...differences].join("\n    "));
  run.world = world;
  note(run.tally, step, refusal);
  for (const { event, args } of world.log) {
    count(run.tally.events, event);
    const reason = event === "RowSkipped" ? args[3] : undefined;
    if (typeof reason === "object") count(run.tally.skipped, reason.selectorOf);
  }
}

function note(tally: Tally, { method }: Step, refusal: Refusal | undefined): void {
  tally.steps += 1;
  const kept = tally.methods.get(method) ?? { done: 0, refused: 0 };
  tally.methods.set(method, kept);
  if (refusal === undefined) kept.done += 1;
  else kept.refused += 1;
  if (refusal !== undefined) count(tally.errors, refusal.error);
}

/** Plays the cards from the beginning of the stage and leaves it as it was. Throws a Difference with all that led to it. */
export async function playCards(
  stage: Stage,
  cards: readonly Card[],
  { tally = createTally(), models = METHODS as Models } = {},
): Promise<void> {
  const { provider } = stage;
  const snapshot = await provider.request({ method: "evm_snapshot", params: [] });
  const seen = createSeen();
  const eye = openEye(stage);
  const compare = async (world: World) => look(eye, stage, world, seen);
  const run: Run = { stage, models, tally, world: stage.world, compare, transcript: [] };
  let played = 0;
  try {
    for (const card of cards) {
      await playCard(run, card, seen);
      played += 1;
    }
    const differences = await lookAtAll(eye, stage, run.world);
    if (differences.length > 0) throw new Difference(`at the end\n    ${differences.join("\n    ")}`);
  } catch (error) {
    if (!(error instanceof Difference)) throw error;
    const before = run.transcript.slice(0, -1).slice(-TOLD).join("\n    ");
    throw Object.assign(new Difference(`${error.message}\n  after\n    ${before}`), { played: played + 1 });
  } finally {
    await provider.request({ method: "evm_revert", params: [snapshot] });
  }
}

async function playCard(run: Run, { dealer, aim, seed }: Card, seen: Seen): Promise<void> {
  const table: Table = createTable({ stage: run.stage, world: run.world, seen, seed, aim });
  for (const step of DEALERS[dealer]!(table)) {
    await playStep(run, step);
    table.felt.world = run.world;
  }
}

/** How many bad choices a dealer offers, by dealing once in the model alone. */
export function countAims(stage: Stage, dealer: string): number {
  const table = createTable({ stage, world: stage.world, seen: createSeen(), seed: 1, aim: Number.MAX_SAFE_INTEGER });
  for (const step of DEALERS[dealer]!(table)) {
    const time = step.time > table.felt.world.time ? step.time : table.felt.world.time + 1n;
    table.felt.world = imagine(table.felt.world, step, time).world;
  }
  return table.offered.count;
}
