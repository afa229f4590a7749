/**
 * A sample of the crash enumeration on a real EVM and a real disk: a process that plays the payments is killed with SIGKILL at a sampled port call,
 * or loses an answer there, with SQLite on disk and every commit synced. Whoever opens the folder next brings every payment to its end, once.
 * Fails when a commit is acknowledged before it is on disk (F20) or bytes are sent before they are committed (F5).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { TransferDraft } from "../../src/domain/draft.ts";
import { type Address, type Hex, toWord, type Word } from "../../src/domain/hex.ts";
import { prepareAttest, prepareMint } from "../chain/expectations.ts";
import { richKeys } from "../chain/local-chain.ts";
import { type Network, startNetwork } from "../chain/network.ts";
import { openHouse, type RealHouse, type RealScene } from "../support/crash-house.ts";
import { type Fault, faultModes } from "../support/faults.ts";
import { formatValue } from "../support/model-text.ts";
import { createRandom } from "../support/random.ts";

const seed = process.env["SEED"] ?? String(Date.now() % 2 ** 31);
const samples = 24;
const value = 400n;
const funds = 1_000_000n;
const payers = ["payer", "holder", "merchant", "stranger"] as const;
const laneKeys = [richKeys[1], richKeys[2]];

/** Digest → sequence of what the process was told, and the port calls of one that came to its end. */
interface Victim {
  readonly told: ReadonlyMap<Word, bigint>;
  readonly calls: number | null;
  readonly killed: boolean;
}

async function runVictim(scene: RealScene): Promise<Victim> {
  const script = fileURLToPath(new URL("../support/crash-child.ts", import.meta.url));
  const child = spawn(process.execPath, [script, formatValue(scene)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => void (output += chunk.toString()));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  expect(code === 0 || signal === "SIGKILL", `it ended with ${code} ${signal}`).to.equal(true);
  const told = new Map<Word, bigint>();
  for (const [, digest, sequence] of output.matchAll(/^told (\S+) (\d+)$/gm)) {
    told.set(digest as Word, BigInt(sequence ?? 0));
  }
  const calls = /^calls (\d+)$/m.exec(output)?.[1];
  return { told, calls: calls === undefined ? null : Number(calls), killed: signal === "SIGKILL" };
}

describe("crashes on a real EVM and disk", function () {
  this.timeout(300_000);
  let network: Network;
  let drafts: readonly TransferDraft[];
  let snapshot: Hex;
  /** A data folder that has followed the chain up to the snapshot: what is struck is the payments, not the catching up. */
  let synced: string;

  before(async () => {
    network = await startNetwork("anvil");
    const { time } = await network.head();
    const deadline = time + 3_600;
    const amount = funds * 10n;
    await network.submit(prepareAttest(network, { orderId: toWord(1n), amount, asOf: time - 1, deadline }));
    for (const [index, name] of payers.entries()) {
      const to = network.actors[name].address;
      const order = { depositId: toWord(BigInt(index + 1)), to, amount: funds, deadline };
      await network.submit(prepareMint(network, order));
    }
    drafts = [0n, 1n].flatMap((nonce) =>
      payers.map((name): TransferDraft => {
        const authorization = {
          from: network.actors[name].address,
          to: network.actors.payee.address,
          value,
          validAfter: 0,
          validBefore: deadline,
          nonce: toWord(nonce),
        };
        const { coin } = network;
        const draft = { kind: "transfer", coin, authorization, memo: null, reference: null, signature: "0x" } as const;
        return { ...draft, signature: network.signFor(draft, name) };
      }),
    );
    await network.local.rpc.ask("evm_setAutomine", false);
    synced = mkdtempSync(join(tmpdir(), "remesa-synced-"));
    const { house, store } = await openHouse(createScene(synced, null));
    while ((await house.follower.tick()) > 0);
    await store.close();
    snapshot = await network.local.rpc.ask<Hex>("evm_snapshot");
  });
  after(async () => {
    await network?.stop();
    if (synced !== undefined) rmSync(synced, { recursive: true, force: true });
  });

  function createScene(folder: string, fault: Fault | null): RealScene {
    return { url: network.local.url, deployed: network.folder, folder, laneKeys, drafts, fault };
  }

  /** The chain as it was before any payment. */
  async function rewind(): Promise<void> {
    await network.local.rpc.ask("evm_revert", snapshot);
    snapshot = await network.local.rpc.ask<Hex>("evm_snapshot");
  }

  async function drain({ house, store, mine }: RealHouse): Promise<number> {
    for (let round = 0; round < 30; round++) {
      await house.round();
      const { accepted, planned, sent, included } = await store.countByState();
      if (accepted + planned + sent + included === 0) return 0;
      await mine();
    }
    return -1;
  }

  /** Hashes of the lanes' transactions since the snapshot, in order, by lane. */
  async function readSent({ chain, rpc, lanes }: RealHouse, from: number): Promise<ReadonlyMap<Address, Word[]>> {
    const sent = new Map<Address, Word[]>(lanes.map((lane) => [lane, []]));
    const { number: last } = await chain.head();
    for (let number = from + 1; number <= last; number++) {
      const { transactions } = await rpc.ask<{ readonly transactions: readonly { from: Address; hash: Word }[] }>(
        "eth_getBlockByNumber",
        `0x${number.toString(16)}`,
        true,
      );
      for (const { from: lane, hash } of transactions) sent.get(lane)?.push(hash);
    }
    return sent;
  }

  async function check(next: RealHouse, victim: Victim, start: { number: number; counts: readonly number[] }) {
    const { store, chain, encoder, house, lanes } = next;
    const known = new Set<Word>();
    for (const draft of drafts) {
      const { digest } = encoder.encode(draft).facts;
      const intent = (await store.findByDigest(digest)) ?? expect.fail("P1: it is there");
      expect(intent.state, "P3: it ended as the chain says").to.equal("settled");
      expect(intent.sequence, "P1: what was acknowledged is there").to.equal(
        victim.told.get(digest) ?? intent.sequence,
      );
      expect(await chain.isFenceConsumed(intent, (await chain.head()).number), "P3").to.equal(true);
      const trace = await store.readTrace(intent.sequence);
      for (const { attempts } of trace?.slots ?? []) for (const { hash } of attempts) known.add(hash);
    }
    const { number } = await chain.head();
    const [payee] = await chain.readAccounts(network.coin, [network.actors.payee.address], number);
    expect(payee?.balance, "P2: each was paid once").to.equal(value * BigInt(drafts.length));
    const sent = await readSent(next, start.number);
    for (const [index, lane] of lanes.entries()) {
      const hashes = sent.get(lane) ?? [];
      for (const hash of hashes) expect(known.has(hash), "P4: the bytes were committed").to.equal(true);
      const count = await chain.transactionCount(lane, number);
      expect(count - (start.counts[index] ?? 0), "P5: no nonce is left out").to.equal(hashes.length);
      expect(await store.readOpenSlots(lane, 10), "P5: no slot is left open").to.deep.equal([]);
    }
    expect((await house.reconciler.run()).differences, "P9: books and chain agree").to.deep.equal([]);
  }

  async function runOnce(fault: Fault | null): Promise<Victim> {
    await rewind();
    const folder = mkdtempSync(join(tmpdir(), "remesa-crash-"));
    cpSync(synced, folder, { recursive: true });
    try {
      const { number } = await network.head();
      const victim = await runVictim(createScene(folder, fault));
      const next = await openHouse(createScene(folder, null));
      try {
        const counts = await Promise.all(next.lanes.map((lane) => next.chain.transactionCount(lane, number)));
        await next.house.follower.tick();
        await next.house.intake.submit(drafts, null);
        expect(await drain(next), "P7: everything drains").to.equal(0);
        for (let block = 0; block < 3; block++) await next.mine();
        await next.house.round();
        await check(next, victim, { number, counts });
      } finally {
        await next.store.close();
      }
      return victim;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  it(`P1 to P5, P7, P9: hold after ${samples} sampled faults of eight payments on two lanes`, async () => {
    console.log(`        seed ${seed}`);
    const { calls } = await runOnce(null);
    const all = Array.from({ length: calls ?? 0 }, (_, at) => faultModes.map((mode) => ({ at: at + 1, mode }))).flat();
    expect(all.length).to.be.greaterThan(samples);
    const random = createRandom(seed);
    let killed = 0;
    for (let sample = 0; sample < samples; sample++) {
      const [fault] = all.splice(random.below(all.length), 1);
      const { at, mode } = fault ?? expect.fail("a fault for each sample");
      try {
        const victim = await runOnce({ at, mode });
        expect(victim.killed, "the fault happened").to.equal(mode !== "lost");
        killed += victim.killed ? 1 : 0;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`seed ${seed}, call ${at} of ${calls}, ${mode}: ${why}`, { cause: error });
      }
    }
    console.log(`        ${samples} of ${(calls ?? 0) * 3} faults, ${killed} processes killed`);
  });
});
