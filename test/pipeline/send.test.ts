/**
 * The specification of handing over: when the sender looks again, in which order it sends, and how much at a time.
 */
import { expect } from "chai";
import { createModelSigner, decodeTransaction, laneA } from "../support/model-codec.ts";
import { createTown, payment } from "../support/town.ts";

const signer = () => createModelSigner([laneA]);

describe("Sender.tick", () => {
  it("looks again at once after a commit, with no time passing and no block", async () => {
    const town = await createTown({ signer: signer() });
    await town.accept(payment(1));
    await town.house.planner.tick();
    expect(await town.house.sender.tick()).to.equal(1);
    expect(await town.house.sender.tick(), "nothing new").to.equal(0);
    await town.accept(payment(2));
    await town.house.planner.tick();
    expect(await town.house.sender.tick()).to.equal(1);
  });

  it("goes on at once while there is more than a batch, in the order of the nonces", async () => {
    const town = await createTown({ signer: signer(), planner: { rows: 1 }, sender: { batch: 2 } });
    for (let payer = 1; payer <= 5; payer++) await town.accept(payment(payer));
    await town.house.planner.tick();
    const nonces: number[] = [];
    const real = town.model.send;
    town.model.send = async (raws) => {
      nonces.push(...raws.map((raw) => decodeTransaction(raw).nonce));
      return real(raws);
    };
    const counts = [];
    for (let i = 0; i < 4; i++) counts.push(await town.house.sender.tick());
    expect(counts).to.deep.equal([2, 2, 1, 0]);
    expect(nonces).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it("sends a refused slot again after the pause, and does not call it sent", async () => {
    const town = await createTown({ signer: signer() });
    const intent = await town.accept(payment(1));
    town.model.faults.answer = () => ({ kind: "refused", message: "insufficient funds for gas" });
    town.model.faults.drop = true;
    await town.house.planner.tick();
    expect(await town.house.sender.tick()).to.equal(1);
    expect((await town.read(intent)).state).to.equal("planned");
    town.model.faults.answer = null;
    town.model.faults.drop = false;
    town.clock.advance(5_000);
    expect(await town.house.sender.tick()).to.equal(1);
    expect((await town.read(intent)).state).to.equal("sent");
    expect(await town.settle()).to.equal(0);
  });

  it("looks again in the next tick when the provider was out", async () => {
    const town = await createTown({ signer: signer() });
    await town.accept(payment(1));
    await town.house.planner.tick();
    town.model.faults.outage = true;
    expect(await town.house.sender.tick().catch(() => "threw")).to.equal("threw");
    town.model.faults.outage = false;
    expect(await town.house.sender.tick()).to.equal(1);
  });
});

describe("Sender.tick after a reorg", () => {
  /** A payment that is handed over; blocks come without the clock moving. */
  async function openTown() {
    const town = await createTown({ signer: signer() });
    const intent = await town.accept(payment(1));
    const follow = async (): Promise<void> => {
      while ((await town.house.follower.tick()) > 0);
    };
    town.model.mine(2);
    await follow();
    await town.house.planner.tick();
    expect(await town.house.sender.tick()).to.equal(1);
    return { ...town, intent, follow, send: () => town.house.sender.tick() };
  }

  it("sends what a block had carried and a reorg dropped again at once, once", async () => {
    const { model, follow, send, settle, read, intent } = await openTown();
    model.mine();
    await follow();
    model.reorg(1, { drop: true });
    await follow();
    expect((await read(intent)).state).to.equal("sent");
    expect(await send()).to.equal(1);
    expect(await send(), "and not again").to.equal(0);
    expect(await settle()).to.equal(0);
  });

  it("sends what no block had carried yet again as well: whoever took blocks back may have forgotten it", async () => {
    const { model, follow, send } = await openTown();
    model.evict(() => 0);
    model.reorg(1, { drop: true });
    await follow();
    expect(await send()).to.equal(1);
  });

  it("notices one that is longer than what it replaces, over several blocks at a time", async () => {
    const { model, follow, send } = await openTown();
    model.evict(() => 0);
    model.mine();
    await follow();
    expect(await send()).to.equal(0);
    model.reorg(1, { drop: true });
    model.mine(3);
    await follow();
    expect(await send()).to.equal(1);
  });

  it("sends nothing again for blocks that replace none, one or several at a time", async () => {
    const { model, follow, send } = await openTown();
    model.evict(() => 0);
    for (const count of [1, 2, 5]) {
      model.mine(count);
      await follow();
      expect(await send(), `after ${count} blocks`).to.equal(0);
    }
  });
});

describe("Planner.tick", () => {
  it("commits no more slots than the lane has room for when a batch falls apart in simulation", async () => {
    const town = await createTown({ signer: signer(), planner: { rows: 8, unminedSlots: 1 } });
    const memo = `0x${"ba".repeat(32)}` as const;
    town.model.coin.poison.add(memo);
    for (let payer = 1; payer <= 6; payer++) await town.accept(payment(payer, {}, payer === 2 ? memo : null));
    town.model.faults.blindSimulation = true;
    await town.round();
    town.model.mine();
    await town.house.follower.tick();
    town.model.faults.blindSimulation = false;
    town.clock.advance(2_000);
    expect(await town.house.planner.tick(), "the rows before the poison").to.equal(1);
    const open = await town.store.readOpenSlots(laneA, 20);
    expect(open.map(({ state }) => state)).to.deep.equal(["mined", "signed"]);
    expect(await town.settle(40)).to.equal(1);
  });

  it("believes prices for a second although blocks come, and no longer", async () => {
    const town = await createTown({ signer: signer(), planner: { rows: 1 } });
    let reads = 0;
    const real = town.model.fees;
    town.model.fees = () => {
      reads += 1;
      return real();
    };
    const planNext = async (payer: number): Promise<number> => {
      await town.accept(payment(payer));
      town.model.mine();
      await town.house.follower.tick();
      return town.house.planner.tick();
    };
    expect(await planNext(1)).to.equal(1);
    // Accepting takes a few milliseconds of its own.
    town.clock.advance(900);
    expect(await planNext(2)).to.equal(1);
    expect(reads, "within the second").to.equal(1);
    town.clock.advance(100);
    expect(await planNext(3)).to.equal(1);
    expect(reads, "after it").to.equal(2);
  });
});
