import { expect } from "chai";
import type { TreasuryWorld } from "../../support/treasury.ts";
import {
  LIFETIME,
  REPORT,
  RESERVES,
  at,
  createLoader,
  deployTreasury,
  now,
  readTreasury,
} from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);
const LARGEST = 2n ** 128n - 1n;

describe("Treasury.attest", () => {
  let w: TreasuryWorld;
  let time: bigint;
  const attest = ({ amount = RESERVES + 1n, asOf = time, caller = w.attestor } = {}) =>
    w.treasury.connect(caller).attest(w.coin, amount, asOf, REPORT);

  beforeEach(async () => {
    w = await load();
    time = (await now(w.connection)) + 100n;
    await at(w.connection, time);
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(dealer) for a dealer", async () => {
      await expect(attest({ caller: w.dealer }))
        .to.be.revertedWithCustomError(w.treasury, "AccessManagedUnauthorized")
        .withArgs(w.dealer.address);
    });

    it("accepts an amount of 2^128 - 1", async () => {
      await attest({ amount: LARGEST });
      expect((await readTreasury(w)).attested).to.equal(LARGEST);
    });

    it("reverts with TreasuryAttestedTooLarge(2^128, 2^128 - 1)", async () => {
      await expect(attest({ amount: LARGEST + 1n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestedTooLarge")
        .withArgs(LARGEST + 1n, LARGEST);
    });

    it("accepts a moment one second ago", async () => {
      await attest({ asOf: time - 1n });
    });

    it("accepts the present moment", async () => {
      await attest();
    });

    it("reverts with TreasuryAsOfInFuture(now + 1, now)", async () => {
      await expect(attest({ asOf: time + 1n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAsOfInFuture")
        .withArgs(time + 1n, time);
    });

    it("accepts a moment one second after the last", async () => {
      await attest({ asOf: w.asOf + 1n });
    });

    it("reverts with TreasuryAsOfNotNewer(last, last) for the same moment again [TREASURY-5]", async () => {
      await expect(attest({ asOf: w.asOf }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAsOfNotNewer")
        .withArgs(w.asOf, w.asOf);
    });

    it("reverts with TreasuryAsOfNotNewer(last - 1, last) for an earlier moment", async () => {
      await expect(attest({ asOf: w.asOf - 1n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAsOfNotNewer")
        .withArgs(w.asOf - 1n, w.asOf);
    });

    it("reverts with TreasuryAsOfNotNewer(0, last) for an unset moment", async () => {
      await expect(attest({ asOf: 0n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAsOfNotNewer")
        .withArgs(0n, w.asOf);
    });
  });

  describe("ensures", () => {
    it("the attestation is replaced, nothing else changes", async () => {
      const before = await readTreasury(w);
      await attest();
      expect(await readTreasury(w)).to.deep.equal({
        ...before,
        attested: RESERVES + 1n,
        asOf: time,
        staleAt: time + LIFETIME,
      });
    });

    it("an amount of 0 is accepted, as it may be the truth", async () => {
      const before = await readTreasury(w);
      await attest({ amount: 0n });
      expect(await readTreasury(w)).to.deep.equal({ ...before, attested: 0n, asOf: time, staleAt: time + LIFETIME });
    });

    it("another coin keeps its attestation", async () => {
      await w.treasury.connect(w.attestor).attest(w.stranger, 7n, time, REPORT);
      expect((await readTreasury(w)).attested).to.equal(RESERVES);
      expect(await w.treasury.attestation(w.stranger)).to.deep.equal([7n, time, time + LIFETIME]);
    });
  });

  describe("emits", () => {
    it("ReservesAttested with the old and the new amount and moment", async () => {
      await expect(attest())
        .to.emit(w.treasury, "ReservesAttested")
        .withArgs(await w.coin.getAddress(), w.attestor.address, RESERVES, RESERVES + 1n, w.asOf, time, REPORT);
    });
  });
});
