/**
 * A node over a real chain and a data folder, for crash tests: the scenario of eight payments on two lanes, and the pipeline over SQLite on disk.
 * The process that plays it may be killed at any port call; the one that comes after it uses the same function. Owns the wiring only.
 */
import { createEncoder } from "../../src/chain/encode.ts";
import { createChain } from "../../src/chain/node.ts";
import { createRecoverer } from "../../src/chain/recover.ts";
import { createRpc } from "../../src/chain/rpc.ts";
import { createLaneSigner, createOrderSigner } from "../../src/chain/signer.ts";
import { readDeployment } from "../../src/config.ts";
import type { TransferDraft } from "../../src/domain/draft.ts";
import type { Hex } from "../../src/domain/hex.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { createFaults, type Fault } from "./faults.ts";
import { createHouse, createManualClock, funderLimits, type HouseOptions } from "./pipeline.ts";

/** What a process is told: values that JSON carries, drafts as `formatValue` writes them. */
export interface RealScene {
  readonly url: string;
  /** Where `deployment.json` lies. */
  readonly deployed: string;
  /** The data folder. */
  readonly folder: string;
  readonly laneKeys: readonly Hex[];
  readonly drafts: readonly TransferDraft[];
  readonly fault: Fault | null;
  /** Left out: nobody gives the lanes gas money. */
  readonly funderKey?: Hex;
  readonly limits?: Pick<HouseOptions, "planner" | "funder">;
}

const gwei = 1_000_000_000n;

export async function openHouse({ url, deployed, folder, laneKeys, fault, funderKey, limits = {} }: RealScene) {
  const deployment = readDeployment(deployed);
  const store = await openSqlite({ folder });
  const chain = createChain({ url, deployment, finality: { depth: 2 } });
  const encoder = await createEncoder(deployment);
  const { topUp, perDay } = { ...funderLimits, ...limits.funder };
  const purse = { topUp: topUp * gwei, perDay: perDay * gwei };
  const signer = await createLaneSigner({
    keys: laneKeys,
    deployment,
    maxFeePerGas: 10n ** 12n,
    funder: funderKey === undefined ? undefined : { key: funderKey, ...purse },
  });
  const faults = createFaults(fault);
  const clock = createManualClock(Date.now());
  const house = createHouse({
    store: faults.wrap("store", store),
    chain: faults.wrap("chain", chain),
    signer: { ...signer, sign: faults.wrap("signer", signer).sign },
    clock,
    language: { encoder, recoverer: await createRecoverer(), orderSigner: await createOrderSigner({}), deployment },
    sender: { rebroadcastMs: 500 },
    ...limits,
  });
  const rpc = createRpc({ url, timeoutMs: 10_000 });
  return {
    store,
    chain,
    encoder,
    lanes: signer.lanes,
    faults,
    clock,
    house,
    rpc,
    async mine(): Promise<void> {
      await rpc.ask("evm_mine");
      clock.advance(1_000);
    },
  };
}
export type RealHouse = Awaited<ReturnType<typeof openHouse>>;
