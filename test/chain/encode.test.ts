/**
 * What each kind of draft becomes: who must have signed, which fence it consumes, who pays and receives, until when, and which call carries
 * it out. Digests and rows are in `vectors.test.ts`, acceptance by the contracts in `node.test.ts`.
 */
import { expect } from "chai";
import { decodeFunctionData, keccak256 } from "viem";
import { isFresh } from "../../scripts/abi.ts";
import { claimEscrowAbi, redemptionEscrowAbi, stablecoinAbi, treasuryAbi } from "../../src/chain/abi.ts";
import { createEncoder, encodeSettle } from "../../src/chain/encode.ts";
import { createDigest, type Digest, loadKeccak } from "../../src/chain/digest.ts";
import { gasLimits, gasReserves, never } from "../../src/chain/encoding.ts";
import { paymentFence, type PaymentTerms, type QuoteTerms, toDivisionMemo } from "../../src/domain/agreement.ts";
import type { Draft, StepDraft, TransferDraft } from "../../src/domain/draft.ts";
import { type Address, type Hex, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import { approvalFence, type IntentFacts, type IntentKind, stepFence } from "../../src/domain/intent.ts";
import type { Encoder } from "../../src/pipeline/ports.ts";
import { at, deployment, places, word } from "./places.ts";

const { coin, treasury, redemptions } = places;
const [alice, bob, signer] = [at(1), at(2), at(3)] as const;
const compact: Hex = `0x${"11".repeat(32)}91${"22".repeat(31)}`;
const signature: Hex = `0x${"11".repeat(32)}11${"22".repeat(31)}1c`;
const deadline = 1_000;
const order = { coin, deadline, signer, signature } as const;
const terms = {
  coin,
  holder: alice,
  amount: 10_000n,
  payout: word(0x9a),
  acceptBy: 100,
  payoutBy: 200,
  finalBy: 300,
  salt: word(0x5a),
};
const transfer: TransferDraft = {
  kind: "transfer",
  coin,
  authorization: { from: alice, to: bob, value: 7n, validAfter: 3, validBefore: 9, nonce: word(5) },
  memo: word(0x3e),
  signature,
  reference: "rent",
};
const id = word(0x1d);
const other: Hex = `0x${"33".repeat(32)}11${"44".repeat(31)}1b`;
const payment: PaymentTerms = {
  coin,
  payer: alice,
  merchant: bob,
  amount: 9n,
  feeReceiver: zeroAddress,
  minFeeBps: 0,
  maxFeeBps: 0,
  arbiter: signer,
  authorizeBy: 100,
  captureBy: 200,
  refundBy: 300,
  salt: word(1),
};
const quote: QuoteTerms = {
  maker: alice,
  taker: bob,
  sellCoin: coin,
  sellAmount: 3n,
  buyCoin: places.quetzal,
  buyAmount: 4n,
  validBefore: 500,
  salt: word(2),
};

interface Case {
  readonly draft: Draft;
  readonly signer: Address | null;
  readonly facts: Partial<IntentFacts>;
  readonly to: Address;
  readonly call: string;
}

/** Whom the steps that are about somebody are about; a decision not to pay leaves the coins with the escrow. */
const payees: Readonly<Partial<Record<StepDraft["kind"], Address>>> = {
  "cancel-redemption": signer,
  dispute: signer,
  approve: signer,
  resolve: redemptions,
};

/** Steps that refer to something outside: their order signs it, their log tells it. */
const referring: ReadonlySet<string> = new Set(["reject", "mark-sent", "confirm", "resolve"]);

const step = (kind: StepDraft["kind"], from: StepDraft["from"], call: string): Case => ({
  draft: { ...order, kind, id, from, reference: word(0xbe) },
  signer,
  facts: {
    fence: kind === "approve" ? approvalFence(redemptions, id) : stepFence(redemptions, id, from),
    payer: null,
    payee: payees[kind] ?? null,
    amount: 0n,
    validBefore: deadline + 1,
    memo: referring.has(kind) ? word(0xbe) : null,
    subject: id,
  },
  to: redemptions,
  call,
});

const cases: readonly Case[] = [
  {
    draft: { kind: "cancel", coin, authorizer: alice, nonce: word(5), signature },
    signer: alice,
    facts: {
      fence: { scope: coin, subject: alice, key: word(5) },
      payer: null,
      payee: alice,
      amount: 0n,
      validBefore: never,
      subject: null,
    },
    to: coin,
    call: "cancelAuthorization",
  },
  {
    draft: { ...order, kind: "mint", depositId: word(0xd), to: bob, amount: 9n },
    signer,
    facts: {
      fence: { scope: treasury, subject: zeroAddress, key: word(0xd) },
      payer: null,
      payee: bob,
      amount: 9n,
      validBefore: deadline + 1,
      subject: word(0xd),
    },
    to: treasury,
    call: "mintBySig",
  },
  step("cancel-redemption", "locked", "cancelBySig"),
  step("accept", "locked", "acceptBySig"),
  step("reject", "accepted", "rejectBySig"),
  step("mark-sent", "accepted", "markSentBySig"),
  step("confirm", "sent", "confirmBySig"),
  {
    draft: { kind: "reclaim", id, coin, from: "sent" },
    signer: null,
    facts: {
      fence: stepFence(redemptions, id, "sent"),
      payer: null,
      payee: null,
      amount: 0n,
      validBefore: never,
      subject: id,
      digest: keccak256(`${redemptions}${id.slice(2)}03`),
    },
    to: redemptions,
    call: "reclaim",
  },
  step("approve", "accepted", "approveBySig"),
  step("dispute", "sent", "disputeBySig"),
  step("resolve", "disputed", "resolveBySig"),
  {
    draft: { ...order, kind: "approve-mint", mintKey: word(0x4b) },
    signer,
    facts: {
      fence: { scope: treasury, subject: signer, key: word(0x4b) },
      payer: null,
      payee: null,
      amount: 0n,
      validBefore: deadline + 1,
      subject: word(0x4b),
    },
    to: treasury,
    call: "approveMintBySig",
  },
  {
    draft: { ...order, kind: "seize", orderId: word(0x0d), account: bob, amount: 6n, caseId: word(0xca) },
    signer,
    facts: {
      fence: { scope: coin, subject: signer, key: word(0x0d) },
      payer: null,
      payee: bob,
      amount: 6n,
      validBefore: deadline + 1,
      subject: word(0x0d),
    },
    to: coin,
    call: "seizeBySig",
  },
  ...(
    [
      ["attest", { amount: 5n, asOf: 4, reportHash: word(0xab) }, "attestBySig"],
      ["minting", { enabled: true }, "setMintingBySig"],
    ] as const
  ).map(
    ([kind, rest, call]): Case => ({
      draft: { ...order, kind, orderId: word(0x0d), ...rest } as Draft,
      signer,
      facts: {
        fence: { scope: treasury, subject: signer, key: word(0x0d) },
        payer: null,
        payee: null,
        amount: 0n,
        validBefore: deadline + 1,
        subject: word(0x0d),
      },
      to: treasury,
      call,
    }),
  ),
  ...(
    [
      ["freeze", { amount: null, caseId: word(0xca), until: 8 }, "freezeBySig"],
      ["unfreeze", { caseId: word(0xca) }, "unfreezeBySig"],
    ] as const
  ).map(
    ([kind, rest, call]): Case => ({
      draft: { ...order, kind, orderId: word(0x0d), account: bob, ...rest } as Draft,
      signer,
      facts: {
        fence: { scope: coin, subject: signer, key: word(0x0d) },
        payer: null,
        payee: bob,
        amount: 0n,
        validBefore: deadline + 1,
        subject: word(0x0d),
      },
      to: coin,
      call,
    }),
  ),
];

function decode(data: Hex): { readonly functionName: string; readonly args: readonly unknown[] } {
  const abi = [...stablecoinAbi, ...treasuryAbi, ...redemptionEscrowAbi, ...claimEscrowAbi];
  return decodeFunctionData({ abi, data }) as { functionName: string; args: readonly unknown[] };
}

describe("createEncoder", () => {
  let encoder: Encoder;
  let digestOf: Digest;
  before(async () => {
    encoder = await createEncoder(deployment);
    digestOf = createDigest(await loadKeccak());
  });

  it("rests on ABIs that are the build's", () => {
    expect(isFresh()).to.equal(true);
  });

  for (const { draft, signer: expected, facts, to, call } of cases) {
    it(`makes ${draft.kind} a call of ${call}`, () => {
      const encoded = encoder.encode(draft);
      const { digest } = encoded.facts;
      expect(encoded.consents).to.deep.equal(expected === null ? [] : [{ signer: expected, signature, digest }]);
      expect(encoded.facts).to.deep.include({
        memo: null,
        ...facts,
        kind: draft.kind,
        coin,
        validAfter: 0,
        reference: null,
      });
      const { action } = encoded.facts;
      if (action.kind !== "call") throw new Error("a row");
      expect([action.to, action.gas]).to.deep.equal([to, gasLimits[draft.kind]]);
      const { functionName, args } = decode(action.data);
      expect(functionName).to.equal(call);
      if (draft.kind !== "reclaim") expect(args.at(-1)).to.equal(signature);
    });
  }

  it("makes a lock a call under the coin's fence", () => {
    const redemptionId = encoder.redemptionId(terms);
    const { facts, consents } = encoder.encode({ kind: "lock", terms, signature });
    expect(consents).to.deep.equal([{ signer: alice, signature, digest: facts.digest }]);
    expect(facts).to.deep.include({
      fence: { scope: coin, subject: alice, key: redemptionId },
      payer: alice,
      payee: redemptions,
      amount: 10_000n,
      validAfter: 0,
      validBefore: terms.acceptBy,
      memo: null,
      subject: redemptionId,
      coin,
    });
    expect(encoder.toTyped({ kind: "lock", terms, signature })).to.deep.include({
      primaryType: "ReceiveWithAuthorization",
      message: { from: alice, to: redemptions, value: 10_000n, validAfter: 0n, validBefore: 100n, nonce: redemptionId },
    });
  });

  it("makes a transfer a row", () => {
    const { facts, consents } = encoder.encode(transfer);
    expect(consents).to.deep.equal([{ signer: alice, signature, digest: facts.digest }]);
    expect(facts).to.deep.include({
      fence: { scope: coin, subject: alice, key: word(5) },
      payer: alice,
      payee: bob,
      amount: 7n,
      validAfter: 3,
      validBefore: 9,
      memo: word(0x3e),
      subject: null,
      reference: "rent",
    });
    expect(facts.action.kind).to.equal("row");
  });

  it("gives one digest to a signature written in two ways", () => {
    const other = encoder.encode({ ...transfer, signature: compact }).facts;
    expect(other.digest).to.equal(encoder.encode(transfer).facts.digest);
    expect(other.action).to.deep.equal(encoder.encode(transfer).facts.action);
  });

  it("hands a call the 65 bytes of a compact signature, and a contract's signature as it is", () => {
    const cancel = { kind: "cancel", coin, authorizer: alice, nonce: word(5) } as const;
    const lastOf = (given: Hex): unknown => {
      const { action } = encoder.encode({ ...cancel, signature: given }).facts;
      return action.kind === "call" ? decode(action.data).args.at(-1) : null;
    };
    expect(lastOf(compact)).to.equal(signature);
    expect(lastOf("0xabcdef")).to.equal("0xabcdef");
  });

  it("gives a different digest when any field of any draft differs", () => {
    const digests = new Set<string>();
    let count = 0;
    const see = (draft: Draft): void => {
      digests.add(encoder.encode(draft).facts.digest);
      count++;
    };
    const { authorization } = transfer;
    see(transfer);
    see({ ...transfer, memo: null });
    see({ ...transfer, memo: zeroWord });
    for (const change of [
      { from: bob },
      { to: alice },
      { value: 8n },
      { validAfter: 4 },
      { validBefore: 10 },
      { nonce: word(6) },
    ]) {
      see({ ...transfer, authorization: { ...authorization, ...change } });
    }
    for (const { draft } of cases) see(draft);
    see({ ...order, kind: "reject", id, from: "locked", reference: word(0xbe) });
    see({ ...order, kind: "freeze", orderId: word(0x0d), account: bob, amount: 1n, caseId: word(0xca), until: 8 });
    see({ kind: "reclaim", id, coin, from: "locked" });
    expect(digests.size).to.equal(count);
  });

  it("makes a transfer that no row can carry a call of its own", () => {
    const far = { ...transfer.authorization, validBefore: 2 ** 40 };
    const withMemo = encoder.encode({ ...transfer, authorization: far }).facts.action;
    const without = encoder.encode({ ...transfer, authorization: far, memo: null }).facts.action;
    if (withMemo.kind !== "call" || without.kind !== "call") throw new Error("a row");
    expect(decode(withMemo.data).functionName).to.equal("transferWithMemo");
    expect(decode(without.data).functionName).to.equal("transferWithAuthorization");
    expect(decode(without.data).args).to.deep.equal([alice, bob, 7n, 3n, 2n ** 40n, word(5), signature]);
  });

  it("throws for a coin of another deployment", () => {
    expect(() => encoder.encode({ ...transfer, coin: at(0xbad) })).to.throw(RangeError);
    expect(() => encoder.encode({ kind: "lock", terms: { ...terms, coin: at(0xbad) }, signature })).to.throw(
      RangeError,
    );
    expect(() => encoder.encode({ ...order, coin: at(0xbad), kind: "minting", orderId: id, enabled: true })).to.throw(
      RangeError,
    );
  });

  it("throws for what does not fit its type", () => {
    const broken: readonly Partial<TransferDraft["authorization"]>[] = [
      { value: -1n },
      { value: 2n ** 256n },
      { nonce: "0x12" },
      { from: word(1) },
      { to: `0x${"zz".repeat(20)}` },
    ];
    for (const change of broken) {
      expect(() => encoder.encode({ ...transfer, authorization: { ...transfer.authorization, ...change } })).to.throw(
        RangeError,
      );
    }
  });

  it("has nothing to sign for a public exit, and nothing for a second where one signs", () => {
    const exits: readonly Draft[] = [
      { kind: "reclaim", id, coin, from: "locked" },
      { kind: "reclaim-claim", id, coin },
      { kind: "reclaim-payment", terms: payment, captured: 0n, voided: 0n, disputed: false },
      { kind: "complete-leave", coin, account: alice, leaveAt: 7 },
    ];
    for (const exit of exits) {
      expect(() => encoder.toTyped(exit), exit.kind).to.throw(RangeError);
      expect(encoder.encode(exit).consents, exit.kind).to.deep.equal([]);
      expect(encoder.encode(exit).facts.validBefore, exit.kind).to.equal(never);
    }
    expect(() => encoder.toTyped(transfer, "second")).to.throw(RangeError);
  });

  it("pays or gives back by one decision, and says which", () => {
    const decide = (paid: boolean): IntentFacts =>
      encoder.encode({ ...order, kind: "resolve", id, from: "disputed", reference: word(1), paid }).facts;
    expect([decide(true).payee, decide(false).payee]).to.deep.equal([zeroAddress, redemptions]);
  });

  describe("what two must agree to", () => {
    const capture = { amount: 9n, captured: 0n, voided: 0n, feeBps: 0, voidRest: false, deadline: 50 };
    const both: readonly (readonly [Draft, readonly (readonly [Address, string])[]])[] = [
      [
        {
          ...order,
          kind: "claim",
          id,
          recipient: bob,
          attestor: { signer: alice, signature: other },
        },
        [
          [signer, "ClaimTo"],
          [alice, "AttestClaim"],
        ],
      ],
      [
        { kind: "charge", terms: payment, signature, capture, merchantSignature: other },
        [
          [alice, "ReceiveWithAuthorization"],
          [bob, "Capture"],
        ],
      ],
      [
        { kind: "swap", terms: quote, makerSignature: signature, takerSignature: other },
        [
          [alice, "ReceiveWithAuthorization"],
          [bob, "ReceiveWithAuthorization"],
        ],
      ],
      [
        { ...order, kind: "join", account: bob, vasp: 1, joinId: id, accountSignature: other },
        [
          [signer, "JoinVasp"],
          [bob, "JoinVasp"],
        ],
      ],
    ];
    for (const [draft, parties] of both) {
      it(`is asked of both in a ${draft.kind}`, () => {
        const { consents } = encoder.encode(draft);
        expect(consents.map((consent) => consent.signer)).to.deep.equal(parties.map(([party]) => party));
        expect(consents.map((consent) => consent.signature)).to.deep.equal([signature, other]);
        for (const [i, by] of (["first", "second"] as const).entries()) {
          const typed = encoder.toTyped(draft, by);
          expect(typed.primaryType).to.equal(parties[i]?.[1]);
          expect(digestOf(typed)).to.equal(consents[i]?.digest);
        }
      });
    }

    it("is one signature where a claim names no attestor", () => {
      const alone = encoder.encode({ ...order, kind: "claim", id, recipient: bob, attestor: null });
      expect(alone.consents).to.have.length(1);
      const { action } = alone.facts;
      expect(action.kind === "call" && decode(action.data).args.at(-1)).to.equal("0x");
    });

    it("makes a swap known by its quote, whose sides are signed for their own coins", () => {
      const { facts } = encoder.encode({
        kind: "swap",
        terms: quote,
        makerSignature: signature,
        takerSignature: other,
      });
      const quoteId = encoder.agreementId({ kind: "quote", terms: quote });
      expect(facts).to.deep.include({
        digest: quoteId,
        fence: { scope: places.swap, subject: zeroAddress, key: quoteId },
        coin: places.quetzal,
        payer: bob,
        payee: alice,
        amount: quote.buyAmount,
        validBefore: quote.validBefore,
      });
    });
  });

  describe("a payment's steps", () => {
    const totals = { captured: 3n, voided: 2n };
    const paymentId = (): Word => encoder.agreementId({ kind: "payment", terms: payment });
    const cases: readonly (readonly [Draft, Partial<IntentFacts>, boolean])[] = [
      [
        {
          kind: "capture",
          terms: payment,
          order: { ...totals, amount: 4n, feeBps: 0, voidRest: false, deadline: 999 },
          signature,
        },
        { payee: bob, amount: 4n, validBefore: payment.captureBy },
        false,
      ],
      [
        { kind: "void", terms: payment, order: { ...totals, amount: 4n, deadline: 10 }, disputed: true, signature },
        { payee: alice, amount: 4n, validBefore: 11 },
        true,
      ],
      [
        { kind: "dispute-payment", terms: payment, ...totals, deadline: 10, signature },
        { payee: alice, amount: 0n, validBefore: 11 },
        false,
      ],
      [
        { kind: "resolve-payment", terms: payment, ...totals, toMerchant: 1n, feeBps: 0, deadline: 10, signature },
        { payee: bob, amount: 1n, validBefore: 11 },
        true,
      ],
      [
        { kind: "reclaim-payment", terms: payment, ...totals, disputed: false },
        { payee: alice, amount: payment.amount - 5n, validBefore: never },
        false,
      ],
    ];
    for (const [draft, facts, disputed] of cases) {
      it(`leave the state they expect: ${draft.kind}`, () => {
        const encoded = encoder.encode(draft).facts;
        expect(encoded).to.deep.include({ ...facts, payer: null, subject: paymentId() });
        expect(encoded.fence).to.deep.equal(paymentFence(places.commerce, paymentId(), { ...totals, disputed }));
      });
    }

    const capture = (change: object): IntentFacts => {
      const order = { ...totals, amount: 1n, feeBps: 0, voidRest: false, deadline: 999, ...change };
      return encoder.encode({ kind: "capture", terms: dear, order, signature }).facts;
    };
    const dear: PaymentTerms = { ...payment, amount: 90_000n, maxFeeBps: 10_000, feeReceiver: alice };

    it("are told apart by what a capture does with the fee and the rest", () => {
      const amount = 50_000n;
      const orders = [{}, { feeBps: 100 }, { voidRest: true }, { feeBps: 100, voidRest: true }];
      const memos = orders.map((order) => capture({ amount, ...order }).memo);
      expect(memos).to.deep.equal([
        toDivisionMemo({ captured: 50_003n, voided: 2n, fee: 0n }),
        toDivisionMemo({ captured: 50_003n, voided: 2n, fee: 500n }),
        toDivisionMemo({ captured: 50_003n, voided: 39_997n, fee: 0n }),
        toDivisionMemo({ captured: 50_003n, voided: 39_997n, fee: 500n }),
      ]);
      expect(capture({ amount: 2n ** 64n, voidRest: true }).memo).to.match(/^0x[0-9a-f]{64}$/);
    });

    it("are told apart by the capture in a charge and by the rate of a decision", () => {
      const order = { captured: 0n, voided: 0n, amount: 60_000n, feeBps: 100, voidRest: true, deadline: 999 };
      const charge = { kind: "charge", terms: dear, signature, capture: order, merchantSignature: signature } as const;
      expect(encoder.encode(charge).facts.memo).to.equal(
        toDivisionMemo({ captured: 60_000n, voided: 30_000n, fee: 600n }),
      );
      const asked = { terms: dear, ...totals, toMerchant: 10_000n, feeBps: 200, deadline: 10 };
      expect(encoder.encode({ kind: "resolve-payment", ...asked, signature }).facts.memo).to.equal(
        toDivisionMemo({ captured: 10_003n, voided: 79_997n, fee: 200n }),
      );
    });

    it("are the merchant's own payment in a refund, whose nonce tells what was refunded before", () => {
      const refund = (refunded: bigint): IntentFacts =>
        encoder.encode({ kind: "refund", terms: payment, amount: 2n, refunded, signature }).facts;
      const key = keccak256(`${paymentId()}${keccak256("0x726566756e64").slice(2)}${word(7).slice(2)}`);
      expect(refund(7n)).to.deep.include({
        fence: { scope: coin, subject: bob, key },
        payer: bob,
        payee: places.commerce,
        amount: 2n,
        validBefore: payment.refundBy,
      });
      expect(refund(8n).fence.key).to.not.equal(key);
    });
  });

  it("gives every kind a gas limit inside the protocol's cap", () => {
    for (const [kind, limit] of Object.entries(gasLimits)) {
      expect(limit > gasReserves[kind as IntentKind] && limit < 2_000_000n, kind).to.equal(true);
    }
  });
});

describe("encodeSettle", () => {
  it("joins rows without anything between them", () => {
    const { functionName, args } = decode(encodeSettle(["0x0102", "0x03"]));
    expect([functionName, args]).to.deep.equal(["settle", ["0x010203"]]);
    expect(decode(encodeSettle([])).args).to.deep.equal(["0x"]);
  });
});
