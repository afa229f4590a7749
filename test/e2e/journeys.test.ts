/**
 * What goes wrong on real processes: strangers, payers who change their mind, operators who disappear, requests that are not what they should
 * be. One devnet, real signatures; Ana and Luis are the demo's customers.
 */
import { expect } from "chai";
import { createWalletClient, erc20Abi, http, parseEther, type Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { stablecoinAbi } from "../../src/chain/abi.ts";
import { connect, findDeployerKey, readBlockTime } from "../../scripts/devnet/rpc.ts";
import { type CoinFacts, createNonce, signTransfer } from "../../scripts/devnet/wallet.ts";
import { readDeployment } from "../../src/config.ts";
import { toLower, toWord, type Address } from "../../src/domain/hex.ts";
import { domainOf, type TypedField, typedStructs } from "../../src/domain/signatures.ts";
import type { Problem, TransferRequest } from "../../src/http/schemas.ts";
import { eventually } from "../support/command.ts";
import { startDevnet, type TestDevnet } from "../support/devnet.ts";

interface TransferView {
  readonly id: string;
  readonly state: string;
  readonly held: boolean;
  readonly reason: string | null;
  readonly evidence: { readonly by: string; readonly transaction: string } | null;
}
interface Person {
  readonly address: Address;
  readonly privateKey: Hex;
}

const dollar = 1_000_000n;
/** Somebody of no wallet operator: with them no payment needs an attestation. */
const friend: Person = (() => {
  const privateKey: Hex = `0x${"f1".repeat(32)}`;
  return { address: toLower(privateKeyToAccount(privateKey).address), privateKey };
})();

describe("journeys on a devnet", function () {
  this.timeout(180_000);
  let devnet: TestDevnet;
  let coin: CoinFacts;
  let ana: Person;
  let luis: Person;

  before(async () => {
    // Without a keeper: the exit is taken by whoever asks.
    devnet = await startDevnet({ env: { MAX_HEAD_AGE_SECONDS: "600", KEEPER: "0" } });
    coin = readDeployment(devnet.data).coins[0] as CoinFacts;
    [ana, luis] = devnet.keys.wallets as unknown as [Person, Person];
  });
  after(() => devnet.remove());

  /** Ana's signed payment to Luis. `validAfter` in the future keeps the node waiting while something else happens. */
  async function signPayment(
    options: { value?: bigint; waitSeconds?: number; liveSeconds?: number; nonce?: Hex } = {},
  ): Promise<TransferRequest> {
    const { value = dollar, waitSeconds = 0, liveSeconds = 3_600, nonce = createNonce() } = options;
    const now = await readBlockTime(devnet.rpcUrl);
    const validAfter = waitSeconds === 0 ? 0 : now + waitSeconds;
    const authorization = {
      from: ana.address,
      to: luis.address,
      value,
      validAfter,
      validBefore: now + liveSeconds,
      nonce,
    };
    const signature = await sign(ana, "TransferWithAuthorization", {
      ...authorization,
      validAfter: BigInt(validAfter),
      validBefore: BigInt(authorization.validBefore),
    });
    return { coin: coin.address, authorization: { ...authorization, value: value.toString() }, signature };
  }

  async function sign(
    person: Person,
    primaryType: keyof typeof typedStructs,
    message: Record<string, unknown>,
    domain: Record<string, unknown> = {},
  ): Promise<Hex> {
    expect(domainOf[primaryType]).to.be.a("string");
    const fields: readonly TypedField[] = typedStructs[primaryType];
    return privateKeyToAccount(person.privateKey).signTypedData({
      domain: {
        name: coin.name,
        version: coin.version,
        chainId: devnet.chainId,
        verifyingContract: coin.address,
        ...domain,
      },
      types: { [primaryType]: [...fields] },
      primaryType,
      message,
    } as never);
  }

  const submit = (body: unknown) => devnet.as(null).post<TransferView>("/v1/transfers", body);
  const read = (id: string, wait = 0) => devnet.as(null).get<TransferView>(`/v1/transfers/${id}?wait=${wait}`);
  const ended = (id: string) =>
    eventually(`the end of ${id}`, async () => {
      const transfer = await read(id, 20);
      return ["settled", "cancelled", "superseded", "expired"].includes(transfer.state) ? transfer : null;
    });
  const balanceOf = (account: Address) =>
    connect(devnet.rpcUrl).readContract({
      address: coin.address,
      abi: erc20Abi,
      functionName: "balanceOf",
      args: [account],
    });

  /** A wallet with gas of its own, as nobody in Remesa needs one. */
  async function withGas(privateKey: Hex) {
    const account = privateKeyToAccount(privateKey);
    const transport = http(devnet.rpcUrl);
    const bank = createWalletClient({ account: privateKeyToAccount(findDeployerKey(devnet.chainId)), transport });
    const funded = await bank.sendTransaction({ to: account.address, value: parseEther("1"), chain: null });
    await connect(devnet.rpcUrl).waitForTransactionReceipt({ hash: funded });
    return createWalletClient({ account, transport });
  }
  const mined = (hash: Hex) => connect(devnet.rpcUrl).waitForTransactionReceipt({ hash });

  /** The holder's own transfer, past the node. */
  async function moveDirectly(from: Person, to: Person, amount: bigint): Promise<void> {
    const wallet = await withGas(from.privateKey);
    const hash = await wallet.writeContract({
      address: coin.address,
      abi: stablecoinAbi,
      functionName: "transfer",
      args: [to.address, amount],
      chain: null,
      gas: 100_000n,
    });
    expect((await mined(hash)).status).to.equal("success");
  }

  /** A stranger's `transferWithAuthorization` with the payer's signature. */
  async function submitDirectly(stranger: Awaited<ReturnType<typeof withGas>>, request: TransferRequest): Promise<Hex> {
    const { authorization: a, signature } = request;
    return stranger.writeContract({
      address: coin.address,
      abi: stablecoinAbi,
      functionName: "transferWithAuthorization",
      args: [
        a.from as Hex,
        a.to as Hex,
        BigInt(a.value),
        BigInt(a.validAfter),
        BigInt(a.validBefore),
        a.nonce as Hex,
        signature as Hex,
      ],
      chain: null,
      gas: 200_000n,
    });
  }

  it("settles a payment once when a stranger races with the node for it, and says who was first", async () => {
    const request = await signPayment();
    const stranger = await withGas(`0x${"5a".repeat(32)}`);
    const before = await balanceOf(luis.address);
    // The node may have sent it already when it is stopped: either way it is paid once.
    const accepted = await submit(request);
    process.kill(devnet.pids.node, "SIGSTOP");
    try {
      const hash = await submitDirectly(stranger, request).catch(() => null);
      if (hash !== null) await mined(hash);
    } finally {
      process.kill(devnet.pids.node, "SIGCONT");
    }
    const transfer = await ended(accepted.id);
    expect(transfer.state).to.equal("settled");
    const lanes = (await devnet.as(null).get<{ lanes: Address[] }>("/v1/network")).lanes.map((lane) =>
      lane.toLowerCase(),
    );
    const by = transfer.evidence?.by.toLowerCase() ?? "";
    expect([...lanes, stranger.account.address.toLowerCase()]).to.include(by);
    expect((await balanceOf(luis.address)) - before).to.equal(dollar);
  });

  it("reports a payment that only a stranger can have carried as settled by the stranger", async () => {
    const request = await signPayment({ waitSeconds: 6 });
    const stranger = await withGas(`0x${"5b".repeat(32)}`);
    const accepted = await submit(request);
    process.kill(devnet.pids.node, "SIGSTOP");
    try {
      await eventually(
        "the authorization is valid",
        async () => (await readBlockTime(devnet.rpcUrl)) > request.authorization.validAfter,
      );
      const hash = await submitDirectly(stranger, request);
      expect((await mined(hash)).status).to.equal("success");
    } finally {
      process.kill(devnet.pids.node, "SIGCONT");
    }
    const transfer = await ended(accepted.id);
    expect(transfer.state).to.equal("settled");
    expect(transfer.evidence?.by.toLowerCase()).to.equal(stranger.account.address.toLowerCase());
  });

  it("holds a payment whose payer moved the money away, and settles it when money comes back", async () => {
    const all = await balanceOf(ana.address);
    const accepted = await submit(await signPayment({ value: 5n * dollar, waitSeconds: 10 }));
    await moveDirectly(ana, friend, all);
    await eventually("held for want of money", async () => {
      const { held, reason } = await read(accepted.id);
      return held && reason === "insufficient_funds";
    });
    await moveDirectly(friend, ana, all);
    expect((await ended(accepted.id)).state).to.equal("settled");
  });

  it("ends a payment as expired when no money comes back before validBefore", async () => {
    const all = await balanceOf(ana.address);
    const accepted = await submit(await signPayment({ waitSeconds: 10, liveSeconds: 16 }));
    await moveDirectly(ana, friend, all);
    const transfer = await ended(accepted.id);
    expect([transfer.state, transfer.reason]).to.deep.equal(["expired", "insufficient_funds"]);
    await moveDirectly(friend, ana, all);
    await eventually("the node has seen it", async () => {
      const { coins } = await devnet.as(null).get<{ coins: { balance: string }[] }>(`/v1/accounts/${ana.address}`);
      return BigInt(coins[0]?.balance ?? "0") >= 10n * dollar;
    });
  });

  it("ends a payment as cancelled when the payer cancels its authorization in time", async () => {
    const request = await signPayment({ waitSeconds: 30 });
    const accepted = await submit(request);
    const { nonce } = request.authorization;
    const signature = await sign(ana, "CancelAuthorization", { authorizer: ana.address, nonce });
    await devnet.as(null).post("/v1/cancellations", { coin: coin.address, authorizer: ana.address, nonce, signature });
    expect((await ended(accepted.id)).state).to.equal("cancelled");
  });

  it("gives locked coins back without the operator when the bank desk never accepts", async () => {
    const now = await readBlockTime(devnet.rpcUrl);
    const { redemptions } = readDeployment(devnet.data);
    const terms = {
      holder: ana.address,
      amount: (2n * dollar).toString(),
      payout: toWord(7n),
      acceptBy: now + 600,
      payoutBy: now + 1_200,
      finalBy: now + 1_800,
      salt: createNonce(),
    };
    const before = await balanceOf(ana.address);
    const { redemptionId } = await devnet
      .as(null)
      .post<{ redemptionId: Hex }>("/v1/redemptions", { coin: coin.address, terms });
    const signature = await sign(ana, "ReceiveWithAuthorization", {
      from: ana.address,
      to: redemptions,
      value: 2n * dollar,
      validAfter: 0n,
      validBefore: BigInt(terms.acceptBy),
      nonce: redemptionId,
    });
    const { id } = await devnet
      .as(null)
      .post<{ id: string }>("/v1/redemptions", { coin: coin.address, terms, signature });
    const state = (wanted: string) =>
      eventually(`the redemption is ${wanted}`, async () => {
        const redemption = await devnet.as("auditor").get<{ state: string }>(`/v1/redemptions/${id}`);
        return redemption.state === wanted;
      });
    await state("locked");
    expect(before - (await balanceOf(ana.address))).to.equal(2n * dollar);
    await devnet.as("operator").post("/sandbox/time", { seconds: 700 });
    await devnet.as(null).post(`/v1/redemptions/${id}/reclaim`, {});
    await state("returned");
    expect(await balanceOf(ana.address)).to.equal(before);
  });

  describe("bad input", () => {
    async function post(path: string, body: string, headers: Record<string, string> = {}) {
      const response = await fetch(devnet.url + path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      });
      const text = await response.text();
      expect(response.headers.get("content-type")).to.match(/^application\/problem\+json/);
      expect(text).to.not.match(/node_modules|\.ts:\d|at \w+ \(/);
      const problem = JSON.parse(text) as Problem & { freeNonces?: string[] };
      expect(problem.status).to.equal(response.status);
      return problem;
    }
    const transfers = async (change: (request: TransferRequest) => unknown) =>
      post("/v1/transfers", JSON.stringify(change(await signPayment())));

    it("is refused as malformed JSON with 400", async () => {
      expect(await post("/v1/transfers", '{"coin":')).to.include({ status: 400, code: "request_malformed" });
    });
    it("is refused with unknown fields", async () => {
      expect(await transfers((request) => ({ ...request, tip: 1 }))).to.include({
        status: 400,
        code: "request_malformed",
      });
    });
    it("is refused when the body is huge", async () => {
      const body = JSON.stringify({ coin: "x".repeat(3_000_000) });
      expect(await post("/v1/transfers", body)).to.include({ status: 413, code: "request_too_large" });
    });
    it("is refused in another content type", async () => {
      const problem = await post("/v1/transfers", "a=b", { "content-type": "application/x-www-form-urlencoded" });
      expect(problem).to.include({ status: 415, code: "content_type_unsupported" });
    });
    it("is refused when another key signed it", async () => {
      const problem = await transfers((request) => ({
        ...request,
        authorization: { ...request.authorization, from: luis.address },
      }));
      expect(problem).to.include({ code: "signature_invalid", retryable: false });
    });
    it("is refused when it was signed for another chain", async () => {
      const request = await signPayment();
      const a = request.authorization;
      const signature = await sign(
        ana,
        "TransferWithAuthorization",
        { ...a, value: BigInt(a.value), validAfter: 0n, validBefore: BigInt(a.validBefore) },
        { chainId: 1 },
      );
      expect(await post("/v1/transfers", JSON.stringify({ ...request, signature }))).to.include({
        code: "signature_invalid",
      });
      expect(await post("/v1/transfers", JSON.stringify({ ...request, chainId: 1 }))).to.include({
        code: "chain_id_wrong",
      });
    });
    it("is refused as nonce_in_use with free nonces when another digest holds the nonce, and as nonce_used afterwards", async () => {
      const now = await readBlockTime(devnet.rpcUrl);
      const first = await signTransfer({
        chainId: devnet.chainId,
        coin,
        payer: ana,
        to: luis.address,
        value: dollar,
        validBefore: now + 3_600,
        nonce: createNonce(),
      });
      const second = await signPayment({ value: 2n * dollar, nonce: first.authorization.nonce as Hex });
      const accepted = await submit(first);
      const problem = await post("/v1/transfers", JSON.stringify(second));
      // Between the two the first may have reached the chain already.
      expect(["nonce_in_use", "nonce_used"]).to.include(problem.code);
      expect(problem.status).to.equal(409);
      expect((await ended(accepted.id)).state).to.equal("settled");
      expect(await post("/v1/transfers", JSON.stringify(second))).to.include({ status: 409, code: "nonce_used" });
      expect((await submit(first)).id).to.equal(accepted.id);
    });
    it("has created nothing: the books still agree and the payers have what they had", async () => {
      const before = await balanceOf(ana.address);
      await transfers((request) => ({ ...request, authorization: { ...request.authorization, value: "-1" } }));
      await transfers((request) => ({ ...request, authorization: { ...request.authorization, value: 1.5 } }));
      expect(await balanceOf(ana.address)).to.equal(before);
      const statement = await devnet.as("auditor").get<{ agrees: boolean }>("/v1/reconciliation?fresh=true");
      expect(statement.agrees).to.equal(true);
    });
  });
});
