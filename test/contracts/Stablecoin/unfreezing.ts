/** Lifting a freeze by call and by order: only under its own case. */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import {
  CASE,
  changed,
  eventsOf,
  FUNDS,
  freeze,
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

const ORDER: OrderForm = {
  type: "UnfreezeOrder",
  selector: "unfreeze",
  role: "freezer",
  slow: "slowFreezer",
  create: async (world) => {
    await freeze(world, world.payer);
    return { account: world.payer.address, caseId: CASE };
  },
  submit: ({ coin, relayer }, order, signer, signature) =>
    coin.connect(relayer).unfreezeBySig(order as never, signer, signature),
};

type Submit = (world: World, account: string, caseId: string) => Promise<ContractTransactionResponse>;

const FORMS = {
  "Stablecoin.unfreeze": ({ coin, freezer }, account, caseId) => coin.connect(freezer).unfreeze(account, caseId),
  "Stablecoin.unfreezeBySig": async (world, account, caseId) =>
    submitOrder(world, ORDER, { orderId: toNonce(await now(world)), account, caseId }),
} satisfies Record<string, Submit>;

/** Describes one form, found by its title. */
export function describeUnfreeze(title: keyof typeof FORMS): void {
  const submit = FORMS[title];
  describe(title, () => {
    let world: World;

    beforeEach(async () => {
      world = await loadWorld();
    });

    const send = (caseId = CASE) => submit(world, world.payer.address, caseId);

    describe("requires", () => {
      if (title.endsWith("BySig")) {
        describeOrder(ORDER);
      } else {
        it("reverts with AccessManagedUnauthorized(unpauser) for another role", async () => {
          await expect(world.coin.connect(world.unpauser).unfreeze(world.payer, CASE))
            .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
            .withArgs(world.unpauser.address);
        });
      }

      it("reverts with StablecoinPaused(16) while freezing is paused", async () => {
        await freeze(world, world.payer);
        await pause(world, PAUSE.freeze);
        await expect(send()).to.be.revertedWithCustomError(world.coin, "StablecoinPaused").withArgs(16n);
      });

      for (const caseId of [CASE, NO_CASE]) {
        it(`reverts with StablecoinNotFrozen(payer) without a freeze, under case ${caseId.slice(0, 4)}`, async () => {
          await expect(send(caseId))
            .to.be.revertedWithCustomError(world.coin, "StablecoinNotFrozen")
            .withArgs(world.payer.address);
        });
      }

      it("reverts with StablecoinCaseMismatch(payer, case, current) under another case", async () => {
        await freeze(world, world.payer);
        await expect(send(OTHER_CASE))
          .to.be.revertedWithCustomError(world.coin, "StablecoinCaseMismatch")
          .withArgs(world.payer.address, OTHER_CASE, CASE);
      });
    });

    describe("ensures", () => {
      for (const amount of [1n, FUNDS + 1n, WHOLE]) {
        it(`lifts a freeze of ${amount} and nothing else`, async () => {
          const before = await observe(world);
          await freeze(world, world.payer, amount);
          await send();
          expect(await observe(world)).to.deep.equal(before);
        });
      }

      it("leaves the freezes of others", async () => {
        await freeze(world, world.payer);
        await freeze(world, world.payee);
        const before = await observe(world);
        await send();
        const after = changed(before, (state) => {
          state.accounts.payer.flags = 0n;
          state.cases.payer = { caseId: NO_CASE, until: 0n };
        });
        expect(await observe(world)).to.deep.equal(after);
      });

      it("goes on under all the other pause bits", async () => {
        await freeze(world, world.payer);
        await pause(world, 63n - PAUSE.freeze);
        await send();
        expect((await world.coin.accountOf(world.payer)).frozenWhole).to.equal(false);
      });
    });

    describe("emits", () => {
      for (const amount of [VALUE, WHOLE]) {
        it(`Unfrozen with the amount ${amount}`, async () => {
          await freeze(world, world.payer, amount);
          expect((await eventsOf(world, send())).at(-1)).to.deep.equal(["Unfrozen", world.payer.address, CASE, amount]);
        });
      }
    });
  });
}
