/**
 * One Chain over several endpoints of the same chain. Owns which of them is asked, what they must agree on, and what is said of one that lags or
 * is silent. Promises that a broadcast goes to all of them, that nothing counts as final before every endpoint that keeps up has the very
 * same block there, and that an endpoint of another chain is never asked. Decides nothing about intents.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { BlockRef } from "../domain/facts.ts";
import type { Hex } from "../domain/hex.ts";
import type { Chain, ChainIdentity, Clock, Disagreement, Notify, SendAnswer } from "../pipeline/ports.ts";
import { ChainFault } from "./rpc.ts";

export interface EndpointLimits {
  /** Blocks an endpoint may be behind the newest head before it is not asked any more. */
  readonly lagBlocks: number;
  /**
   * Milliseconds without an answer, or behind, after which finality goes on without an endpoint. Until then it waits: a chain seen through one
   * endpoint alone is believed only after a pause that an operator can notice.
   */
  readonly outMs: number;
  /** Milliseconds that one silent endpoint may delay an answer which another one has. */
  readonly patienceMs: number;
  /** Milliseconds after which one that has not answered is silent, and not only slower than the other. */
  readonly silentMs: number;
  /** Broadcasts under way to one endpoint; a silent one gets no more. */
  readonly sends: number;
}

export const defaultEndpointLimits: EndpointLimits = {
  lagBlocks: 3,
  outMs: 30_000,
  patienceMs: 500,
  silentMs: 2_000,
  sends: 16,
};

export interface EndpointsOptions {
  /** In order of preference. `name` is shown in notices: a host, never a URL, which may carry a key. */
  readonly endpoints: readonly { readonly name: string; readonly chain: Chain }[];
  readonly clock: Pick<Clock, "monotonic">;
  readonly notify: Notify;
  readonly limits?: EndpointLimits;
}

interface Endpoint {
  readonly name: string;
  readonly chain: Chain;
  /** False: of another chain; null: not asked yet. */
  isOurs: boolean | null;
  head: BlockRef | null;
  /** True when the last look at it was answered. */
  isHeard: boolean;
  /** Monotonic time since which it has neither been silent nor behind. */
  goodAt: number;
  looking: Promise<boolean> | null;
  /** Monotonic time at which the look under way, or the last one, began. */
  askedAt: number;
  sending: number;
  /** What was last said of it, so that each change is told once. */
  told: "good" | "lags" | "out";
}

type Identity = Pick<ChainIdentity, "chainId" | "genesis">;

function isSame(a: Identity, b: Identity): boolean {
  return a.chainId === b.chainId && a.genesis === b.genesis;
}

/** After `ms`, without keeping the process alive. */
function after(ms: number): Promise<void> {
  return sleep(ms, undefined, { ref: false });
}

function outOfReach(step: string): ChainFault {
  return new ChainFault("transport", { step, message: "no endpoint answers" });
}

/** Looks at all endpoints and knows which to ask. */
function createWatch({ endpoints: given, clock, notify, limits = defaultEndpointLimits }: EndpointsOptions) {
  const endpoints: readonly Endpoint[] = given.map(({ name, chain }) => ({
    name,
    chain,
    isOurs: null,
    head: null,
    isHeard: false,
    goodAt: clock.monotonic(),
    looking: null,
    askedAt: 0,
    sending: 0,
    told: "good",
  }));
  let reference: Identity | null = null;
  let current: Endpoint | null = null;

  function tell(endpoint: Endpoint, told: Endpoint["told"], detail: string): void {
    if (endpoint.told === told) return;
    endpoint.told = told;
    const code = ({ good: "endpoint_back", lags: "endpoint_lags", out: "endpoint_out" } as const)[told];
    notify({ step: "confirm", code, subject: endpoint.name, detail });
  }

  function identify(endpoint: Endpoint, found: Identity): void {
    reference ??= found;
    endpoint.isOurs = isSame(reference, found);
    if (endpoint.isOurs) return;
    const detail = `chain ${found.chainId}, genesis ${found.genesis}: it is not asked any more`;
    notify({ step: "confirm", code: "endpoint_other_chain", subject: endpoint.name, detail });
  }

  async function lookOnce(endpoint: Endpoint): Promise<boolean> {
    try {
      if (endpoint.isOurs === null) identify(endpoint, await endpoint.chain.identity());
      if (endpoint.isOurs !== true) return false;
      endpoint.head = await endpoint.chain.head();
      endpoint.isHeard = true;
    } catch (error) {
      if (!(error instanceof ChainFault)) throw error;
      endpoint.isHeard = false;
    } finally {
      endpoint.looking = null;
    }
    return endpoint.isHeard;
  }

  function look(endpoint: Endpoint): Promise<boolean> {
    if (endpoint.looking === null) {
      endpoint.askedAt = clock.monotonic();
      endpoint.looking = lookOnce(endpoint);
    }
    return endpoint.looking;
  }

  function findBest(): number {
    return Math.max(-1, ...endpoints.map(({ isOurs, head }) => (isOurs === true ? (head?.number ?? -1) : -1)));
  }

  function isBehind({ head }: Endpoint): boolean {
    return (head?.number ?? -1) < findBest() - limits.lagBlocks;
  }

  function isFit(endpoint: Endpoint): boolean {
    return endpoint.isOurs === true && endpoint.isHeard && endpoint.head !== null && !isBehind(endpoint);
  }

  /** Keeps the time since when each is in order, and tells what changed. */
  function judge(): void {
    const now = clock.monotonic();
    for (const endpoint of endpoints) {
      if (endpoint.isOurs === false) continue;
      if (isFit(endpoint)) {
        endpoint.goodAt = now;
        tell(endpoint, "good", `head ${endpoint.head?.number ?? "unknown"}`);
      } else if (now - endpoint.goodAt > limits.outMs) {
        tell(endpoint, "out", `for ${Math.round((now - endpoint.goodAt) / 1_000)} s: finality goes on without it`);
      } else if (endpoint.isHeard) {
        tell(endpoint, "lags", `head ${endpoint.head?.number ?? "unknown"}, the newest is ${findBest()}`);
      }
    }
  }

  return {
    endpoints,
    isFit,
    /** True once it has been silent or behind for so long that finality does not wait for it. */
    isOut: (endpoint: Endpoint) => clock.monotonic() - endpoint.goodAt > limits.outMs,
    identify,
    /** Those that may be asked, the current one first. */
    order(): readonly Endpoint[] {
      const fit = endpoints.filter(isFit);
      return current !== null && fit.includes(current) ? [current, ...fit.filter((one) => one !== current)] : fit;
    },
    /** The newest head of the endpoint that is asked from now on: the one before as long as it keeps up, else the first that does. */
    async head(): Promise<BlockRef> {
      const looks = endpoints.filter(({ isOurs }) => isOurs !== false).map((one) => ({ one, done: look(one) }));
      const preferred = looks.find(({ one }) => one === current);
      const never = new Promise<never>(() => {});
      const all = Promise.all(looks.map(({ done }) => done));
      const mine = preferred?.done.then((ok) => (ok && isFit(preferred.one) ? true : never)) ?? never;
      // A silent one is waited for a moment, and only while nobody else has answered.
      const any = Promise.any(
        looks.map(({ done }) => done.then((ok) => (ok ? ok : Promise.reject(new Error("silent"))))),
      );
      const impatient = any.then(
        () => after(limits.patienceMs),
        () => never,
      );
      const isOver = await Promise.race([all, mine, impatient.then(() => null)]);
      const now = clock.monotonic();
      for (const { one } of looks) {
        if (one.looking !== null && (isOver === null || now - one.askedAt > limits.silentMs)) one.isHeard = false;
      }
      judge();
      if (current === null || !isFit(current)) current = endpoints.find(isFit) ?? null;
      const head = current?.head ?? null;
      if (head === null) throw outOfReach("head");
      return head;
    },
  };
}
type Watch = ReturnType<typeof createWatch>;

/** The first that answers; one whose answer is a fault is passed over. */
async function askFirst<T>(watch: Watch, step: string, ask: (chain: Chain) => Promise<T>): Promise<T> {
  let fault: ChainFault | null = null;
  const fit = watch.order();
  // Before the first head nobody is known to be fit: then all are asked in turn.
  for (const { chain } of fit.length > 0 ? fit : watch.endpoints.filter(({ isOurs }) => isOurs !== false)) {
    try {
      return await ask(chain);
    } catch (error) {
      if (!(error instanceof ChainFault)) throw error;
      fault ??= error;
    }
  }
  throw fault ?? outOfReach(step);
}

/** What several answers to one broadcast prove together: it arrived if one took it, and was refused only if all refused it. */
export function mergeAnswers(answers: readonly SendAnswer[]): SendAnswer {
  const taken = answers.find(({ kind }) => kind === "answered");
  if (taken !== undefined) return taken;
  const unknown = answers.find(({ kind }) => kind === "unknown");
  return unknown ?? answers[0] ?? { kind: "unknown", message: "no endpoint was asked" };
}

function createBroadcast(watch: Watch, limits: EndpointLimits) {
  return async (raws: readonly Hex[]): Promise<readonly SendAnswer[]> => {
    if (raws.length === 0) return [];
    const silent = raws.map((): SendAnswer => ({ kind: "unknown", message: "no answer yet" }));
    const asked = watch.endpoints.filter(({ isOurs, sending }) => isOurs !== false && sending < limits.sends);
    const results = asked.map(() => silent as readonly SendAnswer[]);
    const sends = asked.map(async (endpoint, index) => {
      endpoint.sending += 1;
      try {
        results[index] = await endpoint.chain.send(raws);
      } catch (error) {
        if (!(error instanceof ChainFault)) throw error;
        results[index] = raws.map(() => ({ kind: "unknown", message: error.message }));
      } finally {
        endpoint.sending -= 1;
      }
      // Nobody took any of it: that is no reason to stop waiting for the others.
      if (!results[index]?.some(({ kind }) => kind === "answered")) throw new Error("not taken");
    });
    const all = Promise.allSettled(sends);
    const first = Promise.any(sends).then(
      () => after(limits.patienceMs),
      () => all,
    );
    await Promise.race([all, first]);
    return raws.map((_, item) =>
      mergeAnswers(results.map((answers) => answers[item] ?? { kind: "unknown", message: "" })),
    );
  };
}

/** Height up to which everybody that keeps up calls the same blocks final. */
function createAgreement(watch: Watch, limits: EndpointLimits) {
  let agreed = -1;

  /** What all answer; null where one fails or keeps silent: that is no evidence of anything. */
  async function askAll<T>(questions: readonly Promise<T>[]): Promise<readonly T[] | null> {
    try {
      return await Promise.race([Promise.all(questions), after(limits.silentMs).then(() => null)]);
    } catch (error) {
      if (!(error instanceof ChainFault)) throw error;
      return null;
    }
  }

  async function compare(number: number, among: readonly Endpoint[]): Promise<"same" | "unknown" | Disagreement> {
    const blocks = await askAll(among.map(({ chain }) => chain.block(number)));
    if (blocks === null || blocks.some((block) => block === null)) return "unknown";
    const hashes = new Set(blocks.map((block) => block?.hash));
    if (hashes.size === 1) return "same";
    const said = among.map(({ name }, index) => `${name} has ${blocks[index]?.hash ?? "none"}`);
    return { disagreement: `final block ${number}: ${said.join(", ")}` };
  }

  /** One that is left out must not contradict what it does have. */
  async function contradict(late: readonly Endpoint[], fit: readonly Endpoint[]): Promise<Disagreement | null> {
    for (const endpoint of late) {
      if (endpoint.head === null || !endpoint.isHeard) continue;
      const [number] = (await askAll([endpoint.chain.finalNumber(endpoint.head)])) ?? [];
      if (typeof number !== "number" || number < 0) continue;
      const found = await compare(number, [...fit.slice(0, 1), endpoint]);
      if (typeof found === "object") return found;
    }
    return null;
  }

  return async (head: BlockRef): Promise<number | Disagreement> => {
    const ours = watch.endpoints.filter(({ isOurs }) => isOurs !== false);
    const late = ours.filter(watch.isOut);
    const asked = ours.filter((endpoint) => !late.includes(endpoint));
    const fit = watch.order();
    // One that is silent or behind may still come back with another chain: wait for it until it is out.
    if (fit.length === 0 || asked.some(({ isHeard, head: own }) => !isHeard || own === null)) return agreed;
    const finals = await askAll(asked.map(({ chain, head: own }) => chain.finalNumber(own ?? head)));
    if (finals === null) return agreed;
    let number = head.number;
    for (const one of finals) {
      if (typeof one !== "number") return one;
      number = Math.min(number, one);
    }
    if (number <= agreed) return agreed;
    const contradiction = await contradict(late, fit);
    if (contradiction !== null) return contradiction;
    const found = await compare(number, asked);
    if (typeof found === "object") return found;
    if (found === "same") agreed = number;
    return agreed;
  };
}

/** A Chain over endpoints of one chain; see the header for what each must agree on. */
export function createEndpoints(options: EndpointsOptions): Chain {
  const { limits = defaultEndpointLimits } = options;
  const watch = createWatch(options);
  const ask = <T>(step: string, question: (chain: Chain) => Promise<T>) => askFirst(watch, step, question);

  /** All that answer must be of one chain: with two there is no telling which is the right one. */
  async function identity(): Promise<ChainIdentity> {
    const answers = await Promise.allSettled(watch.endpoints.map(({ chain }) => chain.identity()));
    const found = answers.flatMap((answer, index) => {
      const endpoint = watch.endpoints[index];
      return answer.status === "fulfilled" && endpoint !== undefined ? [{ endpoint, identity: answer.value }] : [];
    });
    const [first] = found;
    if (first === undefined) throw outOfReach("identity");
    const other = found.find((one) => !isSame(one.identity, first.identity));
    if (other !== undefined) {
      const message = `${first.endpoint.name} and ${other.endpoint.name} are endpoints of different chains`;
      throw new ChainFault("evidence", { step: "identity", message });
    }
    for (const { endpoint, identity: own } of found) watch.identify(endpoint, own);
    return first.identity;
  }

  return {
    identity,
    head: () => watch.head(),
    finalNumber: createAgreement(watch, limits),
    send: createBroadcast(watch, limits),
    block: (number) => ask("block", (chain) => chain.block(number)),
    readBlock: (ref, attempts) => ask("readBlock", (chain) => chain.readBlock(ref, attempts)),
    transactionCount: (lane, number) => ask("transactionCount", (chain) => chain.transactionCount(lane, number)),
    gasBalance: (lane) => ask("gasBalance", (chain) => chain.gasBalance(lane)),
    fees: () => ask("fees", (chain) => chain.fees()),
    gasLimit: () => ask("gasLimit", (chain) => chain.gasLimit()),
    readAccounts: (coin, accounts, number) =>
      ask("readAccounts", (chain) => chain.readAccounts(coin, accounts, number)),
    totalSupply: (coin, number) => ask("totalSupply", (chain) => chain.totalSupply(coin, number)),
    coverage: (coin, number) => ask("coverage", (chain) => chain.coverage(coin, number)),
    isFenceConsumed: (intent, number) => ask("isFenceConsumed", (chain) => chain.isFenceConsumed(intent, number)),
    readVasp: (id) => ask("readVasp", (chain) => chain.readVasp(id)),
    readLeaving: (account) => ask("readLeaving", (chain) => chain.readLeaving(account)),
    readDealer: (dealer) => ask("readDealer", (chain) => chain.readDealer(dealer)),
    simulate: (call) => ask("simulate", (chain) => chain.simulate(call)),
  };
}
