/**
 * The parts of a chaos run without its processes: options, chance, the audit against what a chain says, and the bad provider in front of a small
 * server. The run itself is test/e2e/chaos.test.ts.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type ChainFacts, isClean, judgePayments } from "../../scripts/chaos/audit.ts";
import { readOptions } from "../../scripts/chaos/options.ts";
import type { Payment } from "../../scripts/chaos/payers.ts";
import { type Proxy, startProxy } from "../../scripts/chaos/proxy.ts";
import { createRandom } from "../../scripts/chaos/random.ts";
import { createWallClock } from "../../scripts/chaos/wall.ts";
import { toWord } from "../../src/domain/hex.ts";

const ana = `0x${"a1".repeat(20)}` as const;
const luis = `0x${"b2".repeat(20)}` as const;

describe("chaos options", () => {
  it("have defaults, and a seed that is drawn", () => {
    const options = readOptions([]);
    expect(options).to.include({ minutes: 2, chain: "hardhat", store: "sqlite", json: false, keep: false });
    expect(options?.seed).to.be.within(0, 2 ** 32 - 1);
    expect(readOptions(["--seed", "7", "--minutes", "0.5"])).to.include({ seed: 7, minutes: 0.5 });
    expect(options).to.include({ nodes: 1, events: null });
    expect(readOptions(["--store", "postgres"])).to.include({ store: "postgres", nodes: 2 });
    expect(readOptions(["--store", "postgres", "--nodes", "4"])).to.include({ nodes: 4 });
    expect(readOptions(["--events", "kill, wall clock,kill"])?.events).to.deep.equal(["kill", "wall clock"]);
    expect(readOptions(["--help"])).to.equal(null);
  });

  for (const wrong of [
    ["--minutes", "0"],
    ["--minutes", "1441"],
    ["--minutes", "soon"],
    ["--seed", "-1"],
    ["--seed", "4294967296"],
    ["--chain", "none"],
    ["--store", "memory"],
    ["--nodes", "2"],
    ["--store", "postgres", "--nodes", "0"],
    ["--store", "postgres", "--nodes", "5"],
    ["--store", "postgres", "--nodes", "1.5"],
    ["--events", "kill,thunder"],
    ["--unkind"],
  ]) {
    it(`refuse ${wrong.join(" ")}`, () => {
      expect(() => readOptions(wrong)).to.throw();
    });
  }
});

describe("createRandom", () => {
  it("gives the same choices for the same seed, and others for another", () => {
    const draw = (seed: number): number[] => {
      const random = createRandom(seed);
      return Array.from({ length: 20 }, () => random.within(1, 1_000));
    };
    expect(draw(7)).to.deep.equal(draw(7));
    expect(draw(7)).to.not.deep.equal(draw(8));
  });

  it("stays within its bounds and reaches both, keeps all when it shuffles, and happens about as often as told", () => {
    const random = createRandom(1);
    const drawn = new Set(Array.from({ length: 500 }, () => random.within(3, 6)));
    expect([...drawn].toSorted((a, b) => a - b)).to.deep.equal([3, 4, 5, 6]);
    expect(random.shuffle([1, 2, 3, 4, 5]).toSorted((a, b) => a - b)).to.deep.equal([1, 2, 3, 4, 5]);
    const times = Array.from({ length: 1_000 }, () => random.happens(0.1)).filter(Boolean).length;
    expect(times).to.be.within(60, 140);
    expect(() => random.pick([])).to.throw(RangeError);
  });
});

describe("the audit of a chaos run", () => {
  const nonce = toWord(7n);
  const payment = (changes: Partial<Payment> = {}): Payment => ({
    payer: ana,
    payee: luis,
    amount: 1_000n,
    nonce,
    id: "pay_1",
    state: "settled",
    why: null,
    views: [],
    ...changes,
  });
  const used = { authorizer: ana, nonce } as const;
  const paid = { from: ana, to: luis, value: 1_000n } as const;
  const paidOnce: ChainFacts = { authorizations: [used], transfers: [paid] };
  const never: ChainFacts = { authorizations: [], transfers: [] };
  const judge = (facts: ChainFacts, changes: Partial<Payment> = {}) => {
    const audit = judgePayments([payment(changes)], facts);
    const { lost, doubled, falseEnds, unanswered, disputed } = audit;
    expect(audit.findings.length).to.equal(lost + doubled + falseEnds + unanswered + disputed);
    expect(isClean(audit)).to.equal(audit.findings.length === 0);
    return { lost, doubled, falseEnds, unanswered, disputed };
  };
  const clean = { lost: 0, doubled: 0, falseEnds: 0, unanswered: 0, disputed: 0 };

  it("finds nothing where settled is paid once, and expired or refused is not paid", () => {
    expect(judge(paidOnce)).to.deep.equal(clean);
    expect(judge(never, { state: "expired" })).to.deep.equal(clean);
    expect(judge(never, { state: "refused", id: null, why: "nonce_in_use" })).to.deep.equal(clean);
  });

  it("finds what was accepted and has not ended, or is not known any more", () => {
    for (const state of ["accepted", "sent", "included", "unknown"]) {
      expect(judge(never, { state }), state).to.deep.equal({ ...clean, lost: 1 });
    }
  });

  it("finds a payment made twice, under its nonce or under two", () => {
    expect(judge({ ...paidOnce, transfers: [paid, paid] })).to.deep.equal({ ...clean, doubled: 1 });
    expect(judge({ ...paidOnce, authorizations: [used, used] })).to.deep.equal({ ...clean, doubled: 1 });
  });

  it("finds ends that are not true", () => {
    expect(judge(never)).to.deep.equal({ ...clean, falseEnds: 1 });
    expect(judge({ ...paidOnce, transfers: [] }), "the nonce was used by another payment").to.include({ falseEnds: 1 });
    for (const state of ["expired", "cancelled", "superseded", "refused"]) {
      expect(judge(paidOnce, { state, id: state === "refused" ? null : "pay_1" }), state).to.deep.equal({
        ...clean,
        falseEnds: 1,
      });
    }
  });

  it("finds what the nodes do not agree on, whoever is right", () => {
    expect(judge(paidOnce, { views: ["settled in 7", "settled in 7"] })).to.deep.equal(clean);
    expect(judge(paidOnce, { views: ["settled in 7", "settled in 8"] })).to.deep.equal({ ...clean, disputed: 1 });
  });

  it("finds what never got an answer, paid or not", () => {
    expect(judge(paidOnce, { state: "asked", id: null })).to.deep.equal({ ...clean, unanswered: 1 });
  });
});

describe("the bad provider", () => {
  const hash = `0x${"12".repeat(32)}`;
  let calls: string[];
  let proxy: Proxy;
  let closeChain: () => void;

  beforeEach(async () => {
    calls = [];
    const chain = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as { id: number; method: string; params: unknown[] };
        const answer = ({ id, method, params }: typeof body) => {
          calls.push(`${method} ${String(params[0] ?? "")}`.trim());
          const results: Record<string, unknown> = {
            eth_blockNumber: "0x10",
            eth_getTransactionReceipt: { status: "0x1" },
          };
          return { jsonrpc: "2.0", id, result: results[method] ?? hash };
        };
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(Array.isArray(body) ? body.map(answer) : answer(body)));
      });
    });
    chain.listen(0, "127.0.0.1");
    await once(chain, "listening");
    closeChain = () => chain.close();
    proxy = await startProxy(`http://127.0.0.1:${(chain.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    await proxy.close();
    closeChain();
  });

  async function ask(method: string, ...params: readonly unknown[]): Promise<{ result?: unknown; error?: unknown }> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const answer = await fetch(proxy.url, { method: "POST", body });
    return (await answer.json()) as { result?: unknown; error?: unknown };
  }
  const isBroken = async (work: Promise<unknown>): Promise<boolean> =>
    work.then(
      () => false,
      () => true,
    );

  it("passes calls and batches on while it is good", async () => {
    expect((await ask("eth_sendRawTransaction", "0x02")).result).to.equal(hash);
    const body = JSON.stringify([1, 2].map((id) => ({ jsonrpc: "2.0", id, method: "eth_chainId", params: [] })));
    const batch = (await (await fetch(proxy.url, { method: "POST", body })).json()) as { id: number }[];
    expect(batch.map(({ id }) => id)).to.deep.equal([1, 2]);
    expect(proxy.spoiled).to.equal(0);
  });

  it("delivers nothing when cut, and delivers without an answer when mute", async () => {
    proxy.mood = "cut";
    expect(await isBroken(ask("eth_sendRawTransaction", "0x02"))).to.equal(true);
    expect(calls).to.deep.equal([]);
    proxy.mood = "mute";
    expect(await isBroken(ask("eth_sendRawTransaction", "0x02"))).to.equal(true);
    expect(calls).to.deep.equal(["eth_sendRawTransaction 0x02"]);
    expect(proxy.spoiled).to.equal(2);
  });

  it("delivers and lies: an error, another hash, no receipt, an old head", async () => {
    proxy.mood = "errors";
    expect((await ask("eth_sendRawTransaction", "0x02")).error).to.deep.include({ code: -32_000 });
    proxy.mood = "foreign";
    expect((await ask("eth_sendRawTransaction", "0x02")).result).to.not.equal(hash);
    expect((await ask("eth_chainId")).result).to.equal(hash);
    proxy.mood = "blank";
    expect((await ask("eth_getTransactionReceipt", hash)).result).to.equal(null);
    proxy.mood = "behind";
    await ask("eth_getBlockByNumber", "latest", false);
    expect(calls.at(-1)).to.equal("eth_getBlockByNumber 0xd");
    expect(calls.filter((call) => call.startsWith("eth_sendRaw"))).to.have.length(2);
    expect(proxy.spoiled).to.equal(4);
  });

  it("springs a trap once, before the call reaches the chain or after", async () => {
    const seen: string[] = [];
    for (const when of ["before", "after"] as const) {
      proxy.trap = { method: "eth_chainId", when, spring: () => void seen.push(`${when}: ${calls.length}`) };
      await ask("eth_gasPrice");
      await ask("eth_chainId");
      await ask("eth_chainId");
    }
    expect(seen).to.deep.equal(["before: 1", "after: 5"]);
    expect(proxy.trap).to.equal(null);
  });
});

describe("the wall clock of a node under chaos", () => {
  /** Answers each line it gets with what its clocks say, and ends with its input. */
  const program = `
    process.stdin.on("data", () => {
      const made = new Date();
      process.stdout.write(JSON.stringify({
        now: Date.now(), made: made.getTime(), text: Date.parse(Date()), given: new Date(7).getTime(), utc: Date.UTC(2030, 0),
        isDate: made instanceof Date && made.constructor === Date, monotonic: performance.now(),
      }) + "\\n");
    });`;
  interface Told {
    readonly now: number;
    readonly made: number;
    readonly text: number;
    readonly given: number;
    readonly utc: number;
    readonly isDate: boolean;
    readonly monotonic: number;
  }
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-clock-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("P13: moves ten minutes either way for the process, and no other clock with it", async () => {
    const clock = createWallClock(join(folder, "clock"));
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "-e", program], {
      env: { ...process.env, ...clock.env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ask = async (): Promise<Told> => {
      child.stdin.write("?\n");
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      return JSON.parse(line.toString()) as Told;
    };
    try {
      let before = await ask();
      for (const offset of [0, 600_000, 0, -600_000]) {
        expect(await clock.moveTo(offset, child.pid ?? 0)).to.equal(true);
        expect(clock.offset).to.equal(offset);
        const told = await ask();
        const truth = Date.now();
        for (const read of [told.now, told.made, told.text]) expect(read - truth - offset).to.be.within(-5_000, 5_000);
        expect([told.given, told.utc, told.isDate]).to.deep.equal([7, Date.UTC(2030, 0), true]);
        expect(told.monotonic - before.monotonic).to.be.within(0, 5_000);
        before = told;
      }
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });

  it("says so when the process does not take it up", async () => {
    const clock = createWallClock(join(folder, "clock"));
    expect(await clock.moveTo(600_000, process.pid)).to.equal(false);
  });
});
