/**
 * Quotes: one coin against another. Owns these routes, all of them open: maker and taker each sign the authorization of their leg, and
 * whoever submits has no say. An offer is kept for its taker and moves nothing; without its signature a route answers with what is to be
 * signed.
 */
import type { QuoteTerms } from "../../domain/agreement.ts";
import type { Hex, Word } from "../../domain/hex.ts";
import {
  agreementStep,
  readSigned,
  signedStepBody,
  toAgreementStep,
  toAgreementToSign,
  toSign,
} from "../agreements.ts";
import type { App, RouteParts } from "../app.ts";
import { RejectedError } from "../problem.ts";
import { acceptQuoteBody, type FoundQuote, quote, quoteBody, toQuote } from "../quotes.ts";
import { toWordId } from "../read.ts";
import { idParams } from "../schemas.ts";
import { checkChain, readBlockTime, readCoin, toDeadline, toStatus } from "../submission.ts";

/** Open offers of one maker: room for a desk that quotes every minute, none for filling the disk. */
const offersPerMaker = 100;
/** The longest that the swap's contract carries a quote out after now. */
const longestSeconds = 30 * 86_400;
/** A quote has at most a swap and a cancellation that live; the others have ended. */
const stepLimit = 10;

function refuseUnknownQuote(id: string): RejectedError {
  return new RejectedError({ code: "quote_unknown", subject: id, remedy: "Offer the quote first, or check its id." });
}

async function findQuote({ store, deployment, head }: RouteParts, id: string): Promise<FoundQuote> {
  const wanted = toWordId(id);
  const stored = wanted === null ? null : await store.readQuote(wanted);
  if (stored === null) throw refuseUnknownQuote(id);
  const steps = await store.listIntents({ subject: stored.id, kinds: ["swap", "cancel-quote"], limit: stepLimit });
  const end = await store.readQuoteEnd(deployment.swap, stored.id);
  return { stored, steps, end, now: head.latest?.time ?? null };
}

function draftOf(terms: QuoteTerms, makerSignature: Hex, takerSignature: Hex) {
  return { kind: "swap", terms, makerSignature, takerSignature } as const;
}

/** What the contract would refuse of an offer; the taker must not sign in vain. */
function checkOffer({ maker, taker, sellCoin, sellAmount, buyCoin, buyAmount, validBefore }: QuoteTerms, now: number) {
  const refuse = (subject: string, remedy: string) => ({ code: "request_malformed", subject, remedy }) as const;
  const reasons = [];
  if (sellAmount === 0n || buyAmount === 0n) reasons.push(refuse("amount", "Offer amounts above zero."));
  if (sellCoin === buyCoin) reasons.push(refuse("buyCoin", "Swap one coin against another."));
  if (maker === taker) reasons.push(refuse("taker", "Swap with somebody else."));
  const compared = { subject: "validBefore", actual: String(validBefore) } as const;
  if (validBefore <= now) {
    reasons.push({ code: "expired", ...compared, limit: String(now), remedy: "Offer it for longer." } as const);
  } else if (validBefore > now + longestSeconds) {
    const limit = String(now + longestSeconds);
    reasons.push({ code: "validity_too_long", ...compared, limit, remedy: "Offer it for less long." } as const);
  }
  if (reasons.length > 0) throw new RejectedError(...reasons);
}

/** Whether the maker signed its leg, by the rule of intake: an offer kept with another spelling could never be taken. */
async function checkMaker({ encoder, recoverer }: RouteParts, terms: QuoteTerms, signature: Hex): Promise<void> {
  const [leg] = encoder.encode(draftOf(terms, signature, signature)).consents;
  if (leg === undefined) throw new Error("a swap that its maker does not sign");
  const [signer = null] = await recoverer.recover([{ digest: leg.digest, signature }]);
  if (signer === terms.maker) return;
  throw new RejectedError({
    code: "signature_invalid",
    subject: "signature",
    actual: signer ?? "not a signature",
    limit: terms.maker,
    remedy: "Sign exactly this leg with the maker's own key; ask without a signature for what to sign.",
  });
}

/** An offer is kept for nothing, so it must be one that could be taken: whoever has no coins cannot fill the disk with them. */
async function checkFunds({ store }: RouteParts, { maker, sellCoin, sellAmount }: QuoteTerms): Promise<void> {
  const [account] = await store.readAccounts([{ coin: sellCoin, address: maker }]);
  if (account === undefined) throw new Error("the store left an account out");
  const { balance, frozen, held } = account;
  const available = frozen === null ? 0n : balance - frozen - held;
  if (available >= sellAmount) return;
  throw new RejectedError({
    code: "insufficient_funds",
    subject: maker,
    actual: String(available),
    limit: String(sellAmount),
    remedy: "Offer what the maker has and has not promised otherwise.",
  });
}

async function offer(parts: RouteParts, id: Word, options: { terms: QuoteTerms; signature: Hex }): Promise<void> {
  const { terms, signature: makerSignature } = options;
  const now = readBlockTime(parts);
  checkOffer(terms, now);
  await checkMaker(parts, terms, makerSignature);
  await checkFunds(parts, terms);
  const kept = await parts.store.offerQuote(
    { id, terms, makerSignature, offeredAt: parts.clock.now() },
    { now, limit: offersPerMaker },
  );
  if (kept) return;
  const remedy = "Wait until offers of this maker have been taken or have expired.";
  throw new RejectedError({ code: "queue_full", subject: terms.maker, limit: String(offersPerMaker), remedy });
}

function addOffer(app: App, parts: RouteParts): void {
  app.post(
    "/v1/quotes",
    {
      config: { access: "public" },
      schema: {
        tags: ["quotes"],
        summary: "Offer one coin against another to a taker",
        description:
          "`signature` is the maker's ReceiveWithAuthorization of its leg. Without it: 200 with what maker and taker (`second`) sign. An offer moves nothing; the same terms again are the same offer.",
        body: quoteBody,
        response: { 200: quote.or(toSign), 201: quote },
      },
    },
    async (request, reply) => {
      const { body } = request;
      checkChain(parts.deployment, body.chainId);
      const [sellCoin, buyCoin] = [body.terms.sellCoin, body.terms.buyCoin].map((text) =>
        readCoin(parts.deployment, text),
      ) as [Hex, Hex];
      const terms: QuoteTerms = { ...body.terms, sellCoin, buyCoin };
      const id = parts.encoder.agreementId({ kind: "quote", terms });
      if (body.signature === undefined) {
        return reply.code(200).send(toAgreementToSign(parts, { draft: draftOf(terms, "0x", "0x"), id, both: true }));
      }
      const known = await parts.store.readQuote(id);
      if (known === null) await offer(parts, id, { terms, signature: body.signature });
      return reply.code(known === null ? 201 : 200).send(toQuote(await findQuote(parts, id)));
    },
  );

  app.get(
    "/v1/quotes/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["quotes"],
        summary: "Read a quote by its 32-byte id",
        params: idParams,
        response: { 200: quote },
      },
    },
    async (request) => toQuote(await findQuote(parts, request.params.id)),
  );
}

/** Nobody is asked to sign what cannot be carried out any more. */
function checkOpen({ stored: { id, terms }, end, now }: FoundQuote): void {
  if (end !== null) {
    const actual = end === "swap" ? "swapped" : "cancelled";
    const remedy = "Ask for a new quote: this one is used up.";
    throw new RejectedError({ code: "quote_state_invalid", subject: id, actual, limit: "open", remedy });
  }
  if (now === null || now < terms.validBefore) return;
  const compared = { actual: String(terms.validBefore), limit: String(now) };
  throw new RejectedError({ code: "expired", subject: "validBefore", ...compared, remedy: "Ask for a new quote." });
}

function addEnds(app: App, parts: RouteParts): void {
  const common = {
    tags: ["quotes"],
    params: idParams,
    response: { 200: agreementStep.or(toSign), 202: agreementStep },
  };

  app.post(
    "/v1/quotes/:id/accept",
    {
      config: { access: "public" },
      schema: {
        ...common,
        summary: "Take an offer: both legs move in one transaction, or neither",
        description: "`signature` is the taker's. Without it: 200 with the typed data to sign.",
        body: acceptQuoteBody.nullish(),
      },
    },
    async (request, reply) => {
      const { signature, chainId } = request.body ?? {};
      checkChain(parts.deployment, chainId);
      const found = await findQuote(parts, request.params.id);
      const { id, terms, makerSignature } = found.stored;
      if (signature === undefined) {
        checkOpen(found);
        const signed = toAgreementToSign(parts, { draft: draftOf(terms, makerSignature, "0x"), id, both: true });
        return reply.code(200).send({ agreementId: id, typedData: signed.second ?? signed.typedData });
      }
      const submitted = await parts.submission.submit(draftOf(terms, makerSignature, signature));
      return reply.code(toStatus(submitted, reply)).send(toAgreementStep(submitted.intent));
    },
  );

  app.post(
    "/v1/quotes/:id/cancel",
    {
      config: { access: "public" },
      schema: {
        ...common,
        summary: "Withdraw a quote, on chain: nobody can take it any more",
        description: "The maker's signature. Without it: 200 with the typed data to sign.",
        body: signedStepBody.nullish(),
      },
    },
    async (request, reply) => {
      const { order, signature, chainId } = request.body ?? {};
      checkChain(parts.deployment, chainId);
      const { id, terms } = (await findQuote(parts, request.params.id)).stored;
      if (signature === undefined) {
        const deadline = order?.deadline ?? toDeadline(parts);
        const draft = { kind: "cancel-quote", terms, deadline, signature: "0x" } as const;
        return reply.code(200).send(toAgreementToSign(parts, { draft, id }));
      }
      const submitted = await parts.submission.submit({
        kind: "cancel-quote",
        terms,
        deadline: readSigned(order),
        signature,
      });
      return reply.code(toStatus(submitted, reply)).send(toAgreementStep(submitted.intent));
    },
  );
}

export function addQuotes(app: App, parts: RouteParts): void {
  addOffer(app, parts);
  addEnds(app, parts);
}
