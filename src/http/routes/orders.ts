/**
 * Roles' orders: attested reserves, the mint switch, freezes, seizures. Owns these routes; the operator's key brings them in, a role's signature gives
 * them force: the client's, or that of the node's own key where one is configured.
 */
import type { UnsignedOrder } from "../../domain/draft.ts";
import type { Word } from "../../domain/hex.ts";
import { prefixes } from "../../domain/identifier.ts";
import type { Idempotency } from "../../pipeline/ports.ts";
import type { App, RouteParts } from "../app.ts";
import { RejectedError } from "../problem.ts";
import { readIntent } from "../read.ts";
import { toOrder } from "../resources.ts";
import {
  type ApprovalInput,
  approvalBody,
  idParams,
  orderBody,
  type OrderInput,
  signedOrder,
  waitQuery,
} from "../schemas.ts";
import { checkChain, readBlockTime, readCoin, readSignature, toDeadline, toOrderId, toStatus } from "../submission.ts";

/** Fields the client must state itself once they are signed. */
function toRequired({ kind, order }: OrderInput): Readonly<Record<string, unknown>> {
  const both = { "order.orderId": order.orderId, "order.deadline": order.deadline };
  return kind === "attest" ? { ...both, "order.asOf": order.asOf } : both;
}

function readOrderId(given: Word | undefined, key: Idempotency | null): Word {
  if (given !== undefined) return given;
  if (key !== null) return toOrderId(key);
  throw new Error("an order signed by the client has its own id");
}

function makeOrder(body: OrderInput, key: Idempotency | null, parts: RouteParts): UnsignedOrder {
  const { order } = body;
  const base = {
    coin: readCoin(parts.deployment, order.coin),
    orderId: readOrderId(order.orderId, key),
    deadline: order.deadline ?? toDeadline(parts),
  };
  switch (body.kind) {
    case "attest": {
      const { amount, reportHash, asOf } = body.order;
      return { kind: "attest", ...base, amount, reportHash, asOf: asOf ?? readBlockTime(parts) };
    }
    case "minting":
      return { kind: "minting", ...base, enabled: body.order.enabled };
    case "freeze": {
      const { account, amount, caseId, until } = body.order;
      return { kind: "freeze", ...base, account, amount, caseId, until };
    }
    case "unfreeze":
      return { kind: "unfreeze", ...base, account: body.order.account, caseId: body.order.caseId };
    case "seize": {
      const { account, amount, caseId } = body.order;
      return { kind: "seize", ...base, account, amount, caseId };
    }
  }
}

/** The second word on a large mint: the dealer of the mint is the node's own where none is named. */
function makeApproval({ mint, deadline }: ApprovalInput, parts: RouteParts): UnsignedOrder {
  const dealer = mint.dealer ?? parts.orderSigner.addressOf("dealer");
  if (dealer === null) {
    const remedy = "Name the dealer whose mint this is.";
    throw new RejectedError({ code: "order_signer_missing", subject: "mint.dealer", remedy });
  }
  const coin = readCoin(parts.deployment, mint.coin);
  const mintKey = parts.encoder.mintKey({ ...mint, coin, dealer });
  return { kind: "approve-mint", coin, mintKey, deadline: deadline ?? toDeadline(parts) };
}

function addApprovals(app: App, parts: RouteParts): void {
  app.post(
    "/v1/approvals",
    {
      config: { access: "approver" },
      schema: {
        tags: ["orders"],
        summary: "Approve a mint that is too large for one key",
        description:
          "With `signer` and `signature`: an approver's ApproveMintOrder. Without: the node signs, and an Idempotency-Key is needed.",
        body: approvalBody,
        response: { 200: signedOrder, 202: signedOrder },
      },
    },
    async (request, reply) => {
      const { body } = request;
      checkChain(parts.deployment, body.chainId);
      const submitted = await parts.submission.submitOrder(request, reply, {
        given: readSignature(body, { deadline: body.deadline }),
        make: () => makeApproval(body, parts),
      });
      return reply.code(toStatus(submitted, reply)).send(toOrder(submitted.intent));
    },
  );
}

export function addOrders(app: App, parts: RouteParts): void {
  addApprovals(app, parts);
  app.post(
    "/v1/orders",
    {
      config: { access: "operator" },
      schema: {
        tags: ["orders"],
        summary: "Carry out a role's order",
        description:
          "With `signer` and `signature`: the role's signed order, known by its digest. Without: the node signs, and an Idempotency-Key is needed. `asOf` defaults to block time.",
        body: orderBody,
        response: { 200: signedOrder, 202: signedOrder },
      },
    },
    async (request, reply) => {
      const { body } = request;
      checkChain(parts.deployment, body.chainId);
      const submitted = await parts.submission.submitOrder(request, reply, {
        given: readSignature(body, toRequired(body)),
        make: (key) => makeOrder(body, key, parts),
      });
      return reply.code(toStatus(submitted, reply)).send(toOrder(submitted.intent));
    },
  );

  app.get(
    "/v1/orders/:id",
    {
      config: { access: "reader" },
      schema: {
        tags: ["orders"],
        summary: "Read an order, or wait for its end",
        params: idParams,
        querystring: waitQuery,
        response: { 200: signedOrder },
      },
    },
    async (request) => {
      const intent = await readIntent(parts, request.params.id, prefixes.order);
      return toOrder(await parts.waiting.wait(intent, request.query.wait));
    },
  );
}
