/**
 * Guards of what is taken in and what is concluded: acceptance, planning, evidence, finality, and what the store keeps. Owns the list of them; each edit is
 * the failure itself, as somebody might have written it.
 */
import { type Guard, testFiles } from "./guard.ts";

const { failures, trouble, sqlite } = testFiles;
const openSlots = "WHERE s.lane = ? AND s.state <> 'final' ORDER BY s.nonce LIMIT ?";

export const decidingGuards: readonly Guard[] = [
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
      if (latest !== null) for (const lane of await parts.lanes.watched()) await store.abandonSlots(lane, 1_000_000);
      throw new Error("the provider does not answer");
    });`,
    test: { file: trouble, title: "F9: five minutes without a provider cancel and replace nothing" },
  },
  {
    id: "final-by-the-chain",
    failure: "F12",
    says: "only what the chain calls final ends an intent",
    file: "src/pipeline/confirm.ts",
    text: "const target = Math.min(agreed, latest.number);",
    without: "const target = latest.number;",
    test: {
      file: failures,
      title: "F12: the first receipt settles nothing; a reorg that drops the payment leaves it unpaid and alive",
    },
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
    text: "sql.pruneFences.run(span);",
    without: "",
    test: {
      file: trouble,
      title: "F17: after a hundred payments the hot tables are empty and blocks and events are within their bounds",
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
