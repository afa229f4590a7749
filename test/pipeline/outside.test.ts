/**
 * What others do to an account between acceptance and inclusion: a freeze, a seizure, a payment outside the node. The row is skipped on chain, the
 * intent waits with the reason, and ends settled when the reason has passed or expired when it has not. Guards: ending an intent at a skip,
 * or planning against the balance alone, makes these fail. P3, P11.
 */
import { expect } from "chai";
import { type Address, toWord } from "../../src/domain/hex.ts";
import type { Intent } from "../../src/domain/intent.ts";
import type { Chain } from "../../src/pipeline/ports.ts";
import { createModelChain, type ModelChain } from "../support/model-chain.ts";
import { coin, laneA, laneB, wallet } from "../support/model-codec.ts";
import { accountIn } from "../support/model-coin.ts";
import { createTown, funds, payment } from "../support/town.ts";

/** The chain, which tells of freezes: each becomes an event of the next block. */
function withFreezes(model: ModelChain): { chain: Chain; freeze(account: Address, frozen: bigint | null): void } {
  const told = new Map<number, { account: Address; frozen: bigint | null }[]>();
  const chain = new Proxy(model, {
    get(target, name, receiver) {
      if (name !== "readBlock") return Reflect.get(target, name, receiver) as unknown;
      return async (...[ref, attempts]: Parameters<Chain["readBlock"]>) => {
        const facts = await target.readBlock(ref, attempts);
        const freezes = (told.get(ref.number) ?? []).map(({ account, frozen }, index) => ({
          coin,
          account,
          frozen,
          transaction: toWord(BigInt(ref.number)),
          logIndex: 1_000 + index,
        }));
        return facts === null ? null : { ...facts, freezes };
      };
    },
  });
  return {
    chain,
    freeze(account, frozen) {
      accountIn(model.coin, account).frozen = frozen;
      const number = model.height + 1;
      told.set(number, [...(told.get(number) ?? []), { account, frozen }]);
    },
  };
}

async function createWorld() {
  const balances = new Map([1, 2, 3, 4, 5, 6].map((n) => [wallet(n), funds] as const));
  const model = createModelChain(balances);
  const { chain, freeze } = withFreezes(model);
  const town = await createTown({ chain });
  async function block(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      model.mine();
      town.clock.advance(1_000);
      await town.round();
    }
  }
  /** On its way, not in a block yet. */
  async function sendOne(draft: ReturnType<typeof payment>): Promise<Intent> {
    const intent = await town.accept(draft);
    await town.round();
    expect((await town.read(intent)).state).to.equal("sent");
    return intent;
  }
  return { ...town, model, freeze, block, sendOne };
}

describe("between acceptance and inclusion", () => {
  it("a freeze holds the payment with its reason, and it settles when the freeze is lifted", async () => {
    const { read, freeze, block, sendOne, model } = await createWorld();
    await block(2);
    const intent = await sendOne(payment(1));
    freeze(wallet(1), null);
    await block(4);
    expect(await read(intent)).to.include({ state: "accepted", reason: "payer_frozen" });
    expect(accountIn(model.coin, wallet(21)).balance, "nothing moved").to.equal(0n);
    const before = model.transactionsOf([laneA, laneB]).length;
    await block(5);
    expect(model.transactionsOf([laneA, laneB]).length, "it is not tried while frozen").to.equal(before);
    freeze(wallet(1), 0n);
    await block(70);
    expect((await read(intent)).state).to.equal("settled");
    expect(accountIn(model.coin, wallet(21)).balance).to.equal(100n);
  });

  it("a freeze that stays: the payment expires with the reason, by final block time, and its hold is given back", async () => {
    const { read, freeze, block, sendOne, store, model } = await createWorld();
    await block(2);
    const intent = await sendOne(payment(1, { validBefore: model.time + 20 }));
    freeze(wallet(1), null);
    await block(15);
    expect((await read(intent)).state, "not before its time").to.equal("accepted");
    await block(20);
    expect(await read(intent)).to.include({ state: "expired", reason: "payer_frozen" });
    const [account] = await store.readAccounts([{ coin, address: wallet(1) }]);
    expect(account?.held).to.equal(0n);
  });

  it("a freeze of an amount holds what it does not leave room for, and lets a smaller payment pass", async () => {
    const { read, freeze, block, sendOne, accept } = await createWorld();
    await block(2);
    const large = await sendOne(payment(1, { value: 600n }));
    freeze(wallet(1), 500n);
    const small = await accept(payment(1, { value: 400n, nonce: toWord(1n) }));
    await block(6);
    expect(await read(large)).to.include({ state: "accepted", reason: "insufficient_funds" });
    expect((await read(small)).state).to.equal("settled");
    freeze(wallet(1), 0n);
    await block(70);
    expect((await read(large)).state).to.equal("settled");
  });

  it("a seizure takes the balance: the payment waits, and settles once there is money again", async () => {
    const { read, block, sendOne, model } = await createWorld();
    await block(2);
    const intent = await sendOne(payment(1));
    // What a seizure is to the books: the whole balance leaves by another's order.
    accountIn(model.coin, wallet(1)).balance -= funds;
    accountIn(model.coin, wallet(6)).balance += funds;
    await block(4);
    expect(await read(intent)).to.include({ state: "accepted", reason: "insufficient_funds" });
    model.move(wallet(6), wallet(1), funds);
    await block(70);
    expect((await read(intent)).state).to.equal("settled");
  });

  it("one frozen payer stops nobody else in the batch", async () => {
    const { read, freeze, block, accept, round } = await createWorld();
    await block(2);
    const intents = [];
    for (let payer = 1; payer <= 6; payer++) intents.push(await accept(payment(payer)));
    await round();
    freeze(wallet(3), null);
    await block(6);
    const states = [];
    for (const intent of intents) states.push((await read(intent)).state);
    expect(states).to.deep.equal(["settled", "settled", "accepted", "settled", "settled", "settled"]);
  });

  it("a freeze seen before planning costs no gas at all", async () => {
    const { read, freeze, block, accept, model } = await createWorld();
    await block(2);
    const intent = await accept(payment(1));
    freeze(wallet(1), null);
    model.mine();
    await block(3);
    expect(await read(intent)).to.include({ state: "accepted", reason: "payer_frozen" });
    expect(model.transactionsOf([laneA, laneB])).to.deep.equal([]);
  });
});
