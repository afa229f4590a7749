/**
 * `remesa sign`: every kind of bad row, determinism, and signatures that another implementation verifies: ethers signs, viem checks. Removing
 * any check of a column makes its row here fail.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { encodeAbiParameters, hashTypedData, keccak256, type TypedDataDomain, verifyTypedData } from "viem";
import { examplePassphrase, examplePhrase } from "../../scripts/examples.ts";
import { createWallets } from "../../scripts/keystore.ts";
import { checkPayments, parseMemo, parseTime, toPaymentNonce } from "../../scripts/payments/check.ts";
import { parseCsv } from "../../scripts/payments/csv.ts";
import { readSignedPayments, type SignedPayment } from "../../scripts/payments/signed.ts";
import { Refusal } from "../../scripts/terminal/refusal.ts";
import { chainId, coin, deployment, goodRow, payee, type Row, writeRows } from "../support/payments.ts";
import { runRemesa } from "../support/terminal.ts";

const wallets = createWallets(examplePhrase, 120);
/** One letter of the payee in the wrong case. */
const mistyped = "0x704e7c3333e38c7C3BDC894A6e8e558EB7AACc58";
const now = 1_800_000_000;
const expires = now + 3_600;

function check(text: string, given: number | null = expires): ReturnType<typeof checkPayments> {
  return checkPayments(text, { coins: [coin], wallets, now, expires: given });
}

function reasonsOf(change: Partial<Row>): readonly string[] {
  return check(writeRows(change)).refused[0]?.reasons ?? [];
}

describe("checkPayments", () => {
  it("reads a good row into base units, lowercase addresses and Unix seconds", () => {
    const { payments, refused } = check(writeRows({}));
    expect(refused).to.deep.equal([]);
    expect(payments).to.deep.equal([
      {
        line: 2,
        reference: "R-1",
        index: 1,
        coin,
        from: wallets.addressAt(1),
        to: payee.toLowerCase(),
        value: 12_500_000n,
        validBefore: expires,
        nonce: toPaymentNonce({ coin: coin.address, payer: wallets.addressAt(1), reference: "R-1" }),
        memo: `0x${Buffer.from("rent").toString("hex").padEnd(64, "0")}`,
      },
    ]);
  });

  const bad: readonly (readonly [string, Partial<Row>, string])[] = [
    ["an empty reference", { reference: "" }, "reference is empty"],
    [
      "a reference of 141 characters",
      { reference: "x".repeat(141) },
      "reference has 141 characters, at most 140 are kept",
    ],
    ["a reference with a control character", { reference: "a\tb" }, "reference has control characters"],
    [
      "a payer that is neither customer nor address",
      { payer: "ana" },
      'payer "ana" is neither customer:<index> nor an address with a right checksum',
    ],
    [
      "a customer beyond BIP-32",
      { payer: "customer:2147483648" },
      'payer "customer:2147483648" is neither customer:<index> nor an address with a right checksum',
    ],
    ["a payer whose key is not in the keystore", { payer: payee }, `payer ${payee} is not a wallet of the keystore`],
    ["a payee that is no address", { payee: "0x12" }, 'payee "0x12" is not an address'],
    ["a payee with a wrong checksum", { payee: mistyped }, `payee ${mistyped} has a wrong checksum: mistyped?`],
    ["the zero address as payee", { payee: `0x${"0".repeat(40)}` }, "payee is the zero address"],
    ["the coin as payee", { payee: coin.address }, "payee is the coin's own contract"],
    ["a negative amount", { amount: "-1.00" }, "amount -1.00 is negative"],
    ["an amount of zero", { amount: "0.000000" }, "amount is zero"],
    ["seven decimal places", { amount: "1.0000001" }, "amount 1.0000001 has 7 decimal places, the coin has 6"],
    ["an exponent", { amount: "1e3" }, 'amount "1e3" is not a number such as 1234.50'],
    ["an empty amount", { amount: "" }, 'amount "" is not a number such as 1234.50'],
    [
      "more than the coin can hold",
      { amount: "9223372036854.775808" },
      "amount 9223372036854.775808 is more than the coin can hold",
    ],
    ["an unknown currency", { currency: "USD" }, 'currency "USD" is unknown; the deployment has XUS'],
    ["an expiry in the past", { expiry: "2020-01-01T00:00:00Z" }, "expiry 2020-01-01T00:00:00.000Z is in the past"],
    [
      "an expiry without a zone",
      { expiry: "2030-01-01T00:00:00" },
      'expiry "2030-01-01T00:00:00" is not an RFC 3339 time',
    ],
    ["a memo of 32 bytes", { memo: "x".repeat(32) }, "memo has 32 bytes, at most 31 fit"],
    ["a memo of 16 two-byte letters", { memo: "é".repeat(16) }, "memo has 32 bytes, at most 31 fit"],
    ["a memo that is hex but not 32 bytes", { memo: "0x12" }, "memo begins with 0x but is not 32 bytes of hex"],
  ];
  for (const [name, change, reason] of bad) {
    it(`refuses ${name}`, () => {
      expect(reasonsOf(change)).to.deep.equal([reason]);
    });
  }

  it("accepts the largest amount, the smallest, 31 bytes of memo and 140 characters of reference", () => {
    const text = writeRows(
      { reference: "a".repeat(140), amount: "9223372036854.775807" },
      { reference: "b", amount: "0.000001", memo: "x".repeat(31) },
    );
    expect(check(text).payments.map(({ value }) => value)).to.deep.equal([(1n << 63n) - 1n, 1n]);
  });

  it("tells all reasons of a row, not the first", () => {
    expect(reasonsOf({ amount: "0", currency: "USD", payee: "nobody" })).to.have.length(3);
  });

  it("refuses an expiry of this very second and accepts the next", () => {
    expect(check(writeRows({}), now).refused[0]?.reasons).to.have.length(1);
    expect(check(writeRows({}), now + 1).refused).to.deep.equal([]);
  });

  it("refuses a row without expiry when none is given for all", () => {
    expect(check(writeRows({}), null).refused[0]?.reasons).to.deep.equal([
      "no expiry: fill the column or give --expires",
    ]);
  });

  it("refuses a row with a column too many", () => {
    expect(reasonsOf({ memo: "a,b" })).to.deep.equal(["8 columns where 7 are expected"]);
  });

  it("refuses the second of two rows with the same payer and reference, whatever else differs", () => {
    const { payments, refused } = check(writeRows({}, { amount: "99", payee: wallets.addressAt(7) }));
    expect(payments.map(({ line }) => line)).to.deep.equal([2]);
    expect(refused.map(({ line, reasons }) => [line, reasons])).to.deep.equal([
      [3, ["reference R-1 of this payer is on line 2 already"]],
    ]);
  });

  it("knows a payer by index and by address as the same one", () => {
    const { refused } = check(writeRows({}, { payer: wallets.addressAt(1) }));
    expect(refused[0]?.reasons).to.deep.equal(["reference R-1 of this payer is on line 2 already"]);
  });

  it("accepts the same reference of two payers", () => {
    expect(check(writeRows({}, { payer: "customer:2" })).payments).to.have.length(2);
  });

  it("accepts a corrected row after its bad one", () => {
    expect(check(writeRows({ amount: "-1" }, {})).payments.map(({ line }) => line)).to.deep.equal([3]);
  });

  it("refuses a file with another header", () => {
    expect(() => check("reference,payer\n")).to.throw(Refusal, 'the first line is "reference,payer"');
  });
});

describe("toPaymentNonce", () => {
  it("is keccak256(abi.encode(remesa.payment, coin, payer, reference)) as viem encodes it", () => {
    const payer = wallets.addressAt(3);
    const encoded = encodeAbiParameters(
      [{ type: "string" }, { type: "address" }, { type: "address" }, { type: "string" }],
      ["remesa.payment", coin.address, payer, "R-9"],
    );
    expect(toPaymentNonce({ coin: coin.address, payer, reference: "R-9" })).to.equal(keccak256(encoded));
  });

  it("does not change with amount, payee, memo, expiry or place in the file", () => {
    const one = check(writeRows({})).payments[0];
    const other = check(
      writeRows(
        { reference: "R-0" },
        { amount: "7", payee: wallets.addressAt(5), memo: "", expiry: "2030-01-01T00:00:00Z" },
      ),
    ).payments[1];
    expect(other?.nonce).to.equal(one?.nonce);
  });
});

describe("parseTime", () => {
  it("reads UTC and offsets to Unix seconds", () => {
    expect(parseTime("2026-11-22T18:00:00Z")).to.equal(Date.UTC(2026, 10, 22, 18) / 1_000);
    expect(parseTime("2026-11-22T12:00:00-06:00")).to.equal(Date.UTC(2026, 10, 22, 18) / 1_000);
  });
  for (const text of [
    "2026-11-22",
    "2026-02-30T00:00:00Z",
    "2026-11-22T24:00:00Z",
    "2026-11-22T10:60:00Z",
    "2026-11-22T10:00:00.5Z",
    "22.11.2026",
    "",
  ]) {
    it(`refuses "${text}"`, () => {
      expect(parseTime(text)).to.equal(null);
    });
  }
});

describe("parseMemo", () => {
  it("takes 32 bytes of hexadecimal text as they are, lowercase", () => {
    expect(parseMemo(`0x${"AB".repeat(32)}`)).to.deep.equal({ word: `0x${"ab".repeat(32)}` });
  });
  it("takes the empty text as no memo", () => {
    expect(parseMemo("")).to.deep.equal({ word: null });
  });
});

describe("remesa sign", () => {
  let folder = "";
  const keystore = join(import.meta.dirname, "..", "..", "examples", "keystore.json");
  const env = { REMESA_PASSPHRASE: examplePassphrase };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-sign-"));
    writeFileSync(join(folder, "deployment.json"), JSON.stringify(deployment));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function sign(text: string, ...extra: readonly string[]) {
    const file = join(folder, "payments.csv");
    const out = join(folder, "payments.jsonl");
    writeFileSync(file, text);
    const args = ["sign", file, "--keystore", keystore, "--deployment", folder, "--out", out];
    const ran = await runRemesa([...args, "--expires", "2199-01-01T00:00:00Z", ...extra], { env });
    return { ...ran, out };
  }

  async function verify(signed: SignedPayment): Promise<boolean> {
    const { from, to, value, validAfter, validBefore, nonce } = signed.authorization;
    const domain: TypedDataDomain = { name: "Remesa Dollar", version: "1", chainId, verifyingContract: coin.address };
    const fields = [
      { name: "from", type: "address" },
      { name: "to", type: "address" },
      { name: "value", type: "uint256" },
      { name: "validAfter", type: "uint256" },
      { name: "validBefore", type: "uint256" },
      { name: "nonce", type: "bytes32" },
    ];
    const message = {
      from,
      to,
      value: BigInt(value),
      validAfter: BigInt(validAfter),
      validBefore: BigInt(validBefore),
      nonce,
    };
    const typed: { primaryType: string; types: Record<string, typeof fields>; message: Record<string, unknown> } =
      signed.memo === null
        ? { primaryType: "TransferWithAuthorization", types: { TransferWithAuthorization: fields }, message }
        : {
            primaryType: "TransferWithMemo",
            types: { TransferWithMemo: [...fields, { name: "memo", type: "bytes32" }] },
            message: { ...message, memo: signed.memo },
          };
    expect(hashTypedData({ domain, ...typed })).to.equal(signed.digest);
    return verifyTypedData({ address: from, domain, ...typed, signature: signed.signature });
  }

  it("writes signatures that viem verifies, with and without memo", async () => {
    const { code, out } = await sign(writeRows({}, { reference: "R-2", memo: "", payer: "customer:2" }));
    expect(code).to.equal(0);
    const signed = readSignedPayments(out);
    expect(signed.map(({ memo }) => memo === null)).to.deep.equal([false, true]);
    for (const payment of signed) expect(await verify(payment)).to.equal(true);
    expect(existsSync(`${out}.refused.csv`)).to.equal(false);
  });

  it("writes the same bytes for the same file", async () => {
    const first = await sign(writeRows({}, { reference: "R-2" }));
    const before = readFileSync(first.out, "utf8");
    const second = await sign(writeRows({}, { reference: "R-2" }));
    expect(readFileSync(second.out, "utf8")).to.equal(before).and.not.equal("");
  });

  it("signs the good rows, keeps the bad ones with line and reason, and ends with 1", async () => {
    const { code, out, err } = await sign(writeRows({ amount: "-1", memo: '"a,b"' }, { reference: "R-2" }));
    expect(code).to.equal(1);
    expect(err).to.include("line 2: amount -1 is negative").and.include("1 of 2 rows were refused");
    expect(readSignedPayments(out).map(({ line }) => line)).to.deep.equal([3]);
    expect(parseCsv(readFileSync(`${out}.refused.csv`, "utf8")).map(({ fields }) => fields)).to.deep.equal([
      ["line", "reasons", "reference", "payer", "payee", "amount", "currency", "expiry", "memo"],
      ["2", "amount -1 is negative", "R-1", "customer:1", payee, "-1", "XUS", "", "a,b"],
    ]);
  });

  it("takes the refused file of an earlier run away once nothing is refused", async () => {
    await sign(writeRows({ amount: "-1" }));
    const { out } = await sign(writeRows({}));
    expect(existsSync(`${out}.refused.csv`)).to.equal(false);
  });

  it("writes nothing with --dry-run", async () => {
    const { code, out } = await sign(writeRows({}), "--dry-run");
    expect(code).to.equal(0);
    expect(existsSync(out)).to.equal(false);
  });

  it("refuses a file that is not UTF-8", async () => {
    writeFileSync(join(folder, "latin1.csv"), Buffer.from(`${writeRows({})}é`, "latin1"));
    const args = ["sign", join(folder, "latin1.csv"), "--keystore", keystore, "--deployment", folder];
    const { code, err } = await runRemesa([...args, "--out", join(folder, "out")], { env });
    expect(code).to.equal(1);
    expect(err).to.include("is not UTF-8 text");
  });

  it("refuses a wrong passphrase without naming it", async () => {
    writeFileSync(join(folder, "payments.csv"), writeRows(goodRow));
    const args = ["sign", join(folder, "payments.csv"), "--keystore", keystore, "--deployment", folder];
    const { code, err } = await runRemesa([...args, "--out", join(folder, "out")], {
      env: { REMESA_PASSPHRASE: "not the passphrase" },
    });
    expect(code).to.equal(1);
    expect(err).to.include("the passphrase does not open").and.not.include("not the passphrase\n");
  });

  it("refuses a signed file in which one byte of a line was changed into something else", async () => {
    const { out } = await sign(writeRows({}));
    writeFileSync(out, readFileSync(out, "utf8").replace('"value":"12500000"', '"value":"12.5"'));
    expect(() => readSignedPayments(out)).to.throw(Refusal, "line 1: authorization.value");
  });
}).timeout(20_000);
