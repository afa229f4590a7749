import { expect } from "chai";
import { ZeroAddress, ZeroHash, id } from "ethers";
import type { RedemptionWorld } from "../../support/redemption.ts";
import {
  BANK_REFERENCE,
  FUNDS,
  GROUNDS,
  REDEEMED,
  STATE,
  deployRedemption,
  freezeHolder,
  reach,
  readRedemption,
  statesExcept,
} from "../../support/redemption.ts";
import { DAY, LIFETIME, REPORT, RESERVES, at, createLoader, now, readTreasury } from "../../support/treasury.ts";

const load = await createLoader(deployRedemption);

describe("Treasury.mintReturn", () => {
  let w: RedemptionWorld;
  const mintReturn = ({ amount = REDEEMED, caller = w.dealer, redemption = w.id } = {}) =>
    w.treasury.connect(caller).mintReturn(w.coin, redemption, amount);

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with TreasuryDealerUnknown(agent) for a caller who is no dealer", async () => {
      await reach(w, "burned");
      await expect(mintReturn({ caller: w.agent }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.agent.address);
    });

    it("reverts with TreasuryDealerUnknown(dealer) for a closed dealer [TREASURY-6]", async () => {
      await reach(w, "burned");
      await w.treasury.setDealer(w.dealer, 0n);
      await expect(mintReturn())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.dealer.address);
    });

    it("reverts with TreasuryZeroAmount() for 0", async () => {
      await reach(w, "burned");
      await expect(mintReturn({ amount: 0n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryZeroAmount")
        .withArgs();
    });

    for (const amount of [REDEEMED, 1n]) {
      it(`reverts with TreasuryReturnUsed(id) the second time, for ${amount} too [TREASURY-9]`, async () => {
        await reach(w, "burned");
        await mintReturn({ amount: REDEEMED - 1n });
        await expect(mintReturn({ amount }))
          .to.be.revertedWithCustomError(w.treasury, "TreasuryReturnUsed")
          .withArgs(w.id);
      });
    }

    it("reverts with TreasuryEscrowUnknown(coin, 0) where no escrow is named", async () => {
      await reach(w, "burned");
      await w.treasury.setRedemptions(w.coin, ZeroAddress);
      await expect(mintReturn())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryEscrowUnknown")
        .withArgs(await w.coin.getAddress(), ZeroAddress);
    });

    for (const [state, number] of statesExcept("burned")) {
      it(`reverts with TreasuryReturnInvalid(id, ${number}) when the redemption is ${state}`, async () => {
        await reach(w, state);
        await expect(mintReturn())
          .to.be.revertedWithCustomError(w.treasury, "TreasuryReturnInvalid")
          .withArgs(w.id, number);
      });
    }

    it("reverts with TreasuryReturnInvalid(id, 4) for a redemption of another coin", async () => {
      await reach(w, "burned");
      const hostile = await w.connection.ethers.deployContract("HostileCoin");
      await w.treasury.setRedemptions(hostile, w.escrow);
      await expect(w.treasury.connect(w.dealer).mintReturn(hostile, w.id, REDEEMED))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryReturnInvalid")
        .withArgs(w.id, STATE.burned);
    });

    it("reverts with TreasuryReturnTooLarge(amount + 1, amount) one unit above the redemption [TREASURY-9]", async () => {
      await reach(w, "burned");
      await expect(mintReturn({ amount: REDEEMED + 1n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryReturnTooLarge")
        .withArgs(REDEEMED + 1n, REDEEMED);
    });

    for (const amount of [1n, REDEEMED - 1n, REDEEMED]) {
      it(`mints ${amount} of ${REDEEMED} back`, async () => {
        await reach(w, "burned");
        await mintReturn({ amount });
      });
    }

    it("reverts with TreasuryMintingOff(coin) when minting is switched off [TREASURY-4]", async () => {
      await reach(w, "burned");
      await w.treasury.connect(w.guardian).setMinting(w.coin, false);
      await expect(mintReturn())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryMintingOff")
        .withArgs(await w.coin.getAddress());
    });

    it("reverts with TreasuryAttestationStale(asOf, asOf + 1) at the end of its lifetime [TREASURY-3]", async () => {
      await reach(w, "burned");
      await at(w.connection, w.asOf + LIFETIME);
      await expect(mintReturn())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestationStale")
        .withArgs(w.asOf, w.asOf + 1n);
    });

    it("reverts with the coin's StablecoinFrozen(holder) for a frozen holder, and the return stays free", async () => {
      await reach(w, "burned");
      await freezeHolder(w);
      await expect(mintReturn()).to.be.revertedWithCustomError(w.coin, "StablecoinFrozen").withArgs(w.holder.address);
      expect(await w.treasury.returnUsed(w.id)).to.equal(false);
    });

    it("mints back up to the reserves exactly", async () => {
      await reach(w, "burned");
      await attestNow(FUNDS);
      await mintReturn();
    });

    it("reverts with TreasuryReservesExceeded(supply, supply - 1) one unit above the reserves [TREASURY-2]", async () => {
      await reach(w, "burned");
      await attestNow(FUNDS - 1n);
      await expect(mintReturn())
        .to.be.revertedWithCustomError(w.treasury, "TreasuryReservesExceeded")
        .withArgs(FUNDS, FUNDS - 1n);
    });

    async function attestNow(amount: bigint, time?: bigint): Promise<void> {
      const asOf = time ?? (await now(w.connection)) + 1n;
      await at(w.connection, asOf);
      await w.treasury.connect(w.attestor).attest(w.coin, amount, asOf, REPORT);
    }
  });

  describe("ensures", () => {
    it("the holder and the supply have the amount more, the return is used, nothing else changes", async () => {
      await reach(w, "burned");
      const [treasury, redemption] = [await readTreasury(w), await readRedemption(w)];
      await mintReturn();
      expect(await readTreasury(w)).to.deep.equal({ ...treasury, supply: treasury.supply + REDEEMED });
      expect(await readRedemption(w)).to.deep.equal({
        ...redemption,
        supply: redemption.supply + REDEEMED,
        holder: redemption.holder + REDEEMED,
      });
      expect(await w.treasury.returnUsed(w.id)).to.equal(true);
    });

    it("a deposit of the same id stays free, and the return of another redemption", async () => {
      await reach(w, "burned");
      await mintReturn();
      expect(await w.treasury.depositUsed(w.id)).to.equal(false);
      expect(await w.treasury.returnUsed(ZeroHash)).to.equal(false);
      await w.treasury.connect(w.dealer).mint(w.coin, w.id, w.payee, 1n);
    });

    it("needs neither a bucket nor approvals", async () => {
      await reach(w, "burned");
      await w.treasury.setDealer(w.dealer, 1n);
      await w.treasury.connect(w.dealer).mint(w.coin, id("all of it"), w.payee, 500_000_000_000n);
      const before = await readTreasury(w);
      await w.treasury.setDealer(w.dealer, 4n);
      await mintReturn();
      expect(await w.coin.totalSupply()).to.equal(before.supply + REDEEMED);
    });

    it("goes on after the announced end of minting", async () => {
      await reach(w, "burned");
      const sunset = (await now(w.connection)) + 31n * DAY;
      await w.treasury.announceSunset(w.coin, sunset);
      await at(w.connection, sunset);
      await w.treasury.connect(w.attestor).attest(w.coin, RESERVES, sunset, REPORT);
      await mintReturn();
      expect(await w.coin.balanceOf(w.holder)).to.equal(FUNDS);
    });

    it("serves a redemption whose burn still waits, and one that a dispute ended", async () => {
      await reach(w, "disputed");
      await w.coin.pause(8);
      await w.escrow.connect(w.arbiter).resolve(w.id, true, GROUNDS);
      await mintReturn();
      expect(await w.coin.balanceOf(w.holder)).to.equal(FUNDS);
      expect(await w.escrow.toBurn(w.coin)).to.equal(REDEEMED);
    });

    it("a coin that calls back to mint the return again gets TreasuryReturnUsed(id)", async () => {
      const hostile = await w.connection.ethers.deployContract("HostileCoin");
      const escrow = await w.connection.ethers.deployContract("RedemptionEscrow", [w.manager, [hostile]]);
      await w.treasury.setRedemptions(hostile, escrow);
      await w.treasury.connect(w.guardian).setMinting(hostile, true);
      await w.treasury.connect(w.attestor).attest(hostile, RESERVES, w.asOf, REPORT);
      const other = { ...w, coin: hostile, escrow } as unknown as RedemptionWorld;
      const redemption = await burnIn(other);
      await w.treasury.setDealer(hostile, 2n);
      const again = w.treasury.interface.encodeFunctionData("mintReturn", [
        await hostile.getAddress(),
        redemption,
        REDEEMED,
      ]);
      await hostile.getFunction("setCallback")(w.treasury, again);
      await w.treasury.connect(w.dealer).mintReturn(hostile, redemption, REDEEMED);
      expect(await hostile.getFunction("answer")()).to.equal(
        w.treasury.interface.encodeErrorResult("TreasuryReturnUsed", [redemption]),
      );
    });

    /** Brings a redemption of another coin and escrow to its burn, with the manager's administrator as agent. */
    async function burnIn(other: RedemptionWorld): Promise<string> {
      const terms = { ...w.terms, coin: await other.coin.getAddress() };
      await (other.coin as unknown as { mint(to: unknown, amount: bigint): Promise<unknown> }).mint(w.holder, FUNDS);
      const redemption = await other.escrow.idOf(terms);
      await other.escrow.lock(terms, "0x");
      await other.escrow.connect(w.admin).accept(redemption);
      await other.escrow.connect(w.admin).markSent(redemption, BANK_REFERENCE);
      await other.escrow.connect(w.admin).confirm(redemption, BANK_REFERENCE);
      return redemption;
    }
  });

  describe("emits", () => {
    it("ReturnMinted(id, dealer, holder, coin, amount) and the coin's Transfer, but not Minted", async () => {
      await reach(w, "burned");
      await expect(mintReturn())
        .to.emit(w.treasury, "ReturnMinted")
        .withArgs(w.id, w.dealer.address, w.holder.address, await w.coin.getAddress(), REDEEMED)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(ZeroAddress, w.holder.address, REDEEMED)
        .and.to.not.emit(w.treasury, "Minted");
    });
  });
});
