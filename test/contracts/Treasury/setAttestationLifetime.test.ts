import { expect } from "chai";
import type { TreasuryWorld } from "../../support/treasury.ts";
import {
  AMOUNT,
  DEPOSIT,
  LIFETIME,
  REPORT,
  RESERVES,
  at,
  createLoader,
  deployTreasury,
  readTreasury,
} from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);
const SHORTEST = 3_600n;
const LONGEST = 45n * 86_400n;

describe("Treasury.setAttestationLifetime", () => {
  let w: TreasuryWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(attestor) without the role", async () => {
      await expect(w.treasury.connect(w.attestor).setAttestationLifetime(LIFETIME))
        .to.be.revertedWithCustomError(w.treasury, "AccessManagedUnauthorized")
        .withArgs(w.attestor.address);
    });

    for (const lifetime of [SHORTEST, SHORTEST + 1n, LONGEST - 1n, LONGEST]) {
      it(`accepts ${lifetime} seconds`, async () => {
        await w.treasury.connect(w.guardian).setAttestationLifetime(lifetime);
        expect(await w.treasury.attestationLifetime()).to.equal(lifetime);
      });
    }

    for (const lifetime of [0n, SHORTEST - 1n, LONGEST + 1n]) {
      it(`reverts with TreasuryLifetimeOutOfBounds(${lifetime}, 3600, 3888000)`, async () => {
        await expect(w.treasury.connect(w.guardian).setAttestationLifetime(lifetime))
          .to.be.revertedWithCustomError(w.treasury, "TreasuryLifetimeOutOfBounds")
          .withArgs(lifetime, SHORTEST, LONGEST);
      });
    }
  });

  describe("ensures", () => {
    it("the lifetime changes, nothing else", async () => {
      const before = await readTreasury(w);
      await w.treasury.connect(w.guardian).setAttestationLifetime(SHORTEST);
      expect(await readTreasury(w)).to.deep.equal({ ...before, lifetime: SHORTEST });
    });

    it("an attestation already given keeps its lifetime", async () => {
      await w.treasury.connect(w.guardian).setAttestationLifetime(SHORTEST);
      await at(w.connection, w.asOf + LIFETIME - 1n);
      await w.treasury.connect(w.dealer).mint(w.coin, DEPOSIT, w.payee, AMOUNT);
    });

    it("the next attestation has the new lifetime", async () => {
      await w.treasury.connect(w.guardian).setAttestationLifetime(SHORTEST);
      const asOf = w.asOf + 100n;
      await at(w.connection, asOf);
      await w.treasury.connect(w.attestor).attest(w.coin, RESERVES, asOf, REPORT);
      await at(w.connection, asOf + SHORTEST);
      await expect(w.treasury.connect(w.dealer).mint(w.coin, DEPOSIT, w.payee, AMOUNT))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestationStale")
        .withArgs(asOf, asOf + 1n);
    });
  });

  describe("emits", () => {
    it("AttestationLifetimeChanged(old, new)", async () => {
      await expect(w.treasury.connect(w.guardian).setAttestationLifetime(SHORTEST))
        .to.emit(w.treasury, "AttestationLifetimeChanged")
        .withArgs(LIFETIME, SHORTEST);
    });
  });
});
