/**
 * The world of the redemption escrow's tests: that of the Treasury, a funded holder, the escrow with its agent, and right terms.
 * Owns the typed structs of the escrow as ethers wants them. Promises that `reach` brings a redemption into a state by the
 * shortest honest way, and that `readRedemption` shows everything a step may touch.
 */
import { expect } from "chai";
import type { ContractTransactionResponse, Signer } from "ethers";
import { MaxUint256, TypedDataEncoder, id } from "ethers";
import type { HostileCoin, RedemptionEscrow, Stablecoin } from "../../types/ethers-contracts/index.js";
import type { Account, Connection, OrderSpec, TreasuryWorld } from "./treasury.ts";
import { DAY, DOLLAR, ROLES, TIER, assign, deployTreasury, domainOf, fields, now } from "./treasury.ts";

export const STATE = {
  none: 0n,
  locked: 1n,
  accepted: 2n,
  sent: 3n,
  burned: 4n,
  returned: 5n,
  disputed: 6n,
} as const;
export type StateName = keyof typeof STATE;

export const FUNDS = 10_000n * DOLLAR;
/** 1,234.56 dollars: whole cents. */
export const REDEEMED = 1_234_560_000n;
export const CENT = 10_000n;
/** How long after finalBy the arbiter may decide. */
export const DISPUTE_TERM = 15n * DAY;
export const REASON = id("reason: account closed");
export const GROUNDS = id("grounds: the bank's answer");
export const BANK_REFERENCE = id("bank reference 1");
/** The gas without which no payment is tried. */
export const GAS_FLOOR = 250_000n;
/** Far enough for every test. */
export const LATER = 4_000_000_000n;

export const REDEMPTION_TYPES = {
  Redemption: fields(
    "address coin,address holder,uint256 amount,bytes32 payout,uint256 acceptBy,uint256 payoutBy,uint256 finalBy,bytes32 salt",
  ),
  CancelRedemption: fields("bytes32 id,uint256 deadline"),
  DisputeRedemption: fields("bytes32 id,uint256 deadline"),
  AcceptOrder: fields("bytes32 id,uint256 deadline"),
  RejectOrder: fields("bytes32 id,uint8 state,bytes32 reason,uint256 deadline"),
  MarkSentOrder: fields("bytes32 id,bytes32 bankReference,uint256 deadline"),
  ConfirmOrder: fields("bytes32 id,bytes32 bankReference,uint256 deadline"),
  ApproveOrder: fields("bytes32 id,uint256 deadline"),
  ResolveOrder: fields("bytes32 id,bool paid,bytes32 ref,uint256 deadline"),
} as const;

const RECEIVE = fields("address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce");

export interface Terms {
  coin: string;
  holder: string;
  amount: bigint;
  payout: string;
  acceptBy: bigint;
  payoutBy: bigint;
  finalBy: bigint;
  salt: string;
}

export interface RedemptionWorld extends TreasuryWorld {
  escrow: RedemptionEscrow;
  agent: Account;
  holder: Account;
  /** The second key above the limit. */
  cosigner: Account;
  arbiter: Account;
  terms: Terms;
  /** The id of `terms`. */
  id: string;
}

/** As the ordinary world, but the escrow's coin is one that misbehaves when told to. */
export interface HostileWorld extends Omit<RedemptionWorld, "coin"> {
  coin: HostileCoin;
}

export async function deployRedemption(connection: Connection): Promise<RedemptionWorld> {
  const w = await deployTreasury(connection);
  const escrow = await deployEscrow(w, w.coin);
  await w.coin.flagEscrow(escrow);
  await assign(w.manager, { target: w.coin, functions: ["burn"], role: ROLES.burner });
  await w.manager.grantRole(ROLES.burner, escrow, 0);
  await w.treasury.setRedemptions(w.coin, escrow);
  const { holder, ...actors } = await outsiders(connection);
  await w.treasury.connect(w.dealer).mint(w.coin, id("funds"), holder, FUNDS);
  // closed and opened again, so that the dealer's bucket is full and does not move while a test compares
  await w.treasury.setDealer(w.dealer, 0n);
  await w.treasury.setDealer(w.dealer, TIER);
  const terms = await createTerms(w, { coin: await w.coin.getAddress(), holder: holder.address });
  return { ...w, escrow, ...actors, holder, terms, id: await idOf(escrow, terms) };
}

export async function deployHostile(connection: Connection): Promise<HostileWorld> {
  const w = await deployTreasury(connection);
  const coin = (await connection.ethers.deployContract("HostileCoin")) as unknown as HostileCoin;
  const escrow = await deployEscrow(w, coin);
  const { holder, ...actors } = await outsiders(connection);
  await coin.mint(holder, FUNDS);
  const terms = await createTerms(w, { coin: await coin.getAddress(), holder: holder.address });
  return { ...w, coin, escrow, ...actors, holder, terms, id: await idOf(escrow, terms) };
}

async function outsiders(
  connection: Connection,
): Promise<Record<"agent" | "holder" | "cosigner" | "arbiter", Account>> {
  const signers = await connection.ethers.getSigners();
  return { agent: signers[10]!, holder: signers[11]!, cosigner: signers[15]!, arbiter: signers[16]! };
}

async function deployEscrow(w: TreasuryWorld, coin: Stablecoin | HostileCoin): Promise<RedemptionEscrow> {
  const { ethers } = w.connection;
  const escrow = (await ethers.deployContract("RedemptionEscrow", [w.manager, [coin]])) as unknown as RedemptionEscrow;
  const functions = ["accept", "reject", "markSent", "confirm"];
  await assign(w.manager, { target: escrow, functions, role: ROLES.agent });
  await assign(w.manager, { target: escrow, functions: ["approve"], role: ROLES.cosigner });
  await assign(w.manager, { target: escrow, functions: ["resolve"], role: ROLES.arbiter });
  await assign(w.manager, { target: escrow, functions: ["setSecondKeyLimit"], role: ROLES.issuer });
  const { agent, cosigner, arbiter } = await outsiders(w.connection);
  await w.manager.grantRole(ROLES.agent, agent, 0);
  await w.manager.grantRole(ROLES.cosigner, cosigner, 0);
  await w.manager.grantRole(ROLES.arbiter, arbiter, 0);
  return escrow;
}

/** Terms with the default deadlines: one day, five days, fifteen days. */
async function createTerms(w: TreasuryWorld, { coin, holder }: { coin: string; holder: string }): Promise<Terms> {
  const start = await now(w.connection);
  return {
    coin,
    holder,
    amount: REDEEMED,
    payout: id("salted commitment to a bank account"),
    acceptBy: start + DAY,
    payoutBy: start + 5n * DAY,
    finalBy: start + 15n * DAY,
    salt: id("salt 1"),
  };
}

/** The id as a wallet computes it, apart from the contract. */
export async function idOf(escrow: RedemptionEscrow, terms: Terms): Promise<string> {
  const domain = await domainOf(escrow, "Remesa Redemption");
  return TypedDataEncoder.hash(domain, { Redemption: REDEMPTION_TYPES.Redemption }, terms);
}

/** The holder's one signature: the coin's authorization whose nonce is the id of `terms`. */
export async function signLock(
  w: RedemptionWorld | HostileWorld,
  { terms = w.terms, key = w.holder as Signer, changed = {} as Record<string, unknown> } = {},
): Promise<string> {
  const domain = await domainOf(w.coin, "Remesa Dollar");
  return key.signTypedData(
    domain,
    { ReceiveWithAuthorization: RECEIVE },
    {
      from: terms.holder,
      to: await w.escrow.getAddress(),
      value: terms.amount,
      validAfter: 0n,
      validBefore: terms.acceptBy,
      nonce: await idOf(w.escrow, terms),
      ...changed,
    },
  );
}

export async function lock(
  w: RedemptionWorld | HostileWorld,
  terms: Terms = w.terms,
): Promise<ContractTransactionResponse> {
  return w.escrow.connect(w.relayer).lock(terms, await signLock(w, { terms }));
}

/** Brings the world's redemption into a state. */
export async function reach(w: RedemptionWorld | HostileWorld, state: StateName): Promise<void> {
  if (state === "none") return;
  await lock(w);
  if (state === "locked") return;
  const desk = w.escrow.connect(w.agent);
  if (state === "returned") {
    await desk.reject(w.id, REASON);
    return;
  }
  await desk.accept(w.id);
  if (state === "accepted") return;
  await desk.markSent(w.id, BANK_REFERENCE);
  if (state === "sent") return;
  if (state === "disputed") {
    await w.escrow.connect(w.holder).dispute(w.id);
    return;
  }
  await desk.confirm(w.id, BANK_REFERENCE);
}

/** Brings the world's redemption into a state that has a deadline and gives that deadline. */
export async function reachOpen(w: RedemptionWorld | HostileWorld, state: OpenState): Promise<bigint> {
  await reach(w, state);
  const { acceptBy, payoutBy, finalBy } = w.terms;
  return { locked: acceptBy, accepted: payoutBy, sent: finalBy, disputed: finalBy + DISPUTE_TERM }[state];
}

export type OpenState = "locked" | "accepted" | "sent" | "disputed";
export const OPEN_STATES: readonly OpenState[] = ["locked", "accepted", "sent", "disputed"];

/** All states but those given, with their numbers, for the tests of a step that starts in the others. */
export function statesExcept(...allowed: StateName[]): [StateName, bigint][] {
  return (Object.entries(STATE) as [StateName, bigint][]).filter(([name]) => !allowed.includes(name));
}

/** Everything a step may touch; a test compares before with after. */
export async function readRedemption(w: RedemptionWorld | HostileWorld) {
  const [locked, accepted, sent, disputed] = await w.escrow.pending(w.coin);
  return {
    state: await w.escrow.stateOf(w.id),
    holder: await w.coin.balanceOf(w.holder),
    escrow: await w.coin.balanceOf(w.escrow),
    relayer: await w.coin.balanceOf(w.relayer),
    agent: await w.coin.balanceOf(w.agent),
    supply: await w.coin.totalSupply(),
    held: await w.escrow.held(w.coin),
    credit: await w.escrow.creditOf(w.coin, w.holder, w.holder),
    locked,
    accepted,
    sent,
    disputed,
    approver: await w.escrow.approverOf(w.id),
    limit: await w.escrow.secondKeyLimitOf(w.coin),
    toBurn: await w.escrow.toBurn(w.coin),
  };
}

export type Reading = Awaited<ReturnType<typeof readRedemption>>;

/** What a reading becomes when the coins go back to the holder. */
export function returnedFrom(before: Reading, open: OpenState): Reading {
  return {
    ...before,
    state: STATE.returned,
    holder: before.holder + REDEEMED,
    escrow: before.escrow - REDEEMED,
    held: before.held - REDEEMED,
    [open]: before[open] - REDEEMED,
  };
}

/** What a reading becomes when the coins are burned. */
export function burnedFrom(before: Reading, open: OpenState): Reading {
  return {
    ...before,
    state: STATE.burned,
    escrow: before.escrow - REDEEMED,
    supply: before.supply - REDEEMED,
    held: before.held - REDEEMED,
    [open]: before[open] - REDEEMED,
  };
}

/** A role's order for a step, the agent's if nobody else is named, ready for the behaviours that all orders share. */
export function stepOrder(
  world: () => RedemptionWorld,
  {
    type,
    submit,
    extra = {},
    signer = "agent",
  }: {
    type: keyof typeof REDEMPTION_TYPES;
    submit: string;
    extra?: Record<string, unknown>;
    signer?: "agent" | "cosigner" | "arbiter";
  },
): OrderSpec<RedemptionWorld> {
  return {
    world,
    target: ({ escrow }) => escrow,
    domainName: "Remesa Redemption",
    type,
    members: REDEMPTION_TYPES[type],
    signer: (w) => w[signer],
    order: async (w) => ({ id: w.id, ...extra, deadline: LATER }),
    submit,
  };
}

/** The holder's signed wish to take the redemption back, or to dispute it. */
export async function signWish(
  w: RedemptionWorld,
  {
    type = "CancelRedemption" as "CancelRedemption" | "DisputeRedemption",
    deadline = LATER,
    key = w.holder as Signer,
    redemption = w.id,
    chainId = 31337n,
  } = {},
): Promise<string> {
  const domain = { ...(await domainOf(w.escrow, "Remesa Redemption")), chainId };
  return key.signTypedData(domain, { [type]: [...REDEMPTION_TYPES[type]] }, { id: redemption, deadline });
}

/** Freezes the holder whole in the coin. */
export async function freezeHolder(w: RedemptionWorld): Promise<void> {
  await w.coin.freeze(w.holder, MaxUint256, id("case 1"), LATER);
}

/** Sends a step under every gas limit from too little to plenty: it changes nothing, or all that it should. */
export async function expectAllOrNothing(
  w: RedemptionWorld,
  { send, all }: { send: (gasLimit: bigint) => Promise<unknown>; all: Reading },
): Promise<void> {
  const nothing = await readRedemption(w);
  const outcomes = new Set<boolean>();
  for (let gasLimit = 30_000n; gasLimit <= 500_000n; gasLimit += 5_000n) {
    const snapshot = await w.connection.networkHelpers.takeSnapshot();
    const done = await send(gasLimit).then(
      () => true,
      () => false,
    );
    expect(await readRedemption(w), `${gasLimit} gas`).to.deep.equal(done ? all : nothing);
    outcomes.add(done);
    await snapshot.restore();
  }
  expect(outcomes.size, "some limits suffice and some do not").to.equal(2);
}
