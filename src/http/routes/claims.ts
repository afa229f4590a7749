/**
 * Claims: money to a person without a wallet yet. Owns these routes, all but an account's list open: the sender's, the link key's and the
 * attestor's signatures are the authority, and the exit whose deadline has passed is everyone's. Without its signature a route answers
 * with what is to be signed, and nothing is created.
 */
import type { ClaimTerms } from "../../domain/agreement.ts";
import { zeroAddress } from "../../domain/hex.ts";
import {
  agreementStep,
  findAgreement,
  findTaken,
  readSigned,
  readTerms,
  signedStepBody,
  toAgreementStep,
  toAgreementToSign,
  toSign,
} from "../agreements.ts";
import type { App, RouteParts } from "../app.ts";
import { admitTo } from "../auth.ts";
import { claim, claimBody, claimNames, claimPage, takeBody, toClaim } from "../claims.ts";
import { addressParams, emptyBody, idParams, waitQuery } from "../schemas.ts";
import { checkChain, readCoin, toDeadline, toStatus } from "../submission.ts";

/** Claims of one account listed at once, newest first. */
const listed = 100;

const stepAnswer = { 200: agreementStep.or(toSign), 202: agreementStep };

function addOpening(app: App, parts: RouteParts): void {
  app.post(
    "/v1/claims",
    {
      config: { access: "public" },
      schema: {
        tags: ["claims"],
        summary: "Send coins to whoever holds a link's key",
        description:
          "`signature` is the sender's ReceiveWithAuthorization whose nonce is the claim's id. Without it: 200 with the typed data to sign, and nothing is created.",
        body: claimBody,
        response: { 200: claim.or(toSign), 202: claim },
      },
    },
    async (request, reply) => {
      const { body } = request;
      checkChain(parts.deployment, body.chainId);
      const terms: ClaimTerms = { ...body.terms, coin: readCoin(parts.deployment, body.coin) };
      const id = parts.encoder.agreementId({ kind: "claim", terms });
      if (body.signature === undefined) {
        const draft = { kind: "open-claim", terms, signature: "0x" } as const;
        return reply.code(200).send(toAgreementToSign(parts, { draft, id }));
      }
      const submitted = await parts.submission.submit({ kind: "open-claim", terms, signature: body.signature });
      const found = await findAgreement(parts, id, claimNames);
      const now = parts.head.latest?.time ?? null;
      return reply.code(toStatus(submitted, reply)).send(toClaim({ ...found, terms, opening: submitted.intent }, now));
    },
  );

  app.get(
    "/v1/claims/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["claims"],
        summary: "Read a claim by its id or by its 32-byte id: state, steps, exits and their deadlines",
        params: idParams,
        querystring: waitQuery,
        response: { 200: claim },
      },
    },
    async (request) => {
      const { id } = request.params;
      const found = await findAgreement(parts, id, claimNames);
      if (found.opening !== null && request.query.wait > 0) {
        await parts.waiting.wait(found.opening, request.query.wait);
        return toClaim(await findAgreement(parts, id, claimNames), parts.head.latest?.time ?? null);
      }
      return toClaim(found, parts.head.latest?.time ?? null);
    },
  );

  app.get(
    "/v1/accounts/:address/claims",
    {
      config: { access: "login" },
      schema: {
        tags: ["claims"],
        summary: "Claims an account sent or took, newest first",
        params: addressParams,
        response: { 200: claimPage },
      },
    },
    async (request) => {
      admitTo(request.caller, request.params.address);
      const query = { kind: "claim", account: request.params.address, limit: listed } as const;
      const now = parts.head.latest?.time ?? null;
      const data = [];
      for (const stored of await parts.store.listAgreements(query)) {
        data.push(toClaim(await findAgreement(parts, stored.id, claimNames), now));
      }
      return { data };
    },
  );
}

function addTake(app: App, parts: RouteParts): void {
  app.post(
    "/v1/claims/:id/claim",
    {
      config: { access: "public" },
      schema: {
        tags: ["claims"],
        summary: "Take a claim: the link's key names who is paid",
        description:
          "`signature` is the link key's ClaimTo; `attestorSignature` the attestor's AttestClaim where the terms name one. Without a signature: 200 with what both sign.",
        params: idParams,
        body: takeBody,
        response: stepAnswer,
      },
    },
    async (request, reply) => {
      const { order, signature, attestorSignature, chainId } = request.body;
      checkChain(parts.deployment, chainId);
      const found = await findAgreement(parts, request.params.id, claimNames);
      const terms = readTerms(found);
      const agreed = terms.attestor !== zeroAddress;
      const base = {
        kind: "claim",
        id: found.id,
        coin: terms.coin,
        recipient: order.recipient,
        deadline: order.deadline ?? toDeadline(parts),
        signer: terms.linkKey,
      } as const;
      if (signature === undefined) {
        const attestor = agreed ? ({ signer: terms.attestor, signature: "0x" } as const) : null;
        const draft = { ...base, signature: "0x", attestor } as const;
        return reply.code(200).send(toAgreementToSign(parts, { draft, id: found.id, both: agreed }));
      }
      readSigned(order.deadline === undefined ? undefined : { deadline: order.deadline });
      const attestor =
        attestorSignature === undefined ? null : { signer: terms.attestor, signature: attestorSignature };
      const submitted = await parts.submission.submit({ ...base, signature, attestor });
      return reply.code(toStatus(submitted, reply)).send(toAgreementStep(submitted.intent));
    },
  );
}

function addEnds(app: App, parts: RouteParts): void {
  for (const { path, kind, by, summary } of [
    { path: "decline", kind: "decline-claim", by: "linkKey", summary: "Send a claim back: the link's key declines it" },
    { path: "cancel", kind: "cancel-claim", by: "sender", summary: "Take a claim back before it is taken" },
  ] as const) {
    app.post(
      `/v1/claims/:id/${path}`,
      {
        config: { access: "public" },
        schema: {
          tags: ["claims"],
          summary,
          description: "Without a signature: 200 with the typed data to sign, and nothing is created.",
          params: idParams,
          body: signedStepBody.nullish(),
          response: stepAnswer,
        },
      },
      async (request, reply) => {
        const { order, signature, chainId } = request.body ?? {};
        checkChain(parts.deployment, chainId);
        const found = await findAgreement(parts, request.params.id, claimNames);
        const terms = readTerms(found);
        const base = { kind, id: found.id, coin: terms.coin, signer: terms[by] } as const;
        if (signature === undefined) {
          const draft = { ...base, deadline: order?.deadline ?? toDeadline(parts), signature: "0x" } as const;
          return reply.code(200).send(toAgreementToSign(parts, { draft, id: found.id }));
        }
        const submitted = await parts.submission.submit({ ...base, deadline: readSigned(order), signature });
        return reply.code(toStatus(submitted, reply)).send(toAgreementStep(submitted.intent));
      },
    );
  }

  app.post(
    "/v1/claims/:id/reclaim",
    {
      config: { access: "public" },
      schema: {
        tags: ["claims"],
        summary: "Return an expired claim to its sender; anyone may ask",
        description: "Needs no signature and no Idempotency-Key: a repeat is the same step.",
        params: idParams,
        body: emptyBody.nullish(),
        response: stepAnswer,
      },
    },
    async (request, reply) => {
      const found = await findAgreement(parts, request.params.id, claimNames);
      const taken = findTaken(found.steps, "reclaim-claim");
      if (taken !== null) return reply.code(200).send(toAgreementStep(taken));
      const { coin } = readTerms(found);
      const submitted = await parts.submission.submit({ kind: "reclaim-claim", id: found.id, coin });
      return reply.code(toStatus(submitted, reply)).send(toAgreementStep(submitted.intent));
    },
  );
}

export function addClaims(app: App, parts: RouteParts): void {
  addOpening(app, parts);
  addTake(app, parts);
  addEnds(app, parts);
}
