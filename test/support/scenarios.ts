/**
 * Scenarios for crash enumeration that together carry out every kind of intent, each short enough for a fault at every single port call: two
 * lanes, skipped rows, a reorg, a fee spike, a lane without gas and its topping up, a poison row, deadlines that pass.
 */
import { expect } from "chai";
import type { PaymentTerms } from "../../src/domain/agreement.ts";
import type { CaptureOrder, Draft } from "../../src/domain/draft.ts";
import { type Address, toWord, type Word, zeroAddress } from "../../src/domain/hex.ts";
import { isEnded } from "../../src/domain/lifecycle.ts";
import type { IntentState } from "../../src/domain/intent.ts";
import { digestOf, type Scenario, type Step, type World } from "./crash.ts";
import {
  blockStart,
  captureOrder,
  claimTerms,
  paymentId,
  paymentTerms,
  quoteTerms,
  signAttestation,
  signAuthorize,
  signCancelQuote,
  signCapture,
  signCharge,
  signClaim,
  signDispute,
  signEndClaim,
  signOpenClaim,
  signRefund,
  signResolve,
  signSwap,
  signVoid,
} from "./model-agreements.ts";
import { coin, dealer, funder, laneA, laneB, signCancel, signMint, signTransfer, wallet } from "./model-codec.ts";
import {
  completeLeaveOf,
  mintKey,
  redemptionId,
  redemptionTerms,
  signApproveMint,
  signAttest,
  signFreeze,
  signJoin,
  signLeave,
  signLock,
  signMinting,
  signSeize,
  signStep,
  signUnfreeze,
} from "./model-orders.ts";
import { funderLimits } from "./pipeline.ts";

function fund(count: number, amount: bigint): ReadonlyMap<Address, bigint> {
  return new Map(Array.from({ length: count }, (_, index) => [wallet(index + 1), amount]));
}

const validBefore = blockStart + 600;

/** A payment of 400 out of 1,000. */
function pay(payer: number, { nonce = 0n, memo = null }: { nonce?: bigint; memo?: Word | null } = {}) {
  const [from, to] = [wallet(payer), wallet(20 + payer)];
  return signTransfer({ from, to, value: 400n, validAfter: 0, validBefore, nonce: toWord(nonce) }, memo);
}

/** Block time moves by that many seconds at once. */
function jump({ model }: World, seconds: number): void {
  const { interval } = model;
  model.interval = seconds;
  model.mine();
  model.interval = interval;
}

async function stateOf(draft: Draft, { store }: World): Promise<IntentState | null> {
  return (await store.findByDigest(digestOf(draft)))?.state ?? null;
}

async function areIncluded(drafts: readonly Draft[], world: World): Promise<boolean> {
  for (const draft of drafts) {
    const state = await stateOf(draft, world);
    if (state === null || (state !== "included" && !isEnded(state))) return false;
  }
  return true;
}

async function isQuiet({ store }: World): Promise<boolean> {
  const { accepted, planned, sent, included } = await store.countByState();
  return accepted + planned + sent + included === 0;
}

/** Until everything is final. */
const closing: Step = { until: isQuiet };

const link = claimTerms({ sender: wallet(7), amount: 250n, expiry: validBefore, cancelFrom: validBefore });
const six = [1, 2, 3, 4, 5, 6].map((payer) => pay(payer));
const skipped = six[2] as Draft;

const payments: Scenario = {
  name: "payments and a claim, with a skipped row and a reorg",
  funds: fund(7, 1_000n),
  steps: [
    {
      drafts: [...six, signOpenClaim(link)],
      // Behind the node's back payer 3 spends what it promised: its row will be skipped, then the money comes back.
      meanwhile: ({ model }) => model.move(wallet(3), wallet(9), 700n),
      until: (world) => areIncluded([...six.filter((draft) => draft !== skipped), signOpenClaim(link)], world),
    },
    {
      drafts: [signClaim(link, wallet(70), validBefore - 100)],
      // What the claim is taken from is in a block that the reorg puts back.
      meanwhile({ model }) {
        model.reorg(1);
        model.move(wallet(9), wallet(3), 700n);
      },
    },
    { until: (world) => areIncluded([skipped], world) },
    closing,
  ],
};

const poisonMemo = toWord(666n);
const poisoned = pay(2, { memo: poisonMemo });
const healthy = [pay(1), pay(3), pay(4), pay(6)];
const cancelled = pay(5);
const cancellation = signCancel(wallet(5), 0n);

const poison: Scenario = {
  name: "a poison row and a cancellation",
  funds: fund(6, 1_000n),
  ends: new Map<Word, readonly IntentState[]>([
    [digestOf(cancelled), ["cancelled", "settled"]],
    [digestOf(cancellation), ["settled", "superseded"]],
  ]),
  steps: [
    {
      drafts: [...healthy, poisoned, cancelled, cancellation],
      before: ({ model }) => void model.coin.poison.add(poisonMemo),
      until: (world) => areIncluded([...healthy, cancellation], world),
    },
    {
      before: ({ model }) => model.coin.poison.clear(),
      until: (world) => areIncluded([poisoned], world),
    },
  ],
};

const dear = [pay(1), pay(2), pay(3), pay(4)];
const broke = [pay(5), pay(6), pay(7), pay(8)];

const market: Scenario = {
  name: "a fee spike with repricing, and lanes out of gas",
  funds: fund(8, 1_000n),
  sender: { repriceBlocks: 1 },
  steps: [
    {
      drafts: dear,
      before({ model }) {
        model.baseFee = 1_000n;
      },
      until: async (world) =>
        (await Promise.all(dear.map((draft) => stateOf(draft, world)))).every((s) => s === "sent"),
    },
    {
      before({ model }) {
        model.market = { maxFeePerGas: 1_200n, maxPriorityFeePerGas: 20n };
      },
      until: (world) => areIncluded(dear, world),
    },
    {
      drafts: broke,
      before({ model }) {
        model.baseFee = 1n;
        for (const lane of [laneA, laneB]) model.purses.set(lane, 1_000n);
      },
      until: async () => true,
    },
    {
      before: ({ model }) => model.purses.clear(),
      until: (world) => areIncluded(broke, world),
    },
  ],
};

const starved = [pay(1), pay(2), pay(3), pay(4)];

const funding: Scenario = {
  name: "lanes out of gas that are topped up, and a reorg that takes the transfers back",
  funds: fund(4, 1_000n),
  hasFunder: true,
  steps: [
    {
      drafts: starved,
      before({ model }) {
        for (const lane of [laneA, laneB]) model.purses.set(lane, 1_000n);
      },
      until: async ({ model }) => model.transactionsOf([funder]).length >= 2,
    },
    {
      before: ({ model }) => model.reorg(1),
      until: (world) => areIncluded(starved, world),
    },
    closing,
  ],
  check({ model }) {
    const given = model.transactionsOf([funder]).map(({ to, value }) => `${to} ${value}`);
    const each = funderLimits.topUp * 1_000_000_000n;
    expect(given.toSorted(), "P14: each lane was given gas money once").to.deep.equal([
      `${laneA} ${each}`,
      `${laneB} ${each}`,
    ]);
  },
};

const large = redemptionTerms({ amount: 2_000_000n });

const redeeming: Scenario = {
  name: "a redemption with a second key, paid out",
  funds: fund(2, 3_000_000n),
  steps: [
    { drafts: [signLock(large)] },
    { drafts: [signStep("accept", large, "locked")] },
    // Marking it sent waits for the second key.
    { drafts: [signStep("mark-sent", large, "accepted"), signStep("approve", large, "accepted")] },
    { drafts: [signStep("confirm", large, "sent")] },
  ],
};

const [withdrawn, rejected, disputed, forgotten] = [1, 2, 3, 4].map((holder) =>
  redemptionTerms({ holder: wallet(holder), salt: toWord(BigInt(holder)) }),
) as [typeof large, typeof large, typeof large, typeof large];

const returning: Scenario = {
  name: "redemptions that end otherwise: cancelled, rejected, decided, forgotten",
  funds: fund(4, 20_000n),
  prologue: [
    { drafts: [withdrawn, rejected, disputed, forgotten].map(signLock) },
    { drafts: [signStep("accept", disputed, "locked")] },
    { drafts: [signStep("mark-sent", disputed, "accepted")] },
  ],
  steps: [
    {
      drafts: [
        signStep("cancel-redemption", withdrawn, "locked"),
        signStep("reject", rejected, "locked"),
        signStep("dispute", disputed, "sent"),
      ],
    },
    {
      drafts: [signStep("resolve", disputed, "disputed", true)],
      before: (world) => jump(world, 20_000),
      keeps: true,
      until: async ({ store }) =>
        (await store.readRedemption(redemptionId(forgotten)))?.state === "returned" &&
        (await store.readRedemption(redemptionId(disputed)))?.state === "burned",
    },
    closing,
  ],
};

const small = signMint({ depositId: toWord(501n), to: wallet(30), amount: 5_000n, deadline: validBefore });
const big = { depositId: toWord(502n), to: wallet(31), amount: 1_500_000n };
const bigMint = signMint({ ...big, deadline: validBefore });

const treasury: Scenario = {
  name: "the Treasury's orders, and mints that wait for them",
  funds: fund(1, 1_000n),
  steps: [
    { drafts: [signAttest(toWord(601n), 1n << 60n), signMinting(toWord(602n), false)] },
    {
      drafts: [small, signMinting(toWord(603n), true), bigMint, signApproveMint(mintKey({ dealer, coin, ...big }))],
    },
    closing,
  ],
};

const freezes: Scenario = {
  name: "freezing, seizing, releasing, and a payment that waits",
  funds: fund(3, 1_000n),
  steps: [
    {
      drafts: [signFreeze(toWord(701n), wallet(1), 300n), signFreeze(toWord(702n), wallet(2), null), pay(2), pay(3)],
      until: (world) =>
        areIncluded([signFreeze(toWord(701n), wallet(1), 300n), signFreeze(toWord(702n), wallet(2), null)], world),
    },
    { drafts: [signSeize(toWord(703n), wallet(1), 200n), signUnfreeze(toWord(704n), wallet(2))] },
    { until: (world) => areIncluded([pay(2), pay(3)], world) },
    closing,
  ],
};

const claimsOf = [1, 2, 3].map((sender) =>
  claimTerms({
    sender: wallet(sender),
    salt: toWord(BigInt(sender)),
    cancelFrom: blockStart + 1,
    expiry: blockStart + 5_000,
  }),
) as [typeof link, typeof link, typeof link];
const [unwanted, takenBack] = claimsOf;

const claims: Scenario = {
  name: "claims declined, cancelled and forgotten",
  funds: fund(3, 1_000n),
  steps: [
    { drafts: claimsOf.map(signOpenClaim) },
    {
      drafts: [
        signEndClaim("decline-claim", unwanted, blockStart + 4_000),
        signEndClaim("cancel-claim", takenBack, blockStart + 4_000),
      ],
    },
    {
      before: (world) => jump(world, 6_000),
      keeps: true,
      until: async ({ model }) => [...model.escrows.claims.values()].every(({ state }) => state !== "open"),
    },
    closing,
  ],
};

const disputedPayment: PaymentTerms = paymentTerms({
  payer: wallet(1),
  merchant: wallet(2),
  captureBy: blockStart + 5_000,
  refundBy: blockStart + 9_000,
});
const totals = { captured: 200n, voided: 0n };
const order = (changes: Partial<CaptureOrder>) => captureOrder({ deadline: blockStart + 4_000, ...changes });

const disputes: Scenario = {
  name: "a payment refunded in part, voided in part, disputed and decided",
  funds: fund(2, 1_000n),
  prologue: [
    { drafts: [signAuthorize(disputedPayment)] },
    { drafts: [signCapture(disputedPayment, order({ amount: 200n }))] },
  ],
  steps: [
    {
      drafts: [
        signRefund(disputedPayment, 80n, 0n),
        signVoid(disputedPayment, { amount: 50n, ...totals, deadline: blockStart + 4_000 }),
      ],
    },
    { drafts: [signDispute(disputedPayment, { captured: 200n, voided: 50n, deadline: blockStart + 4_000 })] },
    {
      drafts: [
        signResolve(disputedPayment, {
          toMerchant: 100n,
          captured: 200n,
          voided: 50n,
          feeBps: 100,
          deadline: blockStart + 4_000,
        }),
      ],
    },
    closing,
  ],
};

const [charged, abandoned] = [3, 4].map((payer) =>
  paymentTerms({
    payer: wallet(payer),
    merchant: wallet(2),
    captureBy: blockStart + 5_000,
    refundBy: blockStart + 9_000,
  }),
) as [PaymentTerms, PaymentTerms];

const commerce: Scenario = {
  name: "a charge, a capture, and what is left sent back after the deadline",
  funds: fund(4, 1_000n),
  steps: [
    { drafts: [signCharge(charged, order({ amount: 300n, voidRest: true })), signAuthorize(abandoned)] },
    { drafts: [signCapture(abandoned, order({ amount: 200n }))] },
    {
      before: (world) => jump(world, 6_000),
      keeps: true,
      until: async ({ model }) => model.escrows.payments.get(paymentId(abandoned))?.voided === 300n,
    },
    closing,
  ],
};

const quotes = [1, 2].map((salt) => quoteTerms({ salt: toWord(BigInt(salt)), buyAmount: 300n }));
const [taken, revoked] = quotes as [(typeof quotes)[number], (typeof quotes)[number]];
const travelling = pay(5);

const swaps: Scenario = {
  name: "swaps, families and the travel rule",
  funds: fund(8, 1_000n),
  ends: new Map<Word, readonly IntentState[]>([
    [digestOf(signSwap(revoked)), ["cancelled", "settled"]],
    [digestOf(signCancelQuote(revoked, blockStart + 200)), ["settled", "superseded"]],
  ]),
  prologue: [
    {
      drafts: [signJoin(toWord(801n), wallet(8)), pay(8)],
      before: ({ model }) => model.move(zeroAddress, wallet(2), 1_000n),
    },
  ],
  steps: [
    {
      drafts: [
        signSwap(taken),
        signSwap(revoked),
        signCancelQuote(revoked, blockStart + 200),
        signJoin(toWord(802n), wallet(7)),
        signLeave(toWord(803n), wallet(8)),
        travelling,
      ],
      before: ({ model }) => void model.coin.attested.set(`${wallet(5)}:${wallet(25)}`, 0),
      until: (world) =>
        areIncluded([signSwap(taken), signLeave(toWord(803n), wallet(8)), signJoin(toWord(802n), wallet(7))], world),
    },
    {
      drafts: [signAttestation({ payer: wallet(5), payee: wallet(25), amount: 400n }, toWord(804n))],
      until: (world) => areIncluded([travelling], world),
    },
    {
      before: (world) => jump(world, 2_000),
      drafts: [completeLeaveOf(wallet(8), 1_002_000)],
    },
  ],
};

export const scenarios: readonly Scenario[] = [
  payments,
  poison,
  market,
  funding,
  redeeming,
  returning,
  treasury,
  freezes,
  claims,
  disputes,
  commerce,
  swaps,
];
