/** Batches of signed payments: the common behaviours for each kind of row, the layout, and rows that meet each other. */
import { expect } from "chai";
import { concat, dataLength, dataSlice, toBeHex } from "ethers";
import {
  changed,
  createTerms,
  encodeRow,
  eventsOf,
  freeze,
  FUNDS,
  loadWorld,
  MEMO,
  move,
  now,
  observe,
  PAUSE,
  pause,
  reasonOf,
  sign,
  signRow,
  toArguments,
  toNonce,
  VALUE,
  WIDE_NONCE,
  type World,
} from "../../support/coin.ts";
import { describeEscrowPayer, describePayment, type Form } from "./behaviours.ts";

const COMPACT: Form = {
  title: "compact row",
  type: "TransferWithAuthorization",
  isPull: false,
  isRow: true,
  submit: ({ coin, relayer }, terms, signature) => coin.connect(relayer).settle(encodeRow({ ...terms, signature })),
};
const WITH_MEMO: Form = { ...COMPACT, title: "compact row with memo", type: "TransferWithMemo" };
const LONG: Form = {
  ...COMPACT,
  title: "row with a long signature",
  submit: ({ coin, relayer }, terms, signature) =>
    coin.connect(relayer).settle(encodeRow({ ...terms, signature, long: true })),
};

describe("Stablecoin.settle", () => {
  for (const form of [COMPACT, WITH_MEMO, LONG]) {
    describePayment(form);
    describeEscrowPayer(form);
  }

  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const settle = (...rows: string[]) => world.coin.connect(world.relayer).settle(concat(rows));

  describe("requires", () => {
    it("reverts with StablecoinPaused(2) even without rows while authorizations are paused", async () => {
      await pause(world, PAUSE.authorization);
      await expect(settle()).to.be.revertedWithCustomError(world.coin, "StablecoinPaused").withArgs(2n);
    });

    it("has a plain row of 123 bytes", async () => {
      const row = await signRow(world, world.payer, await createTerms(world));
      expect(dataLength(row)).to.equal(123);
    });

    for (const kind of [0x00, 0x02, 0x1e, 0x21, 0x41, 0x81, 0xff]) {
      it(`reverts with StablecoinRowMalformed(123) when the second row is of kind ${kind}`, async () => {
        const row = await signRow(world, world.payer, await createTerms(world));
        const odd = concat([toBeHex(kind, 1), dataSlice(row, 1), `0x${"00".repeat(200)}`]);
        await expect(settle(row, odd))
          .to.be.revertedWithCustomError(world.coin, "StablecoinRowMalformed")
          .withArgs(123n);
      });
    }

    it("reverts with StablecoinRowMalformed(0) when a wide nonce is below 2^40, and takes 2^40", async () => {
      const terms = await createTerms(world, { nonce: toNonce(2n ** 40n) });
      const row = await signRow(world, world.payer, terms);
      const narrow = concat([dataSlice(row, 0, 54), toNonce(2n ** 40n - 1n), dataSlice(row, 86)]);
      await expect(settle(narrow)).to.be.revertedWithCustomError(world.coin, "StablecoinRowMalformed").withArgs(0n);
      expect((await eventsOf(world, settle(row)))[0]).to.deep.equal(["AuthorizationUsed", terms.from, terms.nonce]);
    });

    for (const [name, changes, long] of [
      ["plain", {}, false],
      ["wide", { nonce: WIDE_NONCE }, false],
      ["memo", { memo: MEMO }, false],
      ["validAfter", { validAfter: 1n }, false],
      ["long", {}, true],
      ["fullest", { nonce: WIDE_NONCE, memo: MEMO, validAfter: 1n }, true],
    ] as const) {
      it(`reverts with StablecoinRowMalformed(0) when the last byte of a ${name} row is missing`, async () => {
        const row = await signRow(world, world.payer, await createTerms(world, changes), long);
        await expect(settle(dataSlice(row, 0, dataLength(row) - 1)))
          .to.be.revertedWithCustomError(world.coin, "StablecoinRowMalformed")
          .withArgs(0n);
      });

      it(`settles a ${name} row`, async () => {
        const terms = await createTerms(world, changes);
        const events = await eventsOf(world, settle(await signRow(world, world.payer, terms, long)));
        expect(events).to.deep.equal([
          ["AuthorizationUsed", terms.from, terms.nonce],
          ["Transfer", terms.from, terms.to, terms.value],
          ...(terms.memo === undefined ? [] : [["Memo", terms.memo]]),
        ]);
      });
    }

    it("reverts with StablecoinRowMalformed(123) when one byte is left over", async () => {
      const row = await signRow(world, world.payer, await createTerms(world));
      await expect(settle(row, "0x01"))
        .to.be.revertedWithCustomError(world.coin, "StablecoinRowMalformed")
        .withArgs(123n);
    });

    it("does not read a row out of call data behind the rows", async () => {
      const row = await signRow(world, world.payer, await createTerms(world));
      const { data } = await world.coin.settle.populateTransaction(dataSlice(row, 0, 122));
      const sent = world.relayer.sendTransaction({ to: world.coin, data: concat([data, `0x${"ff".repeat(300)}`]) });
      await expect(sent).to.be.revertedWithCustomError(world.coin, "StablecoinRowMalformed").withArgs(0n);
    });

    it("skips a row with a long signature of 4,096 bytes; reverts with StablecoinRowMalformed(0) at 4,097", async () => {
      const terms = await createTerms(world);
      const long = (length: number) => encodeRow({ ...terms, signature: `0x${"11".repeat(length)}`, long: true });
      expect(await eventsOf(world, settle(long(4_096)))).to.deep.equal([
        ["RowSkipped", 0n, terms.from, terms.nonce, reasonOf(world, "StablecoinSignatureInvalid")],
      ]);
      await expect(settle(long(4_097)))
        .to.be.revertedWithCustomError(world.coin, "StablecoinRowMalformed")
        .withArgs(0n);
    });

    it("skips rows for the first of several reasons, in the order of the checks", async () => {
      const { coin, payer, payee } = world;
      await freeze(world, payer);
      await freeze(world, payee);
      const expired = await createTerms(world, { validBefore: await now(world), value: FUNDS + 1n });
      const unsigned = await createTerms(world, { value: FUNDS + 1n });
      const frozen = await createTerms(world, { value: FUNDS + 1n, nonce: toNonce(64n) });
      const sent = settle(
        await signRow(world, world.stranger, expired),
        await signRow(world, world.stranger, unsigned),
        await signRow(world, payer, frozen),
      );
      expect(await eventsOf(world, sent)).to.deep.equal([
        ["RowSkipped", 0n, payer.address, expired.nonce, reasonOf(world, "StablecoinAuthorizationExpired")],
        ["RowSkipped", 1n, payer.address, unsigned.nonce, reasonOf(world, "StablecoinSignatureInvalid")],
        ["RowSkipped", 2n, payer.address, frozen.nonce, reasonOf(world, "StablecoinFrozen")],
      ]);
      const { target } = coin;
      await coin.connect(world.freezer).unfreeze(payer, `0x${"c1".repeat(32)}`);
      const poor = await createTerms(world, { value: FUNDS + 1n, to: `${target}`, nonce: toNonce(64n) });
      const misdirected = await createTerms(world, { to: `${target}`, nonce: toNonce(64n) });
      const ahead = await createTerms(world, { nonce: toNonce(64n) });
      const held = await createTerms(world);
      const rows = await Promise.all([poor, misdirected, ahead, held].map((terms) => signRow(world, payer, terms)));
      const reasons = (await eventsOf(world, settle(...rows))).map((event) => event[4]);
      expect(reasons).to.deep.equal(
        ["ERC20InsufficientBalance", "ERC20InvalidReceiver", "StablecoinNonceOutOfWindow", "StablecoinFrozen"].map(
          (name) => reasonOf(world, name),
        ),
      );
    });
  });

  describe("ensures", () => {
    it("does nothing without rows", async () => {
      const before = await observe(world);
      expect(await eventsOf(world, settle())).to.deep.equal([]);
      expect(await observe(world)).to.deep.equal(before);
    });

    it("settles the good rows around a bad one, numbered by its place", async () => {
      const first = await createTerms(world);
      const bad = await createTerms(world, { nonce: toNonce(1n) });
      const last = await createTerms(world, { nonce: toNonce(2n), memo: MEMO });
      const before = await observe(world);
      const events = await eventsOf(
        world,
        settle(
          await signRow(world, world.payer, first),
          await signRow(world, world.stranger, bad),
          await signRow(world, world.payer, last),
        ),
      );
      const { payer, payee } = world;
      expect(events).to.deep.equal([
        ["AuthorizationUsed", payer.address, first.nonce],
        ["Transfer", payer.address, payee.address, VALUE],
        ["RowSkipped", 1n, payer.address, bad.nonce, reasonOf(world, "StablecoinSignatureInvalid")],
        ["AuthorizationUsed", payer.address, last.nonce],
        ["Transfer", payer.address, payee.address, VALUE],
        ["Memo", MEMO],
      ]);
      const after = changed(before, (state) => {
        move(state, "payer", "payee", 2n * VALUE);
        state.accounts.payer.nonceBase = 1n;
        state.accounts.payer.nonceWindow = 2n;
      });
      expect(await observe(world)).to.deep.equal(after);
    });

    it("lets a payee spend what an earlier row brought", async () => {
      const bring = await createTerms(world, { value: FUNDS });
      const spend = await createTerms(world, { from: bring.to, to: world.spender.address, value: 2n * FUNDS });
      const before = await observe(world);
      await settle(await signRow(world, world.payer, bring), await signRow(world, world.payee, spend));
      const after = changed(before, (state) => {
        move(state, "payer", "payee", FUNDS);
        move(state, "payee", "spender", 2n * FUNDS);
        state.accounts.payer.nonceBase = 1n;
        state.accounts.payee.nonceBase = 1n;
      });
      expect(await observe(world)).to.deep.equal(after);
    });

    it("settles a row once when it is there twice", async () => {
      const terms = await createTerms(world);
      const row = await signRow(world, world.payer, terms);
      const events = await eventsOf(world, settle(row, row));
      const reason = reasonOf(world, "StablecoinAuthorizationUsed");
      expect(events[2]).to.deep.equal(["RowSkipped", 1n, terms.from, terms.nonce, reason]);
      expect(await world.coin.balanceOf(world.payer)).to.equal(FUNDS - VALUE);
    });

    it("does not take the memo or the time of one row into the next", async () => {
      const fullest = await createTerms(world, { memo: MEMO, validAfter: 1n });
      const plain = await createTerms(world, { nonce: toNonce(1n) });
      const events = await eventsOf(
        world,
        settle(await signRow(world, world.payer, fullest), await signRow(world, world.payer, plain)),
      );
      expect(events.map(([name]) => name)).to.deep.equal([
        "AuthorizationUsed",
        "Transfer",
        "Memo",
        "AuthorizationUsed",
        "Transfer",
      ]);
    });

    it("pays an escrow that settles the row itself", async () => {
      const terms = await createTerms(world, { to: await world.escrow.getAddress() });
      const row = await signRow(world, world.payer, terms);
      await world.escrow.call(world.coin.interface.encodeFunctionData("settle", [row]));
      expect(await world.coin.balanceOf(world.escrow)).to.equal(VALUE);
    });

    it("carries on after a signing contract that burns all its gas", async () => {
      const from = await world.wallet.getAddress();
      await world.wallet.setAnswer(8n);
      const hostile = await createTerms(world, { from });
      const good = await createTerms(world);
      const sent = settle(await signRow(world, world.stranger, hostile), await signRow(world, world.payer, good));
      const events = await eventsOf(world, sent);
      expect(events[0]).to.deep.equal([
        "RowSkipped",
        0n,
        from,
        hostile.nonce,
        reasonOf(world, "StablecoinSignatureInvalid"),
      ]);
      expect(events[2]).to.deep.equal(["Transfer", good.from, good.to, VALUE]);
    });

    it("never skips a row for want of gas: under every limit it reverts whole, until it settles", async () => {
      const { coin, payer, relayer, wallet } = world;
      const terms = await createTerms(world, { from: await wallet.getAddress() });
      const row = await signRow(world, payer, terms);
      let events: unknown[][] = [];
      let gasLimit = 50_000n;
      for (; events.length === 0; gasLimit += 2_000n) {
        const sent = coin.connect(relayer).settle(row, { gasLimit });
        events = await eventsOf(world, sent).catch(() => []);
      }
      expect(events[0]).to.deep.equal(["AuthorizationUsed", terms.from, terms.nonce]);
      expect(gasLimit).to.be.greaterThan(150_000n);
    });

    it("reverts with SignaturesGasTooLow when the gas left cannot fund the question", async () => {
      const terms = await createTerms(world, { from: await world.wallet.getAddress() });
      const row = await signRow(world, world.payer, terms);
      const signatures = await world.ethers.getContractAt("Signatures", world.coin);
      await expect(world.coin.connect(world.relayer).settle(row, { gasLimit: 180_000n }))
        .to.be.revertedWithCustomError(signatures, "SignaturesGasTooLow")
        .withArgs((available: bigint) => available < 156_000n && available > 100_000n, 156_000n);
    });
  });

  it("agrees with the single call on what was signed", async () => {
    const terms = await createTerms(world);
    const signature = await sign(world, world.payer, "TransferWithAuthorization", terms);
    const single = world.coin["transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"];
    await single.staticCall(...toArguments(terms), signature);
    await settle(encodeRow({ ...terms, signature }));
  });
});
