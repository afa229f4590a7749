import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { TreasuryWorld } from "../../support/treasury.ts";
import {
  BUCKET,
  DEPOSIT,
  HOUR,
  TIER,
  TIERS,
  at,
  createLoader,
  deployTreasury,
  now,
  readTreasury,
} from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);

describe("Treasury.setDealer", () => {
  let w: TreasuryWorld;
  /** Mints so much by the dealer and gives the moment. */
  const spend = async (amount: bigint) => {
    await w.treasury.connect(w.dealer).mint(w.coin, DEPOSIT, w.payee, amount);
    return now(w.connection);
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(stranger) without the role", async () => {
      await expect(w.treasury.connect(w.stranger).setDealer(w.stranger, TIER))
        .to.be.revertedWithCustomError(w.treasury, "AccessManagedUnauthorized")
        .withArgs(w.stranger.address);
    });

    it("reverts with TreasuryDealerUnknown(0) for the zero address", async () => {
      await expect(w.treasury.setDealer(ZeroAddress, TIER))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(ZeroAddress);
    });

    for (const tier of [5n, 256n, 2n ** 256n - 1n]) {
      it(`reverts with TreasuryTierUnknown(${tier}, 4)`, async () => {
        await expect(w.treasury.setDealer(w.stranger, tier))
          .to.be.revertedWithCustomError(w.treasury, "TreasuryTierUnknown")
          .withArgs(tier, 4n);
      });
    }
  });

  describe("ensures", () => {
    for (const [tier, limit] of TIERS.entries()) {
      it(`a new dealer in tier ${tier} starts with ${limit} in its bucket, nothing else changes`, async () => {
        const before = await readTreasury(w);
        await w.treasury.setDealer(w.stranger, tier);
        expect(await readTreasury(w)).to.deep.equal({ ...before, strangerTier: BigInt(tier), strangerBucket: limit });
      });
    }

    it("a closed dealer has no tier and an empty bucket for good, nothing else changes", async () => {
      const before = await readTreasury(w);
      await w.treasury.setDealer(w.dealer, 0n);
      expect(await readTreasury(w)).to.deep.equal({ ...before, tier: 0n, bucket: 0n });
      await at(w.connection, (await now(w.connection)) + HOUR);
      await w.connection.networkHelpers.mine();
      expect(await readTreasury(w)).to.deep.equal({ ...before, tier: 0n, bucket: 0n });
    });

    it("a lower tier caps the bucket at what it holds", async () => {
      const before = await readTreasury(w);
      await w.treasury.setDealer(w.dealer, 1n);
      expect(await readTreasury(w)).to.deep.equal({ ...before, tier: 1n, bucket: TIERS[1] });
    });

    it("a lower tier leaves a bucket that has less than it holds, refilled until now by the old tier", async () => {
      await w.treasury.setDealer(w.dealer, 1n);
      await spend(TIERS[1]!);
      const raised = (await now(w.connection)) + 1n;
      await at(w.connection, raised);
      await w.treasury.setDealer(w.dealer, 2n);
      await at(w.connection, raised + 60n);
      await w.treasury.setDealer(w.dealer, 1n);
      const [, available] = await w.treasury.dealerOf(w.dealer);
      expect(available).to.equal(TIERS[1]! / 86_400n + (60n * TIERS[2]!) / 86_400n);
    });

    it("a higher tier keeps what the bucket has and refills at its own pace", async () => {
      const spentAt = await spend(TIERS[1]!);
      await at(w.connection, spentAt + 1n);
      await w.treasury.setDealer(w.dealer, 3n);
      const kept = BUCKET - TIERS[1]! + BUCKET / 86_400n;
      expect(await w.treasury.dealerOf(w.dealer)).to.deep.equal([3n, kept]);
      await at(w.connection, spentAt + 61n);
      await w.connection.networkHelpers.mine();
      expect(await w.treasury.dealerOf(w.dealer)).to.deep.equal([3n, kept + (60n * TIERS[3]!) / 86_400n]);
    });

    it("the same tier again refills nothing", async () => {
      const spentAt = await spend(TIERS[1]!);
      await at(w.connection, spentAt + 1n);
      await w.treasury.setDealer(w.dealer, TIER);
      expect(await w.treasury.dealerOf(w.dealer)).to.deep.equal([TIER, BUCKET - TIERS[1]! + BUCKET / 86_400n]);
    });

    it("a dealer that was closed starts with a full bucket", async () => {
      await spend(TIERS[1]!);
      await w.treasury.setDealer(w.dealer, 0n);
      await w.treasury.setDealer(w.dealer, TIER);
      expect(await w.treasury.dealerOf(w.dealer)).to.deep.equal([TIER, BUCKET]);
    });
  });

  describe("emits", () => {
    it("DealerChanged(stranger, 0, 1) on opening", async () => {
      await expect(w.treasury.setDealer(w.stranger, 1n))
        .to.emit(w.treasury, "DealerChanged")
        .withArgs(w.stranger.address, 0n, 1n);
    });

    it("DealerChanged(dealer, 2, 0) on closing", async () => {
      await expect(w.treasury.setDealer(w.dealer, 0n))
        .to.emit(w.treasury, "DealerChanged")
        .withArgs(w.dealer.address, 2n, 0n);
    });

    it("DealerChanged(dealer, 2, 2) when nothing changes", async () => {
      await expect(w.treasury.setDealer(w.dealer, 2n))
        .to.emit(w.treasury, "DealerChanged")
        .withArgs(w.dealer.address, 2n, 2n);
    });
  });
});
