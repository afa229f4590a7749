/**
 * Reading a deposits file: what a row must be, that one bad row refuses the file, and that an entry's id is the one the chain keeps.
 */
import { expect } from "chai";
import { encodeAbiParameters, keccak256 } from "viem";
import { readDeposits, toDepositId } from "../../scripts/payments/deposits.ts";
import { Refusal } from "../../scripts/terminal/refusal.ts";
import { coin, payee } from "../support/payments.ts";

const header = "account,entry,payee,amount,currency";
const row = `GT82,E-1,${payee},100.00,XUS`;

function read(...rows: readonly string[]): ReturnType<typeof readDeposits> {
  return readDeposits([header, ...rows].join("\n"), [coin]);
}

describe("readDeposits", () => {
  it("reads a row into base units", () => {
    expect(read(row)).to.deep.equal([
      { account: "GT82", entry: "E-1", to: payee.toLowerCase(), amount: 100_000_000n, coin },
    ]);
  });

  const bad: readonly (readonly [string, string, string])[] = [
    ["an empty account", row.replace("GT82", ""), "account has 0 characters, 1 to 140 are allowed"],
    ["an empty entry", row.replace("E-1", ""), "entry has 0 characters, 1 to 140 are allowed"],
    ["a payee that is no address", row.replace(payee, "ana"), 'payee "ana" is not an address'],
    ["a negative amount", row.replace("100.00", "-1"), "amount -1 is negative"],
    ["seven decimal places", row.replace("100.00", "1.0000001"), "7 decimal places"],
    ["an unknown currency", row.replace("XUS", "EUR"), 'currency "EUR" is unknown'],
    ["a missing column", `GT82,E-1,${payee},1`, "4 columns where 5 are expected"],
    ["a stray quote", row.replace("E-1", 'E"1'), "a quote inside a field"],
  ];
  for (const [name, line, reason] of bad) {
    it(`refuses the whole file for ${name}`, () => {
      expect(() => read(row.replace("E-1", "E-0"), line)).to.throw(Refusal, new RegExp(`line 3: .*${reason}`));
    });
  }

  it("refuses an entry that is in the file twice, under another amount too", () => {
    expect(() => read(row, row.replace("100.00", "7"))).to.throw(Refusal, "line 3: entry E-1 is in the file already");
  });

  it("refuses another header", () => {
    expect(() => readDeposits("entry,account\n", [coin])).to.throw(Refusal, "the first line is");
  });
});

describe("toDepositId", () => {
  it("is keccak256 of the ABI-encoded bank account and entry reference", () => {
    expect(toDepositId({ account: "GT82ñ", entry: "E-1" })).to.equal(
      keccak256(encodeAbiParameters([{ type: "string" }, { type: "string" }], ["GT82ñ", "E-1"])),
    );
  });
});
