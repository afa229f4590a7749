/**
 * The judgement of a chaos run: what was asked and answered, held against the chain's own logs. Owns the verdict; asks the node for nothing. A payment is
 * told apart by payer, payee and amount, and by its nonce: either alone could be fooled by a payment made twice under two nonces.
 */
import { parseAbiItem } from "viem";
import { type Address, toLower, type Word } from "../../src/domain/hex.ts";
import { connect, readAuthorizations } from "../devnet/rpc.ts";
import type { Payment } from "./payers.ts";

/** What the chain says, read from its logs. */
export interface ChainFacts {
  readonly authorizations: readonly { readonly authorizer: Address; readonly nonce: Word }[];
  readonly transfers: readonly { readonly from: Address; readonly to: Address; readonly value: bigint }[];
}

export interface Audit {
  readonly asked: number;
  readonly accepted: number;
  readonly settled: number;
  readonly expired: number;
  readonly refused: number;
  /** Refusals by code. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Accepted and not ended, or not known any more. */
  readonly lost: number;
  /** Paid more than once. */
  readonly doubled: number;
  /** Ended otherwise than the chain says; refused and paid counts too. */
  readonly falseEnds: number;
  /** Never answered, however often it was asked. */
  readonly unanswered: number;
  /** Of which the nodes do not all say the same. */
  readonly disputed: number;
  /** One sentence each, at most twenty. */
  readonly findings: readonly string[];
}

const logRange = 1_000n;

/** Everything the coin's logs say from block `from` on. */
export async function readFacts(options: { url: string; coin: Address; from: number }): Promise<ChainFacts> {
  const client = connect(options.url);
  const event = parseAbiItem("event Transfer(address indexed from, address indexed to, uint256 value)");
  const last = await client.getBlockNumber({ cacheTime: 0 });
  const transfers: { from: Address; to: Address; value: bigint }[] = [];
  for (let fromBlock = BigInt(options.from); fromBlock <= last; fromBlock += logRange) {
    const end = fromBlock + logRange - 1n;
    const toBlock = end < last ? end : last;
    const logs = await client.getLogs({ address: options.coin, event, fromBlock, toBlock, strict: true });
    for (const { args } of logs) transfers.push({ from: toLower(args.from), to: toLower(args.to), value: args.value });
  }
  return { transfers, authorizations: await readAuthorizations(options) };
}

function countBy<T>(items: readonly T[], toKey: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(toKey(item), (counts.get(toKey(item)) ?? 0) + 1);
  return counts;
}

const nothingFound = { lost: 0, doubled: 0, falseEnds: 0, unanswered: 0, disputed: 0 };
const ended = new Set(["settled", "cancelled", "superseded", "expired"]);

/** Holds every payment against the chain. */
export function judgePayments(payments: readonly Payment[], facts: ChainFacts): Audit {
  const used = countBy(facts.authorizations, ({ authorizer, nonce }) => `${authorizer} ${nonce}`);
  const paid = countBy(facts.transfers, ({ from, to, value }) => `${from} ${to} ${value}`);
  const counts = { accepted: 0, settled: 0, expired: 0, refused: 0, ...nothingFound };
  const findings: string[] = [];
  const find = (kind: keyof typeof nothingFound, text: string): void => {
    counts[kind] += 1;
    if (findings.length < 20) findings.push(text);
  };
  for (const { payer, payee, amount, nonce, id, state, views } of payments) {
    const times = paid.get(`${payer} ${payee} ${amount}`) ?? 0;
    const uses = used.get(`${payer} ${nonce}`) ?? 0;
    const name = `${id ?? "never accepted"} (${payer} pays ${amount} under ${nonce})`;
    if (id !== null) counts.accepted += 1;
    if (state === "settled" || state === "expired" || state === "refused") counts[state] += 1;
    if (id !== null && !ended.has(state)) find("lost", `${name} was accepted and is ${state}`);
    if (state === "asked") find("unanswered", `${name} never got an answer`);
    if (new Set(views).size > 1) find("disputed", `${name}: the nodes say ${views.join(" and ")}`);
    if (times > 1 || uses > 1) find("doubled", `${name} was paid ${times} times, its nonce used ${uses} times`);
    const isPaid = times > 0 && uses > 0;
    if (state === "settled" && !isPaid) find("falseEnds", `${name} is settled; paid ${times}, used ${uses} times`);
    if (state !== "settled" && (ended.has(state) || state === "refused") && times > 0) {
      find("falseEnds", `${name} is ${state} and was paid`);
    }
  }
  const refusals = countBy(
    payments.flatMap(({ why }) => why ?? []),
    (code) => code,
  );
  return { asked: payments.length, ...counts, refusals: Object.fromEntries(refusals), findings };
}

export function isClean({ lost, doubled, falseEnds, unanswered, disputed }: Audit): boolean {
  return lost + doubled + falseEnds + unanswered + disputed === 0;
}
