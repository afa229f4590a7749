/**
 * The drill: a backup under load, payments after it, the disk is lost, the backup is put back with the commands that an operator has, and the node
 * goes on. Guard: opening lanes at the database's nonce alone makes "takes the higher nonce" fail. P1 for what the backup knows, P2 for
 * everything, P4 imports aside.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Address, toWord } from "../../src/domain/hex.ts";
import type { Intent } from "../../src/domain/intent.ts";
import type { Store } from "../../src/pipeline/ports.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { createModelChain, type ModelChain } from "../support/model-chain.ts";
import { coin, decodeSettle, laneA, laneB, wallet } from "../support/model-codec.ts";
import { createHouse, createManualClock, drain, type House, submitOne } from "../support/pipeline.ts";
import { runRemesa } from "../support/terminal.ts";
import { funds, payment } from "../support/town.ts";

interface Node {
  readonly store: Store;
  readonly house: House;
}

describe("the restore drill", () => {
  let root = "";
  let data = "";
  let model: ModelChain;
  let open: Store | null = null;
  const clock = createManualClock();

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "remesa-drill-"));
    data = join(root, "31337");
    model = createModelChain(new Map([1, 2, 3, 4, 5, 6].map((n) => [wallet(n), funds])));
  });
  afterEach(async () => {
    await open?.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function start(): Promise<Node> {
    const store = await openSqlite({ folder: data });
    open = store;
    await store.bindChain(await model.identity());
    const house = createHouse({ store, chain: model, clock, planner: { rows: 2 } });
    await house.follower.tick();
    return { store, house };
  }

  async function pay({ house }: Node, payer: number, nonce: number): Promise<Intent> {
    const outcome = await submitOne(house, toDraft(payer, nonce));
    if (outcome.kind === "refused") throw new Error(outcome.reasons.map(({ code }) => code).join());
    return outcome.intent;
  }

  function toDraft(payer: number, nonce: number) {
    return payment(payer, { nonce: toWord(BigInt(nonce)), value: 10n });
  }

  async function block({ house }: Node, count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      model.mine();
      clock.advance(1_000);
      await house.round();
    }
  }

  /** How often each authorization moved money on the canonical chain. */
  function countPaid(): ReadonlyMap<string, number> {
    const paid = new Map<string, number>();
    for (const { data: call } of model.transactionsOf([laneA, laneB])) {
      for (const { authorization } of decodeSettle(call))
        paid.set(`${authorization.from}:${BigInt(authorization.nonce)}`, 1);
    }
    return paid;
  }

  async function restore(out: string): Promise<void> {
    await open?.close();
    open = null;
    const { code, err } = await runRemesa(["restore", "--from", out, "--data", data]);
    expect(code, err).to.equal(0);
  }

  /** Balances of the chain after everything: each payee got its payments once. */
  function received(payer: number): bigint {
    const payee: Address = wallet(20 + payer);
    return model.coin.accounts.get(payee)?.balance ?? 0n;
  }

  it("loses nothing that reached the chain, settles nothing twice and goes on without a hand", async () => {
    const first = await start();
    const known: Intent[] = [];
    for (let payer = 1; payer <= 6; payer++) known.push(await pay(first, payer, 0));
    await block(first, 2);
    // Under load: some are final, some included, some sent, some only accepted when the copy is made.
    for (let payer = 1; payer <= 6; payer++) known.push(await pay(first, payer, 1));
    await first.house.round();
    for (let payer = 1; payer <= 3; payer++) known.push(await pay(first, payer, 2));
    const out = join(root, "copy.db");
    const backup = await runRemesa(["backup", "--data", data, "--out", out]);
    expect(backup.code, backup.err).to.equal(0);

    // After the backup: 20 payments of which the copy knows nothing, in every state a payment can be in.
    const lost: Intent[] = [];
    for (let payer = 4; payer <= 6; payer++) for (const nonce of [2, 3, 4]) lost.push(await pay(first, payer, nonce));
    await block(first, 5);
    for (let payer = 1; payer <= 4; payer++) lost.push(await pay(first, payer, payer === 4 ? 5 : 3));
    await block(first, 1);
    for (let payer = 1; payer <= 4; payer++) lost.push(await pay(first, payer, payer === 4 ? 6 : 4));
    await first.house.round();
    for (let payer = 1; payer <= 3; payer++) lost.push(await pay(first, payer, 5));
    expect(lost).to.have.length(20);
    await restore(out);

    const second = await start();
    expect(await drain(second.house, { store: second.store, model })).to.equal(0);
    for (const intent of known) {
      const found = await second.store.findByDigest(intent.digest);
      expect(found?.state, `${intent.payer} ${intent.fence.key}`).to.equal("settled");
    }
    expect(await second.store.readHalt()).to.equal(null);

    // The payers send theirs again: what had settled is not paid twice, what had not is paid now.
    for (let payer = 1; payer <= 6; payer++) {
      for (let nonce = 0; nonce <= (payer === 4 ? 6 : payer > 4 ? 4 : 5); nonce++) {
        await submitOne(second.house, toDraft(payer, nonce));
      }
    }
    expect(await drain(second.house, { store: second.store, model })).to.equal(0);
    const counts = [6, 6, 6, 7, 5, 5];
    for (const [index, count] of counts.entries()) expect(received(index + 1)).to.equal(10n * BigInt(count));
    expect(countPaid().size).to.equal(counts.reduce((sum, count) => sum + count, 0));
    const { sum } = await second.store.sumLedger(coin);
    expect(sum).to.equal(0n);
    expect((await second.house.reconciler.run()).agrees).to.equal(true);
  });

  it("takes the higher nonce of database and chain, so that none is used twice and none is left out", async () => {
    const first = await start();
    const out = join(root, "copy.db");
    for (let payer = 1; payer <= 6; payer++) await pay(first, payer, 0);
    await block(first, 4);
    expect((await runRemesa(["backup", "--data", data, "--out", out])).code).to.equal(0);
    for (let nonce = 1; nonce <= 4; nonce++) {
      for (let payer = 1; payer <= 6; payer++) await pay(first, payer, nonce);
      await block(first, 2);
    }
    const onChain = new Map<Address, number>();
    for (const lane of [laneA, laneB]) onChain.set(lane, model.transactionsOf([lane]).length);
    await restore(out);

    const second = await start();
    for (const lane of await second.house.lanes.current()) {
      expect(lane.nextNonce, lane.address).to.equal(onChain.get(lane.address));
    }
    for (let payer = 1; payer <= 6; payer++) {
      const [outcome] = await second.house.intake.submit([toDraft(payer, 5)], null);
      expect(outcome?.kind).to.equal("created");
    }
    expect(await drain(second.house, { store: second.store, model })).to.equal(0);
    for (const lane of [laneA, laneB]) {
      const nonces = model.transactionsOf([lane]).map(({ nonce }) => nonce);
      expect(nonces).to.deep.equal(nonces.map((_, index) => index));
    }
  });
});
