/**
 * Transfers and their cancellations: signed by the payer, so the signature is the authority and the digest the identity. Owns these routes;
 * promises one outcome per item of a batch, in order, and that a bad item never refuses its neighbours.
 */
import type { FastifyReply } from "fastify";
import type { CancelDraft, TransferDraft } from "../../domain/draft.ts";
import { prefixes } from "../../domain/identifier.ts";
import type { Rejection } from "../../domain/rejection.ts";
import type { AcceptOutcome } from "../../pipeline/ports.ts";
import type { App, RouteParts } from "../app.ts";
import { admitTo, type Caller } from "../auth.ts";
import { readPlainTransfer } from "../plain-transfer.ts";
import { RejectedError, toMalformed, toProblem } from "../problem.ts";
import { readIntent, refuseUnknown } from "../read.ts";
import { toCancellation, toId, toSequence, toTransfer } from "../resources.ts";
import {
  addressParams,
  type BatchResult,
  batchBody,
  batchEnvelope,
  batchLimit,
  batchResult,
  cancellation,
  cancellationBody,
  idParams,
  pageQuery,
  transfer,
  transferBody,
  type TransferInput,
  transferPage,
  waitQuery,
} from "../schemas.ts";
import { checkChain, readCoin, toStatus } from "../submission.ts";

/** A thousand transfers of at most 2 kB each; one alone may be longer, with a contract wallet's signature. */
const batchBytes = 2 * 1_024 * 1_024;

function toDraft(body: TransferInput, { deployment }: RouteParts): TransferDraft {
  const { chainId, ...authorization } = body.authorization;
  checkChain(deployment, body.chainId, chainId);
  return {
    kind: "transfer",
    coin: readCoin(deployment, body.coin),
    authorization,
    memo: body.memo ?? null,
    signature: body.signature,
    reference: body.reference ?? null,
  };
}

function readItem(item: unknown, parts: RouteParts): TransferDraft | readonly Rejection[] {
  let body = readPlainTransfer(item);
  if (body === null) {
    const parsed = transferBody.safeParse(item);
    if (!parsed.success) return toMalformed(parsed.error.issues);
    body = parsed.data;
  }
  try {
    return toDraft(body, parts);
  } catch (error) {
    if (error instanceof RejectedError) return error.reasons;
    throw error;
  }
}

type BatchOutcome = BatchResult["outcomes"][number];

function toOutcome(outcome: AcceptOutcome, caller: Caller): BatchOutcome {
  return outcome.kind === "refused"
    ? { outcome: "refused", problem: toProblem(outcome.reasons) }
    : { outcome: outcome.kind, transfer: toTransfer(outcome.intent, caller) };
}

function checkBatchSize(actual: number): void {
  if (actual <= batchLimit) return;
  throw new RejectedError({
    code: "batch_too_large",
    subject: "transfers",
    actual: String(actual),
    limit: String(batchLimit),
    remedy: "Send several batches.",
  });
}

async function submitBatch(items: readonly unknown[], parts: RouteParts, caller: Caller): Promise<BatchResult> {
  const read = items.map((item) => readItem(item, parts));
  const drafts = read.filter((item): item is TransferDraft => "kind" in item);
  const outcomes = drafts.length === 0 ? [] : await parts.submission.submitAll(drafts);
  const decided = outcomes[Symbol.iterator]();
  return {
    outcomes: read.map((item): BatchOutcome => {
      if (!("kind" in item)) return { outcome: "refused", problem: toProblem(item) };
      const { value } = decided.next();
      if (value === undefined) throw new Error("intake answered with fewer outcomes than drafts");
      return toOutcome(value, caller);
    }),
  };
}

function addCreation(app: App, parts: RouteParts): void {
  app.post(
    "/v1/transfers",
    {
      config: { access: "public" },
      schema: {
        tags: ["transfers"],
        summary: "Submit a signed transfer",
        description: "The same digest again answers with the same resource: 202 while it lives, 200 when it has ended.",
        body: transferBody,
        response: { 200: transfer, 202: transfer },
      },
    },
    async (request, reply) => {
      const submitted = await parts.submission.submit(toDraft(request.body, parts));
      return reply.code(toStatus(submitted, reply)).send(toTransfer(submitted.intent, request.caller));
    },
  );

  app.post(
    "/v1/transfers/batch",
    {
      config: { access: "public" },
      bodyLimit: batchBytes,
      // Validated item by item in the handler; the documented schema is what one item must be.
      validatorCompiler: () => (data: unknown) => {
        const parsed = batchEnvelope.safeParse(data);
        return parsed.success
          ? { value: parsed.data }
          : { error: new RejectedError(...toMalformed(parsed.error.issues)) };
      },
      // A thousand resources, each written by this file's own functions: checking them again would cost more than accepting them.
      serializerCompiler: () => (data: unknown) => JSON.stringify(data),
      schema: {
        tags: ["transfers"],
        summary: "Submit up to 1,000 signed transfers",
        description:
          "One outcome per item, in input order. The accepted items are committed together: all or none survive a crash.",
        body: batchBody,
        response: { 202: batchResult },
      },
    },
    async (request, reply) => {
      checkBatchSize(request.body.transfers.length);
      return reply.code(202).send(await submitBatch(request.body.transfers, parts, request.caller));
    },
  );
}

function addReading(app: App, parts: RouteParts): void {
  app.get(
    "/v1/transfers/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["transfers"],
        summary: "Read a transfer, or wait for its end",
        params: idParams,
        querystring: waitQuery,
        response: { 200: transfer },
      },
    },
    async (request) => {
      const intent = await readIntent(parts, request.params.id, prefixes.transfer);
      return toTransfer(await parts.waiting.wait(intent, request.query.wait), request.caller);
    },
  );

  app.get(
    "/v1/accounts/:address/transfers",
    {
      config: { access: "login" },
      schema: {
        tags: ["accounts"],
        summary: "An account's transfers, newest first",
        params: addressParams,
        querystring: pageQuery,
        response: { 200: transferPage },
      },
    },
    async (request) => {
      const { address } = request.params;
      const { cursor, pageSize } = request.query;
      admitTo(request.caller, address);
      const before = cursor === undefined ? null : toSequence(cursor, prefixes.transfer);
      if (cursor !== undefined && before === null) throw refuseUnknown("cursor", cursor);
      const found = await parts.store.listIntents({
        account: address,
        kinds: ["transfer"],
        limit: pageSize + 1,
        ...(before === null ? {} : { before }),
      });
      const page = found.slice(0, pageSize);
      const last = page.at(-1);
      const hasMore = found.length > pageSize;
      return {
        data: page.map((intent) => toTransfer(intent, request.caller)),
        hasMore,
        next: hasMore && last !== undefined ? toId(last) : null,
      };
    },
  );
}

function addCancellations(app: App, parts: RouteParts): void {
  async function submitCancel(draft: CancelDraft, reply: FastifyReply) {
    const submitted = await parts.submission.submit(draft);
    return { status: toStatus(submitted, reply), body: toCancellation(submitted.intent) };
  }

  app.post(
    "/v1/cancellations",
    {
      config: { access: "public" },
      schema: {
        tags: ["transfers"],
        summary: "Cancel an authorization that has not been used",
        description:
          "Signed by the authorizer (CancelAuthorization). Whichever of the two reaches the chain first counts.",
        body: cancellationBody,
        response: { 200: cancellation, 202: cancellation },
      },
    },
    async (request, reply) => {
      const { coin, authorizer, nonce, signature, chainId } = request.body;
      checkChain(parts.deployment, chainId);
      const draft = { kind: "cancel", coin: readCoin(parts.deployment, coin), authorizer, nonce, signature } as const;
      const { status, body } = await submitCancel(draft, reply);
      return reply.code(status).send(body);
    },
  );

  app.get(
    "/v1/cancellations/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["transfers"],
        summary: "Read a cancellation, or wait for its end",
        params: idParams,
        querystring: waitQuery,
        response: { 200: cancellation },
      },
    },
    async (request) => {
      const intent = await readIntent(parts, request.params.id, prefixes.cancellation);
      return toCancellation(await parts.waiting.wait(intent, request.query.wait));
    },
  );
}

export function addTransfers(app: App, parts: RouteParts): void {
  addCreation(app, parts);
  addReading(app, parts);
  addCancellations(app, parts);
}
