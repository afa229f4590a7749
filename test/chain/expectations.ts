/**
 * What several chain tests prepare and expect. Owns the orders that fund a network, and the judgement that a mined intent is settled. No side
 * effects on loading.
 */
import { expect } from "chai";
import { gasLimits, gasReserves } from "../../src/chain/encoding.ts";
import type { Address, Word } from "../../src/domain/hex.ts";
import type { IntentFacts, IntentKind } from "../../src/domain/intent.ts";
import { judgeConsumption } from "../../src/domain/lifecycle.ts";
import type { Mined, Network } from "./network.ts";

export function prepareAttest(
  network: Network,
  order: { readonly orderId: Word; readonly amount: bigint; readonly asOf: number; readonly deadline: number },
): IntentFacts {
  const signer = network.actors.attestor.address;
  const reportHash: Word = `0x${"aa".repeat(32)}`;
  return network.prepare({ kind: "attest", coin: network.coin, reportHash, signer, ...order }, "attestor");
}

export function prepareMint(
  network: Network,
  order: { readonly depositId: Word; readonly to: Address; readonly amount: bigint; readonly deadline: number },
): IntentFacts {
  const signer = network.actors.dealer.address;
  return network.prepare({ kind: "mint", coin: network.coin, signer, ...order }, "dealer");
}

/** The one fence of a mined intent, consumed by our lane as the intent wants it. */
export function expectSettledBy(network: Network, { facts, hash }: Mined, intent: IntentFacts): void {
  expect(facts.slots).to.have.length(1);
  expect(facts.slots[0]).to.include({ transaction: hash, succeeded: true, reason: null, lane: network.lane });
  const fences = facts.fences.filter(({ transaction }) => transaction === hash);
  expect(fences).to.have.length(1);
  const [fence] = fences as [(typeof fences)[number]];
  expect(fence.fence).to.deep.equal(intent.fence);
  expect(fence.by).to.equal(network.lane);
  expect(judgeConsumption(intent, fence)).to.equal("settled");
}

/** These kinds were carried out, and each limit leaves a quarter above what was used. */
export function expectRoom(network: Network, kinds: readonly IntentKind[]): void {
  expect([...network.gasUsed.keys()].toSorted()).to.deep.equal(kinds);
  for (const [kind, used] of network.gasUsed) {
    const room = gasLimits[kind] - gasReserves[kind];
    expect(used * 5n <= room * 4n, `${kind} used ${used} of ${room}`).to.equal(true);
  }
}
