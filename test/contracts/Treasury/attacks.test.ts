/**
 * The attacks of the project's list that concern minting, each as an ordinary test: from its start to the moment where nothing
 * was gained.
 */
import { expect } from "chai";
import { Signature, ZeroAddress, id, keccak256 } from "ethers";
import type { HostileCoin } from "../../../types/ethers-contracts/index.js";
import type { RedemptionWorld } from "../../support/redemption.ts";
import { REDEEMED, deployRedemption, reach } from "../../support/redemption.ts";
import type { OrderBend, OrderSpec } from "../../support/treasury.ts";
import {
  AMOUNT,
  DELAY,
  DEPOSIT,
  ORDER_TYPES,
  OTHER_DEPOSIT,
  REPORT,
  RESERVES,
  ROLES,
  at,
  createLoader,
  domainOf,
  mirrored,
  now,
  packRows,
  readTreasury,
  sendOrder,
} from "../../support/treasury.ts";

const load = await createLoader(deployRedemption);
const LATER = 4_000_000_000n;

describe("Treasury attacks", () => {
  let w: RedemptionWorld;
  const rows = () => packRows([{ depositId: DEPOSIT, to: w.payee.address, amount: AMOUNT }]);
  const base = {
    world: () => w,
    target: (world: RedemptionWorld) => world.treasury,
    domainName: "Remesa Treasury",
    signer: (world: RedemptionWorld) => world.dealer,
  };
  /** The dealer's three orders. */
  const dealerOrders: OrderSpec<RedemptionWorld>[] = [
    {
      ...base,
      type: "MintOrder",
      members: ORDER_TYPES.MintOrder,
      submit: "mintBySig",
      order: async ({ coin, payee }) => ({
        coin: await coin.getAddress(),
        depositId: DEPOSIT,
        to: payee.address,
        amount: AMOUNT,
        deadline: LATER,
      }),
    },
    {
      ...base,
      type: "MintBatchOrder",
      members: ORDER_TYPES.MintBatchOrder,
      submit: "mintBatchBySig",
      attached: () => [rows()],
      order: async ({ coin }) => ({ coin: await coin.getAddress(), rowsHash: keccak256(rows()), deadline: LATER }),
    },
    {
      ...base,
      type: "MintReturnOrder",
      members: ORDER_TYPES.MintReturnOrder,
      submit: "mintReturnBySig",
      order: async ({ coin, id: redemptionId }) => ({
        coin: await coin.getAddress(),
        redemptionId,
        amount: REDEEMED,
        deadline: LATER,
      }),
    },
  ];
  const approval: OrderSpec<RedemptionWorld> = {
    ...base,
    signer: ({ approvers }) => approvers[0],
    type: "ApproveMintOrder",
    members: ORDER_TYPES.ApproveMintOrder,
    submit: "approveMintBySig",
    order: async () => ({ mintKey: id("mint key 1"), deadline: LATER }),
  };

  beforeEach(async () => {
    w = await load();
    await reach(w, "burned");
  });

  describe("by a coin", () => {
    let hostile: HostileCoin;
    let coin: string;

    beforeEach(async () => {
      hostile = (await w.connection.ethers.deployContract("HostileCoin")) as unknown as HostileCoin;
      coin = await hostile.getAddress();
      await w.treasury.connect(w.guardian).setMinting(coin, true);
      await w.treasury.connect(w.attestor).attest(coin, RESERVES, w.asOf, REPORT);
      await w.treasury.setDealer(coin, 2n);
    });

    const batchOf = (depositId: string, amount: bigint) => packRows([{ depositId, to: w.payee.address, amount }]);
    const outer: [string, () => Promise<unknown>][] = [
      ["mint", () => w.treasury.connect(w.dealer).mint(coin, DEPOSIT, w.payee, AMOUNT)],
      ["mintBatch", () => w.treasury.connect(w.dealer).mintBatch(coin, batchOf(DEPOSIT, AMOUNT))],
    ];
    for (const [name, call] of outer) {
      it(`attack 1: a coin that calls back from ${name} does not mint the deposit again`, async () => {
        const again = w.treasury.interface.encodeFunctionData("mint", [coin, DEPOSIT, w.payee.address, 1n]);
        await hostile.setCallback(w.treasury, again);
        await call();
        expect(await hostile.answer()).to.equal(
          w.treasury.interface.encodeErrorResult("TreasuryDepositUsed", [DEPOSIT]),
        );
        expect(await hostile.totalSupply()).to.equal(AMOUNT);
      });

      it(`attack 1: a coin that calls back from ${name} with a batch of the deposit finds its row left out`, async () => {
        const again = w.treasury.interface.encodeFunctionData("mintBatch", [coin, batchOf(DEPOSIT, 1n)]);
        await hostile.setCallback(w.treasury, again);
        await call();
        expect(await hostile.totalSupply()).to.equal(AMOUNT);
      });

      it(`attack 1: a coin that calls back from ${name} does not get the dealer's bucket twice`, async () => {
        await w.treasury.setDealer(coin, 0n);
        const before = await readTreasury(w);
        const nested: OrderSpec<RedemptionWorld> = {
          ...dealerOrders[0]!,
          order: async () => ({ coin, depositId: OTHER_DEPOSIT, to: w.payee.address, amount: AMOUNT, deadline: LATER }),
        };
        const data = await encodeOrder(nested);
        await hostile.setCallback(w.treasury, data);
        await call().catch(() => undefined);
        const after = await readTreasury(w);
        expect(before.bucket - after.bucket).to.equal(await hostile.totalSupply());
      });
    }

    it("attack 4: a refused mint is told: the call reverts with the coin's error, the batch with MintSkipped", async () => {
      await hostile.setRefusing(true);
      await expect(w.treasury.connect(w.dealer).mint(coin, DEPOSIT, w.payee, AMOUNT))
        .to.be.revertedWithCustomError(hostile, "HostileCoinRefused")
        .withArgs();
      await expect(w.treasury.connect(w.dealer).mintBatch(coin, batchOf(DEPOSIT, AMOUNT)))
        .to.emit(w.treasury, "MintSkipped")
        .withArgs(0n, DEPOSIT, hostile.interface.getError("HostileCoinRefused")!.selector);
      expect(await w.treasury.depositUsed(DEPOSIT)).to.equal(false);
    });

    it("attack 4: an account that answers nothing is no coin: nothing counts as minted", async () => {
      const silent = await (await w.connection.ethers.deployContract("CoinMockWallet", [w.dealer])).getAddress();
      await w.treasury.connect(w.guardian).setMinting(w.stranger, true);
      await w.treasury.connect(w.attestor).attest(w.stranger, RESERVES, w.asOf, REPORT);
      await w.treasury.connect(w.guardian).setMinting(silent, true);
      await w.treasury.connect(w.attestor).attest(silent, RESERVES, w.asOf, REPORT);
      for (const target of [w.stranger.address, silent]) {
        await expect(w.treasury.connect(w.dealer).mint(target, DEPOSIT, w.payee, AMOUNT)).to.be.revertedWithoutReason(
          w.connection.ethers,
        );
      }
      expect(await w.treasury.depositUsed(DEPOSIT)).to.equal(false);
    });
  });

  it("attack 7: an amount of zero is refused by mint and mintReturn and left out of a batch", async () => {
    const dealer = w.treasury.connect(w.dealer);
    for (const sent of [dealer.mint(w.coin, DEPOSIT, w.payee, 0n), dealer.mintReturn(w.coin, w.id, 0n)]) {
      await expect(sent).to.be.revertedWithCustomError(w.treasury, "TreasuryZeroAmount").withArgs();
    }
    const before = await readTreasury(w);
    await dealer.mintBatch(w.coin, packRows([{ depositId: DEPOSIT, to: w.payee.address, amount: 0n }]));
    expect(await readTreasury(w)).to.deep.equal(before);
  });

  it("attack 10: a deposit minted once is used for every way, coin, payee and amount", async () => {
    const dealer = w.treasury.connect(w.dealer);
    await dealer.mint(w.coin, DEPOSIT, w.payee, AMOUNT);
    await expect(dealer.mint(w.coin, DEPOSIT, w.stranger, 1n))
      .to.be.revertedWithCustomError(w.treasury, "TreasuryDepositUsed")
      .withArgs(DEPOSIT);
    const supply = await w.coin.totalSupply();
    await dealer.mintBatch(w.coin, rows());
    expect(await w.coin.totalSupply()).to.equal(supply);
  });

  it("attack 14: moments left unset are refused: an attestation of 0, an end at 0", async () => {
    const asOf = await w.treasury.attestation(w.coin);
    await expect(w.treasury.connect(w.attestor).attest(w.coin, RESERVES, 0n, REPORT))
      .to.be.revertedWithCustomError(w.treasury, "TreasuryAsOfNotNewer")
      .withArgs(0n, asOf[1]);
    const time = (await now(w.connection)) + 10n;
    await at(w.connection, time);
    await expect(w.treasury.announceSunset(w.coin, 0n))
      .to.be.revertedWithCustomError(w.treasury, "TreasurySunsetTooSoon")
      .withArgs(0n, time + 30n * 86_400n);
  });

  for (const spec of [...dealerOrders, approval]) {
    const forged = async (bend: OrderBend) => {
      const before = await readTreasury(w);
      await expect(sendOrder(spec, bend))
        .to.be.revertedWithCustomError(w.treasury, "OrderSignatureInvalid")
        .withArgs(bend.claimed ?? spec.signer(w).address);
      expect(await readTreasury(w)).to.deep.equal(before);
    };

    for (const { name, type } of spec.members) {
      it(`attack 11: ${spec.submit} refuses an order whose ${name} changed after signing`, async () => {
        const value = { address: w.stranger.address, bytes32: id("another"), uint256: 7n }[type];
        await forged({ changed: { [name]: name === "deadline" ? LATER + 1n : value } });
      });
    }

    it(`attack 18: ${spec.submit} refuses an order of another chain`, () => forged({ domain: { chainId: 1n } }));

    it(`attack 18: ${spec.submit} refuses an order of another contract`, async () => {
      await forged({ domain: { verifyingContract: await w.escrow.getAddress() } });
    });

    it(`attack 18: ${spec.submit} refuses an order of another name`, () =>
      forged({ domain: { name: "Remesa Dollar" } }));

    it(`attack 19: ${spec.submit} refuses a mirrored signature`, () => forged({ forge: mirrored }));

    it(`attack 19: ${spec.submit} refuses a compact signature`, () =>
      forged({ forge: (signature) => Signature.from(signature).compactSerialized }));

    it(`attack 32: ${spec.submit} refuses an expired order`, async () => {
      const deadline = (await now(w.connection)) + 1n;
      await at(w.connection, deadline + 1n);
      await expect(sendOrder(spec, { signed: { deadline } }))
        .to.be.revertedWithCustomError(w.treasury, "OrderExpired")
        .withArgs(deadline, deadline + 1n);
    });
  }

  for (const spec of dealerOrders) {
    it(`attack 18: ${spec.submit} refuses what the owner of a contract dealer signed as itself, were it a dealer`, async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.stranger]);
      const claimed = await wallet.getAddress();
      await w.treasury.setDealer(claimed, 2n);
      await expect(sendOrder(spec, { claimed }))
        .to.be.revertedWithCustomError(w.treasury, "OrderSignatureInvalid")
        .withArgs(claimed);
    });

    it(`attack 19: ${spec.submit} refuses the zero signer, which can be no dealer`, async () => {
      await expect(sendOrder(spec, { claimed: ZeroAddress, forge: () => `0x${"00".repeat(65)}` }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(ZeroAddress);
    });

    it(`attack 32: ${spec.submit} replayed mints nothing more, and refuses a closed dealer`, async () => {
      await sendOrder(spec);
      const supply = await w.coin.totalSupply();
      await sendOrder(spec).catch(() => undefined);
      expect(await w.coin.totalSupply()).to.equal(supply);
      await w.treasury.setDealer(w.dealer, 0n);
      await expect(sendOrder(spec))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
        .withArgs(w.dealer.address);
    });
  }

  it("attack 19: approveMintBySig refuses the zero signer, even one with the role", async () => {
    await w.manager.grantRole(ROLES.approver, ZeroAddress, 0);
    await expect(sendOrder(approval, { claimed: ZeroAddress, forge: () => `0x${"00".repeat(65)}` }))
      .to.be.revertedWithCustomError(w.treasury, "OrderSignatureInvalid")
      .withArgs(ZeroAddress);
  });

  it("attack 32: approveMintBySig refuses a role with a delay, a revoked role and a replay", async () => {
    const { selector } = w.treasury.interface.getFunction("approveMint");
    const [approver] = w.approvers;
    for (const spoil of [
      () => w.manager.grantRole(ROLES.approver, approver, DELAY),
      () => w.manager.revokeRole(ROLES.approver, approver),
    ]) {
      await spoil();
      await expect(sendOrder(approval))
        .to.be.revertedWithCustomError(w.treasury, "OrderNotPermitted")
        .withArgs(approver.address, selector);
    }
    await w.manager.grantRole(ROLES.approver, approver, 0);
    await sendOrder(approval);
    await expect(sendOrder(approval))
      .to.be.revertedWithCustomError(w.treasury, "TreasuryAlreadyApproved")
      .withArgs(id("mint key 1"), approver.address);
  });

  it("attack 25: starved gas never leaves a row out: at every limit both rows are minted or nothing happens", async () => {
    const two = packRows([
      { depositId: DEPOSIT, to: w.payee.address, amount: AMOUNT },
      { depositId: OTHER_DEPOSIT, to: w.stranger.address, amount: AMOUNT },
    ]);
    const before = await w.coin.totalSupply();
    const outcomes = new Set<bigint>();
    for (let gasLimit = 30_000n; gasLimit <= 500_000n; gasLimit += 5_000n) {
      const snapshot = await w.connection.networkHelpers.takeSnapshot();
      await w.treasury
        .connect(w.dealer)
        .mintBatch(w.coin, two, { gasLimit })
        .catch(() => undefined);
      outcomes.add((await w.coin.totalSupply()) - before);
      await snapshot.restore();
    }
    expect(outcomes).to.deep.equal(new Set([0n, 2n * AMOUNT]));
  });

  it("attack 30: the zero address is refused as dealer, as payee and in a row", async () => {
    const dealer = w.treasury.connect(w.dealer);
    await expect(w.treasury.setDealer(ZeroAddress, 1n))
      .to.be.revertedWithCustomError(w.treasury, "TreasuryDealerUnknown")
      .withArgs(ZeroAddress);
    await expect(dealer.mint(w.coin, DEPOSIT, ZeroAddress, AMOUNT))
      .to.be.revertedWithCustomError(w.coin, "ERC20InvalidReceiver")
      .withArgs(ZeroAddress);
    await expect(dealer.mintBatch(w.coin, packRows([{ depositId: DEPOSIT, to: ZeroAddress, amount: AMOUNT }])))
      .to.emit(w.treasury, "MintSkipped")
      .withArgs(0n, DEPOSIT, w.coin.interface.getError("ERC20InvalidReceiver")!.selector);
  });

  /** The call data of a signed order, for somebody else to submit. */
  async function encodeOrder(spec: OrderSpec<RedemptionWorld>): Promise<string> {
    const order = await spec.order(w);
    const domain = await domainOf(w.treasury, spec.domainName);
    const signature = await w.dealer.signTypedData(domain, { [spec.type]: [...spec.members] }, order);
    return w.treasury.interface.encodeFunctionData(spec.submit as "mintBySig", [
      order as never,
      w.dealer.address,
      signature,
    ]);
  }
});
