/**
 * The specification of following: where it starts, how far it goes at a time, what a reorg is and what only looks like one, and what must be
 * true before anything becomes final. Chains that change under the follower's hands are made by wrapping one call of the port.
 */
import { expect } from "chai";
import type { Chain } from "../../src/pipeline/ports.ts";
import { createModelSigner, laneA, wallet } from "../support/model-codec.ts";
import { createHouse } from "../support/pipeline.ts";
import { createTown, funds, payment } from "../support/town.ts";

type Town = Awaited<ReturnType<typeof createTown>>;

/** A process whose chain does something of its own once, just before or after one call. */
function disturb(town: Town, verb: keyof Chain, act: (town: Town) => void, when: "before" | "after" = "before") {
  let left = 1;
  const real = town.model[verb] as (...args: unknown[]) => Promise<unknown>;
  const wrapped = async (...args: unknown[]) => {
    left -= 1;
    if (left === 0 && when === "before") act(town);
    const answer = await real(...args);
    if (left === 0 && when === "after") act(town);
    return answer;
  };
  const chain = { ...town.model, [verb]: wrapped } as Chain;
  return createHouse({ store: town.store, chain, clock: town.clock, signer: town.signer });
}

describe("Follower.tick", () => {
  it("starts at the block of the deployment, and knows balances from there on", async () => {
    const town = await createTown();
    expect(town.house.follower.latest?.number).to.equal(1);
    const [account] = await town.store.readAccounts([{ coin: payment(1).coin, address: wallet(1) }]);
    expect(account?.balance).to.equal(funds);
  });

  it("applies at most 64 blocks at a time, and says that there may be more", async () => {
    const town = await createTown();
    town.model.mine(100);
    expect(await town.house.follower.tick()).to.equal(64);
    expect(await town.house.follower.tick()).to.equal(36);
    expect(await town.house.follower.tick()).to.equal(0);
    expect(town.house.follower.latest?.hash).to.equal((await town.model.head()).hash);
  });

  it("knows the age of the head only once it has reached it", async () => {
    const town = await createTown();
    expect(town.house.follower.ageMs()).to.equal(0);
    town.clock.advance(700);
    await town.house.follower.tick();
    expect(town.house.follower.ageMs(), "no new block: it grows").to.equal(700);
    town.model.mine(100);
    await town.house.follower.tick();
    expect(town.house.follower.ageMs(), "still behind").to.equal(700);
    await town.house.follower.tick();
    expect(town.house.follower.ageMs()).to.equal(0);
    expect(town.restart().follower.ageMs()).to.equal(Number.POSITIVE_INFINITY);
  });

  it("makes final only what lies deep enough and is applied", async () => {
    const town = await createTown();
    town.model.mine(100);
    await town.house.follower.tick();
    expect(town.house.follower.final?.number, "applied up to 65").to.equal(65);
    await town.house.follower.tick();
    expect(town.house.follower.final?.number).to.equal(99);
  });

  it("waits for a provider that is behind: a shorter chain that agrees is no reorg", async () => {
    const town = await createTown();
    const intent = await town.accept(payment(1));
    await town.round();
    town.model.mine();
    await town.house.follower.tick();
    const old = await town.model.block(1);
    if (old === null) throw new Error("block 1");
    const lagging = createHouse({ ...town, chain: { ...town.model, head: async () => old }, signer: town.signer });
    expect(await lagging.follower.tick()).to.equal(0);
    expect((await town.read(intent)).state).to.equal("included");
    expect(lagging.notices).to.deep.equal([]);
  });

  it("waits when the chain does not know a block it must compare", async () => {
    const town = await createTown();
    await town.block(2);
    const before = town.house.follower.latest;
    town.model.reorg(1);
    const blind = createHouse({ ...town, chain: { ...town.model, block: async () => null }, signer: town.signer });
    town.model.mine();
    expect(await blind.follower.tick()).to.equal(0);
    expect((await town.store.readCursor()).latest?.hash).to.equal(before?.hash);
  });

  it("goes back below everything while nothing is final", async () => {
    const town = await createTown();
    const before = town.house.follower.latest?.hash;
    town.model.reorg(1);
    expect((await town.model.block(1))?.hash).to.not.equal(before);
    await town.house.follower.tick();
    expect(town.house.follower.latest?.hash).to.equal((await town.model.block(1))?.hash);
  });

  it("stops at a block that is not on its parent, and finds the reorg in the next tick", async () => {
    const town = await createTown();
    await town.block(3);
    town.model.mine(3);
    const empty = {
      movements: [],
      fences: [],
      skips: [],
      freezes: [],
      nonceSkips: [],
      redemptions: [],
      agreements: [],
      slots: [],
    };
    let left = 1;
    const chain: Chain = {
      ...town.model,
      async head() {
        const head = await town.model.head();
        left -= 1;
        if (left === 0) town.model.reorg(4);
        return head;
      },
      // This provider still knows blocks that are no longer on the chain.
      readBlock: async (block, attempts) => (await town.model.readBlock(block, attempts)) ?? { block, ...empty },
    };
    const shaken = createHouse({ store: town.store, chain, clock: town.clock, signer: town.signer });
    expect(await shaken.follower.tick().catch(String)).to.equal(3);
    town.model.mine();
    await shaken.follower.tick();
    expect(shaken.follower.latest?.hash).to.equal((await town.model.head()).hash);
  });

  it("makes nothing final that the chain holds no longer", async () => {
    const town = await createTown();
    await town.block(2);
    const final = town.house.follower.final?.number;
    town.model.mine(1);
    const shaken = disturb(town, "finalNumber", ({ model }) => model.reorg(3), "after");
    await shaken.follower.tick();
    expect((await town.store.readCursor()).final?.number).to.equal(final);
  });

  it("sees every transaction of ours: attempts are read after the blocks were seen", async () => {
    const town = await createTown({ signer: createModelSigner([laneA]) });
    const intent = await town.accept(payment(1));
    // Between the look at the head and the reading of blocks another process commits, sends, and it is mined.
    const racing = createHouse({
      store: town.store,
      chain: {
        ...town.model,
        async head() {
          const head = await town.model.head();
          if ((await town.read(intent)).state === "accepted") {
            await town.house.planner.tick();
            await town.house.sender.tick();
            town.model.mine();
          }
          return head;
        },
      },
      clock: town.clock,
      signer: town.signer,
    });
    for (let i = 0; i < 4; i++) {
      await racing.follower.tick();
      town.model.mine();
    }
    await racing.follower.tick();
    const trace = await town.store.readTrace(intent.sequence);
    expect([trace?.intent.state, trace?.slots[0]?.state]).to.deep.equal(["settled", "final"]);
  });

  it("abandons no slot when the final block changes under the look at the lane", async () => {
    const town = await createTown({ signer: createModelSigner([laneA]) });
    const intent = await town.accept(payment(1));
    town.model.faults.drop = true;
    town.model.faults.answer = (hash) => ({ kind: "answered", hash });
    await town.block(1);
    town.model.submit({ by: laneA, nonce: 0 });
    town.model.mine(3);
    const shaken = disturb(town, "transactionCount", ({ model }) => model.reorg(4), "after");
    await shaken.follower.tick();
    expect(shaken.notices.map(({ code }) => code)).to.not.include("slots_abandoned");
    expect((await town.read(intent)).state).to.equal("sent");
  });
});
