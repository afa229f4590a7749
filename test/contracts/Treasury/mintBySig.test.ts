import { expect } from "chai";
import { MaxUint256 } from "ethers";
import type { OrderSpec, TreasuryWorld } from "../../support/treasury.ts";
import {
  AMOUNT,
  DEPOSIT,
  LIFETIME,
  ORDER_TYPES,
  RESERVES,
  at,
  createLoader,
  deployTreasury,
  itRequiresDeadline,
  itRequiresSignature,
  readTreasury,
  sendOrder,
} from "../../support/treasury.ts";
import type { Minting } from "./minting.ts";
import { itRequiresApprovals, itRequiresBucket, itRequiresNoSunset } from "./minting.ts";

const load = await createLoader(deployTreasury);

describe("Treasury.mintBySig", () => {
  let w: TreasuryWorld;
  const spec: OrderSpec<TreasuryWorld> = {
    world: () => w,
    target: ({ treasury }) => treasury,
    domainName: "Remesa Treasury",
    type: "MintOrder",
    members: ORDER_TYPES.MintOrder,
    signer: ({ dealer }) => dealer,
    order: async ({ coin, payee }) => ({
      coin: await coin.getAddress(),
      depositId: DEPOSIT,
      to: payee.address,
      amount: AMOUNT,
      deadline: MaxUint256 - 1n,
    }),
    submit: "mintBySig",
  };
  const send = (signed: Record<string, unknown> = {}) => sendOrder(spec, { signed });

  const minting: Minting = {
    world: () => w,
    mint: send,
    keyOf: (amount) => w.treasury.mintKeyOf(w.dealer, w.coin, DEPOSIT, w.payee, amount),
  };

  beforeEach(async () => {
    w = await load();
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
      await expect(send())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.dealer.address);
    });

    itRequiresSignature(spec);

    it("reverts with TreasuryZeroAmount() for 0", async () => {
      await expect(send({ amount: 0n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryZeroAmount")
        .withArgs();
    });

    it("reverts with TreasuryDepositUsed(depositId) for the same order again [TREASURY-1]", async () => {
      await send();
      await expect(send()).to.be.revertedWithCustomError(w.treasury, "TreasuryDepositUsed").withArgs(DEPOSIT);
    });

    it("reverts with TreasuryDepositUsed(depositId) for the same deposit with another amount", async () => {
      await send();
      await expect(send({ amount: AMOUNT + 1n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDepositUsed")
        .withArgs(DEPOSIT);
    });

    it("reverts with TreasuryDepositUsed(depositId) for a deposit minted directly", async () => {
      await w.treasury.connect(w.dealer).mint(w.coin, DEPOSIT, w.payee, AMOUNT);
      await expect(send()).to.be.revertedWithCustomError(w.treasury, "TreasuryDepositUsed").withArgs(DEPOSIT);
    });

    it("reverts with TreasuryMintingOff(coin) when minting is switched off", async () => {
      await w.treasury.connect(w.guardian).setMinting(w.coin, false);
      await expect(send())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryMintingOff")
        .withArgs(await w.coin.getAddress());
    });

    it("reverts with TreasuryAttestationStale(asOf, asOf + 1) at the end of its lifetime", async () => {
      await at(w.connection, w.asOf + LIFETIME);
      await expect(send())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestationStale")
        .withArgs(w.asOf, w.asOf + 1n);
    });

    itRequiresNoSunset(minting);
    itRequiresBucket(minting);
    itRequiresApprovals(minting);

    it("reverts with the coin's StablecoinPaused(4) while minting is paused there, and the deposit stays free", async () => {
      await w.coin.pause(4);
      await expect(send()).to.be.revertedWithCustomError(w.coin, "StablecoinPaused").withArgs(4);
      await w.coin.unpause(4);
      await send();
    });

    it("reverts with TreasuryReservesExceeded(reserves + 1, reserves) one unit above them", async () => {
      await expect(send({ amount: RESERVES + 1n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryReservesExceeded")
        .withArgs(RESERVES + 1n, RESERVES);
    });
  });

  describe("ensures", () => {
    it("the payee and the supply have the amount more, the bucket has it less, the deposit is used, nothing else changes", async () => {
      const before = await readTreasury(w);
      await send();
      expect(await readTreasury(w)).to.deep.equal({
        ...before,
        supply: before.supply + AMOUNT,
        payee: before.payee + AMOUNT,
        bucket: before.bucket - AMOUNT,
        deposit: true,
      });
    });

    it("a dealer's word needs no role of the access manager", async () => {
      const { selector } = w.treasury.interface.getFunction("mint");
      const [immediate] = await w.manager.canCall(w.dealer, w.treasury, selector);
      expect(immediate).to.equal(false);
      await send();
    });
  });

  describe("emits", () => {
    it("Minted(depositId, dealer, payee, coin, amount), with the signer as the dealer", async () => {
      await expect(send())
        .to.emit(w.treasury, "Minted")
        .withArgs(DEPOSIT, w.dealer.address, w.payee.address, await w.coin.getAddress(), AMOUNT);
    });
  });
});
