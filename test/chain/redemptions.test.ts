/**
 * Redemptions through the Chain port on real clients: each step's facts, and that exactly one kind of intent is settled by each. Also that a
 * call for each step has gas to spare.
 */
import { expect } from "chai";
import { encodeFunctionData } from "viem";
import { redemptionEscrowAbi } from "../../src/chain/abi.ts";
import { createSandbox } from "../../src/chain/sandbox.ts";
import type { StepDraft } from "../../src/domain/draft.ts";
import type { RedemptionTerms } from "../../src/domain/facts.ts";
import { type Address, toWord, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import { type IntentFacts, stepFence } from "../../src/domain/intent.ts";
import { judgeConsumption } from "../../src/domain/lifecycle.ts";
import { expectRoom, expectSettledBy, prepareAttest, prepareMint } from "./expectations.ts";
import type { Client } from "./local-chain.ts";
import { type ActorName, type Mined, type Network, startNetwork } from "./network.ts";

const dollar = 1_000_000n;
const id = (n: number): Word => `0x${n.toString(16).padStart(4, "0").repeat(16)}`;

for (const client of ["hardhat", "anvil"] as const satisfies readonly Client[]) {
  describe(`Redemptions on ${client}`, function () {
    this.timeout(60_000);
    let network: Network;
    let time: number;

    before(async () => {
      network = await startNetwork(client);
      time = (await network.head()).time;
      await network.submit(
        prepareAttest(network, { orderId: id(1), amount: 10_000n * dollar, asOf: time - 10, deadline: deadline() }),
      );
      const to = address("holder");
      await network.submit(
        prepareMint(network, { depositId: id(6), to, amount: 1_000n * dollar, deadline: deadline() }),
      );
    });
    after(async () => network?.stop());

    const address = (name: keyof Network["actors"]): Address => network.actors[name].address;
    const deadline = (): number => time + 60 * 86_400;
    const expectSettled = (mined: Mined, intent: IntentFacts): void => expectSettledBy(network, mined, intent);

    const termsOf = (salt: number, from: number): RedemptionTerms => ({
      coin: network.coin,
      holder: address("holder"),
      amount: 100n * dollar,
      payout: id(0x99),
      acceptBy: from + 86_400,
      payoutBy: from + 2 * 86_400,
      finalBy: from + 3 * 86_400,
      salt: toWord(BigInt(salt)),
    });

    async function lock(salt: number): Promise<{ readonly id: Word; readonly terms: RedemptionTerms }> {
      const terms = termsOf(salt, (await network.head()).time);
      const intent = network.prepare({ kind: "lock", terms }, "holder");
      const mined = await network.submit(intent);
      expectSettled(mined, intent);
      const redemptionId = network.encoder.redemptionId(terms);
      expect(intent.fence).to.deep.equal({ scope: network.coin, subject: address("holder"), key: redemptionId });
      const { transaction, logIndex, ...moved } = mined.facts
        .redemptions[0] as (typeof mined.facts.redemptions)[number];
      expect([transaction, typeof logIndex]).to.deep.equal([mined.hash, "number"]);
      expect(moved).to.deep.equal({
        id: redemptionId,
        escrow: network.deployment.redemptions,
        actor: network.lane,
        from: "none",
        to: "locked",
        reference: zeroWord,
        terms,
      });
      expect(mined.facts.movements).to.have.length(1);
      expect(mined.facts.movements[0]).to.deep.include({
        from: address("holder"),
        to: network.deployment.redemptions,
        amount: 100n * dollar,
        fence: intent.fence,
      });
      return { id: redemptionId, terms };
    }

    const actors: Readonly<Record<StepDraft["kind"], ActorName>> = {
      "cancel-redemption": "holder",
      dispute: "holder",
      approve: "cosigner",
      resolve: "arbiter",
      accept: "agent",
      reject: "agent",
      "mark-sent": "agent",
      confirm: "agent",
    };

    function step(
      redemptionId: Word,
      kind: StepDraft["kind"],
      from: StepDraft["from"],
      { reference = zeroWord, paid }: { readonly reference?: Word; readonly paid?: boolean } = {},
    ) {
      const signer = address(actors[kind]);
      const draft = { kind, id: redemptionId, coin: network.coin, from, reference, deadline: deadline(), signer };
      return network.prepare({ ...draft, ...(paid === undefined ? {} : { paid }) }, actors[kind]);
    }

    /** Carries a step out; it is the only kind of its state that this fence settles. */
    async function carryOut(intent: IntentFacts, others: readonly IntentFacts[] = []): Promise<Mined> {
      const number = (await network.head()).number;
      expect(await network.chain.isFenceConsumed(intent, number)).to.equal(false);
      const mined = await network.submit(intent);
      expectSettled(mined, intent);
      expect(await network.chain.isFenceConsumed(intent, mined.facts.block.number)).to.equal(true);
      const fence = mined.facts.fences[0] as (typeof mined.facts.fences)[number];
      for (const other of others) expect(judgeConsumption(other, fence), other.kind).to.equal("superseded");
      return mined;
    }

    it("are paid out", async () => {
      const { id: redemptionId } = await lock(1);
      const rivals = [
        step(redemptionId, "reject", "locked", { reference: id(1) }),
        step(redemptionId, "cancel-redemption", "locked"),
      ];
      const accepted = await carryOut(step(redemptionId, "accept", "locked"), rivals);
      expect(accepted.facts.redemptions[0]).to.include({
        from: "locked",
        to: "accepted",
        actor: address("agent"),
        terms: null,
      });
      const sent = step(redemptionId, "mark-sent", "accepted", { reference: id(0xba) });
      await carryOut(sent, [step(redemptionId, "mark-sent", "accepted", { reference: id(0xbc) })]);
      const before = await network.chain.coverage(network.coin, (await network.head()).number);
      const supply = await network.chain.totalSupply(network.coin, (await network.head()).number);
      expect(before.outstanding).to.equal(supply - 100n * dollar);
      const confirm = step(redemptionId, "confirm", "sent", { reference: id(0xbb) });
      const { facts } = await carryOut(confirm, [step(redemptionId, "confirm", "sent", { reference: id(0xbc) })]);
      expect(facts.redemptions[0]).to.include({ from: "sent", to: "burned", reference: id(0xbb) });
      expect(facts.movements[0]).to.deep.include({
        kind: "burn",
        from: network.deployment.redemptions,
        to: zeroAddress,
        amount: 100n * dollar,
        fence: stepFence(network.deployment.redemptions, redemptionId, "sent"),
      });
      expect(await network.chain.totalSupply(network.coin, facts.block.number)).to.equal(supply - 100n * dollar);
    });

    it("are cancelled by their holder", async () => {
      const { id: redemptionId } = await lock(2);
      const cancel = step(redemptionId, "cancel-redemption", "locked");
      const { facts } = await carryOut(cancel, [
        step(redemptionId, "reject", "locked", { reference: id(1) }),
        step(redemptionId, "accept", "locked"),
      ]);
      expect(facts.movements[0]).to.deep.include({ to: address("holder"), fence: cancel.fence });
      const late = await network.submit(step(redemptionId, "accept", "locked"));
      expect(late.facts.slots[0]).to.include({ succeeded: false, reason: "redemption_state_invalid" });
    });

    it("are rejected by the agent", async () => {
      const { id: redemptionId } = await lock(3);
      await carryOut(step(redemptionId, "reject", "locked", { reference: id(1) }), [
        step(redemptionId, "reject", "locked", { reference: id(2) }),
        step(redemptionId, "cancel-redemption", "locked"),
      ]);
      const { id: second } = await lock(4);
      await carryOut(step(second, "accept", "locked"));
      await carryOut(step(second, "reject", "accepted"));
    });

    it("are reclaimed by anyone after the deadline", async () => {
      const { id: redemptionId } = await lock(5);
      const reclaim = network.encoder.encode({
        kind: "reclaim",
        id: redemptionId,
        coin: network.coin,
        from: "locked",
      }).facts;
      const early = await network.submit(reclaim);
      expect(early.facts.slots[0]).to.include({ succeeded: false, reason: "not_yet_valid" });
      const before = (await network.head()).time;
      await createSandbox(network.local.url).increaseTime(86_400);
      expect((await network.head()).time).to.be.at.least(before + 86_400);
      await carryOut(reclaim, [
        step(redemptionId, "reject", "locked"),
        step(redemptionId, "cancel-redemption", "locked"),
        step(redemptionId, "accept", "locked"),
      ]);
    });

    for (const paid of [true, false]) {
      it(`are disputed and decided: ${paid ? "paid" : "not paid"}`, async () => {
        const { id: redemptionId } = await lock(paid ? 7 : 8);
        await carryOut(step(redemptionId, "accept", "locked"));
        await carryOut(step(redemptionId, "approve", "accepted"));
        await carryOut(step(redemptionId, "mark-sent", "accepted"));
        const rivals = [step(redemptionId, "confirm", "sent")];
        const disputed = await carryOut(step(redemptionId, "dispute", "sent"), rivals);
        expect(disputed.facts.redemptions[0]).to.include({ from: "sent", to: "disputed", actor: address("holder") });
        const other = step(redemptionId, "resolve", "disputed", { paid: !paid });
        const elsewise = step(redemptionId, "resolve", "disputed", { paid, reference: id(0xbd) });
        const { facts } = await carryOut(step(redemptionId, "resolve", "disputed", { paid }), [other, elsewise]);
        expect(facts.redemptions[0]).to.include({ from: "disputed", to: paid ? "burned" : "returned" });
        expect(facts.movements[0]).to.include(paid ? { kind: "burn" } : { kind: "transfer", to: address("holder") });
      });
    }

    it("are not returned by a stranger's call of what only the holder may", async () => {
      const { id: redemptionId } = await lock(6);
      const data = encodeFunctionData({ abi: redemptionEscrowAbi, functionName: "cancel", args: [redemptionId] });
      expect(await network.chain.simulate({ to: network.deployment.redemptions, data, gas: 500_000n })).to.equal(
        "signer_not_permitted",
      );
    });

    it("have gas to spare for every step", () => {
      expectRoom(network, [
        "accept",
        "approve",
        "attest",
        "cancel-redemption",
        "confirm",
        "dispute",
        "lock",
        "mark-sent",
        "mint",
        "reclaim",
        "reject",
        "resolve",
      ]);
    });
  });
}
