/**
 * Logs as facts where no chain would produce them: torn apart, out of order, of strangers, at the edge of a deadline. What real
 * transactions become is in `node.test.ts`.
 */
import { expect } from "chai";
import { type Abi, encodeAbiParameters, encodeEventTopics, toFunctionSelector } from "viem";
import {
  claimEscrowAbi,
  commerceEscrowAbi,
  fxSwapAbi,
  redemptionEscrowAbi,
  stablecoinAbi,
  treasuryAbi,
  vaspRegistryAbi,
} from "../../src/chain/abi.ts";
import { decodeBlock } from "../../src/chain/decode.ts";
import { type Answers, type KeptTerms, type RawLog, topics } from "../../src/chain/logs.ts";
import { findQuestions } from "../../src/chain/questions.ts";
import { ChainFault } from "../../src/chain/rpc.ts";
import { disputeSeconds, paymentFence } from "../../src/domain/agreement.ts";
import type { BlockFacts } from "../../src/domain/facts.ts";
import { type Address, toWord, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import { stepFence } from "../../src/domain/intent.ts";
import { at, deployment, places, word } from "./places.ts";

const { coin, treasury, redemptions } = places;
const payer = at(1);
const payee = at(2);
const holder = at(3);
const agent = at(4);
const transaction = word(0x77);
const terms: KeptTerms = { holder, acceptBy: 100, payoutBy: 200, finalBy: 300 };

interface AbiEvent {
  readonly type: string;
  readonly name?: string;
  readonly inputs?: readonly { readonly name: string; readonly type: string; readonly indexed?: boolean }[];
}

const abis: Readonly<Record<Address, unknown>> = {
  [treasury]: treasuryAbi,
  [redemptions]: redemptionEscrowAbi,
  [places.claims]: claimEscrowAbi,
  [places.commerce]: commerceEscrowAbi,
  [places.swap]: fxSwapAbi,
  [places.registry]: vaspRegistryAbi,
};

/** A log as the chain would write it; `index` is its place in the block. */
function log(index: number, address: Address, name: string, args: Readonly<Record<string, unknown>>): RawLog {
  const abi = (abis[address] ?? stablecoinAbi) as Abi;
  const event = (abi as readonly AbiEvent[]).find((item) => item.type === "event" && item.name === name);
  const inputs = (event?.inputs ?? []).filter(({ indexed }) => indexed !== true);
  return {
    address,
    topics: encodeEventTopics({ abi, eventName: name, args } as never) as string[],
    data: encodeAbiParameters(inputs, inputs.map((input) => args[input.name]) as never),
    transactionHash: transaction,
    logIndex: `0x${index.toString(16)}`,
  };
}

const used = (index: number, nonce = word(9)): RawLog =>
  log(index, coin, "AuthorizationUsed", { authorizer: payer, nonce });
const transfer = (index: number, from = payer, to = payee, value = 5n, on = coin): RawLog =>
  log(index, on, "Transfer", { from, to, value });
const memo = (index: number): RawLog => log(index, coin, "Memo", { memo: word(0x3e) });
const moved = (index: number, from: number, to: number, actor = agent, ref = zeroWord): RawLog =>
  log(index, redemptions, "RedemptionMoved", { id: word(0x1d), actor, from, to, amount: 5n, ref });

function decode(raws: readonly RawLog[], over: { time?: number; answers?: Partial<Answers> } = {}): BlockFacts {
  const answers: Answers = {
    senders: new Map([[transaction, agent]]),
    frozenWhole: new Set(),
    frozen: new Map(),
    redemptions: new Map([[word(0x1d), terms]]),
    payments: new Map(),
    leaveTimes: new Map(),
    ...over.answers,
  };
  const block = { number: 7, hash: word(1), parent: word(2), time: over.time ?? 50 };
  return decodeBlock({ block, raws, deployment, answers, slots: [] });
}

function expectTorn(raws: readonly RawLog[], over: Parameters<typeof decode>[1] = {}): void {
  expect(() => decode(raws, over))
    .to.throw(ChainFault)
    .that.includes({ kind: "evidence", retryable: true });
}

describe("decodeBlock", () => {
  it("knows every event of our contracts: read, or left alone on purpose", () => {
    const leftAlone = [
      // allowances move nothing
      "Approval",
      // settings: read by view where they matter
      "AuthorityUpdated",
      "EIP712DomainChanged",
      "PauseChanged",
      "TreasuryChanged",
      "EscrowFlagged",
      "DealerChanged",
      "ReservesAttested",
      "MintingChanged",
      "AttestationLifetimeChanged",
      "RedemptionsChanged",
      "CustodyChanged",
      "VaspRegistryChanged",
      "TravelRuleLimitChanged",
      "VaspChanged",
      "SunsetAnnounced",
      "RedemptionSecondKeyLimitChanged",
      // operators: read by view where they matter
      "VaspRegistered",
      "VaspAdminOffered",
      "VaspAdminChanged",
      "VaspBaseUrlChanged",
      "VaspKeyChanged",
      "VaspSuspendedChanged",
      "TravelAttestationsWithdrawn",
      // a deposit that was not minted is as it was
      "MintSkipped",
      // the coin's own Transfer says what moved
      "EscrowCreditWithdrawn",
      "RedemptionBurnDeferred",
      "RedemptionPendingBurned",
    ];
    const read = new Set<string>(Object.values(topics));
    const unread = new Set<string>();
    for (const abi of [stablecoinAbi, ...Object.values(abis)] as readonly Abi[]) {
      for (const item of abi) {
        if (item.type !== "event") continue;
        const [topic] = encodeEventTopics({ abi: [item], eventName: item.name } as never);
        if (!read.has(topic as string)) unread.add(item.name);
      }
    }
    expect(unread).to.deep.equal(new Set(leftAlone));
  });

  it("sorts logs, lowers their letters and drops those of strangers", () => {
    const upper = (raw: RawLog): RawLog => ({
      ...raw,
      address: `0x${raw.address.slice(2).toUpperCase()}`,
      topics: raw.topics.map((topic) => `0x${topic.slice(2).toUpperCase()}`),
      transactionHash: `0x${raw.transactionHash.slice(2).toUpperCase()}`,
    });
    const facts = decode([upper(transfer(4)), transfer(9, payer, payee, 1n, at(0xbad)), upper(used(3))]);
    expect(facts.movements).to.deep.equal([
      {
        transaction,
        logIndex: 4,
        kind: "transfer",
        coin,
        from: payer,
        to: payee,
        amount: 5n,
        memo: null,
        fence: { scope: coin, subject: payer, key: word(9) },
      },
    ]);
    expect(facts.fences).to.have.length(1);
  });

  describe("a used authorization", () => {
    it("carries payee, amount and the memo right after", () => {
      const [fence] = decode([used(3), transfer(4), memo(5)]).fences;
      expect(fence).to.deep.equal({
        transaction,
        logIndex: 3,
        fence: { scope: coin, subject: payer, key: word(9) },
        how: "used",
        match: { payee, amount: 5n, memo: word(0x3e) },
        by: agent,
      });
    });

    it("has no memo when another payment lies between", () => {
      const [fence, other] = decode([used(3), transfer(4), used(5, word(10)), transfer(6), memo(7)]).fences;
      expect([fence?.match.memo, other?.match.memo]).to.deep.equal([null, word(0x3e)]);
    });

    const torn: readonly [string, readonly RawLog[]][] = [
      ["is followed by nothing", [used(3)]],
      ["is not followed directly", [used(3), transfer(5)]],
      ["is followed by another payer's payment", [used(3), transfer(4, payee)]],
      ["is followed by something else", [used(3), memo(4)]],
      ["is followed in another transaction", [used(3), { ...transfer(4), transactionHash: word(0x78) }]],
    ];
    for (const [title, raws] of torn) it(`stops everything when it ${title}`, () => expectTorn(raws));

    it("stops everything when nobody said who sent it", () => {
      expectTorn([used(3), transfer(4)], { answers: { senders: new Map() } });
    });
  });

  describe("a mint", () => {
    const minted = (on = coin): RawLog =>
      log(3, treasury, "Minted", { depositId: word(0xd), dealer: agent, to: payee, coin: on, amount: 5n });

    it("stops everything without its payment", () => {
      expectTorn([minted()]);
      expectTorn([minted(), transfer(5, zeroAddress)]);
    });

    it("is found before what the Treasury says of it, in a batch", () => {
      const said = (index: number, depositId: Word): RawLog =>
        log(index, treasury, "Minted", { depositId, dealer: agent, to: payee, coin, amount: 5n });
      const facts = decode([
        transfer(3, zeroAddress),
        said(4, word(0xd)),
        transfer(5, zeroAddress),
        said(6, word(0xe)),
        said(7, word(0xf)),
        transfer(8, zeroAddress),
      ]);
      expect(facts.movements.map(({ fence }) => fence?.key)).to.deep.equal([word(0xd), word(0xe), word(0xf)]);
    });

    it("for a returned payout is nobody's intent", () => {
      const said = log(3, treasury, "ReturnMinted", {
        redemptionId: word(0x1d),
        dealer: agent,
        to: payee,
        coin,
        amount: 5n,
      });
      const facts = decode([said, transfer(4, zeroAddress)]);
      expect(facts.fences).to.deep.equal([]);
      expect(facts.movements[0]).to.include({ kind: "mint", fence: null });
      expectTorn([said]);
    });

    it("of a coin of another deployment consumes the deposit and moves nothing", () => {
      const facts = decode([minted(at(0xbad)), transfer(4, zeroAddress, payee, 5n, at(0xbad))]);
      expect(facts.movements).to.have.length(0);
      expect(facts.fences[0]).to.deep.include({
        fence: { scope: treasury, subject: zeroAddress, key: word(0xd) },
        match: { payee, amount: 5n },
      });
    });
  });

  describe("a redemption's step", () => {
    it("stops everything when a creation tells no terms", () => {
      expectTorn([moved(3, 0, 1)]);
    });

    it("stops everything when the state is unknown", () => {
      expectTorn([moved(3, 1, 7)]);
    });

    it("explains the payment right after it, and is told without one where the coin refused", () => {
      const paid = decode([moved(3, 1, 5, holder), transfer(4, redemptions, holder)]);
      expect(paid.movements[0]?.fence).to.deep.equal(stepFence(redemptions, word(0x1d), "locked"));
      const credited = log(4, redemptions, "EscrowCredited", {
        id: word(0x1d),
        coin,
        party: holder,
        payer: holder,
        amount: 5n,
      });
      const refused = decode([moved(3, 1, 5, holder), credited]);
      expect(refused.movements).to.have.length(0);
      expect(refused.fences).to.have.length(1);
    });

    const returns: readonly [number, number, Address, Word, string][] = [
      [1, 99, holder, zeroWord, "cancel-redemption"],
      [1, 99, agent, zeroWord, "reject"],
      [1, 99, holder, word(1), "reject"],
      [1, 100, holder, zeroWord, "reclaim"],
      [2, 199, holder, zeroWord, "reject"],
      [2, 199, agent, word(1), "reject"],
      [2, 200, agent, zeroWord, "reclaim"],
      [3, 300, agent, zeroWord, "reclaim"],
      [6, 300 + disputeSeconds, agent, zeroWord, "reclaim"],
    ];
    /** What a step's match says of its reference: of those that have one. */
    const referring = (kind: string, ref: Word) =>
      ["reject", "mark-sent", "confirm", "resolve"].includes(kind) ? { memos: { [kind]: ref } } : {};
    for (const [from, time, actor, ref, kind] of returns) {
      it(`from state ${from} to returned at ${time} by ${actor === holder ? "the holder" : "the agent"} is ${kind}`, () => {
        const [fence] = decode([moved(3, from, 5, actor, ref)], { time }).fences;
        expect(fence?.match).to.deep.equal({ kinds: [kind], ...referring(kind, ref) });
      });
    }

    it("stops everything when nobody said what its deadlines are", () => {
      expectTorn([moved(3, 1, 5)], { answers: { redemptions: new Map() } });
    });

    for (const [to, payee] of [
      [4, zeroAddress],
      [5, redemptions],
    ] as const) {
      it(`from a dispute into state ${to} is a decision for one side`, () => {
        const [fence] = decode([moved(3, 6, to)], { time: 300 + disputeSeconds - 1 }).fences;
        expect(fence?.match).to.deep.equal({ kinds: ["resolve"], payee, ...referring("resolve", zeroWord) });
      });
    }

    for (const [from, to, kind] of [
      [1, 2, "accept"],
      [2, 3, "mark-sent"],
      [3, 4, "confirm"],
      [3, 6, "dispute"],
    ] as const) {
      it(`into state ${to} is ${kind}`, () => {
        const [fence] = decode([moved(3, from, to, agent, word(2))]).fences;
        expect(fence?.match).to.deep.equal({ kinds: [kind], ...referring(kind, word(2)) });
      });
    }
  });

  describe("a skipped row", () => {
    const skipped = (reason: string): RawLog =>
      log(3, coin, "RowSkipped", { index: 0n, authorizer: payer, nonce: word(9), reason });

    it("of a selector nobody knows is reverted", () => {
      expect(decode([skipped("0xdeadbeef")]).skips).to.deep.equal([
        { transaction, logIndex: 3, fence: { scope: coin, subject: payer, key: word(9) }, reason: "reverted" },
      ]);
    });

    it("of a freeze is the payer's only where the payer is frozen", () => {
      const selector = toFunctionSelector("StablecoinFrozen(address)");
      expect(decode([skipped(selector)]).skips[0]?.reason).to.equal("payee_frozen");
      const frozenWhole = new Set([coin + payer]);
      expect(decode([skipped(selector)], { answers: { frozenWhole } }).skips[0]?.reason).to.equal("payer_frozen");
    });
  });

  describe("a disbursement", () => {
    const disbursed = (index: number, nonce = word(9)): RawLog =>
      log(index, coin, "Disbursed", { from: payer, nonce, total: 9n, paid: 6n });
    const skipped = (index: number, nonce = word(9)): RawLog =>
      log(index, coin, "RowSkipped", { index: 0n, authorizer: payer, nonce, reason: "0x12345678" });

    it("consumes its authorization with no single payee, whatever of it was skipped", () => {
      const facts = decode([
        used(3),
        transfer(4, payer, payee, 2n),
        skipped(5),
        transfer(6, payer, holder, 4n),
        disbursed(7),
      ]);
      const fence = { scope: coin, subject: payer, key: word(9) };
      expect(facts.fences).to.deep.equal([
        {
          transaction,
          logIndex: 3,
          fence,
          how: "used",
          match: { payee: zeroAddress, amount: 6n, memo: null },
          by: agent,
        },
      ]);
      expect(facts.skips).to.deep.equal([]);
      expect(facts.movements.map(({ amount, fence: cause }) => [amount, cause])).to.deep.equal([
        [2n, fence],
        [4n, fence],
      ]);
    });

    it("may pay nobody", () => {
      const facts = decode([used(3), skipped(4), disbursed(5)]);
      expect([facts.fences.length, facts.skips.length, facts.movements.length]).to.deep.equal([1, 0, 0]);
    });

    it("is none when another authorization's end follows", () => {
      expect(decode([used(3), transfer(4), disbursed(5, word(8))]).fences[0]?.match.payee).to.equal(payee);
      expectTorn([used(3), skipped(4), disbursed(5, word(8))]);
    });
  });

  describe("an attestation that a payment used", () => {
    const across = (index: number): RawLog =>
      log(index, places.registry, "TravelAttestationUsed", { coin, payer, payee, amount: 5n });

    it("stands between the authorization and its payment without tearing them", () => {
      expect(decode([used(3), across(4), transfer(5), memo(6)]).fences[0]?.match).to.deep.equal({
        payee,
        amount: 5n,
        memo: word(0x3e),
      });
    });
  });

  describe("a seizure", () => {
    const logs = [
      log(3, coin, "OrderUsed", { signer: agent, orderId: word(7), digest: word(8) }),
      transfer(4, payer, holder),
      log(5, coin, "Seized", { account: payer, caseId: word(1), custody: holder, amount: 5n }),
    ];

    it("says what is still frozen and whose order moved the coins", () => {
      const facts = decode(logs, { answers: { frozen: new Map([[coin + payer, 3n]]) } });
      expect(facts.freezes).to.deep.equal([{ transaction, logIndex: 5, coin, account: payer, frozen: 3n }]);
      expect(facts.movements[0]?.fence).to.deep.equal({ scope: coin, subject: agent, key: word(7) });
      expect(facts.fences[0]?.match).to.deep.equal({ digest: word(8) });
      expect(findQuestions(logs, () => true).seized).to.deep.equal([{ coin, account: payer }]);
    });

    it("stops everything when nobody said what is still frozen", () => expectTorn(logs));
  });

  describe("an agreement", () => {
    const { claims, commerce, swap } = places;
    const id = word(0xc1);
    const payment = (index: number, step: number, totals: readonly bigint[], amount = 5n): RawLog => {
      const [captured = 0n, voided = 0n, refunded = 0n] = totals;
      return log(index, commerce, "PaymentMoved", {
        id,
        actor: agent,
        step,
        amount,
        fee: 1n,
        captured,
        voided,
        refunded,
      });
    };
    const claimed = (index: number, from: number, to: number): RawLog =>
      log(index, claims, "ClaimMoved", { id, actor: agent, from, to, amount: 5n, party: payee });

    it("stops everything when it is made without its terms", () => {
      expectTorn([claimed(3, 0, 1)]);
      expectTorn([payment(3, 1, [])]);
    });

    it("stops everything in a state or at a step that is unknown", () => {
      expectTorn([claimed(3, 1, 6)]);
      expectTorn([payment(3, 8, [])], { answers: { payments: new Map([[id, stood]]) } });
      expectTorn([payment(3, 0, [])], { answers: { payments: new Map([[id, stood]]) } });
    });

    const stood = { authorized: 20n, captured: 5n, voided: 0n, disputed: false };

    it("leaves the state that the payment stood in, step by step inside one block", () => {
      const logs = [payment(3, 2, [10n]), payment(4, 6, [10n]), payment(5, 3, [10n, 5n]), payment(6, 7, [15n, 5n])];
      const facts = decode(logs, { answers: { payments: new Map([[id, stood]]) } });
      const left = [
        { captured: 5n, voided: 0n, disputed: false },
        { captured: 10n, voided: 0n, disputed: false },
        { captured: 10n, voided: 0n, disputed: true },
        { captured: 10n, voided: 5n, disputed: true },
      ];
      expect(facts.fences.map(({ fence }) => fence)).to.deep.equal(
        left.map((totals) => paymentFence(commerce, id, totals)),
      );
      expect(facts.agreements.map(({ step, state }) => [step, state])).to.deep.equal([
        ["capture", "authorized"],
        ["dispute", "disputed"],
        ["void", "disputed"],
        ["resolve", "closed"],
      ]);
      expect(facts.agreements.at(-1)?.totals).to.deep.equal({
        captured: 15n,
        voided: 5n,
        refunded: 0n,
        disputed: false,
      });
      expectTorn(logs);
    });

    it("explains each payment right after a step, past those that became a credit", () => {
      const credited = log(5, commerce, "EscrowCredited", { id, coin, party: holder, payer, amount: 1n });
      const logs = [
        payment(3, 2, [10n, 10n]),
        transfer(4, commerce),
        credited,
        transfer(6, commerce, payer),
        transfer(7),
      ];
      const { movements } = decode(logs, { answers: { payments: new Map([[id, stood]]) } });
      const fence = paymentFence(commerce, id, stood);
      expect(movements.map((movement) => movement.fence)).to.deep.equal([fence, fence, null]);
    });

    it("stops everything when a swap is not followed by its four payments", () => {
      const swapped = log(3, swap, "Swapped", {
        id,
        maker: payer,
        taker: payee,
        sellCoin: coin,
        sellAmount: 1n,
        buyCoin: places.quetzal,
        buyAmount: 2n,
      });
      expectTorn([swapped]);
      expectTorn([swapped, used(4), transfer(5, payer, swap)]);
      expectTorn([swapped, transfer(4)]);
    });
  });

  it("tells the consent that members come and go by, and none where there was none", () => {
    const { registry } = places;
    const joined = log(3, registry, "VaspJoined", { vasp: 2n, account: payer, key: agent, joinId: word(0x70) });
    const leaving = (index: number, leaveId: Word): RawLog =>
      log(index, registry, "VaspLeaving", { vasp: 2n, account: payer, actor: payer, leaveAt: 9n, leaveId });
    const { fences } = decode([joined, leaving(4, word(0x71)), leaving(5, zeroWord)]);
    expect(fences.map(({ fence, match }) => [fence, match])).to.deep.equal([
      [
        { scope: registry, subject: payer, key: word(0x70) },
        { kinds: ["join"], memo: toWord(2n) },
      ],
      [{ scope: registry, subject: payer, key: word(0x71) }, { kinds: ["leave"] }],
    ]);
    expect(findQuestions([joined], () => true)).to.deep.equal(findQuestions([], () => true));
  });

  it("tells a freeze that ran out as nothing frozen", () => {
    const released = log(3, coin, "FreezeReleased", {
      account: payer,
      caseId: word(1),
      amount: 2n ** 256n - 1n,
      until: 9n,
    });
    expect(decode([released]).freezes).to.deep.equal([{ transaction, logIndex: 3, coin, account: payer, frozen: 0n }]);
  });

  it("stops everything when data is cut short", () => {
    const whole = transfer(3);
    expectTorn([{ ...whole, data: whole.data.slice(0, 40) }]);
    expectTorn([{ ...whole, topics: whole.topics.slice(0, 2) }]);
  });
});

describe("findQuestions", () => {
  it("asks once for each sender not known, each payer behind a freeze, each return", () => {
    const frozen = toFunctionSelector("StablecoinFrozen(address)");
    const skip = (index: number, reason: string): RawLog =>
      log(index, coin, "RowSkipped", { index: 0n, authorizer: payer, nonce: toWord(1n), reason });
    const raws = [
      used(1),
      transfer(2),
      used(3),
      transfer(4),
      skip(5, frozen),
      skip(6, frozen),
      skip(7, "0x12345678"),
      moved(8, 1, 5),
      moved(9, 2, 3),
    ];
    expect(findQuestions(raws, () => false)).to.deep.equal({
      transactions: [transaction],
      payers: [{ coin, account: payer }],
      seized: [],
      redemptions: [{ escrow: redemptions, id: word(0x1d) }],
      payments: [],
      leavers: [],
    });
    expect(findQuestions(raws, () => true).transactions).to.deep.equal([]);
  });

  it("asks nothing about plain payments", () => {
    expect(Object.values(findQuestions([transfer(1)], () => false)).flat()).to.deep.equal([]);
  });
});
