/**
 * A small town for pipeline tests: a store in memory, the model chain, wallets 1 to 6 with 1,000 base units each, and the pipeline over them.
 */
import type { Address } from "../../src/domain/hex.ts";
import { toWord } from "../../src/domain/hex.ts";
import type { Intent } from "../../src/domain/intent.ts";
import type { TransferDraft } from "../../src/domain/draft.ts";
import type { Store } from "../../src/pipeline/ports.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { createModelChain } from "./model-chain.ts";
import { createModelSigner, signTransfer, wallet } from "./model-codec.ts";
import { createHouse, createManualClock, drain, type HouseOptions, submitOne } from "./pipeline.ts";

export const funds = 1_000n;

/** A signed payment of wallet `payer`; valid for ten minutes of block time from the model's start. */
export function payment(
  payer: number,
  changes: Partial<TransferDraft["authorization"]> = {},
  memo: `0x${string}` | null = null,
): TransferDraft {
  const validBefore = 1_000_000 + 600;
  const terms = {
    from: wallet(payer),
    to: wallet(20 + payer),
    value: 100n,
    validAfter: 0,
    validBefore,
    nonce: toWord(0n),
  };
  return signTransfer({ ...terms, ...changes }, memo);
}

export type TownOptions = Partial<Omit<HouseOptions, "clock">> & { readonly wrapStore?: (store: Store) => Store };

export async function createTown(options: TownOptions = {}) {
  const balances = new Map<Address, bigint>();
  for (let payer = 1; payer <= 6; payer++) balances.set(wallet(payer), funds);
  const kept = await openSqlite({ folder: "", durability: "memory" });
  const store = options.wrapStore?.(kept) ?? kept;
  const model = createModelChain(balances);
  const clock = createManualClock();
  const signer = options.signer ?? createModelSigner();
  const parts = { store, chain: model, clock, signer, ...options };
  const house = createHouse(parts);
  await house.follower.tick();

  async function accept(draft: TransferDraft | Parameters<typeof submitOne>[1]): Promise<Intent> {
    const outcome = await submitOne(house, draft);
    if (outcome.kind === "refused") throw new Error(`refused: ${outcome.reasons.map(({ code }) => code).join()}`);
    return outcome.intent;
  }

  async function read(intent: Intent): Promise<Intent> {
    const now = await kept.readIntent(intent.sequence);
    if (now === null) throw new Error("the intent is gone");
    return now;
  }

  /** A block, and everybody looks at it. */
  async function block(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      model.mine();
      clock.advance(1_000);
      await house.round();
    }
  }

  return {
    store: kept,
    model,
    clock,
    house,
    signer,
    accept,
    read,
    block,
    round: house.round,
    /** A new process on the same store and chain. */
    restart: () => createHouse(parts),
    settle: (rounds?: number) => drain(house, { store: kept, model, ...(rounds === undefined ? {} : { rounds }) }),
  };
}
