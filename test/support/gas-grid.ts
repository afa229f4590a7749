/**
 * What a signed payment costs in every combination of freeze, pause, recipient, nonce lane and signature. Owns a chain of its own, so that
 * addresses, signatures and with them the zero bytes of calldata are the same in every run; promises the whole transaction's gas as the
 * receipt says, the outcome beside it. Never compares: that is the golden test's.
 */
import { type BaseContract, type Interface, Wallet } from "ethers";
import { network } from "hardhat";
import type { AccessManager, CoinMockWallet, Stablecoin } from "../../types/ethers-contracts/index.js";
import {
  CASE,
  encodeRow,
  FORM,
  FUNDS,
  PAUSE,
  sign,
  type Terms,
  toArguments,
  toNonce,
  toVrs,
  VALUE,
  WHOLE,
} from "./coin.ts";

const FREEZES = { none: 0n, partial: 1n, whole: WHOLE } as const;
const PAUSES = { none: 0n, transfer: PAUSE.transfer, authorization: PAUSE.authorization } as const;
const RECIPIENTS = ["new", "existing"] as const;
/** The second window nonce, so that the account's nonces are in use; one of the bitmap as other wallets make them. */
const LANES = { window: toNonce(1n), bitmap: `0x${"b2".repeat(32)}` } as const;
const KINDS = ["v,r,s", "bytes", "compact row", "ERC-1271 bytes", "ERC-1271 row"] as const;
type Kind = (typeof KINDS)[number];

/** Fixed, since each byte of it is paid for: the last second that a settlement row can name. */
const VALID_BEFORE = 2n ** 40n - 1n;
/** A start of its own; the gas of no case depends on the time. */
const START = new Date("2026-01-01T00:00:00Z");
const GAS_LIMIT = 1_000_000n;

type Connection = Awaited<ReturnType<typeof network.create>>;
type Account = Awaited<ReturnType<Connection["ethers"]["getSigners"]>>[number];

interface Grid {
  readonly connection: Connection;
  readonly coin: Stablecoin;
  readonly wallet: string;
  readonly admin: Account;
  readonly payer: Account;
  readonly relayer: Account;
  readonly existing: string;
  readonly domain: { name: string; version: string; chainId: bigint; verifyingContract: string };
}

async function deploy(): Promise<Grid> {
  const connection = await network.create({
    override: { initialDate: START, throwOnTransactionFailures: false, allowBlocksWithSameTimestamp: true },
  });
  const { ethers } = connection;
  const [admin, payer, relayer, payee] = (await ethers.getSigners()) as [Account, Account, Account, Account];
  // One administrator does all that is set up here: no role has to be named.
  const manager = (await ethers.deployContract("AccessManager", [admin])) as unknown as AccessManager;
  const coin = (await ethers.deployContract("Stablecoin", [
    manager,
    "Remesa Dollar",
    "XUS",
    "1",
  ])) as unknown as Stablecoin;
  const wallet = (await ethers.deployContract("CoinMockWallet", [payer])) as unknown as CoinMockWallet;
  await coin.setTreasury(admin);
  for (const holder of [payer.address, await wallet.getAddress(), payee.address]) await coin.mint(holder, FUNDS);
  const domain = {
    name: "Remesa Dollar",
    version: "1",
    chainId: 31337n,
    verifyingContract: await coin.getAddress(),
  };
  const grid = {
    connection,
    coin,
    wallet: await wallet.getAddress(),
    admin,
    payer,
    relayer,
    existing: payee.address,
    domain,
  };
  for (const from of [payer.address, grid.wallet]) {
    const first = await encode(grid, from === payer.address ? "bytes" : "ERC-1271 bytes", toNonce(0n), payee.address);
    await relayer.sendTransaction({ to: coin, data: first, gasLimit: GAS_LIMIT });
    if (!(await coin.authorizationState(from, toNonce(0n)))) throw new Error(`${from} could not pay once`);
  }
  return grid;
}

/** The call data of one signed payment. */
async function encode(grid: Grid, kind: Kind, nonce: string, to: string): Promise<string> {
  const { coin, payer } = grid;
  const from = kind.startsWith("ERC-1271") ? grid.wallet : payer.address;
  const terms: Terms = { from, to, value: VALUE, validAfter: 0n, validBefore: VALID_BEFORE, nonce };
  const signature = await sign(grid, payer, "TransferWithAuthorization", terms);
  switch (kind) {
    case "v,r,s":
      return coin.interface.encodeFunctionData(FORM.transferVrs, [...toArguments(terms), ...toVrs(signature)]);
    case "bytes":
    case "ERC-1271 bytes":
      return coin.interface.encodeFunctionData(FORM.transferBytes, [...toArguments(terms), signature]);
    case "compact row":
      return coin.interface.encodeFunctionData("settle", [encodeRow({ ...terms, signature })]);
    case "ERC-1271 row":
      return coin.interface.encodeFunctionData("settle", [encodeRow({ ...terms, signature, long: true })]);
  }
}

/** The error's name and arguments that stand for revert data. */
function nameError(coin: BaseContract, data: string): string {
  return coin.interface.parseError(data)?.name ?? data;
}

/** `gas outcome` of one payment: settled, skipped with its reason, or refused with its error. */
async function measure(grid: Grid, kind: Kind, nonce: string, to: string): Promise<string> {
  const { coin, relayer, connection } = grid;
  const data = await encode(grid, kind, nonce, to);
  const target = await coin.getAddress();
  let refusal = "";
  try {
    await connection.ethers.provider.call({ from: relayer.address, to: target, data, gasLimit: GAS_LIMIT });
  } catch (error) {
    refusal = nameError(coin, (error as { data: string }).data);
  }
  const sent = await relayer.sendTransaction({ to: target, data, gasLimit: GAS_LIMIT });
  const receipt = await connection.ethers.provider.getTransactionReceipt(sent.hash);
  if (receipt === null) throw new Error("the payment was not mined");
  if ((receipt.status === 0) !== (refusal !== "")) throw new Error("the call and its transaction differ");
  const logs = receipt.logs.map((log) => coin.interface.parseLog(log));
  const skipped = logs.find((log) => log?.name === "RowSkipped");
  const outcome =
    refusal !== ""
      ? `refused ${refusal}`
      : skipped !== undefined
        ? `skipped ${nameSelector(coin.interface, String(skipped?.args["reason"]))}`
        : "settled";
  return `${receipt.gasUsed} ${outcome}`;
}

function nameSelector(face: Interface, selector: string): string {
  return face.getError(selector)?.name ?? selector;
}

/** Every combination, in the order of its name: `recipient | freeze | pause | lane | signature` → `gas outcome`. */
export async function measureGasGrid(): Promise<Record<string, string>> {
  const grid = await deploy();
  const { connection, coin, payer, wallet, existing } = grid;
  const { provider } = connection.ethers;
  // An address of its own that nothing on the chain has ever touched.
  const fresh = new Wallet(toNonce(7_777n)).address;
  const cases: Record<string, string> = {};
  for (const [freeze, amount] of Object.entries(FREEZES)) {
    for (const [pause, bits] of Object.entries(PAUSES)) {
      const before = await provider.send("evm_snapshot", []);
      for (const account of amount === 0n ? [] : [payer.address, wallet]) {
        await coin.freeze(account, amount, CASE, VALID_BEFORE);
      }
      if (bits !== 0n) await coin.pause(bits);
      for (const recipient of RECIPIENTS) {
        for (const [lane, nonce] of Object.entries(LANES)) {
          for (const kind of KINDS) {
            const ready = await provider.send("evm_snapshot", []);
            const name = [`to ${recipient}`, `freeze ${freeze}`, `pause ${pause}`, lane, kind].join(" | ");
            cases[name] = await measure(grid, kind, nonce, recipient === "new" ? fresh : existing);
            await provider.send("evm_revert", [ready]);
          }
        }
      }
      await provider.send("evm_revert", [before]);
    }
  }
  await connection.close();
  return cases;
}
