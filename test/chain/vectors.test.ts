/**
 * The worked values of `examples/vectors.json`, recomputed by implementations that know nothing of each other: ethers, viem, the node's packed
 * digest, and a reader of the row layout written from `docs/SIGNATURES.md` alone. The contracts carry them out in
 * `vectors-chain.test.ts`.
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { TypedDataEncoder, verifyTypedData, Wallet } from "ethers";
import { hashTypedData } from "viem";
import { createDigest, loadKeccak } from "../../src/chain/digest.ts";
import { createEncoder } from "../../src/chain/encode.ts";
import { createRecoverer } from "../../src/chain/recover.ts";
import type { Hex, Word } from "../../src/domain/hex.ts";
import { type PrimaryType, type TypedField, typedStructs } from "../../src/domain/signatures.ts";
import { renderVectors, type StructVector, type Vectors } from "../../scripts/vectors.ts";

const file = readFileSync("examples/vectors.json", "utf8");
const vectors = JSON.parse(file) as Vectors;
const specification = readFileSync("docs/SIGNATURES.md", "utf8");

function fieldsOf(primaryType: PrimaryType): { name: string; type: string }[] {
  return (typedStructs[primaryType] as readonly TypedField[]).map(({ name, type }) => ({ name, type }));
}

/** The message with integers as bigint. */
function toMessage({ primaryType, message }: StructVector): Record<string, bigint | boolean | string> {
  return Object.fromEntries(
    fieldsOf(primaryType).map(({ name, type }) => {
      const value = message[name];
      if (value === undefined) throw new Error(`${primaryType}.${name} is missing`);
      return [name, type.startsWith("uint") ? BigInt(value as string) : value];
    }),
  );
}

/** Reads rows by the table of the documentation, field by field. */
function readRows(rows: Hex): Record<string, string | bigint | null>[] {
  const digits = rows.slice(2);
  let cursor = 0;
  const take = (bytes: number): string => {
    const taken = digits.slice(cursor, cursor + 2 * bytes);
    expect(taken.length, "a row runs past the end").to.equal(2 * bytes);
    cursor += 2 * bytes;
    return taken;
  };
  const read: Record<string, string | bigint | null>[] = [];
  while (cursor < digits.length) {
    const kind = Number.parseInt(take(1), 16);
    const head = { from: `0x${take(20)}`, to: `0x${take(20)}`, value: BigInt(`0x${take(8)}`) };
    const validBefore = BigInt(`0x${take(5)}`);
    const nonce = `0x${take((kind & 2) === 2 ? 32 : 5).padStart(64, "0")}`;
    const validAfter = (kind & 8) === 8 ? BigInt(`0x${take(5)}`) : 0n;
    const memo = (kind & 4) === 4 ? `0x${take(32)}` : null;
    read.push({ ...head, validBefore, nonce, validAfter, memo, signature: `0x${take(64)}` });
  }
  return read;
}

describe("examples/vectors.json", () => {
  it("is what scripts/vectors.ts writes", async () => {
    expect(await renderVectors()).to.equal(file);
  });

  it("has every struct, with the type string of docs/SIGNATURES.md", () => {
    expect(new Set(vectors.structs.map(({ primaryType }) => primaryType))).to.deep.equal(
      new Set(Object.keys(typedStructs)),
    );
    for (const { typeString } of vectors.structs) expect(specification).to.include(`\n${typeString}\n`);
  });

  it("has the domains of docs/SIGNATURES.md", () => {
    for (const { name, version } of Object.values(vectors.domains)) {
      expect(specification).to.match(new RegExp(`\\| \`${name}\` \\| \`${version}\` \\|`));
    }
  });

  for (const vector of vectors.structs) {
    const { name, primaryType, digest, signature } = vector;
    const domain = vectors.domains[vector.domain];
    const key = vectors.keys[vector.signer];

    describe(`${primaryType} (${name})`, () => {
      it("has the digest that ethers computes", () => {
        const types = { [primaryType]: fieldsOf(primaryType) };
        expect(TypedDataEncoder.hash(domain, types, toMessage(vector))).to.equal(digest);
      });

      it("has the digest that viem computes", () => {
        const types = { [primaryType]: fieldsOf(primaryType) };
        expect(hashTypedData({ domain, types, primaryType, message: toMessage(vector) })).to.equal(digest);
      });

      it("has the digest that the node packs", async () => {
        const packed = createDigest(await loadKeccak());
        expect(packed({ domain, primaryType, message: toMessage(vector) })).to.equal(digest);
      });

      it("has the signature that an ethers wallet makes", async () => {
        const types = { [primaryType]: fieldsOf(primaryType) };
        expect(await new Wallet(key.privateKey).signTypedData(domain, types, toMessage(vector))).to.equal(signature);
        expect(verifyTypedData(domain, types, toMessage(vector), signature).toLowerCase()).to.equal(key.address);
      });

      it("has the signer that the node recovers", async () => {
        const recoverer = await createRecoverer();
        expect(await recoverer.recover([{ digest, signature }])).to.deep.equal([key.address]);
      });
    });
  }

  describe("rows", () => {
    it("say exactly what was signed, one after the other", () => {
      const read = readRows(`0x${vectors.rows.map(({ row }) => row.slice(2)).join("")}`);
      expect(read).to.have.length(vectors.rows.length);
      for (const [i, { struct }] of vectors.rows.entries()) {
        const vector = vectors.structs.find(({ name }) => name === struct) as StructVector;
        const message = toMessage(vector);
        const v = BigInt(`0x${vector.signature.slice(130)}`);
        const vs = BigInt(`0x${vector.signature.slice(66, 130)}`) | ((v - 27n) << 255n);
        expect(read[i]).to.deep.equal({
          ...message,
          memo: message["memo"] ?? null,
          signature: `${vector.signature.slice(0, 66)}${vs.toString(16).padStart(64, "0")}`,
        });
      }
    });

    it("take 123 bytes for a plain payment", () => {
      const plain = vectors.rows.find(({ struct }) => struct === "plain");
      expect((plain as { row: Hex }).row.length).to.equal(2 + 2 * 123);
    });
  });

  describe("redemption ids", () => {
    it("are the nonces of the locks, as the encoder makes them of the terms", async () => {
      const encoder = await createEncoder(vectors.deployment);
      const terms = vectors.structs.filter(({ primaryType }) => primaryType === "Redemption");
      expect(terms).to.have.length(4);
      for (const vector of terms) {
        const message = toMessage(vector);
        const id = encoder.redemptionId({
          coin: message["coin"] as Word,
          holder: message["holder"] as Word,
          amount: message["amount"] as bigint,
          payout: message["payout"] as Word,
          acceptBy: Number(message["acceptBy"]),
          payoutBy: Number(message["payoutBy"]),
          finalBy: Number(message["finalBy"]),
          salt: message["salt"] as Word,
        });
        expect(id).to.equal(vector.digest);
        const lock = vectors.structs.find(({ name }) => name === vector.name.replace("terms", "lock"));
        expect(lock?.message["nonce"]).to.equal(id);
      }
    });
  });
});
