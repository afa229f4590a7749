import { expect } from "chai";
import { TypedDataEncoder, id } from "ethers";
import type { OrderSpec, TreasuryWorld } from "../../support/treasury.ts";
import {
  ORDER_TYPES,
  ROLES,
  createLoader,
  deployTreasury,
  domainOf,
  itRequiresDeadline,
  itRequiresRole,
  itRequiresSignature,
  readTreasury,
  sendOrder,
} from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);
const ORDER_ID = id("minting order 1");

describe("Treasury.setMintingBySig", () => {
  let w: TreasuryWorld;
  const spec: OrderSpec<TreasuryWorld> = {
    world: () => w,
    target: ({ treasury }) => treasury,
    domainName: "Remesa Treasury",
    type: "MintingOrder",
    members: ORDER_TYPES.MintingOrder,
    signer: ({ guardian }) => guardian,
    order: async ({ coin }) => ({
      orderId: ORDER_ID,
      coin: await coin.getAddress(),
      enabled: false,
      deadline: 2_000_000_000n,
    }),
    submit: "setMintingBySig",
  };
  const send = (signed: Record<string, unknown> = {}) => sendOrder(spec, { signed });

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    itRequiresDeadline(spec);

    it("reverts with OrderAlreadyUsed(guardian, orderId) for an order used before, though it was undone", async () => {
      await send();
      await w.treasury.connect(w.guardian).setMinting(w.coin, true);
      await expect(send())
        .to.be.revertedWithCustomError(w.treasury, "OrderAlreadyUsed")
        .withArgs(w.guardian.address, ORDER_ID);
    });

    itRequiresRole(spec, { role: ROLES.guardian, restricted: "setMinting" });

    itRequiresSignature(spec);
  });

  describe("ensures", () => {
    it("minting is off and the order's id used, nothing else changes", async () => {
      const before = await readTreasury(w);
      await send();
      expect(await readTreasury(w)).to.deep.equal({ ...before, minting: false });
      expect(await w.treasury.orderUsed(w.guardian, ORDER_ID)).to.equal(true);
    });
  });

  describe("emits", () => {
    it("OrderUsed, and MintingChanged with the signer as the actor", async () => {
      const order = await spec.order(w);
      const domain = await domainOf(w.treasury, "Remesa Treasury");
      const digest = TypedDataEncoder.hash(domain, { MintingOrder: ORDER_TYPES.MintingOrder }, order);
      await expect(send())
        .to.emit(w.treasury, "OrderUsed")
        .withArgs(w.guardian.address, ORDER_ID, digest)
        .and.to.emit(w.treasury, "MintingChanged")
        .withArgs(await w.coin.getAddress(), w.guardian.address, true, false);
    });
  });
});
