/**
 * Writes `examples/vectors.json`: worked values for every typed struct and row of `docs/SIGNATURES.md`. Owns the keys, times and amounts in
 * them; deterministic, so that a change of the file is a change of the protocol. The addresses are those that a deployment by the first
 * well-known development account gets on a fresh chain: there, at the time given, the contracts carry all of it out.
 */
import { writeFileSync } from "node:fs";
import { getContractAddress } from "viem";
import { createDigest, createDomains, loadKeccak, toHex, toTypeString } from "../src/chain/digest.ts";
import { loadCurve } from "../src/chain/curve.ts";
import { toAddress } from "../src/chain/recover.ts";
import { coins } from "../src/chain/deploy.ts";
import { encodeRow } from "../src/chain/row.ts";
import { type Address, type Hex, toWord, toLower, type Word } from "../src/domain/hex.ts";
import {
  type DomainName,
  domainOf,
  type PrimaryType,
  type TypedDomain,
  type TypedMessage,
} from "../src/domain/signatures.ts";
import type { Deployment } from "../src/pipeline/ports.ts";
import { type Actor, actors } from "./vectors/actors.ts";
import {
  claimDrafts,
  coinDrafts,
  type Draft,
  familyDrafts,
  paymentDrafts,
  swapDrafts,
  toDeposits,
  toPayees,
  type VectorScene,
} from "./vectors/agreements.ts";

const target = new URL("../examples/vectors.json", import.meta.url);

/** The first account of every development chain; published, worthless. */
const deployerKey: Hex = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const deployer: Address = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
/** 17 March 2030: after every clock that will run this, before the year a row's five bytes end in. */
const time = 1_900_000_000;
const day = 86_400;
const dollar = 1_000_000n;

/** A contract's domain; `coin` is the dollar's. */
export type DomainKey = DomainName | "quetzal";

export interface StructVector {
  readonly name: string;
  readonly primaryType: PrimaryType;
  readonly typeString: string;
  readonly domain: DomainKey;
  /** Integers as decimal strings. */
  readonly message: Readonly<Record<string, string | boolean>>;
  readonly digest: Word;
  readonly signer: Actor;
  readonly signature: Hex;
}

export interface Vectors {
  readonly time: number;
  readonly deployerKey: Hex;
  readonly deployment: Deployment;
  readonly keys: Readonly<Record<Actor, { readonly privateKey: Hex; readonly address: Address }>>;
  readonly domains: Readonly<Record<DomainKey, TypedDomain>>;
  readonly structs: readonly StructVector[];
  /** In the order in which one `settle` carries them out. */
  readonly rows: readonly { readonly struct: string; readonly row: Hex }[];
  /** Rows whose hash a struct signs. */
  readonly lists: readonly { readonly struct: string; readonly rows: Hex }[];
}

function predict(nonce: number): Address {
  return toLower(getContractAddress({ from: deployer, nonce: BigInt(nonce) }));
}

/** Addresses in the order in which a deployment creates its contracts. */
const deployment: Deployment = {
  chainId: 31_337,
  authority: predict(0),
  treasury: predict(3),
  redemptions: predict(5),
  claims: predict(6),
  commerce: predict(7),
  swap: predict(8),
  registry: predict(4),
  dispatcher: predict(9),
  coins: coins.map((one, i) => ({ ...one, address: predict(1 + i) })),
  block: 0,
};
const coin = predict(1);
const quetzal = predict(2);
const wideNonce: Word = `0x${"5eed".repeat(16)}`;
const memo: Word = `0x${"6d".repeat(32)}`;
const until = BigInt(time + 10 * day);
const deadline = BigInt(time + day);

/** Payments, one of each kind of row. */
function payments(addresses: Readonly<Record<Actor, Address>>): readonly Draft[] {
  const pay = (nonce: Word, rest: Readonly<Record<string, bigint | string>> = {}): TypedMessage["message"] => ({
    from: addresses.payer,
    to: addresses.payee,
    value: 25n * dollar + 500_000n,
    validAfter: 0n,
    validBefore: deadline,
    nonce,
    ...rest,
  });
  const signer = "payer";
  return [
    { name: "plain", primaryType: "TransferWithAuthorization", signer, message: pay(toWord(0n)) },
    { name: "window nonce out of order", primaryType: "TransferWithAuthorization", signer, message: pay(toWord(63n)) },
    { name: "wide nonce", primaryType: "TransferWithAuthorization", signer, message: pay(wideNonce) },
    {
      name: "validAfter",
      primaryType: "TransferWithAuthorization",
      signer,
      message: pay(toWord(1n), { validAfter: BigInt(time - 1), validBefore: 2n ** 40n - 1n }),
    },
    { name: "memo", primaryType: "TransferWithMemo", signer, message: pay(toWord(2n), { memo }) },
    {
      name: "everything",
      primaryType: "TransferWithMemo",
      signer,
      message: pay(toWord(2n ** 256n - 1n), { value: 0n, validAfter: 1n, memo: toWord(0n) }),
    },
  ];
}

/** Orders and the holder's other signatures. */
function orders(addresses: Readonly<Record<Actor, Address>>): readonly Draft[] {
  const order = (n: number): Word => `0x${n.toString(16).padStart(2, "0").repeat(32)}`;
  const account = addresses.payee;
  const caseId = order(0xca);
  return [
    {
      name: "attest",
      primaryType: "AttestOrder",
      signer: "attestor",
      message: {
        orderId: order(1),
        coin,
        amount: 1_000_000n * dollar,
        asOf: BigInt(time - 60),
        reportHash: order(0xab),
        deadline,
      },
    },
    {
      name: "minting",
      primaryType: "MintingOrder",
      signer: "issuer",
      message: { orderId: order(2), coin, enabled: true, deadline },
    },
    ...(["payer", "holder"] as const).map(
      (to, i): Draft => ({
        name: `mint to the ${to}`,
        primaryType: "MintOrder",
        signer: "dealer",
        message: { coin, depositId: order(0xd0 + i), to: addresses[to], amount: 1_000n * dollar, deadline },
      }),
    ),
    {
      name: "cancel",
      primaryType: "CancelAuthorization",
      signer: "payer",
      message: { authorizer: addresses.payer, nonce: toWord(7n) },
    },
    {
      name: "skip",
      primaryType: "SkipNonces",
      signer: "payer",
      message: { account: addresses.payer, newBase: 100n, deadline },
    },
    {
      name: "freeze whole",
      primaryType: "FreezeOrder",
      signer: "freezer",
      message: { orderId: order(3), account, amount: 2n ** 256n - 1n, caseId, until, deadline },
    },
    {
      name: "unfreeze",
      primaryType: "UnfreezeOrder",
      signer: "freezer",
      message: { orderId: order(4), account, caseId, deadline },
    },
    {
      name: "freeze an amount",
      primaryType: "FreezeOrder",
      signer: "freezer",
      message: { orderId: order(5), account, amount: 5n * dollar, caseId, until, deadline },
    },
  ];
}

/** Four redemptions and what ends them: paid out, cancelled, rejected, disputed. `digestOf` makes an id of the terms. */
function redemptions(addresses: Readonly<Record<Actor, Address>>, digestOf: (draft: Draft) => Word): readonly Draft[] {
  const bank: Word = `0x${"ba".repeat(32)}`;
  const termsOf = (name: string, n: number): Draft => ({
    name: `terms, ${name}`,
    primaryType: "Redemption",
    signer: "holder",
    message: {
      coin,
      holder: addresses.holder,
      amount: 100n * dollar,
      payout: `0x${"0a".repeat(32)}`,
      acceptBy: BigInt(time + day),
      payoutBy: BigInt(time + 6 * day),
      finalBy: BigInt(time + 15 * day),
      salt: toWord(BigInt(n)),
    },
  });
  const lockOf = (name: string, id: Word): Draft => ({
    name: `lock, ${name}`,
    primaryType: "ReceiveWithAuthorization",
    signer: "holder",
    message: {
      from: addresses.holder,
      to: deployment.redemptions,
      value: 100n * dollar,
      validAfter: 0n,
      validBefore: BigInt(time + day),
      nonce: id,
    },
  });
  const step = (primaryType: PrimaryType, signer: Actor, message: TypedMessage["message"], of?: string): Draft => ({
    name: of === undefined ? primaryType : `${primaryType}, ${of}`,
    primaryType,
    signer,
    message,
  });
  const all = ["paid out", "cancelled", "rejected", "disputed"].map((name, i) => ({
    name,
    terms: termsOf(name, i + 1),
  }));
  const [paid, cancelled, rejected, disputed] = all.map(({ terms }) => digestOf(terms)) as [Word, Word, Word, Word];
  return [
    ...all.flatMap(({ name, terms }) => [terms, lockOf(name, digestOf(terms))]),
    step("AcceptOrder", "agent", { id: paid, deadline }),
    step("ApproveOrder", "cosigner", { id: paid, deadline }),
    step("MarkSentOrder", "agent", { id: paid, bankReference: bank, deadline }),
    step("ConfirmOrder", "agent", { id: paid, bankReference: bank, deadline }),
    step("CancelRedemption", "holder", { id: cancelled, deadline }),
    step("RejectOrder", "agent", { id: rejected, state: 1n, reason: bank, deadline }),
    step("AcceptOrder", "agent", { id: disputed, deadline }, "disputed"),
    step("MarkSentOrder", "agent", { id: disputed, bankReference: bank, deadline }, "disputed"),
    step("DisputeRedemption", "holder", { id: disputed, deadline }),
    step("ResolveOrder", "arbiter", { id: disputed, paid: false, ref: bank, deadline }),
    {
      name: "mint a returned payout",
      primaryType: "MintReturnOrder",
      signer: "dealer",
      message: { coin, redemptionId: paid, amount: 40n * dollar, deadline },
    },
  ];
}

/** The row of a payment vector. */
function toRow({ message, signature }: StructVector): Hex {
  const text = (field: string): string => String(message[field]);
  const row = encodeRow({
    authorization: {
      from: text("from") as Address,
      to: text("to") as Address,
      value: BigInt(text("value")),
      validAfter: Number(text("validAfter")),
      validBefore: Number(text("validBefore")),
      nonce: text("nonce") as Word,
    },
    memo: message["memo"] === undefined ? null : (text("memo") as Word),
    signature,
  });
  if (row === null) throw new Error("a vector that no row can carry");
  return row;
}

/** Everything in the file, computed anew. */
export async function createVectors(): Promise<Vectors> {
  const keccak = await loadKeccak();
  const curve = await loadCurve();
  const digest = createDigest(keccak);
  const domainFor = createDomains(deployment);
  const keys = Object.fromEntries(
    actors.map((actor) => {
      const privateKey = keccak(Buffer.from(`remesa vector ${actor}`));
      return [actor, { privateKey: toHex(privateKey), address: toAddress(keccak, curve.publicKey(privateKey)) }];
    }),
  ) as Vectors["keys"];
  const addresses = Object.fromEntries(actors.map((actor) => [actor, keys[actor].address])) as Record<Actor, Address>;
  const digestOf = ({ primaryType, message, coin: on = coin }: Draft): Word =>
    digest({ domain: domainFor(primaryType, on), primaryType, message });
  const hash = (...parts: readonly Hex[]): Word =>
    toHex(keccak(Buffer.from(parts.map((part) => part.slice(2)).join(""), "hex")));

  const sign = (draft: Draft): StructVector => {
    const { name, primaryType, signer, message } = draft;
    const signed = digestOf(draft);
    const bytes = (hex: Hex): Buffer => Buffer.from(hex.slice(2), "hex");
    const { signature, recovery } = curve.sign(bytes(signed), bytes(keys[signer].privateKey));
    const plain = Object.entries(message).map(([field, value]) => [
      field,
      typeof value === "bigint" ? `${value}` : value,
    ]);
    return {
      name,
      primaryType,
      typeString: toTypeString(primaryType),
      domain: draft.coin === quetzal ? "quetzal" : domainOf[primaryType],
      message: Object.fromEntries(plain) as StructVector["message"],
      digest: signed,
      signer,
      signature: `${toHex(signature)}${recovery === 0 ? "1b" : "1c"}`,
    };
  };

  const paid = payments(addresses).map(sign);
  const scene: VectorScene = { time, deployment, addresses, digestOf, hash };
  const lists = { disburse: toPayees(scene), "mint in a batch": toDeposits(scene) };
  const drafts = [
    ...orders(addresses),
    ...redemptions(addresses, digestOf),
    ...coinDrafts(scene, lists),
    ...claimDrafts(scene),
    ...paymentDrafts(scene),
    ...swapDrafts(scene),
    ...familyDrafts(scene),
  ];
  return {
    time,
    deployerKey,
    deployment,
    keys,
    domains: {
      coin: domainFor("TransferWithAuthorization", coin),
      quetzal: domainFor("TransferWithAuthorization", quetzal),
      treasury: domainFor("MintOrder", null),
      redemption: domainFor("Redemption", null),
      claim: domainFor("Claim", null),
      commerce: domainFor("Payment", null),
      swap: domainFor("Quote", null),
      registry: domainFor("JoinVasp", null),
    },
    structs: [...paid, ...drafts.map(sign)],
    rows: paid.map((vector) => ({ struct: vector.name, row: toRow(vector) })),
    lists: Object.entries(lists).map(([struct, rows]) => ({ struct, rows })),
  };
}

/** The file's text. */
export async function renderVectors(): Promise<string> {
  return `${JSON.stringify(await createVectors(), null, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(target, await renderVectors());
  console.log("examples/vectors.json written");
}
