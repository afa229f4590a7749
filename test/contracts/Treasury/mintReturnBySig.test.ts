import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { RedemptionWorld } from "../../support/redemption.ts";
import { REDEEMED, STATE, deployRedemption, reach, readRedemption } from "../../support/redemption.ts";
import type { OrderSpec } from "../../support/treasury.ts";
import {
  LIFETIME,
  ORDER_TYPES,
  at,
  createLoader,
  itRequiresDeadline,
  itRequiresSignature,
  readTreasury,
  sendOrder,
} from "../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("Treasury.mintReturnBySig", () => {
  let w: RedemptionWorld;
  const spec: OrderSpec<RedemptionWorld> = {
    world: () => w,
    target: ({ treasury }) => treasury,
    domainName: "Remesa Treasury",
    type: "MintReturnOrder",
    members: ORDER_TYPES.MintReturnOrder,
    signer: ({ dealer }) => dealer,
    order: async ({ coin, id }) => ({
      coin: await coin.getAddress(),
      redemptionId: id,
      amount: REDEEMED - 1n,
      deadline: 4_000_000_000n,
    }),
    submit: "mintReturnBySig",
  };

  beforeEach(async () => {
    w = await load();
    await reach(w, "burned");
  });

  describe("requires", () => {
    itRequiresDeadline(spec);

    it("reverts with TreasuryDealerUnknown(relayer) for a signer who is no dealer [TREASURY-6]", async () => {
      await expect(sendOrder(spec, { key: w.relayer, claimed: w.relayer.address }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.relayer.address);
    });

    it("reverts with TreasuryDealerUnknown(dealer) for an order signed before the dealer was closed", async () => {
      await w.treasury.setDealer(w.dealer, 0n);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.dealer.address);
    });

    itRequiresSignature(spec);

    it("reverts with TreasuryZeroAmount() for 0", async () => {
      await expect(sendOrder(spec, { signed: { amount: 0n } }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryZeroAmount")
        .withArgs();
    });

    it("reverts with TreasuryReturnUsed(id) for the same order again [TREASURY-9]", async () => {
      await sendOrder(spec);
      await expect(sendOrder(spec)).to.be.revertedWithCustomError(w.treasury, "TreasuryReturnUsed").withArgs(w.id);
    });

    it("reverts with TreasuryEscrowUnknown(coin, 0) where no escrow is named", async () => {
      await w.treasury.setRedemptions(w.coin, ZeroAddress);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryEscrowUnknown")
        .withArgs(await w.coin.getAddress(), ZeroAddress);
    });

    it("reverts with TreasuryReturnInvalid(other, 0) for an unknown redemption", async () => {
      const redemptionId = `0x${"99".repeat(32)}`;
      await expect(sendOrder(spec, { signed: { redemptionId } }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryReturnInvalid")
        .withArgs(redemptionId, STATE.none);
    });

    it("reverts with TreasuryReturnTooLarge(amount + 1, amount) one unit above the redemption", async () => {
      await expect(sendOrder(spec, { signed: { amount: REDEEMED + 1n } }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryReturnTooLarge")
        .withArgs(REDEEMED + 1n, REDEEMED);
    });

    it("reverts with TreasuryMintingOff(coin) when minting is switched off", async () => {
      await w.treasury.connect(w.guardian).setMinting(w.coin, false);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryMintingOff")
        .withArgs(await w.coin.getAddress());
    });

    it("reverts with TreasuryAttestationStale(asOf, asOf + 1) at the end of its lifetime", async () => {
      await at(w.connection, w.asOf + LIFETIME);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestationStale")
        .withArgs(w.asOf, w.asOf + 1n);
    });
  });

  describe("ensures", () => {
    it("the holder and the supply have the amount more, the return is used, nothing else changes", async () => {
      const [treasury, redemption] = [await readTreasury(w), await readRedemption(w)];
      await sendOrder(spec);
      expect(await readTreasury(w)).to.deep.equal({ ...treasury, supply: treasury.supply + REDEEMED - 1n });
      expect(await readRedemption(w)).to.deep.equal({
        ...redemption,
        supply: redemption.supply + REDEEMED - 1n,
        holder: redemption.holder + REDEEMED - 1n,
      });
      expect(await w.treasury.returnUsed(w.id)).to.equal(true);
    });
  });

  describe("emits", () => {
    it("ReturnMinted(id, dealer, holder, coin, amount), with the signer as the dealer", async () => {
      await expect(sendOrder(spec))
        .to.emit(w.treasury, "ReturnMinted")
        .withArgs(w.id, w.dealer.address, w.holder.address, await w.coin.getAddress(), REDEEMED - 1n);
    });
  });
});
