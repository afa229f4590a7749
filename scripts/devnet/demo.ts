/**
 * The demo of a devnet: attested reserves in both coins, opening deposits, a wallet operator for each person, a few payments between them. A
 * client of the node like any other. Promises that playing it again on the same network does nothing twice: every step is known by its key, its deposit or its nonce.
 */
import { id as hashText, Wallet } from "ethers";
import type { Credentials } from "../../src/config.ts";
import { type Address, toLower, toWord, type Word } from "../../src/domain/hex.ts";
import { type Client, createClient, ProblemError } from "../../src/http/client.ts";
import { fetchNetwork, type Living, type Network, persist, waitUntilEnded } from "../session.ts";
import { toDepositId } from "../payments/deposits.ts";
import { signStruct, type Struct } from "../payments/parties.ts";
import { readBlockTime } from "./rpc.ts";
import { signTransfer } from "./wallet.ts";

/** What the devnet's bank says it holds: far above the deposits, so that the faucet has room. */
const reserves = 5_000_000_000_000n;
/** By coin and place in the credentials: dollars for both, quetzals for Luis in Guatemala. */
const openingBalances: readonly (readonly bigint[])[] = [
  [12_500_000_000n, 800_000_000n],
  [0n, 6_200_000_000n],
];
/** Whose customer each is, by place in the credentials: the operators that a devnet's deployment registers, in its order. */
const operators = [
  { vasp: 1, key: "norte" },
  { vasp: 2, key: "sur" },
] as const;
/** Payer, payee by place in the credentials; base units. */
const payments = [
  { from: 0, to: 1, value: 200_000_000n, reference: "for the family" },
  { from: 0, to: 1, value: 45_500_000n, reference: "school books" },
  { from: 1, to: 0, value: 12_250_000n, reference: "coffee from Huehuetenango" },
] as const;
const patienceSeconds = 30;
const validSeconds = 3_600;

export interface DemoOptions {
  readonly credentials: Credentials;
  readonly rpcUrl: string;
}

/** The devnet's operator as a client. */
export function createOperator(credentials: Credentials): Client {
  const operator = credentials.apiKeys.find((apiKey) => apiKey.role === "operator");
  return createClient({ url: credentials.url, ...(operator === undefined ? {} : { key: operator.key }) });
}

async function finish(client: Client, path: string): Promise<void> {
  const ended = await waitUntilEnded<Living>(client, { path, waitSeconds: 60, patienceSeconds });
  if (ended.state !== "settled")
    throw new Error(`the demo stopped: ${path} is ${ended.state} (${ended.reason ?? "no reason"})`);
}

interface Request {
  readonly path: string;
  readonly body: unknown;
  readonly key: string;
}

/** Places a request and waits until it is settled. */
async function place(client: Client, { path, body, key }: Request): Promise<void> {
  const placed = await persist(() => client.post<Living>(path, body, { idempotencyKey: key }), { patienceSeconds });
  await finish(client, `${path}/${placed.id}`);
}

async function pay(client: Client, network: Network, options: DemoOptions): Promise<void> {
  const { wallets } = options.credentials;
  const coin = network.coins[0];
  if (coin === undefined) return;
  const validBefore = (await readBlockTime(options.rpcUrl)) + validSeconds;
  const spent = new Map<number, bigint>();
  const placed = [];
  for (const { from, to, value, reference } of payments) {
    const payer = wallets[from];
    const payee = wallets[to];
    if (payer === undefined || payee === undefined) continue;
    const nonce: Word = toWord(spent.get(from) ?? 0n);
    spent.set(from, (spent.get(from) ?? 0n) + 1n);
    const wish = { chainId: network.chainId, coin, payer, to: payee.address, value, validBefore, nonce, reference };
    const body = await signTransfer(wish);
    try {
      placed.push(await persist(() => client.post<Living>("/v1/transfers", body), { patienceSeconds }));
    } catch (error) {
      // An earlier run of the demo paid under this nonce.
      if (!(error instanceof ProblemError) || !["nonce_used", "nonce_in_use"].includes(error.code)) throw error;
    }
  }
  for (const { id } of placed) await finish(client, `/v1/transfers/${id}`);
}

/** Attested reserves and an open mint switch: what every deposit needs. */
export async function openReserves(client: Client, coin: Address): Promise<void> {
  const attested = { coin, amount: reserves.toString(), reportHash: "devnet opening statement" };
  await Promise.all([
    place(client, {
      path: "/v1/orders",
      body: { kind: "minting", order: { coin, enabled: true } },
      key: `devnet-minting-${coin}`,
    }),
    place(client, { path: "/v1/orders", body: { kind: "attest", order: attested }, key: `devnet-reserves-${coin}` }),
  ]);
}

export interface OpeningDeposit {
  readonly coin: Address;
  readonly name: string;
  readonly to: Address;
  /** Base units. */
  readonly amount: bigint;
}

/** Mints a wallet's opening balance; the same name is the same deposit. */
export async function deposit(client: Client, { coin, name, to, amount }: OpeningDeposit): Promise<void> {
  const evidence = { account: "DEVNET-BANK", reference: `opening deposit of ${name}, ${coin}` };
  const depositId = toDepositId({ account: evidence.account, entry: evidence.reference });
  const body = { coin, depositId, to, amount: amount.toString(), evidence };
  await place(client, { path: "/v1/deposits", body, key: `devnet-deposit-${name}-${coin}` });
}

/** Makes each person a customer of an operator. Both sign; a person who is one already is left alone. */
async function joinOperators(client: Client, network: Network, { credentials, rpcUrl }: DemoOptions): Promise<void> {
  const deadline = (await readBlockTime(rpcUrl)) + validSeconds;
  await Promise.all(
    operators.map(async ({ vasp, key }, place) => {
      const person = credentials.wallets[place];
      const operator = credentials.roles[key];
      if (person === undefined || operator === undefined) return;
      const account = person.address;
      const known = await client.get<{ coins: { vasp: number | null }[] }>(`/v1/accounts/${account}`);
      if (known.coins[0]?.vasp === vasp) return;
      const joinId = toLower(hashText(`devnet joins ${account} ${vasp}`));
      const struct: Struct = { primaryType: "JoinVasp", message: { account, vasp, joinId, deadline } };
      const [wallet, signer] = [new Wallet(person.privateKey), new Wallet(operator)];
      const body = {
        account,
        joinId,
        deadline,
        signature: await signStruct(network, wallet, struct),
        signer: signer.address,
        signerSignature: await signStruct(network, signer, struct),
      };
      const joining = await persist(() => client.post<Living>(`/v1/vasps/${vasp}/members`, body), { patienceSeconds });
      await finish(client, `/v1/memberships/${joining.id}`);
    }),
  );
}

export async function playDemo(options: DemoOptions): Promise<void> {
  const client = createOperator(options.credentials);
  const network = await persist(() => fetchNetwork(client), { patienceSeconds });
  const { wallets } = options.credentials;
  await Promise.all([
    joinOperators(client, network, options),
    ...network.coins.map(async ({ address: coin }, place) => {
      await openReserves(client, coin);
      const amountOf = (person: number) => openingBalances[place]?.[person] ?? 0n;
      const opened = wallets.map(({ name, address }, person) => ({
        coin,
        name,
        to: address,
        amount: amountOf(person),
      }));
      await Promise.all(opened.filter(({ amount }) => amount > 0n).map((opening) => deposit(client, opening)));
    }),
  ]);
  await pay(client, network, options);
}
