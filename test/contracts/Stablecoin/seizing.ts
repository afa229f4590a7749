/** Seizing by call and by order: under its case, before its end, out of what the freeze holds. */
import { expect } from "chai";
import { type Addressable, type ContractTransactionResponse, ZeroAddress } from "ethers";
import {
  CASE,
  changed,
  eventsOf,
  FUNDS,
  freeze,
  join,
  limitTravel,
  loadWorld,
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

interface Seizure {
  account: Addressable | string;
  amount: bigint;
  caseId: string;
}

const ORDER: OrderForm = {
  type: "SeizeOrder",
  selector: "seize",
  role: "seizer",
  slow: "slowSeizer",
  create: async (world) => {
    await freeze(world, world.payer);
    return { account: world.payer.address, amount: VALUE, caseId: CASE };
  },
  submit: ({ coin, relayer }, order, signer, signature) =>
    coin.connect(relayer).seizeBySig(order as never, signer, signature),
};

type Submit = (world: World, terms: Seizure) => Promise<ContractTransactionResponse>;

const FORMS = {
  "Stablecoin.seize": ({ coin, seizer }, { account, amount, caseId }) =>
    coin.connect(seizer).seize(account, amount, caseId),
  "Stablecoin.seizeBySig": async (world, terms) => {
    const { account } = terms;
    const address = typeof account === "string" ? account : await account.getAddress();
    return submitOrder(world, ORDER, { ...terms, account: address, orderId: toNonce(await now(world)) });
  },
} satisfies Record<string, Submit>;

/** Describes one form, found by its title. */
export function describeSeize(title: keyof typeof FORMS): void {
  const submit = FORMS[title];
  describe(title, () => {
    let world: World;

    beforeEach(async () => {
      world = await loadWorld();
    });

    const send = (terms: Partial<Seizure> = {}) => {
      return submit(world, { account: world.payer, amount: VALUE, caseId: CASE, ...terms });
    };
    async function expectRefused(sent: () => Promise<unknown>, error: string, ...args: unknown[]): Promise<void> {
      const before = await observe(world);
      await expect(sent())
        .to.be.revertedWithCustomError(world.coin, error)
        .withArgs(...args);
      expect(await observe(world)).to.deep.equal(before);
    }

    describe("requires", () => {
      if (title.endsWith("BySig")) {
        describeOrder(ORDER);
      } else {
        it("reverts with AccessManagedUnauthorized(freezer) for the role that freezes", async () => {
          await freeze(world, world.payer);
          await expect(world.coin.connect(world.freezer).seize(world.payer, VALUE, CASE))
            .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
            .withArgs(world.freezer.address);
        });
      }

      it("reverts with StablecoinPaused(32) while seizing is paused", async () => {
        await freeze(world, world.payer);
        await pause(world, PAUSE.seize);
        await expectRefused(() => send(), "StablecoinPaused", 32n);
      });

      it("reverts with StablecoinCustodyMissing() before there is a custody account", async () => {
        const { ethers, manager, seizer } = world;
        const args = [manager.target, world.domain.name, "XUS", "1"];
        const fresh = await ethers.deployContract("Stablecoin", args);
        await manager.setTargetFunctionRole(fresh, [fresh.interface.getFunction("seize").selector], 7n);
        const domain = { ...world.domain, verifyingContract: await fresh.getAddress() };
        await expect(submit({ ...world, coin: fresh, domain, seizer }, { account: ZeroAddress, amount: 0n, caseId: CASE }))
          .to.be.revertedWithCustomError(fresh, "StablecoinCustodyMissing")
          .withArgs();
      });

      it("reverts with StablecoinAccountInvalid(custody) for the custody account itself", async () => {
        await freeze(world, world.custody);
        await expectRefused(() => send({ account: world.custody }), "StablecoinAccountInvalid", world.custody.address);
      });

      it("reverts with StablecoinEscrowNotSeizable(escrow)", async () => {
        await expectRefused(() => send({ account: world.escrow }), "StablecoinEscrowNotSeizable", world.escrow.target);
      });

      for (const caseId of [CASE, NO_CASE]) {
        it(`reverts with StablecoinNotFrozen(payer) without a freeze, under case ${caseId.slice(0, 4)}`, async () => {
          await expectRefused(() => send({ caseId }), "StablecoinNotFrozen", world.payer.address);
        });
      }

      it("reverts with StablecoinCaseMismatch(payer, case, current) under another case", async () => {
        await freeze(world, world.payer);
        const { address } = world.payer;
        await expectRefused(() => send({ caseId: OTHER_CASE }), "StablecoinCaseMismatch", address, OTHER_CASE, CASE);
      });

      it("reverts with StablecoinFreezeEnded(payer, t, t) at the end of the freeze", async () => {
        const end = (await now(world)) + 100n;
        await world.coin.connect(world.freezer).freeze(world.payer, WHOLE, CASE, end);
        await world.time.setNextBlockTimestamp(end);
        await expect(send())
          .to.be.revertedWithCustomError(world.coin, "StablecoinFreezeEnded")
          .withArgs(world.payer.address, end, end);
      });

      for (const [name, frozen, amount, limit] of [
        ["nothing of a whole freeze", WHOLE, 0n, FUNDS],
        ["one unit more than the balance", WHOLE, FUNDS + 1n, FUNDS],
        ["nothing of a partial freeze", VALUE, 0n, VALUE],
        ["one unit more than is frozen", VALUE, VALUE + 1n, VALUE],
        ["one unit more than the balance, which is less than what is frozen", FUNDS + 9n, FUNDS + 1n, FUNDS],
        ["what no balance can be", VALUE, WHOLE, VALUE],
      ] as const) {
        it(`reverts with StablecoinSeizeAmountInvalid(payer, ${amount}, ${limit}): ${name}`, async () => {
          await freeze(world, world.payer, frozen);
          const { address } = world.payer;
          await expectRefused(() => send({ amount }), "StablecoinSeizeAmountInvalid", address, amount, limit);
        });
      }

      it("reverts with StablecoinFrozen(custody) when the custody account is frozen whole", async () => {
        await freeze(world, world.payer);
        await freeze(world, world.custody);
        await expectRefused(() => send(), "StablecoinFrozen", world.custody.address);
      });
    });

    describe("ensures", () => {
      async function expectSeized(amount: bigint, frozenAfter: bigint): Promise<void> {
        const before = await observe(world);
        await send({ amount });
        const after = changed(before, (state) => {
          state.accounts.payer.balance -= amount;
          state.accounts.custody.balance += amount;
          state.accounts.payer.frozen = frozenAfter;
        });
        expect(await observe(world)).to.deep.equal(after);
      }

      for (const amount of [1n, FUNDS]) {
        it(`moves ${amount} of an account that is frozen whole and stays so`, async () => {
          await freeze(world, world.payer);
          await expectSeized(amount, 0n);
        });
      }

      it("moves what is frozen and leaves the case, under which nothing is frozen any more", async () => {
        await freeze(world, world.payer, VALUE);
        await expectSeized(VALUE, 0n);
        await world.coin.connect(world.payer).transfer(world.payee, FUNDS - VALUE);
      });

      it("moves part of what is frozen, twice, and holds the rest", async () => {
        await freeze(world, world.payer, VALUE);
        await expectSeized(VALUE - 5n, 5n);
        await expectSeized(3n, 2n);
        await expect(world.coin.connect(world.payer).transfer(world.payee, FUNDS - VALUE + 1n))
          .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientUnfrozen")
          .withArgs(world.payer.address, FUNDS - VALUE, FUNDS - VALUE + 1n);
      });

      it("moves all there is of a freeze above the balance, and the rest of it waits for more", async () => {
        await freeze(world, world.payer, FUNDS + 9n);
        await expectSeized(FUNDS, 9n);
        await world.coin.connect(world.treasury).mint(world.payer, 10n);
        await expectSeized(9n, 0n);
      });

      it("seizes one second before the end of the freeze", async () => {
        const end = (await now(world)) + 100n;
        await world.coin.connect(world.freezer).freeze(world.payer, WHOLE, CASE, end);
        await world.time.setNextBlockTimestamp(end - 1n);
        await expectSeized(VALUE, 0n);
      });

      it("moves into a custody account whose coins are partly frozen", async () => {
        await freeze(world, world.payer);
        await freeze(world, world.custody, 5n);
        await expectSeized(VALUE, 0n);
      });

      it("asks nobody for an attestation between families", async () => {
        await join(world, world.payer, 1n);
        await join(world, world.custody, 2n);
        await limitTravel(world, 0n);
        await world.registry.setAnswer(1n);
        await freeze(world, world.payer);
        await expectSeized(VALUE, 0n);
        expect(await world.registry.asked()).to.equal(0n);
      });

      it("goes on under all the other pause bits", async () => {
        await freeze(world, world.payer);
        await pause(world, 63n - PAUSE.seize);
        await expectSeized(VALUE, 0n);
      });

      it("leaves the freeze to be lifted under its case", async () => {
        await freeze(world, world.payer, VALUE);
        await send();
        await world.coin.connect(world.freezer).unfreeze(world.payer, CASE);
        expect([...(await world.coin.freezeCaseOf(world.payer))]).to.deep.equal([NO_CASE, 0n]);
      });
    });

    describe("emits", () => {
      for (const frozen of [VALUE, WHOLE]) {
        it(`one Transfer and Seized out of a freeze of ${frozen}`, async () => {
          await freeze(world, world.payer, frozen);
          const { custody, payer } = world;
          expect((await eventsOf(world, send({ amount: 7n }))).slice(-2)).to.deep.equal([
            ["Transfer", payer.address, custody.address, 7n],
            ["Seized", payer.address, CASE, custody.address, 7n],
          ]);
        });
      }
    });
  });
}
