/**
 * Claims and payments as the chain tells them. Owns their terms, the steps they took, whom they concern, and their public exit; the state is
 * that of the last step. Steps of a block that a reorg removed are deleted, and an agreement without steps with them. Never decides: the
 * escrows do.
 */
import { type AgreementKind, type AgreementTerms, dueOf, type PaymentTotals } from "../domain/agreement.ts";
import type { AgreementMoved, BlockRef } from "../domain/facts.ts";
import { type Address, type Word, zeroAddress } from "../domain/hex.ts";
import type { IntentKind } from "../domain/intent.ts";
import type { Store, StoredAgreement } from "../pipeline/ports.ts";
import type { Engine } from "./engine.ts";
import type { Events, NewEvent } from "./events.ts";
import type { Exits, OpenExit } from "./exits.ts";
import { assertInvariant } from "./fault.ts";
import { toBlob, toHex } from "./rows.ts";
import { readTerms, toTermsText } from "./terms.ts";

export interface AgreementRow {
  number: bigint;
  id: Buffer;
  kind: AgreementKind;
  escrow: Buffer;
  terms: string;
}

export interface StepRow {
  block_number: bigint;
  log_index: bigint;
  step: string;
  state: string;
  actor: Buffer;
  amount: bigint;
  fee: bigint;
  captured: bigint | null;
  voided: bigint | null;
  refunded: bigint | null;
  disputed: bigint | null;
  time: bigint;
  block_hash: Buffer;
  transaction_hash: Buffer;
  sender: Buffer;
}

export interface AgreementChange {
  readonly moved: AgreementMoved;
  readonly block: BlockRef;
  /** Sender of the transaction. */
  readonly by: Address;
  /** The intents that this transaction carried out, in order. */
  readonly carried: readonly bigint[];
  readonly at: number;
}

export interface Agreements {
  apply(change: AgreementChange): void;
  revertTo(number: number, at: number): void;
  read(id: Word): StoredAgreement | null;
  list(query: Parameters<Store["listAgreements"]>[0]): readonly StoredAgreement[];
}

/** The kinds of intent whose work each step is. */
export const kindsOf: Readonly<Record<AgreementKind, Readonly<Record<string, readonly IntentKind[]>>>> = {
  claim: {
    open: ["open-claim"],
    claim: ["claim"],
    decline: ["decline-claim"],
    cancel: ["cancel-claim"],
    reclaim: ["reclaim-claim"],
  },
  payment: {
    authorize: ["authorize", "charge"],
    capture: ["capture", "charge"],
    void: ["void"],
    reclaim: ["reclaim-payment"],
    refund: ["refund"],
    dispute: ["dispute-payment"],
    resolve: ["resolve-payment"],
  },
};

/** Whom an agreement concerns from the beginning, the two between whom the money goes first. */
export function partiesOf({ kind, terms }: AgreementTerms): readonly Address[] {
  const all =
    kind === "claim" ? [terms.sender, terms.attestor] : [terms.payer, terms.merchant, terms.arbiter, terms.feeReceiver];
  return [...new Set(all)].filter((address) => address !== zeroAddress);
}

export function toAgreement({ kind, terms }: AgreementRow): AgreementTerms {
  return kind === "claim" ? { kind, terms: readTerms(terms) } : { kind, terms: readTerms(terms) };
}

export function toTotals({ captured, voided, refunded, disputed }: StepRow): PaymentTotals | null {
  if (captured === null || voided === null || refunded === null) return null;
  return { captured, voided, refunded, disputed: disputed === 1n };
}

function toStep(row: StepRow): StoredAgreement["steps"][number] {
  return {
    step: row.step,
    state: row.state,
    actor: toHex(row.actor),
    amount: row.amount,
    fee: row.fee,
    time: Number(row.time),
    blockNumber: Number(row.block_number),
    blockHash: toHex(row.block_hash),
    transaction: toHex(row.transaction_hash),
    logIndex: Number(row.log_index),
    by: toHex(row.sender),
  };
}

/** What is still in the escrow after that step; null when nothing is. */
export function toExit(
  row: AgreementRow,
  last: { readonly state: string; readonly totals: PaymentTotals | null },
): OpenExit | null {
  const agreement = toAgreement(row);
  const { coin, amount } = agreement.terms;
  const due = dueOf(agreement, last.state);
  if (due === null) return null;
  const kind = agreement.kind === "claim" ? "reclaim-claim" : "reclaim-payment";
  const left = last.totals === null ? amount : amount - last.totals.captured - last.totals.voided;
  return { id: toHex(row.id), kind, due, escrow: toHex(row.escrow), coin, amount: left };
}

/** `parties`: all that are stored; whoever joined later, the recipient of a claim, is named with the first two. */
export function toPartyEvent(
  row: AgreementRow,
  parties: readonly Address[],
  event: { readonly intent: bigint | null; readonly detail: Record<string, unknown>; readonly at: number },
): NewEvent {
  const agreement = toAgreement(row);
  const known = partiesOf(agreement);
  const joined = parties.filter((party) => !known.includes(party));
  const [account = null, counterparty = null, ...others] =
    agreement.kind === "claim" ? [agreement.terms.sender, ...joined, ...known.slice(1)] : [...known, ...joined];
  const { intent, at } = event;
  const detail = { [row.kind]: toHex(row.id), ...event.detail };
  return { type: row.kind, intent, account, counterparty, others, detail, at };
}

/** What the event of a step tells. */
export function toStepDetail({ moved, block, by }: AgreementChange): Record<string, unknown> {
  const { step, state, actor, amount, fee, totals, transaction, logIndex } = moved;
  const evidence = { blockNumber: block.number, blockHash: block.hash, transaction, logIndex, by };
  return { step, state, actor, amount: String(amount), fee: String(fee), ...toTold(totals), evidence };
}

export function toStored(row: AgreementRow, steps: readonly StepRow[]): StoredAgreement {
  const last = steps.at(-1);
  return {
    id: toHex(row.id),
    escrow: toHex(row.escrow),
    agreement: toAgreement(row),
    state: last?.state ?? "none",
    totals: last === undefined ? null : toTotals(last),
    steps: steps.map(toStep),
  };
}

export const agreementColumns = "number, id, kind, escrow, terms";
export const stepColumns = `block_number, log_index, step, state, actor, amount, fee, captured, voided, refunded, disputed, time, block_hash,
  transaction_hash, sender`;

function prepare({ database }: Engine) {
  return {
    create: database.prepare<[Buffer, string, Buffer, string]>(
      "INSERT INTO agreements (id, kind, escrow, terms) VALUES (?, ?, ?, ?)",
    ),
    find: database.prepare<[Buffer], AgreementRow>(`SELECT ${agreementColumns} FROM agreements WHERE id = ?`),
    byNumber: database.prepare<[bigint], AgreementRow>(`SELECT ${agreementColumns} FROM agreements WHERE number = ?`),
    addParty: database.prepare<[Buffer, string, bigint, number]>(
      `INSERT INTO agreement_parties (account, kind, agreement, block_number) VALUES (?, ?, ?, ?)
       ON CONFLICT (account, kind, agreement) DO NOTHING`,
    ),
    parties: database
      .prepare<[bigint], Buffer>(
        "SELECT account FROM agreement_parties WHERE agreement = ? ORDER BY block_number, account",
      )
      .pluck(),
    dropParties: database.prepare<[number]>("DELETE FROM agreement_parties WHERE block_number > ?"),
    step: database.prepare(
      `INSERT INTO agreement_steps (agreement, ${stepColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (agreement, block_number, log_index) DO NOTHING`,
    ),
    steps: database.prepare<[bigint], StepRow>(
      `SELECT ${stepColumns} FROM agreement_steps WHERE agreement = ? ORDER BY block_number, log_index`,
    ),
    undone: database.prepare<[number], { agreement: bigint; step: string; state: string }>(
      `SELECT agreement, step, state FROM agreement_steps WHERE block_number > ? ORDER BY block_number DESC, log_index DESC`,
    ),
    dropSteps: database.prepare<[number]>("DELETE FROM agreement_steps WHERE block_number > ?"),
    drop: database.prepare<[bigint]>("DELETE FROM agreements WHERE number = ?"),
    list: database
      .prepare<[Buffer, string, number], bigint>(
        "SELECT agreement FROM agreement_parties WHERE account = ? AND kind = ? ORDER BY agreement DESC LIMIT ?",
      )
      .pluck(),
    intent: database.prepare<[bigint, Buffer], { kind: IntentKind }>(
      "SELECT kind FROM intents WHERE sequence = ? AND subject = ?",
    ),
  };
}

export function createAgreements(engine: Engine, parts: { events: Events; exits: Exits }): Agreements {
  const sql = prepare(engine);
  const { events, exits } = parts;

  function create({ id, escrow, terms }: AgreementMoved, block: BlockRef): AgreementRow {
    const blob = toBlob(id);
    if (terms !== null) {
      sql.create.run(blob, terms.kind, toBlob(escrow), toTermsText(terms.terms));
    }
    const row = sql.find.get(blob);
    assertInvariant(row !== undefined, "P19", `agreement ${id} moved before it was made`);
    if (terms !== null) {
      for (const party of partiesOf(terms)) sql.addParty.run(toBlob(party), terms.kind, row.number, block.number);
    }
    return row;
  }

  function follow(row: AgreementRow, last: { readonly state: string; readonly totals: PaymentTotals | null }): void {
    const exit = toExit(row, last);
    if (exit === null) exits.clear(toHex(row.id));
    else exits.set(exit);
  }

  /** The first of the transaction's intents that is this step of this agreement. */
  function findIntent({ moved, carried }: AgreementChange, kind: AgreementKind): bigint | null {
    const kinds = kindsOf[kind][moved.step] ?? [];
    const id = toBlob(moved.id);
    const found = carried.find((sequence) => {
      const intent = sql.intent.get(sequence, id);
      return intent !== undefined && kinds.includes(intent.kind);
    });
    return found ?? null;
  }

  function tell(
    row: AgreementRow,
    event: { intent: bigint | null; detail: Record<string, unknown>; at: number },
  ): void {
    events.append(toPartyEvent(row, sql.parties.all(row.number).map(toHex), event));
  }

  function apply(change: AgreementChange): void {
    const { moved, block, by, at } = change;
    const row = create(moved, block);
    if (moved.party !== undefined && moved.step === "claim") {
      sql.addParty.run(toBlob(moved.party), row.kind, row.number, block.number);
    }
    const { step, state, actor, amount, fee, totals, transaction, logIndex } = moved;
    const flags = totals === null ? null : totals.disputed ? 1 : 0;
    const numbers = [totals?.captured ?? null, totals?.voided ?? null, totals?.refunded ?? null, flags];
    const place = [block.time, toBlob(block.hash), toBlob(transaction), toBlob(by)];
    const values = [block.number, logIndex, step, state, toBlob(actor), amount, fee, ...numbers, ...place];
    const { changes } = sql.step.run(row.number, ...values);
    assertInvariant(changes === 1, "P2", `agreement ${moved.id} took the step of log ${logIndex} twice`);
    follow(row, moved);
    tell(row, { intent: findIntent(change, row.kind), detail: toStepDetail(change), at });
  }

  function undo(number: number, at: number): void {
    const undone = sql.undone.all(number);
    const rows = new Map<bigint, AgreementRow>();
    for (const { agreement, step, state } of undone) {
      const row = rows.get(agreement) ?? sql.byNumber.get(agreement);
      assertInvariant(row !== undefined, "P19", `agreement ${agreement} is gone`);
      rows.set(agreement, row);
      tell(row, { intent: null, detail: { step, state, why: "reorg" }, at });
    }
    sql.dropSteps.run(number);
    sql.dropParties.run(number);
    for (const row of rows.values()) {
      const last = sql.steps.all(row.number).at(-1);
      if (last !== undefined) follow(row, { state: last.state, totals: toTotals(last) });
      else {
        exits.clear(toHex(row.id));
        sql.drop.run(row.number);
      }
    }
  }

  const readStored = (row: AgreementRow): StoredAgreement => toStored(row, sql.steps.all(row.number));

  return {
    apply,
    revertTo: undo,
    read(id) {
      const row = sql.find.get(toBlob(id));
      return row === undefined ? null : readStored(row);
    },
    list: ({ kind, account, limit }) =>
      sql.list.all(toBlob(account), kind, limit).flatMap((number) => {
        const row = sql.byNumber.get(number);
        return row === undefined ? [] : [readStored(row)];
      }),
  };
}

/** Totals as text, for events. */
function toTold(totals: PaymentTotals | null): Record<string, unknown> {
  if (totals === null) return {};
  const { captured, voided, refunded, disputed } = totals;
  return { captured: String(captured), voided: String(voided), refunded: String(refunded), disputed };
}
