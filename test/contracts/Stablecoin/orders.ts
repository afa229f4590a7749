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
  loadWorld,
  now,
  ROLE,
  ROLE_DELAY,
  sign,
  TYPES,
  toNonce,
  WHOLE,
  type World,
} from "../../support/coin.ts";

export interface OrderForm {
  type: "FreezeOrder" | "UnfreezeOrder" | "SeizeOrder";
  /** The restricted function that the order stands for. */
  selector: "freeze" | "unfreeze" | "seize";
  /** Whose role it is, and who has it with a delay. */
  role: "freezer" | "seizer";
  slow: "slowFreezer" | "slowSeizer";
  /** The order's own fields, valid now. */
  create(world: World): Promise<object>;
  submit(world: World, order: object, signer: string, signature: string): Promise<ContractTransactionResponse>;
}

const ID = toNonce(77n);

/** Signs an order as the member of its role, valid for ever, and submits it as the relayer. */
export async function submitOrder(
  world: World,
  form: OrderForm,
  changes: object = {},
  signer: Signer = world[form.role],
): Promise<ContractTransactionResponse> {
  const order = { orderId: ID, deadline: WHOLE, ...changes };
  const signature = await sign(world, signer, form.type, order);
  return form.submit(world, order, await signer.getAddress(), signature);
}

export function describeOrder(form: OrderForm): void {
  const { role, slow } = form;
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
      expect(await world.coin.orderUsed(world[role], ID)).to.equal(true);
    });

    it(`reverts with OrderAlreadyUsed(${role}, id) a second time`, async () => {
      await send();
      await expect(send())
        .to.be.revertedWithCustomError(world.coin, "OrderAlreadyUsed")
        .withArgs(world[role].address, ID);
    });

    it("reverts with OrderNotPermitted(stranger, selector) for a signer without the role", async () => {
      await expect(send({}, world.stranger))
        .to.be.revertedWithCustomError(world.coin, "OrderNotPermitted")
        .withArgs(world.stranger.address, selector());
    });

    it(`reverts with OrderNotPermitted(${slow}, selector) for a signer whose role has a delay`, async () => {
      expect(await world.manager.hasRole(ROLE[role], world[slow])).to.deep.equal([true, ROLE_DELAY]);
      await expect(send({}, world[slow]))
        .to.be.revertedWithCustomError(world.coin, "OrderNotPermitted")
        .withArgs(world[slow].address, selector());
    });

    it(`reverts with OrderNotPermitted(${role}, selector) once the role is revoked`, async () => {
      await world.manager.revokeRole(ROLE[role], world[role]);
      await expect(send())
        .to.be.revertedWithCustomError(world.coin, "OrderNotPermitted")
        .withArgs(world[role].address, selector());
    });

    it(`reverts with OrderSignatureInvalid(${role}) when somebody else signed in the ${role}'s name`, async () => {
      const order = { orderId: ID, deadline: WHOLE, ...fields };
      const signature = await sign(world, world.stranger, form.type, order);
      await expect(form.submit(world, order, world[role].address, signature))
        .to.be.revertedWithCustomError(world.coin, "OrderSignatureInvalid")
        .withArgs(world[role].address);
    });

    for (const { name, type } of TYPES[form.type]) {
      it(`reverts with OrderSignatureInvalid(${role}) when another ${name} was signed`, async () => {
        const order = { orderId: ID, deadline: WHOLE - 1n, ...fields };
        const other = type === "address" ? world.stranger.address : type === "bytes32" ? toNonce(1n) : WHOLE - 2n;
        const signature = await sign(world, world[role], form.type, { ...order, [name]: other });
        await expect(form.submit(world, order, world[role].address, signature))
          .to.be.revertedWithCustomError(world.coin, "OrderSignatureInvalid")
          .withArgs(world[role].address);
      });
    }

    it("is signed by a contract that holds the role", async () => {
      await world.manager.grantRole(ROLE[role], world.wallet, 0);
      const order = { orderId: ID, deadline: WHOLE, ...fields };
      const signature = await sign(world, world.payer, form.type, order);
      await form.submit(world, order, await world.wallet.getAddress(), signature);
      expect(await world.coin.orderUsed(world.wallet, ID)).to.equal(true);
    });

    it("is signed plainly by a delegated account that holds the role", async () => {
      await delegate(world, world[role].address, `${world.unflagged.target}`);
      await send();
      expect(await world.coin.orderUsed(world[role], ID)).to.equal(true);
    });

    it("spends the id of its signer alone", async () => {
      await send();
      expect(await world.coin.orderUsed(world[role], ID)).to.equal(true);
      expect(await world.coin.orderUsed(world[role], toNonce(78n))).to.equal(false);
      expect(await world.coin.orderUsed(world.stranger, ID)).to.equal(false);
    });

    it(`emits OrderUsed(${role}, id, digest) first`, async () => {
      const order = { orderId: ID, deadline: WHOLE, ...fields };
      const types = { [form.type]: [...TYPES[form.type]] };
      const digest = TypedDataEncoder.hash(world.domain, types, order);
      const [first] = await eventsOf(world, send());
      expect(first).to.deep.equal(["OrderUsed", world[role].address, ID, digest]);
    });
  });
}
