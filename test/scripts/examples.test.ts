/**
 * What `examples/` promises about its files. A change of the generator that is not written to the files fails here, and so does a file that
 * is edited by hand.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  badLines,
  createDeposits,
  createRemittances,
  customers,
  employer,
  employerLine,
  employerRows,
  examplePassphrase,
  examplePhrase,
  paymentCount,
} from "../../scripts/examples.ts";
import { createWallets, openKeystore } from "../../scripts/keystore.ts";
import { checkPayments, type Payment } from "../../scripts/payments/check.ts";
import { parseCsv } from "../../scripts/payments/csv.ts";
import { readDeposits } from "../../scripts/payments/deposits.ts";
import { coin } from "../support/payments.ts";

const folder = join(import.meta.dirname, "..", "..", "examples");
const remittances = readFileSync(join(folder, "remittances.csv"), "utf8");
const deposits = readFileSync(join(folder, "deposits.csv"), "utf8");
const million = 1_000_000n;

function check(): ReturnType<typeof checkPayments> {
  const now = 1_800_000_000;
  return checkPayments(remittances, {
    coins: [coin],
    wallets: createWallets(examplePhrase),
    now,
    expires: now + 3_600,
  });
}

function isPayable(payment: Payment): boolean {
  return payment.line !== badLines.overspend;
}

describe("examples/remittances.csv", () => {
  it("is what the generator writes", () => {
    expect(remittances).to.equal(createRemittances());
  });

  it("has 1,000 payments of 100 customers", () => {
    const payers = parseCsv(remittances)
      .slice(1)
      .map(({ fields }) => fields[1]);
    expect(payers).to.have.length(paymentCount).and.length(1_000);
    expect(new Set(payers).size).to.equal(customers).and.equal(100);
  });

  it("has one payer with 200 rows whose third is bad", () => {
    const lines = parseCsv(remittances)
      .filter(({ fields }) => fields[1] === `customer:${employer}`)
      .map(({ line }) => line);
    expect(lines).to.have.length(employerRows).and.length(200);
    expect(lines[0]).to.equal(employerLine);
    expect(lines[2]).to.equal(badLines.overspend);
  });

  it("is refused by sign at exactly the lines the README names, for the reasons it names", () => {
    const reasons = check().refused.map(({ line, reasons }) => [line, reasons.join("; ")]);
    expect(reasons).to.have.length(5);
    expect(Object.fromEntries(reasons)).to.have.all.keys(
      ...Object.values(badLines)
        .filter((line) => line !== badLines.overspend)
        .map(String),
    );
    const byLine = new Map(reasons as [number, string][]);
    expect(byLine.get(badLines.wrongChecksum)).to.match(/wrong checksum/);
    expect(byLine.get(badLines.negative)).to.match(/is negative/);
    expect(byLine.get(badLines.sevenDecimals)).to.match(/7 decimal places/);
    expect(byLine.get(badLines.duplicate)).to.match(/on line 692 already/);
    expect(byLine.get(badLines.expired)).to.match(/in the past/);
  });

  it("names every bad line in its README", () => {
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    for (const line of Object.values(badLines)) expect(readme).to.include(`\n| ${line} |`);
  });

  it("asks for more than all deposits together at the one line that the node refuses", () => {
    const overspend = check().payments.find((payment) => !isPayable(payment));
    const total = readDeposits(deposits, [coin]).reduce((sum, { amount }) => sum + amount, 0n);
    expect(overspend?.value).to.equal(5_000_000n * million);
    expect((overspend?.value ?? 0n) > total).to.equal(true);
  });

  it("can be paid from the opening deposits alone, in any order, the one overspending row aside", () => {
    const left = new Map(readDeposits(deposits, [coin]).map(({ to, amount }) => [to, amount]));
    for (const { from, value } of check().payments.filter(isPayable)) left.set(from, (left.get(from) ?? 0n) - value);
    for (const [address, amount] of left) expect(amount >= 20n * million, address).to.equal(true);
  });

  it("never pays oneself", () => {
    for (const { line, from, to } of check().payments) expect(from, `line ${line}`).not.to.equal(to);
  });
});

describe("examples/deposits.csv", () => {
  it("is what the generator writes", () => {
    expect(deposits).to.equal(createDeposits());
  });

  it("has one opening deposit per customer, together below the attested million", () => {
    const list = readDeposits(deposits, [coin]);
    const wallets = createWallets(examplePhrase);
    const expected = Array.from({ length: customers }, (_, index) => wallets.addressAt(index + 1));
    expect(list.map(({ to }) => to)).to.deep.equal(expected);
    expect(list.reduce((sum, { amount }) => sum + amount, 0n) < 1_000_000n * million).to.equal(true);
  });
});

describe("examples/keystore.json", () => {
  it("opens with the passphrase the README prints, to the phrase the README prints", async () => {
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    expect(readme).to.include(examplePassphrase).and.include(examplePhrase);
    const wallets = await openKeystore({ path: join(folder, "keystore.json"), passphrase: examplePassphrase });
    expect(wallets.phrase).to.equal(examplePhrase);
  });

  it("is encrypted at scrypt's standard cost", () => {
    const { Crypto } = JSON.parse(readFileSync(join(folder, "keystore.json"), "utf8"));
    expect(Crypto.kdfparams.n).to.equal(2 ** 17);
  });
});
