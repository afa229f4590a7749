/** One signature, many payees: its checks before any row, and what becomes of each row. */
import { expect } from "chai";
import {
  concat,
  type ContractTransactionResponse,
  dataLength,
  dataSlice,
  keccak256,
  type Signer,
  ZeroAddress,
} from "ethers";
import {
  changed,
  createDisbursement,
  createTerms,
  delegate,
  type Disbursement,
  encodePayees,
  eventsOf,
  FORM,
  freeze,
  fundEscrow,
  FUNDS,
  join,
  limitTravel,
  loadWorld,
  move,
  now,
  type Observed,
  observe,
  PAUSE,
  pause,
  type Payee,
  reasonOf,
  sign,
  signDisbursement,
  signRow,
  type State,
  toDisburseArguments,
  toNonce,
  VALUE,
  WIDE_NONCE,
  type World,
} from "../../support/coin.ts";

interface Lane {
  title: string;
  nonce: string;
  spend(state: State, account: Observed): void;
}

const LANES: Lane[] = [
  {
    title: "window nonce",
    nonce: toNonce(0n),
    spend: (state, account) => {
      state.accounts[account].nonceBase += 1n;
    },
  },
  {
    title: "bitmap nonce",
    nonce: WIDE_NONCE,
    spend: (state, account) => {
      if (account === "payer") state.wideSpent = true;
    },
  },
];

const KINDS = [
  ["a plain account", "payer", async () => {}],
  ["a contract wallet", "wallet", async () => {}],
  ["a delegated account", "payer", (world: World) => delegate(world, world.payer.address, `${world.unflagged.target}`)],
] as const;

const LIMIT = 500;

describe("Stablecoin.disburse", () => {
  for (const lane of LANES) {
    for (const [kind, account, prepare] of KINDS) {
      describe(`${lane.title}, signed by ${kind}`, () => {
        let world: World;
        let from: string;

        beforeEach(async () => {
          world = await loadWorld();
          await prepare(world);
          from = await world[account].getAddress();
        });

        const payees = (): Payee[] => [
          { to: world.payee.address, value: VALUE },
          { to: world.spender.address, value: 2n },
          { to: world.stranger.address, value: 3n },
        ];
        const create = (changes: Partial<Disbursement> = {}, to = payees()) => {
          return createDisbursement(world, to, { from, nonce: lane.nonce, ...changes });
        };
        async function submit(d: Disbursement, signature: string): Promise<ContractTransactionResponse> {
          return world.coin.connect(world.relayer).disburse(...toDisburseArguments(d), signature);
        }
        async function send(d: Disbursement, signer: Signer = world.payer): Promise<ContractTransactionResponse> {
          return submit(d, await signDisbursement(world, signer, d));
        }
        async function expectRefused(sent: () => Promise<unknown>, error: string, ...args: unknown[]): Promise<void> {
          const before = await observe(world);
          await expect(sent())
            .to.be.revertedWithCustomError(world.coin, error)
            .withArgs(...args);
          expect(await observe(world)).to.deep.equal(before);
        }

        describe("requires", () => {
          it("reverts with StablecoinPaused(2) while authorizations are paused, before it looks at the rows", async () => {
            await pause(world, PAUSE.authorization);
            await expectRefused(async () => send(await create({ rows: "0x" })), "StablecoinPaused", 2n);
          });

          it("reverts with StablecoinRowMalformed(0) without rows", async () => {
            await expectRefused(async () => send(await create({ rows: "0x" })), "StablecoinRowMalformed", 0n);
          });

          for (const [length, offset] of [
            [1, 0n],
            [27, 0n],
            [29, 28n],
            [83, 56n],
          ] as const) {
            it(`reverts with StablecoinRowMalformed(${offset}) when the rows are ${length} bytes long`, async () => {
              const rows = dataSlice(concat([encodePayees(payees()), encodePayees(payees())]), 0, length);
              await expectRefused(async () => send(await create({ rows })), "StablecoinRowMalformed", offset);
            });
          }

          it("reverts with StablecoinTotalMismatch(sum + 1, sum) when the total is one more than the rows", async () => {
            const d = await create({ total: VALUE + 6n });
            await expectRefused(() => send(d), "StablecoinTotalMismatch", VALUE + 6n, VALUE + 5n);
          });

          it("reverts with StablecoinTotalMismatch(sum - 1, sum) when the total is one less than the rows", async () => {
            const d = await create({ total: VALUE + 4n });
            await expectRefused(() => send(d), "StablecoinTotalMismatch", VALUE + 4n, VALUE + 5n);
          });

          it("reverts with StablecoinAuthorizationNotYetValid(t, t) at validAfter itself", async () => {
            const time = (await now(world)) + 10n;
            const d = await create({ validAfter: time });
            const signature = await signDisbursement(world, world.stranger, d);
            await world.time.setNextBlockTimestamp(time);
            await expectRefused(() => submit(d, signature), "StablecoinAuthorizationNotYetValid", time, time);
          });

          it("reverts with StablecoinAuthorizationExpired(t, t) at validBefore itself", async () => {
            const time = (await now(world)) + 10n;
            const d = await create({ validBefore: time });
            const signature = await signDisbursement(world, world.stranger, d);
            await world.time.setNextBlockTimestamp(time);
            await expectRefused(() => submit(d, signature), "StablecoinAuthorizationExpired", time, time);
          });

          for (const [field, value] of [
            ["total", VALUE],
            ["rowsHash", `0x${"77".repeat(32)}`],
            ["validAfter", 1n],
            ["validBefore", 2n ** 40n - 1n],
            ["nonce", toNonce(9n)],
          ] as const) {
            it(`reverts with StablecoinSignatureInvalid(from) when another ${field} was signed`, async () => {
              const d = await create();
              const { rows, ...terms } = d;
              const message = { ...terms, rowsHash: keccak256(rows), [field]: value };
              const signature = await sign(world, world.payer, "Disburse", message);
              await expectRefused(() => submit(d, signature), "StablecoinSignatureInvalid", from);
            });
          }

          it("reverts with StablecoinSignatureInvalid(from) when somebody else signed", async () => {
            await expectRefused(async () => send(await create(), world.stranger), "StablecoinSignatureInvalid", from);
          });

          it("reverts with StablecoinFrozen(from) when the payer is frozen whole", async () => {
            await freeze(world, world[account]);
            await expectRefused(async () => send(await create()), "StablecoinFrozen", from);
          });

          it("reverts with ERC20InsufficientBalance(from, balance, balance + 1)", async () => {
            const d = await create({}, [{ to: world.payee.address, value: FUNDS + 1n }]);
            await expectRefused(() => send(d), "ERC20InsufficientBalance", from, FUNDS, FUNDS + 1n);
          });

          it("reverts with ERC20InsufficientUnfrozen(from, total - 1, total) when one unit too many is frozen", async () => {
            await freeze(world, world[account], FUNDS - VALUE - 4n);
            const d = await create();
            await expectRefused(() => send(d), "ERC20InsufficientUnfrozen", from, VALUE + 4n, VALUE + 5n);
          });

          it("reverts with StablecoinAuthorizationUsed(from, nonce) a second time", async () => {
            const d = await create();
            await send(d);
            await expectRefused(() => send(d), "StablecoinAuthorizationUsed", from, d.nonce);
          });

          it("reverts with StablecoinAuthorizationUsed(from, nonce) under the nonce of a payment", async () => {
            await world.coin.settle(
              await signRow(world, world.payer, await createTerms(world, { from, nonce: lane.nonce })),
            );
            await expectRefused(async () => send(await create()), "StablecoinAuthorizationUsed", from, lane.nonce);
          });

          it("reverts with StablecoinAuthorizationUsed(from, nonce) after a cancellation", async () => {
            const message = { authorizer: from, nonce: lane.nonce };
            const signature = await sign(world, world.payer, "CancelAuthorization", message);
            await world.coin[FORM.cancelBytes](from, lane.nonce, signature);
            await expectRefused(async () => send(await create()), "StablecoinAuthorizationUsed", from, lane.nonce);
          });

          if (lane.nonce !== WIDE_NONCE) {
            it("reverts with StablecoinNonceOutOfWindow(64, 0) the first nonce beyond the window", async () => {
              await expectRefused(
                async () => send(await create({ nonce: toNonce(64n) })),
                "StablecoinNonceOutOfWindow",
                64n,
                0n,
              );
            });
          }
        });

        describe("ensures", () => {
          async function expectPaid(to: [Observed, bigint][], skipped: Payee[] = []): Promise<void> {
            const list: Payee[] = [...skipped];
            for (const [name, value] of to) list.push({ to: await world[name].getAddress(), value });
            const d = await create({}, list);
            const before = await observe(world);
            await send(d);
            const after = changed(before, (state) => {
              for (const [name, value] of to) move(state, account, name, value);
              lane.spend(state, account);
            });
            expect(await observe(world)).to.deep.equal(after);
            expect(await world.coin.authorizationState(from, lane.nonce)).to.equal(true);
          }

          it("pays every payee and spends the nonce", async () => {
            await expectPaid([
              ["payee", VALUE],
              ["spender", 2n],
              ["stranger", 3n],
            ]);
          });

          it("pays one payee, and the same one twice", async () => {
            await expectPaid([
              ["payee", 1n],
              ["payee", 2n],
            ]);
          });

          it("reads nothing behind the rows, whatever their padding holds", async () => {
            // Seven rows leave 28 bytes of padding: room for an eighth.
            const d = await create(
              {},
              Array.from({ length: 7 }, (): Payee => ({ to: world.payee.address, value: 1n })),
            );
            const signature = await signDisbursement(world, world.payer, d);
            const data = world.coin.interface.encodeFunctionData("disburse", [...toDisburseArguments(d), signature]);
            const rows = d.rows.slice(2);
            const dirty = data.replace(rows + "00".repeat(28), rows + "ff".repeat(28));
            expect(dirty).to.not.equal(data);
            const before = await observe(world);
            await world.relayer.sendTransaction({ to: world.coin.target, data: dirty });
            const after = changed(before, (state) => {
              move(state, account, "payee", 7n);
              lane.spend(state, account);
            });
            expect(await observe(world)).to.deep.equal(after);
          });

          it("pays 0", async () => expectPaid([["payee", 0n]]));

          it("pays the whole balance out", async () => {
            await expectPaid([
              ["payee", FUNDS - 1n],
              ["spender", 1n],
            ]);
          });

          it("pays all that is not frozen", async () => {
            await freeze(world, world[account], FUNDS - VALUE);
            await expectPaid([
              ["payee", VALUE - 1n],
              ["spender", 1n],
            ]);
          });

          it("pays a payee whose coins are partly frozen", async () => {
            await freeze(world, world.payee, FUNDS);
            await expectPaid([["payee", VALUE]]);
          });

          it("leaves what a payer pays to itself, between other payees", async () => {
            await expectPaid([
              ["payee", 1n],
              [account, FUNDS - 3n],
              ["spender", 2n],
            ]);
          });

          it("skips the payees that cannot be paid, pays the others and leaves the rest with the payer", async () => {
            await freeze(world, world.unpauser);
            await expectPaid(
              [["payee", VALUE]],
              [
                { to: ZeroAddress, value: 10n },
                { to: `${world.coin.target}`, value: 20n },
                { to: world.unpauser.address, value: 30n },
                { to: `${world.escrow.target}`, value: 40n },
              ],
            );
          });

          it("spends the nonce when no payee can be paid", async () => {
            await expectPaid([], [{ to: ZeroAddress, value: FUNDS }]);
          });

          it("goes on under all the other pause bits", async () => {
            await pause(world, 63n - PAUSE.authorization);
            await expectPaid([["payee", VALUE]]);
          });

          it("pays one second after validAfter and one second before validBefore", async () => {
            const time = (await now(world)) + 10n;
            const d = await create({ validAfter: time - 1n, validBefore: time + 1n });
            const signature = await signDisbursement(world, world.payer, d);
            await world.time.setNextBlockTimestamp(time);
            await submit(d, signature);
            expect(await world.coin.balanceOf(from)).to.equal(FUNDS - VALUE - 5n);
          });
        });

        describe("emits", () => {
          it("AuthorizationUsed, one Transfer for each row, Disbursed, in this order and nothing else", async () => {
            const d = await create();
            expect(await eventsOf(world, send(d))).to.deep.equal([
              ["AuthorizationUsed", from, d.nonce],
              ...payees().map(({ to, value }) => ["Transfer", from, to, value]),
              ["Disbursed", from, d.nonce, VALUE + 5n, VALUE + 5n],
            ]);
          });

          it("RowSkipped in the place of a row, by the first of its reasons", async () => {
            await freeze(world, world.unpauser);
            await join(world, world[account], 1n);
            await join(world, world.unpauser, 2n);
            await join(world, world.stranger, 2n);
            await world.registry.setAnswer(1n);
            await limitTravel(world, 50n);
            const [coin, escrow] = [`${world.coin.target}`, `${world.escrow.target}`];
            const d = await create({}, [
              { to: ZeroAddress, value: 1n },
              { to: coin, value: 2n },
              { to: world.payee.address, value: 4n },
              { to: world.unpauser.address, value: 50n },
              { to: escrow, value: 16n },
              { to: world.stranger.address, value: 50n },
              { to: world.stranger.address, value: 49n },
            ]);
            const skipped = (index: bigint, error: string) => {
              return ["RowSkipped", index, from, d.nonce, reasonOf(world, error)];
            };
            expect(await eventsOf(world, send(d))).to.deep.equal([
              ["AuthorizationUsed", from, d.nonce],
              skipped(0n, "ERC20InvalidReceiver"),
              skipped(1n, "ERC20InvalidReceiver"),
              ["Transfer", from, world.payee.address, 4n],
              skipped(3n, "StablecoinFrozen"),
              skipped(4n, "StablecoinEscrowRefusesCredit"),
              skipped(5n, "StablecoinAttestationMissing"),
              ["Transfer", from, world.stranger.address, 49n],
              ["Disbursed", from, d.nonce, 172n, 53n],
            ]);
          });
        });
      });
    }
  }

  describe("its size", () => {
    let world: World;

    beforeEach(async () => {
      world = await loadWorld();
    });

    const many = (count: number): Payee[] =>
      Array.from({ length: count }, (_, index) => ({
        to: `0x${(index + 1).toString(16).padStart(40, "5")}`,
        value: 1n,
      }));

    async function send(count: number): Promise<ContractTransactionResponse> {
      const d = await createDisbursement(world, many(count));
      expect(dataLength(d.rows)).to.equal(28 * count);
      const signature = await signDisbursement(world, world.payer, d);
      return world.coin
        .connect(world.relayer)
        .disburse(...toDisburseArguments(d), signature, { gasLimit: 16_777_216n });
    }

    it("reverts with StablecoinRowsTooMany(501, 500) one row above the limit", async () => {
      await expect(send(LIMIT + 1))
        .to.be.revertedWithCustomError(world.coin, "StablecoinRowsTooMany")
        .withArgs(501n, 500n);
    });

    it("pays 500 new payees in one transaction", async () => {
      const receipt = await (await send(LIMIT)).wait();
      expect(receipt?.logs.length).to.equal(LIMIT + 2);
      expect(await world.coin.balanceOf(world.payer)).to.equal(FUNDS - 500n);
    });
  });

  it("reverts with StablecoinEscrowRefusesDebit(escrow) when the payer is an escrow", async () => {
    const world = await loadWorld();
    const { coin, ethers, registrar } = world;
    const signing = await ethers.deployContract("CoinMockWallet", [world.payer.address]);
    await coin.connect(registrar).flagEscrow(signing);
    const from = await signing.getAddress();
    const d = await createDisbursement(world, [{ to: world.payee.address, value: 0n }], { from });
    await expect(coin.disburse(...toDisburseArguments(d), await signDisbursement(world, world.payer, d)))
      .to.be.revertedWithCustomError(coin, "StablecoinEscrowRefusesDebit")
      .withArgs(from);
  });

  it("pays an escrow that submits the disbursement itself", async () => {
    const world = await loadWorld();
    await fundEscrow(world, 1n);
    const d = await createDisbursement(world, [{ to: await world.escrow.getAddress(), value: VALUE }]);
    const signature = await signDisbursement(world, world.payer, d);
    await world.escrow.call(
      world.coin.interface.encodeFunctionData("disburse", [...toDisburseArguments(d), signature]),
    );
    expect(await world.coin.balanceOf(world.escrow)).to.equal(VALUE + 1n);
  });

  it("does not read a row out of call data behind the rows", async () => {
    const world = await loadWorld();
    const d = await createDisbursement(world, [{ to: world.payee.address, value: VALUE }]);
    const signature = await signDisbursement(world, world.payer, d);
    const { data } = await world.coin.disburse.populateTransaction(...toDisburseArguments(d), signature);
    await world.relayer.sendTransaction({ to: world.coin, data: concat([data, `0x${"ff".repeat(300)}`]) });
    expect(await world.coin.balanceOf(world.payer)).to.equal(FUNDS - VALUE);
  });
});
