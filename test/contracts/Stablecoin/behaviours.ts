/**
 * The behaviours that every signed payment has in common, whatever its form: written once, run for each form, each lane
 * of nonces and each kind of signer. A single call shows a refusal by reverting, a row of `settle` by RowSkipped; either
 * way nothing may have changed. Runs nothing by itself.
 */
import { expect } from "chai";
import { type ContractTransactionResponse, type Signer, ZeroAddress } from "ethers";
import {
  changed,
  createTerms,
  delegate,
  ESCROW,
  eventsOf,
  FORM,
  FUNDS,
  freeze,
  loadWorld,
  MEMO,
  move,
  now,
  type Observed,
  observe,
  PAUSE,
  pause,
  reasonOf,
  type State,
  sign,
  type Terms,
  toNonce,
  VALUE,
  WIDE_NONCE,
  type World,
} from "../../support/coin.ts";

export interface Form {
  title: string;
  type: "TransferWithAuthorization" | "ReceiveWithAuthorization" | "TransferWithMemo";
  /** The payee has to be the caller. */
  isPull: boolean;
  /** A refusal is a skipped row. */
  isRow: boolean;
  submit(world: World, terms: Terms, signature: string): Promise<ContractTransactionResponse>;
}

interface Lane {
  title: string;
  nonce: string;
  /** A second nonce of the lane that is usable at the same time. */
  other: string;
  spend(state: State, account: Observed): void;
}

interface Kind {
  title: string;
  account: "payer" | "wallet";
  prepare(world: World): Promise<void>;
}

const LANES: Lane[] = [
  {
    title: "window nonce",
    nonce: toNonce(0n),
    other: toNonce(5n),
    spend: (state, account) => {
      state.accounts[account].nonceBase += 1n;
    },
  },
  {
    title: "bitmap nonce",
    nonce: WIDE_NONCE,
    other: toNonce(2n ** 40n),
    spend: (state, account) => {
      if (account === "payer") state.wideSpent = true;
    },
  },
];

const KINDS: Kind[] = [
  { title: "a plain account", account: "payer", prepare: async () => {} },
  { title: "a contract wallet", account: "wallet", prepare: async () => {} },
  {
    title: "a delegated account",
    account: "payer",
    prepare: (world) => delegate(world, world.payer.address, `${world.unflagged.target}`),
  },
];

/** Describes one form for all lanes and signers. */
export function describePayment(form: Form): void {
  for (const lane of LANES) {
    for (const kind of KINDS) {
      describe(`${form.title}, ${lane.title}, signed by ${kind.title}`, () => describeOne(form, lane, kind));
    }
  }
}

function describeOne(form: Form, lane: Lane, kind: Kind): void {
  let world: World;
  let account: string;

  beforeEach(async () => {
    world = await loadWorld();
    await kind.prepare(world);
    account = await world[kind.account].getAddress();
  });

  async function createForm(changes: Partial<Terms> = {}): Promise<Terms> {
    const memo = form.type === "TransferWithMemo" ? { memo: MEMO } : {};
    return createTerms(world, { from: account, nonce: lane.nonce, ...memo, ...changes });
  }

  async function submit(terms: Terms, signer: Signer = world.payer): Promise<ContractTransactionResponse> {
    return form.submit(world, terms, await sign(world, signer, form.type, terms));
  }

  async function expectRefused(
    sent: () => Promise<ContractTransactionResponse>,
    terms: Terms,
    error: string,
    ...args: unknown[]
  ): Promise<void> {
    const before = await observe(world);
    if (form.isRow) {
      const skipped = ["RowSkipped", 0n, terms.from, terms.nonce, reasonOf(world, error)];
      expect(await eventsOf(world, sent())).to.deep.equal([skipped]);
    } else {
      await expect(sent())
        .to.be.revertedWithCustomError(world.coin, error)
        .withArgs(...args);
    }
    expect(await observe(world)).to.deep.equal(before);
  }

  describe("requires", () => {
    it("refuses with StablecoinPaused(2) while authorizations are paused", async () => {
      const terms = await createForm();
      await pause(world, PAUSE.authorization);
      await expect(submit(terms)).to.be.revertedWithCustomError(world.coin, "StablecoinPaused").withArgs(2n);
    });

    it("refuses with StablecoinAuthorizationNotYetValid(t, t) at validAfter itself", async () => {
      const time = (await now(world)) + 10n;
      const terms = await createForm({ validAfter: time });
      await world.time.setNextBlockTimestamp(time);
      await expectRefused(() => submit(terms), terms, "StablecoinAuthorizationNotYetValid", time, time);
    });

    it("refuses with StablecoinAuthorizationExpired(t, t) at validBefore itself", async () => {
      const time = (await now(world)) + 10n;
      const terms = await createForm({ validBefore: time });
      await world.time.setNextBlockTimestamp(time);
      await expectRefused(() => submit(terms), terms, "StablecoinAuthorizationExpired", time, time);
    });

    for (const [field, value] of [
      ["to", `0x${"77".repeat(20)}`],
      ["value", VALUE + 1n],
      ["validAfter", 1n],
      ["validBefore", 2n ** 40n - 1n],
      ["nonce", lane.other],
      ...(form.type === "TransferWithMemo" ? [["memo", `0x${"4e".repeat(32)}`] as const] : []),
    ] as const) {
      if (form.isPull && field === "to") continue;
      it(`refuses with StablecoinSignatureInvalid(from) when another ${field} was signed`, async () => {
        const terms = await createForm();
        const signature = await sign(world, world.payer, form.type, { ...terms, [field]: value });
        await expectRefused(() => form.submit(world, terms, signature), terms, "StablecoinSignatureInvalid", account);
      });
    }

    it("refuses with StablecoinSignatureInvalid(from) when somebody else signed", async () => {
      const terms = await createForm();
      await expectRefused(() => submit(terms, world.stranger), terms, "StablecoinSignatureInvalid", account);
    });

    it("refuses with StablecoinSignatureInvalid(from) when another struct was signed", async () => {
      const terms = await createForm();
      const other = form.type === "ReceiveWithAuthorization" ? "TransferWithAuthorization" : "ReceiveWithAuthorization";
      const signature = await sign(world, world.payer, other, terms);
      const submitted = () => form.submit(world, terms, signature);
      await expectRefused(submitted, terms, "StablecoinSignatureInvalid", account);
    });

    it("refuses with StablecoinSignatureInvalid(from) when signed for another chain", async () => {
      const terms = await createForm();
      const domain = { ...world.domain, chainId: world.domain.chainId + 1n };
      const signature = await sign({ domain }, world.payer, form.type, terms);
      const submitted = () => form.submit(world, terms, signature);
      await expectRefused(submitted, terms, "StablecoinSignatureInvalid", account);
    });

    it("refuses with StablecoinFrozen(from) when the payer is frozen whole", async () => {
      await freeze(world, world[kind.account]);
      const terms = await createForm();
      await expectRefused(() => submit(terms), terms, "StablecoinFrozen", account);
    });

    it("refuses with ERC20InsufficientBalance(from, balance, balance + 1)", async () => {
      const terms = await createForm({ value: FUNDS + 1n });
      await expectRefused(() => submit(terms), terms, "ERC20InsufficientBalance", account, FUNDS, FUNDS + 1n);
    });

    it("refuses with ERC20InsufficientUnfrozen(from, value - 1, value) when one unit too many is frozen", async () => {
      await freeze(world, world[kind.account], FUNDS - VALUE + 1n);
      const terms = await createForm();
      await expectRefused(() => submit(terms), terms, "ERC20InsufficientUnfrozen", account, VALUE - 1n, VALUE);
    });

    if (!form.isPull) {
      it("refuses with ERC20InvalidReceiver(0) when the payee is zero", async () => {
        const terms = await createForm({ to: ZeroAddress });
        await expectRefused(() => submit(terms), terms, "ERC20InvalidReceiver", ZeroAddress);
      });

      it("refuses with ERC20InvalidReceiver(coin) when the payee is the coin", async () => {
        const coin = await world.coin.getAddress();
        const terms = await createForm({ to: coin });
        await expectRefused(() => submit(terms), terms, "ERC20InvalidReceiver", coin);
      });

      it("refuses with StablecoinEscrowRefusesCredit(escrow) when the payee is an escrow that does not pull", async () => {
        const escrow = await world.escrow.getAddress();
        const terms = await createForm({ to: escrow });
        await expectRefused(() => submit(terms), terms, "StablecoinEscrowRefusesCredit", escrow);
      });
    }

    it("refuses with StablecoinAuthorizationUsed(from, nonce) a second time", async () => {
      const terms = await createForm();
      await submit(terms);
      await expectRefused(() => submit(terms), terms, "StablecoinAuthorizationUsed", account, terms.nonce);
    });

    it("refuses with StablecoinAuthorizationUsed(from, nonce) other terms under a used nonce", async () => {
      await submit(await createForm());
      const terms = await createForm({ value: 1n });
      await expectRefused(() => submit(terms), terms, "StablecoinAuthorizationUsed", account, terms.nonce);
    });

    it("refuses with StablecoinAuthorizationUsed(from, nonce) after a cancellation", async () => {
      const terms = await createForm();
      const message = { authorizer: account, nonce: terms.nonce };
      const signature = await sign(world, world.payer, "CancelAuthorization", message);
      await world.coin.connect(world.relayer)[FORM.cancelBytes](account, terms.nonce, signature);
      await expectRefused(() => submit(terms), terms, "StablecoinAuthorizationUsed", account, terms.nonce);
    });

    if (lane.nonce !== WIDE_NONCE) {
      it("refuses with StablecoinNonceOutOfWindow(64, 0) the first nonce beyond the window", async () => {
        const terms = await createForm({ nonce: toNonce(64n) });
        await expectRefused(() => submit(terms), terms, "StablecoinNonceOutOfWindow", 64n, 0n);
      });
    }

    it("refuses with StablecoinFrozen(to) when the payee is frozen whole", async () => {
      await freeze(world, world.payee);
      const terms = await createForm();
      await expectRefused(() => submit(terms), terms, "StablecoinFrozen", world.payee.address);
    });
  });

  describe("ensures", () => {
    async function expectPaid(terms: Terms, to: Observed, spend: (state: State) => void): Promise<void> {
      const before = await observe(world);
      await submit(terms);
      const after = changed(before, (state) => {
        move(state, kind.account, to, terms.value);
        spend(state);
      });
      expect(await observe(world)).to.deep.equal(after);
      expect(await world.coin.authorizationState(account, terms.nonce)).to.equal(true);
    }
    const spend = (state: State) => lane.spend(state, kind.account);

    it("moves the value and spends the nonce", async () => {
      await expectPaid(await createForm(), "payee", spend);
    });

    it("moves a value of 0", async () => {
      await expectPaid(await createForm({ value: 0n }), "payee", spend);
    });

    it("moves the whole balance", async () => {
      await expectPaid(await createForm({ value: FUNDS }), "payee", spend);
    });

    it("moves all that is not frozen of the payer, into a payee whose coins are partly frozen", async () => {
      await freeze(world, world[kind.account], FUNDS - VALUE);
      await freeze(world, world.payee, FUNDS);
      await expectPaid(await createForm(), "payee", spend);
    });

    it("pays one second after validAfter and one second before validBefore", async () => {
      const time = (await now(world)) + 10n;
      const terms = await createForm({ validAfter: time - 1n, validBefore: time + 1n });
      await world.time.setNextBlockTimestamp(time);
      await expectPaid(terms, "payee", spend);
    });

    if (!form.isPull) {
      it("leaves the balance of a payer that pays itself and spends the nonce", async () => {
        await expectPaid(await createForm({ to: account }), kind.account, spend);
      });
    }

    if (lane.nonce !== WIDE_NONCE) {
      it("takes the last nonce of the window and leaves the base", async () => {
        const terms = await createForm({ nonce: toNonce(63n) });
        await expectPaid(terms, "payee", (state) => {
          state.accounts[kind.account].nonceWindow = 2n ** 63n;
        });
      });

      it("moves the base up over all nonces spent before it", async () => {
        for (const nonce of [1n, 2n, 4n]) await submit(await createForm({ nonce: toNonce(nonce) }));
        await expectPaid(await createForm(), "payee", (state) => {
          state.accounts[kind.account].nonceBase = 3n;
          state.accounts[kind.account].nonceWindow = 2n;
        });
      });
    } else {
      it("takes bitmap nonces in any order", async () => {
        await submit(await createForm({ nonce: lane.other }));
        await expectPaid(await createForm(), "payee", spend);
      });
    }
  });

  describe("emits", () => {
    it("AuthorizationUsed, Transfer and the memo, if any, in this order and nothing else", async () => {
      const terms = await createForm();
      expect(await eventsOf(world, submit(terms))).to.deep.equal([
        ["AuthorizationUsed", account, terms.nonce],
        ["Transfer", account, terms.to, terms.value],
        ...(terms.memo === undefined ? [] : [["Memo", terms.memo]]),
      ]);
    });

    it("one Transfer for a value of 0", async () => {
      const terms = await createForm({ value: 0n });
      const events = await eventsOf(world, submit(terms));
      expect(events.filter(([name]) => name === "Transfer")).to.deep.equal([["Transfer", account, terms.to, 0n]]);
    });
  });
}

/** A payer that is an escrow cannot sign coins away, even where its code says yes to everything. */
export function describeEscrowPayer(form: Form): void {
  it(`${form.title}: refuses with StablecoinEscrowRefusesDebit(escrow) when the payer is an escrow`, async () => {
    const world = await loadWorld();
    const { coin, ethers, registrar } = world;
    const signing = await ethers.deployContract("CoinMockWallet", [world.payer.address]);
    await coin.connect(registrar).flagEscrow(signing);
    const memo = form.type === "TransferWithMemo" ? { memo: MEMO } : {};
    const terms = await createTerms(world, { from: await signing.getAddress(), value: 0n, ...memo });
    const signature = await sign(world, world.payer, form.type, terms);
    if (form.isRow) {
      const reason = reasonOf(world, "StablecoinEscrowRefusesDebit");
      const events = await eventsOf(world, form.submit(world, terms, signature));
      expect(events).to.deep.equal([["RowSkipped", 0n, terms.from, terms.nonce, reason]]);
    } else {
      await expect(form.submit(world, terms, signature))
        .to.be.revertedWithCustomError(coin, "StablecoinEscrowRefusesDebit")
        .withArgs(terms.from);
    }
    expect((await coin.wordOf(signing)) >> 248n).to.equal(ESCROW);
  });
}
