/**
 * The payers of a chaos run: steady signed payments over the nodes' surfaces, each sent as the same bytes until there is an answer. Owns what was asked
 * and what the nodes answered; the judgement is the audit's. Every payment has an amount of its own, so that the chain's logs tell them apart.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { keccak256, stringToHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { type Address, type Hex, toLower, toWord, type Word } from "../../src/domain/hex.ts";
import { type Client, ProblemError } from "../../src/http/client.ts";
import type { TransferRequest } from "../../src/http/schemas.ts";
import { deposit } from "../devnet/demo.ts";
import { readBlockTime } from "../devnet/rpc.ts";
import { signTransfer } from "../devnet/wallet.ts";
import { endStates, type Living } from "../session.ts";
import type { StageNode } from "./nodes.ts";
import type { Random } from "./random.ts";
import type { Stage } from "./stage.ts";
import type { Stranger } from "./stranger.ts";

const payerCount = 8;
/** Base units each begins with: far more than it pays. */
const openingUnits = 1_000_000_000n;
/** The least amount, base units; payment n pays that much more. */
const leastUnits = 1_000n;
const pauseMs = { least: 30, most: 250 };
const validSeconds = 7_200;
/** One in ten has little time: it may settle or expire, and either must be true. */
const hurried = { probability: 0.1, least: 2, most: 12 } as const;
/** One in twenty is sent twice at once; of as many a stranger brings the signed row to the chain while the node does. */
const twice = 0.05;
const overtaken = 0.05;
const patienceSeconds = 120;
/** It does not grow: the node is back within seconds, and the point is to be there when it is. */
const retryPauseMs = 200;
/** With several nodes one that does not answer so long is left for another. */
const answerMs = 5_000;
/** Rows asked for their state at a time. */
const lookAtOnce = 20;

export interface Payment {
  readonly payer: Address;
  readonly payee: Address;
  readonly amount: bigint;
  readonly nonce: Word;
  /** Null until the node has accepted it. */
  id: string | null;
  /** `asked` until the node has answered, `refused` for good, else what the node says it is; `unknown` when it knows nothing of it. */
  state: string;
  /** The code of the refusal. */
  why: string | null;
  /** What each of several nodes said in the end: state and evidence, or why it did not answer. */
  views: readonly string[];
}

export interface Payers {
  readonly payments: readonly Payment[];
  /** Called when a payment is on its way to a node, until it is taken away. */
  onSubmit: ((node: StageNode) => void) | null;
  /** Payments that have been accepted so far. */
  accepted(): number;
  /** Pays until `over`; resolves when every payment has its answer. */
  pay(over: AbortSignal): Promise<void>;
  /** Asks the nodes for every payment that was accepted, until all have ended or the time is over. */
  waitEnded(seconds: number): Promise<void>;
  /** Asks every node for every payment that was accepted. */
  compare(): Promise<void>;
}

interface Person {
  readonly address: Address;
  readonly privateKey: Hex;
}

async function openAccounts({ nodes, coin }: Stage, people: readonly Person[]): Promise<void> {
  const [first] = nodes;
  if (first === undefined) return;
  await Promise.all(
    people.map(({ address }) =>
      deposit(first.client, { coin: coin.address, name: `chaos-${address}`, to: address, amount: openingUnits }),
    ),
  );
}

interface Doors {
  /** The next node in turn. */
  next(): StageNode;
  /** Asks until there is an answer that asking again would not change; throws the last failure when the time is over. */
  insist<T>(ask: (node: StageNode, patience: { readonly signal?: AbortSignal }) => Promise<T>): Promise<T>;
}

/** Requests go to the nodes in turn; one that gets no answer, or none that stands, goes to the next. */
function createDoors(nodes: readonly StageNode[]): Doors {
  let turn = 0;
  function next(): StageNode {
    const node = nodes[turn++ % nodes.length];
    if (node === undefined) throw new Error("there is no node");
    return node;
  }
  return {
    next,
    async insist(ask) {
      for (const deadline = performance.now() + patienceSeconds * 1_000; ; ) {
        try {
          return await ask(next(), nodes.length > 1 ? { signal: AbortSignal.timeout(answerMs) } : {});
        } catch (error) {
          const isFinal = error instanceof ProblemError && !error.retryable && error.status < 500;
          if (isFinal || performance.now() > deadline) throw error;
          await sleep(retryPauseMs);
        }
      }
    },
  };
}

/** A payment's state and where the evidence is, as one node tells it. */
async function view(client: Client, id: string): Promise<Living> {
  return client.get<Living>(`/v1/transfers/${id}`);
}

/** A free nonce of the payer's window if the node answers at once, else any other: both kinds must survive. */
async function chooseNonce(client: Client, payer: Address, random: Random): Promise<Word> {
  const wide = keccak256(stringToHex(`${payer} ${random.within(0, 2 ** 30)} ${random.within(0, 2 ** 30)}`));
  if (random.happens(0.5)) return wide;
  try {
    const signal = AbortSignal.timeout(answerMs);
    const account = await client.get<{ coins: { nonces: Word[] }[] }>(`/v1/accounts/${payer}`, { signal });
    const free = account.coins[0]?.nonces ?? [];
    return free.length === 0 ? wide : toWord(BigInt(random.pick(free)));
  } catch {
    return wide;
  }
}

/** Opens the payers' accounts. The keys follow from the seed. */
export async function createPayers(
  stage: Stage,
  { seed, random, stranger }: { readonly seed: number; readonly random: Random; readonly stranger: Stranger },
): Promise<Payers> {
  const people = Array.from({ length: payerCount }, (_, index) => {
    const privateKey = keccak256(stringToHex(`chaos payer ${seed} ${index}`));
    return { address: toLower(privateKeyToAccount(privateKey).address), privateKey };
  });
  await openAccounts(stage, people);
  const doors = createDoors(stage.nodes);
  const payments: Payment[] = [];

  /** The same bytes until there is an answer. */
  async function submit(payment: Payment, body: TransferRequest): Promise<void> {
    try {
      const placed = await doors.insist((node, patience) => {
        const answer = node.client.post<Living>("/v1/transfers", body, patience);
        payers.onSubmit?.(node);
        return answer;
      });
      payment.id = placed.id;
      payment.state = placed.state;
    } catch (error) {
      // Without an answer it stays `asked`: the audit says so.
      const isFinal = error instanceof ProblemError && !error.retryable;
      if (isFinal && payment.id === null) Object.assign(payment, { state: "refused", why: error.code });
    }
  }

  async function payOnce(person: Person): Promise<void> {
    const payee = random.pick(people.filter((other) => other !== person));
    const isHurried = random.happens(hurried.probability);
    const seconds = isHurried ? random.within(hurried.least, hurried.most) : validSeconds;
    const nonce = await chooseNonce(doors.next().client, person.address, random);
    const validBefore = (await readBlockTime(stage.chainUrl)) + seconds;
    const amount = leastUnits + BigInt(payments.length);
    const parties = { payer: person.address, payee: payee.address };
    const payment: Payment = { ...parties, amount, nonce, id: null, state: "asked", why: null, views: [] };
    payments.push(payment);
    const { chainId, coin } = stage;
    const wish = { chainId, coin, payer: person, to: payee.address, value: amount, validBefore, nonce };
    const body = await signTransfer(wish);
    const times = random.happens(twice) ? 2 : 1;
    await Promise.all(Array.from({ length: times }, () => submit(payment, body)));
    // Only what the node has accepted: a row that a stranger settled before is refused, and rightly so.
    if (payment.id !== null && random.happens(overtaken)) await stranger.settle(body);
  }

  async function keepPaying(person: Person, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await payOnce(person);
      await sleep(random.within(pauseMs.least, pauseMs.most), undefined, { signal: over }).catch(() => undefined);
    }
  }

  async function look(payment: Payment): Promise<void> {
    try {
      payment.state = (await view(doors.next().client, payment.id ?? "")).state;
    } catch (error) {
      if (error instanceof ProblemError && error.status === 404) payment.state = "unknown";
    }
  }

  async function compareOne(payment: Payment): Promise<void> {
    const told = stage.nodes.map(async ({ client }) => {
      const { state, reason, evidence } = await view(client, payment.id ?? "");
      return JSON.stringify({ state, reason, evidence });
    });
    payment.views = (await Promise.allSettled(told)).map((one) =>
      one.status === "fulfilled" ? one.value : String(one.reason),
    );
  }

  const isOpen = ({ id, state }: Payment): boolean => id !== null && !endStates.includes(state);
  const payers: Payers = {
    payments,
    onSubmit: null,
    accepted: () => payments.reduce((sum, { id }) => (id === null ? sum : sum + 1), 0),
    async pay(over) {
      await Promise.all(people.map((person) => keepPaying(person, over)));
    },
    async waitEnded(seconds) {
      const deadline = performance.now() + seconds * 1_000;
      for (let from = 0; performance.now() < deadline; ) {
        const open = payments.filter(isOpen);
        if (open.length === 0) return;
        // In turns: one that never ends must not keep the others from being asked.
        if (from >= open.length) from = 0;
        await Promise.all(open.slice(from, from + lookAtOnce).map(look));
        from += lookAtOnce;
        if (from >= open.length) await sleep(200);
      }
    },
    async compare() {
      if (stage.nodes.length < 2) return;
      const accepted = payments.filter(({ id }) => id !== null);
      for (let from = 0; from < accepted.length; from += lookAtOnce)
        await Promise.all(accepted.slice(from, from + lookAtOnce).map(compareOne));
    },
  };
  return payers;
}
