/**
 * Clients of the simulated node: they sign, send, lose patience and send the same again, to whichever node answers; they cancel, pay the same nonce
 * twice and are overtaken by strangers. Own the drafts; everything that was acknowledged is noted with the witness.
 */
import type { Draft } from "../../src/domain/draft.ts";
import { type Address, toWord, zeroAddress } from "../../src/domain/hex.ts";
import type { AcceptOutcome, Store } from "../../src/pipeline/ports.ts";
import {
  captureOrder,
  claimTerms,
  paymentTerms,
  quoteTerms,
  signAuthorize,
  signCancelQuote,
  signCapture,
  signClaim,
  signEndClaim,
  signOpenClaim,
  signRefund,
  signSwap,
  signVoid,
} from "./model-agreements.ts";
import { encoder, signCancel, signMint, signTransfer, wallet } from "./model-codec.ts";
import { redemptionTerms, signFreeze, signLock, signStep, signUnfreeze } from "./model-orders.ts";
import type { SimNode } from "./sim-node.ts";
import { count, type SimWorld } from "./sim-world.ts";
import type { Witness } from "./witness.ts";

export interface Crowd {
  readonly world: SimWorld;
  readonly witness: Witness;
  readonly store: Store;
  /** The nodes that are up. */
  readonly nodes: () => readonly SimNode[];
  /** Clients that are still at it. */
  busy: number;
}

const patienceMs = 10_000;
const maxTries = 12;
/** Answers after which the same request is sent again. */
const passing = new Set([
  "chain_stale",
  "storage_unavailable",
  "queue_full",
  "insufficient_funds",
  "step_in_flight",
  "redemption_unknown",
  "agreement_unknown",
]);
const noAnswer: AcceptOutcome = {
  kind: "refused",
  reasons: [{ code: "storage_unavailable", subject: "", remedy: "" }],
};

async function pause({ world }: Crowd, most: number): Promise<void> {
  const { scheduler, random, actor } = world;
  await scheduler.clockOf(actor).sleep(100 + random.below(most));
}

/** Sends until it is told or refused for good. True: told. */
async function submit(crowd: Crowd, draft: Draft): Promise<boolean> {
  const { world, witness } = crowd;
  const clock = world.scheduler.clockOf(world.actor);
  for (let tries = 0; tries < maxTries; tries++) {
    const nodes = crowd.nodes();
    if (nodes.length > 0) {
      const { house } = world.random.pick(nodes);
      const gaveUp = clock.sleep(patienceMs).then(() => [noAnswer]);
      const [outcome = noAnswer] = await Promise.race([house.intake.submit([draft], null), gaveUp]);
      witness.note([outcome]);
      if (outcome.kind !== "refused") return true;
      if (!outcome.reasons.every(({ code }) => passing.has(code))) {
        for (const { code } of outcome.reasons) count(world, `refused ${code}`);
        return false;
      }
    }
    await pause(crowd, 3_000);
  }
  return false;
}

/** Waits until the intent is in a block, or for as long as this client cares. */
async function follow(crowd: Crowd, draft: Draft): Promise<boolean> {
  const { digest } = encoder.encode(draft).facts;
  for (let tries = 0; tries < 15; tries++) {
    const state = (await crowd.store.findByDigest(digest))?.state;
    if (state === "included" || state === "settled") return true;
    await pause(crowd, 2_000);
  }
  return false;
}

async function carryOut(crowd: Crowd, draft: Draft): Promise<boolean> {
  return (await submit(crowd, draft)) && (await follow(crowd, draft));
}

/** Pays again and again under ascending nonces, and sometimes regrets it. */
async function payer(crowd: Crowd, index: number): Promise<void> {
  const { model, random } = crowd.world;
  const from = wallet(index);
  for (let nonce = 0n; nonce < 6n; nonce++) {
    const key = random.chance(0.1) ? toWord((1n << 200n) + nonce) : toWord(nonce);
    const memo = random.chance(0.1) ? toWord(600n + BigInt(random.below(3))) : null;
    if (memo !== null && random.chance(0.5)) model.coin.poison.add(memo);
    const to = wallet(1 + random.below(30));
    const terms = { from, to, value: BigInt(10 + random.below(300)), validAfter: 0, nonce: key };
    const draft = signTransfer({ ...terms, validBefore: model.time + 30 + random.below(300) }, memo);
    if (random.chance(0.1)) {
      // A stranger is first, with this very payment or with another that was signed under its nonce.
      const other = random.chance(0.3) ? signTransfer({ ...draft.authorization, value: 1n }) : draft;
      void pause(crowd, 4_000).then(() => model.submit({ by: wallet(77), rows: [other] }));
      count(crowd.world, "overtaken");
    }
    const twice = random.chance(0.2) ? submit(crowd, draft) : null;
    const [told] = await Promise.all([submit(crowd, draft), twice]);
    if (told && random.chance(0.15)) await submit(crowd, signCancel(from, BigInt(key)));
    await pause(crowd, 4_000);
  }
}

async function claimant(crowd: Crowd, index: number): Promise<void> {
  const { model, random } = crowd.world;
  const [sender, salt] = [wallet(index), toWord(BigInt(index))];
  const terms = claimTerms({ sender, salt, cancelFrom: model.time + 1, expiry: model.time + 100 });
  if (!(await carryOut(crowd, signOpenClaim(terms)))) return;
  const deadline = model.time + 60;
  const ends: readonly Draft[] = [
    signClaim(terms, wallet(60 + index), deadline),
    signEndClaim("decline-claim", terms, deadline),
    signEndClaim("cancel-claim", terms, deadline),
  ];
  // Two of them at once; or nobody, and the keeper sends it back.
  if (random.chance(0.8)) await Promise.all([submit(crowd, random.pick(ends)), submit(crowd, random.pick(ends))]);
}

async function redeemer(crowd: Crowd, index: number): Promise<void> {
  const { model, random } = crowd.world;
  const now = model.time;
  const times = { acceptBy: now + 100, payoutBy: now + 200, finalBy: now + 300 };
  const terms = redemptionTerms({ holder: wallet(index), salt: toWord(BigInt(index)), ...times });
  if (!(await carryOut(crowd, signLock(terms)))) return;
  const early = [signStep("cancel-redemption", terms, "locked"), signStep("reject", terms, "locked")];
  if (random.chance(0.3)) await submit(crowd, random.pick(early));
  if (!(await carryOut(crowd, signStep("accept", terms, "locked")))) return;
  if (!(await carryOut(crowd, signStep("mark-sent", terms, "accepted")))) return;
  if (random.chance(0.3)) {
    if (!(await carryOut(crowd, signStep("dispute", terms, "sent")))) return;
    await submit(crowd, signStep("resolve", terms, "disputed", random.chance(0.5)));
  } else if (random.chance(0.8)) await submit(crowd, signStep("confirm", terms, "sent"));
}

async function shopper(crowd: Crowd, index: number): Promise<void> {
  const { model, random } = crowd.world;
  const now = model.time;
  const times = { authorizeBy: now + 60, captureBy: now + 200, refundBy: now + 400 };
  const terms = paymentTerms({ payer: wallet(index), merchant: wallet(index + 1), amount: 300n, ...times });
  if (!(await carryOut(crowd, signAuthorize(terms)))) return;
  const deadline = now + 150;
  if (!(await carryOut(crowd, signCapture(terms, captureOrder({ amount: 200n, deadline }))))) return;
  const rest = { amount: 50n, captured: 200n, voided: 0n, deadline };
  await Promise.all([submit(crowd, signRefund(terms, 50n, 0n)), submit(crowd, signVoid(terms, rest))]);
  if (random.chance(0.5))
    await submit(crowd, signCapture(terms, captureOrder({ amount: 10n, captured: 200n, deadline })));
}

async function trader(crowd: Crowd, index: number): Promise<void> {
  const { model, random } = crowd.world;
  model.move(zeroAddress, wallet(index + 1), 300n);
  const parties = { maker: wallet(index), taker: wallet(index + 1), salt: toWord(BigInt(index)) };
  const terms = quoteTerms({ ...parties, buyAmount: 300n, validBefore: model.time + 200 });
  await pause(crowd, 5_000);
  const cancel = random.chance(0.4) ? submit(crowd, signCancelQuote(terms, model.time + 100)) : null;
  await Promise.all([submit(crowd, signSwap(terms)), cancel]);
}

async function authority(crowd: Crowd, target: Address): Promise<void> {
  const { model, random } = crowd.world;
  for (let turn = 0n; turn < 3n; turn++) {
    const deposit = { depositId: toWord(500n + turn), to: target, amount: 500n };
    await submit(crowd, signMint({ ...deposit, deadline: model.time + 100 }));
    await carryOut(crowd, signFreeze(toWord(700n + turn), target, random.chance(0.5) ? null : 100n));
    await pause(crowd, 5_000);
    await submit(crowd, signUnfreeze(toWord(710n + turn), target));
  }
}

/** All clients at once. */
export function startCrowd(crowd: Crowd): void {
  const start = (client: Promise<void>): void => {
    crowd.busy += 1;
    void client.finally(() => {
      crowd.busy -= 1;
    });
  };
  for (let index = 1; index <= 6; index++) start(payer(crowd, index));
  for (const index of [3, 5]) start(claimant(crowd, index));
  for (const index of [9, 10]) start(redeemer(crowd, index));
  start(shopper(crowd, 2));
  start(trader(crowd, 4));
  start(authority(crowd, wallet(7)));
}
