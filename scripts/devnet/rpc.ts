/**
 * The little a devnet asks the chain itself: who it is, and ether for the keys that pay gas. Owns the well-known test account of local
 * chains; never sends anything on a chain that is not a local one unless DEPLOYER_KEY says with whose money.
 */
import { createPublicClient, createWalletClient, http, parseAbiItem, parseEther, type PublicClient } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { type Address, type Hex, toLower, type Word } from "../../src/domain/hex.ts";
import { DevnetError } from "./folder.ts";

/** First account of the phrase "test test … junk", which Hardhat and anvil fund on every local chain. Public knowledge. */
const testAccountKey: Hex = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const localChainIds = [31_337, 1_337];
/** Ether for each key that sends transactions; less where the funding key has less to give. */
const mostGasMoney = parseEther("50");
const transferGas = 21_000n;

export interface ChainFacts {
  readonly id: number;
  readonly genesis: Hex;
}

export function connect(url: string): PublicClient {
  return createPublicClient({ transport: http(url, { timeout: 10_000, retryCount: 1 }), pollingInterval: 100 });
}

/** Who the chain at `url` is; throws DevnetError when nothing answers there. */
export async function readChain(url: string): Promise<ChainFacts> {
  try {
    const client = connect(url);
    const [id, genesis] = await Promise.all([client.getChainId(), client.getBlock({ blockNumber: 0n })]);
    return { id, genesis: genesis.hash };
  } catch {
    throw new DevnetError(`no chain answers at ${url}; start one there, or leave --chain none away`);
  }
}

/** Number of the newest block. */
export async function readHeight(url: string): Promise<number> {
  return Number(await connect(url).getBlockNumber({ cacheTime: 0 }));
}

/** Time of the newest block, Unix seconds: the clock that validity is judged by. */
export async function readBlockTime(url: string): Promise<number> {
  return Number((await connect(url).getBlock()).timestamp);
}

/** The key that deploys and funds. */
export function findDeployerKey(chainId: number): Hex {
  const given = process.env["DEPLOYER_KEY"];
  if (given !== undefined && /^0x[0-9a-fA-F]{64}$/.test(given)) return given.toLowerCase() as Hex;
  if (given !== undefined) throw new DevnetError("DEPLOYER_KEY is not a private key (0x and 64 hexadecimal digits)");
  if (localChainIds.includes(chainId)) return testAccountKey;
  throw new DevnetError(`chain ${chainId} has no test account: set DEPLOYER_KEY to a funded key`);
}

interface FundOptions {
  readonly url: string;
  readonly deployerKey: Hex;
  readonly accounts: readonly Address[];
}

/** Gives gas money to accounts that have less than half of it; the others are left alone, so repeating it costs nothing. */
export async function fund({ url, deployerKey, accounts }: FundOptions): Promise<void> {
  const client = connect(url);
  const account = privateKeyToAccount(deployerKey);
  const [own, ...balances] = await Promise.all(
    [toLower(account.address), ...accounts].map((address) => client.getBalance({ address })),
  );
  const share = (own ?? 0n) / BigInt(4 * accounts.length);
  const gasMoney = share < mostGasMoney ? share : mostGasMoney;
  const poor = accounts.filter((_, i) => (balances[i] ?? 0n) < gasMoney / 2n);
  if (poor.length === 0) return;
  const wallet = createWalletClient({ account, transport: http(url) });
  const [id, first, block] = await Promise.all([
    client.getChainId(),
    client.getTransactionCount({ address: account.address }),
    client.getBlock(),
  ]);
  const maxFeePerGas = (block.baseFeePerGas ?? 0n) * 2n + 1_000_000_000n;
  const hashes: Hex[] = [];
  for (const [i, to] of poor.entries()) {
    const fees = { maxFeePerGas, maxPriorityFeePerGas: 1_000_000_000n, gas: transferGas, nonce: first + i };
    const raw = await wallet.signTransaction({ ...fees, chain: null, chainId: id, to, value: gasMoney });
    hashes.push(await client.sendRawTransaction({ serializedTransaction: raw }));
  }
  for (const hash of hashes) await client.waitForTransactionReceipt({ hash, timeout: 60_000 });
}

/** Blocks per question: nodes bound the range of one. */
const logRange = 1_000n;

/** Every authorization of the coin used from block `from` on, as the chain's own logs tell. */
export async function readAuthorizations(options: {
  readonly url: string;
  readonly coin: Address;
  readonly from: number;
}): Promise<readonly { readonly authorizer: Address; readonly nonce: Word }[]> {
  const client = connect(options.url);
  const event = parseAbiItem("event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)");
  const last = await client.getBlockNumber({ cacheTime: 0 });
  const found: { authorizer: Address; nonce: Word }[] = [];
  for (let fromBlock = BigInt(options.from); fromBlock <= last; fromBlock += logRange) {
    const end = fromBlock + logRange - 1n;
    const toBlock = end < last ? end : last;
    const logs = await client.getLogs({ address: options.coin, event, fromBlock, toBlock, strict: true });
    for (const { args } of logs) found.push({ authorizer: toLower(args.authorizer), nonce: toLower(args.nonce) });
  }
  return found;
}
