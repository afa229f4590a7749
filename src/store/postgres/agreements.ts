/**
 * Claims and payments as the chain tells them. Owns their terms, the steps they took, whom they concern, and their public exit; the state is
 * that of the last step. Steps of a block that a reorg removed are deleted, and an agreement without steps with them. Never decides: the
 * escrows do.
 */
import type { AgreementMoved, BlockRef } from "../../domain/facts.ts";
import type { Word } from "../../domain/hex.ts";
import type { IntentKind } from "../../domain/intent.ts";
import type { Store, StoredAgreement } from "../../pipeline/ports.ts";
import {
  type AgreementChange,
  agreementColumns,
  type AgreementRow,
  kindsOf,
  partiesOf,
  stepColumns,
  type StepRow,
  toExit,
  toPartyEvent,
  toStepDetail,
  toStored,
  toTotals,
} from "../agreements.ts";
import { assertInvariant } from "../fault.ts";
import { toBlob, toHex } from "../rows.ts";
import { toTermsText } from "../terms.ts";
import { prepare, type Session, type Transaction } from "./engine.ts";
import { followExit } from "./exits.ts";

const create = prepare("INSERT INTO agreements (id, kind, escrow, terms) VALUES ($1, $2, $3, $4)");
const find = prepare(`SELECT ${agreementColumns} FROM agreements WHERE id = $1`);
const byNumber = prepare(`SELECT ${agreementColumns} FROM agreements WHERE number = $1`);
const addParty = prepare(
  `INSERT INTO agreement_parties (account, kind, agreement, block_number) VALUES ($1, $2, $3, $4)
   ON CONFLICT (account, kind, agreement) DO NOTHING`,
);
const parties = prepare("SELECT account FROM agreement_parties WHERE agreement = $1 ORDER BY block_number, account");
const dropParties = prepare("DELETE FROM agreement_parties WHERE block_number > $1");
const addStep = prepare(
  `INSERT INTO agreement_steps (agreement, ${stepColumns})
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
   ON CONFLICT (agreement, block_number, log_index) DO NOTHING`,
);
const steps = prepare(
  `SELECT ${stepColumns} FROM agreement_steps WHERE agreement = $1 ORDER BY block_number, log_index`,
);
const undone = prepare(
  "SELECT agreement, step, state FROM agreement_steps WHERE block_number > $1 ORDER BY block_number DESC, log_index DESC",
);
const dropSteps = prepare("DELETE FROM agreement_steps WHERE block_number > $1");
const drop = prepare("DELETE FROM agreements WHERE number = $1");
const ofAccount = prepare(
  `SELECT ${agreementColumns} FROM agreements WHERE number IN (
     SELECT agreement FROM agreement_parties WHERE account = $1 AND kind = $2 ORDER BY agreement DESC LIMIT $3)
   ORDER BY number DESC`,
);
const kindsOfIntents = prepare(
  "SELECT sequence, kind FROM intents WHERE sequence = ANY ($1::bigint[]) AND subject = $2",
);

async function make(tx: Transaction, { id, escrow, terms }: AgreementMoved, block: BlockRef): Promise<AgreementRow> {
  const blob = toBlob(id);
  if (terms !== null) await tx.run(create, [blob, terms.kind, toBlob(escrow), toTermsText(terms.terms)]);
  const row = await tx.get<AgreementRow>(find, [blob]);
  assertInvariant(row !== undefined, "P19", `agreement ${id} moved before it was made`);
  if (terms !== null) {
    for (const party of partiesOf(terms)) {
      await tx.run(addParty, [toBlob(party), terms.kind, row.number, block.number]);
    }
  }
  return row;
}

/** The first of the transaction's intents that is this step of this agreement. */
async function findIntent(tx: Transaction, { moved, carried }: AgreementChange, row: AgreementRow) {
  if (carried.length === 0) return null;
  const kinds = kindsOf[row.kind][moved.step] ?? [];
  const intents = await tx.all<{ sequence: bigint; kind: IntentKind }>(kindsOfIntents, [carried, row.id]);
  const found = carried.find((sequence) =>
    intents.some((intent) => intent.sequence === sequence && kinds.includes(intent.kind)),
  );
  return found ?? null;
}

async function tell(
  tx: Transaction,
  row: AgreementRow,
  event: { intent: bigint | null; detail: Record<string, unknown>; at: number },
): Promise<void> {
  const accounts = await tx.all<{ account: Buffer }>(parties, [row.number]);
  tx.events.push(
    toPartyEvent(
      row,
      accounts.map(({ account }) => toHex(account)),
      event,
    ),
  );
}

export async function applyAgreement(tx: Transaction, change: AgreementChange): Promise<void> {
  const { moved, block, by, at } = change;
  const row = await make(tx, moved, block);
  if (moved.party !== undefined && moved.step === "claim") {
    await tx.run(addParty, [toBlob(moved.party), row.kind, row.number, block.number]);
  }
  const { step, state, actor, amount, fee, totals, transaction, logIndex } = moved;
  const disputed = totals === null ? null : totals.disputed ? 1 : 0;
  const numbers = [totals?.captured ?? null, totals?.voided ?? null, totals?.refunded ?? null, disputed];
  const place = [block.time, toBlob(block.hash), toBlob(transaction), toBlob(by)];
  const values = [block.number, logIndex, step, state, toBlob(actor), amount, fee, ...numbers, ...place];
  const added = await tx.run(addStep, [row.number, ...values]);
  assertInvariant(added === 1, "P2", `agreement ${moved.id} took the step of log ${logIndex} twice`);
  await followExit(tx, moved.id, toExit(row, moved));
  await tell(tx, row, { intent: await findIntent(tx, change, row), detail: toStepDetail(change), at });
}

export async function revertAgreements(tx: Transaction, number: number, at: number): Promise<void> {
  const gone = await tx.all<{ agreement: bigint; step: string; state: string }>(undone, [number]);
  const rows = new Map<bigint, AgreementRow>();
  for (const { agreement, step, state } of gone) {
    const row = rows.get(agreement) ?? (await tx.get<AgreementRow>(byNumber, [agreement]));
    assertInvariant(row !== undefined, "P19", `agreement ${agreement} is gone`);
    rows.set(agreement, row);
    await tell(tx, row, { intent: null, detail: { step, state, why: "reorg" }, at });
  }
  await tx.run(dropSteps, [number]);
  await tx.run(dropParties, [number]);
  for (const row of rows.values()) {
    const last = (await tx.all<StepRow>(steps, [row.number])).at(-1);
    const exit = last === undefined ? null : toExit(row, { state: last.state, totals: toTotals(last) });
    await followExit(tx, toHex(row.id), exit);
    if (last === undefined) await tx.run(drop, [row.number]);
  }
}

async function readWhole(session: Session, row: AgreementRow): Promise<StoredAgreement> {
  return toStored(row, await session.all<StepRow>(steps, [row.number]));
}

export async function readAgreement(session: Session, id: Word): Promise<StoredAgreement | null> {
  const row = await session.get<AgreementRow>(find, [toBlob(id)]);
  return row === undefined ? null : readWhole(session, row);
}

/** Newest first. */
export async function listAgreements(
  session: Session,
  { kind, account, limit }: Parameters<Store["listAgreements"]>[0],
): Promise<readonly StoredAgreement[]> {
  const found: StoredAgreement[] = [];
  for (const row of await session.all<AgreementRow>(ofAccount, [toBlob(account), kind, limit])) {
    found.push(await readWhole(session, row));
  }
  return found;
}
