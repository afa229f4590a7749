/**
 * The vectors carried out by the contracts themselves: anvil at the vectors' time, the contracts at the vectors' addresses. A signature the
 * contracts accept over these values is a digest Solidity computed alike; each is first refused with one field changed.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Interface, TypedDataEncoder } from "ethers";
import { createDeployer, type Deployer } from "../../src/chain/deployer.ts";
import { deploy } from "../../src/chain/deploy.ts";
import {
  claimEscrowAbi,
  commerceEscrowAbi,
  fxSwapAbi,
  redemptionEscrowAbi,
  stablecoinAbi,
  treasuryAbi,
  vaspRegistryAbi,
} from "../../src/chain/abi.ts";
import { type RoleMember, roleMembers } from "../../src/chain/roles.ts";
import type { Address, Hex } from "../../src/domain/hex.ts";
import type { StructVector, Vectors } from "../../scripts/vectors.ts";
import type { Actor } from "../../scripts/vectors/actors.ts";
import { type LocalChain, richKeys, startLocalChain } from "./local-chain.ts";

const vectors = JSON.parse(readFileSync("examples/vectors.json", "utf8")) as Vectors;
const { deployment, keys } = vectors;
const coin = deployment.coins[0]?.address as Address;
const contracts = {
  coin: { to: coin, abi: new Interface(stablecoinAbi as never) },
  treasury: { to: deployment.treasury, abi: new Interface(treasuryAbi as never) },
  redemption: { to: deployment.redemptions, abi: new Interface(redemptionEscrowAbi as never) },
  claim: { to: deployment.claims, abi: new Interface(claimEscrowAbi as never) },
  commerce: { to: deployment.commerce, abi: new Interface(commerceEscrowAbi as never) },
  swap: { to: deployment.swap, abi: new Interface(fxSwapAbi as never) },
  registry: { to: deployment.registry, abi: new Interface(vaspRegistryAbi as never) },
  quetzal: { to: deployment.coins[1]?.address as Address, abi: new Interface(stablecoinAbi as never) },
} as const;

type Message = StructVector["message"];

/** How each struct is submitted: the function, and its arguments from message, signer and signature. */
const submissions: Readonly<
  Partial<Record<string, readonly [string, (message: Message, signer: Address, signature: Hex) => readonly unknown[]]>>
> = {
  AttestOrder: ["attestBySig", (order, signer, signature) => [order, signer, signature]],
  MintingOrder: ["setMintingBySig", (order, signer, signature) => [order, signer, signature]],
  MintOrder: ["mintBySig", (order, signer, signature) => [order, signer, signature]],
  CancelAuthorization: [
    "cancelAuthorization(address,bytes32,bytes)",
    ({ authorizer, nonce }, _, signature) => [authorizer, nonce, signature],
  ],
  SkipNonces: [
    "skipNonces(address,uint256,uint256,bytes)",
    ({ account, newBase, deadline }, _, signature) => [account, newBase, deadline, signature],
  ],
  FreezeOrder: ["freezeBySig", (order, signer, signature) => [order, signer, signature]],
  UnfreezeOrder: ["unfreezeBySig", (order, signer, signature) => [order, signer, signature]],
  AcceptOrder: ["acceptBySig", (order, signer, signature) => [order, signer, signature]],
  MarkSentOrder: ["markSentBySig", (order, signer, signature) => [order, signer, signature]],
  ConfirmOrder: ["confirmBySig", (order, signer, signature) => [order, signer, signature]],
  RejectOrder: ["rejectBySig", (order, signer, signature) => [order, signer, signature]],
  CancelRedemption: ["cancelBySig", ({ id, deadline }, _, signature) => [id, deadline, signature]],
  ApproveOrder: ["approveBySig", (order, signer, signature) => [order, signer, signature]],
  DisputeRedemption: ["disputeBySig", ({ id, deadline }, _, signature) => [id, deadline, signature]],
  ResolveOrder: ["resolveBySig", (order, signer, signature) => [order, signer, signature]],
  MintReturnOrder: ["mintReturnBySig", (order, signer, signature) => [order, signer, signature]],
  SeizeOrder: ["seizeBySig", (order, signer, signature) => [order, signer, signature]],
  ApproveMintOrder: ["approveMintBySig", (order, signer, signature) => [order, signer, signature]],
  MintBatchOrder: [
    "mintBatchBySig",
    (order, signer, signature) => [order, signer, rowsOf("mint in a batch"), signature],
  ],
  Permit: [
    "permit(address,address,uint256,uint256,bytes)",
    ({ owner, spender, value, deadline }, _, signature) => [owner, spender, value, deadline, signature],
  ],
  Disburse: [
    "disburse",
    ({ from, total, validAfter, validBefore, nonce }, _, signature) => [
      from,
      total,
      rowsOf("disburse"),
      validAfter,
      validBefore,
      nonce,
      signature,
    ],
  ],
  DeclineClaim: ["decline", ({ id, deadline }, _, signature) => [id, deadline, signature]],
  CancelClaim: ["cancelBySig", ({ id, deadline }, _, signature) => [id, deadline, signature]],
  Capture: ["capture", (order, _, signature) => [messageOf("terms of a payment"), order, signature]],
  Void: ["void", (order, _, signature) => [messageOf("terms of a payment"), order, signature]],
  DisputePayment: [
    "disputeBySig",
    ({ deadline }, _, signature) => [messageOf("terms of a payment"), deadline, signature],
  ],
  ResolvePayment: ["resolve", (order, _, signature) => [messageOf("terms of a payment"), order, signature]],
  CancelQuote: [
    "cancelBySig",
    ({ deadline }, _, signature) => [messageOf("terms of a quote, cancelled"), deadline, signature],
  ],
};

function rowsOf(struct: string): Hex {
  const list = vectors.lists.find((candidate) => candidate.struct === struct);
  if (list === undefined) throw new Error(`no rows for ${struct}`);
  return list.rows;
}

function messageOf(name: string): Message {
  const vector = vectors.structs.find((candidate) => candidate.name === name);
  if (vector === undefined) throw new Error(`no vector ${name}`);
  return vector.message;
}

/** A field that can be changed without meeting an earlier check than the signature's. */
const changed: Readonly<Record<string, string>> = {
  CancelAuthorization: "nonce",
  MintingOrder: "orderId",
  Disburse: "nonce",
};
/** What a contract says to a signature of something else. */
const refusals = [
  "OrderSignatureInvalid",
  "StablecoinSignatureInvalid",
  "ClaimSignatureInvalid",
  "CommerceSignatureInvalid",
  "FxSignatureInvalid",
];

describe("examples/vectors.json on chain", function () {
  this.timeout(40_000);
  let chain: LocalChain;
  let folder: string;
  let stranger: Deployer;

  before(async () => {
    chain = await startLocalChain("anvil", ["--timestamp", String(vectors.time)]);
    folder = mkdtempSync(join(tmpdir(), "remesa-vectors-"));
    const roleAddresses = Object.fromEntries(
      roleMembers.map((member): [RoleMember, Address] => [member, keys[member as Actor].address]),
    );
    const { rpcUrl, deployerKey } = { rpcUrl: chain.url, deployerKey: vectors.deployerKey };
    const result = await deploy({ rpcUrl, deployerKey, roleAddresses, outFolder: folder });
    expect({ ...result.deployment, block: 0 }).to.deep.equal(deployment);
    stranger = await createDeployer({ rpc: chain.rpc, chainId: deployment.chainId, key: richKeys[1] });
  });

  after(async () => {
    await chain?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const find = (name: string): StructVector => {
    const vector = vectors.structs.find((candidate) => candidate.name === name);
    if (vector === undefined) throw new Error(`no vector ${name}`);
    return vector;
  };

  async function read(on: keyof typeof contracts, name: string, ...args: readonly unknown[]): Promise<unknown> {
    const { to, abi } = contracts[on];
    const data = await chain.rpc.ask<Hex>("eth_call", { to, data: abi.encodeFunctionData(name, args) }, "latest");
    const result = abi.decodeFunctionResult(name, data);
    return result.length === 1 ? result[0] : result;
  }

  /** Name of the error a call would revert with; null when it would succeed. */
  async function tryCall(to: Address, data: string): Promise<string | null> {
    const [answer] = await chain.rpc.read([{ method: "eth_call", params: [{ to, data }, "latest"] }]);
    if (answer === undefined || answer.ok) return null;
    for (const { abi } of Object.values(contracts)) {
      const error = abi.parseError(answer.data as string);
      if (error !== null) return error.name;
    }
    return "unknown";
  }

  async function carryOut(name: string): Promise<void> {
    const vector = find(name);
    const submission = submissions[vector.primaryType];
    if (submission === undefined) throw new Error(`no way to submit ${vector.primaryType}`);
    const { to, abi } = contracts[vector.domain];
    const [method, toArgs] = submission;
    const encode = (message: Message): string =>
      abi.encodeFunctionData(method, toArgs(message, keys[vector.signer].address, vector.signature));
    const field = changed[vector.primaryType] ?? "deadline";
    const value = vector.message[field] as string;
    const other = value.startsWith("0x")
      ? `${value.slice(0, -1)}${value.endsWith("8") ? "9" : "8"}`
      : `${BigInt(value) + 1n}`;
    expect(await tryCall(to, encode({ ...vector.message, [field]: other }))).to.be.oneOf(refusals);
    await stranger.send([{ to, data: encode(vector.message) as Hex }]);
  }

  it("has the contracts' domain separators", async () => {
    for (const on of Object.keys(contracts) as (keyof typeof contracts)[]) {
      expect(await read(on, "DOMAIN_SEPARATOR")).to.equal(TypedDataEncoder.hashDomain(vectors.domains[on]));
    }
  });

  it("attests, switches minting on and mints", async () => {
    await carryOut("attest");
    await carryOut("minting");
    await carryOut("mint to the payer");
    await carryOut("mint to the holder");
    expect(await read("coin", "totalSupply")).to.equal(2_000_000_000n);
  });

  it("settles every row, and none with a unit more", async () => {
    const settle = (rows: string): string => contracts.coin.abi.encodeFunctionData("settle", [rows]);
    const all = `0x${vectors.rows.map(({ row }) => row.slice(2)).join("")}`;
    const altered = `0x${vectors.rows.map(({ row }) => `${row.slice(2, 97)}${row[97] === "0" ? "1" : "0"}${row.slice(98)}`).join("")}`;

    await stranger.send([{ to: coin, data: settle(altered) as Hex }]);
    const skips = await readLogs("RowSkipped");
    expect(skips.map(({ args }) => args["reason"])).to.deep.equal(
      vectors.rows.map(() => contracts.coin.abi.getError("StablecoinSignatureInvalid")?.selector),
    );
    await stranger.send([{ to: coin, data: settle(all) as Hex }]);
    expect(await readLogs("RowSkipped")).to.have.length(0);
    const used = await readLogs("AuthorizationUsed");
    expect(used.map(({ args }) => args["nonce"])).to.deep.equal(
      vectors.rows.map(({ struct }) => find(struct).message["nonce"]),
    );
    const memos = await readLogs("Memo");
    expect(memos.map(({ args }) => args["memo"])).to.deep.equal([
      find("memo").message["memo"],
      find("everything").message["memo"],
    ]);
    expect(await read("coin", "balanceOf", keys.payee.address)).to.equal(5n * 25_500_000n);
  });

  it("cancels a nonce and skips nonces", async () => {
    await carryOut("cancel");
    expect(await read("coin", "authorizationState", keys.payer.address, find("cancel").message["nonce"])).to.equal(
      true,
    );
    await carryOut("skip");
    expect(((await read("coin", "accountOf", keys.payer.address)) as { nonceBase: bigint }).nonceBase).to.equal(100n);
  });

  it("freezes an account whole, lifts it, and freezes an amount", async () => {
    const frozen = async (): Promise<unknown> => {
      const { frozen: amount, frozenWhole } = (await read("coin", "accountOf", keys.payee.address)) as {
        frozen: bigint;
        frozenWhole: boolean;
      };
      return [frozenWhole, amount];
    };
    await carryOut("freeze whole");
    expect(await frozen()).to.deep.equal([true, 0n]);
    await carryOut("unfreeze");
    expect(await frozen()).to.deep.equal([false, 0n]);
    await carryOut("freeze an amount");
    expect(await frozen()).to.deep.equal([false, 5_000_000n]);
  });

  it("locks redemptions under the ids the vectors give", async () => {
    for (const name of ["paid out", "cancelled", "rejected", "disputed"]) {
      const terms = find(`terms, ${name}`);
      const { to, abi } = contracts.redemption;
      expect(await read("redemption", "idOf", terms.message)).to.equal(terms.digest);
      const lock = (message: Message): string =>
        abi.encodeFunctionData("lock", [message, find(`lock, ${name}`).signature]);
      const other = { ...terms.message, payout: `0x${"0b".repeat(32)}` };
      expect(await tryCall(to, lock(other))).to.equal("StablecoinSignatureInvalid");
      await stranger.send([{ to, data: lock(terms.message) as Hex }]);
      expect(await read("redemption", "stateOf", terms.digest)).to.equal(1n);
    }
  });

  it("takes redemptions to their ends", async () => {
    const stateOf = (name: string): Promise<unknown> => read("redemption", "stateOf", find(`terms, ${name}`).digest);
    await carryOut("AcceptOrder");
    expect(await stateOf("paid out")).to.equal(2n);
    await carryOut("ApproveOrder");
    expect(String(await read("redemption", "approverOf", find("terms, paid out").digest)).toLowerCase()).to.equal(
      keys.cosigner.address,
    );
    await carryOut("MarkSentOrder");
    expect(await stateOf("paid out")).to.equal(3n);
    await carryOut("ConfirmOrder");
    expect(await stateOf("paid out")).to.equal(4n);
    expect(await read("coin", "totalSupply")).to.equal(1_900_000_000n);
    await carryOut("CancelRedemption");
    expect(await stateOf("cancelled")).to.equal(5n);
    await carryOut("RejectOrder");
    expect(await stateOf("rejected")).to.equal(5n);
    await carryOut("AcceptOrder, disputed");
    await carryOut("MarkSentOrder, disputed");
    await carryOut("DisputeRedemption");
    expect(await stateOf("disputed")).to.equal(6n);
    await carryOut("ResolveOrder");
    expect(await stateOf("disputed")).to.equal(5n);
  });

  it("mints a returned payout, a batch, and counts an approval under the key of the mint it approves", async () => {
    await carryOut("mint a returned payout");
    expect(await read("coin", "totalSupply")).to.equal(1_940_000_000n);
    await carryOut("mint in a batch");
    expect(await read("coin", "totalSupply")).to.equal(2_940_000_000n);
    const { coin: of, depositId, to, amount } = messageOf("mint to the payer");
    const mintKey = await read("treasury", "mintKeyOf", keys.dealer.address, of, depositId, to, amount);
    expect(messageOf("approve a mint")["mintKey"]).to.equal(mintKey);
    await carryOut("approve a mint");
    expect(await read("treasury", "approvalsOf", mintKey)).to.have.length(1);
  });

  it("permits, pays many at once, and seizes", async () => {
    const balanceOf = (name: Actor): Promise<unknown> => read("coin", "balanceOf", keys[name].address);
    await carryOut("permit");
    expect(await read("coin", "allowance", keys.payer.address, keys.merchant.address)).to.equal(7_000_000n);
    const before = (await balanceOf("merchant")) as bigint;
    await carryOut("disburse");
    expect([await balanceOf("merchant"), await balanceOf("link")]).to.deep.equal([before + 10_000_000n, 20_000_000n]);
    await carryOut("seize");
    expect(await balanceOf("custody")).to.equal(2_000_000n);
  });

  /** Sends what terms and a signature over something else allow; first with other terms, which the coin refuses. */
  async function open(on: "claim" | "commerce", method: string, terms: string, signed: string): Promise<void> {
    const { to, abi } = contracts[on];
    const encode = (message: Message): Hex => abi.encodeFunctionData(method, [message, find(signed).signature]) as Hex;
    expect(await read(on, "idOf", messageOf(terms))).to.equal(find(terms).digest);
    const other = { ...messageOf(terms), salt: `0x${"99".repeat(32)}` };
    expect(await tryCall(to, encode(other))).to.equal("StablecoinSignatureInvalid");
    await stranger.send([{ to, data: encode(messageOf(terms)) }]);
  }

  it("opens claims and takes them to their ends", async () => {
    const stateOf = (name: string): Promise<unknown> =>
      read("claim", "stateOf", find(`terms of a claim, ${name}`).digest);
    for (const name of ["claimed", "declined", "cancelled"]) {
      await open("claim", "open", `terms of a claim, ${name}`, `open a claim, ${name}`);
    }
    const { to, abi } = contracts.claim;
    const claim = (attestor: Hex): Hex =>
      abi.encodeFunctionData("claim", [messageOf("ClaimTo"), find("ClaimTo").signature, attestor]) as Hex;
    expect(await tryCall(to, claim(find("ClaimTo").signature))).to.equal("ClaimSignatureInvalid");
    await stranger.send([{ to, data: claim(find("AttestClaim").signature) }]);
    await carryOut("DeclineClaim");
    await carryOut("CancelClaim");
    expect([await stateOf("claimed"), await stateOf("declined"), await stateOf("cancelled")]).to.deep.equal([
      2n,
      3n,
      4n,
    ]);
  });

  it("takes a payment on its whole way", async () => {
    const terms = "terms of a payment";
    await open("commerce", "authorize", terms, "authorize a payment");
    await carryOut("Capture");
    await carryOut("Void");
    const nonce = await read("commerce", "refundNonceOf", find(terms).digest, 0n);
    expect(messageOf("refund a payment")["nonce"]).to.equal(nonce);
    const { to, abi } = contracts.commerce;
    const args = [messageOf(terms), 5_000_000n, 0n, find("refund a payment").signature];
    await stranger.send([{ to, data: abi.encodeFunctionData("refund", args) as Hex }]);
    await carryOut("DisputePayment");
    await carryOut("ResolvePayment");
    const payment = (await read("commerce", "paymentOf", find(terms).digest)) as readonly unknown[];
    expect([...payment]).to.deep.equal([100_000_000n, 70_000_000n, 30_000_000n, 5_000_000n, 100n, false]);
  });

  it("knows a quote, its two sides, and its cancellation", async () => {
    const id = find("terms of a quote, swapped").digest;
    expect(await read("swap", "idOf", messageOf("terms of a quote, swapped"))).to.equal(id);
    for (const [side, name] of [
      [1n, "the maker's side of a swap"],
      [2n, "the taker's side of a swap"],
    ] as const) {
      expect(messageOf(name)["nonce"]).to.equal(await read("swap", "legNonceOf", id, side));
    }
    const { to, abi } = contracts.swap;
    const sides = ["the maker's side of a swap", "the taker's side of a swap"].map((name) => find(name).signature);
    const swap = (signatures: readonly Hex[]): string =>
      abi.encodeFunctionData("swap", [messageOf("terms of a quote, swapped"), ...signatures]);
    expect(await tryCall(to, swap([...sides].toReversed()))).to.equal("StablecoinSignatureInvalid");
    // both signatures hold: what is missing is a quetzal in circulation
    expect(await tryCall(to, swap(sides))).to.equal("ERC20InsufficientBalance");
    await carryOut("CancelQuote");
    expect(await read("swap", "quoteUsed", find("terms of a quote, cancelled").digest)).to.equal(true);
  });

  async function readLogs(name: string): Promise<{ readonly args: Record<string, unknown> }[]> {
    const filter = { address: coin, fromBlock: "latest", toBlock: "latest" };
    const logs = await chain.rpc.ask<{ topics: string[]; data: string }[]>("eth_getLogs", filter);
    return logs.flatMap((log) => {
      const parsed = contracts.coin.abi.parseLog(log);
      return parsed?.name === name ? [{ args: parsed.args.toObject() as Record<string, unknown> }] : [];
    });
  }
});
