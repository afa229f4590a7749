/**
 * The guards of the node: for every failure seen elsewhere the lines that keep it from happening here, and the test that notices when they are
 * gone. Owns the list. Each text stands exactly once in its file; each edit is the failure itself, as somebody might have written it.
 */

/** F1 … F22 are the failures of docs/AUDIT.md; P12 and rule 12 bound what may be spent and when. */
export type Failure = `F${number}` | "P12" | "rule 12";

export interface Guard {
  /** Lowercase words joined by hyphens; unique. */
  readonly id: string;
  readonly failure: Failure;
  /** What the guard does, for the table. */
  readonly says: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly text: string;
  /** Stands there instead when the guard is gone. */
  readonly without: string;
  readonly test: { readonly file: string; readonly title: string };
}

const failures = "test/pipeline/regressions.test.ts";
const trouble = "test/pipeline/regressions-trouble.test.ts";
const sqlite = "test/store/sqlite.test.ts";
const isDue = "return before === undefined || clock.monotonic() - before.at >= limits.rebroadcastMs;";
const openSlots = "WHERE s.lane = ? AND s.state <> 'final' ORDER BY s.nonce LIMIT ?";

export const allFailures: readonly Failure[] = Array.from({ length: 22 }, (_, index) => `F${index + 1}` as const);

export const guards: readonly Guard[] = [
  {
    id: "item-leaves-accepted",
    failure: "F1",
    says: "a slot takes an intent only out of `accepted`, or nothing is written",
    file: "src/store/slots.ts",
    text: "if (sql.plan.run(row.id, sequence).changes !== 1) throw nothingWritten;",
    without: "sql.plan.run(row.id, sequence);",
    test: { file: failures, title: "F1: a payment that was read as ready twice gets one nonce" },
  },
  {
    id: "nonce-is-taken",
    failure: "F1",
    says: "a nonce is taken by a conditional write, or nothing is written",
    file: "src/store/slots.ts",
    text: "if (sql.takeNonce.run(lane, slot.epoch, slot.nonce).changes !== 1) throw nothingWritten;",
    without: "sql.takeNonce.run(lane, slot.epoch, slot.nonce);",
    test: { file: failures, title: "F1: two planners at once take one nonce and sign one slot for a payment" },
  },
  {
    id: "nonce-rises-with-slot",
    failure: "F2",
    says: "the counter rises in the transaction that writes the slot",
    file: "src/store/slots.ts",
    text: "SET next_nonce = next_nonce + 1 WHERE",
    without: "SET next_nonce = next_nonce WHERE",
    test: { file: failures, title: "F2: a nonce that another process moved on is read again; the lane does not jam" },
  },
  {
    id: "old-belief-is-dropped",
    failure: "F2",
    says: "a commit that wrote nothing makes the lane be opened again",
    file: "src/pipeline/sign.ts",
    text: "known.delete(plan.lane);",
    without: "",
    test: { file: failures, title: "F2: a nonce that another process moved on is read again; the lane does not jam" },
  },
  {
    id: "no-block-without-receipts",
    failure: "F3",
    says: "a block whose receipts are not there is not applied",
    file: "src/pipeline/confirm.ts",
    text: "const facts = await chain.readBlock(ref, attempts);",
    without: `const none = { movements: [], fences: [], skips: [], freezes: [], nonceSkips: [], redemptions: [] };
    const facts = (await chain.readBlock(ref, attempts)) ?? { block: ref, ...none, agreements: [], slots: [] };`,
    test: {
      file: failures,
      title: "F3: receipts missing for 45 minutes leave the payment sent, and it settles once they are there",
    },
  },
  {
    id: "rebroadcast",
    failure: "F4",
    says: "what is not mined is handed over again and again",
    file: "src/pipeline/send.ts",
    text: isDue,
    without: "return before === undefined;",
    test: { file: failures, title: "F4: the head transaction is handed over again by whoever comes next" },
  },
  {
    id: "planned-with-bytes",
    failure: "F5",
    says: "an intent leaves `accepted` in the transaction that writes its bytes",
    file: "src/store/slots.ts",
    text: "SET state = 'planned', slot = ?",
    without: "SET slot = ?",
    test: {
      file: failures,
      title: "F5: a crash between broadcast and its record sends the same bytes again, under the same nonce",
    },
  },
  {
    id: "unknown-is-maybe-sent",
    failure: "F6",
    says: "every answer but an exact refusal means maybe sent",
    file: "src/pipeline/send.ts",
    text: 'if (answer.kind === "refused") {',
    without: 'if (answer.kind !== "answered") {',
    test: { file: failures, title: "F6: a time-out is read as maybe sent" },
  },
  {
    id: "only-a-used-nonce-replaces",
    failure: "F7",
    says: "a slot is given up only when the final chain has used its nonce",
    file: "src/pipeline/confirm.ts",
    text: "const count = await chain.transactionCount(lane, final.number);",
    without: "const count = waiting.nonce + 1;",
    test: {
      file: failures,
      title: "F7: an error, or no receipt, is not a replacement; only a final nonce used by other bytes is",
    },
  },
  {
    id: "expiry-by-final-time",
    failure: "F8",
    says: "an intent expires by the time of a final block",
    file: "src/store/posting.ts",
    text: "const overdue = work.overdue(block.time);",
    without: "const overdue = work.overdue(chronicle.latest()?.time ?? block.time);",
    test: {
      file: trouble,
      title: "F8: a payment past its time is not called expired while another branch can still pay it",
    },
  },
  {
    id: "slot-outlives-payment",
    failure: "F8",
    says: "a slot stays open whatever became of its payments",
    file: "src/store/slots.ts",
    text: openSlots,
    without: `WHERE s.lane = ? AND s.state <> 'final'
         AND EXISTS (SELECT 1 FROM intent_work w WHERE w.slot = s.id) ORDER BY s.nonce LIMIT ?`,
    test: {
      file: trouble,
      title:
        "F8: a slot outlives its payment: the same bytes until they are mined, no other transaction under its nonce",
    },
  },
  {
    id: "nonce-at-our-final-block",
    failure: "F9",
    says: "a nonce counts only where the final block is still ours after it was read",
    file: "src/pipeline/confirm.ts",
    text: "if (again === null || again.hash !== final.hash) continue;",
    without: "",
    test: { file: trouble, title: "F9: a provider that answers for another branch cancels nothing" },
  },
  {
    id: "outage-decides-nothing",
    failure: "F9",
    says: "a question that was not answered ends the turn",
    file: "src/pipeline/confirm.ts",
    text: "const head = await chain.head();",
    without: `const head = await chain.head().catch(async () => {
      const { latest } = await store.readCursor();
      if (latest !== null) for (const lane of parts.lanes.addresses) await store.abandonSlots(lane, 1_000_000);
      throw new Error("the provider does not answer");
    });`,
    test: { file: trouble, title: "F9: five minutes without a provider cancel and replace nothing" },
  },
  {
    id: "committed-is-found",
    failure: "F10",
    says: "whoever starts finds what was committed and not sent in the database",
    file: "src/store/slots.ts",
    text: openSlots,
    without: "WHERE s.lane = ? AND s.state IN ('sent', 'mined') ORDER BY s.nonce LIMIT ?",
    test: { file: failures, title: "F10: a process that was killed leaves nothing behind that its successor misses" },
  },
  {
    id: "opening-raises-the-epoch",
    failure: "F11",
    says: "opening a lane takes it from whoever had it",
    file: "src/store/slots.ts",
    text: "DO UPDATE SET epoch = epoch + 1, next_nonce = max",
    without: "DO UPDATE SET next_nonce = max",
    test: {
      file: trouble,
      title: "F11: owners that die one after another leak no lane, and none of them can commit any more",
    },
  },
  {
    id: "commit-under-the-epoch",
    failure: "F11",
    says: "a commit under an old epoch writes nothing",
    file: "src/store/slots.ts",
    text: "WHERE address = ? AND epoch = ? AND next_nonce = ?",
    without: "WHERE address = ? AND ? > 0 AND next_nonce = ?",
    test: {
      file: trouble,
      title: "F11: owners that die one after another leak no lane, and none of them can commit any more",
    },
  },
  {
    id: "final-by-the-chain",
    failure: "F12",
    says: "only what the chain calls final ends an intent",
    file: "src/pipeline/confirm.ts",
    text: "const target = Math.min(await chain.finalNumber(head), latest.number);",
    without: "const target = latest.number;",
    test: {
      file: failures,
      title: "F12: the first receipt settles nothing; a reorg that drops the payment leaves it unpaid and alive",
    },
  },
  {
    id: "purse-closes-its-lane",
    failure: "F13",
    says: "a lane that cannot pay for its next slot takes none",
    file: "src/pipeline/plan.ts",
    text: "if (lane.purse < cost) {",
    without: "if (lane.purse < 0n) {",
    test: { file: failures, title: "F13: a lane without gas holds, the others go on, and it resumes after a top-up" },
  },
  {
    id: "digest-before-refusal",
    failure: "F14",
    says: "what is refused now is looked up first: a repeat is the same payment",
    file: "src/pipeline/accept.ts",
    text: 'return intent === null ? { kind: "refused", reasons } : { kind: "existing", intent };',
    without: 'return { kind: "refused", reasons };',
    test: { file: failures, title: "F14: a repeat is the same payment, also after it settled and expired" },
  },
  {
    id: "one-intent-per-digest",
    failure: "F14",
    says: "a digest that is known is answered with its intent, in the transaction that would create it",
    file: "src/store/intake.ts",
    text: "if (seen !== undefined) {",
    without: "if (seen !== undefined && idempotency !== null) {",
    test: {
      file: failures,
      title:
        "F14: of many at once one creates it and all others are told so; another payment under the nonce is refused",
    },
  },
  {
    id: "own-hash-is-marked",
    failure: "F15",
    says: "the hash of our bytes is recorded, whatever the node answers",
    file: "src/pipeline/send.ts",
    text: "if (sentAt === null) sent.push(hash);",
    without: 'if (sentAt === null) sent.push(answer.kind === "answered" ? (answer.hash as Word) : hash);',
    test: { file: failures, title: "F15: a foreign hash in the answer is reported and changes nothing" },
  },
  {
    id: "foreign-hash-is-told",
    failure: "F15",
    says: "an answer with another hash is compared and reported",
    file: "src/pipeline/send.ts",
    text: 'if (answer.kind === "answered" && answer.hash !== hash) {',
    without: 'if (answer.kind === "answered" && answer.hash === "0x") {',
    test: { file: failures, title: "F15: a foreign hash in the answer is reported and changes nothing" },
  },
  {
    id: "poison-is-split-off",
    failure: "F16",
    says: "a batch that would revert is halved until the culprit is alone",
    file: "src/pipeline/plan.ts",
    text: 'if (plan.items.length > 1 && reason !== "paused") {',
    without: "if (plan.items.length < 0) {",
    test: { file: failures, title: "F16: one poison row costs one batch; everybody else settles, it is held alone" },
  },
  {
    id: "batches-shrink",
    failure: "F16",
    says: "what reverted travels in batches of half the size each time",
    file: "src/pipeline/slots.ts",
    text: "limits.rows >> Math.min(item.reverts, 20)",
    without: "limits.rows",
    test: { file: failures, title: "F16: without the help of simulation the poison is cornered by halving" },
  },
  {
    id: "blocks-go",
    failure: "F17",
    says: "blocks behind the final one go",
    file: "src/store/chronicle.ts",
    text: '"DELETE FROM blocks WHERE number < ?"',
    without: '"DELETE FROM blocks WHERE number < ? AND final = 2"',
    test: {
      file: trouble,
      title: "F17: after a hundred payments the hot tables are empty and blocks and events are within their bounds",
    },
  },
  {
    id: "events-are-bounded",
    failure: "F17",
    says: "events are kept up to a number",
    file: "src/store/events.ts",
    text: "if (keepFrom > oldest) remove.run(",
    without: "if (keepFrom < 0n) remove.run(",
    test: {
      file: trouble,
      title: "F17: after a hundred payments the hot tables are empty and blocks and events are within their bounds",
    },
  },
  {
    id: "spent-nonces-go",
    failure: "F17",
    says: "nonces below an account's base need no row",
    file: "src/store/posting.ts",
    text: "pruneFences(before, block.number);",
    without: "",
    test: {
      file: trouble,
      title: "F17: after a hundred payments the hot tables are empty and blocks and events are within their bounds",
    },
  },
  {
    id: "unmined-slots-are-bounded",
    failure: "F18",
    says: "a lane's unmined slots count against its bound",
    file: "src/pipeline/plan.ts",
    text: "limits.unminedSlots - pending.length",
    without: "limits.unminedSlots",
    test: {
      file: failures,
      title: "F17, F18: no lane has more unmined slots than its bound, and all is settled nevertheless",
    },
  },
  {
    id: "turned-away-is-tried-again",
    failure: "F18",
    says: "what a full pool turned away is handed over again",
    file: "src/pipeline/send.ts",
    text: isDue,
    without: "return before === undefined;",
    test: {
      file: trouble,
      title: "F18: a chain that keeps fewer pending transactions than we think gets them again, in order",
    },
  },
  {
    id: "one-by-one-if-need-be",
    failure: "F19",
    says: "a lane of which the chain takes one transaction at a time is handed the next when its turn comes",
    file: "src/pipeline/send.ts",
    text: isDue,
    without: "return before === undefined;",
    test: {
      file: trouble,
      title: "F19: a delegated sender key that may have one pending transaction settles everything, one by one",
    },
  },
  {
    id: "answer-after-commit",
    failure: "F20",
    says: "an acceptance is answered after its commit",
    file: "src/pipeline/accept.ts",
    text: "const committed = await fromStore(gatherer.commit(items.map(({ item }) => item)));",
    without: `void gatherer.commit(items.map(({ item }) => item)).catch(() => undefined);
  const fresh = { sequence: 1n, state: "accepted" as const, reason: null, evidence: null, acceptedAt: 0, endedAt: null };
  const committed = items.map(({ item }) => ({ kind: "created" as const, intent: { ...item.facts, ...fresh } }));`,
    test: {
      file: failures,
      title: "F20: nothing is acknowledged before the commit, and a failed commit is storage_unavailable",
    },
  },
  {
    id: "commit-is-synced",
    failure: "F20",
    says: "every commit is synced to the disk before it returns",
    file: "src/store/engine.ts",
    text: 'database.pragma("synchronous = FULL");',
    without: 'database.pragma("synchronous = NORMAL");',
    test: { file: sqlite, title: "F20: syncs every commit to the disk and checks foreign keys" },
  },
  {
    id: "folder-is-locked",
    failure: "F21",
    says: "a data folder has one owner, held by the operating system",
    file: "src/store/lock.ts",
    text: 'database.exec("BEGIN EXCLUSIVE");',
    without: 'database.exec("BEGIN");',
    test: { file: sqlite, title: "P20 F21: refuses a second opening of one folder and opens again after closing" },
  },
  {
    id: "no-lock-on-work",
    failure: "F22",
    says: "what somebody else handed over is not his to finish",
    file: "src/pipeline/send.ts",
    text: isDue,
    without:
      "return before === undefined ? last.sentAt === null : clock.monotonic() - before.at >= limits.rebroadcastMs;",
    test: {
      file: trouble,
      title: "F22: the work of a killed process is taken up by the next at once, without a lock to wait for",
    },
  },
  {
    id: "fee-cap",
    failure: "P12",
    says: "no slot is planned above the fee cap",
    file: "src/pipeline/plan.ts",
    text: "if (fees.maxFeePerGas > limits.maxFeePerGas) {",
    without: "if (fees.maxFeePerGas < 0n) {",
    test: { file: failures, title: "P12: fees a hundred times higher stop new slots; they resume when fees fall" },
  },
  {
    id: "halt-stops-planning",
    failure: "rule 12",
    says: "a halt stops new slots",
    file: "src/pipeline/plan.ts",
    text: "|| (await store.readHalt()) !== null",
    without: "",
    test: {
      file: failures,
      title: "rule 12: a halt stops new slots only; what is committed is sent and what is signed is accepted",
    },
  },
];
