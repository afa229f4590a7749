/**
 * What every way of minting for a deposit requires alike: the announced end, the dealer's bucket, the approvals of the upper tiers.
 * Each behaviour is written once and run for the call, the signed order and, where it applies, the batch.
 */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import type { TreasuryWorld } from "../../support/treasury.ts";
import {
  AMOUNT,
  DAY,
  DELAY,
  HOUR,
  OTHER_DEPOSIT,
  REPORT,
  RESERVES,
  ROLES,
  TIERS,
  approveKey,
  at,
  now,
} from "../../support/treasury.ts";

export interface Minting {
  /** The present world; read when a test runs. */
  world: () => TreasuryWorld;
  /** Mints the tests' deposit, or another, by the way that is tested. */
  mint: (row?: { depositId?: string; amount?: bigint }) => Promise<ContractTransactionResponse>;
  /** The key under which such a mint is approved. */
  keyOf: (amount: bigint) => Promise<string>;
}

/** Announces the end of minting in 31 days and attests anew just before it. */
async function approachSunset(w: TreasuryWorld): Promise<bigint> {
  const sunset = (await now(w.connection)) + 31n * DAY;
  await w.treasury.announceSunset(w.coin, sunset);
  await attestAt(w, sunset - 10n);
  return sunset;
}

/** States the same reserves again, at a moment and as of it. */
async function attestAt(w: TreasuryWorld, time: bigint): Promise<void> {
  await at(w.connection, time);
  await w.treasury.connect(w.attestor).attest(w.coin, RESERVES, time, REPORT);
}

export function itRequiresNoSunset({ world, mint }: Minting): void {
  it("mints one second before the announced end", async () => {
    const w = world();
    const sunset = await approachSunset(w);
    await at(w.connection, sunset - 1n);
    await mint();
  });

  for (const late of [0n, 1n]) {
    it(`reverts with TreasurySunset(coin, end) at the announced end + ${late} [TREASURY-10]`, async () => {
      const w = world();
      const sunset = await approachSunset(w);
      await at(w.connection, sunset + late);
      await expect(mint())
        .to.be.revertedWithCustomError(w.treasury, "TreasurySunset")
        .withArgs(await w.coin.getAddress(), sunset);
    });
  }
}

export function itRequiresBucket({ world, mint }: Minting): void {
  const limit = TIERS[1]!;
  const refused = async (amount: bigint, available: bigint) => {
    const w = world();
    await expect(mint({ depositId: OTHER_DEPOSIT, amount }))
      .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerLimitExceeded")
      .withArgs(w.dealer.address, amount, available);
  };
  /** Puts the dealer into the first tier, whose bucket is smaller than the reserves. */
  const lower = () => world().treasury.setDealer(world().dealer, 1n);
  /** Empties the bucket and makes the next block one of `seconds` later, with a fresh attestation. */
  const drain = async (seconds: bigint) => {
    await lower();
    await mint({ amount: limit });
    const time = (await now(world().connection)) + seconds;
    await attestAt(world(), time - 1n);
    await at(world().connection, time);
  };

  for (const less of [1n, 0n]) {
    it(`mints all that a full bucket has, less ${less}`, async () => {
      await lower();
      await mint({ amount: limit - less });
    });
  }

  it("reverts with TreasuryDealerLimitExceeded(dealer, limit + 1, limit) one unit above [TREASURY-7]", async () => {
    await lower();
    await refused(limit + 1n, limit);
  });

  it("reverts with TreasuryDealerLimitExceeded(dealer, 2^256 - 1, limit) for an amount that would overflow", async () => {
    await lower();
    await refused(2n ** 256n - 1n, limit);
  });

  it("mints the refill of an hour after the bucket was emptied", async () => {
    await drain(HOUR);
    await mint({ depositId: OTHER_DEPOSIT, amount: limit / 24n });
  });

  it("reverts with TreasuryDealerLimitExceeded(dealer, refill + 1, refill) an hour after it was emptied", async () => {
    await drain(HOUR);
    await refused(limit / 24n + 1n, limit / 24n);
  });

  it("is one second's refill short of full one second before a day is over", async () => {
    await drain(DAY - 1n);
    const available = ((DAY - 1n) * limit) / DAY;
    await refused(available + 1n, available);
  });

  for (const late of [0n, 1n]) {
    it(`is full again, and no fuller, a day + ${late} seconds after it was emptied`, async () => {
      await drain(DAY + late);
      await refused(limit + 1n, limit);
    });
  }
}

export function itRequiresApprovals({ world, mint, keyOf }: Minting): void {
  /** The dealer in a tier, and so many approvals of the mint. */
  const prepare = async (tier: bigint, count: number) => {
    const w = world();
    await w.treasury.setDealer(w.dealer, tier);
    const mintKey = await keyOf(AMOUNT);
    return { w, mintKey, approvedAt: await approveKey(w, mintKey, count) };
  };
  const missing = async (mintKey: string, { have, need }: { have: bigint; need: bigint }) => {
    await expect(mint())
      .to.be.revertedWithCustomError(world().treasury, "TreasuryApprovalsMissing")
      .withArgs(mintKey, have, need);
  };

  for (const tier of [1n, 2n]) {
    it(`mints without approvals in tier ${tier}`, async () => {
      await prepare(tier, 0);
      await mint();
    });
  }

  it("mints with two approvals in tier 3, at once", async () => {
    await prepare(3n, 2);
    await mint();
  });

  it("reverts with TreasuryApproverIsDealer(dealer) when the dealer is among the approvers", async () => {
    const { w, mintKey } = await prepare(3n, 2);
    await w.manager.grantRole(ROLES.approver, w.dealer, 0);
    await w.treasury.connect(w.dealer).approveMint(mintKey);
    await expect(mint())
      .to.be.revertedWithCustomError(w.treasury, "TreasuryApproverIsDealer")
      .withArgs(w.dealer.address);
  });

  for (const [tier, need] of [
    [3n, 2n],
    [4n, 3n],
  ] as const) {
    for (const have of [0n, need - 1n]) {
      it(`reverts with TreasuryApprovalsMissing(key, ${have}, ${need}) in tier ${tier} [TREASURY-8]`, async () => {
        const { mintKey } = await prepare(tier, Number(have));
        await missing(mintKey, { have, need });
      });
    }
  }

  it("reverts with TreasuryApprovalsMissing(key, 1, 2) when an approver lost its role since", async () => {
    const { w, mintKey } = await prepare(3n, 2);
    await w.manager.revokeRole(ROLES.approver, w.approvers[0]);
    await missing(mintKey, { have: 1n, need: 2n });
  });

  it("counts an approver whose role has got a delay since", async () => {
    const { w } = await prepare(3n, 2);
    await w.manager.grantRole(ROLES.approver, w.approvers[0], DELAY);
    await mint();
  });

  it("reverts with TreasuryApprovalsMissing(key, 0, 2) when another amount was approved", async () => {
    const { w, mintKey } = await prepare(3n, 0);
    await approveKey(w, await keyOf(AMOUNT + 1n), 2);
    await missing(mintKey, { have: 0n, need: 2n });
  });

  it("reverts with TreasuryMintTooEarly(key, ready, ready - 1) in tier 4", async () => {
    const { w, mintKey, approvedAt } = await prepare(4n, 3);
    const readyAt = approvedAt + HOUR;
    await at(w.connection, readyAt - 1n);
    await expect(mint())
      .to.be.revertedWithCustomError(w.treasury, "TreasuryMintTooEarly")
      .withArgs(mintKey, readyAt, readyAt - 1n);
  });

  for (const late of [0n, 1n]) {
    it(`mints an hour + ${late} seconds after the third approval in tier 4`, async () => {
      const { w, approvedAt } = await prepare(4n, 3);
      await at(w.connection, approvedAt + HOUR + late);
      await mint();
    });
  }

  it("the hour runs from the last approval needed, not from one beyond it", async () => {
    const { w, mintKey, approvedAt } = await prepare(4n, 3);
    await at(w.connection, approvedAt + HOUR - 1n);
    await w.manager.grantRole(ROLES.approver, w.stranger, 0);
    await w.treasury.connect(w.stranger).approveMint(mintKey);
    await mint();
  });

  it("the hour runs from a later approval when it takes the place of one that no longer counts", async () => {
    const { w, mintKey, approvedAt } = await prepare(4n, 3);
    await w.manager.grantRole(ROLES.approver, w.stranger, 0);
    await at(w.connection, approvedAt + HOUR);
    await w.treasury.connect(w.stranger).approveMint(mintKey);
    await w.manager.revokeRole(ROLES.approver, w.approvers[0]);
    await at(w.connection, approvedAt + HOUR + 100n);
    await expect(mint())
      .to.be.revertedWithCustomError(w.treasury, "TreasuryMintTooEarly")
      .withArgs(mintKey, approvedAt + 2n * HOUR, approvedAt + HOUR + 100n);
  });
}
