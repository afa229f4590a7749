/**
 * `--unkind`: payments flow through the HTTP surface while the node is killed again and again. Owns the payers, who send the same signed
 * bytes until they have an answer, the killer, and the judgement at the end, which asks the chain itself: every accepted payment used its
 * authorization there exactly once, no refused one did, and bank, books and chain agree. It never repairs anything.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Address, toLower, type Word } from "../../src/domain/hex.ts";
import type { Credentials } from "../../src/config.ts";
import { type Client, ProblemError } from "../../src/http/client.ts";
import type { TransferRequest } from "../../src/http/schemas.ts";
import { fetchNetwork, type Living } from "../session.ts";
import { createOperator } from "./demo.ts";
import type { NodeProcess } from "./node.ts";
import { readAuthorizations, readBlockTime, readHeight } from "./rpc.ts";
import { type CoinFacts, createNonce, signTransfer } from "./wallet.ts";

const payers = 6;
const killPauseMs = { least: 2_000, most: 8_000 };
const payPauseMs = { least: 50, most: 300 };
/** 0.01 to 4.99 coins. */
const cents = { least: 1, most: 499 };
const validSeconds = 3_600;
/** How long a payer asks again, and how long the end waits for what is in flight. */
const patienceSeconds = 90;
const retryPauseMs = 150;
/** Rows asked for their state at a time. */
const lookAtOnce = 20;

export interface UnkindOptions {
  readonly node: NodeProcess;
  readonly credentials: Credentials;
  readonly rpcUrl: string;
  /** Null: until `stopped`. */
  readonly forSeconds: number | null;
  readonly stopped: AbortSignal;
  readonly json: boolean;
}

interface Payment {
  readonly payer: Address;
  readonly nonce: Word;
  id: string | null;
  /** `asked` until the node has answered; `refused` for good; otherwise the resource's state. */
  state: string;
}

interface Statement {
  readonly agrees: boolean;
  readonly block: number;
}

export interface Tally {
  readonly kills: number;
  readonly accepted: number;
  readonly settled: number;
  readonly refused: number;
  readonly inFlight: number;
  /** Newest statement; null before the first. */
  readonly statement: Statement | null;
}

interface Scene {
  readonly client: Client;
  readonly coin: CoinFacts;
  readonly chainId: number;
  readonly options: UnkindOptions;
  readonly payments: Payment[];
  /** Aborted when no new payments and kills are wanted. */
  readonly over: AbortSignal;
  kills: number;
  statement: Statement | null;
}

function pick({ least, most }: { least: number; most: number }): number {
  return least + Math.floor(Math.random() * (most - least + 1));
}

/**
 * Asks until there is an answer that asking again would not change. The pause does not grow: the node is back within a second, and the point
 * is to be there when it is.
 */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + patienceSeconds * 1_000; ; ) {
    try {
      return await ask();
    } catch (error) {
      const final = error instanceof ProblemError && !error.retryable && error.status < 500;
      if (final || performance.now() > deadline) throw error;
      await sleep(retryPauseMs);
    }
  }
}

/** Waits, but not beyond the end. */
async function pauseUntil(ms: number, over: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: over }).catch(() => {});
}

export function count({ payments, kills, statement }: Pick<Scene, "payments" | "kills" | "statement">): Tally {
  let settled = 0;
  let refused = 0;
  let accepted = 0;
  for (const { id, state } of payments) {
    if (id !== null) accepted++;
    if (state === "settled") settled++;
    if (state === "refused") refused++;
  }
  return { kills, accepted, settled, refused, inFlight: accepted - settled, statement };
}

/** A free nonce of the payer's window if the node answers, else any other: both kinds must survive. */
async function chooseNonce(scene: Scene, payer: Address): Promise<Word> {
  try {
    const account = await scene.client.get<{ coins: { nonces: Word[] }[] }>(`/v1/accounts/${payer}`);
    const free = account.coins[0]?.nonces ?? [];
    return free[Math.floor(Math.random() * free.length)] ?? createNonce();
  } catch {
    return createNonce();
  }
}

async function payOnce(scene: Scene): Promise<void> {
  const { wallets } = scene.options.credentials;
  const from = Math.random() < 0.5 ? 0 : 1;
  const payer = wallets[from];
  const payee = wallets[1 - from];
  if (payer === undefined || payee === undefined) throw new Error("the credentials have fewer than two wallets");
  const nonce = Math.random() < 0.5 ? createNonce() : await chooseNonce(scene, payer.address);
  const validBefore = (await readBlockTime(scene.options.rpcUrl)) + validSeconds;
  const value = BigInt(pick(cents)) * 10_000n;
  const { coin, chainId } = scene;
  const body = await signTransfer({ chainId, coin, payer, to: payee.address, value, validBefore, nonce });
  const payment: Payment = { payer: payer.address, nonce, id: null, state: "asked" };
  scene.payments.push(payment);
  await submit(scene, payment, body);
}

/** The same bytes until there is an answer: a lost answer must cost nothing. */
async function submit(scene: Scene, payment: Payment, body: TransferRequest): Promise<void> {
  try {
    const placed = await insist(() => scene.client.post<Living>("/v1/transfers", body));
    payment.id = placed.id;
    payment.state = placed.state;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    payment.state = "refused";
  }
}

async function keepPaying(scene: Scene): Promise<void> {
  while (!scene.over.aborted) {
    await payOnce(scene);
    await pauseUntil(pick(payPauseMs), scene.over);
  }
}

async function keepKilling(scene: Scene): Promise<void> {
  for (;;) {
    await pauseUntil(pick(killPauseMs), scene.over);
    if (scene.over.aborted) return;
    scene.options.node.signal("SIGKILL");
    scene.kills++;
  }
}

/** Looks at payments that have not ended, oldest first. A node that is down now is asked again in the next round. */
async function look(scene: Scene): Promise<void> {
  const open = scene.payments.filter(({ id, state }) => id !== null && state !== "settled").slice(0, lookAtOnce);
  await Promise.all(
    open.map(async (payment) => {
      payment.state = (await scene.client.get<Living>(`/v1/transfers/${payment.id}`)).state;
    }),
  );
  const { agrees, block } = await scene.client.get<Statement>("/v1/reconciliation");
  scene.statement = { agrees, block };
}

function formatTally(tally: Tally): string {
  const { statement } = tally;
  const agreement =
    statement === null
      ? "no statement yet"
      : `bank, books and chain ${statement.agrees ? "agree" : "DO NOT AGREE"} at block ${statement.block}`;
  return `kills ${tally.kills}  accepted ${tally.accepted}  settled ${tally.settled}  in flight ${tally.inFlight}  ${agreement}`;
}

/** One line that is rewritten on a terminal, a line every five seconds elsewhere. */
async function keepShowing(scene: Scene, done: AbortSignal): Promise<void> {
  const terminal = process.stderr.isTTY;
  for (let round = 0; !done.aborted; round++) {
    await look(scene).catch(() => {});
    const line = formatTally(count(scene));
    if (terminal) process.stderr.write(`\r\u001b[2K${line}`);
    else if (round % 10 === 0) process.stderr.write(`${line}\n`);
    await pauseUntil(500, done);
  }
  if (terminal) process.stderr.write("\n");
}

/** What is wrong, one sentence each; empty when nothing is. */
async function judge(scene: Scene, firstBlock: number): Promise<readonly string[]> {
  const wrong: string[] = [];
  const open = scene.payments.filter(({ id, state }) => id !== null && state !== "settled");
  for (const { id, state } of open.slice(0, 5)) wrong.push(`${id} was accepted and is ${state}`);
  const silent = scene.payments.filter(({ state }) => state === "asked").length;
  if (silent > 0) wrong.push(`${silent} payments never got an answer`);
  const used = await readAuthorizations({ url: scene.options.rpcUrl, coin: scene.coin.address, from: firstBlock });
  const keys = new Map<string, number>();
  for (const { authorizer, nonce } of used) {
    const key = `${toLower(authorizer)}${nonce}`;
    keys.set(key, (keys.get(key) ?? 0) + 1);
  }
  // A refused payment may share its nonce with an accepted one: two payers of one wallet can pick the same free nonce.
  const settled = new Set(scene.payments.filter(({ id }) => id !== null).map(({ payer, nonce }) => `${payer}${nonce}`));
  for (const { id, payer, nonce, state } of scene.payments) {
    const times = keys.get(`${payer}${nonce}`) ?? 0;
    if (state === "settled" && times !== 1) wrong.push(`${id} is settled and was used ${times} times on chain`);
    if (state === "refused" && times > 0 && !settled.has(`${payer}${nonce}`))
      wrong.push(`a refused payment is on chain: ${nonce}`);
  }
  const statement = await insist(() => scene.client.get<Statement>("/v1/reconciliation?fresh=true"));
  scene.statement = { agrees: statement.agrees, block: statement.block };
  if (!statement.agrees) wrong.push(`bank, books and chain do not agree at block ${statement.block}`);
  return wrong;
}

async function drain(scene: Scene): Promise<void> {
  const deadline = performance.now() + patienceSeconds * 1_000;
  while (count(scene).inFlight > 0 && performance.now() < deadline) {
    await look(scene).catch(() => {});
    await sleep(100);
  }
}

/** Runs until the time is over or the caller stops it; true when nothing was lost, nothing paid twice, and everything agrees. */
export async function runUnkind(options: UnkindOptions): Promise<boolean> {
  const client = createOperator(options.credentials);
  const network = await fetchNetwork(client);
  const coin = network.coins[0];
  if (coin === undefined) throw new Error("the network has no coin");
  const firstBlock = await readHeight(options.rpcUrl);
  const signals = [options.stopped];
  if (options.forSeconds !== null) signals.push(AbortSignal.timeout(options.forSeconds * 1_000));
  const over = AbortSignal.any(signals);
  const scene: Scene = {
    client,
    coin,
    chainId: network.chainId,
    options,
    payments: [],
    over,
    kills: 0,
    statement: null,
  };
  const shown = new AbortController();
  const showing = keepShowing(scene, shown.signal);
  await Promise.all([keepKilling(scene), ...Array.from({ length: payers }, () => keepPaying(scene))]);
  await drain(scene);
  shown.abort();
  await showing;
  const wrong = await judge(scene, firstBlock);
  const tally = count(scene);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...tally, agrees: wrong.length === 0, wrong })}\n`);
  else for (const line of [formatTally(tally), ...wrong]) process.stdout.write(`${line}\n`);
  if (wrong.length === 0 && !options.json) process.stdout.write("nothing lost, nothing paid twice\n");
  return wrong.length === 0;
}
