/**
 * The language of the model chain for redemptions, orders of roles and wallet operators' families: how those drafts become calls, fences and
 * consents there, and how tests sign them. Stands beside model-agreements.ts.
 */
import type {
  ApproveMintDraft,
  AttestDraft,
  CompleteLeaveDraft,
  Draft,
  FreezeDraft,
  JoinDraft,
  LeavableState,
  LeaveDraft,
  LockDraft,
  MintingDraft,
  ReclaimDraft,
  SeizeDraft,
  StepDraft,
  UnfreezeDraft,
} from "../../src/domain/draft.ts";
import type { RedemptionTerms } from "../../src/domain/facts.ts";
import { type Address, type Hex, toWord, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import { approvalFence, type Fence, stepFence } from "../../src/domain/intent.ts";
import type { EncodedDraft } from "../../src/pipeline/ports.ts";
import { blockStart, receiveDigest } from "./model-agreements.ts";
import { coin, neverExpires, redemptions, registry, signDigest, treasury, wallet } from "./model-names.ts";
import { formatValue, hashOf } from "./model-text.ts";

export type ModelOrder =
  | LockDraft
  | StepDraft
  | ReclaimDraft
  | AttestDraft
  | MintingDraft
  | FreezeDraft
  | UnfreezeDraft
  | SeizeDraft
  | ApproveMintDraft
  | JoinDraft
  | LeaveDraft
  | CompleteLeaveDraft;

export const redemptionId = (terms: RedemptionTerms): Word => hashOf("Redemption", terms);

export const mintKey: (mint: {
  readonly dealer: Address;
  readonly coin: Address;
  readonly depositId: Word;
  readonly to: Address;
  readonly amount: bigint;
}) => Word = ({ dealer, coin: of, depositId, to, amount }) => hashOf("MintKey", dealer, of, depositId, to, amount);

/** What its signers sign: everything but signatures. */
export function digestOfOrder(order: ModelOrder): Word {
  if (order.kind === "lock") {
    const { coin: of, holder: from, amount: value, acceptBy: validBefore } = order.terms;
    return receiveDigest({ coin: of, from, to: redemptions, value, validBefore, nonce: redemptionId(order.terms) });
  }
  const body = Object.entries(order).filter(([field]) => field !== "signature" && field !== "accountSignature");
  return hashOf(order.kind, Object.fromEntries(body));
}

export function fenceOfOrder(order: ModelOrder): Fence {
  switch (order.kind) {
    case "lock":
      return { scope: order.terms.coin, subject: order.terms.holder, key: redemptionId(order.terms) };
    case "approve":
      return approvalFence(redemptions, order.id);
    case "cancel-redemption":
    case "accept":
    case "reject":
    case "mark-sent":
    case "confirm":
    case "dispute":
    case "resolve":
    case "reclaim":
      return stepFence(redemptions, order.id, order.from);
    case "attest":
    case "minting":
      return { scope: treasury, subject: order.signer, key: order.orderId };
    case "freeze":
    case "unfreeze":
    case "seize":
      return { scope: order.coin, subject: order.signer, key: order.orderId };
    case "approve-mint":
      return { scope: treasury, subject: order.signer, key: order.mintKey };
    case "join":
      return { scope: registry, subject: order.account, key: order.joinId };
    case "leave":
      return { scope: registry, subject: order.account, key: order.leaveId };
    case "complete-leave":
      return { scope: registry, subject: order.account, key: toWord(BigInt(order.leaveAt)) };
  }
}

type Shape = Pick<EncodedDraft["facts"], "subject" | "payee" | "amount" | "validBefore"> & {
  readonly to: Address;
  readonly signers: readonly (readonly [Address, Hex])[];
};

/** Whom a step of a redemption is about, where its fence and kind leave that open. */
function payeeOfStep(order: StepDraft): Address | null {
  if (order.kind === "resolve") return order.paid === true ? zeroAddress : redemptions;
  return order.kind === "cancel-redemption" || order.kind === "dispute" || order.kind === "approve"
    ? order.signer
    : null;
}

function toShape(order: ModelOrder): Shape {
  const still = { payee: null, amount: 0n };
  switch (order.kind) {
    case "lock": {
      const { holder, amount, acceptBy: validBefore } = order.terms;
      const signers = [[holder, order.signature]] as const;
      return { to: redemptions, subject: redemptionId(order.terms), payee: redemptions, amount, validBefore, signers };
    }
    case "reclaim":
      return { ...still, to: redemptions, subject: order.id, validBefore: neverExpires, signers: [] };
    case "complete-leave":
      return { to: registry, subject: null, payee: order.account, amount: 0n, validBefore: neverExpires, signers: [] };
    case "leave": {
      const signers = [[order.account, order.signature]] as const;
      const about = { subject: order.leaveId, payee: order.account };
      return { ...still, ...about, to: registry, validBefore: order.deadline + 1, signers };
    }
    default: {
      const signers: (readonly [Address, Hex])[] = [[order.signer, order.signature]];
      const base = { ...still, validBefore: order.deadline + 1, signers };
      if ("id" in order) return { ...base, to: redemptions, subject: order.id, payee: payeeOfStep(order) };
      if (order.kind === "join") {
        signers.push([order.account, order.accountSignature]);
        return { ...base, to: registry, subject: order.joinId, payee: order.account };
      }
      if (order.kind === "approve-mint") return { ...base, to: treasury, subject: order.mintKey };
      if (order.kind === "attest" || order.kind === "minting") {
        return { ...base, to: treasury, subject: order.orderId };
      }
      const amount = order.kind === "seize" ? order.amount : 0n;
      return { ...base, to: order.coin, subject: order.orderId, payee: order.account, amount };
    }
  }
}

export function encodeOrder(order: ModelOrder): EncodedDraft {
  const { to, signers, ...shape } = toShape(order);
  const digest = digestOfOrder(order);
  const data: Hex = `0xca11ca13${Buffer.from(formatValue(order)).toString("hex")}`;
  const isLock = order.kind === "lock";
  return {
    facts: {
      kind: order.kind,
      digest,
      fence: fenceOfOrder(order),
      coin: isLock ? order.terms.coin : order.coin,
      payer: isLock ? order.terms.holder : null,
      validAfter: 0,
      memo: null,
      reference: null,
      ...shape,
      action: { kind: "call", to, data, gas: 400_000n },
    },
    consents: signers.map(([signer, signature]) => ({ signer, digest, signature })),
  };
}

const modelOrders: ReadonlySet<Draft["kind"]> = new Set<ModelOrder["kind"]>([
  "lock",
  "cancel-redemption",
  "accept",
  "approve",
  "reject",
  "mark-sent",
  "confirm",
  "dispute",
  "resolve",
  "reclaim",
  "attest",
  "minting",
  "freeze",
  "unfreeze",
  "seize",
  "approve-mint",
  "join",
  "leave",
  "complete-leave",
]);

export function isOrder(draft: Draft): draft is ModelOrder {
  return modelOrders.has(draft.kind);
}

// ——— signing ———

/** Keys of roles and of the operator of family 2. */
export const agent = wallet(940);
export const cosigner = wallet(941);
export const arbiter = wallet(942);
export const attestor = wallet(943);
export const issuer = wallet(944);
export const freezer = wallet(945);
export const seizer = wallet(946);
export const approver = wallet(947);
export const operator = wallet(950);
/** Where what is seized goes. */
export const custody = wallet(960);

const deadline = blockStart + 80_000;

/** Whole cents, with deadlines far beyond a scenario. */
export function redemptionTerms(changes: Partial<RedemptionTerms> = {}): RedemptionTerms {
  return {
    coin,
    holder: wallet(1),
    amount: 10_000n,
    payout: toWord(77n),
    acceptBy: blockStart + 20_000,
    payoutBy: blockStart + 40_000,
    finalBy: blockStart + 60_000,
    salt: toWord(1n),
    ...changes,
  };
}

function signOrder<T extends Exclude<ModelOrder, LockDraft | ReclaimDraft | CompleteLeaveDraft | LeaveDraft>>(
  order: Omit<T, "signature">,
): T {
  const unsigned = { ...order, signature: "0x" } as unknown as T;
  return { ...unsigned, signature: signDigest(unsigned.signer, digestOfOrder(unsigned)) };
}

export function signLock(terms: RedemptionTerms): LockDraft {
  const draft = { kind: "lock", terms, signature: "0x" } as const;
  return { ...draft, signature: signDigest(terms.holder, digestOfOrder(draft)) };
}

const signerOf: Readonly<Record<StepDraft["kind"], Address | null>> = {
  "cancel-redemption": null,
  dispute: null,
  accept: agent,
  reject: agent,
  "mark-sent": agent,
  confirm: agent,
  approve: cosigner,
  resolve: arbiter,
};

export function signStep(
  kind: StepDraft["kind"],
  terms: RedemptionTerms,
  from: LeavableState,
  paid?: boolean,
): StepDraft {
  const reference = kind === "mark-sent" || kind === "confirm" || kind === "reject" ? toWord(55n) : zeroWord;
  const said = paid === undefined ? {} : { paid };
  const signer = signerOf[kind] ?? terms.holder;
  return signOrder<StepDraft>({
    kind,
    id: redemptionId(terms),
    coin: terms.coin,
    from,
    reference,
    ...said,
    deadline,
    signer,
  });
}

export function reclaimOf(terms: RedemptionTerms, from: LeavableState): ReclaimDraft {
  return { kind: "reclaim", id: redemptionId(terms), coin: terms.coin, from };
}

export function signAttest(orderId: Word, amount: bigint): AttestDraft {
  const order = { orderId, coin, amount, asOf: blockStart, reportHash: toWord(4n), deadline };
  return signOrder<AttestDraft>({ kind: "attest", ...order, signer: attestor });
}

export function signMinting(orderId: Word, enabled: boolean): MintingDraft {
  return signOrder<MintingDraft>({ kind: "minting", orderId, coin, enabled, deadline, signer: issuer });
}

export function signApproveMint(key: Word): ApproveMintDraft {
  return signOrder<ApproveMintDraft>({ kind: "approve-mint", coin, mintKey: key, deadline, signer: approver });
}

const caseId = toWord(31n);

export function signFreeze(orderId: Word, account: Address, amount: bigint | null): FreezeDraft {
  const until = blockStart + 5_000_000;
  const order = { orderId, coin, account, amount, caseId, until, deadline };
  return signOrder<FreezeDraft>({ kind: "freeze", ...order, signer: freezer });
}

export function signUnfreeze(orderId: Word, account: Address): UnfreezeDraft {
  return signOrder<UnfreezeDraft>({ kind: "unfreeze", orderId, coin, account, caseId, deadline, signer: freezer });
}

export function signSeize(orderId: Word, account: Address, amount: bigint): SeizeDraft {
  return signOrder<SeizeDraft>({ kind: "seize", orderId, coin, account, amount, caseId, deadline, signer: seizer });
}

export function signJoin(joinId: Word, account: Address): JoinDraft {
  const order = { coin, account, vasp: 2, joinId, accountSignature: "0x" as Hex, deadline, signer: operator };
  const draft = signOrder<JoinDraft>({ kind: "join", ...order });
  return { ...draft, accountSignature: signDigest(account, digestOfOrder(draft)) };
}

export function signLeave(leaveId: Word, account: Address): LeaveDraft {
  const draft = { kind: "leave", coin, account, leaveId, deadline, signature: "0x" } as const;
  return { ...draft, signature: signDigest(account, digestOfOrder(draft)) };
}

export function completeLeaveOf(account: Address, leaveAt: number): CompleteLeaveDraft {
  return { kind: "complete-leave", coin, account, leaveAt };
}
