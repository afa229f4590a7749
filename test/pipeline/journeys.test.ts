/**
 * What becomes of an accepted payment, over the real embedded store and the model chain: every end, every hold, and the way back from a
 * reorg. An intent ends only by final evidence.
 */
import { expect } from "chai";
import { toWord } from "../../src/domain/hex.ts";
import { laneA, laneB, signCancel, signMint, signTransfer, wallet } from "../support/model-codec.ts";
import { createTown, funds, payment } from "../support/town.ts";

const stranger = wallet(77);

describe("an accepted payment", () => {
  it("goes accepted, planned, sent, included, settled; the evidence names the lane and the block", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    const states = [(await town.read(intent)).state];
    await town.house.planner.tick();
    states.push((await town.read(intent)).state);
    await town.house.sender.tick();
    states.push((await town.read(intent)).state);
    town.model.mine();
    await town.house.follower.tick();
    states.push((await town.read(intent)).state);
    town.model.mine(2);
    await town.house.follower.tick();
    const settled = await town.read(intent);
    expect([...states, settled.state]).to.deep.equal(["accepted", "planned", "sent", "included", "settled"]);
    expect(settled.evidence?.by).to.be.oneOf([laneA, laneB]);
    expect(settled.evidence?.blockHash).to.equal((await town.model.block(2))?.hash);
    expect(town.model.coin.accounts.get(wallet(21))?.balance).to.equal(100n);
  });

  it("P18: settles with the stranger named when a stranger submits it first, and is sent by nobody else", async () => {
    const town = await createTown();
    const draft = payment(1);
    const intent = await town.accept(draft);
    town.model.submit({ by: stranger, rows: [draft] });
    town.model.mine();
    await town.house.follower.tick();
    expect(await town.settle()).to.equal(0);
    const settled = await town.read(intent);
    expect([settled.state, settled.evidence?.by]).to.deep.equal(["settled", stranger]);
    expect(town.model.transactionsOf([laneA, laneB])).to.deep.equal([]);
  });

  it("P18: settles once when a stranger is first while our slot is on its way; the slot's skip changes nothing", async () => {
    const town = await createTown();
    const draft = payment(1);
    const intent = await town.accept(draft);
    await town.round();
    town.model.submit({ by: stranger, rows: [draft] });
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).evidence?.by).to.equal(stranger);
    expect(town.model.coin.accounts.get(wallet(21))?.balance).to.equal(100n);
  });

  it("is held insufficient_funds when its payer moves the money away, and settles when money returns", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    town.model.move(wallet(1), wallet(50), funds);
    await town.block(3);
    const held = await town.read(intent);
    expect([held.state, held.reason]).to.deep.equal(["accepted", "insufficient_funds"]);
    expect(town.model.transactionsOf([laneA, laneB]), "no gas is spent on it").to.have.length.at.most(1);
    town.model.move(wallet(50), wallet(1), funds);
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
  });

  it("expires at finality, with the last reason, when the money never returns", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1, { validBefore: 1_000_000 + 20 }));
    town.model.move(wallet(1), wallet(50), funds);
    await town.block(17);
    expect(town.model.time).to.be.lessThan(1_000_000 + 20);
    expect((await town.read(intent)).state).to.equal("accepted");
    await town.block(2);
    expect(town.model.time).to.equal(1_000_000 + 20);
    expect((await town.read(intent)).state, "block time is there, finality is not").to.equal("accepted");
    await town.block(2);
    const ended = await town.read(intent);
    expect(ended.state).to.equal("expired");
    expect(ended.reason).to.be.oneOf(["insufficient_funds", "expired"]);
    expect((await town.store.readAccounts([{ coin: intent.coin, address: wallet(1) }]))[0]?.held).to.equal(0n);
  });

  it("is cancelled by its payer's cancellation, which settles", async () => {
    const town = await createTown();
    const draft = payment(1);
    const intent = await town.accept(draft);
    const cancellation = await town.accept(signCancel(wallet(1), 0n));
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("cancelled");
    expect((await town.read(cancellation)).state).to.equal("settled");
    expect(town.model.coin.accounts.get(wallet(1))?.balance).to.equal(funds);
  });

  it("is superseded when its payer uses the nonce for something else", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    const other = signTransfer({ ...payment(1).authorization, value: 7n });
    town.model.submit({ by: stranger, rows: [other] });
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("superseded");
    expect(town.model.coin.accounts.get(wallet(21))?.balance).to.equal(7n);
  });

  it("waits until its validAfter has passed in block time", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1, { validAfter: 1_000_000 + 5 }));
    await town.block(3);
    expect([(await town.read(intent)).state, (await town.read(intent)).reason]).to.deep.equal([
      "accepted",
      "not_yet_valid",
    ]);
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
  });

  it("a mint is one call; a second order for the deposit is a conflict", async () => {
    const town = await createTown();
    const order = { depositId: toWord(9n), to: wallet(30), amount: 5_000n, deadline: 1_000_000 + 600 };
    const intent = await town.accept(signMint(order));
    const [second] = await town.house.intake.submit([signMint({ ...order, amount: 6_000n })], null);
    expect(second?.kind === "refused" && second.reasons.map(({ code }) => code)).to.deep.equal(["deposit_conflict"]);
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
    expect(town.model.coin.accounts.get(wallet(30))?.balance).to.equal(5_000n);
  });

  it("P8: a reorg takes included back to sent, and it is mined again from the same bytes", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    await town.round();
    town.model.mine();
    await town.house.follower.tick();
    const before = await town.model.block(2);
    expect((await town.read(intent)).state).to.equal("included");
    town.model.reorg(1, { drop: true });
    town.model.mine();
    expect((await town.model.block(2))?.hash, "the fork is another one").to.not.equal(before?.hash);
    await town.house.follower.tick();
    expect((await town.read(intent)).state).to.equal("sent");
    town.clock.advance(6_000);
    expect(await town.settle()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("settled");
    expect(town.model.transactionsOf([laneA, laneB])).to.have.length(1);
  });

  it("P8: a reorg below the final block halts, says so, and ends nothing", async () => {
    const town = await createTown();
    const first = await town.accept(payment(1));
    await town.block(6);
    expect((await town.read(first)).state).to.equal("settled");
    town.model.reorg(4, { drop: true });
    town.model.mine(2);
    const intent = await town.accept(payment(2));
    await town.block(4);
    expect((await town.store.readHalt())?.reason).to.include("below the final block");
    expect((await town.read(intent)).state).to.equal("accepted");
    expect((await town.read(first)).state).to.equal("settled");
  });

  it("P13: a wall clock ten minutes off, either way, changes nothing", async () => {
    for (const skew of [-600_000, 600_000]) {
      const town = await createTown();
      const intent = await town.accept(payment(1));
      town.clock.skew(skew);
      const other = await town.accept(payment(2));
      if (skew < 0) town.clock.advance(1_000);
      expect(await town.settle()).to.equal(0);
      expect([(await town.read(intent)).state, (await town.read(other)).state]).to.deep.equal(["settled", "settled"]);
    }
  });

  it("P13: a hold of a clock that is set back ten minutes afterwards is not ten minutes longer", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1, { validAfter: 1_000_000 + 5 }));
    await town.round();
    expect((await town.read(intent)).reason).to.equal("not_yet_valid");
    town.clock.skew(-600_000);
    for (let seconds = 0; seconds < 70; seconds++) {
      town.clock.advance(1_000);
      await town.block();
    }
    expect((await town.read(intent)).state).to.equal("settled");
  });

  it("P7: everything drains after the provider was out, without a person", async () => {
    const town = await createTown();
    const intents = [await town.accept(payment(1)), await town.accept(payment(2))];
    await town.house.planner.tick();
    town.model.faults.outage = true;
    for (let i = 0; i < 20; i++) {
      town.clock.advance(1_000);
      await town.round();
    }
    town.model.faults.outage = false;
    expect(await town.settle()).to.equal(0);
    for (const intent of intents) expect((await town.read(intent)).state).to.equal("settled");
  });
});
