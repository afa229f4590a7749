/** Freezing by call and by order: amounts, cases, ends, and what replaces what. */
import { expect } from "chai";
import { type Addressable, type ContractTransactionResponse, ZeroAddress } from "ethers";
import {
  CASE,
  changed,
  eventsOf,
  FROZEN_WHOLE,
  FUNDS,
  freeze,
  loadWorld,
  MAX_UINT64,
  NO_CASE,
  now,
  OTHER_CASE,
  observe,
  PAUSE,
  pause,
  toNonce,
  VALUE,
  WHOLE,
  type World,
} from "../../support/coin.ts";
import { describeOrder, type OrderForm, submitOrder } from "./orders.ts";

interface Freeze {
  account: Addressable | string;
  amount: bigint;
  caseId: string;
  until: bigint;
}

const ORDER: OrderForm = {
  type: "FreezeOrder",
  selector: "freeze",
  role: "freezer",
  slow: "slowFreezer",
  create: async (world) => ({
    account: world.payer.address,
    amount: VALUE,
    caseId: CASE,
    until: (await now(world)) + 7_200n,
  }),
  submit: ({ coin, relayer }, order, signer, signature) =>
    coin.connect(relayer).freezeBySig(order as never, signer, signature),
};

type Submit = (world: World, terms: Freeze) => Promise<ContractTransactionResponse>;

const FORMS = {
  "Stablecoin.freeze": ({ coin, freezer }, { account, amount, caseId, until }) =>
    coin.connect(freezer).freeze(account, amount, caseId, until),
  "Stablecoin.freezeBySig": async (world, terms) => {
    const { account } = terms;
    const address = typeof account === "string" ? account : await account.getAddress();
    return submitOrder(world, ORDER, { ...terms, account: address, orderId: toNonce(await now(world)) });
  },
} satisfies Record<string, Submit>;

/** Describes one form, found by its title. */
export function describeFreeze(title: keyof typeof FORMS): void {
  const submit = FORMS[title];
  describe(title, () => {
    let world: World;
    let until: bigint;

    beforeEach(async () => {
      world = await loadWorld();
      until = (await now(world)) + 7_200n;
    });

    const send = (terms: Partial<Freeze> = {}) => {
      return submit(world, { account: world.payer, amount: VALUE, caseId: CASE, until, ...terms });
    };
    const bySig = title.endsWith("BySig");

    describe("requires", () => {
      if (bySig) {
        describeOrder(ORDER);
      } else {
        it("reverts with AccessManagedUnauthorized(pauser) for another role", async () => {
          await expect(world.coin.connect(world.pauser).freeze(world.payer, VALUE, CASE, until))
            .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
            .withArgs(world.pauser.address);
        });
      }

      it("reverts with StablecoinPaused(16) while freezing is paused", async () => {
        await pause(world, PAUSE.freeze);
        await expect(send()).to.be.revertedWithCustomError(world.coin, "StablecoinPaused").withArgs(16n);
      });

      it("reverts with StablecoinAccountInvalid(0)", async () => {
        await expect(send({ account: ZeroAddress }))
          .to.be.revertedWithCustomError(world.coin, "StablecoinAccountInvalid")
          .withArgs(ZeroAddress);
      });

      it("reverts with StablecoinEscrowNotFreezable(escrow)", async () => {
        await expect(send({ account: world.escrow }))
          .to.be.revertedWithCustomError(world.coin, "StablecoinEscrowNotFreezable")
          .withArgs(world.escrow);
      });

      it("reverts with StablecoinCaseMissing(payer) without a case", async () => {
        await expect(send({ caseId: NO_CASE }))
          .to.be.revertedWithCustomError(world.coin, "StablecoinCaseMissing")
          .withArgs(world.payer.address);
      });

      for (const amount of [0n, MAX_UINT64 + 1n, WHOLE - 1n]) {
        it(`reverts with StablecoinFreezeAmountInvalid(${amount}, 2^64 - 1)`, async () => {
          await expect(send({ amount }))
            .to.be.revertedWithCustomError(world.coin, "StablecoinFreezeAmountInvalid")
            .withArgs(amount, MAX_UINT64);
        });
      }

      it("reverts with StablecoinFreezeEndInvalid(t, t) when it ends now", async () => {
        const time = (await now(world)) + 10n;
        const sent = async () => {
          if (!bySig) {
            await world.time.setNextBlockTimestamp(time);
            return send({ until: time });
          }
          await world.time.setNextBlockTimestamp(time);
          return send({ until: time });
        };
        await expect(sent())
          .to.be.revertedWithCustomError(world.coin, "StablecoinFreezeEndInvalid")
          .withArgs(time, time);
      });
    });

    describe("ensures", () => {
      async function expectFrozen(amount: bigint, caseId = CASE, end = until): Promise<void> {
        const before = await observe(world);
        await send({ amount, caseId, until: end });
        const after = changed(before, (state) => {
          state.accounts.payer.frozen = amount === WHOLE ? 0n : amount;
          state.accounts.payer.flags = amount === WHOLE ? FROZEN_WHOLE : 0n;
          state.cases.payer = { caseId, until: end };
        });
        expect(await observe(world)).to.deep.equal(after);
      }

      for (const amount of [1n, FUNDS, FUNDS + 1n, MAX_UINT64]) {
        it(`freezes ${amount} units`, async () => expectFrozen(amount));
      }

      it("freezes the account whole", async () => expectFrozen(WHOLE));

      it("freezes without an end in sight", async () => expectFrozen(VALUE, CASE, WHOLE));

      it("replaces an amount by the whole and the whole by an amount", async () => {
        await expectFrozen(VALUE);
        await expectFrozen(WHOLE, OTHER_CASE);
        await expectFrozen(2n, CASE);
      });

      it("freezes an account that holds nothing: what comes in stays", async () => {
        await send({ account: world.stranger, amount: VALUE });
        await world.coin.connect(world.payer).transfer(world.stranger, VALUE + 1n);
        await expect(world.coin.connect(world.stranger).transfer(world.payer, 2n))
          .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientUnfrozen")
          .withArgs(world.stranger.address, 1n, 2n);
      });

      it("goes on under all the other pause bits", async () => {
        await pause(world, 63n - PAUSE.freeze);
        await expectFrozen(WHOLE);
      });

      it("holds after its end until somebody releases it", async () => {
        await send({ amount: WHOLE });
        await world.time.increase(10_000);
        await expect(world.coin.connect(world.payer).transfer(world.payee, 1n))
          .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
          .withArgs(world.payer.address);
      });
    });

    describe("emits", () => {
      const last = async (sent: Promise<ContractTransactionResponse>) => (await eventsOf(world, sent)).at(-1);

      it("Frozen without an old case", async () => {
        const expected = ["Frozen", world.payer.address, CASE, NO_CASE, 0n, VALUE, until];
        expect(await last(send())).to.deep.equal(expected);
      });

      it("Frozen with the case and the amount it replaces", async () => {
        await freeze(world, world.payer);
        const expected = ["Frozen", world.payer.address, OTHER_CASE, CASE, WHOLE, VALUE, until];
        expect(await last(send({ caseId: OTHER_CASE }))).to.deep.equal(expected);
      });

      it("Frozen with the amount 2^256 - 1 for the whole account", async () => {
        await freeze(world, world.payer, 5n);
        const expected = ["Frozen", world.payer.address, OTHER_CASE, CASE, 5n, WHOLE, until];
        expect(await last(send({ caseId: OTHER_CASE, amount: WHOLE }))).to.deep.equal(expected);
      });
    });
  });
}
