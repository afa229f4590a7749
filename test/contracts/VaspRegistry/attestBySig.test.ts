import { expect } from "chai";
import type { Attestation, Bend, VaspWorld } from "../../support/vasp.ts";
import {
  ALPHA,
  AMOUNT,
  ATTESTATION_ID,
  BETA,
  MAX_ATTESTATION,
  REFERENCE,
  UNKNOWN,
  VASP_TYPES,
  deployVasps,
  itRequiresSignatureOf,
  pay,
  readVasps,
  signVasp,
  suspend,
  toAttestation,
} from "../../support/vasp.ts";
import { type Account, at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.attestBySig", () => {
  let w: VaspWorld;
  const send = async ({ key = w.key, changed = {}, domain = {}, forge = (signature) => signature }: Bend) => {
    const signed = await toAttestation(w);
    const signature = await signVasp(w, key, "TravelAttestation", signed, domain);
    const attestation = { ...signed, ...(changed as Partial<Attestation>) };
    return w.registry.connect(w.relayer).attestBySig(attestation, w.key, forge(signature));
  };
  const attestBySig = async (changes: Partial<Attestation> = {}, key: Account = w.key) => {
    const attestation = await toAttestation(w, changes);
    const signature = await signVasp(w, key, "TravelAttestation", attestation);
    return w.registry.connect(w.relayer).attestBySig(attestation, key, signature);
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(attestBySig({ vasp })).to.be.revertedWithCustomError(w.registry, "VaspUnknown").withArgs(vasp);
      });
    }

    it("reverts with VaspSuspended(1) [VASP-7]", async () => {
      await suspend(w, ALPHA);
      await expect(attestBySig()).to.be.revertedWithCustomError(w.registry, "VaspSuspended").withArgs(ALPHA);
    });

    it("reverts with VaspKeyInvalid(1, otherKey, now) for a key of another family [VASP-7]", async () => {
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await expect(attestBySig({}, w.otherKey))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
        .withArgs(ALPHA, w.otherKey.address, time);
    });

    itRequiresSignatureOf("key", {
      world: () => w,
      members: VASP_TYPES.TravelAttestation,
      signer: ({ key }) => key,
      send,
      prepare: () => w.registry.connect(w.otherOperator).setComplianceKey(BETA, w.key, w.keyFrom, w.keyUntil),
    });

    it("reverts with VaspCoinUnknown(real)", async () => {
      const coin = await w.real.getAddress();
      await expect(attestBySig({ coin })).to.be.revertedWithCustomError(w.registry, "VaspCoinUnknown").withArgs(coin);
    });

    it("reverts with VaspNotMember(payer, 1)", async () => {
      await expect(attestBySig({ payee: w.payer.address }))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.payer.address, ALPHA);
    });

    it("reverts with VaspAttestationUsed(1, id) for an id given before by call [VASP-5]", async () => {
      await w.registry.connect(w.key).attest(await toAttestation(w));
      await expect(attestBySig())
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationUsed")
        .withArgs(ALPHA, ATTESTATION_ID);
    });

    it("acts one second before its end, reverts with VaspAttestationExpired(end, end) at it", async () => {
      const validUntil = (await now(w.connection)) + 100n;
      await at(w.connection, validUntil);
      await expect(attestBySig({ validUntil }))
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationExpired")
        .withArgs(validUntil, validUntil);
      w = await load();
      await at(w.connection, validUntil - 1n);
      await attestBySig({ validUntil });
      expect((await readVasps(w)).waiting).to.deep.equal([1n, validUntil, ALPHA]);
    });

    it("reverts with VaspAttestationTooLong(limit + 1, limit)", async () => {
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      const limit = time + MAX_ATTESTATION;
      await expect(attestBySig({ validUntil: limit + 1n }))
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationTooLong")
        .withArgs(limit + 1n, limit);
    });
  });

  describe("ensures", () => {
    it("one payment may be made and the id is used, nothing else changes", async () => {
      const before = await readVasps(w);
      const { validUntil } = await toAttestation(w);
      await attestBySig({ validUntil });
      expect(await readVasps(w)).to.deep.equal({ ...before, waiting: [1n, validUntil, ALPHA], attested: true });
      expect(await pay(w)).to.equal(true);
    });

    it("a contract may be the compliance key", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.nextKey]);
      await w.registry.connect(w.operator).setComplianceKey(ALPHA, wallet, w.keyFrom, w.keyUntil);
      const attestation = await toAttestation(w);
      const signature = await signVasp(w, w.nextKey, "TravelAttestation", attestation);
      await w.registry.connect(w.relayer).attestBySig(attestation, wallet, signature);
      expect((await readVasps(w)).waiting[0]).to.equal(1n);
    });
  });

  describe("emits", () => {
    it("TravelAttested", async () => {
      const { validUntil } = await toAttestation(w);
      await expect(attestBySig({ validUntil }))
        .to.emit(w.registry, "TravelAttested")
        .withArgs(
          ALPHA,
          ATTESTATION_ID,
          await w.coin.getAddress(),
          w.payer.address,
          w.payee.address,
          AMOUNT,
          REFERENCE,
          validUntil,
        );
    });
  });
});
