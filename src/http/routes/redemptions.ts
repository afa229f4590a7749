/**
 * Redemptions: coins out to a bank account, step by step. Owns these routes; the holder signs the lock and may cancel, the operator's key
 * brings the desk's steps in, and the exit whose deadline has passed is open to everyone.
 */
import type { LeavableState, StepDraft } from "../../domain/draft.ts";
import type { RedemptionTerms } from "../../domain/facts.ts";
import { type Address, zeroWord } from "../../domain/hex.ts";
import { findTaken } from "../agreements.ts";
import type { App, RouteParts } from "../app.ts";
import { RejectedError } from "../problem.ts";
import { findRedemption, toTypedData } from "../redemption.ts";
import { type RedemptionParts, toRedemption, toStep } from "../resources.ts";
import {
  acceptBody,
  bankStepBody,
  cancelStepBody,
  emptyBody,
  idParams,
  redemption,
  redemptionBody,
  rejectBody,
  resolveBody,
  step,
  typedData,
  waitQuery,
} from "../schemas.ts";
import { checkChain, readCoin, readSignature, type SignedFields, toDeadline, toStatus } from "../submission.ts";

function readTermsCoin({ lock, stored }: RedemptionParts): Address {
  const coin = stored?.terms.coin ?? lock?.coin;
  if (coin === undefined) throw new Error("a redemption without a coin");
  return coin;
}

/** The state it is in, when that can still be left; the refusal otherwise. */
function readLeaving({ redemptionId, stored }: RedemptionParts): LeavableState {
  const state = stored?.state ?? "none";
  if (state === "locked" || state === "accepted" || state === "sent" || state === "disputed") return state;
  throw new RejectedError({
    code: "redemption_state_invalid",
    subject: redemptionId,
    actual: state,
    limit: "locked, accepted, sent, disputed",
    remedy: state === "none" ? "Wait until the lock is in a block." : "The redemption has ended.",
  });
}

interface StepOptions {
  readonly kind: "accept" | "approve" | "reject" | "mark-sent" | "confirm" | "resolve";
  readonly from: LeavableState;
  readonly reference: StepDraft["reference"];
  readonly paid?: boolean;
  readonly deadline: number | undefined;
}

function makeStep(parts: RouteParts, found: RedemptionParts, options: StepOptions) {
  const { kind, from, reference } = options;
  const deadline = options.deadline ?? toDeadline(parts);
  const paid = options.paid === undefined ? {} : { paid: options.paid };
  return { kind, id: found.redemptionId, coin: readTermsCoin(found), from, reference, deadline, ...paid } as const;
}

function givenStep(body: SignedFields, deadline: number | undefined) {
  return readSignature(body, { "order.deadline": deadline });
}

function addLock(app: App, parts: RouteParts): void {
  app.post(
    "/v1/redemptions",
    {
      config: { access: "public" },
      schema: {
        tags: ["redemptions"],
        summary: "Lock coins for redemption",
        description:
          "`signature` is the holder's ReceiveWithAuthorization whose nonce is the redemption id. Without it: 200 with the typed data to sign, and nothing is created.",
        body: redemptionBody,
        response: { 200: redemption.or(typedData), 202: redemption },
      },
    },
    async (request, reply) => {
      const { body } = request;
      checkChain(parts.deployment, body.chainId);
      const coin = readCoin(parts.deployment, body.coin);
      if (body.terms.coin !== undefined && readCoin(parts.deployment, body.terms.coin) !== coin) {
        const remedy = "Name the same coin twice, or leave it out of the terms.";
        throw new RejectedError({ code: "request_malformed", subject: "terms.coin", actual: body.terms.coin, remedy });
      }
      const terms: RedemptionTerms = { ...body.terms, coin };
      const redemptionId = parts.encoder.redemptionId(terms);
      if (body.signature === undefined) {
        return reply.code(200).send(toTypedData(parts.encoder, { kind: "lock", terms, signature: "0x" }, redemptionId));
      }
      const submitted = await parts.submission.submit({ kind: "lock", terms, signature: body.signature });
      const stored = await parts.store.readRedemption(redemptionId);
      const now = parts.head.latest?.time ?? null;
      const resource = toRedemption({ redemptionId, lock: submitted.intent, stored, pending: [], now });
      return reply.code(toStatus(submitted, reply)).send(resource);
    },
  );

  app.get(
    "/v1/redemptions/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["redemptions"],
        summary: "Read a redemption by its id or by its 32-byte id: state, steps, exits and their deadlines",
        params: idParams,
        querystring: waitQuery,
        response: { 200: redemption },
      },
    },
    async (request) => {
      const { id } = request.params;
      const found = await findRedemption(parts, id);
      if (found.lock === null || request.query.wait === 0) return toRedemption(found);
      await parts.waiting.wait(found.lock, request.query.wait);
      return toRedemption(await findRedemption(parts, id));
    },
  );
}

function addDeskSteps(app: App, parts: RouteParts): void {
  const common = { tags: ["redemptions"], params: idParams, response: { 200: step, 202: step } };
  const description =
    "With `order`, `signer` and `signature`: the agent's. Without: the node signs, and an Idempotency-Key is needed.";

  app.post(
    "/v1/redemptions/:id/accept",
    {
      config: { access: "operator" },
      schema: { ...common, summary: "Take a redemption on", description, body: acceptBody.nullish() },
    },
    async (request, reply) => {
      const body = request.body ?? {};
      checkChain(parts.deployment, body.chainId);
      const found = await findRedemption(parts, request.params.id);
      const deadline = body.order?.deadline;
      const submitted = await parts.submission.submitOrder(request, reply, {
        given: givenStep(body, deadline),
        make: () => makeStep(parts, found, { kind: "accept", from: "locked", reference: zeroWord, deadline }),
      });
      return reply.code(toStatus(submitted, reply)).send(toStep(submitted.intent));
    },
  );

  app.post(
    "/v1/redemptions/:id/reject",
    {
      config: { access: "operator" },
      schema: { ...common, summary: "Decline a redemption", description, body: rejectBody },
    },
    async (request, reply) => {
      const { body } = request;
      checkChain(parts.deployment, body.chainId);
      const found = await findRedemption(parts, request.params.id);
      const { deadline, reason } = body.order;
      const submitted = await parts.submission.submitOrder(request, reply, {
        given: givenStep(body, deadline),
        make: () => makeStep(parts, found, { kind: "reject", from: readLeaving(found), reference: reason, deadline }),
      });
      return reply.code(toStatus(submitted, reply)).send(toStep(submitted.intent));
    },
  );

  for (const { kind, from, summary } of [
    { kind: "mark-sent", from: "accepted", summary: "Record that the money is about to be sent" },
    { kind: "confirm", from: "sent", summary: "Record that the money arrived" },
  ] as const) {
    app.post(
      `/v1/redemptions/:id/${kind}`,
      { config: { access: "operator" }, schema: { ...common, summary, description, body: bankStepBody } },
      async (request, reply) => {
        const { body } = request;
        checkChain(parts.deployment, body.chainId);
        const found = await findRedemption(parts, request.params.id);
        const { deadline, bankReference } = body.order;
        const submitted = await parts.submission.submitOrder(request, reply, {
          given: givenStep(body, deadline),
          make: () => makeStep(parts, found, { kind, from, reference: bankReference, deadline }),
        });
        return reply.code(toStatus(submitted, reply)).send(toStep(submitted.intent));
      },
    );
  }
}

/** The second key's approval above a limit, and the arbiter's decision: never the key that began the payout. */
function addSecondKeys(app: App, parts: RouteParts): void {
  const common = { tags: ["redemptions"], params: idParams, response: { 200: step, 202: step } };
  const description =
    "With `order`, `signer` and `signature`: that role's. Without: the node signs, and an Idempotency-Key is needed.";

  app.post(
    "/v1/redemptions/:id/approve",
    {
      config: { access: "approver" },
      schema: {
        ...common,
        summary: "Approve a large payout before it is sent",
        description,
        body: acceptBody.nullish(),
      },
    },
    async (request, reply) => {
      const body = request.body ?? {};
      checkChain(parts.deployment, body.chainId);
      const found = await findRedemption(parts, request.params.id);
      const deadline = body.order?.deadline;
      const submitted = await parts.submission.submitOrder(request, reply, {
        given: givenStep(body, deadline),
        make: () => makeStep(parts, found, { kind: "approve", from: "accepted", reference: zeroWord, deadline }),
      });
      return reply.code(toStatus(submitted, reply)).send(toStep(submitted.intent));
    },
  );

  app.post(
    "/v1/redemptions/:id/resolve",
    {
      config: { access: "approver" },
      schema: { ...common, summary: "Decide a dispute: paid, or returned", description, body: resolveBody },
    },
    async (request, reply) => {
      const { body } = request;
      checkChain(parts.deployment, body.chainId);
      const found = await findRedemption(parts, request.params.id);
      const { deadline, paid, reference } = body.order;
      const submitted = await parts.submission.submitOrder(request, reply, {
        given: givenStep(body, deadline),
        make: () => makeStep(parts, found, { kind: "resolve", from: "disputed", reference, paid, deadline }),
      });
      return reply.code(toStatus(submitted, reply)).send(toStep(submitted.intent));
    },
  );
}

function addHolderSteps(app: App, parts: RouteParts): void {
  for (const { path, kind, from, struct, summary } of [
    {
      path: "cancel",
      kind: "cancel-redemption",
      from: "locked",
      struct: "CancelRedemption",
      summary: "Take a redemption back before it is accepted",
    },
    {
      path: "dispute",
      kind: "dispute",
      from: "sent",
      struct: "DisputeRedemption",
      summary: "Say that the money did not arrive: the arbiter decides",
    },
  ] as const) {
    app.post(
      `/v1/redemptions/:id/${path}`,
      {
        config: { access: "public" },
        schema: {
          tags: ["redemptions"],
          params: idParams,
          summary,
          description: `\`order.deadline\` and \`signature\`: the holder's ${struct}. Without a signature: 200 with the typed data to sign, and nothing is created.`,
          body: cancelStepBody.nullish(),
          response: { 200: step.or(typedData), 202: step },
        },
      },
      async (request, reply) => {
        const { order, signature, chainId } = request.body ?? {};
        checkChain(parts.deployment, chainId);
        const found = await findRedemption(parts, request.params.id);
        const signer = found.stored?.terms.holder ?? found.lock?.payer ?? null;
        if (signer === null) throw new Error("a redemption without a holder");
        const base = { id: found.redemptionId, coin: readTermsCoin(found), from, reference: zeroWord } as const;
        const deadline = order?.deadline ?? toDeadline(parts);
        const draft = { kind, ...base, signer, deadline } as const;
        if (signature === undefined) {
          return reply.code(200).send(toTypedData(parts.encoder, { ...draft, signature: "0x" }, found.redemptionId));
        }
        if (order === undefined) {
          const remedy = "Send the deadline that was signed.";
          throw new RejectedError({ code: "request_malformed", subject: "order.deadline", remedy });
        }
        const submitted = await parts.submission.submit({ ...draft, signature });
        return reply.code(toStatus(submitted, reply)).send(toStep(submitted.intent));
      },
    );
  }
}

function addExits(app: App, parts: RouteParts): void {
  const common = { tags: ["redemptions"], params: idParams };

  app.post(
    "/v1/redemptions/:id/reclaim",
    {
      config: { access: "public" },
      schema: {
        ...common,
        summary: "Return the coins to the holder after a deadline has passed; anyone may ask",
        description:
          "Needs no signature and no Idempotency-Key: each state is left once, so a repeat is the same step.",
        body: emptyBody.nullish(),
        response: { 200: step, 202: step },
      },
    },
    async (request, reply) => {
      const found = await findRedemption(parts, request.params.id);
      const taken = findTaken(found.pending, "reclaim");
      if (taken !== null) return reply.code(200).send(toStep(taken));
      const from = readLeaving(found);
      const coin = readTermsCoin(found);
      const submitted = await parts.submission.submit({ kind: "reclaim", id: found.redemptionId, coin, from });
      return reply.code(toStatus(submitted, reply)).send(toStep(submitted.intent));
    },
  );
}

export function addRedemptions(app: App, parts: RouteParts): void {
  addLock(app, parts);
  addDeskSteps(app, parts);
  addSecondKeys(app, parts);
  addHolderSteps(app, parts);
  addExits(app, parts);
}
