/**
 * What has been tried against comparable coins, one by one and by its number. Where an attack has many ways in, its tests
 * are generated over all of them, so that a new way cannot be forgotten.
 */
import { expect } from "chai";
import { concat, dataSlice, Signature, toBeHex, ZeroAddress } from "ethers";
import {
  ANSWER,
  CASE,
  changed,
  createDisbursement,
  createTerms,
  decodeWord,
  delegate,
  encodeRow,
  eventsOf,
  FORM,
  freeze,
  fundEscrow,
  FUNDS,
  join,
  limitTravel,
  loadWorld,
  now,
  observe,
  PAUSE,
  pause,
  type Payee,
  reasonOf,
  ROLE,
  sign,
  signDisbursement,
  signRow,
  type Terms,
  toArguments,
  toDisburseArguments,
  toNonce,
  toVrs,
  VALUE,
  WHOLE,
  WIDE_NONCE,
  type World,
} from "../../support/coin.ts";
import {
  createPayment,
  HOLDER_FORMS,
  ORDER_FORMS,
  PAYMENT_FORMS,
  type Sent,
  SIGNED_FORMS,
  type SignedForm,
} from "./signing.ts";

/** The order of the curve. */
const CURVE = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The ways of the mock wallet, in the order of its enum. */
const WALLET = { always: 1n, bomb: 6n, burnGas: 8n } as const;

let world: World;

beforeEach(async () => {
  world = await loadWorld();
});

/** The signature is refused: by a revert that names the signer, or in a batch by a skipped row; nothing changes. */
async function expectInvalid(form: SignedForm, signer: string, submit: () => Sent): Promise<void> {
  const before = await observe(world);
  if (form.isRow) {
    const events = await eventsOf(world, submit());
    expect(events.map(([name, , , , reason]) => [name, reason])).to.deep.equal([
      ["RowSkipped", reasonOf(world, form.error)],
    ]);
  } else {
    await expect(submit()).to.be.revertedWithCustomError(world.coin, form.error).withArgs(signer);
  }
  expect(await observe(world)).to.deep.equal(before);
}

/** What is signed took effect: something of the coin's changed. */
async function expectDone(submit: () => Sent): Promise<void> {
  const events = await eventsOf(world, submit());
  expect(events.map(([name]) => name)).to.not.include("RowSkipped");
  expect(events).to.not.deep.equal([]);
}

describe("attack 8: unbounded bytes grief the sponsor", () => {
  for (const form of SIGNED_FORMS.filter(({ takesBytes }) => takesBytes)) {
    it(`attack 8: ${form.title}: 4,096 bytes are shown to a contract, 4,097 are not`, async () => {
      await world.wallet.setAnswer(WALLET.always);
      const account = await world.wallet.getAddress();
      const message = await form.create(world, account);
      const submit = (length: number) => form.submit(world, account, message, `0x${"5a".repeat(length)}`);
      if (form.isRow) {
        await expect(submit(4_097)).to.be.revertedWithCustomError(world.coin, "StablecoinRowMalformed").withArgs(0n);
      } else {
        await expectInvalid(form, account, () => submit(4_097));
      }
      await expectDone(() => submit(4_096));
    });
  }

  /** Room for the question, whose allowance is 150,000, and for what stands around it. */
  const gasLimit = 330_000n;

  it("attack 8: an answer of 40,000 bytes costs a single call no more than the question is given", async () => {
    await world.wallet.setAnswer(WALLET.bomb);
    const terms = await createTerms(world, { from: await world.wallet.getAddress() });
    await expect(world.coin[FORM.transferBytes](...toArguments(terms), "0x5a", { gasLimit }))
      .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
      .withArgs(terms.from);
  });

  it("attack 8: an answer of 40,000 bytes costs an order no more than the question is given", async () => {
    await world.wallet.setAnswer(WALLET.bomb);
    await world.manager.grantRole(ROLE.freezer, world.wallet, 0);
    const order = { orderId: toNonce(1n), account: world.payer.address, caseId: CASE, deadline: WHOLE };
    await expect(world.coin.unfreezeBySig(order, world.wallet, "0x5a", { gasLimit }))
      .to.be.revertedWithCustomError(world.coin, "OrderSignatureInvalid")
      .withArgs(world.wallet.target);
  });

  it("attack 8: an answer of 40,000 bytes costs a batch no more than the question is given", async () => {
    await world.wallet.setAnswer(WALLET.bomb);
    const terms = await createTerms(world, { from: await world.wallet.getAddress() });
    const hostile = encodeRow({ ...terms, signature: "0x5a", long: true });
    const good = await signRow(world, world.payer, await createTerms(world));
    const receipt = await (await world.coin.settle(concat([hostile, good]), { gasLimit })).wait();
    expect(receipt?.logs.length).to.equal(3);
  });

  it("attack 8: a disbursement of 501 rows is refused before its signature is looked at", async () => {
    const payees = Array.from({ length: 501 }, () => ({ to: world.payee.address, value: 0n }));
    const d = await createDisbursement(world, payees);
    await expect(world.coin.disburse(...toDisburseArguments(d), "0x"))
      .to.be.revertedWithCustomError(world.coin, "StablecoinRowsTooMany")
      .withArgs(501n, 500n);
  });
});

describe("attack 12: a plain payment into an escrow", () => {
  for (const form of PAYMENT_FORMS.filter(({ call }) => call !== "receive")) {
    it(`attack 12: ${form.call}, ${form.encoding}: is refused with StablecoinEscrowRefusesCredit(escrow)`, async () => {
      const { coin, escrow, payer } = world;
      const to = await escrow.getAddress();
      const terms = await createPayment(world, form, payer.address, { to });
      const signature = await sign(world, payer, form.type, terms);
      const before = await observe(world);
      if (form.isRow) {
        expect(await eventsOf(world, form.submit(world, terms, signature))).to.deep.equal([
          ["RowSkipped", 0n, payer.address, terms.nonce, reasonOf(world, "StablecoinEscrowRefusesCredit")],
        ]);
      } else {
        await expect(form.submit(world, terms, signature))
          .to.be.revertedWithCustomError(coin, "StablecoinEscrowRefusesCredit")
          .withArgs(to);
      }
      expect(await observe(world)).to.deep.equal(before);
    });
  }

  for (const encoding of ["receiveVrs", "receiveBytes"] as const) {
    it(`attack 12: ${encoding}: nobody but the escrow submits what was signed for it to receive`, async () => {
      const { coin, escrow, payer, relayer } = world;
      const to = await escrow.getAddress();
      const terms = await createTerms(world, { to });
      const signature = await sign(world, payer, "ReceiveWithAuthorization", terms);
      const sender = coin.connect(relayer);
      const sent =
        encoding === "receiveVrs"
          ? sender[FORM.receiveVrs](...toArguments(terms), ...toVrs(signature))
          : sender[FORM.receiveBytes](...toArguments(terms), signature);
      await expect(sent).to.be.revertedWithCustomError(coin, "StablecoinCallerNotPayee").withArgs(relayer.address, to);
    });
  }

  it("attack 12: disburse skips the escrow and leaves its amount", async () => {
    const { coin, escrow, payer } = world;
    const d = await createDisbursement(world, [{ to: await escrow.getAddress(), value: VALUE }]);
    const events = await eventsOf(
      world,
      coin.disburse(...toDisburseArguments(d), await signDisbursement(world, payer, d)),
    );
    const reason = reasonOf(world, "StablecoinEscrowRefusesCredit");
    expect(events.slice(1)).to.deep.equal([
      ["RowSkipped", 0n, payer.address, d.nonce, reason],
      ["Disbursed", payer.address, d.nonce, VALUE, 0n],
    ]);
    expect(await coin.balanceOf(payer)).to.equal(FUNDS);
  });

  it("attack 12: transfer, transferFrom, mint and another escrow's payFrom are refused", async () => {
    const { coin, escrow, payer, registrar, spender, treasury, unflagged } = world;
    await coin.connect(payer).approve(spender, VALUE);
    await fundEscrow(world, VALUE);
    await coin.connect(registrar).flagEscrow(unflagged);
    for (const sent of [
      () => coin.connect(payer).transfer(escrow, 1n),
      () => coin.connect(spender).transferFrom(payer, escrow, 1n),
      () => coin.connect(treasury).mint(escrow, 1n),
    ]) {
      await expect(sent()).to.be.revertedWithCustomError(coin, "StablecoinEscrowRefusesCredit").withArgs(escrow.target);
    }
    await expect(escrow.payFrom(payer, unflagged, 1n))
      .to.be.revertedWithCustomError(coin, "StablecoinEscrowRefusesCredit")
      .withArgs(unflagged.target);
  });
});

describe("attack 18: replay across chain, contract and wallet", () => {
  for (const form of SIGNED_FORMS) {
    const isOrder = ORDER_FORMS.includes(form);
    const signerOf = async () => (isOrder ? world.spender.address : world.payer.address);
    const key = () => (isOrder ? world.spender : world.payer);

    it(`attack 18: ${form.title}: a signature for another chain is refused`, async () => {
      const account = await signerOf();
      const message = await form.create(world, account);
      const domain = { ...world.domain, chainId: world.domain.chainId + 1n };
      const signature = await form.signAs({ domain }, key(), message);
      await expectInvalid(form, account, () => form.submit(world, account, message, signature));
    });

    it(`attack 18: ${form.title}: a signature for another coin is refused`, async () => {
      const account = await signerOf();
      const message = await form.create(world, account);
      const domain = { ...world.domain, verifyingContract: `${world.unflagged.target}` };
      const signature = await form.signAs({ domain }, key(), message);
      await expectInvalid(form, account, () => form.submit(world, account, message, signature));
    });

    for (const [field, value] of [
      ["name", "Remesa Quetzal"],
      ["version", "2"],
    ] as const) {
      it(`attack 18: ${form.title}: a signature for another ${field} is refused`, async () => {
        const account = await signerOf();
        const message = await form.create(world, account);
        const signature = await form.signAs({ domain: { ...world.domain, [field]: value } }, key(), message);
        await expectInvalid(form, account, () => form.submit(world, account, message, signature));
      });
    }

    it(`attack 18: ${form.title}: a signature for one wallet is refused for another of the same owner`, async () => {
      const twin = await world.ethers.deployContract("CoinMockWallet", [world.payer.address]);
      await world.coin.connect(world.treasury).mint(twin, FUNDS);
      const account = await twin.getAddress();
      const message = await form.create(world, account);
      if (isOrder) {
        // an order does not name its signer: both wallets may sign it, and each spends an id of its own
        const signature = await form.signAs(world, world.payer, message);
        await expectDone(() => form.submit(world, account, message, signature));
        expect(await world.coin.orderUsed(world.wallet, toNonce(5n))).to.equal(false);
        expect(await world.coin.orderUsed(account, toNonce(5n))).to.equal(true);
        return;
      }
      const original = await form.create(world, await world.wallet.getAddress());
      const signature = await form.signAs(world, world.payer, original);
      await expectInvalid(form, account, () => form.submit(world, account, message, signature));
    });
  }
});

describe("attack 19: malleable, compact and zero-signer signatures", () => {
  for (const form of SIGNED_FORMS.filter(({ title }) => !title.endsWith("compact row"))) {
    const isOrder = ORDER_FORMS.includes(form);
    async function prepare(): Promise<[string, object, string]> {
      const signer = isOrder ? world.spender : world.payer;
      const message = await form.create(world, signer.address);
      return [signer.address, message, await form.signAs(world, signer, message)];
    }

    it(`attack 19: ${form.title}: the mirrored signature with s in the upper half is refused`, async () => {
      const [account, message, signature] = await prepare();
      const [v, r, s] = toVrs(signature);
      const mirrored = concat([r, toBeHex(CURVE - BigInt(s), 32), toBeHex(v === 27 ? 28 : 27)]);
      await expectInvalid(form, account, () => form.submit(world, account, message, mirrored));
      await expectDone(() => form.submit(world, account, message, signature));
    });

    it(`attack 19: ${form.title}: v of 0 or 1 is refused`, async () => {
      const [account, message, signature] = await prepare();
      const raw = concat([dataSlice(signature, 0, 64), toBeHex(toVrs(signature)[0] - 27, 1)]);
      await expectInvalid(form, account, () => form.submit(world, account, message, raw));
    });

    if (form.takesBytes) {
      it(`attack 19: ${form.title}: the compact form of ERC-2098 is refused outside compact rows`, async () => {
        const [account, message, signature] = await prepare();
        const { compactSerialized } = Signature.from(signature);
        await expectInvalid(form, account, () => form.submit(world, account, message, compactSerialized));
      });

      it(`attack 19: ${form.title}: an empty signature is refused`, async () => {
        const [account, message] = await prepare();
        await expectInvalid(form, account, () => form.submit(world, account, message, "0x"));
      });
    }
  }

  for (const form of HOLDER_FORMS) {
    it(`attack 19: ${form.title}: what recovers to nobody is not signed by the zero address`, async () => {
      const message = await form.create(world, ZeroAddress);
      // r = 1 lies on no point that this s belongs to; v = 29 recovers nothing where v can be chosen
      const v = form.title.endsWith("compact row") ? "0x1b" : "0x1d";
      const nothing = concat([toBeHex(5n, 32), toNonce(1n), v]);
      await expectInvalid(form, ZeroAddress, () => form.submit(world, ZeroAddress, message, nothing));
    });
  }

  it("attack 19: a compact row cannot say s in the upper half: its highest bit is v", async () => {
    const terms = await createTerms(world);
    const [v, r, s] = toVrs(await sign(world, world.payer, "TransferWithAuthorization", terms));
    const mirrored = CURVE - BigInt(s);
    const vs = toBeHex((mirrored & (2n ** 255n - 1n)) | (BigInt(28 - v) << 255n), 32);
    const row = concat([dataSlice(await signRow(world, world.payer, terms), 0, 59), r, vs]);
    expect(await eventsOf(world, world.coin.settle(row))).to.deep.equal([
      ["RowSkipped", 0n, terms.from, terms.nonce, reasonOf(world, "StablecoinSignatureInvalid")],
    ]);
  });

  for (const form of ORDER_FORMS) {
    it(`attack 19: ${form.title}: the zero address signs no order, even with the role`, async () => {
      const message = await form.create(world, ZeroAddress);
      const nothing = concat([toBeHex(5n, 32), toNonce(1n), "0x1d"]);
      await expectInvalid(form, ZeroAddress, () => form.submit(world, ZeroAddress, message, nothing));
    });
  }
});

// ------------------------------------------------------------------------------------------------- attack 20

interface Writer {
  title: string;
  /** Takes `amount` away from the payer; rows are skipped where single calls revert. */
  isRow: boolean;
  debit(amount: bigint): Sent;
}

/** Every way by which a balance falls, but seizing, minting's opposite included. */
const DEBITS: Writer[] = [
  { title: "transfer", isRow: false, debit: (amount) => world.coin.connect(world.payer).transfer(world.payee, amount) },
  {
    title: "transferFrom",
    isRow: false,
    debit: async (amount) => {
      await world.coin.connect(world.payer).approve(world.spender, WHOLE);
      return world.coin.connect(world.spender).transferFrom(world.payer, world.payee, amount);
    },
  },
  ...PAYMENT_FORMS.map((form): Writer => {
    return {
      title: `${form.call}, ${form.encoding}`,
      isRow: form.isRow,
      debit: async (value) => {
        const terms = await createPayment(world, form, world.payer.address, { value });
        return form.submit(world, terms, await sign(world, world.payer, form.type, terms));
      },
    };
  }),
  {
    title: "disburse",
    isRow: false,
    debit: async (amount) => {
      const d = await createDisbursement(world, [{ to: world.payee.address, value: amount }]);
      return world.coin.disburse(...toDisburseArguments(d), await signDisbursement(world, world.payer, d));
    },
  },
  {
    title: "an escrow's pull by allowance",
    isRow: false,
    debit: async (amount) => {
      await world.coin.connect(world.payer).approve(world.escrow, WHOLE);
      return world.escrow.pull(world.payer, amount);
    },
  },
  {
    title: "an escrow's pull by signature",
    isRow: false,
    debit: async (value) => {
      const terms = await createTerms(world, { to: await world.escrow.getAddress(), value });
      const signature = await sign(world, world.payer, "ReceiveWithAuthorization", terms);
      const { data } = await world.coin[FORM.receiveBytes].populateTransaction(...toArguments(terms), signature);
      return world.escrow.call(data);
    },
  },
  {
    title: "burn",
    isRow: false,
    debit: async (amount) => {
      await world.manager.grantRole(ROLE.burner, world.payer, 0);
      return world.coin.connect(world.payer).burn(amount);
    },
  },
];

/** What is frozen of the payer's FUNDS, and what may still leave; -1 where not even 0 may. */
const STATES: [string, bigint | undefined, bigint][] = [
  ["unfrozen", undefined, FUNDS],
  ["1 unit frozen", 1n, FUNDS - 1n],
  ["all but 1 unit frozen", FUNDS - 1n, 1n],
  ["all units frozen", FUNDS, 0n],
  ["more than all units frozen", FUNDS + 5n, 0n],
  ["frozen whole", WHOLE, -1n],
];

describe("attack 20: frozen funds leave by any balance writer", () => {
  for (const writer of DEBITS) {
    for (const [state, frozen, available] of STATES) {
      for (const isPast of frozen === undefined ? [false] : [false, true]) {
        const when = isPast ? ", past the end of the freeze" : "";

        async function prepare(): Promise<void> {
          if (frozen !== undefined) await freeze(world, world.payer, frozen);
          if (isPast) await world.time.increase(10_000n);
        }

        it(`attack 20: ${writer.title}, ${state}${when}: no unit more than ${available} leaves`, async () => {
          await prepare();
          const { coin, payer } = world;
          const amount = available + 1n;
          const word = await coin.wordOf(payer);
          const [error, ...args]: [string, ...unknown[]] =
            frozen === WHOLE
              ? ["StablecoinFrozen", payer.address]
              : frozen === undefined
                ? ["ERC20InsufficientBalance", payer.address, FUNDS, amount]
                : ["ERC20InsufficientUnfrozen", payer.address, available, amount];
          if (writer.isRow) {
            const events = await eventsOf(world, writer.debit(amount));
            expect(events.map(([name, , , , reason]) => [name, reason])).to.deep.equal([
              ["RowSkipped", reasonOf(world, error)],
            ]);
          } else {
            await expect(writer.debit(amount))
              .to.be.revertedWithCustomError(coin, error)
              .withArgs(...args);
          }
          expect(await coin.wordOf(payer)).to.equal(word);
        });

        if (available >= 0n) {
          it(`attack 20: ${writer.title}, ${state}${when}: ${available} leave and nothing of the freeze`, async () => {
            await prepare();
            const before = decodeWord(await world.coin.wordOf(world.payer));
            await writer.debit(available);
            const after = decodeWord(await world.coin.wordOf(world.payer));
            expect([after.balance, after.frozen, after.flags]).to.deep.equal([
              before.balance - available,
              before.frozen,
              before.flags,
            ]);
          });
        }
      }
    }
  }

  for (const [state, frozen, available] of STATES) {
    if (frozen === undefined) continue;
    const limit = frozen === WHOLE || frozen > FUNDS ? FUNDS : frozen;

    it(`attack 20: seize, ${state}: all ${limit} that the freeze holds leave, and into custody alone`, async () => {
      const { coin, custody, payer, seizer } = world;
      await freeze(world, payer, frozen);
      await coin.connect(seizer).seize(payer, limit, CASE);
      expect([await coin.balanceOf(payer), await coin.balanceOf(custody)]).to.deep.equal([FUNDS - limit, limit]);
      expect(await coin.balanceOf(payer)).to.equal(available === -1n ? 0n : available);
    });

    it(`attack 20: seize, ${state}: not one unit more`, async () => {
      const { coin, payer, seizer } = world;
      await freeze(world, payer, frozen);
      await expect(coin.connect(seizer).seize(payer, limit + 1n, CASE))
        .to.be.revertedWithCustomError(coin, "StablecoinSeizeAmountInvalid")
        .withArgs(payer.address, limit + 1n, limit);
    });

    it(`attack 20: seize, ${state}, past the end of the freeze: nothing`, async () => {
      const { coin, payer, seizer } = world;
      await freeze(world, payer, frozen);
      const { until } = await coin.freezeCaseOf(payer);
      await world.time.setNextBlockTimestamp(until);
      await expect(coin.connect(seizer).seize(payer, 1n, CASE))
        .to.be.revertedWithCustomError(coin, "StablecoinFreezeEnded")
        .withArgs(payer.address, until, until);
    });
  }

  it("attack 20: payFrom: what the payer put into an escrow before the freeze is the escrow's to pay", async () => {
    await fundEscrow(world, VALUE);
    await freeze(world, world.payer);
    await world.escrow.payFrom(world.payer, world.payee, VALUE);
    expect(await world.coin.balanceOf(world.payee)).to.equal(FUNDS + VALUE);
    expect(await world.coin.balanceOf(world.payer)).to.equal(FUNDS - VALUE);
  });

  it("attack 20: payFrom into an account frozen whole: the coins stay there until they are seized", async () => {
    const { coin, custody, payee, payer, seizer } = world;
    await fundEscrow(world, VALUE);
    await freeze(world, payee);
    await world.escrow.payFrom(payer, payee, VALUE);
    await expect(coin.connect(payee).transfer(payer, 1n))
      .to.be.revertedWithCustomError(coin, "StablecoinFrozen")
      .withArgs(payee.address);
    await coin.connect(seizer).seize(payee, FUNDS + VALUE, CASE);
    expect(await coin.balanceOf(custody)).to.equal(FUNDS + VALUE);
  });

  for (const writer of DEBITS.filter(({ title }) => !title.startsWith("an escrow") && title !== "burn")) {
    it(`attack 20: ${writer.title}: nothing comes into an account frozen whole`, async () => {
      const { coin, payee } = world;
      await freeze(world, payee);
      const word = await coin.wordOf(payee);
      if (writer.isRow || writer.title === "disburse") {
        const skipped = (await eventsOf(world, writer.debit(1n))).find(([name]) => name === "RowSkipped");
        expect(skipped?.[4]).to.equal(reasonOf(world, "StablecoinFrozen"));
      } else {
        await expect(writer.debit(1n)).to.be.revertedWithCustomError(coin, "StablecoinFrozen").withArgs(payee.address);
      }
      expect(await coin.wordOf(payee)).to.equal(word);
      expect(await coin.balanceOf(world.payer)).to.equal(FUNDS);
    });
  }

  it("attack 20: mint: nothing comes into an account frozen whole", async () => {
    await freeze(world, world.payee);
    await expect(world.coin.connect(world.treasury).mint(world.payee, 1n))
      .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
      .withArgs(world.payee.address);
  });
});

describe("attack 21: a used signature once more", () => {
  for (const form of SIGNED_FORMS) {
    const isOrder = ORDER_FORMS.includes(form);

    it(`attack 21: ${form.title}: reverts or is skipped with ${form.replay}, and changes nothing`, async () => {
      const { coin, payer, spender } = world;
      const signer = isOrder ? spender : payer;
      const message = await form.create(world, signer.address);
      const signature = await form.signAs(world, signer, message);
      const submit = () => form.submit(world, signer.address, message, signature);
      await expectDone(submit);
      const before = await observe(world);
      if (form.isRow) {
        const events = await eventsOf(world, submit());
        expect(events).to.deep.equal([
          ["RowSkipped", 0n, payer.address, (message as Terms).nonce, reasonOf(world, form.replay)],
        ]);
      } else {
        const args: Record<typeof form.replay, unknown[]> = {
          StablecoinAuthorizationUsed: [payer.address, toNonce(0n)],
          StablecoinSignatureInvalid: [payer.address],
          StablecoinNonceBaseInvalid: [7n, 7n, 2n ** 40n - 65n],
          OrderAlreadyUsed: [spender.address, toNonce(5n)],
        };
        await expect(submit())
          .to.be.revertedWithCustomError(coin, form.replay)
          .withArgs(...args[form.replay]);
      }
      expect(await observe(world)).to.deep.equal(before);
    });
  }

  for (const first of PAYMENT_FORMS) {
    for (const second of PAYMENT_FORMS) {
      it(`attack 21: ${second.call}, ${second.encoding}: refused under a nonce used by ${first.call}, ${first.encoding}`, async () => {
        const { coin, payer } = world;
        const pay = async (form: (typeof PAYMENT_FORMS)[number]) => {
          const terms = await createPayment(world, form, payer.address, { nonce: WIDE_NONCE });
          return form.submit(world, terms, await sign(world, payer, form.type, terms));
        };
        await pay(first);
        if (second.isRow) {
          const reason = reasonOf(world, "StablecoinAuthorizationUsed");
          expect(await eventsOf(world, pay(second))).to.deep.equal([
            ["RowSkipped", 0n, payer.address, WIDE_NONCE, reason],
          ]);
        } else {
          await expect(pay(second))
            .to.be.revertedWithCustomError(coin, "StablecoinAuthorizationUsed")
            .withArgs(payer.address, WIDE_NONCE);
        }
        expect(await coin.balanceOf(payer)).to.equal(FUNDS - VALUE);
      });
    }
  }
});

describe("attack 22: a delegated account signs plainly", () => {
  for (const form of SIGNED_FORMS) {
    const isOrder = ORDER_FORMS.includes(form);

    it(`attack 22: ${form.title}: the account's own key signs, whatever its delegate says`, async () => {
      const signer = isOrder ? world.spender : world.payer;
      await delegate(world, signer.address, `${world.unflagged.target}`);
      const message = await form.create(world, signer.address);
      const signature = await form.signAs(world, signer, message);
      await expectDone(() => form.submit(world, signer.address, message, signature));
    });

    it(`attack 22: ${form.title}: another key does not, where the delegate knows no signatures`, async () => {
      const signer = isOrder ? world.spender : world.payer;
      await delegate(world, signer.address, `${world.unflagged.target}`);
      const message = await form.create(world, signer.address);
      const signature = await form.signAs(world, world.stranger, message);
      await expectInvalid(form, signer.address, () => form.submit(world, signer.address, message, signature));
    });

    it(`attack 22: ${form.title}: the delegate's owner signs, where the delegate says so`, async () => {
      const signer = isOrder ? world.spender : world.payer;
      const owned = await world.ethers.deployContract("CoinMockWallet", [world.stranger.address]);
      await delegate(world, signer.address, `${owned.target}`);
      const message = await form.create(world, signer.address);
      const signature = await form.signAs(world, world.stranger, message);
      await expectDone(() => form.submit(world, signer.address, message, signature));
    });
  }
});

describe("attack 23: cancelling while paused and while frozen", () => {
  for (const account of ["payer", "wallet"] as const) {
    for (const nonce of [toNonce(0n), toNonce(9n), WIDE_NONCE]) {
      for (const encoding of ["cancelVrs", "cancelBytes"] as const) {
        it(`attack 23: ${encoding} of ${account}, nonce ${BigInt(nonce) % 1_000n}: works, and the payment never goes through`, async () => {
          const { coin, freezer, payer, unpauser } = world;
          const authorizer = await world[account].getAddress();
          const row = await signRow(world, payer, await createTerms(world, { from: authorizer, nonce }));
          await freeze(world, world[account]);
          await pause(world, 63n);
          const signature = await sign(world, payer, "CancelAuthorization", { authorizer, nonce });
          if (encoding === "cancelVrs") await coin[FORM.cancelVrs](authorizer, nonce, ...toVrs(signature));
          else await coin[FORM.cancelBytes](authorizer, nonce, signature);
          await coin.connect(unpauser).unpause(63n);
          await coin.connect(freezer).unfreeze(authorizer, CASE);
          const reason = reasonOf(world, "StablecoinAuthorizationUsed");
          expect(await eventsOf(world, coin.settle(row))).to.deep.equal([
            ["RowSkipped", 0n, authorizer, nonce, reason],
          ]);
        });
      }
    }
  }

  it("attack 23: skipNonces by call and by signature, approve and permit of 0 work", async () => {
    const { coin, payer, spender } = world;
    await coin.connect(payer).approve(spender, VALUE);
    await freeze(world, payer);
    await pause(world, 63n);
    const before = await observe(world);
    await coin.connect(payer)[FORM.skip](3n);
    const skip = { account: payer.address, newBase: 5n, deadline: WHOLE };
    await coin[FORM.skipSigned](payer, 5n, WHOLE, await sign(world, payer, "SkipNonces", skip));
    await coin.connect(payer).approve(spender, 0n);
    const permit = { owner: payer.address, spender: spender.address, value: 0n, nonce: 0n, deadline: WHOLE };
    await coin[FORM.permitBytes](payer, spender, 0n, WHOLE, await sign(world, payer, "Permit", permit));
    const after = changed(before, (state) => {
      state.accounts.payer.nonceBase = 5n;
      state.allowance = 0n;
      state.permits.payer = 1n;
    });
    expect(await observe(world)).to.deep.equal(after);
  });
});

describe("attack 24: seizing is stopped by nothing but its own bit", () => {
  for (const frozen of [VALUE, WHOLE]) {
    for (const bits of [...Object.values(PAUSE).filter((bit) => bit !== PAUSE.seize), 63n - PAUSE.seize]) {
      for (const bySig of [false, true]) {
        it(`attack 24: ${bySig ? "seizeBySig" : "seize"} of a freeze of ${frozen} works while ${bits} is paused`, async () => {
          const { coin, custody, payer, seizer } = world;
          await freeze(world, payer, frozen);
          await pause(world, bits);
          if (bySig) {
            const order = {
              orderId: toNonce(1n),
              account: payer.address,
              amount: VALUE,
              caseId: CASE,
              deadline: WHOLE,
            };
            await coin.seizeBySig(order, seizer, await sign(world, seizer, "SeizeOrder", order));
          } else {
            await coin.connect(seizer).seize(payer, VALUE, CASE);
          }
          expect(await coin.balanceOf(custody)).to.equal(VALUE);
        });
      }
    }
  }

  it("attack 24: it is stopped with StablecoinPaused(32) by its own", async () => {
    await freeze(world, world.payer);
    await pause(world, PAUSE.seize);
    await expect(world.coin.connect(world.seizer).seize(world.payer, VALUE, CASE))
      .to.be.revertedWithCustomError(world.coin, "StablecoinPaused")
      .withArgs(32n);
  });
});

describe("attack 25: starved gas turns no row into a skip", () => {
  /** Under every limit the call reverts whole, until it pays; never does it go through without paying. */
  async function expectAllOrNothing(send: (gasLimit: bigint) => Sent, paid: bigint): Promise<bigint> {
    const start = await world.coin.balanceOf(world.payee);
    let gasLimit = 45_000n;
    for (; ; gasLimit += 1_500n) {
      const events = await eventsOf(world, send(gasLimit)).catch(() => undefined);
      if (events === undefined) {
        expect(await world.coin.balanceOf(world.payee)).to.equal(start);
        continue;
      }
      expect(events.map(([name]) => name)).to.not.include("RowSkipped");
      expect(await world.coin.balanceOf(world.payee)).to.equal(start + paid);
      return gasLimit;
    }
  }

  it("attack 25: settle, a row of a contract signer", async () => {
    const terms = await createTerms(world, { from: await world.wallet.getAddress() });
    const row = await signRow(world, world.payer, terms);
    const needed = await expectAllOrNothing((gasLimit) => world.coin.settle(row, { gasLimit }), VALUE);
    expect(needed).to.be.greaterThan(156_000n);
  });

  for (const form of ["settle", "disburse"] as const) {
    it(`attack 25: ${form}, a row that needs an attestation`, async () => {
      await join(world, world.payer, 1n);
      await join(world, world.payee, 2n);
      await limitTravel(world, 0n);
      if (form === "settle") {
        const row = await signRow(world, world.payer, await createTerms(world));
        await expectAllOrNothing((gasLimit) => world.coin.settle(row, { gasLimit }), VALUE);
      } else {
        const d = await createDisbursement(world, [{ to: world.payee.address, value: VALUE }]);
        const signature = await signDisbursement(world, world.payer, d);
        const send = (gasLimit: bigint) => world.coin.disburse(...toDisburseArguments(d), signature, { gasLimit });
        await expectAllOrNothing(send, VALUE);
      }
      expect(await world.registry.asked()).to.equal(1n);
    });
  }

  it("attack 25: settle, plain rows", async () => {
    const rows: string[] = [];
    for (const nonce of [0n, 1n]) {
      rows.push(await signRow(world, world.payer, await createTerms(world, { nonce: toNonce(nonce) })));
    }
    await expectAllOrNothing((gasLimit) => world.coin.settle(concat(rows), { gasLimit }), 2n * VALUE);
  });
});

describe("attack 29: a contract signer burns all its gas inside a batch", () => {
  for (const place of [0, 1, 2]) {
    it(`attack 29: in place ${place} it costs itself alone, and the batch at most its allowance`, async () => {
      const { coin, payee, payer, wallet } = world;
      await wallet.setAnswer(WALLET.burnGas);
      const from = await wallet.getAddress();
      const rows: string[] = [];
      for (const index of [0, 1, 2]) {
        const isHostile = index === place;
        const changes = { nonce: toNonce(BigInt(index)), ...(isHostile ? { from } : {}) };
        rows.push(await signRow(world, isHostile ? world.stranger : payer, await createTerms(world, changes)));
      }
      const sent = await coin.settle(concat(rows), { gasLimit: 400_000n });
      const events = await eventsOf(world, Promise.resolve(sent));
      const reason = reasonOf(world, "StablecoinSignatureInvalid");
      expect(events.filter(([name]) => name === "RowSkipped")).to.deep.equal([
        ["RowSkipped", BigInt(place), from, toNonce(BigInt(place)), reason],
      ]);
      expect(await coin.balanceOf(payee)).to.equal(FUNDS + 2n * VALUE);
      expect((await sent.wait())?.gasUsed).to.be.lessThan(300_000n);
    });
  }

  it("attack 29: a single call fails by itself", async () => {
    await world.wallet.setAnswer(WALLET.burnGas);
    const terms = await createTerms(world, { from: await world.wallet.getAddress() });
    await expect(world.coin[FORM.transferBytes](...toArguments(terms), "0x5a", { gasLimit: 400_000n }))
      .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
      .withArgs(terms.from);
  });
});

describe("attack 30: the zero address in any list", () => {
  for (const place of [0, 1, 2]) {
    it(`attack 30: disburse: as payee ${place} it is skipped, and the others are paid`, async () => {
      const { coin, payee, payer, spender } = world;
      const payees: Payee[] = [
        { to: payee.address, value: 1n },
        { to: spender.address, value: 2n },
      ];
      payees.splice(place, 0, { to: ZeroAddress, value: VALUE });
      const d = await createDisbursement(world, payees);
      const before = await observe(world);
      const events = await eventsOf(
        world,
        coin.disburse(...toDisburseArguments(d), await signDisbursement(world, payer, d)),
      );
      expect(events.filter(([name]) => name === "RowSkipped")).to.deep.equal([
        ["RowSkipped", BigInt(place), payer.address, d.nonce, reasonOf(world, "ERC20InvalidReceiver")],
      ]);
      const after = changed(before, (state) => {
        state.accounts.payer.balance -= 3n;
        state.accounts.payee.balance += 1n;
        state.accounts.spender.balance += 2n;
        state.accounts.payer.nonceBase = 1n;
      });
      expect(await observe(world)).to.deep.equal(after);
      expect(await coin.wordOf(ZeroAddress)).to.equal(0n);
    });

    for (const field of ["from", "to"] as const) {
      it(`attack 30: settle: as ${field} of row ${place} it is skipped, and the others settle`, async () => {
        const { coin, payee, payer } = world;
        const rows: string[] = [];
        for (const index of [0, 1, 2]) {
          const changes = { nonce: toNonce(BigInt(index)), ...(index === place ? { [field]: ZeroAddress } : {}) };
          rows.push(await signRow(world, payer, await createTerms(world, changes)));
        }
        const events = await eventsOf(world, coin.settle(concat(rows)));
        const error = field === "from" ? "StablecoinSignatureInvalid" : "ERC20InvalidReceiver";
        const from = field === "from" ? ZeroAddress : payer.address;
        expect(events.filter(([name]) => name === "RowSkipped")).to.deep.equal([
          ["RowSkipped", BigInt(place), from, toNonce(BigInt(place)), reasonOf(world, error)],
        ]);
        expect(await coin.balanceOf(payee)).to.equal(FUNDS + 2n * VALUE);
        expect(await coin.wordOf(ZeroAddress)).to.equal(0n);
      });
    }
  }
});

describe("attack 31: the travel rule dodged", () => {
  beforeEach(async () => {
    await join(world, world.payer, 1n);
    await join(world, world.payee, 2n);
    await limitTravel(world, VALUE);
    await world.registry.setAnswer(ANSWER.no);
  });

  it("attack 31: through an escrow: it pays out under the rule between the payer and the payee", async () => {
    const { coin, escrow, payee, payer } = world;
    await fundEscrow(world, VALUE);
    await expect(escrow.payFrom(payer, payee, VALUE))
      .to.be.revertedWithCustomError(coin, "StablecoinAttestationMissing")
      .withArgs(payer.address, payee.address, VALUE);
    await escrow.payFrom(payer, payer, VALUE);
    expect(await coin.balanceOf(payer)).to.equal(FUNDS);
  });

  it("attack 31: through an escrow, by paying out as somebody who has no family: the escrow is trusted to name its payer", async () => {
    await fundEscrow(world, VALUE);
    await world.escrow.payFrom(world.stranger, world.payee, VALUE);
    expect(await world.coin.balanceOf(world.payee)).to.equal(FUNDS + VALUE);
  });

  for (const name of ["payer", "payee", "admin", "treasurer", "governor"] as const) {
    it(`attack 31: by a self-made family change: setVasp reverts with StablecoinCallerNotRegistry(${name}, registry)`, async () => {
      for (const vasp of [0n, 1n, 2n]) {
        await expect(world.coin.connect(world[name]).setVasp(world.payer, vasp))
          .to.be.revertedWithCustomError(world.coin, "StablecoinCallerNotRegistry")
          .withArgs(world[name].address, world.registry.target);
      }
    });
  }

  it("attack 31: by a spender of no family: the rule is between the payer and the payee", async () => {
    const { coin, payee, payer, spender } = world;
    await coin.connect(payer).approve(spender, VALUE);
    await expect(coin.connect(spender).transferFrom(payer, payee, VALUE))
      .to.be.revertedWithCustomError(coin, "StablecoinAttestationMissing")
      .withArgs(payer.address, payee.address, VALUE);
  });

  it("attack 31: by a split: each payment is judged by its own amount, so parts below the limit go through", async () => {
    const { coin, payee, payer } = world;
    for (let part = 0; part < 2; part += 1) await coin.connect(payer).transfer(payee, VALUE - 1n);
    expect(await coin.balanceOf(payee)).to.equal(FUNDS + 2n * (VALUE - 1n));
    // every part is an event of its own with both families on record, which is what an operator watches
    expect((await coin.accountOf(payer)).vasp).to.equal(1n);
    expect((await coin.accountOf(payee)).vasp).to.equal(2n);
  });

  it("attack 31: by a split inside one disbursement: each row is judged by its own amount", async () => {
    const { coin, payee, payer } = world;
    const values = [VALUE - 1n, VALUE, VALUE - 1n];
    const d = await createDisbursement(
      world,
      values.map((value) => ({ to: payee.address, value })),
    );
    await coin.disburse(...toDisburseArguments(d), await signDisbursement(world, payer, d));
    expect(await coin.balanceOf(payee)).to.equal(FUNDS + 2n * (VALUE - 1n));
  });

  it("attack 31: a limit of 0 leaves nothing to split", async () => {
    await limitTravel(world, 0n);
    const { coin, payee, payer } = world;
    await expect(coin.connect(payer).transfer(payee, 1n))
      .to.be.revertedWithCustomError(coin, "StablecoinAttestationMissing")
      .withArgs(payer.address, payee.address, 1n);
  });
});

describe("attack 32: signed orders replayed, expired, from a role with a delay, from a revoked role", () => {
  for (const form of ORDER_FORMS) {
    const isSeize = form.title.startsWith("Seize");
    const [role, selector] = [
      isSeize ? ROLE.seizer : ROLE.freezer,
      form.title.startsWith("Unfreeze") ? "unfreeze" : isSeize ? "seize" : "freeze",
    ] as const;

    async function expectRefused(submit: () => Sent, error: string, ...args: unknown[]): Promise<void> {
      const before = await observe(world);
      await expect(submit())
        .to.be.revertedWithCustomError(world.coin, error)
        .withArgs(...args);
      expect(await observe(world)).to.deep.equal(before);
    }
    async function toSubmit(order: object): Promise<() => Sent> {
      const { spender } = world;
      const signature = await form.signAs(world, spender, order);
      return () => form.submit(world, spender.address, order, signature);
    }
    async function prepare(changes: object = {}): Promise<() => Sent> {
      return toSubmit({ ...(await form.create(world, world.spender.address)), ...changes });
    }
    const selectorOf = () => world.coin.interface.getFunction(selector).selector;

    it(`attack 32: ${form.title}: replayed, it reverts with OrderAlreadyUsed(signer, id)`, async () => {
      const submit = await prepare();
      await expectDone(submit);
      await expectRefused(submit, "OrderAlreadyUsed", world.spender.address, toNonce(5n));
    });

    it(`attack 32: ${form.title}: replayed under its id with other terms, it reverts with OrderAlreadyUsed(signer, id)`, async () => {
      const order = await form.create(world, world.spender.address);
      await expectDone(await toSubmit(order));
      const submit = await toSubmit({ ...order, account: world.payer.address });
      await expectRefused(submit, "OrderAlreadyUsed", world.spender.address, toNonce(5n));
    });

    it(`attack 32: ${form.title}: expired, it reverts with OrderExpired(deadline, time)`, async () => {
      const deadline = (await now(world)) + 10n;
      const submit = await prepare({ deadline });
      await world.time.setNextBlockTimestamp(deadline + 1n);
      await expectRefused(submit, "OrderExpired", deadline, deadline + 1n);
    });

    it(`attack 32: ${form.title}: from a role with a delay, it reverts with OrderNotPermitted(signer, selector)`, async () => {
      const submit = await prepare();
      await world.manager.revokeRole(role, world.spender);
      await world.manager.grantRole(role, world.spender, 60n);
      await expectRefused(submit, "OrderNotPermitted", world.spender.address, selectorOf());
    });

    it(`attack 32: ${form.title}: from a revoked role, it reverts with OrderNotPermitted(signer, selector)`, async () => {
      const submit = await prepare();
      await world.manager.revokeRole(role, world.spender);
      await expectRefused(submit, "OrderNotPermitted", world.spender.address, selectorOf());
    });

    it(`attack 32: ${form.title}: from a closed coin, it reverts with OrderNotPermitted(signer, selector)`, async () => {
      const submit = await prepare();
      await world.manager.setTargetClosed(world.coin, true);
      await expectRefused(submit, "OrderNotPermitted", world.spender.address, selectorOf());
    });

    it(`attack 32: ${form.title}: from a role granted anew, an unused order acts until its deadline`, async () => {
      const submit = await prepare();
      await world.manager.revokeRole(role, world.spender);
      await world.manager.grantRole(role, world.spender, 0n);
      await expectDone(submit);
    });
  }
});
