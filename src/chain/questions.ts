/**
 * What has to be asked of the chain before a block's logs can be decoded: senders, deadlines, and what accounts and payments stood at.
 * Owns which event raises which question; asks nothing itself. Pure.
 */
import type { Address, Word } from "../domain/hex.ts";
import { redemptionStates } from "../domain/intent.ts";
import { nameError } from "./errors.ts";
import { addressAt, parseLog, type RawLog, smallAt, topicAt, topics, wordAt } from "./logs.ts";

interface CoinAccount {
  readonly coin: Address;
  readonly account: Address;
}

export interface Questions {
  /** Whose sender is not known. */
  readonly transactions: readonly Word[];
  /** Rows skipped because somebody is frozen: was it the payer? */
  readonly payers: readonly CoinAccount[];
  /** Accounts that coins were seized from: what of them is still frozen after this block? */
  readonly seized: readonly CoinAccount[];
  /** Returned: by decision or by deadline? */
  readonly redemptions: readonly { readonly escrow: Address; readonly id: Word }[];
  /** Payments that moved: where did they stand before this block? */
  readonly payments: readonly Word[];
  /** Accounts that left a family: since when were they to? */
  readonly leavers: readonly Address[];
}

/** Events that consume a fence: their evidence names who sent the transaction. */
const consumptions: ReadonlySet<string> = new Set<string>([
  topics.used,
  topics.cancelled,
  topics.minted,
  topics.orderUsed,
  topics.mintApproved,
  topics.moved,
  topics.redemptionApproved,
  topics.claimMoved,
  topics.paymentMoved,
  topics.swapped,
  topics.quoteCancelled,
  topics.joined,
  topics.leaving,
  topics.left,
  topics.attested,
]);

const returned = redemptionStates.indexOf("returned");

/** `known`: whether a transaction's sender is known already. */
export function findQuestions(raws: readonly RawLog[], known: (transaction: Word) => boolean): Questions {
  const transactions = new Set<Word>();
  const payers = new Map<string, CoinAccount>();
  const seized = new Map<string, CoinAccount>();
  const redemptions = new Map<Word, { escrow: Address; id: Word }>();
  const payments = new Set<Word>();
  const leavers = new Set<Address>();
  for (const raw of raws) {
    const topic = raw.topics[0]?.toLowerCase();
    if (topic === undefined || topic === topics.transfer || topic === topics.memo) continue;
    const log = parseLog(raw);
    if (consumptions.has(topic) && !known(log.transaction)) transactions.add(log.transaction);
    switch (topic) {
      case topics.rowSkipped: {
        if (nameError(wordAt(log, 0)) !== "StablecoinFrozen") break;
        const account = addressAt(log, 2);
        payers.set(log.address + account, { coin: log.address, account });
        break;
      }
      case topics.seized:
        seized.set(log.address + addressAt(log, 1), { coin: log.address, account: addressAt(log, 1) });
        break;
      case topics.moved:
        if (smallAt(log, 1) !== returned) break;
        redemptions.set(topicAt(log, 1), { escrow: log.address, id: topicAt(log, 1) });
        break;
      case topics.paymentMoved:
        payments.add(topicAt(log, 1));
        break;
      case topics.left:
        leavers.add(addressAt(log, 2));
        break;
      default:
    }
  }
  return {
    transactions: [...transactions],
    payers: [...payers.values()],
    seized: [...seized.values()],
    redemptions: [...redemptions.values()],
    payments: [...payments],
    leavers: [...leavers],
  };
}
