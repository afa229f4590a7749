import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { TreasuryWorld } from "../../support/treasury.ts";
import {
  AMOUNT,
  DEPOSIT,
  LIFETIME,
  OTHER_DEPOSIT,
  REPORT,
  RESERVES,
  TIER,
  TIERS,
  at,
  createLoader,
  deployTreasury,
  now,
  readTreasury,
} from "../../support/treasury.ts";
import type { Minting } from "./minting.ts";
import { itRequiresApprovals, itRequiresBucket, itRequiresNoSunset } from "./minting.ts";

const load = await createLoader(deployTreasury);

describe("Treasury.mint", () => {
  let w: TreasuryWorld;
  const mint = ({ depositId = DEPOSIT, amount = AMOUNT, caller = w.dealer } = {}) =>
    w.treasury.connect(caller).mint(w.coin, depositId, w.payee, amount);

  const minting: Minting = {
    world: () => w,
    mint: mint,
    keyOf: (amount) => w.treasury.mintKeyOf(w.dealer, w.coin, DEPOSIT, w.payee, amount),
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with TreasuryDealerUnknown(stranger) for a caller who is no dealer", async () => {
      await expect(mint({ caller: w.stranger }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.stranger.address);
    });

    it("reverts with TreasuryDealerUnknown(dealer) for a closed dealer", async () => {
      await w.treasury.setDealer(w.dealer, 0n);
      await expect(mint())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.dealer.address);
    });

    it("reverts with TreasuryZeroAmount() for 0", async () => {
      await expect(mint({ amount: 0n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryZeroAmount")
        .withArgs();
    });

    it("reverts with TreasuryDepositUsed(depositId) for a deposit minted before [TREASURY-1]", async () => {
      await mint();
      await expect(mint()).to.be.revertedWithCustomError(w.treasury, "TreasuryDepositUsed").withArgs(DEPOSIT);
    });

    it("reverts with TreasuryDepositUsed(depositId) for a deposit minted before with another amount", async () => {
      await mint();
      await expect(mint({ amount: 1n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDepositUsed")
        .withArgs(DEPOSIT);
    });

    it("reverts with TreasuryDepositUsed(depositId) even when minting was switched off since", async () => {
      await mint();
      await w.treasury.connect(w.guardian).setMinting(w.coin, false);
      await expect(mint()).to.be.revertedWithCustomError(w.treasury, "TreasuryDepositUsed").withArgs(DEPOSIT);
    });

    it("reverts with TreasuryMintingOff(coin) when minting is switched off [TREASURY-4]", async () => {
      await w.treasury.connect(w.guardian).setMinting(w.coin, false);
      await expect(mint())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryMintingOff")
        .withArgs(await w.coin.getAddress());
    });

    it("reverts with TreasuryMintingOff(coin) for a coin never switched on", async () => {
      await expect(w.treasury.connect(w.dealer).mint(w.stranger, DEPOSIT, w.payee, AMOUNT))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryMintingOff")
        .withArgs(w.stranger.address);
    });

    it("mints in the last second of the attestation's lifetime", async () => {
      await at(w.connection, w.asOf + LIFETIME - 1n);
      await mint();
    });

    it("reverts with TreasuryAttestationStale(asOf, asOf + 1) at the end of its lifetime [TREASURY-3]", async () => {
      await at(w.connection, w.asOf + LIFETIME);
      await expect(mint())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestationStale")
        .withArgs(w.asOf, w.asOf + 1n);
    });

    it("reverts with TreasuryAttestationStale(asOf, asOf + 2) one second after", async () => {
      await at(w.connection, w.asOf + LIFETIME + 1n);
      await expect(mint())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestationStale")
        .withArgs(w.asOf, w.asOf + 2n);
    });

    it("reverts with TreasuryAttestationStale(0, now + 1) for a coin never attested", async () => {
      await w.treasury.connect(w.guardian).setMinting(w.stranger, true);
      await at(w.connection, w.asOf + 100n);
      await expect(w.treasury.connect(w.dealer).mint(w.stranger, DEPOSIT, w.payee, AMOUNT))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestationStale")
        .withArgs(0n, w.asOf + 101n);
    });

    it("mints again after a new attestation", async () => {
      await at(w.connection, w.asOf + LIFETIME);
      await w.treasury.connect(w.attestor).attest(w.coin, RESERVES, w.asOf + LIFETIME, REPORT);
      await mint();
    });

    itRequiresNoSunset(minting);
    itRequiresBucket(minting);
    itRequiresApprovals(minting);

    it("reverts with the coin's StablecoinPaused(4) while minting is paused there, and the deposit stays free", async () => {
      await w.coin.pause(4);
      await expect(mint()).to.be.revertedWithCustomError(w.coin, "StablecoinPaused").withArgs(4);
      expect(await w.treasury.depositUsed(DEPOSIT)).to.equal(false);
    });

    it("reverts with the coin's ERC20InvalidReceiver(0) for the zero address", async () => {
      await expect(w.treasury.connect(w.dealer).mint(w.coin, DEPOSIT, ZeroAddress, AMOUNT))
        .to.be.revertedWithCustomError(w.coin, "ERC20InvalidReceiver")
        .withArgs(ZeroAddress);
    });

    it("reverts with the coin's StablecoinCallerNotTreasury(treasury, stranger) once it was replaced there", async () => {
      await w.coin.setTreasury(w.stranger);
      await expect(mint())
        .to.be.revertedWithCustomError(w.coin, "StablecoinCallerNotTreasury")
        .withArgs(await w.treasury.getAddress(), w.stranger.address);
    });

    it("mints one unit below the reserves", async () => {
      await mint({ amount: RESERVES - 1n });
    });

    it("mints up to the reserves exactly", async () => {
      await mint({ amount: RESERVES - 1n });
      await mint({ depositId: OTHER_DEPOSIT, amount: 1n });
      expect(await w.coin.totalSupply()).to.equal(RESERVES);
    });

    it("reverts with TreasuryReservesExceeded(reserves + 1, reserves) one unit above them [TREASURY-2]", async () => {
      await mint({ amount: RESERVES - 1n });
      await expect(mint({ depositId: OTHER_DEPOSIT, amount: 2n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryReservesExceeded")
        .withArgs(RESERVES + 1n, RESERVES);
    });

    it("reverts with TreasuryReservesExceeded(supply + amount, lower) after reserves fell below the supply", async () => {
      await mint();
      const time = (await now(w.connection)) + 1n;
      await at(w.connection, time);
      await w.treasury.connect(w.attestor).attest(w.coin, AMOUNT - 1n, time, REPORT);
      await expect(mint({ depositId: OTHER_DEPOSIT, amount: 1n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryReservesExceeded")
        .withArgs(AMOUNT + 1n, AMOUNT - 1n);
    });
  });

  describe("ensures", () => {
    it("the payee and the supply have the amount more, the bucket has it less, the deposit is used, nothing else changes", async () => {
      const before = await readTreasury(w);
      await mint();
      expect(await readTreasury(w)).to.deep.equal({
        ...before,
        supply: before.supply + AMOUNT,
        payee: before.payee + AMOUNT,
        bucket: before.bucket - AMOUNT,
        deposit: true,
      });
    });

    it("a mint that the coin refuses takes nothing from the bucket", async () => {
      await w.coin.pause(4);
      const before = await readTreasury(w);
      await expect(mint()).to.be.revertedWithCustomError(w.coin, "StablecoinPaused").withArgs(4);
      expect(await readTreasury(w)).to.deep.equal(before);
    });

    it("one bucket serves all coins", async () => {
      const second = await w.connection.ethers.deployContract("HostileCoin");
      await w.treasury.connect(w.guardian).setMinting(second, true);
      await w.treasury.connect(w.attestor).attest(second, RESERVES, w.asOf, REPORT);
      await w.treasury.setDealer(w.dealer, 1n);
      await mint({ amount: TIERS[1]! });
      const time = await now(w.connection);
      await at(w.connection, time + 1n);
      const refill = TIERS[1]! / 86_400n;
      await expect(w.treasury.connect(w.dealer).mint(second, OTHER_DEPOSIT, w.payee, refill + 1n))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerLimitExceeded")
        .withArgs(w.dealer.address, refill + 1n, refill);
    });

    it("a coin that calls back to mint the deposit again gets TreasuryDepositUsed(depositId)", async () => {
      const hostile = await w.connection.ethers.deployContract("HostileCoin");
      await w.treasury.connect(w.guardian).setMinting(hostile, true);
      await w.treasury.connect(w.attestor).attest(hostile, RESERVES, w.asOf, REPORT);
      const hostileAddress = await hostile.getAddress();
      await w.treasury.setDealer(hostileAddress, TIER);
      const again = w.treasury.interface.encodeFunctionData("mint", [hostileAddress, DEPOSIT, w.payee.address, AMOUNT]);
      await hostile.setCallback(w.treasury, again);
      await w.treasury.connect(w.dealer).mint(hostile, DEPOSIT, w.payee, AMOUNT);
      expect(await hostile.answer()).to.equal(w.treasury.interface.encodeErrorResult("TreasuryDepositUsed", [DEPOSIT]));
      expect(await hostile.totalSupply()).to.equal(AMOUNT);
    });
  });

  describe("emits", () => {
    it("Minted(depositId, dealer, payee, coin, amount) and the coin's Transfer", async () => {
      await expect(mint())
        .to.emit(w.treasury, "Minted")
        .withArgs(DEPOSIT, w.dealer.address, w.payee.address, await w.coin.getAddress(), AMOUNT)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(ZeroAddress, w.payee.address, AMOUNT);
    });
  });
});
