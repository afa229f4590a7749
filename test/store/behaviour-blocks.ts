/**
 * Blocks on a real store: what applying one changes, what a reorg puts back, and what finality ends and posts.
 */
import { expect } from "chai";
import type { RedemptionMoved } from "../../src/domain/facts.ts";
import { stepFence, windowSize } from "../../src/domain/intent.ts";
import { toWord, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import { type OpenStore, withStore } from "./harness.ts";
import {
  ana,
  cancelFacts,
  coin,
  createBlocks,
  createWorld,
  escrow,
  farFuture,
  genesisTime,
  lane,
  luis,
  mintFacts,
  stranger,
  toAddress,
  toCancelled,
  toHash,
  toMovement,
  transferFacts,
  wide,
  type World,
} from "./world.ts";

type Test = (title: string, body: (world: World) => Promise<void>) => void;

async function rejects(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(String(error)).to.match(pattern);
}

function describeCursor(test: Test): void {
  describe("the chain of blocks", () => {
    test("starts anywhere, then accepts only the child of the latest block", async ({ store }) => {
      const blocks = createBlocks();
      blocks.next();
      const start = blocks.next();
      await store.applyBlock(start, 1);
      expect(await store.readCursor()).to.deep.equal({ latest: start.block, final: null });
      const child = blocks.next();
      const orphan = { ...child, block: { ...child.block, parent: toHash("other", 1) } };
      await rejects(store.applyBlock(orphan, 1), /does not follow/);
      await rejects(store.applyBlock(blocks.next(), 1), /does not follow/);
      await store.applyBlock(child, 1);
      expect(await store.readBlock(3)).to.deep.equal(child.block);
      expect(await store.readBlock(9)).to.equal(null);
    });

    test("applies a repeated block once", async (world) => {
      await world.fund(ana, 100n);
      const transaction = world.nextHash();
      const movement = { ...toMovement(transferFacts(), { transaction, logIndex: 900 }), fence: null };
      const facts = world.blocks.next({ movements: [movement] });
      await world.store.applyBlock(facts, 1);
      await world.store.applyBlock(facts, 1);
      expect((await world.account(luis)).balance).to.equal(10n);
    });

    test("refuses to revert below the final block and forgets older blocks", async (world) => {
      for (let i = 0; i < 4; i++) await world.apply();
      await world.store.finalize(3, 1);
      expect((await world.store.readCursor()).final?.number).to.equal(3);
      expect(await world.store.readBlock(2)).to.equal(null);
      expect((await world.store.readBlock(3))?.number).to.equal(3);
      await rejects(world.store.revertTo(2, 1), /below the final block/);
      await world.store.revertTo(3, 1);
      expect((await world.store.readCursor()).latest?.number).to.equal(3);
    });

    test("makes only applied blocks final, each once", async (world) => {
      await world.fund(ana, 100n);
      expect(await world.store.finalize(50, 1)).to.equal(0);
      expect((await world.store.readCursor()).final?.number).to.equal(1);
      expect((await world.account(ana)).posted).to.equal(100n);
      await world.store.finalize(50, 1);
      expect((await world.account(ana)).posted).to.equal(100n);
      expect(await world.store.finalize(0, 1)).to.equal(0);
    });
  });
}

function describeConsumption(test: Test): void {
  describe("consumed fences", () => {
    test("includes the intent, releases its hold and links the movement", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts({ amount: 60n }));
      const slot = await world.send(intent);
      await world.settle(slot, intent);
      const { balance, held } = await world.account(ana);
      expect([balance, held]).to.deep.equal([40n, 0n]);
      expect((await world.account(luis)).balance).to.equal(60n);
      const { state, evidence } = await world.read(intent);
      expect(state).to.equal("included");
      expect([evidence?.transaction, evidence?.by]).to.deep.equal([slot.attempt.hash, lane]);
      expect(evidence?.blockHash).to.equal(world.blocks.head?.hash);
      const [movement] = await world.store.listMovements({ limit: 1 });
      expect([movement?.intent, movement?.final, movement?.by]).to.deep.equal([intent.sequence, false, lane]);
    });

    test("F12: settles only when the block is final", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts());
      await world.settle(await world.send(intent), intent);
      await world.store.finalize(1, 1);
      expect((await world.read(intent)).state).to.equal("included");
      expect(await world.finalize()).to.equal(1);
      const { state, endedAt } = await world.read(intent);
      expect([state, endedAt]).to.deep.equal(["settled", world.at()]);
    });

    test("judges a transfer and its cancellation by who consumed the fence", async (world) => {
      await world.fund(ana, 100n);
      const outcomes: string[][] = [];
      for (const winner of ["transfer", "cancel"]) {
        const transfer = await world.accept(transferFacts({ amount: 5n }));
        const cancel = await world.accept(cancelFacts(transfer));
        const at = { transaction: world.nextHash(), logIndex: world.nextLog() };
        if (winner === "transfer") await world.apply(world.settled([transfer], at.transaction, stranger));
        else await world.apply({ fences: [toCancelled(transfer.fence, at)] });
        await world.finalize();
        outcomes.push([(await world.read(transfer)).state, (await world.read(cancel)).state]);
      }
      expect(outcomes).to.deep.equal([
        ["settled", "superseded"],
        ["cancelled", "settled"],
      ]);
    });

    test("P2: throws when one fence is consumed twice, and changes nothing", async (world) => {
      await world.fund(ana, 100n);
      const facts = transferFacts({ amount: 5n });
      await world.apply(world.settled([facts], world.nextHash(), stranger));
      await rejects(world.apply(world.settled([facts], world.nextHash(), stranger)), /P2/);
      expect((await world.account(ana)).balance).to.equal(95n);
      expect((await world.store.readCursor()).latest?.number).to.equal(2);
    });

    test("F14: an intent whose row was skipped because its nonce was used is judged by the fence", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts());
      const slot = await world.send(intent);
      const theirs = world.settled([intent], world.nextHash(), stranger);
      const skip = { fence: intent.fence, reason: "nonce_used", transaction: slot.attempt.hash, logIndex: 99 } as const;
      await world.apply({ ...theirs, skips: [skip], slots: [world.mined(slot)] });
      expect((await world.read(intent)).evidence?.by).to.equal(stranger);
      await world.finalize();
      expect((await world.read(intent)).state).to.equal("settled");
    });
  });

  describe("expiry", () => {
    test("expires at the final block whose time reaches validBefore, not one second earlier", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts({ validBefore: genesisTime + 3 }));
      await world.apply();
      await world.finalize();
      expect((await world.read(intent)).state).to.equal("accepted");
      await world.apply();
      expect((await world.read(intent)).state, "not before it is final").to.equal("accepted");
      expect(await world.finalize()).to.equal(1);
      expect((await world.read(intent)).state).to.equal("expired");
      expect((await world.account(ana)).held).to.equal(0n);
    });

    test("keeps the last reason it was held for", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts({ validBefore: genesisTime + 2 }));
      await world.store.hold([{ sequence: intent.sequence, reason: "payee_frozen", until: 0 }]);
      await world.plan(intent);
      await world.apply();
      await world.finalize();
      const { state, reason, evidence } = await world.read(intent);
      expect([state, reason, evidence]).to.deep.equal(["expired", "payee_frozen", null]);
    });

    test("never expires what has no end, and not what a block carried out in time", async (world) => {
      await world.fund(ana, 100n);
      const endless = await world.accept(transferFacts({ validBefore: Number.MAX_SAFE_INTEGER }));
      const inTime = await world.accept(transferFacts({ validBefore: genesisTime + 3 }));
      await world.settle(await world.send(inTime), inTime);
      await world.apply({}, farFuture * 2);
      await world.finalize();
      expect((await world.read(inTime)).state).to.equal("settled");
      expect((await world.read(endless)).state).to.equal("accepted");
    });
  });
}

function describeSlots(test: Test): void {
  describe("mined slots", () => {
    test("holds a skipped row's intent with the reason and a backoff that doubles", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts());
      const other = await world.accept(transferFacts());
      for (const [round, wait] of [1_000, 2_000, 4_000].entries()) {
        const slot = await world.send(intent, ...(round === 0 ? [other] : []));
        const skip = { fence: intent.fence, transaction: slot.attempt.hash, logIndex: world.nextLog() };
        const settled = round === 0 ? world.settled([other], slot.attempt.hash) : {};
        const at = world.at();
        await world.apply({
          ...settled,
          skips: [{ ...skip, reason: "insufficient_funds" }],
          slots: [world.mined(slot)],
        });
        const { state, reason } = await world.read(intent);
        expect([state, reason]).to.deep.equal(["accepted", "insufficient_funds"]);
        const ready = async (now: number) => (await world.store.readReady({ now, limit: 9 })).length;
        const applied = at + 1_000;
        expect([await ready(applied + wait - 1), await ready(applied + wait)]).to.deep.equal([0, 1]);
      }
      expect((await world.read(other)).state).to.equal("included");
      expect((await world.account(ana)).held, "still promised").to.equal(10n);
      expect(await world.eventTypes(intent)).to.deep.equal(["accepted", "back", "held", "back", "back"]);
    });

    test("ignores a skip in a stranger's batch", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts());
      await world.send(intent);
      const skip = { fence: intent.fence, reason: "payer_frozen", transaction: world.nextHash(), logIndex: 1 } as const;
      await world.apply({ skips: [skip] });
      expect((await world.read(intent)).state).to.equal("sent");
    });

    test("takes the reason from its own transaction when a stranger skipped the same row in that block", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts());
      const slot = await world.send(intent);
      const ours = {
        fence: intent.fence,
        reason: "insufficient_funds",
        transaction: slot.attempt.hash,
        logIndex: 1,
      } as const;
      const theirs = { ...ours, reason: "payer_frozen", transaction: world.nextHash(), logIndex: 2 } as const;
      await world.apply({ skips: [ours, theirs], slots: [world.mined(slot)] });
      expect((await world.read(intent)).reason).to.equal("insufficient_funds");
    });

    test("P11: a reverted batch goes back at once, counted, and a lone call backs off with its reason", async (world) => {
      await world.fund(ana, 100n);
      const intents = [await world.accept(transferFacts()), await world.accept(transferFacts())];
      const batch = await world.send(...intents);
      await world.apply({ slots: [world.mined(batch, { succeeded: false })] });
      const ready = await world.store.readReady({ now: world.at(), limit: 9 });
      expect(ready.map(({ reverts, holds }) => [reverts, holds])).to.deep.equal([
        [1, 0],
        [1, 0],
      ]);
      const mint = await world.accept(mintFacts(toHash("deposit", 1)));
      const call = await world.send(mint);
      await world.apply({ slots: [world.mined(call, { succeeded: false, reason: "minting_off" })] });
      expect((await world.read(mint)).reason).to.equal("minting_off");
      expect((await world.store.readReady({ now: world.at(), limit: 9 })).length).to.equal(2);
    });

    test("sends back what a mined slot neither did nor skipped", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts());
      await world.apply({ slots: [world.mined(await world.send(intent))] });
      const { state, reason } = await world.read(intent);
      expect([state, reason]).to.deep.equal(["accepted", "reverted"]);
    });

    test("F5: takes a slot that was mined before it was marked sent", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts());
      const slot = await world.plan(intent);
      await world.settle(slot, intent);
      await world.store.markSent([slot.attempt.hash], 1);
      expect((await world.store.readOpenSlots(lane, 9))[0]?.state).to.equal("mined");
      await world.finalize();
      expect(await world.store.readOpenSlots(lane, 9)).to.deep.equal([]);
      expect((await world.read(intent)).state).to.equal("settled");
    });

    test("imports a transaction of a lane that it does not know, and moves the nonce past it", async (world) => {
      const nonce = 4;
      await world.apply({ slots: [world.mined({ nonce, attempt: { hash: world.nextHash() } })] });
      const [imported] = await world.store.readOpenSlots(lane, 9);
      expect([imported?.nonce, imported?.state, imported?.kind]).to.deep.equal([4, "mined", "empty"]);
      const [reopened] = await world.store.openLanes([{ address: lane, chainNonce: 0 }]);
      expect(reopened?.nextNonce).to.equal(5);
    });

    test("P4: throws when a nonce is mined twice", async (world) => {
      const slot = { nonce: 0, attempt: { hash: world.nextHash() } };
      await world.apply({ slots: [world.mined(slot)] });
      await rejects(world.apply({ slots: [world.mined(slot)] }), /P4/);
    });
  });
}

function describeWindow(test: Test): void {
  const pay = (nonce: bigint) => transferFacts({ nonce: toWord(nonce), amount: 1n });

  describe("the nonce window", () => {
    test("moves the base over consumed nonces only, in any order", async (world) => {
      await world.fund(ana, 100n);
      await world.apply(world.settled([pay(2n), pay(1n)], world.nextHash(), stranger));
      let account = await world.account(ana);
      expect([account.nonceBase, account.consumed]).to.deep.equal([0n, [1n, 2n]]);
      await world.apply(world.settled([pay(0n), pay(4n)], world.nextHash(), stranger));
      account = await world.account(ana);
      expect([account.nonceBase, account.consumed]).to.deep.equal([3n, [4n]]);
    });

    test("moves by a whole window at once", async (world) => {
      await world.fund(ana, 100n);
      const all = Array.from({ length: Number(windowSize) }, (_, i) => pay(BigInt(i)));
      await world.apply(world.settled(all, world.nextHash(), stranger));
      expect((await world.account(ana)).nonceBase).to.equal(windowSize);
    });

    test("puts base and consumed nonces back after a reorg, final ones included", async (world) => {
      await world.fund(ana, 100n);
      await world.apply(world.settled([pay(2n)], world.nextHash(), stranger));
      await world.apply(world.settled([pay(0n), pay(1n)], world.nextHash(), stranger));
      expect((await world.account(ana)).nonceBase).to.equal(3n);
      await world.store.finalize(2, 1);
      await world.reorgTo(2);
      const account = await world.account(ana);
      expect([account.nonceBase, account.consumed]).to.deep.equal([0n, [2n]]);
      await world.apply(world.settled([pay(0n), pay(1n)], world.nextHash(), stranger));
      await world.finalize();
      const again = await world.account(ana);
      expect([again.nonceBase, again.consumed]).to.deep.equal([3n, []]);
    });

    test("lists the window nonces of live intents, cancellations included", async (world) => {
      await world.fund(ana, 100n);
      const transfer = await world.accept(pay(3n));
      await world.accept(pay(7n));
      await world.accept(transferFacts({ nonce: wide(3), amount: 1n }));
      await world.accept(cancelFacts(transfer));
      expect((await world.account(ana)).live).to.deep.equal([3n, 7n]);
    });

    test("a skip of nonces cancels the intents below it, moves the base, and a reorg undoes both", async (world) => {
      await world.fund(ana, 100n);
      const below = await world.accept(pay(1n));
      const above = await world.accept(pay(5n));
      const skip = { coin, account: ana, oldBase: 0n, newBase: 5n, transaction: world.nextHash(), logIndex: 3 };
      await world.apply({ nonceSkips: [skip] });
      expect((await world.account(ana)).nonceBase).to.equal(5n);
      await world.reorgTo(1);
      expect((await world.account(ana)).nonceBase).to.equal(0n);
      await world.apply({ nonceSkips: [skip] });
      await world.finalize();
      expect([(await world.read(below)).state, (await world.read(above)).state]).to.deep.equal([
        "cancelled",
        "accepted",
      ]);
      expect((await world.read(below)).evidence?.by).to.equal(ana);
    });
  });
}

function describeReorgs(test: Test): void {
  describe("reorgs", () => {
    test("P8: put balances, holds, freezes, slots and states back, and tell why", async (world) => {
      await world.fund(ana, 100n);
      const before = [await world.account(ana), await world.account(luis)];
      const sent = await world.accept(transferFacts({ amount: 60n }));
      const slot = await world.send(sent);
      const held = await world.account(ana);
      const freeze = { coin, account: luis, transaction: world.nextHash(), logIndex: 800 };
      const freezes = [{ ...freeze, frozen: 7n }];
      await world.apply({ ...world.settled([sent], slot.attempt.hash), slots: [world.mined(slot)], freezes });
      await world.apply({ freezes: [{ ...freeze, frozen: null }] });
      await world.reorgTo(1);
      expect(await world.account(ana)).to.deep.equal(held);
      expect((await world.account(ana)).held).to.equal(60n);
      expect(await world.account(luis)).to.deep.equal(before[1]);
      expect((await world.store.readOpenSlots(lane, 9))[0]?.state).to.equal("sent");
      const { state, evidence } = await world.read(sent);
      expect([state, evidence]).to.deep.equal(["sent", null]);
      const { events } = await world.store.readEvents({ after: 0n, limit: 99 });
      expect(events.find((event) => event.type === "back")?.body).to.include({
        from: "included",
        to: "sent",
        why: "reorg",
      });
      expect(await world.store.listMovements({ limit: 9 })).to.have.length(1);
      expect((await world.store.readCursor()).latest?.number).to.equal(1);
    });

    test("P8: one deep reorg equals the same blocks undone one by one", async (world) => {
      await world.fund(ana, 100n);
      const facts = [
        transferFacts({ nonce: toWord(0n), amount: 1n }),
        transferFacts({ nonce: toWord(1n), amount: 2n }),
      ];
      const start = await world.account(ana);
      const forward = async () => {
        for (const one of facts) await world.apply(world.settled([one], world.nextHash(), stranger));
      };
      await forward();
      await world.reorgTo(1);
      expect(await world.account(ana)).to.deep.equal(start);
      await forward();
      await world.reorgTo(2);
      await world.reorgTo(1);
      expect(await world.account(ana)).to.deep.equal(start);
    });

    test("forgets a verdict with its block and judges again on the new chain", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts({ amount: 60n }));
      await world.apply({ fences: [toCancelled(intent.fence, { transaction: world.nextHash(), logIndex: 1 })] });
      expect(await world.store.readReady({ now: world.at(), limit: 9 }), "not planned any more").to.deep.equal([]);
      await world.reorgTo(1);
      expect(await world.store.readReady({ now: world.at(), limit: 9 })).to.have.length(1);
      expect((await world.account(ana)).held).to.equal(60n);
      await world.settle(await world.send(intent), intent);
      await world.finalize();
      expect((await world.read(intent)).state).to.equal("settled");
    });

    test("settles once when the same transaction is mined again after a reorg", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts({ amount: 60n }));
      const slot = await world.send(intent);
      await world.settle(slot, intent);
      await world.reorgTo(1);
      await world.apply();
      await world.settle(slot, intent);
      await world.finalize();
      const { state, evidence } = await world.read(intent);
      expect([state, evidence?.blockNumber]).to.deep.equal(["settled", 3]);
      expect((await world.account(ana)).posted).to.equal(40n);
      expect(await world.eventTypes(intent)).to.deep.equal(["accepted", "included", "back", "included", "settled"]);
    });

    test("may take everything away while nothing is final", async (world) => {
      await world.fund(ana, 100n);
      await world.reorgTo(0);
      expect(await world.store.readCursor()).to.deep.equal({ latest: null, final: null });
      expect((await world.account(ana)).balance).to.equal(0n);
    });
  });
}

function describePosting(test: Test): void {
  describe("posting", () => {
    test("P9: posts final movements, strangers' ones too, as two lines each that sum to zero", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts({ amount: 60n }));
      await world.settle(await world.send(intent), intent);
      const burn = { kind: "burn", coin, from: luis, to: zeroAddress, amount: 15n, memo: null, fence: null } as const;
      await world.apply({ movements: [{ ...burn, transaction: world.nextHash(), logIndex: 700, by: stranger }] });
      expect(await world.store.sumLedger(coin)).to.deep.equal({ sum: 0n, issued: 0n });
      await world.store.finalize(2, 1);
      expect(await world.store.sumLedger(coin)).to.deep.equal({ sum: 0n, issued: -100n });
      await world.finalize();
      expect(await world.store.sumLedger(coin)).to.deep.equal({ sum: 0n, issued: -85n });
      expect(await world.store.sumLedger(toAddress(0xdead))).to.deep.equal({ sum: 0n, issued: 0n });
      const page = await world.store.readPosted({ coin, after: null, limit: 9 });
      expect(page.final?.number).to.equal(3);
      expect(page.balances).to.deep.equal([
        { address: luis, posted: 45n },
        { address: ana, posted: 40n },
      ]);
      const rest = await world.store.readPosted({ coin, after: luis, limit: 9 });
      expect(rest.balances.map(({ address }) => address)).to.deep.equal([ana]);
    });

    test("posts a payment to oneself as two lines that change nothing", async (world) => {
      await world.fund(ana, 100n);
      const intent = await world.accept(transferFacts({ payee: ana }));
      await world.settle(await world.send(intent), intent);
      await world.finalize();
      const { lines } = (await world.store.readTrace(intent.sequence)) ?? { lines: [] };
      expect(lines.map(({ amount }) => amount)).to.deep.equal([-10n, 10n]);
      const { balance, posted } = await world.account(ana);
      expect([balance, posted]).to.deep.equal([100n, 100n]);
    });

    test("lets available go below zero when the chain says so", async (world) => {
      await world.fund(ana, 100n);
      await world.accept(transferFacts({ amount: 80n }));
      const outside = {
        ...toMovement(transferFacts({ amount: 50n }), { transaction: world.nextHash(), logIndex: 1 }),
        fence: null,
      };
      await world.apply({ movements: [outside] });
      const { balance, held } = await world.account(ana);
      expect([balance, held]).to.deep.equal([50n, 80n]);
    });
  });
}

function describeRedemptions(test: Test): void {
  const id = toHash("redemption", 7);
  const moved = (change: Partial<RedemptionMoved>): RedemptionMoved => ({
    id,
    escrow,
    actor: ana,
    from: "none",
    to: "locked",
    reference: zeroWord,
    terms: null,
    transaction: toHash("redeem", 1),
    logIndex: 1,
    ...change,
  });
  const terms = {
    coin,
    holder: ana,
    amount: 50n,
    payout: zeroWord,
    acceptBy: 1,
    payoutBy: 2,
    finalBy: 3,
    salt: zeroWord,
  };

  describe("redemptions", () => {
    test("derives the state from the last step and takes steps back in a reorg", async (world) => {
      await world.fund(ana, 100n);
      const lock = await world.accept(
        transferFacts({ kind: "lock", nonce: id, payee: escrow, amount: 50n, subject: id }),
      );
      const slot = await world.send(lock);
      const transaction = slot.attempt.hash;
      const locked = moved({ terms, transaction });
      await world.apply({ ...world.settled([lock], transaction), redemptions: [locked], slots: [world.mined(slot)] });
      const accepted = moved({ from: "locked", to: "accepted", actor: stranger, reference: toHash("ref", 1) });
      const fence = stepFence(escrow, id, "locked");
      const consumed = { fence, how: "used", match: { kinds: ["accept"] }, ...accepted, by: stranger } as const;
      const step = await world.accept(transferFacts({ kind: "accept", fence, payer: null, payee: null, amount: 0n }));
      await world.apply({ fences: [consumed], redemptions: [accepted] });
      const stored = await world.store.readRedemption(id);
      expect([stored?.state, stored?.escrow, stored?.terms]).to.deep.equal(["accepted", escrow, terms]);
      expect(stored?.steps.map(({ from, to, actor, by }) => [from, to, actor, by])).to.deep.equal([
        ["none", "locked", ana, lane],
        ["locked", "accepted", stranger, stranger],
      ]);
      const { events } = await world.store.readEvents({ after: 0n, limit: 99 });
      const told = events.filter((event) => event.type === "redemption");
      expect(told.map((event) => [event.body["to"], event.intent])).to.deep.equal([
        ["locked", lock.sequence],
        ["accepted", step.sequence],
      ]);
      await world.reorgTo(2);
      expect((await world.store.readRedemption(id))?.state).to.equal("locked");
      await world.reorgTo(1);
      expect(await world.store.readRedemption(id)).to.equal(null);
      expect((await world.account(ana)).held).to.equal(50n);
    });

    test("P2: throws when a state is entered twice", async (world) => {
      await world.apply({ redemptions: [moved({ terms })] });
      await rejects(world.apply({ redemptions: [moved({ logIndex: 2 })] }), /P2/);
    });

    test("P19: throws when a redemption moves that was never locked", async (world) => {
      await rejects(world.apply({ redemptions: [moved({ from: "locked", to: "accepted" })] }), /P19/);
    });
  });
}

export function describeBlocks(open: OpenStore): void {
  const test: Test = (title, body) =>
    void it(
      title,
      withStore(open, async (store) => body(await createWorld(store))),
    );
  describe("blocks", () => {
    describeCursor(test);
    describeConsumption(test);
    describeSlots(test);
    describeWindow(test);
    describeReorgs(test);
    describePosting(test);
    describeRedemptions(test);
  });
}
