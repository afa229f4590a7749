/**
 * From a checked request to an accepted intent. Owns the two identities of a creation: the digest of what was signed, or the
 * Idempotency-Key where the node signs; promises that a repeat finds the first resource and signs nothing new, and that nothing is
 * answered before intake has resolved.
 */
import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Draft, OrderDraft, UnsignedOrder } from "../domain/draft.ts";
import { type Address, type Hex, parseAddress, type Word } from "../domain/hex.ts";
import type { Intent } from "../domain/intent.ts";
import { isEnded } from "../domain/lifecycle.ts";
import type { AcceptOutcome, Idempotency } from "../pipeline/ports.ts";
import type { ServerDeps } from "./deps.ts";
import { RejectedError } from "./problem.ts";

/** An intent and whether this request made it. */
export interface Submitted {
  readonly intent: Intent;
  readonly created: boolean;
}

/** How an order is signed: by the client, or by the node (null). */
export type GivenSignature = { readonly signer: Address; readonly signature: Hex } | null;

export interface Submission {
  /** Submits what carries its own signature, or needs none. */
  submit(draft: Draft): Promise<Submitted>;
  /** Submits several; one outcome each, in order. */
  submitAll(drafts: readonly Draft[]): Promise<readonly AcceptOutcome[]>;
  /**
   * Submits an order once per Idempotency-Key when the node signs it, once per digest when the client did. `make` builds the order and runs
   * only when the key is new. `find` may know the resource under another identity.
   */
  submitOrder(request: FastifyRequest, reply: FastifyReply, options: OrderOptions): Promise<Submitted>;
}

export interface OrderOptions {
  readonly given: GivenSignature;
  readonly make: (key: Idempotency | null) => UnsignedOrder | Promise<UnsignedOrder>;
  readonly find?: () => Promise<Intent | null>;
}

/** Keys of requests being worked on; more at once means clients that never wait. */
const maxInFlight = 10_000;
const keyPattern = /^[\x21-\x7e]{1,255}$/;

function sha256(text: string): Word {
  return `0x${createHash("sha256").update(text).digest("hex")}`;
}

/** JSON with the keys of every object in order, so that equal bodies hash alike. Depth is bounded by the body limit and the schema. */
function toCanonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toCanonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${toCanonical(item)}`).join(",")}}`;
}

/** Reads the Idempotency-Key of a request that needs one; scoped to the API key, bound to method, path and body. */
export function readIdempotency(request: FastifyRequest, owner: string): Idempotency {
  const key = request.headers["idempotency-key"];
  if (key === undefined) {
    throw new RejectedError({
      code: "idempotency_key_missing",
      subject: "idempotency-key",
      remedy: "Send a new random Idempotency-Key with each new request and the same one with its repeats.",
    });
  }
  if (typeof key !== "string" || !keyPattern.test(key)) {
    throw new RejectedError({
      code: "request_malformed",
      subject: "idempotency-key",
      limit: "255 visible ASCII characters",
      remedy: "Send a shorter key without spaces, such as a UUID.",
    });
  }
  const path = request.url.split("?", 1)[0] ?? "";
  const requestHash = sha256(`${request.method}\n${path}\n${toCanonical(request.received ?? null)}`);
  return { owner, key, requestHash };
}

/** The id of an order the node signs: the same for every repeat of the request. */
export function toOrderId(idempotency: Idempotency): Word {
  return sha256(`remesa.order\n${idempotency.owner}\n${idempotency.key}`);
}

function readOutcome(outcome: AcceptOutcome | undefined): Submitted {
  if (outcome === undefined) throw new Error("intake answered with fewer outcomes than drafts");
  if (outcome.kind === "refused") throw new RejectedError(...outcome.reasons);
  return { intent: outcome.intent, created: outcome.kind === "created" };
}

function isRefusedAs(error: unknown, code: string): boolean {
  return error instanceof RejectedError && error.reasons.some((reason) => reason.code === code);
}

export function createSubmission({ intake, store }: Pick<ServerDeps, "intake" | "store">): Submission {
  const inFlight = new Set<string>();

  async function submit(draft: Draft, idempotency: Idempotency | null = null): Promise<Submitted> {
    const [outcome] = await intake.submit([draft], idempotency);
    return readOutcome(outcome);
  }

  async function signAndSubmit(idempotency: Idempotency, { make, find }: OrderOptions): Promise<Submitted> {
    const known = await store.findIdempotent(idempotency);
    if (known.kind === "hit") return { intent: known.intent, created: false };
    if (known.kind === "reused") {
      throw new RejectedError({
        code: "idempotency_key_reused",
        subject: idempotency.key,
        remedy: "Use a new Idempotency-Key: this one belongs to a request with another path or body.",
      });
    }
    const found = (await find?.()) ?? null;
    if (found !== null) return { intent: found, created: false };
    const signed = await intake.signOrder(await make(idempotency));
    if (!signed.ok) throw new RejectedError(...signed.reasons);
    try {
      return await submit(signed.value, idempotency);
    } catch (error) {
      // Somebody with another key was faster with the same deposit: that is the resource.
      if (find === undefined || !isRefusedAs(error, "deposit_conflict")) throw error;
      const faster = await find();
      if (faster === null) throw error;
      return { intent: faster, created: false };
    }
  }

  async function submitOnce(request: FastifyRequest, options: OrderOptions): Promise<Submitted> {
    const { caller } = request;
    if (caller.kind !== "key") throw new Error("a route that lets the node sign must admit API keys only");
    const idempotency = readIdempotency(request, caller.id);
    const id = `${idempotency.owner} ${idempotency.key}`;
    if (inFlight.has(id)) {
      throw new RejectedError({
        code: "idempotency_in_flight",
        subject: idempotency.key,
        remedy: "Wait for the answer to the first request, or repeat this one in a second.",
      });
    }
    if (inFlight.size >= maxInFlight) {
      throw new RejectedError({ code: "queue_full", subject: "requests", remedy: "Repeat the request in a second." });
    }
    inFlight.add(id);
    try {
      return await signAndSubmit(idempotency, options);
    } finally {
      inFlight.delete(id);
    }
  }

  return {
    submit: (draft) => submit(draft),
    submitAll: (drafts) => intake.submit(drafts, null),
    async submitOrder(request, reply, options) {
      const { given } = options;
      if (given === null) {
        const submitted = await submitOnce(request, options);
        if (!submitted.created) reply.header("idempotency-hit", "true");
        return submitted;
      }
      const order = await options.make(null);
      return submit({ ...order, ...given } as OrderDraft);
    },
  };
}

/**
 * 202 while the intent lives, 200 when it has ended, so that a repeated digest says at a glance whether waiting makes sense. A repeated
 * Idempotency-Key answers with the status of the first time: always 202.
 */
export function toStatus({ intent }: Submitted, reply: FastifyReply): 200 | 202 {
  return isEnded(intent.state) && reply.getHeader("idempotency-hit") === undefined ? 200 : 202;
}

/** Refuses a body that was made for another chain. */
export function checkChain(deployment: ServerDeps["deployment"], ...named: readonly (number | undefined)[]): void {
  const wrong = named.find((chainId) => chainId !== undefined && chainId !== deployment.chainId);
  if (wrong === undefined) return;
  throw new RejectedError({
    code: "chain_id_wrong",
    subject: "chainId",
    actual: String(wrong),
    limit: String(deployment.chainId),
    remedy: `Sign for chain ${deployment.chainId}, or use the node of chain ${wrong}.`,
  });
}

/** A coin by address or symbol, as its address. */
export function readCoin(deployment: ServerDeps["deployment"], text: string): Address {
  const wanted = parseAddress(text);
  const found = deployment.coins.find((coin) => (wanted === null ? coin.symbol === text : coin.address === wanted));
  if (found !== undefined) return found.address;
  throw new RejectedError({
    code: "coin_unknown",
    subject: "coin",
    actual: text,
    limit: deployment.coins.map((coin) => coin.symbol).join(", "),
    remedy: "Use the address or the symbol of a coin that /v1/network lists.",
  });
}

/** One hour of block time: the node's own orders are sent at once, so this is room for an outage, not for planning. */
const orderSeconds = 3_600;

/** Time of the newest block, Unix seconds: the only clock that decides about validity. */
export function readBlockTime({ head }: Pick<ServerDeps, "head">): number {
  if (head.latest !== null) return head.latest.time;
  throw new RejectedError({
    code: "chain_stale",
    subject: "head",
    remedy: "Wait until the node has seen a block, then repeat the request.",
  });
}

/** Deadline of an order the node signs now. */
export function toDeadline(parts: Pick<ServerDeps, "head">): number {
  return readBlockTime(parts) + orderSeconds;
}

export interface SignedFields {
  readonly signer?: Address | undefined;
  readonly signature?: Hex | undefined;
}

/** A given signature needs its signer and every signed field; without one the node signs and no signer may be named. */
export function readSignature(body: SignedFields, required: Readonly<Record<string, unknown>>): GivenSignature {
  if (body.signature === undefined) {
    if (body.signer === undefined) return null;
    throw new RejectedError(toMissing("signature", "Send the signer's signature, or leave the signer out."));
  }
  const missing = Object.entries({ signer: body.signer, ...required }).filter(([, value]) => value === undefined);
  if (missing.length > 0 || body.signer === undefined) {
    throw new RejectedError(...missing.map(([name]) => toMissing(name, "Send every signed field with the signature.")));
  }
  return { signer: body.signer, signature: body.signature };
}

function toMissing(subject: string, remedy: string) {
  return { code: "request_malformed", subject, remedy } as const;
}
