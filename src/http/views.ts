/**
 * The shapes of what the node says about itself and about accounts: network, account, statement, lanes, trace, readiness. Owns their field
 * names; promises nothing internal is added going out.
 */
import { z } from "zod";
import { laneRoles, laneStates } from "../domain/lane.ts";
import { agreementStep } from "./agreements.ts";
import { claim } from "./claims.ts";
import { attestation, membership } from "./families.ts";
import { addressOut, timeOut, unitsOut, wordOut } from "./fields.ts";
import { payment } from "./payments.ts";
import { publicEvent } from "./published.ts";
import { cancellation, deposit, redemption, signedOrder, step, transfer } from "./schemas.ts";

const blockView = z.object({ number: z.number(), hash: wordOut, time: timeOut });

export const health = z.object({
  status: z.literal("ok"),
  chainId: z.number(),
  block: z.number().nullable(),
  version: z.string(),
});

const halt = z.object({ reason: z.string(), since: timeOut });

export const readiness = z.object({
  status: z.literal("ready"),
  block: z.number(),
  headAgeMs: z.number(),
  halted: halt
    .nullable()
    .meta({ description: "While halted the node takes payments in but sends no new transactions" }),
});

export const network = z
  .object({
    chainId: z.number(),
    version: z.string(),
    blockIntervalMs: z.number().nullable(),
    finality: z.union([z.literal("finalized"), z.object({ depth: z.number() })]),
    latest: blockView.nullable(),
    final: blockView.nullable(),
    coins: z.array(
      z.object({
        symbol: z.string(),
        name: z.string(),
        version: z.string(),
        decimals: z.number(),
        address: addressOut,
      }),
    ),
    contracts: z.object({
      authority: addressOut,
      treasury: addressOut,
      redemptions: addressOut,
      claims: addressOut,
      commerce: addressOut,
      swap: addressOut,
      registry: addressOut,
      dispatcher: addressOut,
    }),
    roles: z
      .record(z.string(), addressOut.nullable())
      .meta({ description: "Whose orders the node signs itself; null: send them signed" }),
    lanes: z.array(addressOut),
    limits: z.object({ batch: z.number(), maxValiditySeconds: z.number(), requestsPerMinute: z.number() }),
    sandbox: z.boolean(),
  })
  .meta({ id: "Network" });

export const account = z
  .object({
    address: addressOut,
    block: blockView.nullable(),
    coins: z.array(
      z.object({
        coin: addressOut,
        symbol: z.string(),
        balance: unitsOut,
        held: unitsOut.meta({ description: "Promised to payments that have not ended" }),
        available: unitsOut,
        frozen: unitsOut,
        frozenWhole: z.boolean(),
        nonces: z.array(wordOut).meta({ description: "Up to 16 free window nonces; pick one at random" }),
        vasp: z
          .number()
          .nullable()
          .meta({ description: "Number of the wallet operator, 0 for none; null: not known now" }),
      }),
    ),
  })
  .meta({ id: "Account" });

export const reconciliation = z
  .object({
    block: z.number(),
    blockHash: wordOut,
    blockTime: timeOut,
    agrees: z.boolean(),
    coins: z.array(
      z.object({
        coin: addressOut,
        symbol: z.string(),
        bank: unitsOut,
        bankAsOf: timeOut.nullable(),
        books: unitsOut,
        chain: unitsOut,
        outstanding: unitsOut,
        accounts: z.number(),
        escrows: z
          .array(z.object({ escrow: addressOut, open: unitsOut, balance: unitsOut }))
          .meta({ description: "What each escrow keeps for what is open, and has: never less. Newest block" }),
      }),
    ),
    differences: z.array(
      z.object({
        kind: z.enum(["account", "supply", "ledger", "reserves", "escrow"]),
        coin: addressOut,
        account: addressOut.nullable(),
        books: z.string(),
        chain: z.string(),
      }),
    ),
    halted: halt.nullable(),
  })
  .meta({ id: "Reconciliation" });

const attemptView = z.object({
  hash: wordOut,
  maxFeePerGas: z.string(),
  maxPriorityFeePerGas: z.string(),
  sentAt: timeOut.nullable(),
});
const slotState = z.enum(["signed", "sent", "mined", "final"]);
const slotKind = z.enum(["settle", "call", "fund", "empty"]);

const laneState = z.enum(laneStates).meta({
  description:
    "stored: never used; active: takes new slots; draining: takes none and is paused when none is open; paused: takes none; retired: for good",
});

export const laneMoved = z.object({
  address: addressOut,
  state: laneState,
  successor: addressOut.nullable().meta({ description: "Of a rotation: the lane that took its place" }),
});

export const lanes = z
  .object({
    halted: halt.nullable(),
    intents: z.record(z.string(), z.number()).meta({ description: "How many are in each state" }),
    lanes: z.array(
      z.object({
        address: addressOut,
        role: z.enum(laneRoles).meta({ description: "funder: gives the lanes gas money, and carries nothing else" }),
        state: laneState,
        epoch: z.number().meta({ description: "Rises whenever a process takes the lane over" }),
        hasKey: z.boolean().meta({ description: "False: this node can only follow the lane and send its bytes again" }),
        moved: z
          .object({ by: z.string(), at: timeOut })
          .nullable()
          .meta({ description: "Who moved it into its state, and when; null while it has its first one" }),
        gasBalance: z.string().nullable().meta({ description: "Wei; null when the chain does not answer" }),
        open: z.number().meta({ description: `Slots that are not final, 100 at most` }),
        slots: z.array(
          z.object({ nonce: z.number(), state: slotState, kind: slotKind, attempts: z.array(attemptView) }),
        ),
      }),
    ),
  })
  .meta({ id: "Lanes" });

export const intent = z
  .discriminatedUnion("kind", [
    transfer,
    cancellation,
    deposit,
    redemption,
    signedOrder,
    step,
    claim,
    payment,
    agreementStep,
    attestation,
    membership,
  ])
  .meta({ description: "Any resource with an id, by its kind" });

export const trace = z
  .object({
    resource: intent,
    slots: z.array(
      z.object({
        lane: addressOut,
        nonce: z.number(),
        state: slotState,
        kind: slotKind,
        index: z.number().meta({ description: "Place in the slot" }),
        size: z.number().meta({ description: "How many it carries" }),
        committedAt: timeOut,
        gasUsed: z.string().nullable(),
        attempts: z.array(attemptView),
      }),
    ),
    movements: z.array(
      z.object({
        kind: z.enum(["transfer", "mint", "burn"]),
        coin: addressOut,
        from: addressOut,
        to: addressOut,
        amount: unitsOut,
        memo: wordOut.nullable(),
        transaction: wordOut,
        block: z.number(),
        blockHash: wordOut,
        logIndex: z.number(),
        by: addressOut,
        final: z.boolean(),
        at: timeOut,
      }),
    ),
    lines: z.array(z.object({ account: z.string(), amount: z.string() })).optional(),
    events: z.array(publicEvent).optional(),
  })
  .meta({
    id: "Trace",
    description: "The way from HTTP to block. Ledger lines and events for the parties and for roles only",
  });

export const resumed = z.object({ resumed: z.boolean(), halt: halt.nullable() });
export const challenge = z.object({ message: z.string(), nonce: z.string(), expiresAt: timeOut });
export const session = z.object({ token: z.string(), address: addressOut, expiresAt: timeOut });
export const moved = z.object({
  seconds: z.number(),
  blockTime: timeOut.meta({ description: "Of the newest block the node has seen" }),
});

export type Network = z.output<typeof network>;
export type Account = z.output<typeof account>;
export type ReconciliationView = z.output<typeof reconciliation>;
export type Lanes = z.output<typeof lanes>;
export type LaneMoved = z.output<typeof laneMoved>;
export type TraceView = z.output<typeof trace>;
export type Challenge = z.output<typeof challenge>;
export type Session = z.output<typeof session>;
