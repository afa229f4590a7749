/**
 * The devnet's own routes: coins for anyone, and block time moved on. Owns them; they exist only where a sandbox port is configured, and even
 * the faucet's coins come through the front door: attested reserves, a dealer's order, one deposit id per call.
 */
import { createHash, randomUUID } from "node:crypto";
import type { UnsignedOrder } from "../../domain/draft.ts";
import type { Address, Word } from "../../domain/hex.ts";
import type { Sandbox } from "../../pipeline/ports.ts";
import type { App, RouteParts } from "../app.ts";
import { RejectedError } from "../problem.ts";
import { toDeposit } from "../resources.ts";
import { deposit, faucetBody, timeBody } from "../schemas.ts";
import { readBlockTime, readCoin, readIdempotency, type Submitted, toDeadline, toStatus } from "../submission.ts";
import { moved } from "../views.ts";
import { type DepositFacts, findDeposit } from "./deposits.ts";

/** Reserves are attested this many faucet calls ahead, so that most calls need no attestation. */
const callsAhead = 1_000n;
/** Everyone's Idempotency-Keys at the faucet: nobody is logged in there. */
const owner = "sandbox";

function sha256(text: string): Word {
  return `0x${createHash("sha256").update(text).digest("hex")}`;
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
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;

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
      if (waiting >= 100)
        throw new RejectedError({ code: "queue_full", subject: "faucet", remedy: "Ask again in a second." });
      const named = request.headers["idempotency-key"] !== undefined;
      const key = named ? readIdempotency(request, owner).key : randomUUID();
      const facts = { coin: readCoin(parts.deployment, request.body.coin), to, amount };
      waiting++;
      const minting = turn.then(() => mint({ ...facts, depositId: sha256(`remesa.faucet\n${key}`) }));
      turn = minting.catch(() => null);
      const submitted = await minting.finally(() => {
        waiting--;
      });
      if (named && !submitted.created) reply.header("idempotency-hit", "true");
      return reply.code(toStatus(submitted, reply)).send(toDeposit(submitted.intent));
    },
  );
}

export function addSandbox(app: App, parts: RouteParts, sandbox: Sandbox): void {
  addFaucet(app, parts);

  app.post(
    "/sandbox/time",
    {
      config: { access: "public" },
      schema: {
        tags: ["sandbox"],
        summary: "Move block time on",
        body: timeBody,
        response: { 200: moved },
      },
    },
    async (request) => {
      await sandbox.increaseTime(request.body.seconds);
      return { seconds: request.body.seconds };
    },
  );
}
