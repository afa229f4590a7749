/**
 * The travel rule on every way that coins go from one account to another: written once, run for each. A refusal is a
 * revert, or in a batch a skipped row; what the registry breaks always takes the whole transaction with it.
 */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import {
  ANSWER,
  createDisbursement,
  createTerms,
  encodeRow,
  eventsOf,
  FORM,
  freeze,
  fundEscrow,
  FUNDS,
  join,
  limitTravel,
  loadWorld,
  MAX_UINT64,
  MEMO,
  observe,
  reasonOf,
  sign,
  signDisbursement,
  signRow,
  type State,
  type Terms,
  toArguments,
  toDisburseArguments,
  toNonce,
  toVrs,
  VALUE,
  WIDE_NONCE,
  type World,
} from "../../support/coin.ts";

interface Path {
  title: string;
  /** A refusal is a skipped row. */
  isRow: boolean;
  /** Whose balance falls. */
  from: "payer" | "escrow";
  /** Pays `amount` of the payer to the payee; `nonce` where the payment has one. */
  pay(world: World, amount: bigint, nonce?: string): Promise<ContractTransactionResponse>;
}

/** Another nonce than a path's own, for a second payment at the same time. */
const OTHER = toNonce(2n ** 200n);

async function signed(
  world: World,
  type: "TransferWithAuthorization" | "ReceiveWithAuthorization" | "TransferWithMemo",
  value: bigint,
  nonce: string,
): Promise<[Terms, string]> {
  const terms = await createTerms(world, { value, nonce, ...(type === "TransferWithMemo" ? { memo: MEMO } : {}) });
  return [terms, await sign(world, world.payer, type, terms)];
}

const PATHS: Path[] = [
  {
    title: "transfer",
    isRow: false,
    from: "payer",
    pay: async ({ coin, payee, payer }, amount) => coin.connect(payer).transfer(payee, amount),
  },
  {
    title: "transferFrom",
    isRow: false,
    from: "payer",
    pay: async ({ coin, payee, payer, spender }, amount) => {
      await coin.connect(payer).approve(spender, FUNDS);
      return coin.connect(spender).transferFrom(payer, payee, amount);
    },
  },
  ...(["transferVrs", "receiveVrs"] as const).map((form): Path => {
    return {
      title: `${form === "transferVrs" ? "transfer" : "receive"}WithAuthorization (v, r, s)`,
      isRow: false,
      from: "payer",
      pay: async (world, amount, nonce = WIDE_NONCE) => {
        const type = form === "transferVrs" ? "TransferWithAuthorization" : "ReceiveWithAuthorization";
        const [terms, signature] = await signed(world, type, amount, nonce);
        return world.coin.connect(world.payee)[FORM[form]](...toArguments(terms), ...toVrs(signature));
      },
    };
  }),
  ...(["transferBytes", "receiveBytes"] as const).map((form): Path => {
    return {
      title: `${form === "transferBytes" ? "transfer" : "receive"}WithAuthorization (bytes)`,
      isRow: false,
      from: "payer",
      pay: async (world, amount, nonce = toNonce(0n)) => {
        const type = form === "transferBytes" ? "TransferWithAuthorization" : "ReceiveWithAuthorization";
        const [terms, signature] = await signed(world, type, amount, nonce);
        return world.coin.connect(world.payee)[FORM[form]](...toArguments(terms), signature);
      },
    };
  }),
  {
    title: "transferWithMemo",
    isRow: false,
    from: "payer",
    pay: async (world, amount, nonce = toNonce(0n)) => {
      const [terms, signature] = await signed(world, "TransferWithMemo", amount, nonce);
      return world.coin.connect(world.relayer).transferWithMemo(...toArguments(terms), MEMO, signature);
    },
  },
  ...([false, true] as const).map((long): Path => {
    return {
      title: long ? "settle, a row with a long signature" : "settle, a compact row",
      isRow: true,
      from: "payer",
      pay: async (world, amount, nonce = toNonce(0n)) => {
        const [terms, signature] = await signed(world, "TransferWithAuthorization", amount, nonce);
        return world.coin.connect(world.relayer).settle(encodeRow({ ...terms, signature, long }));
      },
    };
  }),
  {
    title: "disburse",
    isRow: true,
    from: "payer",
    pay: async (world, amount, nonce = toNonce(0n)) => {
      const d = await createDisbursement(world, [{ to: world.payee.address, value: amount }], { nonce });
      const signature = await signDisbursement(world, world.payer, d);
      return world.coin.connect(world.relayer).disburse(...toDisburseArguments(d), signature);
    },
  },
  {
    title: "payFrom",
    isRow: false,
    from: "escrow",
    pay: async ({ escrow, payee, payer }, amount) => escrow.payFrom(payer, payee, amount),
  },
];

describe("the travel rule", () => {
  for (const path of PATHS) {
    describe(path.title, () => {
      let world: World;
      let start: bigint;

      beforeEach(async () => {
        world = await loadWorld();
        if (path.from === "escrow") await fundEscrow(world, FUNDS);
        await join(world, world.payer, 1n);
        await join(world, world.payee, 2n);
        await limitTravel(world, VALUE);
        start = (await observe(world)).accounts[path.from].balance;
      });

      /** What moved, and how often the registry was asked. */
      async function expectPaid(amount: bigint, asked: bigint, nonce?: string): Promise<void> {
        const before = await observe(world);
        const questions = await world.registry.asked();
        await path.pay(world, amount, nonce);
        const after = await observe(world);
        const moved = (state: State) => [state.accounts[path.from].balance, state.accounts.payee.balance];
        const [paid, got] = moved(before) as [bigint, bigint];
        expect(moved(after)).to.deep.equal([paid - amount, got + amount]);
        expect(await world.registry.asked()).to.equal(questions + asked);
      }

      async function expectRefused(amount: bigint, nonce?: string): Promise<void> {
        const { coin, payee, payer } = world;
        const before = (await observe(world)).accounts;
        if (path.isRow) {
          const events = await eventsOf(world, path.pay(world, amount, nonce));
          const skipped = events.find(([name]) => name === "RowSkipped");
          const reason = reasonOf(world, "StablecoinAttestationMissing");
          expect([skipped?.[1], skipped?.[2], skipped?.[4]]).to.deep.equal([0n, payer.address, reason]);
          expect(events.filter(([name]) => name === "Transfer")).to.deep.equal([]);
        } else {
          await expect(path.pay(world, amount, nonce))
            .to.be.revertedWithCustomError(coin, "StablecoinAttestationMissing")
            .withArgs(payer.address, payee.address, amount);
        }
        const after = (await observe(world)).accounts;
        for (const name of ["payer", "payee", "escrow"] as const) {
          expect(after[name].balance).to.equal(before[name].balance);
        }
      }

      /** The whole transaction is taken back, in a batch too. */
      async function expectReverted(sent: () => Promise<unknown>, error?: string, ...args: unknown[]): Promise<void> {
        const before = await observe(world);
        if (path.title === "transferFrom") before.allowance = FUNDS;
        if (error === undefined) await expect(sent()).to.be.revertedWithoutReason(world.ethers);
        else {
          await expect(sent())
            .to.be.revertedWithCustomError(world.coin, error)
            .withArgs(...args);
        }
        expect(await observe(world)).to.deep.equal(before);
      }

      it("asks once, about this payment, at the limit", async () => {
        await expectPaid(VALUE, 1n);
        const { payee, payer, registry } = world;
        expect([await registry.lastPayer(), await registry.lastPayee(), await registry.lastAmount()]).to.deep.equal([
          payer.address,
          payee.address,
          VALUE,
        ]);
      });

      it("asks one unit above the limit", async () => expectPaid(VALUE + 1n, 1n));

      it("does not ask one unit below the limit", async () => expectPaid(VALUE - 1n, 0n));

      it("asks for a payment of 0 when the limit is 0", async () => {
        await limitTravel(world, 0n);
        await expectPaid(0n, 1n);
      });

      it("does not ask when the limit is off", async () => {
        await limitTravel(world, MAX_UINT64);
        await expectPaid(start, 0n);
      });

      for (const [title, payerVasp, payeeVasp] of [
        ["neither has a family", 0n, 0n],
        ["the payer has none", 0n, 2n],
        ["the payee has none", 1n, 0n],
        ["both have the same", 65_535n, 65_535n],
      ] as const) {
        it(`does not ask when ${title}`, async () => {
          await join(world, world.payer, payerVasp);
          await join(world, world.payee, payeeVasp);
          await world.registry.setAnswer(ANSWER.no);
          await expectPaid(VALUE, 0n);
        });
      }

      it("asks about families that differ in their highest bit", async () => {
        await join(world, world.payer, 32_769n);
        await join(world, world.payee, 1n);
        await expectPaid(VALUE, 1n);
      });

      it("refuses with StablecoinAttestationMissing(payer, payee, amount) when the answer is no", async () => {
        await world.registry.setAnswer(ANSWER.no);
        await expectRefused(VALUE);
      });

      it("pays once for one attestation", async () => {
        await world.registry.setAttestations(1n);
        await expectPaid(VALUE, 1n, OTHER);
        await expectRefused(VALUE, WIDE_NONCE);
      });

      if (path.from === "payer") {
        it("refuses a payment for another reason first and leaves the attestation", async () => {
          await world.registry.setAttestations(1n);
          await freeze(world, world.payee);
          if (path.isRow) await path.pay(world, VALUE);
          else {
            await expect(path.pay(world, VALUE))
              .to.be.revertedWithCustomError(world.coin, "StablecoinFrozen")
              .withArgs(world.payee.address);
          }
          expect([await world.registry.asked(), await world.registry.attestations()]).to.deep.equal([0n, 1n]);
        });
      } else {
        it("refuses a payment for another reason first and leaves the attestation", async () => {
          await world.registry.setAttestations(1n);
          await expect(path.pay(world, FUNDS + 1n))
            .to.be.revertedWithCustomError(world.coin, "ERC20InsufficientBalance")
            .withArgs(world.escrow.target, FUNDS, FUNDS + 1n);
          expect([await world.registry.asked(), await world.registry.attestations()]).to.deep.equal([0n, 1n]);
        });
      }

      it("reverts whole with what the registry reverts with", async () => {
        await world.registry.setAnswer(ANSWER.revert);
        const before = await observe(world);
        await expect(path.pay(world, VALUE))
          .to.be.revertedWithCustomError(world.registry, "CoinMockRegistryRefused")
          .withArgs();
        expect((await observe(world)).accounts).to.deep.equal(before.accounts);
      });

      it("reverts whole when the registry burns all its gas", async () => {
        await world.registry.setAnswer(ANSWER.burnGas);
        await expectReverted(() => path.pay(world, VALUE));
      });

      it("reverts whole when the answer is neither yes nor no", async () => {
        await world.registry.setAnswer(ANSWER.garbage);
        await expectReverted(() => path.pay(world, VALUE));
      });

      it("reverts whole with StablecoinAttestationMissing when the registry moves the payer's coins meanwhile", async () => {
        const { coin, payee, payer, registry, stranger } = world;
        const terms = await createTerms(world, { nonce: OTHER, to: stranger.address, value: 0n });
        const spent = await createTerms(world, { nonce: toNonce(3n), to: stranger.address, value: 0n });
        const rows = [await signRow(world, payer, terms), await signRow(world, payer, spent)];
        const { data } = await coin.settle.populateTransaction(`0x${rows.map((row) => row.slice(2)).join("")}`);
        await registry.reenterWith(coin, data);
        const args = [payer.address, payee.address, VALUE];
        await expectReverted(() => path.pay(world, VALUE), "StablecoinAttestationMissing", ...args);
        expect(await registry.reentered()).to.equal(false);
      });

      it("reverts whole with StablecoinAttestationMissing when the registry moves the payee meanwhile", async () => {
        const { coin, payee, payer, registry } = world;
        const { data } = await coin.setVasp.populateTransaction(payee, 0n);
        await registry.reenterWith(coin, data);
        const args = [payer.address, payee.address, VALUE];
        await expectReverted(() => path.pay(world, VALUE), "StablecoinAttestationMissing", ...args);
      });

      it("pays when the registry does something else meanwhile", async () => {
        const { coin, registry, stranger } = world;
        const { data } = await coin.setVasp.populateTransaction(stranger, 9n);
        await registry.reenterWith(coin, data);
        await expectPaid(VALUE, 1n);
        expect(await registry.reentered()).to.equal(true);
        expect((await coin.accountOf(stranger)).vasp).to.equal(9n);
      });
    });
  }

  describe("what only some payments can meet", () => {
    let world: World;

    beforeEach(async () => {
      world = await loadWorld();
      await join(world, world.payer, 1n);
      await join(world, world.payee, 2n);
      await limitTravel(world, 0n);
    });

    it("does not ask about what a member pays into an escrow and takes back", async () => {
      await world.registry.setAnswer(ANSWER.no);
      await fundEscrow(world, VALUE);
      await world.escrow.payFrom(world.payer, world.payer, VALUE);
      expect(await world.coin.balanceOf(world.payer)).to.equal(FUNDS);
      expect(await world.registry.asked()).to.equal(0n);
    });

    it("does not ask about a payment to oneself", async () => {
      await world.registry.setAnswer(ANSWER.no);
      await world.coin.connect(world.payer).transfer(world.payer, VALUE);
      expect(await world.registry.asked()).to.equal(0n);
    });

    it("reverts with StablecoinAttestationMissing when the escrow pays meanwhile", async () => {
      const { coin, escrow, payee, payer, registry, stranger } = world;
      await fundEscrow(world, VALUE);
      const { data } = await escrow.payFrom.populateTransaction(payer, stranger, 1n);
      await registry.reenterWith(escrow, data);
      await expect(escrow.payFrom(payer, payee, 1n))
        .to.be.revertedWithCustomError(coin, "StablecoinAttestationMissing")
        .withArgs(payer.address, payee.address, 1n);
      expect(await coin.balanceOf(escrow)).to.equal(VALUE);
    });

    it("reverts with StablecoinAuthorizationUsed when the registry submits the same payment of 0 meanwhile", async () => {
      const { coin, payer, registry } = world;
      const terms = await createTerms(world, { nonce: WIDE_NONCE, value: 0n });
      const row = await signRow(world, payer, terms);
      const { data } = await coin.settle.populateTransaction(row);
      await registry.reenterWith(coin, data);
      await expect(coin.settle(row))
        .to.be.revertedWithCustomError(coin, "StablecoinAuthorizationUsed")
        .withArgs(payer.address, WIDE_NONCE);
      expect(await coin.authorizationState(payer, WIDE_NONCE)).to.equal(false);
    });

    it("skips the rows of a batch one by one: an attestation for two of three", async () => {
      await world.registry.setAttestations(2n);
      const rows: string[] = [];
      for (const nonce of [0n, 1n, 2n]) {
        rows.push(await signRow(world, world.payer, await createTerms(world, { nonce: toNonce(nonce) })));
      }
      const events = await eventsOf(world, world.coin.settle(`0x${rows.map((row) => row.slice(2)).join("")}`));
      expect(events.map(([name]) => name)).to.deep.equal([
        "AuthorizationUsed",
        "Transfer",
        "AuthorizationUsed",
        "Transfer",
        "RowSkipped",
      ]);
    });

    it("pays a payee of a disbursement that was paid before in the same one, with two attestations", async () => {
      const { coin, payee, payer, registry } = world;
      await registry.setAttestations(2n);
      const d = await createDisbursement(
        world,
        [1n, 2n, 3n].map((value) => ({ to: payee.address, value })),
      );
      const signature = await signDisbursement(world, payer, d);
      const events = await eventsOf(world, coin.disburse(...toDisburseArguments(d), signature));
      expect(events.at(-1)).to.deep.equal(["Disbursed", payer.address, d.nonce, 6n, 3n]);
      expect(await coin.balanceOf(payer)).to.equal(FUNDS - 3n);
    });
  });
});
