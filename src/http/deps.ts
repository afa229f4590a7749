/**
 * What the HTTP surface is given. Owns the list of its dependencies, all of them ports or plain values: the surface decides nothing about
 * money, it reads requests, asks the pipeline and writes what it answers. It never reaches into `chain/`, `store/` or the environment.
 */
import type { FastifyBaseLogger } from "fastify";
import type { Address } from "../domain/hex.ts";
import type { LaneDesk } from "../pipeline/lanes.ts";
import type {
  Chain,
  Clock,
  Courier,
  Deployment,
  Encoder,
  HeadView,
  Intake,
  OrderSigner,
  Publisher,
  Recoverer,
  Reconciler,
  Sandbox,
  Store,
} from "../pipeline/ports.ts";
import type { ApiKey } from "./auth.ts";

export interface ServerLimits {
  /** Requests per minute and caller: an API key, a logged-in wallet, otherwise a network address. */
  readonly requestsPerMinute: number;
  /** A head older than this makes `/ready` answer `chain_stale`. */
  readonly maxHeadAgeMs: number;
  /** Longest time between now and `validBefore` that intake accepts; published so that wallets can keep to it. */
  readonly maxValiditySeconds: number;
  /** Base units one call of the faucet hands out at most. */
  readonly faucetUnits: bigint;
}

export interface ServerDeps {
  readonly store: Store;
  readonly chain: Chain;
  readonly intake: Intake;
  readonly encoder: Encoder;
  /** For offers, which are kept without intake; everything else is checked there. */
  readonly recoverer: Recoverer;
  readonly publisher: Publisher;
  readonly reconciler: Reconciler;
  readonly head: HeadView;
  readonly orderSigner: OrderSigner;
  readonly deployment: Deployment;
  readonly lanes: readonly Address[];
  readonly laneDesk: LaneDesk;
  /** Judges the URLs of webhooks. */
  readonly courier: Pick<Courier, "refuse">;
  readonly apiKeys: readonly ApiKey[];
  /** Devnet only; null leaves the `/sandbox` routes out. */
  readonly sandbox: Sandbox | null;
  readonly network: {
    readonly blockIntervalMs: number | null;
    readonly finality: "finalized" | { readonly depth: number };
  };
  readonly limits: ServerLimits;
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  /** Folder of the files served at `/`; null serves none. */
  readonly webRoot: string | null;
  /**
   * Hosts (`name:port`) whose name a wallet may sign in to. Null allows loopback hosts only: a name taken from the request's own
   * Host header could be a phisher's.
   */
  readonly loginHosts: readonly string[] | null;
  readonly clock: Pick<Clock, "now" | "monotonic">;
}
