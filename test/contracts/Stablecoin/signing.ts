/**
 * Everything the coin accepts a signature for, as one table: what is signed, how it is handed over, and how a bad signature
 * is told. The lists of attacks and of conformance run over it. Owns no tests.
 */
import type { ContractTransactionResponse, Signer } from "ethers";
import {
  CASE,
  createDisbursement,
  createTerms,
  type Disbursement,
  encodeRow,
  FORM,
  freeze,
  MEMO,
  now,
  ROLE,
  sign,
  signDisbursement,
  type Terms,
  toArguments,
  toDisburseArguments,
  toNonce,
  toVrs,
  VALUE,
  WHOLE,
  type World,
} from "../../support/coin.ts";

export type Sent = Promise<ContractTransactionResponse>;

/** How a signature travels: split, in one piece, as ERC-2098 inside a row, or in one piece inside a row. */
export type Encoding = "v, r, s" | "bytes" | "compact row" | "long row";

/** A call that a payer signs; a refusal in a row is a skip. */
export interface PaymentForm {
  call: "transfer" | "receive" | "memo";
  encoding: Encoding;
  type: "TransferWithAuthorization" | "ReceiveWithAuthorization" | "TransferWithMemo";
  isRow: boolean;
  submit(world: World, terms: Terms, signature: string): Sent;
}

function row(long: boolean): PaymentForm["submit"] {
  return ({ coin, relayer }, terms, signature) =>
    coin.connect(relayer).settle(encodeRow({ ...terms, signature, long }));
}

const TRANSFER = { call: "transfer", type: "TransferWithAuthorization", isRow: false } as const;
const RECEIVE = { call: "receive", type: "ReceiveWithAuthorization", isRow: false } as const;
const MEMO_PAYMENT = { call: "memo", type: "TransferWithMemo", isRow: false } as const;

/** The payee submits what only it may submit; the relayer the rest. */
export const PAYMENT_FORMS: PaymentForm[] = [
  {
    ...TRANSFER,
    encoding: "v, r, s",
    submit: ({ coin, relayer }, terms, signature) =>
      coin.connect(relayer)[FORM.transferVrs](...toArguments(terms), ...toVrs(signature)),
  },
  {
    ...TRANSFER,
    encoding: "bytes",
    submit: ({ coin, relayer }, terms, signature) =>
      coin.connect(relayer)[FORM.transferBytes](...toArguments(terms), signature),
  },
  { ...TRANSFER, encoding: "compact row", isRow: true, submit: row(false) },
  { ...TRANSFER, encoding: "long row", isRow: true, submit: row(true) },
  {
    ...RECEIVE,
    encoding: "v, r, s",
    submit: ({ coin, payee }, terms, signature) =>
      coin.connect(payee)[FORM.receiveVrs](...toArguments(terms), ...toVrs(signature)),
  },
  {
    ...RECEIVE,
    encoding: "bytes",
    submit: ({ coin, payee }, terms, signature) =>
      coin.connect(payee)[FORM.receiveBytes](...toArguments(terms), signature),
  },
  {
    ...MEMO_PAYMENT,
    encoding: "bytes",
    submit: ({ coin, relayer }, terms, signature) =>
      coin.connect(relayer).transferWithMemo(...toArguments(terms), terms.memo ?? "", signature),
  },
  { ...MEMO_PAYMENT, encoding: "compact row", isRow: true, submit: row(false) },
  { ...MEMO_PAYMENT, encoding: "long row", isRow: true, submit: row(true) },
];

/** Terms of a payment form from `from`, valid now. */
export async function createPayment(
  world: World,
  form: PaymentForm,
  from: string,
  changes: Partial<Terms> = {},
): Promise<Terms> {
  return createTerms(world, { from, ...(form.call === "memo" ? { memo: MEMO } : {}), ...changes });
}

/** Anything that the coin accepts a signature for. */
export interface SignedForm {
  title: string;
  /** The form takes any bytes, so that a contract may sign in its own way. */
  takesBytes: boolean;
  isRow: boolean;
  error: "StablecoinSignatureInvalid" | "OrderSignatureInvalid";
  /** What a second submission reverts with. */
  replay:
    | "StablecoinAuthorizationUsed"
    | "StablecoinSignatureInvalid"
    | "StablecoinNonceBaseInvalid"
    | "OrderAlreadyUsed";
  /** Something that `account` may sign, valid now. */
  create(world: World, account: string): Promise<object>;
  signAs(world: Pick<World, "domain">, signer: Signer, message: object): Promise<string>;
  submit(world: World, account: string, message: object, signature: string): Sent;
}

const FREEZE = { type: "FreezeOrder", role: ROLE.freezer } as const;
const UNFREEZE = { type: "UnfreezeOrder", role: ROLE.freezer } as const;
const SEIZE = { type: "SeizeOrder", role: ROLE.seizer } as const;

function payment(form: PaymentForm): SignedForm {
  return {
    title: `${form.call}, ${form.encoding}`,
    takesBytes: form.encoding === "bytes" || form.encoding === "long row",
    isRow: form.isRow,
    error: "StablecoinSignatureInvalid",
    replay: "StablecoinAuthorizationUsed",
    create: (world, account) => createPayment(world, form, account),
    signAs: (world, signer, message) => sign(world, signer, form.type, message),
    submit: (world, _account, message, signature) => form.submit(world, message as Terms, signature),
  };
}

interface Cancellation {
  authorizer: string;
  nonce: string;
}

function cancel(encoding: "v, r, s" | "bytes"): SignedForm {
  return {
    title: `cancel, ${encoding}`,
    takesBytes: encoding === "bytes",
    isRow: false,
    error: "StablecoinSignatureInvalid",
    replay: "StablecoinAuthorizationUsed",
    create: async (_world, authorizer) => ({ authorizer, nonce: toNonce(0n) }),
    signAs: (world, signer, message) => sign(world, signer, "CancelAuthorization", message),
    submit: ({ coin, relayer }, _account, message, signature) => {
      const { authorizer, nonce } = message as Cancellation;
      const sender = coin.connect(relayer);
      if (encoding === "bytes") return sender[FORM.cancelBytes](authorizer, nonce, signature);
      return sender[FORM.cancelVrs](authorizer, nonce, ...toVrs(signature));
    },
  };
}

interface Permit {
  owner: string;
  spender: string;
  value: bigint;
  nonce: bigint;
  deadline: bigint;
}

function permit(encoding: "v, r, s" | "bytes"): SignedForm {
  return {
    title: `permit, ${encoding}`,
    takesBytes: encoding === "bytes",
    isRow: false,
    error: "StablecoinSignatureInvalid",
    replay: "StablecoinSignatureInvalid",
    create: async (world, owner) => {
      return { owner, spender: world.spender.address, value: VALUE, nonce: 0n, deadline: WHOLE } satisfies Permit;
    },
    signAs: (world, signer, message) => sign(world, signer, "Permit", message),
    submit: ({ coin, relayer }, _account, message, signature) => {
      const { owner, spender, value, deadline } = message as Permit;
      const sender = coin.connect(relayer);
      if (encoding === "bytes") return sender[FORM.permitBytes](owner, spender, value, deadline, signature);
      return sender[FORM.permitVrs](owner, spender, value, deadline, ...toVrs(signature));
    },
  };
}

interface Skip {
  account: string;
  newBase: bigint;
  deadline: bigint;
}

const SKIP: SignedForm = {
  title: "skipNonces, bytes",
  takesBytes: true,
  isRow: false,
  error: "StablecoinSignatureInvalid",
  replay: "StablecoinNonceBaseInvalid",
  create: async (_world, account) => ({ account, newBase: 7n, deadline: WHOLE }) satisfies Skip,
  signAs: (world, signer, message) => sign(world, signer, "SkipNonces", message),
  submit: ({ coin, relayer }, _account, message, signature) => {
    const { account, newBase, deadline } = message as Skip;
    return coin.connect(relayer)[FORM.skipSigned](account, newBase, deadline, signature);
  },
};

const DISBURSE: SignedForm = {
  title: "disburse, bytes",
  takesBytes: true,
  isRow: false,
  error: "StablecoinSignatureInvalid",
  replay: "StablecoinAuthorizationUsed",
  create: (world, from) => createDisbursement(world, [{ to: world.payee.address, value: VALUE }], { from }),
  signAs: (world, signer, message) => signDisbursement(world, signer, message as Disbursement),
  submit: ({ coin, relayer }, _account, message, signature) =>
    coin.connect(relayer).disburse(...toDisburseArguments(message as Disbursement), signature),
};

/** An order of `account`, which gets the role for it; the stranger is the one frozen. */
function order(
  { type, role }: typeof FREEZE | typeof UNFREEZE | typeof SEIZE,
  fields: (world: World) => Promise<object>,
  submit: SignedForm["submit"],
): SignedForm {
  return {
    title: `${type}, bytes`,
    takesBytes: true,
    isRow: false,
    error: "OrderSignatureInvalid",
    replay: "OrderAlreadyUsed",
    create: async (world, account) => {
      await world.manager.grantRole(role, account, 0);
      return {
        orderId: toNonce(5n),
        deadline: WHOLE,
        account: world.stranger.address,
        caseId: CASE,
        ...(await fields(world)),
      };
    },
    signAs: (world, signer, message) => sign(world, signer, type, message),
    submit,
  };
}

/** The orders of roles. */
export const ORDER_FORMS: SignedForm[] = [
  order(
    FREEZE,
    async (world) => ({ amount: VALUE, until: (await now(world)) + 7_200n }),
    ({ coin, relayer }, account, message, signature) =>
      coin.connect(relayer).freezeBySig(message as never, account, signature),
  ),
  order(
    UNFREEZE,
    async (world) => {
      await freeze(world, world.stranger);
      return {};
    },
    ({ coin, relayer }, account, message, signature) =>
      coin.connect(relayer).unfreezeBySig(message as never, account, signature),
  ),
  order(
    SEIZE,
    async (world) => {
      await world.coin.connect(world.treasury).mint(world.stranger, VALUE);
      await freeze(world, world.stranger);
      return { amount: 1n };
    },
    ({ coin, relayer }, account, message, signature) =>
      coin.connect(relayer).seizeBySig(message as never, account, signature),
  ),
];

/** What holders sign. */
export const HOLDER_FORMS: SignedForm[] = [
  ...PAYMENT_FORMS.map(payment),
  DISBURSE,
  cancel("v, r, s"),
  cancel("bytes"),
  SKIP,
  permit("v, r, s"),
  permit("bytes"),
];

export const SIGNED_FORMS: SignedForm[] = [...HOLDER_FORMS, ...ORDER_FORMS];
