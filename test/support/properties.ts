/**
 * The properties of docs/INVARIANTS.md that a finished run over the model chain must show, in one place for crash enumeration and simulation.
 * Compares store, model and what the witness wrote down; knows nothing of the processes in between.
 */
import { expect } from "chai";
import type { BlockFacts } from "../../src/domain/facts.ts";
import type { Address, Word } from "../../src/domain/hex.ts";
import { isEnded } from "../../src/domain/lifecycle.ts";
import type { Evidence, Fence, Intent, IntentState } from "../../src/domain/intent.ts";
import type { PublishedEvent, Reconciler, Store } from "../../src/pipeline/ports.ts";
import { type Act, listActs } from "./model-acts.ts";
import type { ModelChain } from "./model-chain.ts";
import { deployment, swap } from "./model-names.ts";
import type { Witness } from "./witness.ts";

export interface Finished {
  readonly store: Store;
  readonly model: ModelChain;
  readonly witness: Witness;
  readonly reconciler: Pick<Reconciler, "run">;
  readonly lanes: readonly Address[];
}

type Used = BlockFacts["fences"][number] & { readonly block: number };
const toKey = ({ scope, subject, key }: Fence): string => `${scope}:${subject}:${key}`;

/** Fence → its consumption on the canonical chain. Approvals may be given again. */
async function readFences(model: ModelChain): Promise<ReadonlyMap<string, Used>> {
  const used = new Map<string, Used>();
  for (const { ref } of model.blocks) {
    const facts = await model.readBlock(ref, new Map());
    for (const consumed of facts?.fences ?? []) {
      const key = toKey(consumed.fence);
      if (consumed.match.kinds?.includes("approve") !== true) {
        expect(used.has(key), `P2: ${key} is consumed once`).to.equal(false);
      }
      used.set(key, { ...consumed, block: ref.number });
    }
  }
  return used;
}

export async function listAll(store: Pick<Store, "listIntents">): Promise<readonly Intent[]> {
  const all: Intent[] = [];
  for (let before: bigint | undefined; ; ) {
    const page = await store.listIntents({ limit: 100, ...(before === undefined ? {} : { before }) });
    all.push(...page);
    before = page.at(-1)?.sequence;
    if (page.length < 100) return all;
  }
}

interface Truth {
  readonly acts: ReadonlyMap<Word, Act>;
  readonly fences: ReadonlyMap<string, Used>;
  /** The newest final block. */
  readonly final: { readonly number: number; readonly time: number };
}

/** What the chain says of an intent; null while it says nothing final. */
function stateByChain(intent: Intent, { acts, fences, final }: Truth): IntentState | null {
  const used = fences.get(toKey(intent.fence));
  if (used !== undefined && used.block <= final.number) {
    if (acts.get(intent.digest)?.transaction === used.transaction) return "settled";
    return used.how === "cancelled" ? "cancelled" : "superseded";
  }
  return final.time >= intent.validBefore ? "expired" : null;
}

function checkEvidence(
  intent: Intent,
  evidence: Evidence | null,
  { model, truth }: { model: ModelChain; truth: Truth },
) {
  const of = `P3: the evidence of ${intent.kind} ${intent.sequence}`;
  if (intent.state === "expired") return;
  const used = truth.fences.get(toKey(intent.fence));
  const { blockHash, transaction, logIndex, by } = evidence ?? expect.fail(`${of} is missing`);
  expect(model.blocks[used?.block ?? -1]?.ref.hash, `${of} is on the chain`).to.equal(blockHash);
  expect([used?.transaction, used?.logIndex, used?.by], of).to.deep.equal([transaction, logIndex, by]);
}

/** Intent → its events, oldest first; what it tells about agreements is not its own history. */
async function readHistories(
  store: Pick<Store, "readEvents">,
): Promise<ReadonlyMap<bigint, readonly PublishedEvent[]>> {
  const histories = new Map<bigint, PublishedEvent[]>();
  for (let after = 0n; ; ) {
    const { events } = await store.readEvents({ after, limit: 500 });
    for (const event of events) {
      if (event.intent === null || ["redemption", "claim", "payment"].includes(event.type)) continue;
      histories.set(event.intent, [...(histories.get(event.intent) ?? []), event]);
    }
    const last = events.at(-1);
    if (last === undefined) return histories;
    after = last.sequence;
  }
}

/** P19: the history of an intent, folded, is its state. */
function checkHistory(intent: Intent, events: readonly PublishedEvent[]): void {
  const types = events.map(({ type }) => type);
  const of = `P19: the history of ${intent.sequence}: ${types.join()}`;
  expect(types[0], of).to.equal("accepted");
  expect(types.filter((type) => isEnded(type as IntentState)).length, of).to.equal(isEnded(intent.state) ? 1 : 0);
  if (isEnded(intent.state)) expect(types.at(-1), of).to.equal(intent.state);
  const included = types.filter((type) => type === "included").length;
  const undone = events.filter(({ type, body }) => type === "back" && body["from"] === "included").length;
  expect(included - undone, of).to.equal(intent.state === "settled" || intent.state === "included" ? 1 : 0);
}

async function checkIntents({ store, model, witness }: Finished, truth: Truth): Promise<readonly Intent[]> {
  const all = await listAll(store);
  const counts = await store.countByState();
  for (const [state, count] of Object.entries(counts)) {
    expect(all.filter((intent) => intent.state === state).length, `P19: ${state} are counted`).to.equal(count);
  }
  for (const { digest, sequence } of witness.told.values()) {
    const intent = await store.findByDigest(digest);
    expect(intent?.sequence, "P1: what was acknowledged is there").to.equal(sequence);
  }
  const histories = await readHistories(store);
  for (const intent of all) {
    const { kind, sequence, state } = intent;
    const byChain = stateByChain(intent, truth);
    if (isEnded(state)) {
      expect(state, `P3: ${kind} ${sequence} ended as the chain says`).to.equal(byChain);
      checkEvidence(intent, intent.evidence, { model, truth });
    } else expect(byChain, `P3: ${kind} ${sequence} is ${state} (${intent.reason ?? ""})`).to.equal(null);
    checkHistory(intent, histories.get(sequence) ?? []);
  }
  return all;
}

function checkLanes({ model, witness, lanes }: Finished): void {
  const seen = new Set<Word>();
  for (const lane of lanes) {
    const mined = model.transactionsOf([lane]);
    const nonces = mined.map(({ nonce }) => nonce);
    expect(nonces, "P5: no nonce is left out").to.deep.equal(nonces.map((_, index) => index));
    for (const { hash } of mined) {
      expect(witness.committed.has(hash), "P4: the bytes were committed").to.equal(true);
      expect(seen.has(hash), "P4: and mined once").to.equal(false);
      seen.add(hash);
    }
  }
}

/** P19: what the store believes of accounts is what the chain has. */
async function checkAccounts({ store, model }: Finished, final: number): Promise<void> {
  const world = model.blocks[final]?.world;
  for (const [now, then] of [
    [model.coin, world?.coin],
    [model.second, world?.second],
  ] as const) {
    const addresses = [...now.accounts.keys()];
    const stored = await store.readAccounts(addresses.map((address) => ({ coin: now.address, address })));
    for (const [index, address] of addresses.entries()) {
      const account = now.accounts.get(address);
      const { balance, posted, frozen, nonceBase, consumed } = stored[index] ?? expect.fail("an account for each");
      const window = consumed.filter((nonce) => nonce >= nonceBase).toSorted((a, b) => Number(a - b));
      expect({ balance, posted, frozen, nonceBase, window }, `P19: the account ${address}`).to.deep.equal({
        balance: account?.balance,
        posted: then?.accounts.get(address)?.balance ?? 0n,
        frozen: account?.frozen,
        nonceBase: account?.base,
        window: account?.window.toSorted((a, b) => Number(a - b)),
      });
    }
  }
}

/** P19: and of everything that escrows keep. */
async function checkEscrows({ store, model }: Finished): Promise<void> {
  for (const [id, { state }] of model.desk.redemptions) {
    expect((await store.readRedemption(id))?.state, `P19: redemption ${id}`).to.equal(state);
  }
  for (const [id, { state }] of model.escrows.claims) {
    expect((await store.readAgreement(id))?.state, `P19: claim ${id}`).to.equal(state);
  }
  for (const [id, { captured, voided, refunded, disputed }] of model.escrows.payments) {
    const totals = (await store.readAgreement(id))?.totals;
    expect(totals, `P19: payment ${id}`).to.deep.equal({ captured, voided, refunded, disputed });
  }
  for (const id of model.escrows.quotes) {
    expect(await store.readQuoteEnd(swap, id), `P19: quote ${id}`).to.not.equal(null);
  }
}

/** P9: books and chain agree, nothing halted, and nothing is held for what has ended. */
async function checkBooks({ store, reconciler }: Finished, all: readonly Intent[]): Promise<void> {
  const statement = await reconciler.run();
  expect(statement.differences, "P9: books and chain agree").to.deep.equal([]);
  expect(await store.readHalt(), "P9: nothing halted").to.equal(null);
  const held = new Map<string, bigint>();
  for (const { coin, payer, amount, state } of all) {
    if (payer === null) continue;
    const isHeld = !isEnded(state) && state !== "included";
    held.set(`${coin}:${payer}`, (held.get(`${coin}:${payer}`) ?? 0n) + (isHeld ? amount : 0n));
  }
  for (const { address: coin } of deployment.coins) {
    const payers = [...held.keys()].filter((key) => key.startsWith(coin)).map((key) => key.slice(43) as Address);
    const stored = await store.readAccounts(payers.map((address) => ({ coin, address })));
    for (const account of stored) {
      expect(account.held, `P9: held for ${account.address}`).to.equal(held.get(`${coin}:${account.address}`));
    }
  }
}

/** P19: what our lanes moved belongs to the intent that wanted it. */
async function checkMovements({ store, lanes }: Finished): Promise<void> {
  const movements = await store.listMovements({ limit: 1_000 });
  for (const { by, intent, transaction, amount } of movements) {
    if (lanes.includes(by)) expect(intent, `P19: whose are the ${amount} of ${transaction}`).to.not.equal(null);
  }
}

/** Throws with the property's id where one does not hold. Call it when everything has drained and the last blocks are applied. */
export async function checkProperties(finished: Finished): Promise<readonly Intent[]> {
  const { store, model, witness } = finished;
  expect(witness.breaches.slice(0, 3).join("; "), "breaches").to.equal("");
  const { latest, final } = await store.readCursor();
  expect(latest?.hash, "P8: the store is at the chain's head").to.equal(model.blocks.at(-1)?.ref.hash);
  const acts = new Map<Word, Act>();
  for (const act of listActs(model)) {
    expect(acts.has(act.digest), `P2: ${act.digest} is carried out once`).to.equal(false);
    acts.set(act.digest, act);
  }
  const truth = { acts, fences: await readFences(model), final: final ?? expect.fail("a final block") };
  const all = await checkIntents(finished, truth);
  checkLanes(finished);
  await checkAccounts(finished, truth.final.number);
  await checkEscrows(finished);
  await checkMovements(finished);
  await checkBooks(finished, all);
  return all;
}
