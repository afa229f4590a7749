/**
 * Logs as facts where no chain would produce them: torn apart, out of order, of strangers, at the edge of a deadline. What real
 * transactions become is in `node.test.ts`.
 */
import { expect } from "chai";
import { type Abi, encodeAbiParameters, encodeEventTopics, toFunctionSelector } from "viem";
import { redemptionEscrowAbi, stablecoinAbi, treasuryAbi } from "../../src/chain/abi.ts";
import {
  type Answers,
  decodeBlock,
  findQuestions,
  type KeptTerms,
  type RawLog,
  topics,
} from "../../src/chain/decode.ts";
import { ChainFault } from "../../src/chain/rpc.ts";
import type { BlockFacts } from "../../src/domain/facts.ts";
import { type Address, toWord, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import { stepFence } from "../../src/domain/intent.ts";
import type { Deployment } from "../../src/pipeline/ports.ts";

const at = (n: number): Address => `0x${n.toString(16).padStart(40, "0")}`;
const word = (n: number): Word => `0x${n.toString(16).padStart(64, "0")}`;
const coin = at(0xc0);
const treasury = at(0xc1);
const redemptions = at(0xc2);
const deployment: Deployment = {
  chainId: 1,
  authority: at(0xc3),
  treasury,
  redemptions,
  coins: [{ symbol: "XUS", name: "Remesa Dollar", version: "1", decimals: 6, address: coin }],
  block: 0,
};
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

/** A log as the chain would write it; `index` is its place in the block. */
function log(index: number, address: Address, name: string, args: Readonly<Record<string, unknown>>): RawLog {
  const abi = (
    address === treasury ? treasuryAbi : address === redemptions ? redemptionEscrowAbi : stablecoinAbi
  ) as Abi;
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
    redemptions: new Map([[word(0x1d), terms]]),
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
      // the coin's own Transfer says what moved
      "EscrowCredited",
      "EscrowCreditWithdrawn",
      "RedemptionBurnDeferred",
      "RedemptionPendingBurned",
    ];
    const read = new Set<string>(Object.values(topics));
    const unread = new Set<string>();
    for (const abi of [stablecoinAbi, treasuryAbi, redemptionEscrowAbi] as readonly Abi[]) {
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
      expectTorn([moved(3, 1, 6)]);
    });

    it("explains the payment right after it, and is told without one where the coin refused", () => {
      const paid = decode([moved(3, 1, 5, holder), transfer(4, redemptions, holder)]);
      expect(paid.movements[0]?.fence).to.deep.equal(stepFence(redemptions, word(0x1d), "locked"));
      const credited = log(4, redemptions, "EscrowCredited", { id: word(0x1d), coin, party: holder, amount: 5n });
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
    ];
    for (const [from, time, actor, ref, kind] of returns) {
      it(`from state ${from} to returned at ${time} by ${actor === holder ? "the holder" : "the agent"} is ${kind}`, () => {
        expect(decode([moved(3, from, 5, actor, ref)], { time }).fences[0]?.match).to.deep.equal({ kinds: [kind] });
      });
    }

    it("stops everything when nobody said what its deadlines are", () => {
      expectTorn([moved(3, 1, 5)], { answers: { redemptions: new Map() } });
    });

    for (const [from, to, kind] of [
      [1, 2, "accept"],
      [2, 3, "mark-sent"],
      [3, 4, "confirm"],
    ] as const) {
      it(`into state ${to} is ${kind}`, () => {
        expect(decode([moved(3, from, to)]).fences[0]?.match).to.deep.equal({ kinds: [kind] });
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
      redemptions: [{ escrow: redemptions, id: word(0x1d) }],
    });
    expect(findQuestions(raws, () => true).transactions).to.deep.equal([]);
  });

  it("asks nothing about plain payments", () => {
    expect(findQuestions([transfer(1)], () => false)).to.deep.equal({ transactions: [], payers: [], redemptions: [] });
  });
});
