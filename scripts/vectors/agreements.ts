/**
 * Worked messages of the coin's newer structs, of claims, payments, swaps and families. Owns their names, amounts and times; each can be
 * carried out by the contracts in the order written. Deterministic; signs nothing.
 */
import { type Address, type Hex, toWord, type Word, zeroAddress } from "../../src/domain/hex.ts";
import type { PrimaryType, TypedMessage } from "../../src/domain/signatures.ts";
import type { Deployment } from "../../src/pipeline/ports.ts";
import type { Actor } from "./actors.ts";

export interface Draft {
  readonly name: string;
  readonly primaryType: PrimaryType;
  readonly signer: Actor;
  readonly message: TypedMessage["message"];
  /** Whose domain, where it is a coin's but not the dollar's. */
  readonly coin?: Address;
}

export interface VectorScene {
  readonly time: number;
  readonly deployment: Deployment;
  readonly addresses: Readonly<Record<Actor, Address>>;
  digestOf(draft: Draft): Word;
  /** Of these bytes, one after the other. */
  hash(...parts: readonly Hex[]): Word;
}

const dollar = 1_000_000n;
const day = 86_400;

const fill = (byte: string): Word => `0x${byte.repeat(32)}`;
const toDigits = (value: bigint, bytes: number): string => value.toString(16).padStart(2 * bytes, "0");

function coinsOf({ deployment }: VectorScene): readonly [Address, Address] {
  const [dollars, quetzals] = deployment.coins.map(({ address }) => address);
  return [dollars as Address, quetzals as Address];
}

const at = (scene: VectorScene, days: number): bigint => BigInt(scene.time + days * day);

/** Rows of a disbursement: to 20 | value 8. */
export function toPayees({ addresses }: VectorScene): Hex {
  const rows = (["merchant", "link"] as const).map((name, i) => {
    return addresses[name].slice(2) + toDigits(BigInt(i + 1) * 10n * dollar, 8);
  });
  return `0x${rows.join("")}`;
}

/** Rows of a batch of mints: deposit 32 | to 20 | amount 8. */
export function toDeposits({ addresses }: VectorScene): Hex {
  const rows = (["payer", "merchant"] as const).map((name, i) => {
    return fill(`b${i}`).slice(2) + addresses[name].slice(2) + toDigits(500n * dollar, 8);
  });
  return `0x${rows.join("")}`;
}

export function coinDrafts(
  scene: VectorScene,
  lists: Readonly<Record<"disburse" | "mint in a batch", Hex>>,
): readonly Draft[] {
  const { addresses, hash } = scene;
  const [coin] = coinsOf(scene);
  const deadline = at(scene, 1);
  const permit = { owner: addresses.payer, spender: addresses.merchant, value: 7n * dollar, nonce: 0n, deadline };
  const rows = { from: addresses.holder, total: 30n * dollar, rowsHash: hash(lists.disburse) };
  const seizure = { orderId: fill("06"), account: addresses.payee, amount: 2n * dollar, caseId: fill("ca") };
  const mint: readonly Hex[] = [
    hash(`0x${Buffer.from("mint").toString("hex")}`),
    toWord(BigInt(addresses.dealer)),
    toWord(BigInt(coin)),
    fill("d0"),
    toWord(BigInt(addresses.payer)),
    toWord(1_000n * dollar),
  ];
  return [
    { name: "permit", primaryType: "Permit", signer: "payer", message: permit },
    {
      name: "disburse",
      primaryType: "Disburse",
      signer: "holder",
      message: { ...rows, validAfter: 0n, validBefore: deadline, nonce: fill("d1") },
    },
    { name: "seize", primaryType: "SeizeOrder", signer: "seizer", message: { ...seizure, deadline } },
    {
      name: "approve a mint",
      primaryType: "ApproveMintOrder",
      signer: "approver",
      message: { mintKey: hash(...mint), deadline },
    },
    {
      name: "mint in a batch",
      primaryType: "MintBatchOrder",
      signer: "dealer",
      message: { coin, rowsHash: hash(lists["mint in a batch"]), deadline },
    },
  ];
}

interface Take {
  readonly name: string;
  readonly signer: Actor;
  readonly coin: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly validBefore: bigint;
  readonly nonce: Word;
}

/** An account's word that an escrow may take coins under terms. */
function toTake({ addresses }: VectorScene, take: Take): Draft {
  const { name, signer, coin, to, value, validBefore, nonce } = take;
  const message = { from: addresses[signer], to, value, validAfter: 0n, validBefore, nonce };
  return { name, primaryType: "ReceiveWithAuthorization", signer, message, coin };
}

/** Three claims: claimed with an attestor's word, declined, cancelled. */
export function claimDrafts(scene: VectorScene): readonly Draft[] {
  const { addresses, deployment, digestOf } = scene;
  const [coin] = coinsOf(scene);
  const deadline = at(scene, 1);
  const expiry = at(scene, 30);
  const all = ["claimed", "declined", "cancelled"].map((name, i) => {
    const attestor = i === 0 ? addresses.attestor : zeroAddress;
    const keys = { linkKey: addresses.link, attestor, handle: fill(`1${i}`) };
    const times = { cancelFrom: at(scene, 0), expiry };
    const message = { coin, sender: addresses.payer, amount: 20n * dollar, ...keys, ...times, salt: toWord(BigInt(i)) };
    const terms: Draft = { name: `terms of a claim, ${name}`, primaryType: "Claim", signer: "payer", message };
    return { name, terms, id: digestOf(terms) };
  });
  const [claimed, declined, cancelled] = all.map(({ id }) => id) as [Word, Word, Word];
  const recipient = addresses.merchant;
  return [
    ...all.flatMap(({ name, terms, id }) => [
      terms,
      toTake(scene, {
        name: `open a claim, ${name}`,
        signer: "payer",
        coin,
        to: deployment.claims,
        value: 20n * dollar,
        validBefore: expiry,
        nonce: id,
      }),
    ]),
    { name: "ClaimTo", primaryType: "ClaimTo", signer: "link", message: { id: claimed, recipient, deadline } },
    {
      name: "AttestClaim",
      primaryType: "AttestClaim",
      signer: "attestor",
      message: { id: claimed, recipient, deadline },
    },
    { name: "DeclineClaim", primaryType: "DeclineClaim", signer: "link", message: { id: declined, deadline } },
    { name: "CancelClaim", primaryType: "CancelClaim", signer: "payer", message: { id: cancelled, deadline } },
  ];
}

/** One payment on its whole way: captured in part, voided in part, refunded in part, disputed, decided. */
export function paymentDrafts(scene: VectorScene): readonly Draft[] {
  const { addresses, deployment, digestOf, hash } = scene;
  const [coin] = coinsOf(scene);
  const deadline = at(scene, 1);
  const [authorizeBy, captureBy, refundBy] = [at(scene, 2), at(scene, 30), at(scene, 90)] as [bigint, bigint, bigint];
  const parties = { payer: addresses.payer, merchant: addresses.merchant, amount: 100n * dollar };
  const fee = { feeReceiver: addresses.operator, minFeeBps: 0n, maxFeeBps: 250n };
  const times = { authorizeBy, captureBy, refundBy };
  const message = { coin, ...parties, ...fee, arbiter: addresses.arbiter, ...times, salt: toWord(1n) };
  const terms: Draft = { name: "terms of a payment", primaryType: "Payment", signer: "payer", message };
  const id = digestOf(terms);
  const marker = hash(`0x${Buffer.from("refund").toString("hex")}`);
  const [captured, voided] = [40n * dollar, 10n * dollar];
  const capture = { id, amount: captured, captured: 0n, voided: 0n, feeBps: 100n, voidRest: false, deadline };
  const decision = { id, toMerchant: 30n * dollar, captured, voided, feeBps: 100n, deadline };
  const to = deployment.commerce;
  return [
    terms,
    toTake(scene, {
      name: "authorize a payment",
      signer: "payer",
      coin,
      to,
      value: 100n * dollar,
      validBefore: authorizeBy,
      nonce: id,
    }),
    { name: "Capture", primaryType: "Capture", signer: "merchant", message: capture },
    {
      name: "Void",
      primaryType: "Void",
      signer: "merchant",
      message: { id, amount: voided, captured, voided: 0n, deadline },
    },
    toTake(scene, {
      name: "refund a payment",
      signer: "merchant",
      coin,
      to,
      value: 5n * dollar,
      validBefore: refundBy,
      nonce: hash(id, marker, toWord(0n)),
    }),
    {
      name: "DisputePayment",
      primaryType: "DisputePayment",
      signer: "payer",
      message: { id, captured, voided, deadline },
    },
    { name: "ResolvePayment", primaryType: "ResolvePayment", signer: "arbiter", message: decision },
  ];
}

/** Two quotes: the sides of one, the cancellation of the other. The maker sells dollars, the taker pays in quetzals. */
export function swapDrafts(scene: VectorScene): readonly Draft[] {
  const { addresses, deployment, digestOf, hash } = scene;
  const [coin, quetzal] = coinsOf(scene);
  const validBefore = at(scene, 1);
  const [first, second] = ["swapped", "cancelled"].map((name, i): Draft => {
    const sides = { sellCoin: coin, sellAmount: 10n * dollar, buyCoin: quetzal, buyAmount: 77n * dollar };
    const parties = { maker: addresses.payer, taker: addresses.merchant };
    const message = { ...parties, ...sides, validBefore, salt: toWord(BigInt(i)) };
    return { name: `terms of a quote, ${name}`, primaryType: "Quote", signer: "payer", message };
  }) as [Draft, Draft];
  const to = deployment.swap;
  const id = digestOf(first);
  return [
    first,
    toTake(scene, {
      name: "the maker's side of a swap",
      signer: "payer",
      coin,
      to,
      value: 10n * dollar,
      validBefore,
      nonce: hash(id, toWord(1n)),
    }),
    toTake(scene, {
      name: "the taker's side of a swap",
      signer: "merchant",
      coin: quetzal,
      to,
      value: 77n * dollar,
      validBefore,
      nonce: hash(id, toWord(2n)),
    }),
    second,
    {
      name: "CancelQuote",
      primaryType: "CancelQuote",
      signer: "payer",
      message: { id: digestOf(second), deadline: validBefore },
    },
  ];
}

/** A holder joins the first operator's family and leaves it; in between the operator attests a payment to the holder. */
export function familyDrafts(scene: VectorScene): readonly Draft[] {
  const { addresses } = scene;
  const [coin] = coinsOf(scene);
  const account = addresses.holder;
  const deadline = at(scene, 1);
  const join = { account, vasp: 1n, joinId: fill("71"), deadline };
  const payment = { coin, payer: addresses.payer, payee: account, amount: 1_000n * dollar };
  return [
    { name: "join, the account", primaryType: "JoinVasp", signer: "holder", message: join },
    { name: "join, the operator", primaryType: "JoinVasp", signer: "operator", message: join },
    {
      name: "TravelAttestation",
      primaryType: "TravelAttestation",
      signer: "operator",
      message: { vasp: 1n, attestationId: fill("72"), ...payment, ref: fill("73"), validUntil: deadline },
    },
    {
      name: "LeaveVasp",
      primaryType: "LeaveVasp",
      signer: "holder",
      message: { account, leaveId: fill("74"), deadline },
    },
  ];
}
