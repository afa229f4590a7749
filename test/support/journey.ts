/**
 * The same journeys two ways: as another program makes them over HTTP, signing what the node hands it, and as a person types them, the verbs
 * signing what they build themselves. Owns the people, the amounts as text, and strangers with gas of their own. No side effects on loading.
 */
import { expect } from "chai";
import { Wallet } from "ethers";
import { createWalletClient, erc20Abi, type Hex, http, parseEther } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { connect, findDeployerKey, readBlockTime } from "../../scripts/devnet/rpc.ts";
import { formatLink, parseLink } from "../../scripts/payments/terms.ts";
import { readDeployment } from "../../src/config.ts";
import { formatAmount } from "../../src/domain/amount.ts";
import { type Address, toLower, type Word, zeroAddress } from "../../src/domain/hex.ts";
import { eventually } from "./command.ts";
import type { TestDevnet } from "./devnet.ts";
import { runRemesa } from "./terminal.ts";

export interface Journey {
  readonly devnet: TestDevnet;
  readonly ana: Wallet;
  readonly luis: Wallet;
  /** Addresses of the coins and escrows. */
  readonly at: ReturnType<typeof readDeployment>;
  readonly dollar: Address;
  readonly quetzal: Address;
}

export function beginJourney(devnet: TestDevnet): Journey {
  const at = readDeployment(devnet.data);
  const wallets = devnet.keys.wallets.map(({ privateKey }) => new Wallet(privateKey));
  const [ana, luis] = wallets;
  const [dollar, quetzal] = at.coins.map(({ address }) => address);
  if (ana === undefined || luis === undefined || dollar === undefined || quetzal === undefined) {
    throw new Error("a devnet without Ana, Luis and two coins");
  }
  return { devnet, ana, luis, at, dollar, quetzal };
}

/** Balances as the chain has them, in the order asked. */
export function readBalances(
  { devnet }: Journey,
  asked: readonly (readonly [coin: Address, account: string])[],
): Promise<readonly bigint[]> {
  const client = connect(devnet.rpcUrl);
  return Promise.all(
    asked.map(([address, account]) =>
      client.readContract({ address, abi: erc20Abi, functionName: "balanceOf", args: [account as Hex] }),
    ),
  );
}

export interface OpenClaim {
  readonly id: Word;
  /** The key in the link. */
  readonly linkSecret: Word;
}

export interface Payment {
  readonly state: string;
  readonly captured: string;
  readonly voided: string;
  readonly refunded: string;
  readonly remaining: string;
}

export interface PaymentWish {
  readonly amount: bigint;
  readonly feeReceiver?: string;
  /** Hundredths of a percent. */
  readonly feeBps?: number;
  /** Seconds from now. */
  readonly captureIn?: number;
}

/** One way to make the journeys. Ana sends and pays, Luis is the merchant and the taker; every act returns when it is final. */
export interface Way {
  readonly name: string;
  openClaim(wish: { amount: bigint; cancelIn: number; expiresIn: number }): Promise<OpenClaim>;
  takeClaim(claim: OpenClaim, recipient: string): Promise<void>;
  declineClaim(claim: OpenClaim): Promise<void>;
  cancelClaim(claim: OpenClaim): Promise<void>;
  /** Returns the payment's 32-byte id. */
  authorize(wish: PaymentWish): Promise<Word>;
  charge(wish: PaymentWish): Promise<Word>;
  /** Each names the total afterwards. */
  capture(id: Word, total: bigint): Promise<void>;
  voidTo(id: Word, total: bigint): Promise<void>;
  refundTo(id: Word, total: bigint): Promise<void>;
  /** Ana sells dollars for Luis's quetzals. */
  swap(sell: bigint, buy: bigint): Promise<void>;
  /** Luis's operator attests Ana's payment to him of exactly this amount. */
  attest(amount: bigint): Promise<void>;
}

// ——— HTTP ———

export interface TypedMessage {
  readonly domain: Record<string, unknown>;
  readonly types: Record<string, { name: string; type: string }[]>;
  readonly message: Readonly<Record<string, string | boolean>>;
}
interface ToSign {
  readonly agreementId: Word;
  readonly typedData: TypedMessage;
  readonly second?: TypedMessage;
}
interface Agreement {
  readonly id: string;
  readonly state: string;
  readonly intent?: { readonly state: string } | null;
  readonly pending?: readonly { readonly state: string }[];
}

export function createWord(): Word {
  return toLower(Wallet.createRandom().privateKey);
}

/** Signs eth_signTypedData_v4's form; ethers adds the domain's own type by itself. */
export function sign(wallet: Wallet, { domain, types, message }: TypedMessage): Promise<string> {
  const { EIP712Domain: _, ...own } = types;
  return wallet.signTypedData(domain, own, message);
}

/** Reads an agreement once its opening has settled and no step of it is under way. */
export function settle<T extends Agreement>({ devnet }: Journey, path: string): Promise<T> {
  return eventually(`${path} is settled`, async () => {
    const found = await devnet.as(null).get<T>(path);
    const { intent = null } = found;
    const isOpen = intent === null || intent.state === "settled";
    return isOpen && (found.pending ?? []).length === 0 ? found : null;
  });
}

export interface PaymentTerms {
  readonly payer: string;
  readonly merchant: string;
  readonly amount: string;
  readonly feeReceiver: string;
  readonly minFeeBps: number;
  readonly maxFeeBps: number;
  readonly arbiter: string;
  readonly authorizeBy: number;
  readonly captureBy: number;
  readonly refundBy: number;
  readonly salt: Word;
}

export async function makePaymentTerms(journey: Journey, wish: PaymentWish): Promise<PaymentTerms> {
  const { amount, feeReceiver = zeroAddress, feeBps = 0, captureIn = 3_600 } = wish;
  const now = await readBlockTime(journey.devnet.rpcUrl);
  return {
    payer: journey.ana.address,
    merchant: journey.luis.address,
    amount: `${amount}`,
    feeReceiver,
    minFeeBps: feeBps,
    maxFeeBps: feeBps,
    arbiter: zeroAddress,
    authorizeBy: now + Math.min(captureIn, 600),
    captureBy: now + captureIn,
    refundBy: now + captureIn + 86_400,
    salt: createWord(),
  };
}

/** Opens a payment over HTTP; with `charge` the merchant's capture of all of it rides along. */
export async function openPayment(journey: Journey, terms: PaymentTerms, charge = false): Promise<Word> {
  const { devnet, ana, luis, dollar } = journey;
  const client = devnet.as(null);
  const asked = { coin: dollar, terms, ...(charge ? { capture: { order: { amount: terms.amount } } } : {}) };
  const { agreementId, typedData, second } = await client.post<ToSign>("/v1/payments", asked);
  const signature = await sign(ana, typedData);
  const capture =
    second === undefined
      ? {}
      : {
          capture: {
            order: {
              amount: terms.amount,
              captured: "0",
              voided: "0",
              feeBps: Number(second.message["feeBps"]),
              deadline: Number(second.message["deadline"]),
            },
            signature: await sign(luis, second),
          },
        };
  await client.post("/v1/payments", { coin: dollar, terms, signature, ...capture });
  await settle(journey, `/v1/payments/${agreementId}`);
  return agreementId;
}

export async function openClaimOver(
  journey: Journey,
  wish: { amount: bigint; cancelIn: number; expiresIn: number },
): Promise<OpenClaim> {
  const { devnet, ana, dollar } = journey;
  const client = devnet.as(null);
  const now = await readBlockTime(devnet.rpcUrl);
  const linkSecret = createWord();
  const terms = {
    sender: ana.address,
    amount: `${wish.amount}`,
    linkKey: new Wallet(linkSecret).address,
    handle: createWord(),
    cancelFrom: now + wish.cancelIn,
    expiry: now + wish.expiresIn,
    salt: createWord(),
  };
  const { agreementId, typedData } = await client.post<ToSign>("/v1/claims", { coin: dollar, terms });
  await client.post("/v1/claims", { coin: dollar, terms, signature: await sign(ana, typedData) });
  await settle(journey, `/v1/claims/${agreementId}`);
  return { id: agreementId, linkSecret };
}

export function overHttp(journey: Journey): Way {
  const { devnet, ana, luis, dollar, quetzal } = journey;
  const client = devnet.as(null);

  /** Asks what is to be signed, signs it, states what was signed, and waits for the end. */
  async function step(path: string, wallet: Wallet, order: Record<string, unknown>): Promise<void> {
    const named = Object.keys(order).length === 0 ? {} : { order };
    const { typedData } = await client.post<ToSign>(path, named);
    const { deadline } = typedData.message;
    const stated = deadline === undefined ? order : { ...order, deadline: Number(deadline) };
    await client.post(path, { order: stated, signature: await sign(wallet, typedData) });
    await settle(journey, path.split("/").slice(0, -1).join("/"));
  }
  const read = (id: Word) => client.get<Payment>(`/v1/payments/${id}`);
  const linkOf = ({ linkSecret }: OpenClaim) => new Wallet(linkSecret);

  return {
    name: "HTTP",
    openClaim: (wish) => openClaimOver(journey, wish),
    takeClaim: (claim, recipient) => step(`/v1/claims/${claim.id}/claim`, linkOf(claim), { recipient }),
    declineClaim: (claim) => step(`/v1/claims/${claim.id}/decline`, linkOf(claim), {}),
    cancelClaim: (claim) => step(`/v1/claims/${claim.id}/cancel`, ana, {}),
    authorize: async (wish) => openPayment(journey, await makePaymentTerms(journey, wish)),
    charge: async (wish) => openPayment(journey, await makePaymentTerms(journey, wish), true),
    async capture(id, total) {
      const { captured, voided, minFeeBps } = (await read(id)) as Payment & { minFeeBps: number };
      const amount = `${total - BigInt(captured)}`;
      await step(`/v1/payments/${id}/capture`, luis, { amount, captured, voided, feeBps: minFeeBps });
    },
    async voidTo(id, total) {
      const { captured, voided } = await read(id);
      await step(`/v1/payments/${id}/void`, luis, { amount: `${total - BigInt(voided)}`, captured, voided });
    },
    async refundTo(id, total) {
      const { refunded } = await read(id);
      await step(`/v1/payments/${id}/refund`, luis, { amount: `${total - BigInt(refunded)}`, refunded });
    },
    async swap(sell, buy) {
      const terms = {
        maker: ana.address,
        taker: luis.address,
        sellCoin: dollar,
        sellAmount: `${sell}`,
        buyCoin: quetzal,
        buyAmount: `${buy}`,
        validBefore: (await readBlockTime(devnet.rpcUrl)) + 600,
        salt: createWord(),
      };
      const { agreementId, typedData } = await client.post<ToSign>("/v1/quotes", { terms });
      await client.post("/v1/quotes", { terms, signature: await sign(ana, typedData) });
      const path = `/v1/quotes/${agreementId}`;
      const { typedData: leg } = await client.post<ToSign>(`${path}/accept`, {});
      await client.post(`${path}/accept`, { signature: await sign(luis, leg) });
      await eventually("the swap is settled", async () => {
        const quote = await client.get<{ state: string; steps: { state: string }[] }>(path);
        return quote.state === "swapped" && quote.steps[0]?.state === "settled";
      });
    },
    async attest(amount) {
      const key = new Wallet(devnet.keys.roles.sur ?? "");
      const attestation = {
        vasp: 2,
        attestationId: createWord(),
        payer: ana.address,
        payee: luis.address,
        amount: `${amount}`,
        reference: createWord(),
        validUntil: (await readBlockTime(devnet.rpcUrl)) + 600,
      };
      const body = { coin: dollar, attestation, signer: key.address };
      const { typedData } = await client.post<ToSign>("/v1/attestations", body);
      const signature = await sign(key, typedData);
      const { id } = await client.post<{ id: string }>("/v1/attestations", { ...body, signature });
      await eventually("the attestation is settled", async () => {
        return (await client.get<{ state: string }>(`/v1/attestations/${id}`)).state === "settled";
      });
    },
  };
}

// ——— the verbs ———

/** Runs a verb on this devnet; throws with its output unless it ends with 0. Every verb is run twice: the second run changes nothing. */
export async function runVerb<T>({ devnet }: Journey, ...args: readonly string[]): Promise<T> {
  const env = { REMESA_DATA: devnet.data, REMESA_URL: devnet.url };
  const run = async (): Promise<string> => {
    const { code, out, err } = await runRemesa([...args, "--json"], { env });
    if (code !== 0) throw new Error(`remesa ${args.join(" ")} ended with ${code}: ${err}${out}`);
    return out;
  };
  await run();
  return JSON.parse(await run()) as T;
}

const money = (units: bigint): string => formatAmount(units).replaceAll(",", "");

export function throughVerbs(journey: Journey, exchanged: string): Way {
  let count = 0;
  const createReference = (): string => `J-${++count}`;
  const run = <T>(...args: readonly string[]): Promise<T> => runVerb<T>(journey, ...args);

  function toArguments({ amount, feeReceiver, feeBps = 0, captureIn = 3_600 }: PaymentWish): string[] {
    const fee = feeReceiver === undefined ? [] : ["--fee-receiver", feeReceiver, "--fee-bps", `${feeBps}`];
    const times = ["--authorize-by", `+${Math.min(captureIn, 600)}s`, "--capture-by", `+${captureIn}s`];
    return ["--wallet", "Ana", "--amount", money(amount), ...fee, ...times];
  }

  return {
    name: "the verbs",
    async openClaim({ amount, cancelIn, expiresIn }) {
      const times = ["--cancel-from", `+${cancelIn}s`, "--expires", `+${expiresIn}s`];
      const wish = ["--wallet", "Ana", "--amount", money(amount), "--to", "+50255501234", ...times, "--link"];
      return parseLink((await run<{ link: string }>("claim", "open", createReference(), ...wish)).link);
    },
    takeClaim: (claim, recipient) => run("claim", "take", formatLink(claim), "--to", recipient),
    declineClaim: (claim) => run("claim", "decline", formatLink(claim)),
    cancelClaim: ({ id }) => run("claim", "cancel", id, "--wallet", "Ana"),
    async authorize(wish) {
      const args = [...toArguments(wish), "--merchant", "Luis"];
      return (await run<{ paymentId: Word }>("payment", "authorize", createReference(), ...args)).paymentId;
    },
    async charge(wish) {
      const args = [...toArguments(wish), "--merchant-wallet", "Luis"];
      return (await run<{ paymentId: Word }>("payment", "charge", createReference(), ...args)).paymentId;
    },
    capture: (id, total) => run("payment", "capture", id, "--wallet", "Luis", "--total", money(total)),
    voidTo: (id, total) => run("payment", "void", id, "--wallet", "Luis", "--total", money(total)),
    refundTo: (id, total) => run("payment", "refund", id, "--wallet", "Luis", "--total", money(total)),
    async swap(sell, buy) {
      const reference = createReference();
      const sides = ["--sell", `${money(sell)} XUS`, "--buy", `${money(buy)} XGT`];
      await run("swap", "offer", reference, "--wallet", "Ana", "--taker", "Luis", ...sides);
      await run("swap", "accept", reference, "--wallet", "Luis");
    },
    async attest(amount) {
      const what = ["--payer", "Ana", "--payee", "Luis", "--amount", money(amount), "--exchanged", exchanged];
      await run("travel", "attest", "--vasp", "2", "--operator-key", "role:sur", ...what);
    },
  };
}

// ——— past the node ———

/** Somebody with gas of its own, as nobody in Remesa needs it. */
export async function createStranger({ devnet }: Journey, privateKey: Hex = createWord()) {
  const account = privateKeyToAccount(privateKey);
  const transport = http(devnet.rpcUrl);
  const bank = createWalletClient({ account: privateKeyToAccount(findDeployerKey(devnet.chainId)), transport });
  const hash = await bank.sendTransaction({ to: account.address, value: parseEther("1"), chain: null });
  await connect(devnet.rpcUrl).waitForTransactionReceipt({ hash });
  return createWalletClient({ account, transport });
}

/** Moves the chain's clock without the node, and waits for a block that shows it. */
export async function moveTime({ devnet }: Journey, seconds: number): Promise<void> {
  const client = connect(devnet.rpcUrl);
  const wanted = (await readBlockTime(devnet.rpcUrl)) + seconds;
  await client.request({ method: "evm_increaseTime", params: [seconds] } as never);
  await eventually("a block of that time", async () => (await readBlockTime(devnet.rpcUrl)) >= wanted);
}

// ——— what must hold ———

/** Bank, books and chain at a final block that is newer than everything so far. */
export async function expectAgreement({ devnet }: Journey): Promise<void> {
  const statement = await eventually("a statement", () =>
    devnet
      .as("auditor")
      .get<{ agrees: boolean; differences: unknown[]; halted: unknown }>("/v1/reconciliation?fresh=true")
      .catch(() => null),
  );
  expect(statement.differences).to.deep.equal([]);
  expect([statement.agrees, statement.halted]).to.deep.equal([true, null]);
}

/** How much each balance changes while `act` runs. */
export async function measure(
  journey: Journey,
  asked: Parameters<typeof readBalances>[1],
  act: () => Promise<unknown>,
): Promise<readonly bigint[]> {
  const before = await readBalances(journey, asked);
  await act();
  const after = await readBalances(journey, asked);
  return after.map((balance, i) => balance - (before[i] ?? 0n));
}
