/**
 * Payments: authorize, capture, void, refund, dispute, reclaim. Owns these routes, all but an account's list open: the payer's, the
 * merchant's and the arbiter's signatures are the authority. An order names the totals it expects to find, so that a stale one changes nothing; without
 * its signature a route answers with what is to be signed, and nothing is created.
 */
import type { PaymentTerms, PaymentTotals } from "../../domain/agreement.ts";
import type { CaptureOrder, Draft } from "../../domain/draft.ts";
import type { Hex, Word } from "../../domain/hex.ts";
import {
  agreementStep,
  findAgreement,
  findTaken,
  readSigned,
  readStated,
  readTerms,
  toAgreementStep,
  toAgreementToSign,
  toSign,
} from "../agreements.ts";
import type { App, RouteParts } from "../app.ts";
import { admitTo } from "../auth.ts";
import {
  type CaptureInput,
  captureBody,
  disputeBody,
  payment,
  paymentBody,
  paymentNames,
  paymentPage,
  refundBody,
  resolvePaymentBody,
  toPayment,
  voidBody,
} from "../payments.ts";
import { addressParams, emptyBody, idParams, waitQuery } from "../schemas.ts";
import { checkChain, readCoin, toDeadline, toStatus } from "../submission.ts";

/** Payments of one account listed at once, newest first. */
const listed = 100;

const stepAnswer = { 200: agreementStep.or(toSign), 202: agreementStep };
const nothingYet: PaymentTotals = { captured: 0n, voided: 0n, refunded: 0n, disputed: false };

type Expected = Pick<CaptureInput, "captured" | "voided">;

/** The totals an order is for: those it names; one that is not signed yet is for those of the newest block. */
function toExpected({ captured, voided }: Expected, totals: PaymentTotals, signature: Hex | undefined) {
  return {
    captured: readStated(signature, "captured", captured, totals.captured),
    voided: readStated(signature, "voided", voided, totals.voided),
  };
}

interface Given {
  readonly signature: Hex | undefined;
  readonly deadline: number | undefined;
}

/** The deadline of an order: the one that was signed, or one to sign. */
function readDeadline({ signature, deadline }: Given, parts: RouteParts): number {
  if (signature !== undefined) return readSigned(deadline === undefined ? undefined : { deadline });
  return deadline ?? toDeadline(parts);
}

function toCaptureOrder(
  order: CaptureInput,
  context: { terms: PaymentTerms; totals: PaymentTotals; deadline: number; signature: Hex | undefined },
): CaptureOrder {
  const { terms, totals, deadline, signature } = context;
  const { amount, voidRest, feeBps = terms.minFeeBps } = order;
  return { amount, voidRest, feeBps, deadline, ...toExpected(order, totals, signature) };
}

function addOpening(app: App, parts: RouteParts): void {
  app.post(
    "/v1/payments",
    {
      config: { access: "public" },
      schema: {
        tags: ["payments"],
        summary: "Put coins aside for a merchant, or pay at once",
        description:
          "`signature` is the payer's ReceiveWithAuthorization whose nonce is the payment's id; with `capture` the merchant's order is carried out in the same transaction. Without a signature: 200 with what is to be signed (`second`: the merchant's), and nothing is created.",
        body: paymentBody,
        response: { 200: payment.or(toSign), 202: payment },
      },
    },
    async (request, reply) => {
      const { body } = request;
      checkChain(parts.deployment, body.chainId);
      const terms: PaymentTerms = { ...body.terms, coin: readCoin(parts.deployment, body.coin) };
      const id = parts.encoder.agreementId({ kind: "payment", terms });
      const { capture, signature } = body;
      const merchantSignature = capture?.signature;
      const isSigned = signature !== undefined && (capture === undefined || merchantSignature !== undefined);
      const draftOf = (payer: Hex, merchant: Hex): Draft => {
        if (capture === undefined) return { kind: "authorize", terms, signature: payer };
        const given = { signature: merchantSignature, deadline: capture.order.deadline };
        const deadline = readDeadline(given, parts);
        // Nothing has been captured or voided before: these totals are known without being stated.
        const order = toCaptureOrder(capture.order, { terms, totals: nothingYet, deadline, signature: undefined });
        return { kind: "charge", terms, signature: payer, capture: order, merchantSignature: merchant };
      };
      if (!isSigned) {
        const both = capture !== undefined;
        return reply.code(200).send(toAgreementToSign(parts, { draft: draftOf("0x", "0x"), id, both }));
      }
      const submitted = await parts.submission.submit(draftOf(signature, merchantSignature ?? "0x"));
      const found = await findAgreement(parts, id, paymentNames);
      return reply.code(toStatus(submitted, reply)).send(toPayment({ ...found, terms, opening: submitted.intent }));
    },
  );

  app.get(
    "/v1/payments/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["payments"],
        summary: "Read a payment by its id or by its 32-byte id: totals, steps and deadlines",
        params: idParams,
        querystring: waitQuery,
        response: { 200: payment },
      },
    },
    async (request) => {
      const { id } = request.params;
      const found = await findAgreement(parts, id, paymentNames);
      if (found.opening === null || request.query.wait === 0) return toPayment(found);
      await parts.waiting.wait(found.opening, request.query.wait);
      return toPayment(await findAgreement(parts, id, paymentNames));
    },
  );

  app.get(
    "/v1/accounts/:address/payments",
    {
      config: { access: "login" },
      schema: {
        tags: ["payments"],
        summary: "Payments an account is a party of, newest first",
        params: addressParams,
        response: { 200: paymentPage },
      },
    },
    async (request) => {
      admitTo(request.caller, request.params.address);
      const query = { kind: "payment", account: request.params.address, limit: listed } as const;
      const data = [];
      for (const stored of await parts.store.listAgreements(query)) {
        data.push(toPayment(await findAgreement(parts, stored.id, paymentNames)));
      }
      return { data };
    },
  );
}

/** The payment a step is about, as far as the chain has it. */
async function readPayment(parts: RouteParts, id: string) {
  const found = await findAgreement(parts, id, paymentNames);
  const terms = readTerms(found);
  return { found, terms, totals: found.stored?.totals ?? nothingYet };
}
type Read = Awaited<ReturnType<typeof readPayment>>;

/** Submits a signed step, or answers with what is to be signed. `make` builds the draft around a signature. */
async function takeStep(
  parts: RouteParts,
  options: { readonly id: Word; readonly signature: Hex | undefined; readonly make: (signature: Hex) => Draft },
) {
  const { id, signature, make } = options;
  if (signature === undefined) {
    return { code: 200, body: toAgreementToSign(parts, { draft: make("0x"), id }), submitted: null } as const;
  }
  const submitted = await parts.submission.submit(make(signature));
  return { code: null, body: toAgreementStep(submitted.intent), submitted } as const;
}

function addMerchantSteps(app: App, parts: RouteParts): void {
  const description =
    "The merchant's signature, with every field it signed; without it: 200 with the typed data to sign, where totals left out are those of the newest block.";
  const common = { tags: ["payments"], params: idParams, description, response: stepAnswer };

  app.post(
    "/v1/payments/:id/capture",
    {
      config: { access: "public" },
      schema: { ...common, summary: "Take some or all of what is put aside", body: captureBody },
    },
    async (request, reply) => {
      const { order, signature, chainId } = request.body;
      checkChain(parts.deployment, chainId);
      const { found, terms, totals } = await readPayment(parts, request.params.id);
      const deadline = readDeadline({ signature, deadline: order.deadline }, parts);
      const signed = toCaptureOrder(order, { terms, totals, deadline, signature });
      const make = (by: Hex): Draft => ({ kind: "capture", terms, order: signed, signature: by });
      const taken = await takeStep(parts, { id: found.id, signature, make });
      return reply.code(taken.submitted === null ? 200 : toStatus(taken.submitted, reply)).send(taken.body);
    },
  );

  app.post(
    "/v1/payments/:id/void",
    {
      config: { access: "public" },
      schema: { ...common, summary: "Give some or all of what is left back to the payer", body: voidBody },
    },
    async (request, reply) => {
      const { order, signature, chainId } = request.body;
      checkChain(parts.deployment, chainId);
      const { found, terms, totals } = await readPayment(parts, request.params.id);
      const deadline = readDeadline({ signature, deadline: order.deadline }, parts);
      const signed = { amount: order.amount, deadline, ...toExpected(order, totals, signature) };
      const { disputed } = totals;
      const make = (by: Hex): Draft => ({ kind: "void", terms, order: signed, disputed, signature: by });
      const taken = await takeStep(parts, { id: found.id, signature, make });
      return reply.code(taken.submitted === null ? 200 : toStatus(taken.submitted, reply)).send(taken.body);
    },
  );

  app.post(
    "/v1/payments/:id/refund",
    {
      config: { access: "public" },
      schema: {
        ...common,
        summary: "Pay back what was captured, from the merchant's own coins",
        description:
          "The merchant's ReceiveWithAuthorization whose nonce is the refund's, with the total refunded before; without it: 200 with the typed data to sign.",
        body: refundBody,
      },
    },
    async (request, reply) => {
      const { order, signature, chainId } = request.body;
      checkChain(parts.deployment, chainId);
      const { found, terms, totals } = await readPayment(parts, request.params.id);
      const { amount } = order;
      const refunded = readStated(signature, "refunded", order.refunded, totals.refunded);
      const make = (by: Hex): Draft => ({ kind: "refund", terms, amount, refunded, signature: by });
      const taken = await takeStep(parts, { id: found.id, signature, make });
      return reply.code(taken.submitted === null ? 200 : toStatus(taken.submitted, reply)).send(taken.body);
    },
  );
}

function addDisputes(app: App, parts: RouteParts): void {
  const common = { tags: ["payments"], params: idParams, response: stepAnswer };

  app.post(
    "/v1/payments/:id/dispute",
    {
      config: { access: "public" },
      schema: {
        ...common,
        summary: "Stop captures until the arbiter decides; the payer's, where the terms name an arbiter",
        description: "Without a signature: 200 with the typed data to sign, and nothing is created.",
        body: disputeBody.nullish(),
      },
    },
    async (request, reply) => {
      const { order = {}, signature, chainId } = request.body ?? {};
      checkChain(parts.deployment, chainId);
      const { found, terms, totals } = await readPayment(parts, request.params.id);
      const deadline = readDeadline({ signature, deadline: order.deadline }, parts);
      const signed = { deadline, ...toExpected(order, totals, signature) };
      const make = (by: Hex): Draft => ({ kind: "dispute-payment", terms, ...signed, signature: by });
      const taken = await takeStep(parts, { id: found.id, signature, make });
      return reply.code(taken.submitted === null ? 200 : toStatus(taken.submitted, reply)).send(taken.body);
    },
  );

  app.post(
    "/v1/payments/:id/resolve",
    {
      config: { access: "public" },
      schema: {
        ...common,
        summary: "Divide what a dispute is about; the arbiter's",
        description: "Without a signature: 200 with the typed data to sign, and nothing is created.",
        body: resolvePaymentBody,
      },
    },
    async (request, reply) => {
      const { order, signature, chainId } = request.body;
      checkChain(parts.deployment, chainId);
      const { found, terms, totals } = await readPayment(parts, request.params.id);
      const deadline = readDeadline({ signature, deadline: order.deadline }, parts);
      const { toMerchant, feeBps = terms.minFeeBps } = order;
      const signed = { toMerchant, feeBps, deadline, ...toExpected(order, totals, signature) };
      const make = (by: Hex): Draft => ({ kind: "resolve-payment", terms, ...signed, signature: by });
      const taken = await takeStep(parts, { id: found.id, signature, make });
      return reply.code(taken.submitted === null ? 200 : toStatus(taken.submitted, reply)).send(taken.body);
    },
  );
}

function toReclaim({ terms, totals }: Read): Draft {
  const { captured, voided, disputed } = totals;
  return { kind: "reclaim-payment", terms, captured, voided, disputed };
}

function addReclaim(app: App, parts: RouteParts): void {
  app.post(
    "/v1/payments/:id/reclaim",
    {
      config: { access: "public" },
      schema: {
        tags: ["payments"],
        summary: "Return the remainder to the payer after the deadline; anyone may ask",
        description: "Needs no signature and no Idempotency-Key: a repeat is the same step.",
        params: idParams,
        body: emptyBody.nullish(),
        response: stepAnswer,
      },
    },
    async (request, reply) => {
      const read = await readPayment(parts, request.params.id);
      const taken = findTaken(read.found.steps, "reclaim-payment");
      if (taken !== null) return reply.code(200).send(toAgreementStep(taken));
      const submitted = await parts.submission.submit(toReclaim(read));
      return reply.code(toStatus(submitted, reply)).send(toAgreementStep(submitted.intent));
    },
  );
}

export function addPayments(app: App, parts: RouteParts): void {
  addOpening(app, parts);
  addMerchantSteps(app, parts);
  addDisputes(app, parts);
  addReclaim(app, parts);
}
