/**
 * Double entry: every movement becomes two lines that sum to zero, and any sequence of movements keeps the books equal to the balances.
 */
import { expect } from "chai";
import fc from "fast-check";
import { maxAmount } from "../../src/domain/amount.ts";
import { type Address, zeroAddress } from "../../src/domain/hex.ts";
import { toLedgerAccount, toLines } from "../../src/domain/ledger.ts";
import { seeded } from "./seed.ts";

const coin = `0x${"c0".repeat(20)}` as const;
const people = ["a1", "b2", "c3"].map((digits): Address => `0x${digits.repeat(20)}`);
const [ana, luis] = people as [Address, Address];
const anyone = fc.constantFrom(zeroAddress, ...people);
const movement = fc.record({
  coin: fc.constant(coin),
  from: anyone,
  to: anyone,
  amount: fc.bigInt({ min: 0n, max: maxAmount }),
});

describe("toLedgerAccount", () => {
  it("names wallets by address and the zero address by what it stands for", () => {
    expect(toLedgerAccount(ana)).to.equal(`wallet:${ana}`);
    expect(toLedgerAccount(zeroAddress)).to.equal("issued");
  });
});

describe("toLines", () => {
  it("takes from the payer and gives to the payee", () => {
    expect(toLines({ coin, from: ana, to: luis, amount: 5n })).to.deep.equal([
      { account: `wallet:${ana}`, coin, amount: -5n },
      { account: `wallet:${luis}`, coin, amount: 5n },
    ]);
  });

  it("takes a mint from issued and gives a burn back to it", () => {
    expect(toLines({ coin, from: zeroAddress, to: ana, amount: 5n })[0]).to.deep.include({
      account: "issued",
      amount: -5n,
    });
    expect(toLines({ coin, from: ana, to: zeroAddress, amount: 5n })[1]).to.deep.include({
      account: "issued",
      amount: 5n,
    });
  });

  it("P9: sums to zero for every movement, a payment to oneself included", () => {
    fc.assert(
      fc.property(movement, (one) => {
        const [debit, credit] = toLines(one);
        expect(debit.amount + credit.amount).to.equal(0n);
        expect([debit.coin, credit.coin]).to.deep.equal([one.coin, one.coin]);
      }),
      seeded(),
    );
  });

  it("P9: keeps issued at minus the supply over any sequence of movements", () => {
    fc.assert(
      fc.property(fc.array(movement, { maxLength: 40 }), (movements) => {
        const books = new Map<string, bigint>();
        const balances = new Map<Address, bigint>();
        let supply = 0n;
        for (const one of movements) {
          for (const { account, amount } of toLines(one)) books.set(account, (books.get(account) ?? 0n) + amount);
          balances.set(one.from, (balances.get(one.from) ?? 0n) - one.amount);
          balances.set(one.to, (balances.get(one.to) ?? 0n) + one.amount);
          if (one.from === zeroAddress) supply += one.amount;
          if (one.to === zeroAddress) supply -= one.amount;
        }
        expect(books.get("issued") ?? 0n).to.equal(-supply);
        for (const person of people) {
          expect(books.get(`wallet:${person}`) ?? 0n).to.equal(balances.get(person) ?? 0n);
        }
      }),
      seeded(),
    );
  });
});
