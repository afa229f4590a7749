/**
 * A lane that real transactions have drained, on a real chain: it holds, and goes on after the funder's transfer, which is mined once whether or
 * not the process that committed it lives to send it. Fails when the signer puts no value into the transfer, or the lane is not planned again.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { TransferDraft } from "../../src/domain/draft.ts";
import { type Hex, toWord } from "../../src/domain/hex.ts";
import { prepareAttest, prepareMint } from "../chain/expectations.ts";
import { richKeys } from "../chain/local-chain.ts";
import { type Network, startNetwork } from "../chain/network.ts";
import { openHouse, type RealHouse } from "../support/crash-house.ts";

const laneKey: Hex = `0x${"d1".repeat(32)}`;
const gwei = 1_000_000_000n;
/** Enough for some payments of one row each, and not for all. */
const start = 600_000n * gwei;
const topUp = 50_000_000n;
const payments = 24;

describe("a lane drained by real sends", function () {
  this.timeout(120_000);
  let network: Network;
  let folder: string;
  let drafts: readonly TransferDraft[];

  before(async () => {
    network = await startNetwork("anvil");
    folder = mkdtempSync(join(tmpdir(), "remesa-funded-"));
    const { time } = await network.head();
    const deadline = time + 3_600;
    const amount = 1_000_000n;
    await network.submit(prepareAttest(network, { orderId: toWord(1n), amount, asOf: time - 1, deadline }));
    const to = network.actors.payer.address;
    await network.submit(prepareMint(network, { depositId: toWord(1n), to, amount, deadline }));
    drafts = Array.from({ length: payments }, (_, index): TransferDraft => {
      const authorization = {
        from: network.actors.payer.address,
        to: network.actors.payee.address,
        value: 400n,
        validAfter: 0,
        validBefore: deadline,
        nonce: toWord(BigInt(index)),
      };
      const { coin } = network;
      const draft = { kind: "transfer", coin, authorization, memo: null, reference: null, signature: "0x" } as const;
      return { ...draft, signature: network.signFor(draft, "payer") };
    });
    await network.local.rpc.ask("evm_setAutomine", false);
  });
  after(async () => {
    await network?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const open = (funderKey?: Hex): Promise<RealHouse> =>
    openHouse({
      url: network.local.url,
      deployed: network.folder,
      folder,
      laneKeys: [laneKey],
      drafts,
      fault: null,
      ...(funderKey === undefined ? {} : { funderKey }),
      limits: { planner: { rows: 1, unminedSlots: 2 }, funder: { low: 1n, topUp, perDay: 2n * topUp } },
    });

  async function run({ house, mine }: RealHouse, rounds: number): Promise<void> {
    for (let i = 0; i < rounds; i++) {
      await house.round();
      await mine();
    }
    await house.round();
  }

  it("P14: holds, is topped up once over a restart, and settles the rest", async () => {
    const poor = await open();
    const [lane] = poor.lanes;
    if (lane === undefined) expect.fail("a lane");
    await network.local.rpc.ask("anvil_setBalance", lane, `0x${start.toString(16)}`);
    while ((await poor.house.follower.tick()) > 0);
    await poor.house.intake.submit(drafts, null);
    await run(poor, payments);
    const held = await poor.store.countByState();
    expect(held.settled, "it paid for some").to.be.within(1, payments - 1);
    expect(held.accepted, "and holds the rest").to.equal(payments - held.settled);
    expect(poor.house.notices.map(({ code }) => code)).to.include("lane_out_of_gas");
    await poor.store.close();

    const brief = await open(richKeys[2]);
    const funder = (await brief.house.lanes.purse())?.funder ?? expect.fail("a funder");
    await brief.house.follower.tick();
    await brief.house.planner.tick();
    // Committed and never sent: the process ends here.
    expect(await brief.house.funder.tick()).to.equal(1);
    await brief.store.close();

    const rich = await open(richKeys[2]);
    const { number } = await rich.chain.head();
    const before = {
      count: await rich.chain.transactionCount(funder, number),
      has: await rich.chain.gasBalance(funder),
    };
    await run(rich, payments * 2);
    expect((await rich.store.countByState()).settled).to.equal(payments);
    const { number: last } = await rich.chain.head();
    expect((await rich.chain.transactionCount(funder, last)) - before.count, "one transfer").to.equal(1);
    expect(await rich.store.sumFunded(0)).to.equal(topUp);
    expect(await rich.store.readOpenSlots(funder, 9)).to.deep.equal([]);
    const spent = before.has - (await rich.chain.gasBalance(funder));
    expect(
      spent > topUp * gwei && spent < (topUp + 1_000_000n) * gwei,
      `${spent} wei: the transfer and its gas`,
    ).to.equal(true);
    expect((await rich.house.reconciler.run()).differences, "P9").to.deep.equal([]);
    await rich.store.close();
  });
});
