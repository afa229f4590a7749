/**
 * The payers of a benchmark and what they signed beforehand. Owns keys, nonces and signatures; promises that every payment is different, valid
 * and payable, and that a batch touches as many accounts as it can: nobody pays or is paid twice in it, which would make rows cheaper than
 * real ones. Everybody's nonces are those that are free in the window when the leg begins.
 */
import { randomBytes } from "node:crypto";
import type { readDeployment } from "../../src/config.ts";
import { loadCurve } from "../../src/chain/curve.ts";
import { createDigest, loadKeccak, toHex } from "../../src/chain/digest.ts";
import { createEncoder } from "../../src/chain/encode.ts";
import { toAddress } from "../../src/chain/recover.ts";
import { encodeRow } from "../../src/chain/row.ts";
import type { TransferDraft } from "../../src/domain/draft.ts";
import { type Address, type Hex, toWord } from "../../src/domain/hex.ts";
import { windowSize } from "../../src/domain/intent.ts";

/** At most: inside a payer's nonce window whatever order they arrive in, and few enough that a crowd is a crowd. */
const paymentsPerPayer = 20;
/** 1.234567 coins and up: amounts with as many non-zero bytes as real ones. */
const leastValue = 1_234_567n;

export interface Payer {
  readonly address: Address;
  readonly key: Uint8Array;
}

export interface Signed {
  /** The body of `POST /v1/transfers`, as text. */
  readonly text: string;
  readonly row: Hex;
}

export interface Crowd {
  readonly payers: readonly Payer[];
  /** A fresh account of nobody's, such as the source of the opening balances. */
  createPayer(): Payer;
  sign(draft: Omit<TransferDraft, "signature">, payer: Payer): Signed;
  /** The payments of leg 0, 1, 2 …: `count` of them, payers taking turns. */
  signLeg(
    leg: number,
    options: { readonly count: number; readonly coin: Address; readonly validBefore: number },
  ): readonly Signed[];
}

function toBody(draft: TransferDraft): string {
  const { coin, authorization, signature } = draft;
  return JSON.stringify({
    coin,
    authorization: { ...authorization, value: authorization.value.toString() },
    signature,
  });
}

export interface CrowdOptions {
  readonly deployment: ReturnType<typeof readDeployment>;
  /** Payments of one leg. */
  readonly payments: number;
  /** Rows of one `settle`. */
  readonly batch: number;
}

export async function createCrowd({ deployment, payments, batch }: CrowdOptions): Promise<Crowd> {
  const [curve, keccak, encoder] = await Promise.all([loadCurve(), loadKeccak(), createEncoder(deployment)]);
  const digestOf = createDigest(keccak);
  if (BigInt(paymentsPerPayer) > windowSize) throw new RangeError("more payments per payer than its nonce window");

  const createPayer = (): Payer => {
    const key = randomBytes(32);
    return { key, address: toAddress(keccak, curve.publicKey(key)) };
  };
  const payers = Array.from({ length: Math.max(2 * batch, Math.ceil(payments / paymentsPerPayer)) }, createPayer);
  /** Far enough around the ring that the payees of a batch are not among its payers. */
  const distance = Math.floor(payers.length / 2);

  const sign: Crowd["sign"] = (wish, payer) => {
    const unsigned: TransferDraft = { ...wish, signature: "0x" };
    const digest = Buffer.from(digestOf(encoder.toTyped(unsigned)).slice(2), "hex");
    const { signature, recovery } = curve.sign(digest, payer.key);
    const draft: TransferDraft = { ...wish, signature: `${toHex(signature)}${recovery === 0 ? "1b" : "1c"}` };
    const row = encodeRow(draft);
    if (row === null) throw new RangeError("a payment of the benchmark does not fit a row");
    return { text: toBody(draft), row };
  };

  return {
    payers,
    createPayer,
    sign,
    signLeg(leg, options) {
      return Array.from({ length: options.count }, (_, i) => {
        const turn = Math.floor(i / payers.length);
        const payer = payers[i % payers.length];
        const payee = payers[(i + distance) % payers.length];
        if (payer === undefined || payee === undefined) throw new RangeError("the ring has a gap");
        const perLeg = Math.ceil(options.count / payers.length);
        const authorization = {
          from: payer.address,
          to: payee.address,
          value: leastValue + BigInt(i),
          validAfter: 0,
          validBefore: options.validBefore,
          nonce: toWord(BigInt(leg * perLeg + turn)),
        };
        return sign({ kind: "transfer", coin: options.coin, authorization, memo: null, reference: null }, payer);
      });
    },
  };
}
