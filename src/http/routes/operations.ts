/**
 * What operators and auditors look at: do bank, books and chain agree, one intent's whole way; and the operator's word that work goes
 * on after a halt. Owns these routes; a public answer leaves out what only parties and roles may see.
 */
import { prefixes } from "../../domain/identifier.ts";
import type { Intent, IntentKind } from "../../domain/intent.ts";
import type { Reconciliation } from "../../domain/reconciliation.ts";
import type { Trace } from "../../pipeline/ports.ts";
import { findAgreement, toAgreementStep } from "../agreements.ts";
import type { App, RouteParts } from "../app.ts";
import { admit, type Caller, isInsider } from "../auth.ts";
import { claimNames, toClaim } from "../claims.ts";
import { toAttestation, toMembership } from "../families.ts";
import { paymentNames, toPayment } from "../payments.ts";
import { RejectedError } from "../problem.ts";
import { readIntent, refuseUnknown } from "../read.ts";
import { findRedemption } from "../redemption.ts";
import {
  prefixOf,
  stepKinds,
  toCancellation,
  toDeposit,
  toEvent,
  toEvidence,
  toHalt,
  toOrder,
  toRedemption,
  toStep,
  toTime,
  toTimeOfSeconds,
  toTransfer,
} from "../resources.ts";
import { idParams, reconciliationQuery, resumeBody, waitQuery } from "../schemas.ts";
import { intent, reconciliation, resumed, trace } from "../views.ts";
import { spellAddress } from "../spelling.ts";
import { toSlot } from "./lanes.ts";

const anyPrefix = Object.values(prefixes);

async function toStatement(statement: Reconciliation, { store }: RouteParts) {
  return {
    block: statement.block,
    blockHash: statement.blockHash,
    blockTime: toTime(statement.blockTime * 1_000),
    agrees: statement.agrees,
    coins: statement.coins.map((coin) => ({
      ...coin,
      coin: spellAddress(coin.coin),
      bank: coin.bank.toString(),
      bankAsOf: coin.bankAsOf === 0 ? null : toTimeOfSeconds(coin.bankAsOf),
      books: coin.books.toString(),
      chain: coin.chain.toString(),
      outstanding: coin.outstanding.toString(),
      escrows: coin.escrows.map(({ escrow, open, balance }) => ({
        escrow: spellAddress(escrow),
        open: open.toString(),
        balance: balance.toString(),
      })),
    })),
    differences: statement.differences.map((difference) => ({
      ...difference,
      coin: spellAddress(difference.coin),
      account: difference.account === null ? null : spellAddress(difference.account),
      books: difference.books.toString(),
      chain: difference.chain.toString(),
    })),
    halted: toHalt(await store.readHalt()),
  };
}

/** Any intent as its resource: what its prefix says it is. */
export async function toResource(parts: RouteParts, found: Intent, caller: Caller) {
  switch (prefixOf[found.kind]) {
    case prefixes.transfer:
      return toTransfer(found, caller);
    case prefixes.cancellation:
      return toCancellation(found);
    case prefixes.deposit:
      return toDeposit(found);
    case prefixes.redemption:
      return toRedemption(await findRedemption(parts, found.subject ?? "0x"));
    case prefixes.claim:
      return toClaim(await findAgreement(parts, found.subject ?? "0x", claimNames), parts.head.latest?.time ?? null);
    case prefixes.payment:
      return toPayment(await findAgreement(parts, found.subject ?? "0x", paymentNames));
    case prefixes.order:
      return toOrder(found);
    case prefixes.attestation:
      return toAttestation(found);
    case prefixes.membership:
      return toMembership(found);
    case prefixes.quote:
      return toAgreementStep(found);
    case prefixes.step:
      return (stepKinds as readonly IntentKind[]).includes(found.kind) ? toStep(found) : toAgreementStep(found);
  }
}

function toMovement(movement: Trace["movements"][number]) {
  return {
    kind: movement.kind,
    coin: spellAddress(movement.coin),
    from: spellAddress(movement.from),
    to: spellAddress(movement.to),
    amount: movement.amount.toString(),
    memo: movement.memo,
    ...toEvidence(movement),
    final: movement.final,
    at: toTime(movement.time * 1_000),
  };
}

async function toTrace(parts: RouteParts, found: Trace, caller: Caller) {
  const inside = isInsider(caller, [found.intent.payer, found.intent.payee]);
  return {
    resource: await toResource(parts, found.intent, caller),
    slots: found.slots.map((slot) => ({
      ...toSlot(slot),
      lane: spellAddress(slot.lane),
      index: slot.index,
      size: slot.size,
      committedAt: toTime(slot.committedAt),
      gasUsed: slot.gasUsed === null ? null : slot.gasUsed.toString(),
    })),
    movements: found.movements.map(toMovement),
    ...(inside
      ? {
          lines: found.lines.map(({ account, amount }) => ({ account, amount: amount.toString() })),
          events: found.events.map((event) => toEvent(event, found.intent.kind)),
        }
      : {}),
  };
}

function addStatements(app: App, parts: RouteParts): void {
  let running: Promise<Reconciliation> | null = null;
  /** One statement at a time: whoever asks meanwhile gets the same. */
  function run(): Promise<Reconciliation> {
    running ??= parts.reconciler.run().finally(() => {
      running = null;
    });
    return running;
  }

  app.get(
    "/v1/reconciliation",
    {
      config: { access: "public" },
      schema: {
        tags: ["operations"],
        summary: "Do bank, books and chain agree, at which block, to the unit",
        description: "The newest statement. `?fresh=true` makes one now and needs an API key.",
        querystring: reconciliationQuery,
        response: { 200: reconciliation },
      },
    },
    async (request) => {
      if (request.query.fresh) {
        admit(request.caller, "reader");
        return toStatement(await run(), parts);
      }
      const latest = parts.reconciler.latest();
      if (latest === null) throw refuseUnknown("statement", "none is finished yet");
      return toStatement(latest, parts);
    },
  );
}

function addIntents(app: App, parts: RouteParts): void {
  app.get(
    "/v1/intents/:id",
    {
      config: { access: "public" },
      schema: {
        tags: ["operations"],
        summary: "Read any resource by its id, or wait for its end",
        description: "Orders need an API key.",
        params: idParams,
        querystring: waitQuery,
        response: { 200: intent },
      },
    },
    async (request) => {
      const found = await readIntent(parts, request.params.id, ...anyPrefix);
      if (request.params.id.startsWith(prefixes.order)) admit(request.caller, "reader");
      return toResource(parts, await parts.waiting.wait(found, request.query.wait), request.caller);
    },
  );

  app.get(
    "/v1/intents/:id/trace",
    {
      config: { access: "public" },
      schema: {
        tags: ["operations"],
        summary: "The way of an intent from HTTP to block, with its evidence",
        description:
          "A transfer's public part without login; ledger lines, events and every other kind need an API key or a party's login.",
        params: idParams,
        response: { 200: trace },
      },
    },
    async (request) => {
      const { caller, params } = request;
      const found = await readIntent(parts, params.id, ...anyPrefix);
      if (found.kind !== "transfer" && !isInsider(caller, [found.payer, found.payee])) admit(caller, "reader");
      const full = await parts.store.readTrace(found.sequence);
      if (full === null) throw refuseUnknown("id", params.id);
      return toTrace(parts, full, caller);
    },
  );
}

export function addOperations(app: App, parts: RouteParts): void {
  addStatements(app, parts);
  addIntents(app, parts);

  app.post(
    "/v1/resume",
    {
      config: { access: "operator" },
      schema: {
        tags: ["operations"],
        summary: "Go on after a halt",
        description: "Who resumed, when and why is recorded. Without a halt nothing happens.",
        body: resumeBody,
        response: { 200: resumed },
      },
    },
    async (request) => {
      const { caller } = request;
      const halt = await parts.store.readHalt();
      if (halt === null) return { resumed: false, halt: null };
      if (caller.kind !== "key")
        throw new RejectedError({ code: "forbidden", subject: "authorization", remedy: "Use an API key." });
      await parts.store.resume(`${caller.name}: ${request.body.reason}`, parts.clock.now());
      request.log.warn({ by: caller.name, why: request.body.reason, halt }, "resumed after a halt");
      return { resumed: true, halt: toHalt(halt) };
    },
  );
}
