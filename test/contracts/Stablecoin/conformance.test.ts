/**
 * EIP-3009, cell by cell: every behaviour of the list × every call in every encoding × every kind of signer. The cells are
 * generated from three tables, so that none can be missing; each is a test with all its error arguments.
 */
import { expect } from "chai";
import type { Signer } from "ethers";
import { ZeroAddress } from "ethers";
import {
  changed,
  delegate,
  eventsOf,
  FORM,
  freeze,
  FUNDS,
  join,
  limitTravel,
  loadWorld,
  MEMO,
  now,
  observe,
  pause,
  PAUSE,
  reasonOf,
  sign,
  type State,
  type Terms,
  toNonce,
  toVrs,
  VALUE,
  WIDE_NONCE,
  type World,
} from "../../support/coin.ts";
import { createPayment, type Encoding, PAYMENT_FORMS, type PaymentForm, type Sent } from "./signing.ts";

// ----------------------------------------------------------------------------------------------------- the signers

interface SignerKind {
  title: string;
  account: "payer" | "wallet";
  prepare(world: World): Promise<void>;
  /** Whose key signs for the account. */
  key(world: World): Signer;
}

const SIGNERS: SignerKind[] = [
  { title: "EOA", account: "payer", prepare: async () => {}, key: ({ payer }) => payer },
  { title: "ERC-1271 wallet", account: "wallet", prepare: async () => {}, key: ({ payer }) => payer },
  {
    title: "delegated EOA, signing plainly",
    account: "payer",
    prepare: (world) => delegate(world, world.payer.address, `${world.unflagged.target}`),
    key: ({ payer }) => payer,
  },
  {
    title: "delegated EOA, its delegate asked",
    account: "payer",
    prepare: async (world) => {
      const owned = await world.ethers.deployContract("CoinMockWallet", [world.spender.address]);
      await delegate(world, world.payer.address, `${owned.target}`);
    },
    key: ({ spender }) => spender,
  },
];

// --------------------------------------------------------------------------------------------------- one cell's world

/** A call under test with everything it needs; the terms are those of its account. */
interface Cell {
  world: World;
  form: PaymentForm;
  account: string;
  name: "payer" | "wallet";
  key: Signer;
  create(changes?: Partial<Terms>): Promise<Terms>;
  signed(terms: Terms, key?: Signer): Promise<string>;
  submit(terms: Terms, key?: Signer): Sent;
}

function createCell(world: World, form: PaymentForm, kind: SignerKind, account: string): Cell {
  const key = kind.key(world);
  const signed = (terms: Terms, signer = key) => sign(world, signer, form.type, terms);
  return {
    world,
    form,
    account,
    name: kind.account,
    key,
    create: (changes = {}) => createPayment(world, form, account, changes),
    signed,
    submit: async (terms, signer) => form.submit(world, terms, await signed(terms, signer)),
  };
}

/** Refused with exactly this error, as a revert or as a skipped row; nothing changes. */
async function expectRefused(
  { world, form, account }: Cell,
  terms: Terms,
  submit: () => Sent,
  error: string,
  ...args: unknown[]
): Promise<void> {
  const before = await observe(world);
  if (form.isRow) {
    const skipped = ["RowSkipped", 0n, account, terms.nonce, reasonOf(world, error)];
    expect(await eventsOf(world, submit())).to.deep.equal([skipped]);
  } else {
    await expect(submit())
      .to.be.revertedWithCustomError(world.coin, error)
      .withArgs(...args);
  }
  expect(await observe(world)).to.deep.equal(before);
}

/** Paid: the value moved, the nonce spent, the events in their order, and nothing else. */
async function expectPaid(cell: Cell, terms: Terms, spend: (state: State) => void): Promise<void> {
  const { world, form, account, name } = cell;
  const signature = await cell.signed(terms);
  const before = await observe(world);
  expect(await eventsOf(world, form.submit(world, terms, signature))).to.deep.equal([
    ["AuthorizationUsed", account, terms.nonce],
    ["Transfer", account, terms.to, terms.value],
    ...(form.call === "memo" ? [["Memo", MEMO]] : []),
  ]);
  const after = changed(before, (state) => {
    state.accounts[name].balance -= terms.value;
    state.accounts.payee.balance += terms.value;
    spend(state);
  });
  expect(await observe(world)).to.deep.equal(after);
  expect(await world.coin.authorizationState(account, terms.nonce)).to.equal(true);
}

async function cancel({ world, account, key }: Cell, nonce: string): Promise<void> {
  const signature = await sign(world, key, "CancelAuthorization", { authorizer: account, nonce });
  await world.coin[FORM.cancelBytes](account, nonce, signature);
}

// --------------------------------------------------------------------------------------------------- the behaviours

interface Behaviour {
  title: string;
  /** Where it can be met; everywhere without this. */
  applies?(form: PaymentForm): boolean;
  run(cell: Cell): Promise<void>;
}

const isPush = (form: PaymentForm) => form.call !== "receive";

/** Terms other than those submitted, one at a time. */
const WRONG: Partial<Record<keyof Terms, string | bigint>> = {
  from: `0x${"66".repeat(20)}`,
  to: `0x${"77".repeat(20)}`,
  value: VALUE + 1n,
  validAfter: 1n,
  validBefore: 2n ** 40n - 1n,
  nonce: toNonce(9n),
  memo: `0x${"4e".repeat(32)}`,
};

const BEHAVIOURS: Behaviour[] = [
  {
    title: "valid, window nonce: pays",
    run: async (cell) =>
      expectPaid(cell, await cell.create(), (state) => {
        state.accounts[cell.name].nonceBase = 1n;
      }),
  },
  {
    title: "valid, last nonce of the window: pays",
    run: async (cell) =>
      expectPaid(cell, await cell.create({ nonce: toNonce(63n) }), (state) => {
        state.accounts[cell.name].nonceWindow = 2n ** 63n;
      }),
  },
  {
    title: "valid, random nonce: pays",
    run: async (cell) =>
      expectPaid(cell, await cell.create({ nonce: WIDE_NONCE }), (state) => {
        if (cell.name === "payer") state.wideSpent = true;
      }),
  },
  {
    title: "window nonce ahead of the window: StablecoinNonceOutOfWindow(64, 0)",
    run: async (cell) => {
      const terms = await cell.create({ nonce: toNonce(64n) });
      await expectRefused(cell, terms, () => cell.submit(terms), "StablecoinNonceOutOfWindow", 64n, 0n);
    },
  },
  ...Object.entries(WRONG).map(([field, value]): Behaviour => {
    return {
      title: `wrong parameters, another ${field} signed: StablecoinSignatureInvalid(from)`,
      applies: (form) => field !== "memo" || form.call === "memo",
      run: async (cell) => {
        const terms = await cell.create();
        const signature = await cell.signed({ ...terms, [field]: value });
        const submit = () => cell.form.submit(cell.world, terms, signature);
        await expectRefused(cell, terms, submit, "StablecoinSignatureInvalid", cell.account);
      },
    };
  }),
  {
    title: "wrong parameters, another call's struct signed: StablecoinSignatureInvalid(from)",
    run: async (cell) => {
      const terms = await cell.create();
      const other = cell.form.call === "receive" ? "TransferWithAuthorization" : "ReceiveWithAuthorization";
      const signature = await sign(cell.world, cell.key, other, terms);
      const submit = () => cell.form.submit(cell.world, terms, signature);
      await expectRefused(cell, terms, submit, "StablecoinSignatureInvalid", cell.account);
    },
  },
  {
    title: "wrong key: StablecoinSignatureInvalid(from)",
    run: async (cell) => {
      const terms = await cell.create();
      const submit = () => cell.submit(terms, cell.world.stranger);
      await expectRefused(cell, terms, submit, "StablecoinSignatureInvalid", cell.account);
    },
  },
  {
    title: "not yet valid: StablecoinAuthorizationNotYetValid(validAfter, validAfter)",
    run: async (cell) => {
      const time = (await now(cell.world)) + 10n;
      const terms = await cell.create({ validAfter: time });
      const signature = await cell.signed(terms);
      await cell.world.time.setNextBlockTimestamp(time);
      const submit = () => cell.form.submit(cell.world, terms, signature);
      await expectRefused(cell, terms, submit, "StablecoinAuthorizationNotYetValid", time, time);
    },
  },
  {
    title: "expired: StablecoinAuthorizationExpired(validBefore, validBefore)",
    run: async (cell) => {
      const time = (await now(cell.world)) + 10n;
      const terms = await cell.create({ validBefore: time });
      const signature = await cell.signed(terms);
      await cell.world.time.setNextBlockTimestamp(time);
      const submit = () => cell.form.submit(cell.world, terms, signature);
      await expectRefused(cell, terms, submit, "StablecoinAuthorizationExpired", time, time);
    },
  },
  ...[toNonce(0n), toNonce(63n), WIDE_NONCE].map((nonce): Behaviour => {
    const lane = nonce === WIDE_NONCE ? "random nonce" : `window nonce ${BigInt(nonce)}`;
    return {
      title: `used, ${lane}: StablecoinAuthorizationUsed(from, nonce)`,
      run: async (cell) => {
        const terms = await cell.create({ nonce });
        await cell.submit(terms);
        await expectRefused(cell, terms, () => cell.submit(terms), "StablecoinAuthorizationUsed", cell.account, nonce);
      },
    };
  }),
  ...[toNonce(0n), toNonce(63n), WIDE_NONCE].map((nonce): Behaviour => {
    const lane = nonce === WIDE_NONCE ? "random nonce" : `window nonce ${BigInt(nonce)}`;
    return {
      title: `cancelled, ${lane}: StablecoinAuthorizationUsed(from, nonce)`,
      run: async (cell) => {
        const terms = await cell.create({ nonce });
        await cancel(cell, nonce);
        await expectRefused(cell, terms, () => cell.submit(terms), "StablecoinAuthorizationUsed", cell.account, nonce);
      },
    };
  }),
  {
    title: "skipped: StablecoinAuthorizationUsed(from, nonce)",
    run: async (cell) => {
      const { world, account, key } = cell;
      const terms = await cell.create();
      const skip = { account, newBase: 1n, deadline: 2n ** 40n };
      await world.coin[FORM.skipSigned](account, 1n, skip.deadline, await sign(world, key, "SkipNonces", skip));
      await expectRefused(cell, terms, () => cell.submit(terms), "StablecoinAuthorizationUsed", account, terms.nonce);
    },
  },
  {
    title: "bad transfer, one unit more than the balance: ERC20InsufficientBalance(from, balance, value)",
    run: async (cell) => {
      const terms = await cell.create({ value: FUNDS + 1n });
      const args = [cell.account, FUNDS, FUNDS + 1n];
      await expectRefused(cell, terms, () => cell.submit(terms), "ERC20InsufficientBalance", ...args);
    },
  },
  {
    title: "bad transfer, to zero: ERC20InvalidReceiver(0)",
    applies: isPush,
    run: async (cell) => {
      const terms = await cell.create({ to: ZeroAddress });
      await expectRefused(cell, terms, () => cell.submit(terms), "ERC20InvalidReceiver", ZeroAddress);
    },
  },
  {
    title: "bad transfer, to the coin: ERC20InvalidReceiver(coin)",
    applies: isPush,
    run: async (cell) => {
      const to = await cell.world.coin.getAddress();
      const terms = await cell.create({ to });
      await expectRefused(cell, terms, () => cell.submit(terms), "ERC20InvalidReceiver", to);
    },
  },
  {
    title: "bad transfer, to an escrow: StablecoinEscrowRefusesCredit(escrow)",
    applies: isPush,
    run: async (cell) => {
      const to = await cell.world.escrow.getAddress();
      const terms = await cell.create({ to });
      await expectRefused(cell, terms, () => cell.submit(terms), "StablecoinEscrowRefusesCredit", to);
    },
  },
  {
    title: "bad transfer, not attested between families: StablecoinAttestationMissing(from, to, value)",
    run: async (cell) => {
      const { world, account } = cell;
      await join(world, account, 1n);
      await join(world, world.payee, 2n);
      await limitTravel(world, VALUE);
      await world.registry.setAttestations(0n);
      const terms = await cell.create();
      const args = [account, world.payee.address, VALUE];
      await expectRefused(cell, terms, () => cell.submit(terms), "StablecoinAttestationMissing", ...args);
    },
  },
  {
    title: "submitted by somebody else than the payee: StablecoinCallerNotPayee(caller, payee)",
    applies: (form) => !isPush(form),
    run: async (cell) => {
      const { world } = cell;
      const terms = await cell.create({ to: world.spender.address });
      const args = [world.payee.address, world.spender.address];
      await expectRefused(cell, terms, () => cell.submit(terms), "StablecoinCallerNotPayee", ...args);
    },
  },
  {
    title: "paused: StablecoinPaused(2), the whole batch included",
    run: async (cell) => {
      const { world } = cell;
      const terms = await cell.create();
      await pause(world, PAUSE.authorization);
      const before = await observe(world);
      await expect(cell.submit(terms)).to.be.revertedWithCustomError(world.coin, "StablecoinPaused").withArgs(2n);
      expect(await observe(world)).to.deep.equal(before);
    },
  },
  {
    title: "all else paused: pays",
    run: async (cell) => {
      await pause(cell.world, 63n - PAUSE.authorization);
      await expectPaid(cell, await cell.create(), (state) => {
        state.accounts[cell.name].nonceBase = 1n;
      });
    },
  },
  {
    title: "payer frozen whole: StablecoinFrozen(from)",
    run: async (cell) => {
      await freeze(cell.world, cell.world[cell.name]);
      const terms = await cell.create();
      await expectRefused(cell, terms, () => cell.submit(terms), "StablecoinFrozen", cell.account);
    },
  },
  {
    title: "payer frozen in part: ERC20InsufficientUnfrozen(from, value - 1, value)",
    run: async (cell) => {
      await freeze(cell.world, cell.world[cell.name], FUNDS - VALUE + 1n);
      const terms = await cell.create();
      const args = [cell.account, VALUE - 1n, VALUE];
      await expectRefused(cell, terms, () => cell.submit(terms), "ERC20InsufficientUnfrozen", ...args);
    },
  },
  {
    title: "payee frozen whole: StablecoinFrozen(to)",
    run: async (cell) => {
      await freeze(cell.world, cell.world.payee);
      const terms = await cell.create();
      await expectRefused(cell, terms, () => cell.submit(terms), "StablecoinFrozen", cell.world.payee.address);
    },
  },
  {
    title: "payee frozen in part: pays",
    run: async (cell) => {
      await freeze(cell.world, cell.world.payee, FUNDS);
      await expectPaid(cell, await cell.create(), (state) => {
        state.accounts[cell.name].nonceBase = 1n;
      });
    },
  },
];

describe("EIP-3009 conformance", () => {
  for (const form of PAYMENT_FORMS) {
    for (const kind of SIGNERS) {
      describe(`${form.call} | ${form.encoding} | ${kind.title}`, () => {
        let cell: Cell;

        beforeEach(async () => {
          const world = await loadWorld();
          await kind.prepare(world);
          cell = createCell(world, form, kind, await world[kind.account].getAddress());
        });

        for (const { title, applies, run } of BEHAVIOURS) {
          if (applies === undefined || applies(form)) it(title, () => run(cell));
        }
      });
    }
  }
});

// ------------------------------------------------------------------------------------------------------- cancelling

interface CancelCell {
  world: World;
  authorizer: string;
  name: "payer" | "wallet";
  key: Signer;
  submit(nonce: string, signature: string): Sent;
  cancel(nonce: string, key?: Signer): Sent;
}

const CANCEL_ENCODINGS: Encoding[] = ["v, r, s", "bytes"];

async function expectCancelRefused(
  cell: CancelCell,
  sent: () => Sent,
  error: string,
  ...args: unknown[]
): Promise<void> {
  const before = await observe(cell.world);
  await expect(sent())
    .to.be.revertedWithCustomError(cell.world.coin, error)
    .withArgs(...args);
  expect(await observe(cell.world)).to.deep.equal(before);
}

async function expectCancelled(cell: CancelCell, nonce: string, spend: (state: State) => void): Promise<void> {
  const before = await observe(cell.world);
  const events = await eventsOf(cell.world, cell.cancel(nonce));
  expect(events).to.deep.equal([["AuthorizationCanceled", cell.authorizer, nonce]]);
  expect(await observe(cell.world)).to.deep.equal(changed(before, spend));
  expect(await cell.world.coin.authorizationState(cell.authorizer, nonce)).to.equal(true);
}

const spendFirst = (cell: CancelCell) => (state: State) => {
  state.accounts[cell.name].nonceBase = 1n;
};

const CANCEL_BEHAVIOURS: { title: string; run(cell: CancelCell): Promise<void> }[] = [
  { title: "valid, window nonce: spends it", run: (cell) => expectCancelled(cell, toNonce(0n), spendFirst(cell)) },
  {
    title: "valid, last nonce of the window: spends it",
    run: (cell) =>
      expectCancelled(cell, toNonce(63n), (state) => {
        state.accounts[cell.name].nonceWindow = 2n ** 63n;
      }),
  },
  {
    title: "valid, random nonce: spends it",
    run: (cell) =>
      expectCancelled(cell, WIDE_NONCE, (state) => {
        if (cell.name === "payer") state.wideSpent = true;
      }),
  },
  {
    title: "window nonce ahead of the window: StablecoinNonceOutOfWindow(64, 0)",
    run: (cell) => expectCancelRefused(cell, () => cell.cancel(toNonce(64n)), "StablecoinNonceOutOfWindow", 64n, 0n),
  },
  {
    title: "wrong parameters, another nonce signed: StablecoinSignatureInvalid(authorizer)",
    run: async (cell) => {
      const message = { authorizer: cell.authorizer, nonce: toNonce(1n) };
      const signature = await sign(cell.world, cell.key, "CancelAuthorization", message);
      const sent = () => cell.submit(toNonce(0n), signature);
      await expectCancelRefused(cell, sent, "StablecoinSignatureInvalid", cell.authorizer);
    },
  },
  {
    title: "wrong parameters, another authorizer signed: StablecoinSignatureInvalid(authorizer)",
    run: async (cell) => {
      const message = { authorizer: cell.world.payee.address, nonce: toNonce(0n) };
      const signature = await sign(cell.world, cell.key, "CancelAuthorization", message);
      const sent = () => cell.submit(toNonce(0n), signature);
      await expectCancelRefused(cell, sent, "StablecoinSignatureInvalid", cell.authorizer);
    },
  },
  {
    title: "wrong key: StablecoinSignatureInvalid(authorizer)",
    run: (cell) => {
      const sent = () => cell.cancel(toNonce(0n), cell.world.stranger);
      return expectCancelRefused(cell, sent, "StablecoinSignatureInvalid", cell.authorizer);
    },
  },
  ...[toNonce(0n), toNonce(63n), WIDE_NONCE].flatMap((nonce) => {
    const lane = nonce === WIDE_NONCE ? "random nonce" : `window nonce ${BigInt(nonce)}`;
    return [
      {
        title: `used, ${lane}: StablecoinAuthorizationUsed(authorizer, nonce)`,
        run: async (cell: CancelCell) => {
          const form = PAYMENT_FORMS[1] as PaymentForm;
          const terms = await createPayment(cell.world, form, cell.authorizer, { nonce });
          await form.submit(cell.world, terms, await sign(cell.world, cell.key, form.type, terms));
          const args = [cell.authorizer, nonce];
          await expectCancelRefused(cell, () => cell.cancel(nonce), "StablecoinAuthorizationUsed", ...args);
        },
      },
      {
        title: `cancelled, ${lane}: StablecoinAuthorizationUsed(authorizer, nonce)`,
        run: async (cell: CancelCell) => {
          await cell.cancel(nonce);
          const args = [cell.authorizer, nonce];
          await expectCancelRefused(cell, () => cell.cancel(nonce), "StablecoinAuthorizationUsed", ...args);
        },
      },
    ];
  }),
  {
    title: "everything paused: spends the nonce",
    run: async (cell) => {
      await pause(cell.world, 63n);
      await expectCancelled(cell, toNonce(0n), spendFirst(cell));
    },
  },
  {
    title: "authorizer frozen whole: spends the nonce",
    run: async (cell) => {
      await freeze(cell.world, cell.world[cell.name]);
      await expectCancelled(cell, toNonce(0n), spendFirst(cell));
    },
  },
];

describe("EIP-3009 conformance of cancelling", () => {
  for (const encoding of CANCEL_ENCODINGS) {
    for (const kind of SIGNERS) {
      describe(`cancel | ${encoding} | ${kind.title}`, () => {
        let cell: CancelCell;

        beforeEach(async () => {
          const world = await loadWorld();
          await kind.prepare(world);
          const authorizer = await world[kind.account].getAddress();
          const key = kind.key(world);
          const submit = (nonce: string, signature: string) => {
            const coin = world.coin.connect(world.relayer);
            if (encoding === "bytes") return coin[FORM.cancelBytes](authorizer, nonce, signature);
            return coin[FORM.cancelVrs](authorizer, nonce, ...toVrs(signature));
          };
          const cancelWith = async (nonce: string, signer = key) =>
            submit(nonce, await sign(world, signer, "CancelAuthorization", { authorizer, nonce }));
          cell = { world, authorizer, name: kind.account, key, submit, cancel: cancelWith };
        });

        for (const { title, run } of CANCEL_BEHAVIOURS) it(title, () => run(cell));
      });
    }
  }
});
