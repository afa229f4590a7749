/**
 * Claims, payments, swaps and families through the Chain port on a real client: each step's facts, the fence it consumes, that exactly one
 * kind of intent is settled by it, and that its call has gas to spare.
 */
import { expect } from "chai";
import { createSandbox } from "../../src/chain/sandbox.ts";
import { type ClaimTerms, disputeSeconds, type PaymentTerms, type QuoteTerms } from "../../src/domain/agreement.ts";
import type { CaptureOrder, Draft } from "../../src/domain/draft.ts";
import type { AgreementMoved } from "../../src/domain/facts.ts";
import { type Address, type Hex, toWord, type Word, zeroAddress } from "../../src/domain/hex.ts";
import type { IntentFacts, IntentKind } from "../../src/domain/intent.ts";
import { judgeConsumption } from "../../src/domain/lifecycle.ts";
import { gasLimits, gasReserves } from "../../src/chain/encoding.ts";
import { type ActorName, type Mined, type Network, startNetwork } from "./network.ts";

const dollar = 1_000_000n;
const day = 86_400;
const id = (n: number): Word => `0x${n.toString(16).padStart(4, "0").repeat(16)}`;

describe("Agreements on anvil", function () {
  this.timeout(90_000);
  let network: Network;
  let time: number;
  let xus: Address;
  let xgt: Address;

  const address = (name: ActorName): Address => network.actors[name].address;
  const deadline = (): number => time + 60 * day;
  const now = async (): Promise<number> => (await network.head()).time;
  const pass = (seconds: number): Promise<void> => createSandbox(network.local.url).increaseTime(seconds);

  before(async () => {
    network = await startNetwork("anvil");
    time = await now();
    [xus, xgt] = network.deployment.coins.map((coin) => coin.address) as [Address, Address];
    for (const [i, coin] of [xus, xgt].entries()) {
      const attest = { orderId: id(1 + i), coin, amount: 1_000_000n * dollar, asOf: time - 10, deadline: deadline() };
      const signer = address("attestor");
      await network.submit(network.prepare({ kind: "attest", reportHash: id(9), signer, ...attest }, "attestor"));
      for (const [j, name] of (["payer", "merchant"] as const).entries()) {
        const deposit = { depositId: id(0x10 + 2 * i + j), coin, to: address(name), amount: 10_000n * dollar };
        const mint = { kind: "mint", ...deposit, deadline: deadline(), signer: address("dealer") } as const;
        await network.submit(network.prepare(mint, "dealer"));
      }
    }
  });
  after(async () => network?.stop());

  /** Carries an intent out; its fence is consumed by it, by no rival, and by nothing before. */
  async function carryOut(intent: IntentFacts, rivals: readonly IntentFacts[] = []): Promise<Mined> {
    const before = (await network.head()).number;
    expect(await network.chain.isFenceConsumed(intent, before)).to.equal(false);
    const mined = await network.submit(intent);
    expect(mined.facts.slots[0], intent.kind).to.include({ succeeded: true, reason: null });
    const fences = mined.facts.fences.filter(({ fence }) => {
      return JSON.stringify(fence) === JSON.stringify(intent.fence);
    });
    expect(fences, intent.kind).to.have.length(1);
    const [consumed] = fences as [(typeof fences)[number]];
    expect(consumed.by).to.equal(network.lane);
    expect(judgeConsumption(intent, consumed), intent.kind).to.equal("settled");
    for (const rival of rivals) {
      expect(rival.fence, rival.kind).to.deep.equal(intent.fence);
      expect(judgeConsumption(rival, consumed), rival.kind).to.be.oneOf(["superseded", "cancelled"]);
    }
    expect(await network.chain.isFenceConsumed(intent, mined.facts.block.number)).to.equal(true);
    return mined;
  }

  const encode = (draft: Draft): IntentFacts => network.encoder.encode(draft).facts;
  const moveOf = ({ facts }: Mined): AgreementMoved => facts.agreements.at(-1) as AgreementMoved;
  const paymentsOf = ({ facts }: Mined): readonly (readonly [Address, Address, bigint])[] =>
    facts.movements.map(({ from, to, amount }) => [from, to, amount]);

  describe("claims", () => {
    async function open(salt: number, attestor: Address = zeroAddress): Promise<{ id: Word; terms: ClaimTerms }> {
      const start = await now();
      const terms: ClaimTerms = {
        coin: xus,
        sender: address("payer"),
        amount: 25n * dollar,
        linkKey: address("stranger"),
        attestor,
        handle: id(0x4a),
        cancelFrom: start + day,
        expiry: start + 3 * day,
        salt: toWord(BigInt(salt)),
      };
      const mined = await carryOut(network.prepare({ kind: "open-claim", terms }, "payer"));
      const claimId = network.encoder.agreementId({ kind: "claim", terms });
      expect(moveOf(mined)).to.deep.include({
        id: claimId,
        escrow: network.deployment.claims,
        step: "open",
        state: "open",
        amount: 25n * dollar,
        totals: null,
        terms: { kind: "claim", terms },
      });
      expect(paymentsOf(mined)).to.deep.equal([[address("payer"), network.deployment.claims, 25n * dollar]]);
      return { id: claimId, terms };
    }
    const claim = (claimId: Word, recipient: Address, attested: boolean): IntentFacts => {
      const draft = { kind: "claim", id: claimId, coin: xus, recipient, deadline: deadline() } as const;
      const bare: Draft = { ...draft, signer: address("stranger"), signature: "0x", attestor: null };
      const signature = network.signFor(bare, "stranger");
      const attestor = { signer: address("attestor"), signature: network.signFor(bare, "attestor", "second") };
      return encode({ ...bare, signature, attestor: attested ? attestor : null });
    };
    const decline = (claimId: Word): IntentFacts => {
      const draft = { id: claimId, coin: xus, deadline: deadline(), signer: address("stranger") };
      return network.prepare({ kind: "decline-claim", ...draft }, "stranger");
    };
    const cancel = (claimId: Word): IntentFacts => {
      const draft = { id: claimId, coin: xus, deadline: deadline(), signer: address("payer") };
      return network.prepare({ kind: "cancel-claim", ...draft }, "payer");
    };
    const reclaim = (claimId: Word): IntentFacts => encode({ kind: "reclaim-claim", id: claimId, coin: xus });

    it("are claimed, by whom the link's key names", async () => {
      const { id: claimId } = await open(1, address("attestor"));
      const toPayee = claim(claimId, address("payee"), true);
      const rivals = [claim(claimId, address("holder"), true), decline(claimId), cancel(claimId), reclaim(claimId)];
      const mined = await carryOut(toPayee, rivals);
      expect(moveOf(mined)).to.include({ step: "claim", state: "claimed", party: address("payee"), terms: null });
      expect(mined.facts.movements[0]).to.deep.include({ to: address("payee"), fence: toPayee.fence });
      const late = await network.submit(decline(claimId));
      expect(late.facts.slots[0]).to.include({ succeeded: false, reason: "agreement_state_invalid" });
    });

    it("are not claimed without the attestor they name", async () => {
      const { id: claimId } = await open(2, address("attestor"));
      const alone = await network.submit(claim(claimId, address("payee"), false));
      expect(alone.facts.slots[0]).to.include({ succeeded: false, reason: "signature_invalid" });
    });

    it("are declined", async () => {
      const { id: claimId } = await open(3);
      const mined = await carryOut(decline(claimId), [claim(claimId, address("payee"), false), cancel(claimId)]);
      expect(moveOf(mined)).to.include({ step: "decline", state: "declined", party: address("payer") });
      expect(mined.facts.movements[0]).to.include({ to: address("payer") });
    });

    it("are cancelled by their sender, and reclaimed by anyone, each in its time", async () => {
      const { id: claimId } = await open(4);
      const { id: second } = await open(5);
      const early = await network.submit(cancel(claimId));
      expect(early.facts.slots[0]).to.include({ succeeded: false, reason: "not_yet_valid" });
      await pass(day);
      expect(moveOf(await carryOut(cancel(claimId), [reclaim(claimId)])).state).to.equal("cancelled");
      await pass(2 * day);
      const mined = await carryOut(reclaim(second), [cancel(second), decline(second)]);
      expect(moveOf(mined)).to.include({ step: "reclaim", state: "reclaimed", actor: network.lane });
      expect(mined.facts.movements[0]).to.include({ to: address("payer") });
    });
  });

  describe("payments", () => {
    async function toTerms(salt: number): Promise<PaymentTerms> {
      const start = await now();
      return {
        coin: xus,
        payer: address("payer"),
        merchant: address("merchant"),
        amount: 100n * dollar,
        feeReceiver: address("holder"),
        minFeeBps: 0,
        maxFeeBps: 200,
        arbiter: address("arbiter"),
        authorizeBy: start + day,
        captureBy: start + 10 * day,
        refundBy: start + 20 * day,
        salt: toWord(BigInt(salt)),
      };
    }
    async function authorize(salt: number): Promise<PaymentTerms> {
      const terms = await toTerms(salt);
      const mined = await carryOut(network.prepare({ kind: "authorize", terms }, "payer"));
      expect(moveOf(mined)).to.deep.include({
        step: "authorize",
        state: "authorized",
        amount: 100n * dollar,
        totals: { captured: 0n, voided: 0n, refunded: 0n, disputed: false },
        terms: { kind: "payment", terms },
      });
      return terms;
    }
    const order = (amount: bigint, captured: bigint, voided: bigint, voidRest = false): CaptureOrder => {
      const totals = { captured: captured * dollar, voided: voided * dollar };
      return { amount: amount * dollar, ...totals, feeBps: 100, voidRest, deadline: deadline() };
    };
    const capture = (terms: PaymentTerms, asked: CaptureOrder): IntentFacts =>
      network.prepare({ kind: "capture", terms, order: asked }, "merchant");
    const toVoid = (terms: PaymentTerms, asked: CaptureOrder, disputed = false): IntentFacts =>
      network.prepare({ kind: "void", terms, order: asked, disputed }, "merchant");
    const dispute = (terms: PaymentTerms, captured: bigint, voided: bigint): IntentFacts => {
      const totals = { captured: captured * dollar, voided: voided * dollar };
      return network.prepare({ kind: "dispute-payment", terms, ...totals, deadline: deadline() }, "payer");
    };
    const reclaim = (terms: PaymentTerms, captured: bigint, voided: bigint, disputed = false): IntentFacts =>
      encode({ kind: "reclaim-payment", terms, captured: captured * dollar, voided: voided * dollar, disputed });

    it("are captured twice, voided in part, refunded", async () => {
      const terms = await authorize(1);
      const rivals = [toVoid(terms, order(40n, 0n, 0n)), dispute(terms, 0n, 0n), reclaim(terms, 0n, 0n)];
      const asked = order(40n, 0n, 0n);
      const others = [
        order(41n, 0n, 0n),
        { ...asked, feeBps: 200 },
        { ...asked, feeBps: 0 },
        { ...asked, voidRest: true },
      ];
      rivals.push(...others.map((other) => capture(terms, other)));
      const first = await carryOut(capture(terms, asked), rivals);
      expect(moveOf(first)).to.deep.include({
        step: "capture",
        fee: 400_000n,
        totals: { captured: 40n * dollar, voided: 0n, refunded: 0n, disputed: false },
      });
      expect(paymentsOf(first)).to.deep.equal([
        [network.deployment.commerce, address("merchant"), 39_600_000n],
        [network.deployment.commerce, address("holder"), 400_000n],
      ]);
      expect(new Set(first.facts.movements.map(({ fence }) => JSON.stringify(fence))).size).to.equal(1);
      const stale = await network.submit(capture(terms, order(1n, 0n, 0n)));
      expect(stale.facts.slots[0]).to.include({ succeeded: false, reason: "agreement_state_invalid" });

      expect(moveOf(await carryOut(toVoid(terms, order(10n, 40n, 0n)))).state).to.equal("authorized");
      const closing = [reclaim(terms, 40n, 10n), capture(terms, order(30n, 40n, 10n))];
      const last = await carryOut(capture(terms, order(30n, 40n, 10n, true)), closing);
      expect(moveOf(last)).to.deep.include({
        state: "closed",
        totals: { captured: 70n * dollar, voided: 30n * dollar, refunded: 0n, disputed: false },
      });

      const refund = { kind: "refund", terms, amount: 5n * dollar, refunded: 0n } as const;
      const refunded = await carryOut(network.prepare(refund, "merchant"));
      expect(moveOf(refunded)).to.deep.include({ step: "refund", state: "closed" });
      expect(moveOf(refunded).totals?.refunded).to.equal(5n * dollar);
      expect(paymentsOf(refunded)).to.deep.equal([
        [address("merchant"), network.deployment.commerce, 5n * dollar],
        [network.deployment.commerce, address("payer"), 5n * dollar],
      ]);
      expect(refunded.facts.movements.map(({ fence }) => fence?.subject)).to.deep.equal([
        address("merchant"),
        address("merchant"),
      ]);
    });

    it("are charged: authorized and captured at once, which an authorization alone is not", async () => {
      const terms = await toTerms(2);
      const toCharge = (asked: CaptureOrder): IntentFacts => {
        const draft: Draft = { kind: "charge", terms, capture: asked, signature: "0x", merchantSignature: "0x" };
        const [signature, merchantSignature] = [
          network.signFor(draft, "payer"),
          network.signFor(draft, "merchant", "second"),
        ] as [Hex, Hex];
        return encode({ ...draft, signature, merchantSignature });
      };
      const asked = order(60n, 0n, 0n);
      const others = [order(61n, 0n, 0n), { ...asked, feeBps: 200 }, { ...asked, voidRest: true }];
      const charge = toCharge(asked);
      const mined = await carryOut(charge, others.map(toCharge));
      expect(mined.facts.agreements.map(({ step }) => step)).to.deep.equal(["authorize", "capture"]);
      expect(moveOf(mined).totals?.captured).to.equal(60n * dollar);

      const other = await toTerms(3);
      const alone = await carryOut(network.prepare({ kind: "authorize", terms: other }, "payer"));
      const [opened] = alone.facts.fences as [(typeof alone.facts.fences)[number]];
      const late = { ...charge, digest: id(1), payee: opened.match.payee as Address, amount: 100n * dollar };
      expect(judgeConsumption(late, opened)).to.equal("superseded");
    });

    it("are disputed and decided", async () => {
      const terms = await authorize(4);
      const disputed = await carryOut(dispute(terms, 0n, 0n), [capture(terms, order(1n, 0n, 0n))]);
      expect(moveOf(disputed)).to.include({ step: "dispute", state: "disputed" });
      const early = await network.submit(capture(terms, order(1n, 0n, 0n)));
      expect(early.facts.slots[0]).to.include({ succeeded: false, reason: "agreement_state_invalid" });
      expect(moveOf(await carryOut(toVoid(terms, order(20n, 0n, 0n), true))).state).to.equal("disputed");
      const totals = { captured: 0n, voided: 20n * dollar };
      const asked = { terms, toMerchant: 50n * dollar, ...totals, feeBps: 100, deadline: deadline() };
      const resolve = network.prepare({ kind: "resolve-payment", ...asked }, "arbiter");
      const dearer = network.prepare({ kind: "resolve-payment", ...asked, feeBps: 200 }, "arbiter");
      const mined = await carryOut(resolve, [reclaim(terms, 0n, 20n, true), dearer]);
      expect(moveOf(mined)).to.deep.include({
        state: "closed",
        totals: { captured: 50n * dollar, voided: 50n * dollar, refunded: 0n, disputed: false },
      });
      expect(mined.facts.movements).to.have.length(3);
    });

    it("are reclaimed by anyone, in dispute fifteen days later", async () => {
      const [plain, contested] = [await authorize(5), await authorize(6)];
      await carryOut(dispute(contested, 0n, 0n));
      await pass(10 * day);
      const mined = await carryOut(reclaim(plain, 0n, 0n), [capture(plain, order(100n, 0n, 0n))]);
      expect(moveOf(mined)).to.include({ step: "reclaim", state: "closed", amount: 100n * dollar });
      const early = await network.submit(reclaim(contested, 0n, 0n, true));
      expect(early.facts.slots[0]).to.include({ succeeded: false, reason: "not_yet_valid" });
      await pass(disputeSeconds);
      await carryOut(reclaim(contested, 0n, 0n, true));
    });
  });

  describe("swaps", () => {
    async function toQuote(salt: number): Promise<QuoteTerms> {
      return {
        maker: address("merchant"),
        taker: address("payer"),
        sellCoin: xgt,
        sellAmount: 77n * dollar,
        buyCoin: xus,
        buyAmount: 10n * dollar,
        validBefore: (await now()) + day,
        salt: toWord(BigInt(salt)),
      };
    }
    const swap = (terms: QuoteTerms): IntentFacts => {
      const bare: Draft = { kind: "swap", terms, makerSignature: "0x", takerSignature: "0x" };
      const makerSignature = network.signFor(bare, "merchant");
      return encode({ ...bare, makerSignature, takerSignature: network.signFor(bare, "payer", "second") });
    };
    const cancel = (terms: QuoteTerms): IntentFacts =>
      network.prepare({ kind: "cancel-quote", terms, deadline: deadline() }, "merchant");

    it("are carried out whole", async () => {
      const terms = await toQuote(1);
      const intent = swap(terms);
      expect(intent.digest).to.equal(network.encoder.agreementId({ kind: "quote", terms }));
      const mined = await carryOut(intent, [cancel(terms)]);
      expect(paymentsOf(mined)).to.deep.equal([
        [address("merchant"), network.deployment.swap, 77n * dollar],
        [address("payer"), network.deployment.swap, 10n * dollar],
        [network.deployment.swap, address("payer"), 77n * dollar],
        [network.deployment.swap, address("merchant"), 10n * dollar],
      ]);
      for (const { fence } of mined.facts.movements) expect(fence).to.deep.equal(intent.fence);
      expect(mined.facts.fences).to.have.length(3);
    });

    it("wait for whoever is frozen, and say whether it is the taker who asked", async () => {
      const cases = [
        [xus, "payer", "payer_frozen"],
        [xgt, "merchant", "payee_frozen"],
      ] as const;
      for (const [i, [coin, name, reason]] of cases.entries()) {
        const order = { coin, account: address(name), caseId: id(0xcb), deadline: deadline() };
        const freeze = { ...order, orderId: id(0x61 + 2 * i), amount: null, until: (await now()) + day };
        await carryOut(network.prepare({ kind: "freeze", ...freeze, signer: address("freezer") }, "freezer"));
        const { facts } = await network.submit(swap(await toQuote(3 + i)));
        expect(facts.slots[0]).to.include({ succeeded: false, reason });
        const unfreeze = { ...order, orderId: id(0x62 + 2 * i), signer: address("freezer") };
        await carryOut(network.prepare({ kind: "unfreeze", ...unfreeze }, "freezer"));
      }
    });

    it("are cancelled by the maker", async () => {
      const terms = await toQuote(2);
      const mined = await carryOut(cancel(terms), [swap(terms)]);
      expect(mined.facts.fences[0]?.how).to.equal("cancelled");
      const late = await network.submit(swap(terms));
      expect(late.facts.slots[0]).to.include({ succeeded: false, reason: "agreement_state_invalid" });
    });
  });

  describe("families", () => {
    const join = (name: ActorName, operator: "norte" | "sur", joinId: Word): IntentFacts => {
      const vasp = operator === "norte" ? 1 : 2;
      const terms = { coin: xus, account: address(name), vasp, joinId, deadline: deadline() };
      const bare: Draft = {
        kind: "join",
        ...terms,
        signer: address(operator),
        signature: "0x",
        accountSignature: "0x",
      };
      const signature = network.signFor(bare, operator);
      return encode({ ...bare, signature, accountSignature: network.signFor(bare, name, "second") });
    };

    it("are read with their operators", async () => {
      expect(await network.chain.readVasp(1)).to.deep.include({
        id: 1,
        domain: "norte.localhost",
        baseUrl: "http://norte.localhost",
        suspended: false,
      });
      expect(await network.chain.readVasp(9)).to.equal(null);
      const dealer = await network.chain.readDealer(address("dealer"));
      expect([dealer.tier, dealer.available > 4_000_000n * dollar]).to.deep.equal([2, true]);
      expect(await network.chain.readDealer(address("payee"))).to.deep.equal({ tier: 0, available: 0n });
    });

    it("take members in and let them go", async () => {
      const rivals = [join("payee", "sur", id(0x71))];
      const { number } = (await carryOut(join("payee", "norte", id(0x71)), rivals)).facts.block;
      const [account] = await network.chain.readAccounts(xgt, [address("payee")], number);
      expect(account?.vasp).to.equal(1);
      const again = await network.submit(join("payee", "sur", id(0x72)));
      expect(again.facts.slots[0]).to.include({ succeeded: false, reason: "vasp_invalid" });

      expect(await network.chain.readLeaving(address("payee"))).to.equal(null);
      const terms = { coin: xus, account: address("payee"), leaveId: id(0x73), deadline: deadline() };
      const mined = await carryOut(network.prepare({ kind: "leave", ...terms }, "payee"));
      const leaveAt = await network.chain.readLeaving(address("payee"));
      expect(leaveAt).to.equal(mined.facts.block.time + day);
      await pass(day);
      const complete = { kind: "complete-leave", coin: xus, account: address("payee"), leaveAt: leaveAt ?? 0 } as const;
      await carryOut(encode(complete));
      expect(await network.chain.readLeaving(address("payee"))).to.equal(null);
    });

    it("attest payments between them", async () => {
      await carryOut(join("holder", "sur", id(0x74)));
      const draft = {
        kind: "travel-attest",
        vasp: 2,
        attestationId: id(0x75),
        coin: xus,
        payer: address("payer"),
        payee: address("holder"),
        amount: 5n * dollar,
        reference: id(0x76),
        validUntil: (await now()) + day,
        signer: address("sur"),
      } as const;
      const intent = network.prepare(draft, "sur");
      const others = [
        { amount: 6n * dollar },
        { coin: xgt },
        { payer: address("merchant") },
        { reference: id(0x78) },
        { validUntil: draft.validUntil + 1 },
      ];
      await carryOut(
        intent,
        others.map((other) => network.prepare({ ...draft, ...other }, "sur")),
      );
      const foreign = { ...draft, attestationId: id(0x77), signer: address("norte") };
      const refused = await network.submit(network.prepare(foreign, "norte"));
      expect(refused.facts.slots[0]).to.include({ succeeded: false, reason: "signer_not_permitted" });
    });
  });

  describe("orders", () => {
    it("seize what is frozen", async () => {
      const order = { coin: xus, account: address("payer"), caseId: id(0xca), deadline: deadline() };
      const freeze = { ...order, orderId: id(0x81), amount: 9n * dollar, until: (await now()) + 30 * day };
      await carryOut(network.prepare({ kind: "freeze", ...freeze, signer: address("freezer") }, "freezer"));
      const seize = { ...order, orderId: id(0x82), amount: 4n * dollar, signer: address("seizer") };
      const intent = network.prepare({ kind: "seize", ...seize }, "seizer");
      const { facts } = await carryOut(intent);
      expect(facts.movements[0]).to.deep.include({ to: address("custody"), amount: 4n * dollar, fence: intent.fence });
      expect(facts.freezes[0]).to.include({ account: address("payer"), frozen: 5n * dollar });
    });

    it("approve a mint by its key", async () => {
      const mint = { dealer: address("dealer"), coin: xus, depositId: id(0x91), to: address("payee"), amount: dollar };
      const mintKey = network.encoder.mintKey(mint);
      for (const name of ["approver", "approver2"] as const) {
        const order = { coin: xus, mintKey, deadline: deadline(), signer: address(name) };
        await carryOut(network.prepare({ kind: "approve-mint", ...order }, name));
      }
    });
  });

  describe("calls", () => {
    it("have gas to spare for every step", () => {
      const kinds: readonly IntentKind[] = [
        "approve-mint",
        "attest",
        "authorize",
        "cancel-claim",
        "cancel-quote",
        "capture",
        "charge",
        "claim",
        "complete-leave",
        "decline-claim",
        "dispute-payment",
        "freeze",
        "join",
        "leave",
        "mint",
        "open-claim",
        "reclaim-claim",
        "reclaim-payment",
        "refund",
        "resolve-payment",
        "seize",
        "swap",
        "travel-attest",
        "unfreeze",
        "void",
      ];
      expect([...network.gasUsed.keys()].toSorted()).to.deep.equal(kinds);
      const short = [...network.gasUsed].flatMap(([kind, used]) => {
        const room = gasLimits[kind] - gasReserves[kind];
        return used * 5n <= room * 4n ? [] : [`${kind} used ${used} of ${room}`];
      });
      expect(short).to.deep.equal([]);
    });
  });
});
