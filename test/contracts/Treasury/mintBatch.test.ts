import { expect } from "chai";
import { ZeroAddress, id, keccak256 } from "ethers";
import type { HostileCoin } from "../../../types/ethers-contracts/index.js";
import type { Row, TreasuryWorld } from "../../support/treasury.ts";
import {
  AMOUNT,
  DEPOSIT,
  LIFETIME,
  OTHER_DEPOSIT,
  REPORT,
  RESERVES,
  ROW_GAS_FLOOR,
  TIERS,
  at,
  createLoader,
  createRows,
  deployTreasury,
  now,
  packRows,
  readTreasury,
} from "../../support/treasury.ts";
import type { Minting } from "./minting.ts";
import { itRequiresApprovals, itRequiresNoSunset } from "./minting.ts";

const load = await createLoader(deployTreasury);
const THIRD_DEPOSIT = id("bank account 1, entry 3");

describe("Treasury.mintBatch", () => {
  let w: TreasuryWorld;
  const rowOf = ({ depositId = DEPOSIT, amount = AMOUNT } = {}): Row => ({ depositId, to: w.payee.address, amount });
  const batch = (rows: readonly Row[], caller = w.dealer) =>
    w.treasury.connect(caller).mintBatch(w.coin, packRows(rows));
  const minting: Minting = {
    world: () => w,
    mint: (row) => batch([rowOf(row)]),
    keyOf: (amount) => w.treasury.batchKeyOf(w.dealer, w.coin, keccak256(packRows([rowOf({ amount })]))),
  };
  const selectorOf = (name: string) =>
    (w.treasury.interface.getError(name as never) ?? w.coin.interface.getError(name as never)!).selector;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with TreasuryDealerUnknown(stranger) for a caller who is no dealer", async () => {
      await expect(batch([rowOf()], w.stranger))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.stranger.address);
    });

    it("reverts with TreasuryDealerUnknown(dealer) for a closed dealer [TREASURY-6]", async () => {
      await w.treasury.setDealer(w.dealer, 0n);
      await expect(batch([rowOf()]))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.dealer.address);
    });

    for (const length of [0, 1, 59, 61, 119, 201 * 60]) {
      it(`reverts with TreasuryRowsMalformed(${length})`, async () => {
        await expect(w.treasury.connect(w.dealer).mintBatch(w.coin, `0x${"01".repeat(length)}`))
          .to.be.revertedWithCustomError(w.treasury, "TreasuryRowsMalformed")
          .withArgs(length);
      });
    }

    it("mints 200 rows", async () => {
      await batch(createRows(200, { to: w.payee.address, amount: 1n }));
      expect(await w.coin.balanceOf(w.payee)).to.equal(200n);
    });

    it("reverts with TreasuryMintingOff(coin) when minting is switched off [TREASURY-4]", async () => {
      await w.treasury.connect(w.guardian).setMinting(w.coin, false);
      await expect(batch([rowOf()]))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryMintingOff")
        .withArgs(await w.coin.getAddress());
    });

    it("reverts with TreasuryAttestationStale(asOf, asOf + 1) at the end of its lifetime [TREASURY-3]", async () => {
      await at(w.connection, w.asOf + LIFETIME);
      await expect(batch([rowOf()]))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestationStale")
        .withArgs(w.asOf, w.asOf + 1n);
    });

    itRequiresNoSunset(minting);
    itRequiresApprovals(minting);

    it("reverts with TreasuryGasTooLow(available, 250000) with less gas than the floor, and no row is minted", async () => {
      const rows = packRows([rowOf(), rowOf({ depositId: OTHER_DEPOSIT })]);
      const enough = await w.treasury.connect(w.dealer).mintBatch.estimateGas(w.coin, rows);
      const before = await readTreasury(w);
      await expect(w.treasury.connect(w.dealer).mintBatch(w.coin, rows, { gasLimit: enough - 5_000n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryGasTooLow")
        .withArgs(
          (available: bigint) => available > ROW_GAS_FLOOR - 10_000n && available < ROW_GAS_FLOOR,
          ROW_GAS_FLOOR,
        );
      expect(await readTreasury(w)).to.deep.equal(before);
    });
  });

  describe("ensures", () => {
    /** Sends good, bad, good and checks that the bad row alone was left out, for that reason. */
    const expectSkipped = async (bad: Row, reason: string) => {
      const before = await readTreasury(w);
      const used = await w.treasury.depositUsed(bad.depositId);
      const rows = [rowOf(), bad, rowOf({ depositId: OTHER_DEPOSIT, amount: 7n })];
      await expect(batch(rows)).to.emit(w.treasury, "MintSkipped").withArgs(1n, bad.depositId, reason);
      expect(await readTreasury(w)).to.deep.equal({
        ...before,
        supply: before.supply + AMOUNT + 7n,
        payee: before.payee + AMOUNT + 7n,
        bucket: before.bucket - AMOUNT - 7n,
        deposit: true,
        otherDeposit: true,
      });
      if (bad.depositId !== DEPOSIT) expect(await w.treasury.depositUsed(bad.depositId)).to.equal(used);
    };

    it("every payee has its amount more, the bucket has the sum less, the deposits are used, nothing else changes", async () => {
      const before = await readTreasury(w);
      await batch([rowOf(), { depositId: OTHER_DEPOSIT, to: w.relayer.address, amount: 7n }]);
      expect(await readTreasury(w)).to.deep.equal({
        ...before,
        supply: before.supply + AMOUNT + 7n,
        payee: before.payee + AMOUNT,
        relayer: before.relayer + 7n,
        bucket: before.bucket - AMOUNT - 7n,
        deposit: true,
        otherDeposit: true,
      });
    });

    it("a row of amount zero is left out for TreasuryZeroAmount", async () => {
      await expectSkipped(rowOf({ depositId: THIRD_DEPOSIT, amount: 0n }), selectorOf("TreasuryZeroAmount"));
    });

    it("a row whose deposit stood in the batch before is left out for TreasuryDepositUsed [TREASURY-1]", async () => {
      await expectSkipped(rowOf(), selectorOf("TreasuryDepositUsed"));
    });

    it("a row whose deposit was minted alone before is left out for TreasuryDepositUsed", async () => {
      await w.treasury.connect(w.dealer).mint(w.coin, THIRD_DEPOSIT, w.payee, 1n);
      const spentAt = await now(w.connection);
      await at(w.connection, spentAt + 100n);
      await w.connection.networkHelpers.mine();
      await expectSkipped(rowOf({ depositId: THIRD_DEPOSIT }), selectorOf("TreasuryDepositUsed"));
    });

    it("a row above the bucket is left out for TreasuryDealerLimitExceeded [TREASURY-7]", async () => {
      await w.treasury.setDealer(w.dealer, 1n);
      const amount = TIERS[1]! - AMOUNT + 1n;
      await expectSkipped(rowOf({ depositId: THIRD_DEPOSIT, amount }), selectorOf("TreasuryDealerLimitExceeded"));
    });

    it("a row above the reserves is left out for TreasuryReservesExceeded [TREASURY-2]", async () => {
      const amount = RESERVES - AMOUNT + 1n;
      await expectSkipped(rowOf({ depositId: THIRD_DEPOSIT, amount }), selectorOf("TreasuryReservesExceeded"));
    });

    it("a row of the largest amount there is overflows nothing", async () => {
      const amount = 2n ** 64n - 1n;
      await expectSkipped(rowOf({ depositId: THIRD_DEPOSIT, amount }), selectorOf("TreasuryDealerLimitExceeded"));
    });

    it("rows up to the bucket and the reserves exactly are minted", async () => {
      await w.treasury.setDealer(w.dealer, 1n);
      await batch([rowOf({ amount: TIERS[1]! - 1n }), rowOf({ depositId: OTHER_DEPOSIT, amount: 1n })]);
      expect(await w.treasury.dealerOf(w.dealer)).to.deep.equal([1n, 0n]);
      await w.treasury.setDealer(w.dealer, 0n);
      await w.treasury.setDealer(w.dealer, 2n);
      await batch([rowOf({ depositId: THIRD_DEPOSIT, amount: RESERVES - TIERS[1]! })]);
      expect(await w.coin.totalSupply()).to.equal(RESERVES);
    });

    it("a row to the zero address is left out for the coin's ERC20InvalidReceiver", async () => {
      await expectSkipped(
        { ...rowOf({ depositId: THIRD_DEPOSIT }), to: ZeroAddress },
        selectorOf("ERC20InvalidReceiver"),
      );
    });

    it("a row to a frozen account is left out for the coin's StablecoinFrozen, and may come again", async () => {
      await w.coin.freeze(w.stranger, 2n ** 256n - 1n, REPORT, 4_000_000_000n);
      const frozen = { ...rowOf({ depositId: THIRD_DEPOSIT }), to: w.stranger.address };
      await expectSkipped(frozen, selectorOf("StablecoinFrozen"));
      await w.coin.unfreeze(w.stranger, REPORT);
      await batch([frozen]);
      expect(await w.coin.balanceOf(w.stranger)).to.equal(AMOUNT);
    });

    it("while minting is paused in the coin every row is left out and nothing changes", async () => {
      await w.coin.pause(4);
      const before = await readTreasury(w);
      const sent = batch([rowOf(), rowOf({ depositId: OTHER_DEPOSIT })]);
      const reason = selectorOf("StablecoinPaused");
      await expect(sent).to.emit(w.treasury, "MintSkipped").withArgs(0n, DEPOSIT, reason);
      await expect(sent).to.emit(w.treasury, "MintSkipped").withArgs(1n, OTHER_DEPOSIT, reason);
      await expect(sent).to.not.emit(w.treasury, "Minted");
      expect(await readTreasury(w)).to.deep.equal(before);
    });

    it("two approvals serve all rows of a batch in tier 3, and the rows left out of it later", async () => {
      await w.treasury.setDealer(w.dealer, 3n);
      await w.coin.freeze(w.stranger, 2n ** 256n - 1n, REPORT, 4_000_000_000n);
      const rows = [rowOf(), { ...rowOf({ depositId: OTHER_DEPOSIT }), to: w.stranger.address }];
      const mintKey = await w.treasury.batchKeyOf(w.dealer, w.coin, keccak256(packRows(rows)));
      for (const approver of w.approvers.slice(0, 2)) await w.treasury.connect(approver).approveMint(mintKey);
      await batch(rows);
      await w.coin.unfreeze(w.stranger, REPORT);
      await batch(rows);
      expect(await w.coin.balanceOf(w.payee)).to.equal(AMOUNT);
      expect(await w.coin.balanceOf(w.stranger)).to.equal(AMOUNT);
    });

    describe("with a coin that breaks its promises", () => {
      let hostile: HostileCoin;
      const batchHostile = (rows: readonly Row[], gasLimit = 16_000_000n) =>
        w.treasury.connect(w.dealer).mintBatch(hostile, packRows(rows), { gasLimit });

      beforeEach(async () => {
        hostile = (await w.connection.ethers.deployContract("HostileCoin")) as unknown as HostileCoin;
        await w.treasury.connect(w.guardian).setMinting(hostile, true);
        await w.treasury.connect(w.attestor).attest(hostile, RESERVES, w.asOf, REPORT);
      });

      it("a row it refuses is left out for its own error", async () => {
        await hostile.setRefusing(true);
        await expect(batchHostile([rowOf()]))
          .to.emit(w.treasury, "MintSkipped")
          .withArgs(0n, DEPOSIT, hostile.interface.getError("HostileCoinRefused")!.selector);
      });

      it("a row that burns its gas is left out for no reason given", async () => {
        await hostile.setBurningGas(true);
        const before = await readTreasury(w);
        await expect(batchHostile([rowOf()]))
          .to.emit(w.treasury, "MintSkipped")
          .withArgs(0n, DEPOSIT, "0x00000000");
        expect(await readTreasury(w)).to.deep.equal(before);
      });

      it("reverts with TreasuryReservesExceeded(reserves + 7, reserves) when it answers with more than was minted", async () => {
        const nested = w.treasury.interface.encodeFunctionData("mint", [
          await hostile.getAddress(),
          OTHER_DEPOSIT,
          w.payee.address,
          7n,
        ]);
        await w.treasury.setDealer(hostile, 2n);
        await hostile.setCallback(w.treasury, nested);
        await expect(batchHostile([rowOf({ amount: RESERVES })]))
          .to.be.revertedWithCustomError(w.treasury, "TreasuryReservesExceeded")
          .withArgs(RESERVES + 7n, RESERVES);
      });
    });
  });

  describe("emits", () => {
    it("Minted(depositId, dealer, payee, coin, amount) and the coin's Transfer for a row", async () => {
      await expect(batch([rowOf()]))
        .to.emit(w.treasury, "Minted")
        .withArgs(DEPOSIT, w.dealer.address, w.payee.address, await w.coin.getAddress(), AMOUNT)
        .and.to.emit(w.coin, "Transfer")
        .withArgs(ZeroAddress, w.payee.address, AMOUNT)
        .and.to.not.emit(w.treasury, "MintSkipped");
    });

    it("MintSkipped(1, depositId, TreasuryZeroAmount) for a row left out, and nothing else for it", async () => {
      const sent = batch([rowOf(), rowOf({ depositId: OTHER_DEPOSIT, amount: 0n })]);
      await expect(sent)
        .to.emit(w.treasury, "MintSkipped")
        .withArgs(1n, OTHER_DEPOSIT, selectorOf("TreasuryZeroAmount"));
      expect((await (await sent).wait())!.logs).to.have.lengthOf(3);
    });
  });
});
