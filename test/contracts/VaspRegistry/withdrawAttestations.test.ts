import { expect } from "chai";
import type { VaspWorld } from "../../support/vasp.ts";
import {
  ALPHA,
  AMOUNT,
  BETA,
  OTHER_ATTESTATION_ID,
  UNKNOWN,
  attest,
  deployVasps,
  pay,
  readVasps,
  suspend,
} from "../../support/vasp.ts";
import { at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.withdrawAttestations", () => {
  let w: VaspWorld;
  const withdraw = ({ vasp = ALPHA, amount = AMOUNT, key = w.key } = {}) =>
    w.registry.connect(key).withdrawAttestations(vasp, w.coin, w.payer, w.payee, amount);

  beforeEach(async () => {
    w = await load();
    await attest(w);
    await attest(w, { attestationId: OTHER_ATTESTATION_ID });
  });

  describe("requires", () => {
    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(withdraw({ vasp })).to.be.revertedWithCustomError(w.registry, "VaspUnknown").withArgs(vasp);
      });
    }

    it("reverts with VaspKeyInvalid(1, operator, now) for the admin", async () => {
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await expect(withdraw({ key: w.operator }))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
        .withArgs(ALPHA, w.operator.address, time);
    });

    it("reverts with VaspAttestationMissing(…) for another payment", async () => {
      await expect(withdraw({ amount: AMOUNT + 1n }))
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationMissing")
        .withArgs(ALPHA, await w.coin.getAddress(), w.payer.address, w.payee.address, AMOUNT + 1n);
    });

    it("reverts with VaspAttestationMissing(…) for another family's", async () => {
      await expect(withdraw({ vasp: BETA, key: w.otherKey }))
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationMissing")
        .withArgs(BETA, await w.coin.getAddress(), w.payer.address, w.payee.address, AMOUNT);
    });

    it("reverts with VaspAttestationMissing(…) when all were used", async () => {
      await pay(w);
      await pay(w);
      await expect(withdraw())
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationMissing")
        .withArgs(ALPHA, await w.coin.getAddress(), w.payer.address, w.payee.address, AMOUNT);
    });
  });

  describe("ensures", () => {
    it("none is left and the ids stay used, nothing else changes", async () => {
      const before = await readVasps(w);
      await withdraw();
      expect(await readVasps(w)).to.deep.equal({ ...before, waiting: [0n, 0n, 0n] });
      expect(await pay(w)).to.equal(false);
    });

    it("attestations that ended are cleared away as well", async () => {
      await w.connection.networkHelpers.time.increase(100_000);
      await withdraw();
      expect((await readVasps(w)).waiting).to.deep.equal([0n, 0n, 0n]);
    });

    it("a suspended family can take them back", async () => {
      await suspend(w, ALPHA);
      await withdraw();
      expect((await readVasps(w)).waiting).to.deep.equal([0n, 0n, 0n]);
    });
  });

  describe("emits", () => {
    it("TravelAttestationsWithdrawn with how many there were", async () => {
      await expect(withdraw())
        .to.emit(w.registry, "TravelAttestationsWithdrawn")
        .withArgs(ALPHA, w.key.address, await w.coin.getAddress(), w.payer.address, w.payee.address, AMOUNT, 2);
    });
  });
});
