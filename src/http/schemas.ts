/**
 * The shapes of requests and resources: the source of validation, of the OpenAPI document and of the types other programs use. Owns every
 * field name of the surface; promises that unknown fields are refused coming in and never added going out.
 */
import { z } from "zod";
import { redemptionStates } from "../domain/intent.ts";
import {
  address,
  addressOut,
  chainId,
  coin,
  label,
  plainText,
  seconds,
  secondsOut,
  signature,
  timeOut,
  units,
  unitsOut,
  word,
  wordOut,
} from "./fields.ts";

// ——— requests ———

/** Transfers in one batch at most. */
export const batchLimit = 1_000;
/** Characters of a client's own note. */
const referenceLength = 140;

const authorization = z.strictObject({
  from: address,
  to: address,
  value: units,
  validAfter: seconds,
  validBefore: seconds,
  nonce: word,
  chainId: chainId.optional(),
});

export const transferBody = z
  .strictObject({
    coin,
    authorization,
    memo: word.nullish(),
    signature,
    reference: plainText(referenceLength).nullish(),
    chainId: chainId.optional(),
  })
  .meta({ id: "TransferRequest" });

/** Items are checked one by one, so that a bad one is an outcome and does not refuse its neighbours. */
export const batchBody = z.strictObject({ transfers: z.array(transferBody).min(1).max(batchLimit) });
export const batchEnvelope = z.strictObject({ transfers: z.array(z.unknown()).min(1) });

export const cancellationBody = z.strictObject({
  coin,
  authorizer: address,
  nonce: word,
  signature,
  chainId: chainId.optional(),
});

export const signed = { signer: address.optional(), signature: signature.optional(), chainId: chainId.optional() };

export const depositBody = z.strictObject({
  coin,
  depositId: word,
  to: address,
  amount: units,
  evidence: z
    .strictObject({ account: plainText(140).min(1), reference: plainText(140).min(1) })
    .meta({
      description: "Bank account and entry reference; the deposit id must be keccak256 of both, ABI-encoded as strings",
    })
    .optional(),
  deadline: seconds.optional(),
  ...signed,
});

export const redemptionBody = z.strictObject({
  coin,
  terms: z.strictObject({
    coin: coin.optional(),
    holder: address,
    amount: units,
    payout: word,
    acceptBy: seconds,
    payoutBy: seconds,
    finalBy: seconds,
    salt: word,
  }),
  signature: signature.optional(),
  chainId: chainId.optional(),
});

/** `order` carries the struct's fields besides the id; required with a signature. */
export const acceptBody = z.strictObject({
  order: z.strictObject({ deadline: seconds.optional() }).optional(),
  ...signed,
});
export const rejectBody = z.strictObject({
  order: z.strictObject({ reason: label, deadline: seconds.optional() }),
  ...signed,
});
export const bankStepBody = z.strictObject({
  order: z.strictObject({ bankReference: label, deadline: seconds.optional() }),
  ...signed,
});
export const resolveBody = z.strictObject({
  order: z.strictObject({ paid: z.boolean(), reference: label, deadline: seconds.optional() }),
  ...signed,
});
export const cancelStepBody = z.strictObject({
  order: z.strictObject({ deadline: seconds }).optional(),
  signature: signature.optional(),
  chainId: chainId.optional(),
});
export const emptyBody = z.strictObject({});

const orderFields = { orderId: word.optional(), deadline: seconds.optional() };
export const orderBody = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("attest"),
    order: z.strictObject({ coin, amount: units, asOf: seconds.optional(), reportHash: label, ...orderFields }),
    ...signed,
  }),
  z.strictObject({
    kind: z.literal("minting"),
    order: z.strictObject({ coin, enabled: z.boolean(), ...orderFields }),
    ...signed,
  }),
  z.strictObject({
    kind: z.literal("freeze"),
    order: z.strictObject({
      coin,
      account: address,
      amount: units.nullable().meta({ description: "Null freezes the account whole" }),
      caseId: label,
      until: seconds,
      ...orderFields,
    }),
    ...signed,
  }),
  z.strictObject({
    kind: z.literal("unfreeze"),
    order: z.strictObject({ coin, account: address, caseId: label, ...orderFields }),
    ...signed,
  }),
  z.strictObject({
    kind: z.literal("seize"),
    order: z.strictObject({ coin, account: address, amount: units, caseId: label, ...orderFields }),
    ...signed,
  }),
]);

export const approvalBody = z.strictObject({
  mint: z.strictObject({ coin, dealer: address.optional(), depositId: word, to: address, amount: units }),
  deadline: seconds.optional(),
  ...signed,
});
export type ApprovalInput = z.output<typeof approvalBody>;

export const resumeBody = z.strictObject({ reason: plainText(500).min(3) });
export const laneBody = z.strictObject({ reason: plainText(500).min(3).optional() });
export const loginBody = z.strictObject({ message: z.string().min(1).max(2_000), signature });
export const faucetBody = z.strictObject({ coin, to: address, amount: units });
/** 181 days: past the longest deadline of any escrow. */
export const timeBody = z.strictObject({
  seconds: z
    .int()
    .min(1)
    .max(181 * 86_400),
});

const wait = z.coerce.number().int().min(0).max(30).default(0).meta({ description: "Seconds to wait for the end" });
export const waitQuery = z.strictObject({ wait });
export const pageQuery = z.strictObject({
  cursor: z.string().max(40).optional(),
  pageSize: z.coerce.number().int().min(1).max(100).default(50),
});
export const eventsQuery = z.strictObject({
  account: address.optional(),
  after: z
    .string()
    .regex(/^\d{1,19}$/)
    .optional(),
});
export const loginQuery = z.strictObject({ address });
export const reconciliationQuery = z.strictObject({ fresh: z.stringbool().default(false) });
export const addressParams = z.strictObject({ address });
export const idParams = z.strictObject({ id: z.string().min(1).max(66) });

// ——— resources ———

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string(),
    retryable: z.boolean(),
    errors: z.array(
      z.object({
        code: z.string(),
        subject: z.string(),
        actual: z.string().optional(),
        limit: z.string().optional(),
        remedy: z.string(),
      }),
    ),
  })
  .loose()
  .meta({ id: "Problem", description: "RFC 9457 problem details" });

export const evidence = z.object({
  transaction: wordOut,
  block: z.number(),
  blockHash: wordOut,
  logIndex: z.number(),
  by: addressOut.meta({ description: "Sender of the transaction that carried it: one of our lanes, or a stranger" }),
});

const state = z.enum(["accepted", "planned", "sent", "included", "settled", "cancelled", "superseded", "expired"]);

export const life = {
  id: z.string(),
  state,
  held: z.boolean().meta({ description: "True while it waits for `reason` to pass" }),
  reason: z.string().nullable(),
  coin: addressOut,
  digest: wordOut,
  createdAt: timeOut,
  endedAt: timeOut.nullable(),
  evidence: evidence.nullable(),
};

export const transfer = z
  .object({
    ...life,
    kind: z.literal("transfer"),
    authorization: z.object({
      from: addressOut,
      to: addressOut,
      value: unitsOut,
      validAfter: secondsOut,
      validBefore: secondsOut,
      nonce: wordOut,
    }),
    memo: wordOut.nullable(),
    reference: z.string().nullable().optional().meta({ description: "Present for the parties and for roles only" }),
  })
  .meta({ id: "Transfer" });

export const cancellation = z
  .object({ ...life, kind: z.literal("cancel"), authorizer: addressOut, nonce: wordOut })
  .meta({ id: "Cancellation" });

export const deposit = z
  .object({
    ...life,
    kind: z.literal("mint"),
    depositId: wordOut,
    to: addressOut,
    amount: unitsOut,
    validUntil: timeOut.nullable(),
  })
  .meta({ id: "Deposit" });

export const signedOrder = z
  .object({
    ...life,
    kind: z.enum(["attest", "minting", "freeze", "unfreeze", "seize", "approve-mint"]),
    orderId: wordOut,
    signer: addressOut,
    account: addressOut.nullable(),
    validUntil: timeOut.nullable(),
  })
  .meta({ id: "Order" });

export const step = z
  .object({
    ...life,
    kind: z.enum([
      "accept",
      "approve",
      "reject",
      "mark-sent",
      "confirm",
      "dispute",
      "resolve",
      "cancel-redemption",
      "reclaim",
    ]),
    redemptionId: wordOut,
    validUntil: timeOut.nullable(),
  })
  .meta({ id: "Step" });

const redemptionState = z.enum(redemptionStates);

export const redemption = z
  .object({
    id: z.string(),
    kind: z.literal("lock"),
    redemptionId: wordOut,
    state: redemptionState.meta({ description: "On chain, in the newest block seen" }),
    intent: z
      .object({ ...life })
      .nullable()
      .meta({ description: "The lock; null when somebody else submitted it" }),
    coin: addressOut,
    holder: addressOut,
    amount: unitsOut,
    payout: wordOut.nullable(),
    acceptBy: timeOut,
    payoutBy: timeOut.nullable(),
    finalBy: timeOut.nullable(),
    steps: z.array(
      evidence.extend({
        from: redemptionState,
        to: redemptionState,
        actor: addressOut,
        reference: wordOut,
        at: timeOut,
      }),
    ),
    pending: z.array(step).meta({ description: "Steps accepted by the node that have not ended" }),
    exits: z.array(
      z.object({
        step: z.enum(["cancel", "dispute", "reclaim"]),
        by: z.enum(["holder", "anyone"]),
        from: timeOut.nullable(),
        before: timeOut.nullable(),
        open: z.boolean(),
      }),
    ),
  })
  .meta({ id: "Redemption" });

/** EIP-712 typed data, as eth_signTypedData_v4 takes it. */
export const typedMessage = z.object({
  domain: z.object({
    name: z.string(),
    version: z.string(),
    chainId: z.number(),
    verifyingContract: addressOut,
  }),
  primaryType: z.string(),
  types: z.record(z.string(), z.array(z.object({ name: z.string(), type: z.string() }))),
  message: z.record(z.string(), z.union([z.string(), z.boolean()])),
});

export const typedData = z
  .object({ redemptionId: wordOut, typedData: typedMessage })
  .meta({ id: "ToSign", description: "EIP-712 typed data, as eth_signTypedData_v4 takes it" });

export const batchResult = z
  .object({
    outcomes: z.array(
      z.union([
        z.object({ outcome: z.enum(["created", "existing"]), transfer }),
        z.object({ outcome: z.literal("refused"), problem }),
      ]),
    ),
  })
  .meta({ id: "BatchResult" });

export const transferPage = z.object({ data: z.array(transfer), hasMore: z.boolean(), next: z.string().nullable() });

export type TransferRequest = z.input<typeof transferBody>;
export type TransferInput = z.output<typeof transferBody>;
export type OrderRequest = z.input<typeof orderBody>;
export type OrderInput = z.output<typeof orderBody>;
export type DepositRequest = z.input<typeof depositBody>;
export type RedemptionRequest = z.input<typeof redemptionBody>;
export type Problem = z.output<typeof problem>;
export type Transfer = z.output<typeof transfer>;
export type Cancellation = z.output<typeof cancellation>;
export type Deposit = z.output<typeof deposit>;
export type Order = z.output<typeof signedOrder>;
export type Step = z.output<typeof step>;
export type Redemption = z.output<typeof redemption>;
export type ToSign = z.output<typeof typedData>;
export type BatchResult = z.output<typeof batchResult>;
export type TransferPage = z.output<typeof transferPage>;
