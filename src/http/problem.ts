/**
 * Refusals on the wire: RFC 9457 problem details. Owns the map from every rejection code to its status, title and whether the same
 * request may succeed later; the map is exhaustive, so a new code does not compile until it is here. Nothing internal leaves: what is not
 * an expected refusal becomes `internal` with an id that is in the log.
 */
import { randomUUID } from "node:crypto";
import { hasZodFastifySchemaValidationErrors } from "@fastify/type-provider-zod";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import { toWord } from "../domain/hex.ts";
import type { Rejection, RejectionCode } from "../domain/rejection.ts";
import type { Problem } from "./schemas.ts";

interface Answer {
  readonly status: number;
  readonly title: string;
  /** True when the same request may succeed later without being changed. */
  readonly retryable: boolean;
}

/** What adapters throw says itself whether trying again can help, and by its name which side it came from. */
export function toFaultCode(error: Error): "chain_stale" | "storage_unavailable" | "internal" {
  if (!("retryable" in error) || error.retryable !== true) return "internal";
  return error.name === "ChainFault" ? "chain_stale" : "storage_unavailable";
}

function answer(status: number, title: string, retryable = false): Answer {
  return { status, title, retryable };
}

export const answers: Readonly<Record<RejectionCode, Answer>> = {
  request_malformed: answer(400, "The request is malformed"),
  request_too_large: answer(413, "The request is too large"),
  content_type_unsupported: answer(415, "The content type is not supported"),
  unauthorized: answer(401, "Login is needed"),
  forbidden: answer(403, "Not allowed with this login"),
  not_found: answer(404, "Not found"),
  rate_limited: answer(429, "Too many requests", true),
  idempotency_key_missing: answer(400, "The Idempotency-Key is missing"),
  idempotency_key_reused: answer(422, "The Idempotency-Key was used for another request"),
  idempotency_in_flight: answer(409, "A request with this Idempotency-Key is in flight", true),
  coin_unknown: answer(422, "The coin is unknown"),
  chain_id_wrong: answer(422, "The chain id is another one"),
  signature_invalid: answer(422, "The signature is invalid"),
  signer_not_permitted: answer(403, "The signer is not permitted"),
  amount_zero: answer(422, "The amount is zero"),
  amount_not_whole_cents: answer(422, "The amount is not whole cents"),
  payee_invalid: answer(422, "The payee cannot be paid"),
  not_yet_valid: answer(422, "Not valid yet", true),
  expired: answer(422, "Expired"),
  validity_too_long: answer(422, "Valid for too long"),
  deadline_invalid: answer(422, "A deadline is invalid"),
  nonce_in_use: answer(409, "The nonce is in use"),
  nonce_used: answer(409, "The nonce is used up"),
  nonce_out_of_window: answer(422, "The nonce is outside the window"),
  payer_frozen: answer(422, "The payer is frozen"),
  payee_frozen: answer(422, "The payee is frozen"),
  insufficient_funds: answer(422, "The funds do not suffice"),
  deposit_conflict: answer(409, "The deposit was used with other facts"),
  reserves_exceeded: answer(422, "The attested reserves do not suffice"),
  dealer_limit: answer(422, "The dealer's limit is used up", true),
  approval_missing: answer(409, "An approval is missing", true),
  redemption_unknown: answer(404, "The redemption is unknown"),
  redemption_state_invalid: answer(409, "The redemption is in another state"),
  agreement_unknown: answer(404, "The agreement is unknown"),
  agreement_state_invalid: answer(409, "The agreement is in another state"),
  amount_exceeded: answer(422, "The amount is more than what is left"),
  fee_invalid: answer(422, "The fee is invalid"),
  quote_unknown: answer(404, "The quote is unknown"),
  quote_state_invalid: answer(409, "The quote is in another state"),
  vasp_unknown: answer(404, "The wallet operator is unknown"),
  vasp_invalid: answer(422, "The wallet operator cannot do this"),
  travel_rule: answer(422, "The travel rule asks for an attestation", true),
  step_in_flight: answer(409, "A step is in flight"),
  order_signer_missing: answer(422, "The node cannot sign this order"),
  lane_state_invalid: answer(409, "The lane is in another state"),
  lane_key_missing: answer(409, "The lane's key is missing"),
  amount_below_minimum: answer(422, "The amount is too small to be sent for free"),
  sponsor_budget_exhausted: answer(429, "The gas budget is used up", true),
  batch_too_large: answer(413, "The batch is too large"),
  queue_full: answer(503, "The queue is full", true),
  chain_stale: answer(503, "The chain is out of sight", true),
  halted: answer(503, "Sending is halted", true),
  storage_unavailable: answer(503, "The storage is unavailable", true),
  events_gone: answer(410, "These events are gone"),
  webhook_url_refused: answer(422, "Nothing is sent to this URL"),
  webhook_limit: answer(409, "There are as many webhooks as there may be"),
  internal: answer(500, "Something broke inside", true),
};

/** Thrown by routes to answer with a problem; carries every reason, at least one. */
export class RejectedError extends Error {
  override readonly name = "RejectedError";
  readonly reasons: readonly Rejection[];
  constructor(...reasons: readonly Rejection[]) {
    super(reasons.map((reason) => reason.code).join(", "));
    this.reasons = reasons;
  }
}

/** Extras are for machines: bigint becomes a string, nonces the 32-byte words that are signed. */
function toPlain(key: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => toPlain(key, item));
  if (key === "freeNonces" && /^\d+$/.test(String(value))) return toWord(BigInt(String(value)));
  return typeof value === "bigint" ? value.toString() : value;
}

/** Writes reasons as one problem: the first that waiting does not cure speaks for all; each is listed. */
export function toProblem(reasons: readonly Rejection[]): Problem {
  const lasting = reasons.find((reason) => !answers[reason.code].retryable);
  const main = lasting ?? reasons[0];
  if (main === undefined) throw new Error("a refusal without a reason");
  const { status, title, retryable } = answers[main.code];
  const extras = Object.entries(main.extra ?? {}).map(([key, value]) => [key, toPlain(key, value)]);
  const found = main.actual === undefined ? "" : ` is ${main.actual}`;
  const limit = main.limit === undefined ? "" : `, expected ${main.limit}`;
  return {
    ...Object.fromEntries(extras),
    type: `urn:remesa:problem:${main.code}`,
    title,
    status,
    detail: `${main.subject}${found}${limit}: ${main.remedy}`,
    code: main.code,
    retryable,
    errors: reasons.map(({ code, subject, actual, limit: most, remedy }) => ({
      code,
      subject,
      ...(actual === undefined ? {} : { actual }),
      ...(most === undefined ? {} : { limit: most }),
      remedy,
    })),
  };
}

export function sendProblem(reply: FastifyReply, body: Problem): FastifyReply {
  if (body.status === 401) reply.header("www-authenticate", "Bearer");
  // RFC 9110, section 10.2.3. What limits rates has said so by itself.
  if ((body.status === 429 || body.status === 503) && !reply.hasHeader("retry-after")) {
    reply.header("retry-after", String(body["retryAfterSeconds"] ?? 1));
  }
  return reply
    .code(body.status)
    .header("cache-control", "no-store")
    .header("content-type", "application/problem+json; charset=utf-8")
    .serializer(JSON.stringify)
    .send(body);
}

/** One reason per thing that is wrong with the request's shape. */
export function toMalformed(issues: readonly z.core.$ZodIssue[]): readonly Rejection[] {
  return issues.slice(0, 100).map((issue) => ({
    code: "request_malformed",
    subject: issue.path.join(".") || "request",
    remedy: `Correct the field: ${issue.message}.`,
  }));
}

function malformed(subject: string, remedy: string): Rejection {
  return { code: "request_malformed", subject, remedy };
}

/** What Fastify refuses by itself, before a route runs. */
function fromFramework(error: FastifyError, request: FastifyRequest): readonly Rejection[] | null {
  if (hasZodFastifySchemaValidationErrors(error)) {
    return error.validation.slice(0, 100).map((found) => {
      const path = found.instancePath.split("/").slice(1).join(".");
      return malformed(
        path || (error.validationContext ?? "request"),
        `Correct the field: ${found.message ?? "invalid"}.`,
      );
    });
  }
  switch (error.code) {
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return [
        {
          code: "content_type_unsupported",
          subject: "content-type",
          actual: request.headers["content-type"] ?? "none",
          remedy: "Send JSON with content-type application/json.",
        },
      ];
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return [
        {
          code: "request_too_large",
          subject: "body",
          limit: `${request.routeOptions.bodyLimit} bytes`,
          remedy: "Send less at once.",
        },
      ];
    default:
      return error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
        ? [malformed("request", "Send a well-formed HTTP request with a JSON body.")]
        : null;
  }
}

/** The one place where errors become answers. */
export function answerError(
  error: FastifyError | RejectedError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof RejectedError) return sendProblem(reply, toProblem(error.reasons));
  const reasons = fromFramework(error, request);
  if (reasons !== null) return sendProblem(reply, toProblem(reasons));
  const errorId = randomUUID();
  request.log.error({ err: error, errorId, method: request.method, route: request.routeOptions.url }, "request failed");
  const remedy = "Repeat the request: it acts at most once. If it stays, give the error id to the operator.";
  return sendProblem(reply, toProblem([{ code: toFaultCode(error), subject: "request", remedy, extra: { errorId } }]));
}
