/**
 * EIP-712 digests, packed by hand over the struct table: keccak256(0x1901 ‖ domain separator ‖ hash of the struct). Owns the domains of
 * a deployment and the one keccak instance the chain adapter hashes with; synchronous after `loadKeccak`. Never signs.
 */
import { createKeccak } from "hash-wasm";
import type { Address, Hex, Word } from "../domain/hex.ts";
import {
  type DomainName,
  domainOf,
  type PrimaryType,
  type TypedDomain,
  type TypedField,
  type TypedMessage,
  typedStructs,
} from "../domain/signatures.ts";
import type { Deployment } from "../pipeline/ports.ts";

/** Hashes bytes to 32 bytes. The result is a fresh array. */
export type Keccak = (bytes: Uint8Array) => Uint8Array;

let loading: Promise<Keccak> | undefined;

/** The shared keccak256 instance: WebAssembly, ten times faster than JavaScript at these sizes. */
export function loadKeccak(): Promise<Keccak> {
  loading ??= createKeccak(256).then((hasher) => (bytes) => hasher.init().update(bytes).digest("binary"));
  return loading;
}

/** Bytes as lowercase hexadecimal text. */
export function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
}

/** `Type(type name,type name,…)`, the string whose hash begins the struct. */
export function toTypeString(primaryType: PrimaryType): string {
  const fields = (typedStructs[primaryType] as readonly TypedField[]).map((field) => `${field.type} ${field.name}`);
  return `${primaryType}(${fields.join(",")})`;
}

/** EIP-712 name of each contract but the coins, which carry their own; all are version 1. */
const domainNames: Readonly<Record<Exclude<DomainName, "coin">, string>> = {
  treasury: "Remesa Treasury",
  redemption: "Remesa Redemption",
  claim: "Remesa Claims",
  commerce: "Remesa Commerce",
  swap: "Remesa Swap",
  registry: "Remesa Vasps",
};

/** Address of each of them in a deployment. */
export function listDomains(deployment: Deployment): Readonly<Record<Exclude<DomainName, "coin">, Address>> {
  const { treasury, redemptions, claims, commerce, swap, registry } = deployment;
  return { treasury, redemption: redemptions, claim: claims, commerce, swap, registry };
}

/** The domain each contract of the deployment signs under, as `docs/SIGNATURES.md` fixes them. */
export function createDomains(deployment: Deployment): (primaryType: PrimaryType, coin: Address | null) => TypedDomain {
  const { chainId } = deployment;
  const addresses = listDomains(deployment);
  const domains = new Map(
    Object.entries(domainNames).map(([name, title]): [string, TypedDomain] => {
      const verifyingContract = addresses[name as keyof typeof domainNames];
      return [name, { name: title, version: "1", chainId, verifyingContract }];
    }),
  );
  const coins = new Map(
    deployment.coins.map((coin): [Address, TypedDomain] => [
      coin.address,
      { name: coin.name, version: coin.version, chainId, verifyingContract: coin.address },
    ]),
  );
  return (primaryType, coin) => {
    const owner = domainOf[primaryType];
    const domain = owner === "coin" ? coin !== null && coins.get(coin) : domains.get(owner);
    if (!domain) throw new RangeError(`${primaryType}: ${coin} is not a coin of this deployment`);
    return domain;
  };
}

/** The digest of a typed message. */
export type Digest = (typed: TypedMessage) => Word;

const wordBytes = 32;
/** More fields than any struct of the table has, with its type hash. */
const largestStruct = 16 * wordBytes;

/** Writes one field as 32 bytes; a value that does not fit its type is a programmer's error and throws. */
function writeField(
  buffer: Buffer,
  offset: number,
  field: TypedField,
  value: bigint | boolean | string | undefined,
): void {
  switch (field.type) {
    case "address":
    case "bytes32": {
      const bytes = field.type === "address" ? 20 : wordBytes;
      if (typeof value !== "string" || value.length !== 2 + 2 * bytes)
        throw new RangeError(`${field.name}: ${field.type}`);
      buffer.fill(0, offset, offset + wordBytes - bytes);
      const written = buffer.write(value.slice(2), offset + wordBytes - bytes, bytes, "hex");
      if (written !== bytes) throw new RangeError(`${field.name}: not hexadecimal`);
      return;
    }
    case "bool":
      if (typeof value !== "boolean") throw new RangeError(`${field.name}: bool`);
      buffer.fill(0, offset, offset + wordBytes);
      buffer[offset + wordBytes - 1] = value ? 1 : 0;
      return;
    default: {
      const digits = field.type === "uint8" ? 2 : 64;
      if (typeof value !== "bigint" || value < 0n) throw new RangeError(`${field.name}: ${field.type}`);
      const text = value.toString(16);
      if (text.length > digits) throw new RangeError(`${field.name}: ${value} exceeds ${field.type}`);
      buffer.write(text.padStart(64, "0"), offset, wordBytes, "hex");
    }
  }
}

/** A digest function over one reused buffer; domain separators are computed once each. */
export function createDigest(keccak: Keccak): Digest {
  const typeHashes = new Map<PrimaryType, Uint8Array>();
  const separators = new WeakMap<TypedDomain, Uint8Array>();
  const struct = Buffer.alloc(largestStruct);
  const outer = Buffer.alloc(2 + 2 * wordBytes);
  outer[0] = 0x19;
  outer[1] = 0x01;

  const hashText = (text: string): Uint8Array => keccak(Buffer.from(text, "utf8"));
  const domainType = hashText("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

  function separatorOf(domain: TypedDomain): Uint8Array {
    let separator = separators.get(domain);
    if (separator === undefined) {
      const buffer = Buffer.alloc(5 * wordBytes);
      buffer.set(domainType, 0);
      buffer.set(hashText(domain.name), wordBytes);
      buffer.set(hashText(domain.version), 2 * wordBytes);
      writeField(buffer, 3 * wordBytes, { name: "chainId", type: "uint256" }, BigInt(domain.chainId));
      writeField(buffer, 4 * wordBytes, { name: "verifyingContract", type: "address" }, domain.verifyingContract);
      separator = keccak(buffer);
      separators.set(domain, separator);
    }
    return separator;
  }

  function typeHashOf(primaryType: PrimaryType): Uint8Array {
    let hash = typeHashes.get(primaryType);
    if (hash === undefined) {
      hash = hashText(toTypeString(primaryType));
      typeHashes.set(primaryType, hash);
    }
    return hash;
  }

  return ({ domain, primaryType, message }) => {
    const fields: readonly TypedField[] = typedStructs[primaryType];
    struct.set(typeHashOf(primaryType), 0);
    let offset = wordBytes;
    for (const field of fields) {
      writeField(struct, offset, field, message[field.name]);
      offset += wordBytes;
    }
    outer.set(separatorOf(domain), 2);
    outer.set(keccak(struct.subarray(0, offset)), 2 + wordBytes);
    return toHex(keccak(outer));
  };
}
