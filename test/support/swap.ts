/**
 * The world of the swap's tests: two coins, a maker with the one, a taker with the other, and a right quote; the same with coins that
 * misbehave or have a rule between accounts. Owns the typed structs of the swap as ethers wants them. Promises that `readSwap`
 * shows everything a step may touch, in both coins.
 */
import { expect } from "chai";
import type { ContractTransactionResponse, Signer, TypedDataDomain } from "ethers";
import { AbiCoder, TypedDataEncoder, id, keccak256 } from "ethers";
import type {
  AccessManager,
  ClaimMockCoin,
  FxSwap,
  HostileCoin,
  Stablecoin,
} from "../../types/ethers-contracts/index.js";
import type { AnyCoin } from "./claim.ts";
import { AUTHORIZATION, DAY, FUNDS, LATER, deployCoin, deployManager } from "./claim.ts";
import type { Account, Connection } from "./treasury.ts";
import { domainOf, fields, now } from "./treasury.ts";

export const SOLD = 1_234_567_891n;
export const BOUGHT = 9_500_000_007n;
/** The sides of a quote, as the nonces of the legs count them. */
export const SIDE = { maker: 1n, taker: 2n } as const;
export type Side = keyof typeof SIDE;
export const SIDES: readonly Side[] = ["maker", "taker"];

export const QUOTE_TYPES = {
  Quote: fields(
    "address maker,address taker,address sellCoin,uint256 sellAmount,address buyCoin,uint256 buyAmount,uint256 validBefore,bytes32 salt",
  ),
  CancelQuote: fields("bytes32 id,uint256 deadline"),
} as const;

export interface Quote {
  maker: string;
  taker: string;
  sellCoin: string;
  sellAmount: bigint;
  buyCoin: string;
  buyAmount: bigint;
  validBefore: bigint;
  salt: string;
}

export interface SwapWorld<Sell extends AnyCoin = Stablecoin, Buy extends AnyCoin = Stablecoin> {
  connection: Connection;
  manager: AccessManager;
  sell: Sell;
  buy: Buy;
  fx: FxSwap;
  admin: Account;
  maker: Account;
  taker: Account;
  relayer: Account;
  stranger: Account;
  quote: Quote;
  /** The id of `quote`. */
  id: string;
}
export type AnySwapWorld = SwapWorld<AnyCoin, AnyCoin>;

/** With two real coins: the maker sells dollars for quetzales. */
export async function deploySwap(connection: Connection): Promise<SwapWorld> {
  const manager = await deployManager(connection);
  const sell = await deployCoin(connection, { manager, name: "Remesa Dollar", symbol: "XUS" });
  const buy = await deployCoin(connection, { manager, name: "Remesa Quetzal", symbol: "XGT" });
  const w = await deployWorld(connection, { manager, sell, buy });
  await sell.flagEscrow(w.fx);
  await buy.flagEscrow(w.fx);
  return w;
}

/** With two coins that break their promises when told to. */
export async function deployHostileSwap(connection: Connection): Promise<SwapWorld<HostileCoin, HostileCoin>> {
  const deploy = async () => (await connection.ethers.deployContract("HostileCoin")) as unknown as HostileCoin;
  return deployWorld(connection, {
    manager: await deployManager(connection),
    sell: await deploy(),
    buy: await deploy(),
  });
}

/** With two coins that refuse payments between accounts that they are told about. */
export async function deployRuleSwap(connection: Connection): Promise<SwapWorld<ClaimMockCoin, ClaimMockCoin>> {
  const deploy = async () => (await connection.ethers.deployContract("ClaimMockCoin")) as unknown as ClaimMockCoin;
  return deployWorld(connection, {
    manager: await deployManager(connection),
    sell: await deploy(),
    buy: await deploy(),
  });
}

async function deployWorld<Sell extends AnyCoin, Buy extends AnyCoin>(
  connection: Connection,
  { manager, sell, buy }: { manager: AccessManager; sell: Sell; buy: Buy },
): Promise<SwapWorld<Sell, Buy>> {
  const { ethers } = connection;
  const signers = await ethers.getSigners();
  const [admin, maker, taker, relayer, stranger] = [0, 11, 12, 14, 15].map((index) => signers[index]!) as [
    Account,
    Account,
    Account,
    Account,
    Account,
  ];
  const fx = (await ethers.deployContract("FxSwap", [[sell, buy]])) as unknown as FxSwap;
  await sell.mint(maker, FUNDS);
  await buy.mint(taker, FUNDS);
  const quote: Quote = {
    maker: maker.address,
    taker: taker.address,
    sellCoin: await sell.getAddress(),
    sellAmount: SOLD,
    buyCoin: await buy.getAddress(),
    buyAmount: BOUGHT,
    validBefore: (await now(connection)) + DAY,
    salt: id("salt 1"),
  };
  const w = { connection, manager, sell, buy, fx, admin, maker, taker, relayer, stranger, quote };
  return { ...w, id: await idOf(fx, quote) };
}

/** The id as a wallet computes it, apart from the contract. */
export async function idOf(fx: FxSwap, quote: Quote): Promise<string> {
  const domain = await domainOf(fx, "Remesa Swap");
  return TypedDataEncoder.hash(domain, { Quote: QUOTE_TYPES.Quote }, quote);
}

/** The world with another quote. */
export async function withQuote<World extends AnySwapWorld>(w: World, changes: Partial<Quote>): Promise<World> {
  const quote = { ...w.quote, ...changes };
  return { ...w, quote, id: await idOf(w.fx, quote) };
}

/** The nonce of a leg as a wallet computes it, apart from the contract. */
export function legNonceOf(quoteId: string, side: Side): string {
  return keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "uint256"], [quoteId, SIDE[side]]));
}

/** What a party's authorization of its leg says. */
export async function legOf(w: AnySwapWorld, side: Side): Promise<Record<string, unknown>> {
  return {
    from: w.quote[side],
    to: await w.fx.getAddress(),
    value: side === "maker" ? w.quote.sellAmount : w.quote.buyAmount,
    validAfter: 0n,
    validBefore: w.quote.validBefore,
    nonce: legNonceOf(w.id, side),
  };
}

/** A party's one signature: the authorization of its leg in its coin, bent as told. */
export async function signLeg(
  w: AnySwapWorld,
  side: Side,
  { key = w[side] as Signer, changed = {} as Record<string, unknown>, domain = {} as TypedDataDomain } = {},
): Promise<string> {
  const [coin, name] = side === "maker" ? [w.sell, "Remesa Dollar"] : [w.buy, "Remesa Quetzal"];
  return key.signTypedData(
    { ...(await domainOf(coin, name!)), ...domain },
    { ReceiveWithAuthorization: AUTHORIZATION },
    { ...(await legOf(w, side)), ...changed },
  );
}

/** Carries the world's quote out. */
export async function swap(w: AnySwapWorld, options: { gasLimit?: bigint } = {}): Promise<ContractTransactionResponse> {
  const signatures = [await signLeg(w, "maker"), await signLeg(w, "taker")] as const;
  return w.fx.connect(w.relayer).swap(w.quote, ...signatures, options);
}

/** The maker's signed wish to withdraw the world's quote, bent as told. */
export async function signCancel(
  w: AnySwapWorld,
  { key = w.maker as Signer, message = {} as Record<string, unknown>, domain = {} as TypedDataDomain } = {},
): Promise<string> {
  return key.signTypedData(
    { ...(await domainOf(w.fx, "Remesa Swap")), ...domain },
    { CancelQuote: [...QUOTE_TYPES.CancelQuote] },
    { id: w.id, deadline: LATER, ...message },
  );
}

async function readCoin(w: AnySwapWorld, coin: AnyCoin) {
  return {
    maker: await coin.balanceOf(w.quote.maker),
    taker: await coin.balanceOf(w.quote.taker),
    relayer: await coin.balanceOf(w.relayer),
    stranger: await coin.balanceOf(w.stranger),
    fx: await coin.balanceOf(w.fx),
    held: await w.fx.held(coin),
    creditOfMaker: await w.fx.creditOf(coin, w.quote.taker, w.quote.maker),
    creditOfTaker: await w.fx.creditOf(coin, w.quote.maker, w.quote.taker),
  };
}

/** Everything a step may touch; a test compares before with after. */
export async function readSwap(w: AnySwapWorld) {
  return { used: await w.fx.quoteUsed(w.id), sell: await readCoin(w, w.sell), buy: await readCoin(w, w.buy) };
}

export type Reading = Awaited<ReturnType<typeof readSwap>>;

/** What a reading becomes when the quote is carried out. */
export function swappedFrom(before: Reading): Reading {
  return {
    used: true,
    sell: { ...before.sell, maker: before.sell.maker - SOLD, taker: before.sell.taker + SOLD },
    buy: { ...before.buy, maker: before.buy.maker + BOUGHT, taker: before.buy.taker - BOUGHT },
  };
}

/** Expects that a step that fails leaves everything as it was. */
export async function expectUntouched(w: AnySwapWorld, step: () => Promise<void>): Promise<void> {
  const before = await readSwap(w);
  await step();
  expect(await readSwap(w)).to.deep.equal(before);
}
