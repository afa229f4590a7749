/**
 * The short way of reading a transfer against the schema it stands for: where it answers, both read the same; where the schema refuses, it
 * answers null. Both directions, over right and wrong bodies. The seed is printed; SEED=<n> replays.
 */
import { expect } from "chai";
import fc from "fast-check";
import { maxAmount } from "../../src/domain/amount.ts";
import { readPlainTransfer } from "../../src/http/plain-transfer.ts";
import { transferBody } from "../../src/http/schemas.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((array): string => `0x${Buffer.from(array).toString("hex")}`);
const seconds = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 40 - 1));
const units = fc.bigInt({ min: 0n, max: maxAmount }).map((value) => value.toString());

const right = fc.record(
  {
    coin: hex(20),
    authorization: fc.record({
      from: hex(20),
      to: hex(20),
      value: units,
      validAfter: seconds,
      validBefore: seconds,
      nonce: hex(32),
    }),
    memo: fc.option(hex(32)),
    signature: fc.oneof(hex(64), hex(65)),
    reference: fc.constant(null),
  },
  { requiredKeys: ["coin", "authorization", "signature"] },
);

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, "", "0x", 0, -1, 1.5, 2 ** 40, NaN, "1", "01", "-1", "1e3", [], {}, true),
  fc.constantFrom<unknown>((maxAmount + 1n).toString(), "9999999999999999999", "0xZZ", `0x${"A".repeat(40)}`, 10n),
  hex(20),
  hex(20).map((text) => text.toUpperCase()),
  hex(20).map((text) => `${text}\n`),
  hex(32),
  hex(32).map((text) => ` ${text}`),
  hex(66),
  fc.string(),
  fc.nat(),
);
/** A right body with one field changed, added or taken away, in it or in its authorization. */
const wrong = fc
  .record({
    body: right,
    inside: fc.boolean(),
    key: fc.oneof(
      fc.constantFrom("coin", "authorization", "memo", "signature", "reference", "chainId", "extra", "toString"),
      fc.constantFrom("from", "to", "value", "validAfter", "validBefore", "nonce"),
    ),
    value: odd,
    gone: fc.boolean(),
  })
  .map(({ body, inside, key, value, gone }): unknown => {
    const copy: Record<string, unknown> = { ...body, authorization: { ...body.authorization } };
    const target = inside ? (copy["authorization"] as Record<string, unknown>) : copy;
    if (gone) delete target[key];
    else target[key] = value;
    return copy;
  });

describe(`http/plain-transfer (seed ${seed})`, () => {
  it("reads every plain body, and as the schema does", () => {
    fc.assert(
      fc.property(right, (body) => {
        expect(readPlainTransfer(body)).to.deep.equal(transferBody.parse(body));
      }),
      { seed, numRuns: 500 },
    );
  });

  it("answers null for whatever the schema refuses, and never reads it differently", () => {
    let refused = 0;
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(wrong, odd), (body) => {
        const law = transferBody.safeParse(body);
        const plain = readPlainTransfer(body);
        if (!law.success) refused += 1;
        if (plain !== null) read += 1;
        if (law.success && plain !== null) expect(plain).to.deep.equal(law.data);
        return law.success || plain === null;
      }),
      { seed, numRuns: 2_000 },
    );
    expect(refused, "bodies that the schema refused").to.be.greaterThan(100);
    expect(read, "bodies that were read").to.be.greaterThan(100);
  });
});
