/**
 * Deliberate bugs for simulation and crash enumeration to find: each takes one promise of a port back. Whoever trusts a green run runs it with
 * these first. Owns no behaviour of the node itself.
 */
import type { Address } from "../../src/domain/hex.ts";
import type { Sabotage } from "./sim-node.ts";

/** Bytes leave as soon as they are signed, before they are in the database. */
function sendBeforeCommit(): Sabotage {
  return (ports) => ({
    ...ports,
    signer: {
      lanes: ports.signer.lanes,
      async sign(transaction) {
        const signed = await ports.signer.sign(transaction);
        await ports.chain.send([signed.raw]);
        return signed;
      },
    },
  });
}

/** Every tenth group is acknowledged and never stored. */
function acknowledgeWithoutStoring(): Sabotage {
  let groups = 0;
  return (ports) => ({
    ...ports,
    store: {
      ...ports.store,
      async acceptBatch(items, at) {
        groups += 1;
        if (groups % 10 !== 0) return ports.store.acceptBatch(items, at);
        return items.map(({ facts }, index) => ({
          kind: "created",
          intent: {
            ...facts,
            sequence: BigInt(groups * 1_000 + index),
            state: "accepted",
            reason: null,
            evidence: null,
            acceptedAt: at,
            endedAt: null,
          },
        }));
      },
    },
  });
}

/** The first block is final: what a reorg takes back has ended. */
function finalizeAtOnce(): Sabotage {
  return (ports) => ({ ...ports, chain: { ...ports.chain, finalNumber: async (head) => head.number } });
}

/** A former owner's commit goes through: epoch and nonce are put right for it, its bytes are not. */
function ignoreTheEpoch(): Sabotage {
  const lanes = new Map<Address, { epoch: bigint; nextNonce: number }>();
  return (ports) => ({
    ...ports,
    store: {
      ...ports.store,
      async openLanes(asked) {
        const opened = await ports.store.openLanes(asked);
        for (const { address, epoch, nextNonce } of opened) lanes.set(address, { epoch, nextNonce });
        return opened;
      },
      async commitPlan(slot) {
        const { epoch, nextNonce } = lanes.get(slot.lane) ?? { epoch: slot.epoch, nextNonce: slot.nonce };
        const done = await ports.store.commitPlan({ ...slot, epoch, nonce: nextNonce });
        if (done) lanes.set(slot.lane, { epoch, nextNonce: nextNonce + 1 });
        return done;
      },
    },
  });
}

/** What a block says of mined slots and skipped rows is believed; every seventh consumed fence is overlooked. */
function overlookFences(): Sabotage {
  let seen = 0;
  return (ports) => ({
    ...ports,
    chain: {
      ...ports.chain,
      async readBlock(ref, attempts) {
        const facts = await ports.chain.readBlock(ref, attempts);
        return facts === null ? null : { ...facts, fences: facts.fences.filter(() => ++seen % 7 !== 0) };
      },
    },
  });
}

/** A time-out of a broadcast is read as "not sent": the slot is closed at once and its payments are planned again. */
function giveUpOnTimeOut(): Sabotage {
  return (ports) => ({
    ...ports,
    chain: {
      ...ports.chain,
      async send(raws) {
        const answers = await ports.chain.send(raws);
        const isLost = answers.some(({ kind }) => kind === "unknown");
        if (isLost) for (const lane of ports.signer.lanes) await ports.store.abandonSlots(lane, 1_000_000);
        return answers;
      },
    },
  });
}

/** Every ninth block is told without its first movement. */
function leaveMovementsOut(): Sabotage {
  return (ports) => ({
    ...ports,
    chain: {
      ...ports.chain,
      async readBlock(ref, attempts) {
        const facts = await ports.chain.readBlock(ref, attempts);
        if (facts === null || facts.movements.length === 0 || ref.number % 9 !== 0) return facts;
        return { ...facts, movements: facts.movements.slice(1) };
      },
    },
  });
}

export const sabotages: Readonly<Record<string, () => Sabotage>> = {
  "bytes are sent before they are committed": sendBeforeCommit,
  "payments are acknowledged and not stored": acknowledgeWithoutStoring,
  "the newest block is final": finalizeAtOnce,
  "commitPlan ignores the epoch": ignoreTheEpoch,
  "a consumed fence is overlooked": overlookFences,
  "a time-out is read as not sent": giveUpOnTimeOut,
  "a movement is left out of the books": leaveMovementsOut,
};
