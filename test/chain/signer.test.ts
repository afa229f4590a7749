/**
 * What keys refuse to sign, each case one step from what they do sign, and that what they sign is what viem would have signed.
 */
import { expect } from "chai";
import { encodeFunctionData, keccak256, parseTransaction, recoverTypedDataAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { dispatcherAbi, redemptionEscrowAbi, stablecoinAbi } from "../../src/chain/abi.ts";
import { createEncoder, encodeSettle } from "../../src/chain/encode.ts";
import { createLaneSigner, createOrderSigner, SigningRefused, transferGas } from "../../src/chain/signer.ts";
import type { OrderRole, UnsignedOrder } from "../../src/domain/draft.ts";
import type { Address, Hex } from "../../src/domain/hex.ts";
import { typedStructs } from "../../src/domain/signatures.ts";
import type { LaneSigner, LaneTransaction, OrderSigner } from "../../src/pipeline/ports.ts";
import { at, deployment, places, word } from "./places.ts";

const key = (n: number): Hex => word(n);
const { coin } = places;
const cap = 100n;

async function refusalOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SigningRefused) return error.message;
    throw error;
  }
  throw new Error("it signed");
}

describe("createLaneSigner", () => {
  let signer: LaneSigner;
  let good: LaneTransaction;

  before(async () => {
    signer = await createLaneSigner({ keys: [key(1), key(2)], deployment, maxFeePerGas: cap });
    good = {
      lane: signer.lanes[0] as Address,
      nonce: 3,
      to: coin,
      data: encodeSettle([`0x${"ab".repeat(123 * 40)}`]),
      gas: 16_777_216n,
      maxFeePerGas: cap,
      maxPriorityFeePerGas: cap,
    };
  });

  it("holds the lanes of its keys", () => {
    expect(signer.lanes).to.deep.equal([key(1), key(2)].map((one) => privateKeyToAccount(one).address.toLowerCase()));
  });

  it("signs the bytes that viem would sign", async () => {
    const account = privateKeyToAccount(key(1));
    const wide = await createLaneSigner({ keys: [key(1)], deployment, maxFeePerGas: 2n ** 64n });
    // enough of them for an r or s that begins with a zero byte
    for (let nonce = 0; nonce < 300; nonce++) {
      const rows = nonce % 100 === 0 ? 40 : nonce % 3;
      const fields = {
        nonce: nonce < 250 ? nonce : nonce ** 4,
        to: coin,
        data: encodeSettle([`0x${"ab".repeat(123 * rows)}`]),
        gas: 100_000n + BigInt(nonce),
        maxFeePerGas: 2n ** BigInt(nonce % 60) + 3n,
        maxPriorityFeePerGas: BigInt(nonce % 3),
      };
      const expected = await account.signTransaction({
        ...fields,
        type: "eip1559",
        chainId: deployment.chainId,
        value: 0n,
      });
      const { raw, hash } = await wide.sign({ ...fields, lane: wide.lanes[0] as Address });
      expect(raw).to.equal(expected);
      expect(hash).to.equal(keccak256(expected));
    }
    const empty = { ...good, to: good.lane, data: "0x" as Hex };
    const { lane: _, ...fields } = empty;
    expect((await signer.sign(empty)).raw).to.equal(
      await account.signTransaction({ ...fields, type: "eip1559", chainId: deployment.chainId, value: 0n }),
    );
  }).timeout(20_000);

  it("puts no value into a transaction", async () => {
    const parsed = parseTransaction((await signer.sign(good)).raw);
    expect(parsed.value ?? 0n).to.equal(0n);
    expect(parsed.chainId).to.equal(31_337);
  });

  it("signs a call to the lane itself without data: it only uses the nonce up", async () => {
    expect((await signer.sign({ ...good, to: good.lane, data: "0x" })).raw).to.match(/^0x02/);
  });

  const call = (functionName: string, args: readonly unknown[]): Hex =>
    encodeFunctionData({ abi: stablecoinAbi, functionName, args } as never);
  const dispatch = (target: Address, data: Hex): { readonly to: Address; readonly data: Hex } => ({
    to: deployment.dispatcher,
    data: encodeFunctionData({
      abi: dispatcherAbi,
      functionName: "execute",
      args: [
        [
          { target: coin, gasLimit: 1n, data: encodeSettle([]) },
          { target, gasLimit: 1n, data },
        ],
      ],
    }),
  });

  it("signs a list of calls that it would sign one by one", async () => {
    expect((await signer.sign({ ...good, ...dispatch(coin, encodeSettle([])) })).raw).to.match(/^0x02/);
  });

  const refused: readonly [string, () => Partial<LaneTransaction>][] = [
    ["a lane it has no key for", () => ({ lane: at(0xbad) })],
    ["an address that is not ours", () => ({ to: at(0xbad) })],
    ["the access manager", () => ({ to: deployment.authority })],
    ["another lane", () => ({ to: signer.lanes[1] as Address, data: "0x" })],
    ["the lane itself with data", () => ({ to: good.lane })],
    ["a coin without data", () => ({ data: "0x" })],
    ["a transfer of the lane's own coins", () => ({ data: call("transfer", [at(5), 1n]) })],
    ["an approval", () => ({ data: call("approve", [at(5), 1n]) })],
    ["a restricted function", () => ({ data: call("freeze", [at(5), 1n, word(1), 9n]) })],
    ["a function of the dispatcher that is none", () => ({ to: deployment.dispatcher, data: "0x12345678" })],
    ["a list with a call that it would not sign alone", () => dispatch(coin, call("transfer", [at(5), 1n]))],
    ["a list with a call of an address that is not ours", () => dispatch(at(0xbad), encodeSettle([]))],
    ["a list within a list", () => dispatch(deployment.dispatcher, dispatch(coin, encodeSettle([])).data)],
    [
      "a function of another contract of ours",
      () => ({
        data: encodeFunctionData({ abi: redemptionEscrowAbi, functionName: "reclaim", args: [word(1)] }),
      }),
    ],
    ["gas above the protocol's cap", () => ({ gas: 16_777_217n })],
    ["no gas", () => ({ gas: 0n })],
    ["a fee above the cap", () => ({ maxFeePerGas: cap + 1n })],
    ["a priority fee above the fee", () => ({ maxFeePerGas: cap - 1n })],
    ["a negative nonce", () => ({ nonce: -1 })],
    ["half a nonce", () => ({ nonce: 0.5 })],
  ];
  for (const [title, change] of refused) {
    it(`refuses ${title}`, async () => {
      const message = await refusalOf(signer.sign({ ...good, ...change() }));
      expect(message).to.not.include(key(1).slice(2));
    });
  }
});

describe("createLaneSigner with a funder", () => {
  let signer: LaneSigner;
  let good: LaneTransaction;
  let time = 0;

  beforeEach(async () => {
    time = 1_000;
    const funder = { key: key(9), topUp: 10n, perDay: 25n, now: () => time };
    signer = await createLaneSigner({
      keys: [key(1)],
      spareKeys: [key(2)],
      deployment,
      maxFeePerGas: cap,
      funder,
    });
    good = {
      lane: signer.funder as Address,
      nonce: 0,
      to: signer.lanes[0] as Address,
      data: "0x",
      gas: transferGas,
      value: 10n,
      maxFeePerGas: cap,
      maxPriorityFeePerGas: cap,
    };
  });

  it("signs a plain transfer to a lane, as viem would", async () => {
    const { lane: _, ...fields } = good;
    const account = privateKeyToAccount(key(9));
    expect(good.lane).to.equal(account.address.toLowerCase());
    expect((await signer.sign(good)).raw).to.equal(
      await account.signTransaction({ ...fields, type: "eip1559", chainId: deployment.chainId }),
    );
  });

  it("signs for stored lanes as well, and a no-op of its own", async () => {
    await signer.sign({ ...good, to: signer.lanes[1] as Address });
    await signer.sign({ ...good, nonce: 1, to: good.lane, value: 0n });
  });

  it("is none of the lanes, and no lane's key can be its own", async () => {
    expect(signer.lanes).to.not.include(signer.funder);
    const funder = { key: key(1), topUp: 10n, perDay: 25n };
    await refusalOf(createLaneSigner({ keys: [key(1)], deployment, maxFeePerGas: cap, funder }));
  });

  it("gives no more than the cap in any 24 hours, and a nonce signed again once", async () => {
    await signer.sign(good);
    await signer.sign({ ...good, maxFeePerGas: cap, maxPriorityFeePerGas: 1n });
    await signer.sign({ ...good, nonce: 1 });
    await signer.sign({ ...good, nonce: 2, value: 5n });
    await refusalOf(signer.sign({ ...good, nonce: 3, value: 1n }));
    time += 86_399_999;
    await refusalOf(signer.sign({ ...good, nonce: 3, value: 1n }));
    time += 1;
    await signer.sign({ ...good, nonce: 3 });
  });

  const refused: readonly [string, () => Partial<LaneTransaction>][] = [
    ["a stranger", () => ({ to: at(0xbad) })],
    ["a coin", () => ({ to: coin })],
    ["itself with value", () => ({ to: good.lane })],
    ["data", () => ({ data: "0x00" })],
    ["a call of ours", () => ({ to: coin, data: encodeSettle([]), value: 0n })],
    ["one wei more than a top-up", () => ({ value: 11n })],
    ["nothing", () => ({ value: 0n })],
    ["less than nothing", () => ({ value: -1n })],
    ["more gas than a transfer takes", () => ({ gas: transferGas + 1n })],
    ["a fee above the cap", () => ({ maxFeePerGas: cap + 1n })],
    ["a lane's value to another lane", () => ({ lane: signer.lanes[0] as Address, to: signer.lanes[1] as Address })],
    ["a lane's value to itself", () => ({ lane: signer.lanes[0] as Address })],
    [
      "a lane's call with value",
      () => ({ lane: signer.lanes[0] as Address, to: coin, data: encodeSettle([]), value: 1n }),
    ],
  ];
  for (const [title, change] of refused) {
    it(`refuses ${title}, and counts nothing for it`, async () => {
      const message = await refusalOf(signer.sign({ ...good, ...change() }));
      expect(message).to.not.include(key(9).slice(2));
      await signer.sign({ ...good, nonce: 1 });
      await signer.sign({ ...good, nonce: 2 });
      await signer.sign({ ...good, nonce: 3, value: 5n });
    });
  }
});

describe("createOrderSigner", () => {
  const mint = (depositId: number, amount: bigint): UnsignedOrder => ({
    kind: "mint",
    coin,
    depositId: word(depositId),
    to: at(9),
    amount,
    deadline: 2_000_000_000,
  });
  const orders: readonly (readonly [OrderRole, UnsignedOrder])[] = [
    ["dealer", mint(1, 5n)],
    ["attestor", { kind: "attest", orderId: word(1), coin, amount: 1n, asOf: 1, reportHash: word(2), deadline: 9 }],
    ["issuer", { kind: "minting", orderId: word(1), coin, enabled: true, deadline: 9 }],
    [
      "freezer",
      { kind: "freeze", orderId: word(1), coin, account: at(9), amount: null, caseId: word(2), until: 9, deadline: 9 },
    ],
    ["freezer", { kind: "unfreeze", orderId: word(1), coin, account: at(9), caseId: word(2), deadline: 9 }],
    ...(["accept", "reject", "mark-sent", "confirm"] as const).map((kind): readonly [OrderRole, UnsignedOrder] => [
      "agent",
      { kind, id: word(7), coin, from: "locked", reference: word(3), deadline: 9 },
    ]),
    ["seizer", { kind: "seize", orderId: word(1), coin, account: at(9), amount: 5n, caseId: word(2), deadline: 9 }],
    ["approver", { kind: "approve-mint", coin, mintKey: word(6), deadline: 9 }],
    ["cosigner", { kind: "approve", id: word(7), coin, from: "accepted", reference: word(0), deadline: 9 }],
    ["arbiter", { kind: "resolve", id: word(7), coin, from: "disputed", reference: word(3), paid: true, deadline: 9 }],
  ];
  const roles: readonly OrderRole[] = [
    "dealer",
    "attestor",
    "issuer",
    "freezer",
    "agent",
    "seizer",
    "approver",
    "cosigner",
    "arbiter",
  ];
  const keys = Object.fromEntries(roles.map((role, i) => [role, key(10 + i)]));
  let toTyped: Awaited<ReturnType<typeof createEncoder>>["toTyped"];

  before(async () => {
    ({ toTyped } = await createEncoder(deployment));
  });

  for (const [role, order] of orders) {
    it(`signs ${order.kind} with the ${role}'s key alone`, async () => {
      const signer = await createOrderSigner(keys);
      const typed = toTyped(order);
      const signature = await signer.sign(role, typed);
      const { domain, primaryType, message } = typed;
      const recovered = await recoverTypedDataAddress({
        domain,
        types: typedStructs,
        primaryType,
        message,
        signature,
      } as never);
      expect(recovered.toLowerCase()).to.equal(signer.addressOf(role));
      for (const other of roles.filter((one) => one !== role)) await refusalOf(signer.sign(other, typed));
    });
  }

  it("signs nothing of a holder", async () => {
    const signer = await createOrderSigner(keys);
    const cancel = toTyped({
      kind: "cancel-redemption",
      id: word(7),
      coin,
      from: "locked",
      reference: word(0),
      deadline: 9,
    });
    for (const role of roles) await refusalOf(signer.sign(role, cancel));
  });

  it("has no address for a role without a key, and refuses to sign for it", async () => {
    const signer = await createOrderSigner({ agent: key(14) });
    expect(signer.addressOf("dealer")).to.equal(null);
    await refusalOf(signer.sign("dealer", toTyped(mint(1, 1n))));
  });

  describe("caps what a dealer's key mints in a day", () => {
    let now: number;
    let signer: OrderSigner;
    beforeEach(async () => {
      now = 1_000_000;
      signer = await createOrderSigner(keys, { mintPerDay: 100n, now: () => now });
    });
    const sign = (depositId: number, amount: bigint): Promise<Hex> =>
      signer.sign("dealer", toTyped(mint(depositId, amount)));

    it("to the unit", async () => {
      await sign(1, 60n);
      await sign(2, 40n);
      await refusalOf(sign(3, 1n));
    });

    it("counting the same order once", async () => {
      await sign(1, 100n);
      await sign(1, 100n);
    });

    it("counting nothing that it refused", async () => {
      await refusalOf(sign(1, 101n));
      await sign(2, 100n);
    });

    it("until 24 hours have passed", async () => {
      await sign(1, 100n);
      now += 86_399_999;
      await refusalOf(sign(2, 1n));
      now += 1;
      await sign(2, 100n);
    });
  });
});
