/**
 * The attacks of the project's list that concern a redemption, each as an ordinary test. What one function alone refuses is told
 * by that function's own file too; here stands the attack from its start to the moment where nothing was gained.
 */
import { expect } from "chai";
import type { BaseContract } from "ethers";
import { Signature, ZeroAddress, id } from "ethers";
import type { HostileWorld, OpenState, RedemptionWorld, StateName, Terms } from "../../../support/redemption.ts";
import {
  BANK_REFERENCE,
  CENT,
  DISPUTE_TERM,
  FUNDS,
  GROUNDS,
  LATER,
  OPEN_STATES,
  REASON,
  REDEEMED,
  STATE,
  burnedFrom,
  deployHostile,
  deployRedemption,
  expectAllOrNothing,
  freezeHolder,
  idOf,
  lock,
  reach,
  reachOpen,
  readRedemption,
  returnedFrom,
  signLock,
  signWish,
  statesExcept,
  stepOrder,
} from "../../../support/redemption.ts";
import type { OrderBend } from "../../../support/treasury.ts";
import { DELAY, ROLES, at, createLoader, mirrored, now, sendOrder } from "../../../support/treasury.ts";

const load = await createLoader(deployRedemption);
const loadHostile = await createLoader(deployHostile);

describe("RedemptionEscrow attacks by a coin", () => {
  let w: HostileWorld;

  beforeEach(async () => {
    w = await loadHostile();
  });

  describe("attack 1: the coin calls back into every function", () => {
    const order = {
      id: BANK_REFERENCE,
      state: 1n,
      reason: REASON,
      bankReference: BANK_REFERENCE,
      paid: true,
      ref: GROUNDS,
      deadline: LATER,
    };
    const callbacks: [string, () => Promise<unknown[]>][] = [
      ["lock", async () => [{ ...w.terms, salt: REASON }, await signLock(w)]],
      ["cancelBySig", async () => [w.id, LATER, "0x"]],
      ["cancel", async () => [w.id]],
      ["acceptBySig", async () => [order, w.agent.address, "0x"]],
      ["rejectBySig", async () => [order, w.agent.address, "0x"]],
      ["approveBySig", async () => [order, w.cosigner.address, "0x"]],
      ["markSentBySig", async () => [order, w.agent.address, "0x"]],
      ["confirmBySig", async () => [order, w.agent.address, "0x"]],
      ["dispute", async () => [w.id]],
      ["disputeBySig", async () => [w.id, LATER, "0x"]],
      ["resolveBySig", async () => [order, w.arbiter.address, "0x"]],
      ["reclaim", async () => [w.id]],
      ["burnPending", async () => [await w.coin.getAddress()]],
      ["withdrawCredit", async () => [await w.coin.getAddress(), w.holder.address, w.holder.address]],
    ];
    const calls: [string, StateName, () => Promise<unknown>][] = [
      ["lock", "none", () => lock(w)],
      ["reject", "locked", () => w.escrow.connect(w.agent).reject(w.id, REASON)],
      ["confirm", "sent", () => w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE)],
      ["resolve", "disputed", () => w.escrow.connect(w.arbiter).resolve(w.id, false, GROUNDS)],
    ];

    for (const [outer, state, call] of calls) {
      for (const [inner, args] of callbacks) {
        it(`attack 1: ${outer} answers ${inner} with EscrowReentered()`, async () => {
          await reach(w, state);
          const data = w.escrow.interface.encodeFunctionData(inner as "lock", (await args()) as never);
          await w.coin.setCallback(w.escrow, data);
          await call();
          expect(await w.coin.answer()).to.equal(w.escrow.interface.encodeErrorResult("EscrowReentered"));
        });
      }
    }

    for (const [inner, role, args] of [
      ["accept", ROLES.agent, []],
      ["reject", ROLES.agent, [REASON]],
      ["approve", ROLES.cosigner, []],
      ["markSent", ROLES.agent, [BANK_REFERENCE]],
      ["confirm", ROLES.agent, [BANK_REFERENCE]],
      ["resolve", ROLES.arbiter, [true, GROUNDS]],
    ] as const) {
      it(`attack 1: a coin that holds the role is answered EscrowReentered() by ${inner}`, async () => {
        await w.manager.grantRole(role, w.coin, 0);
        const data = w.escrow.interface.encodeFunctionData(inner as "accept", [w.id, ...args] as never);
        await w.coin.setCallback(w.escrow, data);
        await lock(w);
        expect(await w.coin.answer()).to.equal(w.escrow.interface.encodeErrorResult("EscrowReentered"));
      });
    }

    it("attack 1: lock reverts with EscrowReentered() when the coin passes the answer on", async () => {
      await w.coin.setCallback(w.escrow, w.escrow.interface.encodeFunctionData("reclaim", [w.id]));
      await w.coin.setPassing(true);
      await expect(lock(w)).to.be.revertedWithCustomError(w.escrow, "EscrowReentered").withArgs();
    });
  });

  for (const state of OPEN_STATES) {
    it(`attack 4: a payout from ${state} that fails is told and kept as a credit, and paid once the coin pays`, async () => {
      const deadline = await reachOpen(w, state);
      await w.coin.setRefusing(true);
      await at(w.connection, deadline);
      const coin = await w.coin.getAddress();
      await expect(w.escrow.connect(w.stranger).reclaim(w.id))
        .to.emit(w.escrow, "EscrowCredited")
        .withArgs(w.id, coin, w.holder.address, w.holder.address, REDEEMED);
      await w.coin.setRefusing(false);
      await w.escrow.connect(w.stranger).withdrawCredit(coin, w.holder, w.holder);
      expect(await w.coin.balanceOf(w.holder)).to.equal(FUNDS);
      expect(await w.escrow.held(coin)).to.equal(0n);
    });
  }

  describe("attack 5: the coin moves another amount than it was told", () => {
    for (const skew of [-1n, 1n]) {
      it(`attack 5: lock reverts with EscrowBalanceMismatch(coin, amount, amount + ${skew}) on the way in`, async () => {
        await w.coin.setSkew(skew);
        await expect(lock(w))
          .to.be.revertedWithCustomError(w.escrow, "EscrowBalanceMismatch")
          .withArgs(await w.coin.getAddress(), REDEEMED, REDEEMED + skew);
      });
    }

    const exits: [string, OpenState, () => Promise<unknown>][] = [
      [
        "reclaim",
        "locked",
        async () => {
          await at(w.connection, w.terms.acceptBy);
          return w.escrow.reclaim(w.id);
        },
      ],
      ["confirm", "sent", () => w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE)],
      ["resolve as paid", "disputed", () => w.escrow.connect(w.arbiter).resolve(w.id, true, GROUNDS)],
      ["resolve as not paid", "disputed", () => w.escrow.connect(w.arbiter).resolve(w.id, false, GROUNDS)],
    ];
    for (const [title, state, exit] of exits) {
      it(`attack 5: ${title} reverts with EscrowBalanceMismatch(coin, 0, 1) on the way out`, async () => {
        await reach(w, state);
        await w.coin.setSkew(1n);
        await expect(exit())
          .to.be.revertedWithCustomError(w.escrow, "EscrowBalanceMismatch")
          .withArgs(await w.coin.getAddress(), 0n, 1n);
        expect(await w.escrow.stateOf(w.id)).to.equal(STATE[state]);
      });
    }
  });
});

describe("RedemptionEscrow attacks by people", () => {
  let w: RedemptionWorld;
  /** Every step of the desk, the arbiter and the holder, as who may take it, in the state it starts from. */
  const steps: [string, OpenState, () => Promise<unknown>][] = [
    ["cancel", "locked", () => w.escrow.connect(w.holder).cancel(w.id)],
    ["accept", "locked", () => w.escrow.connect(w.agent).accept(w.id)],
    ["reject", "locked", () => w.escrow.connect(w.agent).reject(w.id, REASON)],
    ["approve", "accepted", () => w.escrow.connect(w.cosigner).approve(w.id)],
    ["reject", "accepted", () => w.escrow.connect(w.agent).reject(w.id, REASON)],
    ["markSent", "accepted", () => w.escrow.connect(w.agent).markSent(w.id, BANK_REFERENCE)],
    ["confirm", "sent", () => w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE)],
    ["dispute", "sent", () => w.escrow.connect(w.holder).dispute(w.id)],
    ["resolve as paid", "disputed", () => w.escrow.connect(w.arbiter).resolve(w.id, true, GROUNDS)],
    ["resolve as not paid", "disputed", () => w.escrow.connect(w.arbiter).resolve(w.id, false, GROUNDS)],
  ];
  /** The orders of the roles with the state each starts from. */
  const orders = [
    { type: "AcceptOrder", submit: "acceptBySig", restricted: "accept", signer: "agent", state: "locked", extra: {} },
    {
      type: "RejectOrder",
      submit: "rejectBySig",
      restricted: "reject",
      signer: "agent",
      state: "locked",
      extra: { state: STATE.locked, reason: REASON },
    },
    {
      type: "ApproveOrder",
      submit: "approveBySig",
      restricted: "approve",
      signer: "cosigner",
      state: "accepted",
      extra: {},
    },
    {
      type: "MarkSentOrder",
      submit: "markSentBySig",
      restricted: "markSent",
      signer: "agent",
      state: "accepted",
      extra: { bankReference: BANK_REFERENCE },
    },
    {
      type: "ConfirmOrder",
      submit: "confirmBySig",
      restricted: "confirm",
      signer: "agent",
      state: "sent",
      extra: { bankReference: BANK_REFERENCE },
    },
    {
      type: "ResolveOrder",
      submit: "resolveBySig",
      restricted: "resolve",
      signer: "arbiter",
      state: "disputed",
      extra: { paid: true, ref: GROUNDS },
    },
  ] as const;

  beforeEach(async () => {
    w = await load();
  });

  for (const [step, state, take] of steps) {
    it(`attack 2: ${step} from ${state} is taken all the same while the holder is frozen`, async () => {
      await reach(w, state);
      await freezeHolder(w);
      await take();
      expect(await w.escrow.creditOf(w.coin, w.holder, w.holder)).to.equal(0n);
      const open = await w.escrow.held(w.coin);
      expect(open + (await w.coin.balanceOf(w.holder)) + (FUNDS - (await w.coin.totalSupply()))).to.equal(FUNDS);
    });
  }

  it("attack 7: an amount of zero is refused with EscrowAmountOutOfBounds(0, 2^63 - 1)", async () => {
    await expect(lock(w, { ...w.terms, amount: 0n }))
      .to.be.revertedWithCustomError(w.escrow, "EscrowAmountOutOfBounds")
      .withArgs(0n, 2n ** 63n - 1n);
  });

  for (const [state, number] of statesExcept("none")) {
    it(`attack 10: the same terms are refused with RedemptionStateInvalid(id, ${number}) after they became ${state}`, async () => {
      await reach(w, state);
      const before = await readRedemption(w);
      await expect(lock(w)).to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid").withArgs(w.id, number);
      expect(await readRedemption(w)).to.deep.equal(before);
    });
  }

  it("attack 10: nobody squats an id: under the holder's id only the holder's own coins come in", async () => {
    const squatted = { ...w.terms, holder: w.stranger.address };
    await expect(w.escrow.connect(w.stranger).lock(squatted, await signLock(w, { terms: squatted, key: w.stranger })))
      .to.be.revertedWithCustomError(w.coin, "ERC20InsufficientBalance")
      .withArgs(w.stranger.address, 0n, REDEEMED);
    await lock(w);
    expect(await w.escrow.stateOf(w.id)).to.equal(STATE.locked);
  });

  const bends: [keyof Terms, (terms: Terms) => unknown][] = [
    ["coin", () => w.stranger.address],
    ["holder", () => w.stranger.address],
    ["amount", ({ amount }) => amount + CENT],
    ["payout", () => id("another bank account")],
    ["acceptBy", ({ acceptBy }) => acceptBy + 1n],
    ["payoutBy", ({ payoutBy }) => payoutBy + 1n],
    ["finalBy", ({ finalBy }) => finalBy + 1n],
    ["salt", () => id("another salt")],
  ];
  for (const [member, bend] of bends) {
    it(`attack 11: terms whose ${member} changed after signing take nothing in`, async () => {
      const terms = { ...w.terms, [member]: bend(w.terms) };
      const before = await readRedemption(w);
      const [contract, error, args] =
        member === "coin"
          ? ([w.escrow, "EscrowCoinUnknown", [w.stranger.address]] as const)
          : ([w.coin, "StablecoinSignatureInvalid", [terms.holder]] as const);
      await expect(w.escrow.lock(terms, await signLock(w)))
        .to.be.revertedWithCustomError(contract as BaseContract, error)
        .withArgs(...args);
      expect(await readRedemption(w)).to.deep.equal(before);
    });
  }

  for (const [step, state, take] of steps) {
    for (const offset of [-1n, 0n, 1n]) {
      it(`attack 13: at the deadline of ${state} + ${offset} exactly one of ${step} and reclaim acts`, async () => {
        const deadline = await reachOpen(w, state);
        const outcomes: boolean[] = [];
        for (const act of [take, () => w.escrow.connect(w.stranger).reclaim(w.id)]) {
          const snapshot = await w.connection.networkHelpers.takeSnapshot();
          await at(w.connection, deadline + offset);
          outcomes.push(
            await act().then(
              () => true,
              () => false,
            ),
          );
          await snapshot.restore();
        }
        expect(outcomes).to.deep.equal([offset < 0n, offset >= 0n]);
      });
    }
  }

  for (const member of ["acceptBy", "payoutBy", "finalBy"] as const) {
    it(`attack 14: ${member} left unset is refused`, async () => {
      const time = (await now(w.connection)) + 10n;
      const terms = { ...w.terms, [member]: 0n };
      const signature = await signLock(w, { terms });
      await at(w.connection, time);
      const refused = expect(w.escrow.lock(terms, signature)).to.be;
      if (member === "acceptBy") {
        await refused.revertedWithCustomError(w.escrow, "RedemptionDeadlinePassed").withArgs(0n, time);
      } else {
        await refused
          .revertedWithCustomError(w.escrow, "RedemptionDeadlinesUnordered")
          .withArgs(terms.acceptBy, terms.payoutBy, terms.finalBy);
      }
    });
  }

  for (const state of OPEN_STATES) {
    it(`attack 15: operator, arbiter and holder gone, a stranger ends it from ${state} and the holder is paid`, async () => {
      const deadline = await reachOpen(w, state);
      const before = await readRedemption(w);
      await at(w.connection, deadline);
      await w.escrow.connect(w.stranger).reclaim(w.id);
      expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, state));
    });
  }

  for (const { type, submit, restricted, signer, state, extra } of orders) {
    const specOf = () => stepOrder(() => w, { type, submit, extra, signer });
    const forged = async (bend: OrderBend) => {
      await reach(w, state);
      const before = await readRedemption(w);
      await expect(sendOrder(specOf(), bend))
        .to.be.revertedWithCustomError(w.escrow, "OrderSignatureInvalid")
        .withArgs(w[signer].address);
      expect(await readRedemption(w)).to.deep.equal(before);
    };

    it(`attack 18: ${submit} refuses an order of another chain`, () => forged({ domain: { chainId: 1n } }));

    it(`attack 18: ${submit} refuses an order of another escrow`, async () => {
      await forged({ domain: { verifyingContract: await w.treasury.getAddress() } });
    });

    it(`attack 18: ${submit} refuses what the owner of a contract wallet signed as itself`, async () => {
      await reach(w, state);
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w[signer]]);
      const { selector } = w.escrow.interface.getFunction(restricted as "accept");
      const claimed = await wallet.getAddress();
      await expect(sendOrder(specOf(), { claimed }))
        .to.be.revertedWithCustomError(w.escrow, "OrderNotPermitted")
        .withArgs(claimed, selector);
    });

    it(`attack 19: ${submit} refuses a mirrored signature`, () => forged({ forge: mirrored }));

    it(`attack 19: ${submit} refuses a compact signature`, () =>
      forged({ forge: (signature) => Signature.from(signature).compactSerialized }));

    it(`attack 19: ${submit} refuses the zero signer, even one with the role`, async () => {
      await reach(w, state);
      const role = { agent: ROLES.agent, cosigner: ROLES.cosigner, arbiter: ROLES.arbiter }[signer];
      await w.manager.grantRole(role, ZeroAddress, 0);
      await expect(sendOrder(specOf(), { claimed: ZeroAddress, forge: () => `0x${"00".repeat(65)}` }))
        .to.be.revertedWithCustomError(w.escrow, "OrderSignatureInvalid")
        .withArgs(ZeroAddress);
    });

    it(`attack 32: ${submit} refuses an order replayed, expired, of a role with a delay, of a revoked role`, async () => {
      await reach(w, state);
      const { selector } = w.escrow.interface.getFunction(restricted as "accept");
      const role = { agent: ROLES.agent, cosigner: ROLES.cosigner, arbiter: ROLES.arbiter }[signer];
      const deadline = (await now(w.connection)) + 1n;
      await at(w.connection, deadline + 1n);
      await expect(sendOrder(specOf(), { signed: { deadline } }))
        .to.be.revertedWithCustomError(w.escrow, "OrderExpired")
        .withArgs(deadline, deadline + 1n);
      for (const spoil of [
        () => w.manager.grantRole(role, w[signer], DELAY),
        () => w.manager.revokeRole(role, w[signer]),
      ]) {
        await spoil();
        await expect(sendOrder(specOf()))
          .to.be.revertedWithCustomError(w.escrow, "OrderNotPermitted")
          .withArgs(w[signer].address, selector);
      }
      await w.manager.grantRole(role, w[signer], 0);
      await sendOrder(specOf());
      const after = await readRedemption(w);
      const [error, reason] =
        submit === "approveBySig"
          ? (["RedemptionAlreadyApproved", w.cosigner.address] as const)
          : (["RedemptionStateInvalid", after.state] as const);
      await expect(sendOrder(specOf())).to.be.revertedWithCustomError(w.escrow, error).withArgs(w.id, reason);
      expect(await readRedemption(w)).to.deep.equal(after);
    });
  }

  it("attack 18: a wish to cancel moves no other redemption of the same holder", async () => {
    const twin = { ...w.terms, salt: id("salt 2") };
    await lock(w);
    await lock(w, twin);
    const twinId = await idOf(w.escrow, twin);
    await expect(w.escrow.cancelBySig(twinId, LATER, await signWish(w)))
      .to.be.revertedWithCustomError(w.escrow, "OrderSignatureInvalid")
      .withArgs(w.holder.address);
  });

  for (const paid of [true, false]) {
    it(`attack 25: starved gas is neither a credit nor a waiting burn when the arbiter says ${paid}`, async () => {
      await reach(w, "disputed");
      const before = await readRedemption(w);
      await expectAllOrNothing(w, {
        send: (gasLimit) => w.escrow.connect(w.arbiter).resolve(w.id, paid, GROUNDS, { gasLimit }),
        all: paid ? burnedFrom(before, "disputed") : returnedFrom(before, "disputed"),
      });
    });
  }

  it("attack 26: two redemptions equal but for their salt act only on themselves", async () => {
    const twin = { ...w.terms, salt: id("salt 2") };
    await lock(w, twin);
    const twinId = await idOf(w.escrow, twin);
    await reach(w, "disputed");
    await w.escrow.connect(w.arbiter).resolve(w.id, true, GROUNDS);
    expect(await w.escrow.stateOf(twinId)).to.equal(STATE.locked);
    await w.escrow.connect(w.holder).cancel(twinId);
    expect(await w.escrow.stateOf(w.id)).to.equal(STATE.burned);
    expect(await w.coin.balanceOf(w.holder)).to.equal(FUNDS - REDEEMED);
  });

  for (const [title, state, late] of [
    ["of the desk", "sent", () => w.escrow.connect(w.agent).confirm(w.id, BANK_REFERENCE)],
    ["of the arbiter", "disputed", () => w.escrow.connect(w.arbiter).resolve(w.id, true, GROUNDS)],
  ] as const) {
    it(`attack 27: a late confirmation ${title} burns nothing that was returned, with RedemptionStateInvalid(id, 5)`, async () => {
      const deadline = await reachOpen(w, state);
      await at(w.connection, deadline);
      await w.escrow.connect(w.stranger).reclaim(w.id);
      const before = await readRedemption(w);
      await expect(late())
        .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
        .withArgs(w.id, STATE.returned);
      expect(await readRedemption(w)).to.deep.equal(before);
    });

    it(`attack 27: nothing is returned that was confirmed ${title}, though its burn waits`, async () => {
      const deadline = await reachOpen(w, state);
      await w.coin.pause(8);
      await late();
      await at(w.connection, deadline);
      await expect(w.escrow.connect(w.stranger).reclaim(w.id))
        .to.be.revertedWithCustomError(w.escrow, "RedemptionStateInvalid")
        .withArgs(w.id, STATE.burned);
      expect(await w.escrow.toBurn(w.coin)).to.equal(REDEEMED);
    });
  }

  for (const state of OPEN_STATES) {
    it(`attack 28: no pause keeps a redemption that is ${state} from its exit at the deadline`, async () => {
      const deadline = await reachOpen(w, state);
      await w.coin.pause(63);
      await at(w.connection, deadline);
      const before = await readRedemption(w);
      await w.escrow.connect(w.stranger).reclaim(w.id);
      expect(await readRedemption(w)).to.deep.equal(returnedFrom(before, state));
    });
  }

  it("attack 28: no pause keeps the holder from cancelling or disputing in time", async () => {
    await w.coin.pause(61);
    await lock(w);
    await w.coin.pause(63);
    await w.escrow.connect(w.holder).cancel(w.id);
    await w.coin.unpause(63);
    const twin = { ...w.terms, salt: id("salt 2") };
    await lock(w, twin);
    const twinId = await idOf(w.escrow, twin);
    await w.escrow.connect(w.agent).accept(twinId);
    await w.escrow.connect(w.agent).markSent(twinId, BANK_REFERENCE);
    await w.coin.pause(63);
    await w.escrow.connect(w.holder).dispute(twinId);
    await at(w.connection, w.terms.finalBy + DISPUTE_TERM);
    await w.escrow.connect(w.stranger).reclaim(twinId);
    expect(await w.coin.balanceOf(w.holder)).to.equal(FUNDS);
  });

  it("attack 30: the zero address is refused as coin, as holder and in the list of coins", async () => {
    await expect(w.escrow.lock({ ...w.terms, coin: ZeroAddress }, "0x"))
      .to.be.revertedWithCustomError(w.escrow, "EscrowCoinUnknown")
      .withArgs(ZeroAddress);
    await expect(w.escrow.lock({ ...w.terms, holder: ZeroAddress }, await signLock(w)))
      .to.be.revertedWithCustomError(w.coin, "StablecoinSignatureInvalid")
      .withArgs(ZeroAddress);
    await expect(w.connection.ethers.deployContract("RedemptionEscrow", [w.manager, [w.coin, ZeroAddress]]))
      .to.be.revertedWithCustomError(w.escrow, "EscrowCoinInvalid")
      .withArgs(ZeroAddress);
    await expect(w.escrow.setSecondKeyLimit(ZeroAddress, 0n))
      .to.be.revertedWithCustomError(w.escrow, "EscrowCoinUnknown")
      .withArgs(ZeroAddress);
  });
});
