/**
 * The behaviours that every signed order of the coin has in common: deadline, id, permission, signature. Describes tests
 * for whoever imports it and runs nothing by itself.
 */
import { expect } from "chai";
import type { ContractTransactionResponse, Signer } from "ethers";
import { TypedDataEncoder } from "ethers";
import {
  delegate,
  eventsOf,
  FREEZER_DELAY,
  loadWorld,
  now,
  ROLE,
  sign,
  TYPES,
  toNonce,
  WHOLE,
  type World,
} from "../../support/coin.ts";

export interface OrderForm {
  type: "FreezeOrder" | "UnfreezeOrder";
  /** The restricted function that the order stands for. */
  selector: "freeze" | "unfreeze";
  /** The order's own fields, valid now. */
  create(world: World): Promise<object>;
  submit(world: World, order: object, signer: string, signature: string): Promise<ContractTransactionResponse>;
}

const ID = toNonce(77n);

/** Signs an order as the freezer, valid for ever, and submits it as the relayer. */
export async function submitOrder(
  world: World,
  form: OrderForm,
  changes: object = {},
  signer: Signer = world.freezer,
): Promise<ContractTransactionResponse> {
  const order = { orderId: ID, deadline: WHOLE, ...changes };
  const signature = await sign(world, signer, form.type, order);
  return form.submit(world, order, await signer.getAddress(), signature);
}

export function describeOrder(form: OrderForm): void {
  describe("the order", () => {
    let world: World;
    let fields: object;

    beforeEach(async () => {
      world = await loadWorld();
      fields = await form.create(world);
    });

    const send = (changes: object = {}, signer?: Signer) => submitOrder(world, form, { ...fields, ...changes }, signer);
    const selector = () => world.coin.interface.getFunction(form.selector).selector;

    it("reverts with OrderExpired(t - 1, t) one second after the deadline", async () => {
      const time = (await now(world)) + 10n;
      const deadline = time - 1n;
      await world.time.setNextBlockTimestamp(time);
      await expect(send({ deadline }))
        .to.be.revertedWithCustomError(world.coin, "OrderExpired")
        .withArgs(deadline, time);
    });

    it("is valid at the deadline itself", async () => {
      const time = (await now(world)) + 10n;
      await world.time.setNextBlockTimestamp(time);
      await send({ deadline: time });
      expect(await world.coin.orderUsed(world.freezer, ID)).to.equal(true);
    });

    it("reverts with OrderAlreadyUsed(freezer, id) a second time", async () => {
      await send();
      await expect(send())
        .to.be.revertedWithCustomError(world.coin, "OrderAlreadyUsed")
        .withArgs(world.freezer.address, ID);
    });

    it("reverts with OrderNotPermitted(stranger, selector) for a signer without the role", async () => {
      await expect(send({}, world.stranger))
        .to.be.revertedWithCustomError(world.coin, "OrderNotPermitted")
        .withArgs(world.stranger.address, selector());
    });

    it("reverts with OrderNotPermitted(slowFreezer, selector) for a signer whose role has a delay", async () => {
      expect(await world.manager.hasRole(ROLE.freezer, world.slowFreezer)).to.deep.equal([true, FREEZER_DELAY]);
      await expect(send({}, world.slowFreezer))
        .to.be.revertedWithCustomError(world.coin, "OrderNotPermitted")
        .withArgs(world.slowFreezer.address, selector());
    });

    it("reverts with OrderNotPermitted(freezer, selector) once the role is revoked", async () => {
      await world.manager.revokeRole(ROLE.freezer, world.freezer);
      await expect(send())
        .to.be.revertedWithCustomError(world.coin, "OrderNotPermitted")
        .withArgs(world.freezer.address, selector());
    });

    it("reverts with OrderSignatureInvalid(freezer) when somebody else signed in the freezer's name", async () => {
      const order = { orderId: ID, deadline: WHOLE, ...fields };
      const signature = await sign(world, world.stranger, form.type, order);
      await expect(form.submit(world, order, world.freezer.address, signature))
        .to.be.revertedWithCustomError(world.coin, "OrderSignatureInvalid")
        .withArgs(world.freezer.address);
    });

    for (const { name, type } of TYPES[form.type]) {
      it(`reverts with OrderSignatureInvalid(freezer) when another ${name} was signed`, async () => {
        const order = { orderId: ID, deadline: WHOLE - 1n, ...fields };
        const other = type === "address" ? world.stranger.address : type === "bytes32" ? toNonce(1n) : WHOLE - 2n;
        const signature = await sign(world, world.freezer, form.type, { ...order, [name]: other });
        await expect(form.submit(world, order, world.freezer.address, signature))
          .to.be.revertedWithCustomError(world.coin, "OrderSignatureInvalid")
          .withArgs(world.freezer.address);
      });
    }

    it("is signed by a contract that holds the role", async () => {
      await world.manager.grantRole(ROLE.freezer, world.wallet, 0);
      const order = { orderId: ID, deadline: WHOLE, ...fields };
      const signature = await sign(world, world.payer, form.type, order);
      await form.submit(world, order, await world.wallet.getAddress(), signature);
      expect(await world.coin.orderUsed(world.wallet, ID)).to.equal(true);
    });

    it("is signed plainly by a delegated account that holds the role", async () => {
      await delegate(world, world.freezer.address, `${world.unflagged.target}`);
      await send();
      expect(await world.coin.orderUsed(world.freezer, ID)).to.equal(true);
    });

    it("spends the id of its signer alone", async () => {
      await send();
      expect(await world.coin.orderUsed(world.freezer, ID)).to.equal(true);
      expect(await world.coin.orderUsed(world.freezer, toNonce(78n))).to.equal(false);
      expect(await world.coin.orderUsed(world.stranger, ID)).to.equal(false);
    });

    it("emits OrderUsed(freezer, id, digest) first", async () => {
      const order = { orderId: ID, deadline: WHOLE, ...fields };
      const types = { [form.type]: [...TYPES[form.type]] };
      const digest = TypedDataEncoder.hash(world.domain, types, order);
      const [first] = await eventsOf(world, send());
      expect(first).to.deep.equal(["OrderUsed", world.freezer.address, ID, digest]);
    });
  });
}
