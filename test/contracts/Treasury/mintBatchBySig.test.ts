import { expect } from "chai";
import { keccak256 } from "ethers";
import type { OrderSpec, Row, TreasuryWorld } from "../../support/treasury.ts";
import {
  AMOUNT,
  DEPOSIT,
  LIFETIME,
  ORDER_TYPES,
  OTHER_DEPOSIT,
  at,
  createLoader,
  deployTreasury,
  itRequiresDeadline,
  itRequiresSignature,
  packRows,
  readTreasury,
  sendOrder,
} from "../../support/treasury.ts";
import type { Minting } from "./minting.ts";
import { itRequiresApprovals, itRequiresNoSunset } from "./minting.ts";

const load = await createLoader(deployTreasury);

describe("Treasury.mintBatchBySig", () => {
  let w: TreasuryWorld;
  const rowOf = ({ depositId = DEPOSIT, amount = AMOUNT } = {}): Row => ({ depositId, to: w.payee.address, amount });
  const specOf = (rows: string, signedRows = rows): OrderSpec<TreasuryWorld> => ({
    world: () => w,
    target: ({ treasury }) => treasury,
    domainName: "Remesa Treasury",
    type: "MintBatchOrder",
    members: ORDER_TYPES.MintBatchOrder,
    signer: ({ dealer }) => dealer,
    order: async ({ coin }) => ({
      coin: await coin.getAddress(),
      rowsHash: keccak256(signedRows),
      deadline: 4_000_000_000n,
    }),
    submit: "mintBatchBySig",
    attached: () => [rows],
  });
  /** As `specOf` for one plain row; the rows are looked up when a test runs. */
  const spec: OrderSpec<TreasuryWorld> = {
    ...specOf("0x"),
    order: async ({ coin }) => ({
      coin: await coin.getAddress(),
      rowsHash: keccak256(packRows([rowOf()])),
      deadline: 4_000_000_000n,
    }),
    attached: () => [packRows([rowOf()])],
  };
  const minting: Minting = {
    world: () => w,
    mint: (row) => sendOrder(specOf(packRows([rowOf(row)]))),
    keyOf: (amount) => w.treasury.batchKeyOf(w.dealer, w.coin, keccak256(packRows([rowOf({ amount })]))),
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
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.dealer.address);
    });

    itRequiresSignature(spec);

    it("reverts with TreasuryRowsMismatch(hash, actual) for other rows than those signed", async () => {
      const [signed, given] = [packRows([rowOf()]), packRows([rowOf({ amount: AMOUNT + 1n })])];
      await expect(sendOrder(specOf(given, signed)))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryRowsMismatch")
        .withArgs(keccak256(signed), keccak256(given));
    });

    it("reverts with TreasuryRowsMismatch(hash, actual) for a part of the rows signed", async () => {
      const [signed, given] = [packRows([rowOf(), rowOf({ depositId: OTHER_DEPOSIT })]), packRows([rowOf()])];
      await expect(sendOrder(specOf(given, signed)))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryRowsMismatch")
        .withArgs(keccak256(signed), keccak256(given));
    });

    for (const length of [0, 61, 201 * 60]) {
      it(`reverts with TreasuryRowsMalformed(${length}) even when it is signed`, async () => {
        await expect(sendOrder(specOf(`0x${"01".repeat(length)}`)))
          .to.be.revertedWithCustomError(w.treasury, "TreasuryRowsMalformed")
          .withArgs(length);
      });
    }

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

    itRequiresNoSunset(minting);
    itRequiresApprovals(minting);
  });

  describe("ensures", () => {
    it("every payee has its amount more, the bucket has the sum less, the deposits are used, nothing else changes", async () => {
      const before = await readTreasury(w);
      const rows = [rowOf(), { depositId: OTHER_DEPOSIT, to: w.relayer.address, amount: 7n }];
      await sendOrder(specOf(packRows(rows)));
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

    it("the same order again leaves every row out and changes nothing [TREASURY-1]", async () => {
      await sendOrder(spec);
      const before = { ...(await readTreasury(w)), bucket: 0n };
      const reason = w.treasury.interface.getError("TreasuryDepositUsed")!.selector;
      await expect(sendOrder(spec)).to.emit(w.treasury, "MintSkipped").withArgs(0n, DEPOSIT, reason);
      expect({ ...(await readTreasury(w)), bucket: 0n }).to.deep.equal(before);
    });
  });

  describe("emits", () => {
    it("Minted(depositId, dealer, payee, coin, amount), with the signer as the dealer", async () => {
      await expect(sendOrder(spec))
        .to.emit(w.treasury, "Minted")
        .withArgs(DEPOSIT, w.dealer.address, w.payee.address, await w.coin.getAddress(), AMOUNT);
    });
  });
});
