/**
 * The world of the claim escrow's tests: a coin, a funded sender, a link's key, an attestor, and right terms; the same with a coin that
 * misbehaves and with one that has a rule between accounts. Owns the typed structs of the escrow as ethers wants them. Promises
 * that `exit` leaves by each way honestly and at its time, and that `readClaim` shows everything a step may touch.
 */
import { expect } from "chai";
import type { BaseContract, ContractTransactionResponse, Signer, TypedDataDomain } from "ethers";
import { MaxUint256, TypedDataEncoder, Wallet, ZeroAddress, id, keccak256, zeroPadValue } from "ethers";
import type {
  AccessManager,
  ClaimEscrow,
  ClaimMockCoin,
  HostileCoin,
  Stablecoin,
} from "../../types/ethers-contracts/index.js";
import type { Account, Connection } from "./treasury.ts";
import { DOLLAR, at, domainOf, fields, now } from "./treasury.ts";

export const STATE = { none: 0n, open: 1n, claimed: 2n, declined: 3n, cancelled: 4n, reclaimed: 5n } as const;
export type StateName = keyof typeof STATE;

/** Every way out of Open, and the state it ends in. */
export const EXITS = {
  claim: "claimed",
  decline: "declined",
  cancel: "cancelled",
  cancelBySig: "cancelled",
  reclaim: "reclaimed",
} as const;
export type ExitName = keyof typeof EXITS;
export const EXIT_NAMES = Object.keys(EXITS) as ExitName[];
/** The ways out that lead back to the sender. */
export const RETURNS = EXIT_NAMES.filter((name) => name !== "claim");

export const FUNDS = 10_000n * DOLLAR;
export const CLAIMED = 1_234_567_891n;
export const DAY = 86_400n;
export const LARGEST = 2n ** 63n - 1n;
/** The gas without which no payment is tried. */
export const GAS_FLOOR = 250_000n;
/** Far enough for every test. */
export const LATER = 4_000_000_000n;

export const CLAIM_TYPES = {
  Claim: fields(
    "address coin,address sender,uint256 amount,address linkKey,address attestor,bytes32 handle,uint256 cancelFrom,uint256 expiry,bytes32 salt",
  ),
  ClaimTo: fields("bytes32 id,address recipient,uint256 deadline"),
  AttestClaim: fields("bytes32 id,address recipient,uint256 deadline"),
  DeclineClaim: fields("bytes32 id,uint256 deadline"),
  CancelClaim: fields("bytes32 id,uint256 deadline"),
} as const;

export const AUTHORIZATION = fields(
  "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce",
);

export interface Terms {
  coin: string;
  sender: string;
  amount: bigint;
  linkKey: string;
  attestor: string;
  handle: string;
  cancelFrom: bigint;
  expiry: bigint;
  salt: string;
}

export interface ClaimOrder {
  id: string;
  recipient: string;
  deadline: bigint;
}

export type AnyCoin = Stablecoin | HostileCoin | ClaimMockCoin;

export interface ClaimWorld<Coin extends AnyCoin = Stablecoin> {
  connection: Connection;
  manager: AccessManager;
  coin: Coin;
  escrow: ClaimEscrow;
  admin: Account;
  sender: Account;
  recipient: Account;
  attestor: Account;
  relayer: Account;
  stranger: Account;
  /** The key inside the link: it has no account and no coins. */
  link: Wallet;
  terms: Terms;
  /** The id of `terms`. */
  id: string;
}
export type AnyClaimWorld = ClaimWorld<AnyCoin>;

/** With the real coin. */
export async function deployClaim(connection: Connection): Promise<ClaimWorld> {
  const manager = await deployManager(connection);
  const coin = await deployCoin(connection, { manager, name: "Remesa Dollar", symbol: "XUS" });
  const w = await deployWorld(connection, manager, coin);
  await coin.flagEscrow(w.escrow);
  return w;
}

/** With a coin that breaks its promises when told to. */
export async function deployHostile(connection: Connection): Promise<ClaimWorld<HostileCoin>> {
  const coin = (await connection.ethers.deployContract("HostileCoin")) as unknown as HostileCoin;
  return deployWorld(connection, await deployManager(connection), coin);
}

/** With a coin that refuses payments between accounts that it is told about. */
export async function deployRule(connection: Connection): Promise<ClaimWorld<ClaimMockCoin>> {
  const coin = (await connection.ethers.deployContract("ClaimMockCoin")) as unknown as ClaimMockCoin;
  return deployWorld(connection, await deployManager(connection), coin);
}

export async function deployManager({ ethers }: Connection): Promise<AccessManager> {
  const [admin] = await ethers.getSigners();
  return (await ethers.deployContract("AccessManager", [admin!.address])) as unknown as AccessManager;
}

/** A real coin that the administrator mints and rules. */
export async function deployCoin(
  { ethers }: Connection,
  { manager, name, symbol }: { manager: AccessManager; name: string; symbol: string },
): Promise<Stablecoin> {
  const [admin] = await ethers.getSigners();
  const coin = (await ethers.deployContract("Stablecoin", [manager, name, symbol, "1"])) as unknown as Stablecoin;
  await coin.setTreasury(admin!);
  return coin;
}

async function deployWorld<Coin extends AnyCoin>(
  connection: Connection,
  manager: AccessManager,
  coin: Coin,
): Promise<ClaimWorld<Coin>> {
  const { ethers } = connection;
  const signers = await ethers.getSigners();
  const [admin, sender, recipient, attestor, relayer, stranger] = [0, 11, 12, 13, 14, 15].map(
    (index) => signers[index]!,
  ) as [Account, Account, Account, Account, Account, Account];
  const escrow = (await ethers.deployContract("ClaimEscrow", [[coin]])) as unknown as ClaimEscrow;
  await coin.mint(sender, FUNDS);
  const link = new Wallet(id("the key inside the link"));
  const start = await now(connection);
  const terms: Terms = {
    coin: await coin.getAddress(),
    sender: sender.address,
    amount: CLAIMED,
    linkKey: link.address,
    attestor: attestor.address,
    handle: id("salted tag of a handle"),
    cancelFrom: start + DAY,
    expiry: start + 7n * DAY,
    salt: id("salt 1"),
  };
  const w = { connection, manager, coin, escrow, admin, sender, recipient, attestor, relayer, stranger, link, terms };
  return { ...w, id: await idOf(escrow, terms) };
}

/** The id as a wallet computes it, apart from the contract. */
export async function idOf(escrow: ClaimEscrow, terms: Terms): Promise<string> {
  const domain = await domainOf(escrow, "Remesa Claims");
  return TypedDataEncoder.hash(domain, { Claim: CLAIM_TYPES.Claim }, terms);
}

/** The sender's one signature: the coin's authorization whose nonce is the id of `terms`. */
export async function signOpen(
  w: AnyClaimWorld,
  { terms = w.terms, key = w.sender as Signer, changed = {} as Record<string, unknown>, domain = {} } = {},
): Promise<string> {
  return key.signTypedData(
    { ...(await domainOf(w.coin, "Remesa Dollar")), ...domain },
    { ReceiveWithAuthorization: AUTHORIZATION },
    {
      from: terms.sender,
      to: await w.escrow.getAddress(),
      value: terms.amount,
      validAfter: 0n,
      validBefore: terms.expiry,
      nonce: await idOf(w.escrow, terms),
      ...changed,
    },
  );
}

export async function open(w: AnyClaimWorld, terms: Terms = w.terms): Promise<ContractTransactionResponse> {
  return w.escrow.connect(w.relayer).open(terms, await signOpen(w, { terms }));
}

/** What a test may bend about a signature over one of the escrow's orders. */
export interface Bend {
  key?: Signer;
  message?: Record<string, unknown>;
  domain?: TypedDataDomain;
}

/** One of the escrow's orders over the world's claim, signed by whom it concerns, bent as told. */
export async function signStep(
  w: AnyClaimWorld,
  type: Exclude<keyof typeof CLAIM_TYPES, "Claim">,
  bend: Bend = {},
): Promise<string> {
  const key = { ClaimTo: w.link, AttestClaim: w.attestor, DeclineClaim: w.link, CancelClaim: w.sender }[type];
  const recipient = type === "ClaimTo" || type === "AttestClaim" ? { recipient: w.recipient.address } : {};
  return (bend.key ?? key).signTypedData(
    { ...(await domainOf(w.escrow, "Remesa Claims")), ...bend.domain },
    { [type]: [...CLAIM_TYPES[type]] },
    { id: w.id, ...recipient, deadline: LATER, ...bend.message },
  );
}

/** The link key's order to pay the world's claim to the recipient. */
export function orderOf(w: AnyClaimWorld, changes: Partial<ClaimOrder> = {}): ClaimOrder {
  return { id: w.id, recipient: w.recipient.address, deadline: LATER, ...changes };
}

/** Claims under an order that link and attestor both signed. */
export async function claim(
  w: AnyClaimWorld,
  { changes = {} as Partial<ClaimOrder>, caller = w.relayer as Signer } = {},
): Promise<ContractTransactionResponse> {
  const order = orderOf(w, changes);
  const message = { ...order };
  return w.escrow
    .connect(caller)
    .claim(order, await signStep(w, "ClaimTo", { message }), await signStep(w, "AttestClaim", { message }));
}

/** Leaves Open by one of its ways; `wait` false leaves the time as it is. */
export async function exit(
  w: AnyClaimWorld,
  name: ExitName,
  { wait = true, options = {} as { gasLimit?: bigint } } = {},
): Promise<ContractTransactionResponse> {
  const relay = w.escrow.connect(w.relayer);
  const order = orderOf(w);
  const signatures = name === "claim" ? [await signStep(w, "ClaimTo"), await signStep(w, "AttestClaim")] : ["0x", "0x"];
  const decline = name === "decline" ? await signStep(w, "DeclineClaim") : "0x";
  const cancel = name === "cancelBySig" ? await signStep(w, "CancelClaim") : "0x";
  if (wait) await waitFor(w, name);
  switch (name) {
    case "claim":
      return relay.claim(order, signatures[0]!, signatures[1]!, options);
    case "decline":
      return relay.decline(w.id, LATER, decline, options);
    case "cancel":
      return w.escrow.connect(w.sender).cancel(w.id, options);
    case "cancelBySig":
      return relay.cancelBySig(w.id, LATER, cancel, options);
    case "reclaim":
      return w.escrow.connect(w.stranger).reclaim(w.id, options);
  }
}

/** Makes the next block the first in which a way out is there, unless it is there already. */
export async function waitFor(w: AnyClaimWorld, name: ExitName): Promise<void> {
  const from = { claim: 0n, decline: 0n, cancel: w.terms.cancelFrom, cancelBySig: w.terms.cancelFrom };
  const time = name === "reclaim" ? w.terms.expiry : from[name];
  if ((await now(w.connection)) < time) await at(w.connection, time);
}

/** Who acts in a way out, and who gets the coins. */
export function rolesOf(w: AnyClaimWorld, name: ExitName): { actor: string; party: string; to: StateName } {
  const actor = {
    claim: w.link.address,
    decline: w.link.address,
    cancel: w.sender.address,
    cancelBySig: w.sender.address,
    reclaim: w.stranger.address,
  }[name];
  return { actor, party: name === "claim" ? w.recipient.address : w.sender.address, to: EXITS[name] };
}

/** Brings the world's claim into a state. */
export async function reach(w: AnyClaimWorld, state: StateName): Promise<void> {
  if (state === "none") return;
  await open(w);
  if (state === "open") return;
  await exit(w, EXIT_NAMES.find((name) => EXITS[name] === state)!);
}

/** All states but those given, with their numbers. */
export function statesExcept(...allowed: StateName[]): [StateName, bigint][] {
  return (Object.entries(STATE) as [StateName, bigint][]).filter(([name]) => !allowed.includes(name));
}

/** Everything a step may touch; a test compares before with after. */
export async function readClaim(w: AnyClaimWorld) {
  const [state, ...kept] = await w.escrow.claimOf(w.id);
  return {
    state,
    kept,
    sender: await w.coin.balanceOf(w.sender),
    recipient: await w.coin.balanceOf(w.recipient),
    link: await w.coin.balanceOf(w.link),
    attestor: await w.coin.balanceOf(w.attestor),
    relayer: await w.coin.balanceOf(w.relayer),
    stranger: await w.coin.balanceOf(w.stranger),
    escrow: await w.coin.balanceOf(w.escrow),
    held: await w.escrow.held(w.coin),
    creditOfRecipient: await w.escrow.creditOf(w.coin, w.sender, w.recipient),
    creditOfSender: await w.escrow.creditOf(w.coin, w.sender, w.sender),
  };
}

export type Reading = Awaited<ReturnType<typeof readClaim>>;

/** What a reading becomes when the claim is opened. */
export function openedFrom(before: Reading, { coin, sender, amount, linkKey, attestor, cancelFrom, expiry }: Terms) {
  return {
    ...before,
    state: STATE.open,
    kept: [coin, sender, amount, linkKey, attestor, cancelFrom, expiry],
    sender: before.sender - amount,
    escrow: before.escrow + amount,
    held: before.held + amount,
  };
}

/** What a reading becomes when the coins leave by a way out. */
export function paidFrom(before: Reading, name: ExitName): Reading {
  const party = name === "claim" ? "recipient" : "sender";
  return {
    ...before,
    state: STATE[EXITS[name]],
    [party]: before[party] + CLAIMED,
    escrow: before.escrow - CLAIMED,
    held: before.held - CLAIMED,
  };
}

/** What a reading becomes when the coin refuses to pay at a way out. */
export function creditedFrom(before: Reading, name: ExitName): Reading {
  const credit = name === "claim" ? "creditOfRecipient" : "creditOfSender";
  return { ...before, state: STATE[EXITS[name]], [credit]: before[credit] + CLAIMED };
}

/** Freezes an account whole in the coin. */
export async function freeze(coin: Stablecoin, account: string): Promise<void> {
  await coin.freeze(account, MaxUint256, id("case 1"), LATER);
}

/** Expects a revert with an error of `contract` and all its arguments. */
export async function expectRefused(
  sent: Promise<unknown>,
  contract: BaseContract,
  name: string,
  ...args: unknown[]
): Promise<void> {
  await expect(sent)
    .to.be.revertedWithCustomError(contract, name)
    .withArgs(...args);
}

/** A value of the same type that is not the one given. */
export function differing(type: string, value: unknown): unknown {
  if (type === "address")
    return value === ZeroAddress ? zeroPadValue("0x99", 20) : keccak256(value as string).slice(0, 42);
  if (type === "bytes32") return keccak256(value as string);
  return (value as bigint) + 1n;
}

/** Sends a step under every gas limit from too little to plenty: it changes nothing, or all that it should. */
export async function expectAllOrNothing<Seen>(
  connection: Connection,
  { send, read, all }: { send: (gasLimit: bigint) => Promise<unknown>; read: () => Promise<Seen>; all: Seen },
): Promise<void> {
  const nothing = await read();
  const outcomes = new Set<boolean>();
  for (let gasLimit = 30_000n; gasLimit <= 500_000n; gasLimit += 5_000n) {
    const snapshot = await connection.networkHelpers.takeSnapshot();
    const done = await send(gasLimit).then(
      () => true,
      () => false,
    );
    expect(await read(), `${gasLimit} gas`).to.deep.equal(done ? all : nothing);
    outcomes.add(done);
    await snapshot.restore();
  }
  expect(outcomes.size, "some limits suffice and some do not").to.equal(2);
}
