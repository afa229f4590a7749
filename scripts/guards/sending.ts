/**
 * Guards of the way to the chain: nonces, lanes, committed bytes, and handing them over. Owns the list of them; each edit is the failure itself, as
 * somebody might have written it.
 */
import { type Guard, testFiles } from "./guard.ts";

const { failures, trouble } = testFiles;
const isDue = "return before === undefined || clock.monotonic() - before.at >= limits.rebroadcastMs;";
const openSlots = "WHERE s.lane = ? AND s.state <> 'final' ORDER BY s.nonce LIMIT ?";

export const sendingGuards: readonly Guard[] = [
  {
    id: "item-leaves-accepted",
    failure: "F1",
    says: "a slot takes an intent only out of `accepted`, or nothing is written",
    file: "src/store/slots.ts",
    text: "if (sql.plan.run(row.id, items).changes !== slot.items.length) throw nothingWritten;",
    without: "sql.plan.run(row.id, items);",
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
    text: "SET next_nonce = next_nonce + 1\n",
    without: "SET next_nonce = next_nonce\n",
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
    id: "purse-closes-its-lane",
    failure: "F13",
    says: "a lane that cannot pay for its next slot takes none",
    file: "src/pipeline/plan.ts",
    text: "if (lane.purse < cost) {",
    without: "if (lane.purse < 0n) {",
    test: { file: failures, title: "F13: a lane without gas holds, the others go on, and it resumes after a top-up" },
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
];
