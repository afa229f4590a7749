/**
 * Deposits: a dealer's word that money arrived, which mints once per deposit id. Owns these routes; promises that the same deposit with the
 * same facts is one resource under any key, and with other facts a conflict.
 */
import { encodeAbiParameters, keccak256 } from "viem";
import type { z } from "zod";
import type { Address, Word } from "../../domain/hex.ts";
import { prefixes } from "../../domain/identifier.ts";
import type { Intent } from "../../domain/intent.ts";
import { isEnded } from "../../domain/lifecycle.ts";
import type { App, RouteParts } from "../app.ts";
import { RejectedError } from "../problem.ts";
import { findBySubject, readIntent, refuseUnknown, toWordId } from "../read.ts";
import { toDeposit } from "../resources.ts";
import { deposit, depositBody, idParams, waitQuery } from "../schemas.ts";
import { checkChain, readCoin, readSignature, toDeadline, toStatus } from "../submission.ts";

export interface DepositFacts {
  readonly depositId: Word;
  readonly coin: Address;
  readonly to: Address;
  readonly amount: bigint;
}

/** The mint that this deposit already is, when its facts are the same; a conflict when they are not. Null: it may be minted. */
export async function findDeposit(parts: RouteParts, facts: DepositFacts): Promise<Intent | null> {
  const known = await findBySubject(parts, facts.depositId, "mint");
  // An order that ended unused minted nothing: the deposit is free again.
  if (known === null || (isEnded(known.state) && known.state !== "settled")) return null;
  if (known.coin === facts.coin && known.payee === facts.to && known.amount === facts.amount) return known;
  throw new RejectedError({
    code: "deposit_conflict",
    subject: facts.depositId,
    actual: `${facts.amount} to ${facts.to}`,
    limit: `${known.amount} to ${known.payee ?? "nobody"}`,
    remedy: "A deposit mints once; compare with the bank statement which facts are right.",
  });
}

function checkEvidence({ depositId, evidence }: z.output<typeof depositBody>): void {
  if (evidence === undefined) return;
  const expected = keccak256(
    encodeAbiParameters([{ type: "string" }, { type: "string" }], [evidence.account, evidence.reference]),
  );
  if (expected === depositId) return;
  throw new RejectedError({
    code: "request_malformed",
    subject: "depositId",
    actual: depositId,
    limit: expected,
    remedy: "The deposit id is keccak256 of bank account and entry reference, ABI-encoded as two strings.",
  });
}

export function addDeposits(app: App, parts: RouteParts): void {
  app.post(
    "/v1/deposits",
    {
      config: { access: "operator" },
      schema: {
        tags: ["deposits"],
        summary: "Mint coins for a deposit",
        description:
          "With `signer`, `signature` and `deadline`: a dealer's MintOrder, known by its digest. Without: the node signs, and an Idempotency-Key is needed.",
        body: depositBody,
        response: { 200: deposit, 202: deposit },
      },
    },
    async (request, reply) => {
      const { body } = request;
      checkChain(parts.deployment, body.chainId);
      checkEvidence(body);
      const { depositId, to, amount } = body;
      const facts = { depositId, to, amount, coin: readCoin(parts.deployment, body.coin) };
      const submitted = await parts.submission.submitOrder(request, reply, {
        given: readSignature(body, { deadline: body.deadline }),
        make: () => ({ kind: "mint", ...facts, deadline: body.deadline ?? toDeadline(parts) }),
        find: () => findDeposit(parts, facts),
      });
      return reply.code(toStatus(submitted, reply)).send(toDeposit(submitted.intent));
    },
  );

  app.get(
    "/v1/deposits/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["deposits"],
        summary: "Read a deposit by its id or by its 32-byte deposit id, or wait for its end",
        params: idParams,
        querystring: waitQuery,
        response: { 200: deposit },
      },
    },
    async (request) => {
      const { id } = request.params;
      const depositId = toWordId(id);
      const found = depositId === null ? null : await findBySubject(parts, depositId, "mint");
      if (depositId !== null && found === null) throw refuseUnknown("depositId", id);
      const intent = found ?? (await readIntent(parts, id, prefixes.deposit));
      return toDeposit(await parts.waiting.wait(intent, request.query.wait));
    },
  );
}
