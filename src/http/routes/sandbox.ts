/**
 * The devnet's own routes: coins for anyone, and block time moved on. Owns them; they exist only where a sandbox port is configured, and even
 * the faucet's coins come through the front door: attested reserves, a dealer's order, one deposit id per call. Promises that moved time is
 * answered once the node judges by it.
 */
import { createHash, randomUUID } from "node:crypto";
import type { UnsignedOrder } from "../../domain/draft.ts";
import type { Address, Word } from "../../domain/hex.ts";
import type { Sandbox } from "../../pipeline/ports.ts";
import type { App, RouteParts } from "../app.ts";
import { RejectedError } from "../problem.ts";
import { toDeposit, toTime } from "../resources.ts";
import { deposit, faucetBody, timeBody } from "../schemas.ts";
import { readBlockTime, readCoin, readIdempotency, type Submitted, toDeadline, toStatus } from "../submission.ts";
import { moved } from "../views.ts";
import { type DepositFacts, findDeposit } from "./deposits.ts";

/** Reserves are attested this many faucet calls ahead, so that most calls need no attestation. */
const callsAhead = 1_000n;
/** A follower at work sees a block within milliseconds; one that has not by then is in trouble. */
const seeMs = 5_000;
const pollMs = 20;
/** Calls of one route that wait for their turn. */
const queueLimit = 100;
/** Everyone's Idempotency-Keys at the faucet: nobody is logged in there. */
const owner = "sandbox";

function sha256(text: string): Word {
  return `0x${createHash("sha256").update(text).digest("hex")}`;
}

/** Does one thing after the other, in the order asked. */
function createQueue(subject: string): <T>(act: () => Promise<T>) => Promise<T> {
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (act) => {
    if (waiting >= queueLimit) {
      throw new RejectedError({ code: "queue_full", subject, remedy: "Ask again in a second." });
    }
    waiting++;
    const acting = turn.then(act);
    turn = acting.catch(() => null);
    return acting.finally(() => {
      waiting--;
    });
  };
}

function isConflict(error: unknown): boolean {
  return error instanceof RejectedError && error.reasons.some(({ code }) => code === "deposit_conflict");
}

async function signAndSubmit(parts: RouteParts, order: UnsignedOrder): Promise<Submitted> {
  const signed = await parts.intake.signOrder(order);
  if (!signed.ok) throw new RejectedError(...signed.reasons);
  return parts.submission.submit(signed.value);
}

/** Attests reserves when the amount would not fit under those that are, or when minting needs a fresh statement. */
async function coverAmount(parts: RouteParts, coin: Address, amount: bigint): Promise<void> {
  const { chain, head, limits } = parts;
  const asOf = readBlockTime(parts);
  const number = head.latest?.number ?? 0;
  const [coverage, supply] = await Promise.all([chain.coverage(coin, number), chain.totalSupply(coin, number)]);
  const needed = supply + amount * 2n;
  // An attestation must be newer than the last one by block time: within the same second the last one has to do.
  if ((coverage.attested >= needed && coverage.mintable) || coverage.asOf >= asOf) return;
  const attested = supply + limits.faucetUnits * callsAhead;
  await signAndSubmit(parts, {
    kind: "attest",
    coin,
    amount: coverage.attested > attested ? coverage.attested : attested,
    asOf,
    orderId: sha256(`remesa.faucet.attest\n${coin}\n${asOf}`),
    reportHash: sha256("remesa.faucet: play money"),
    deadline: toDeadline(parts),
  });
}

function addFaucet(app: App, parts: RouteParts): void {
  // One at a time: two callers must not both find the reserves too low and attest twice.
  const enqueue = createQueue("faucet");

  async function mint(facts: DepositFacts): Promise<Submitted> {
    const known = await findDeposit(parts, facts).catch((error: unknown) => {
      if (!isConflict(error)) throw error;
      const remedy = "Use a new Idempotency-Key for another amount or account.";
      throw new RejectedError({ code: "idempotency_key_reused", subject: "idempotency-key", remedy });
    });
    if (known !== null) return { intent: known, created: false };
    await coverAmount(parts, facts.coin, facts.amount);
    return signAndSubmit(parts, { kind: "mint", ...facts, deadline: toDeadline(parts) });
  }

  app.post(
    "/sandbox/faucet",
    {
      config: { access: "public" },
      schema: {
        tags: ["sandbox"],
        summary: "Coins for an account of the devnet",
        description: "With an Idempotency-Key a repeat hands out nothing more.",
        body: faucetBody,
        response: { 200: deposit, 202: deposit },
      },
    },
    async (request, reply) => {
      const { to, amount } = request.body;
      const { faucetUnits } = parts.limits;
      if (amount > faucetUnits) {
        const remedy = "Ask for less at a time.";
        const compared = { actual: String(amount), limit: String(faucetUnits) };
        throw new RejectedError({ code: "request_malformed", subject: "amount", ...compared, remedy });
      }
      const named = request.headers["idempotency-key"] !== undefined;
      const key = named ? readIdempotency(request, owner).key : randomUUID();
      const facts = { coin: readCoin(parts.deployment, request.body.coin), to, amount };
      const submitted = await enqueue(() => mint({ ...facts, depositId: sha256(`remesa.faucet\n${key}`) }));
      if (named && !submitted.created) reply.header("idempotency-hit", "true");
      return reply.code(toStatus(submitted, reply)).send(toDeposit(submitted.intent));
    },
  );
}

/** Time of the newest block once it is that late. */
async function seeTime(parts: RouteParts, wanted: number): Promise<number> {
  const until = parts.clock.monotonic() + seeMs;
  for (;;) {
    const seen = readBlockTime(parts);
    if (seen >= wanted) return seen;
    if (parts.clock.monotonic() >= until) {
      throw new RejectedError({
        code: "chain_stale",
        subject: "head",
        actual: toTime(seen * 1_000),
        limit: toTime(wanted * 1_000),
        remedy: "The chain's clock was moved: wait until /v1/network shows it. Repeating the request moves it further.",
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function addTime(app: App, parts: RouteParts, sandbox: Sandbox): void {
  // One at a time: two moves at once could both take the first one's block for their own.
  const enqueue = createQueue("time");

  /** Moves block time, and waits: whoever asks next is judged by the newest block the node has seen. */
  async function move(seconds: number): Promise<number> {
    const wanted = readBlockTime(parts) + seconds;
    await sandbox.increaseTime(seconds);
    return seeTime(parts, wanted);
  }

  app.post(
    "/sandbox/time",
    {
      config: { access: "public" },
      schema: {
        tags: ["sandbox"],
        summary: "Move block time on",
        description: "Answers when the node has seen a block that is as many seconds later.",
        body: timeBody,
        response: { 200: moved },
      },
    },
    async (request) => {
      const { seconds } = request.body;
      const blockTime = await enqueue(() => move(seconds));
      return { seconds, blockTime: toTime(blockTime * 1_000) };
    },
  );
}

export function addSandbox(app: App, parts: RouteParts, sandbox: Sandbox): void {
  addFaucet(app, parts);
  addTime(app, parts, sandbox);
}
