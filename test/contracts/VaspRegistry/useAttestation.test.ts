import { expect } from "chai";
import type { VaspWorld } from "../../support/vasp.ts";
import {
  ALPHA,
  AMOUNT,
  BETA,
  OTHER_ATTESTATION_ID,
  attest,
  deployVasps,
  join,
  pay,
  readVasps,
  suspend,
} from "../../support/vasp.ts";
import { at, createLoader, isInstrumented, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.useAttestation", () => {
  let w: VaspWorld;
  let end: bigint;
  const refused = async (changes: Parameters<typeof pay>[1] = {}) => {
    const before = await readVasps(w);
    expect(await pay(w, changes)).to.equal(false);
    expect(await readVasps(w)).to.deep.equal(before);
  };

  beforeEach(async () => {
    w = await load();
    end = (await now(w.connection)) + 10_000n;
    await attest(w, { validUntil: end });
  });

  describe("requires", () => {
    for (const caller of ["payer", "key", "admin"] as const) {
      it(`reverts with VaspCoinUnknown(${caller})`, async () => {
        await expect(w.registry.connect(w[caller]).useAttestation(w.payer, w.payee, AMOUNT))
          .to.be.revertedWithCustomError(w.registry, "VaspCoinUnknown")
          .withArgs(w[caller].address);
      });
    }
  });

  describe("ensures", () => {
    it("true, and none is left, nothing else changes [VASP-5]", async () => {
      const before = await readVasps(w);
      expect(await pay(w)).to.equal(true);
      expect(await readVasps(w)).to.deep.equal({ ...before, waiting: [0n, 0n, 0n] });
    });

    it("true as often as attested, and never more often [VASP-5]", async () => {
      await attest(w, { validUntil: end, attestationId: OTHER_ATTESTATION_ID });
      expect(await pay(w)).to.equal(true);
      expect((await readVasps(w)).waiting).to.deep.equal([1n, end, ALPHA]);
      expect(await pay(w)).to.equal(true);
      await refused();
    });

    it("true one second before its end [VASP-6]", async () => {
      await at(w.connection, end - 1n);
      expect(await pay(w)).to.equal(true);
    });

    for (const after of [0n, 1n]) {
      it(`false ${after} seconds after its end, nothing changes [VASP-6]`, async () => {
        await at(w.connection, end + after);
        await refused();
      });
    }

    it("false for another amount, nothing changes", async () => {
      await refused({ amount: AMOUNT - 1n });
      await refused({ amount: AMOUNT + 1n });
    });

    it("false for another payer, payee or direction, nothing changes", async () => {
      await refused({ payer: w.holder.address });
      await refused({ payee: w.holder.address });
      await refused({ payer: w.payee.address, payee: w.payer.address });
    });

    it("false in another coin, nothing changes", async () => {
      await refused({ coin: w.front });
    });

    it("false once the payee has left the family, nothing changes [VASP-6]", async () => {
      await attest(w, { validUntil: end + 200_000n, amount: 1n, attestationId: OTHER_ATTESTATION_ID });
      await w.registry.connect(w.payee).announceLeave();
      await w.connection.networkHelpers.time.increase(86_400);
      await w.registry.completeLeave(w.payee);
      await refused({ amount: 1n });
      await join(w, { account: w.payee.address, vasp: BETA }, { account: w.payee, key: w.otherKey });
      await refused({ amount: 1n });
    });

    for (const [whose, vasp] of [
      ["payee", ALPHA],
      ["payer", BETA],
    ] as const) {
      it(`false while the family of the ${whose} is suspended, true again after [VASP-6]`, async () => {
        await suspend(w, vasp);
        await refused();
        await w.registry.connect(w.freezer).reinstate(vasp);
        expect(await pay(w)).to.equal(true);
      });
    }

    it("true for a payer without family", async () => {
      await attest(w, { payer: w.holder.address, attestationId: OTHER_ATTESTATION_ID });
      expect(await pay(w, { payer: w.holder.address })).to.equal(true);
    });

    it("a use costs a coin at most 20,000 gas", async () => {
      await attest(w, { validUntil: end, attestationId: OTHER_ATTESTATION_ID });
      await pay(w);
      const coin = await w.coin.getAddress();
      await w.connection.networkHelpers.impersonateAccount(coin);
      await w.connection.networkHelpers.setBalance(coin, 10n ** 18n);
      const caller = await w.connection.ethers.getSigner(coin);
      const { gasUsed } = (await (await w.registry.connect(caller).useAttestation(w.payer, w.payee, AMOUNT)).wait())!;
      // the transaction itself: 21,000 and its 100 bytes of data
      if (!isInstrumented()) expect(Number(gasUsed) - 21_000 - 1_000).to.be.at.most(20_000);
    });
  });

  describe("emits", () => {
    it("TravelAttestationUsed when true", async () => {
      await expect(w.coin.pay(w.registry, w.payer, w.payee, AMOUNT))
        .to.emit(w.registry, "TravelAttestationUsed")
        .withArgs(await w.coin.getAddress(), w.payer.address, w.payee.address, AMOUNT);
    });

    it("nothing when false", async () => {
      await expect(w.coin.pay(w.registry, w.payer, w.payee, 1n)).not.to.emit(w.registry, "TravelAttestationUsed");
    });
  });
});
