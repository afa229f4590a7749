/**
 * Several endpoints of one chain: who is asked, what they must agree on, and that neither a silent, a late nor a lying one is believed alone. Guards:
 * finality by the current endpoint alone makes "waits for the one behind" and "halts" fail; dropping `isOut` makes "goes on without it" fail;
 * broadcasting to one makes "goes to all" fail.
 */
import { expect } from "chai";
import { createEndpoints, type EndpointLimits, mergeAnswers } from "../../src/chain/endpoints.ts";
import { ChainFault } from "../../src/chain/rpc.ts";
import { toWord, type Word } from "../../src/domain/hex.ts";
import type { Chain, Notice, SendAnswer } from "../../src/pipeline/ports.ts";
import { createModelChain } from "../support/model-chain.ts";
import { createModelSigner, laneA, wallet } from "../support/model-codec.ts";
import { createManualClock } from "../support/pipeline.ts";
import { createTown, funds, payment } from "../support/town.ts";

const limits: EndpointLimits = { lagBlocks: 3, outMs: 30_000, patienceMs: 20, silentMs: 2_000, sends: 4 };

/** One endpoint's view of a chain, with what can be wrong about it. */
interface View {
  readonly chain: Chain;
  /** Every call fails. */
  isOut: boolean;
  /** Calls do not come back. */
  isSilent: boolean;
  /** Milliseconds before it answers. */
  delayMs: number;
  /** Blocks its head is behind. */
  lag: number;
  /** From this height on it has other blocks. */
  forkAt: number;
  genesis: Word | null;
  asked: string[];
}

function createView(model: Chain): View {
  const view: View = {
    isOut: false,
    isSilent: false,
    delayMs: 0,
    lag: 0,
    forkAt: Number.POSITIVE_INFINITY,
    genesis: null,
    asked: [],
    chain: {} as Chain,
  };
  const fork = <T extends { number: number; hash: Word }>(block: T): T =>
    block.number < view.forkAt ? block : { ...block, hash: toWord(BigInt(block.hash) ^ 1n) };
  const real = model as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const special: Record<string, (...args: unknown[]) => Promise<unknown>> = {
    async head() {
      const head = await model.head();
      const block = view.lag === 0 ? head : await model.block(Math.max(0, head.number - view.lag));
      return fork(block ?? head);
    },
    async block(number) {
      const head = await model.head();
      if ((number as number) > head.number - view.lag) return null;
      const block = await model.block(number as number);
      return block === null ? null : fork(block);
    },
    async identity() {
      const identity = await model.identity();
      return { ...identity, genesis: view.genesis ?? identity.genesis };
    },
  };
  const chain = new Proxy(model, {
    get: (_, name: string) => {
      return async (...args: unknown[]) => {
        view.asked.push(name);
        if (view.isSilent) return new Promise(() => {});
        if (view.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, view.delayMs));
        if (view.isOut) throw new ChainFault("transport", { step: name, message: "cannot reach the node" });
        return (special[name] ?? real[name])?.apply(model, args);
      };
    },
  });
  return Object.assign(view, { chain });
}

function createPair() {
  const clock = createManualClock();
  const model = createModelChain(new Map([1, 2, 3, 4, 5, 6].map((n) => [wallet(n), funds])));
  const [a, b] = [createView(model), createView(model)];
  const notices: Notice[] = [];
  const chain = createEndpoints({
    endpoints: [
      { name: "a", chain: a.chain },
      { name: "b", chain: b.chain },
    ],
    clock,
    notify: (notice) => void notices.push(notice),
    limits,
  });
  const codes = () => notices.map(({ code, subject }) => `${code} ${subject}`);
  return { clock, model, a, b, chain, notices, codes };
}

async function faultOf(promise: Promise<unknown>): Promise<ChainFault> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ChainFault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("createEndpoints", () => {
  describe("head", () => {
    it("is the first endpoint's while it keeps up", async () => {
      const { chain, model, a, b } = createPair();
      expect((await chain.head()).number).to.equal(model.height);
      model.mine(5);
      expect((await chain.head()).number).to.equal(model.height);
      a.asked = [];
      b.asked = [];
      await chain.fees();
      expect([a.asked, b.asked]).to.deep.equal([["fees"], []]);
    });

    it("is the other one's when the first is out, and stays there when it comes back", async () => {
      const { chain, a, b } = createPair();
      await chain.head();
      a.isOut = true;
      await chain.head();
      a.isOut = false;
      await chain.head();
      b.asked = [];
      await chain.fees();
      expect(b.asked).to.deep.equal(["fees"]);
    });

    it("does not wait for a silent one longer than the patience", async () => {
      const { chain, a } = createPair();
      a.isSilent = true;
      const start = performance.now();
      await chain.head();
      await chain.head();
      expect(performance.now() - start).to.be.lessThan(1_000);
    });

    it("leaves one that is more than three blocks behind, and says so once", async () => {
      const { chain, model, a, codes } = createPair();
      model.mine(10);
      a.lag = 3;
      await chain.head();
      expect((await chain.head()).number, "three are allowed").to.equal(model.height - 3);
      a.lag = 4;
      await chain.head();
      expect((await chain.head()).number).to.equal(model.height);
      await chain.head();
      expect(codes()).to.deep.equal(["endpoint_lags a"]);
    });

    it("fails when nobody answers", async () => {
      const { chain, a, b } = createPair();
      a.isOut = true;
      b.isOut = true;
      expect((await faultOf(chain.head())).kind).to.equal("transport");
    });
  });

  describe("reads", () => {
    it("pass over one that fails", async () => {
      const { chain, model, a } = createPair();
      await chain.head();
      a.isOut = true;
      expect(await chain.fees()).to.deep.equal(model.market);
    });

    it("fail as the first did when all do", async () => {
      const { chain, a, b } = createPair();
      await chain.head();
      a.isOut = true;
      b.isOut = true;
      expect((await faultOf(chain.fees())).step).to.equal("fees");
    });
  });

  describe("finalNumber", () => {
    it("is the height at which both have the same final block", async () => {
      const { chain, model } = createPair();
      model.mine(10);
      expect(await chain.finalNumber(await chain.head())).to.equal(model.height - 2);
    });

    it("waits for the one behind", async () => {
      const { chain, model, b } = createPair();
      model.mine(10);
      b.lag = 5;
      await chain.head();
      const head = await chain.head();
      expect(head.number).to.equal(model.height);
      expect(await chain.finalNumber(head)).to.equal(model.height - 7);
    });

    it("waits for one that is silent, and goes on without it after half a minute", async () => {
      const { chain, clock, model, b, codes } = createPair();
      model.mine(10);
      await chain.finalNumber(await chain.head());
      const before = model.height - 2;
      b.isOut = true;
      model.mine(10);
      await chain.head();
      expect(await chain.finalNumber(await chain.head())).to.equal(before);
      clock.advance(30_001);
      expect(await chain.finalNumber(await chain.head())).to.equal(model.height - 2);
      expect(codes()).to.deep.equal(["endpoint_out b"]);
      b.isOut = false;
      await chain.head();
      await chain.head();
      expect(codes().at(-1)).to.equal("endpoint_back b");
    });

    it("takes one that is only slower for what it is: neither silent nor out", async () => {
      const { chain, clock, model, b, codes } = createPair();
      b.delayMs = 10;
      for (let turn = 0; turn < 40; turn++) {
        model.mine();
        clock.advance(1_000);
        await chain.head();
        await new Promise((resolve) => setTimeout(resolve, 12));
      }
      await chain.head();
      expect(codes()).to.deep.equal([]);
      const final = await chain.finalNumber(await chain.head());
      expect(final).to.be.within(model.height - 4, model.height - 2);
    });

    it("waits for one that does not answer at all, and goes on without it after half a minute", async () => {
      const { chain, clock, model, b, codes } = createPair();
      model.mine(10);
      await chain.finalNumber(await chain.head());
      const before = model.height - 2;
      b.isSilent = true;
      model.mine(3);
      await chain.head();
      clock.advance(2_001);
      expect(await chain.finalNumber(await chain.head())).to.equal(before);
      clock.advance(30_001);
      expect(await chain.finalNumber(await chain.head())).to.equal(model.height - 2);
      expect(codes()).to.deep.equal(["endpoint_out b"]);
    });

    it("is a disagreement when a final block differs, whoever is asked first", async () => {
      for (const liar of ["a", "b"] as const) {
        const pair = createPair();
        pair.model.mine(10);
        pair[liar].forkAt = 5;
        await pair.chain.head();
        const found = await pair.chain.finalNumber(await pair.chain.head());
        expect(found).to.have.property("disagreement").that.includes("final block");
      }
    });

    it("is no disagreement while only blocks that are not final differ", async () => {
      const { chain, model, b } = createPair();
      model.mine(10);
      b.forkAt = model.height - 1;
      await chain.head();
      expect(await chain.finalNumber(await chain.head())).to.equal(model.height - 2);
    });

    it("is a disagreement when one that is left out for its lag contradicts", async () => {
      const { chain, clock, model, b } = createPair();
      model.mine(20);
      b.lag = 10;
      b.forkAt = 5;
      await chain.head();
      clock.advance(30_001);
      expect(await chain.finalNumber(await chain.head())).to.have.property("disagreement");
    });
  });

  describe("send", () => {
    it("goes to all, and arrived when one took it", async () => {
      const { chain, a, b } = createPair();
      const { raw, hash } = await createModelSigner().sign({
        lane: laneA,
        nonce: 0,
        to: laneA,
        data: "0x",
        gas: 21_000n,
        maxFeePerGas: 9n,
        maxPriorityFeePerGas: 1n,
      });
      a.isOut = true;
      expect(await chain.send([raw])).to.deep.equal([{ kind: "answered", hash }]);
      expect([a.asked, b.asked]).to.deep.equal([["send"], ["send"]]);
    });

    it("does not wait for a silent one longer than the patience, and gives it no more than four at a time", async () => {
      const { chain, a, b } = createPair();
      a.isSilent = true;
      const start = performance.now();
      for (let nonce = 0; nonce < 8; nonce++) {
        const { raw } = await createModelSigner().sign({
          lane: laneA,
          nonce,
          to: laneA,
          data: "0x",
          gas: 21_000n,
          maxFeePerGas: 9n,
          maxPriorityFeePerGas: 1n,
        });
        const [answer] = await chain.send([raw]);
        expect(answer?.kind).to.equal("answered");
      }
      expect(performance.now() - start).to.be.lessThan(2_000);
      expect([a.asked.length, b.asked.length]).to.deep.equal([4, 8]);
    });

    const answered: SendAnswer = { kind: "answered", hash: "0x01" };
    const unknown: SendAnswer = { kind: "unknown", message: "late" };
    const refused: SendAnswer = { kind: "refused", message: "poor" };
    it("is refused only where all refused it", () => {
      expect(mergeAnswers([refused, answered])).to.equal(answered);
      expect(mergeAnswers([refused, unknown])).to.equal(unknown);
      expect(mergeAnswers([refused, refused])).to.equal(refused);
      expect(mergeAnswers([]).kind).to.equal("unknown");
    });
  });

  describe("identity", () => {
    it("is one endpoint's while the other is out", async () => {
      const { chain, model, a } = createPair();
      a.isOut = true;
      expect(await chain.identity()).to.deep.equal(await model.identity());
    });

    it("is refused when the two are of different chains", async () => {
      const { chain, b } = createPair();
      b.genesis = toWord(666n);
      expect((await faultOf(chain.identity())).kind).to.equal("evidence");
    });

    it("of one that comes later is checked before it is believed: it is never asked anything else", async () => {
      const { chain, model, b, codes } = createPair();
      b.isOut = true;
      await chain.identity();
      await chain.head();
      b.isOut = false;
      b.genesis = toWord(666n);
      model.mine(10);
      await chain.head();
      await chain.head();
      b.asked = [];
      expect(await chain.finalNumber(await chain.head())).to.equal(model.height - 2);
      await chain.fees();
      expect(b.asked).to.deep.equal([]);
      expect(codes()).to.deep.equal(["endpoint_other_chain b"]);
    });
  });
});

describe("a node over two endpoints", () => {
  async function createWorld() {
    const pair = createPair();
    const { model, chain, a, b } = pair;
    // The town mines and looks at the model itself; the pipeline sees only the endpoints.
    const town = await createTown({ chain: new Proxy(chain, {}) });
    const block = async (count = 1): Promise<void> => {
      for (let i = 0; i < count; i++) {
        model.mine();
        town.clock.advance(1_000);
        pair.clock.advance(1_000);
        await town.round();
      }
    };
    return { ...pair, a, b, town, block };
  }

  it("settles with one that lags", async () => {
    const { town, b, block } = await createWorld();
    await block(3);
    b.lag = 2;
    const intent = await town.accept(payment(1));
    await block(9);
    expect((await town.read(intent)).state).to.equal("settled");
  });

  it("settles nothing while one is silent for a moment, and everything once it is left out", async () => {
    const { town, b, block } = await createWorld();
    await block(3);
    const intent = await town.accept(payment(1));
    b.isOut = true;
    await block(9);
    expect((await town.read(intent)).state).to.equal("included");
    await block(30);
    expect((await town.read(intent)).state).to.equal("settled");
  });

  it("halts new sends when they differ on a final block, and settles nothing on either", async () => {
    const { town, model, b, block } = await createWorld();
    await block(3);
    const intent = await town.accept(payment(1));
    await block(1);
    b.forkAt = model.height;
    await block(8);
    expect((await town.store.readHalt())?.reason).to.match(
      /^endpoints_disagree: final block \d+: a has 0x\w+, b has 0x\w+$/,
    );
    expect((await town.read(intent)).state).to.not.equal("settled");
    const later = await town.accept(payment(2));
    await block(3);
    expect((await town.read(later)).state).to.equal("accepted");
    b.forkAt = Number.POSITIVE_INFINITY;
    await town.store.resume("desk: the second endpoint was on a fork", town.clock.now());
    await block(8);
    for (const one of [intent, later]) expect((await town.read(one)).state).to.equal("settled");
  });
});
