import { expect } from "chai";
import { AbiCoder, keccak256, toBeHex } from "ethers";
import type { VaspWorld } from "../../support/vasp.ts";
import {
  ALPHA,
  AMOUNT,
  ATTESTATION_ID,
  BETA,
  MAX_ATTESTATION,
  OTHER_ATTESTATION_ID,
  REFERENCE,
  UNKNOWN,
  attest,
  deployVasps,
  join,
  pay,
  readVasps,
  suspend,
  toAttestation,
} from "../../support/vasp.ts";
import { at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);
/** Where the registry keeps the attestations that wait; the test checks it before it uses it. */
const WAITING_SLOT = 10n;
const FULL = 65_535n;

describe("VaspRegistry.attest", () => {
  let w: VaspWorld;
  let time: bigint;

  beforeEach(async () => {
    w = await load();
    time = (await now(w.connection)) + 100n;
    await at(w.connection, time);
  });

  describe("requires", () => {
    for (const vasp of [0n, UNKNOWN, 2n ** 16n + ALPHA]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(attest(w, { vasp })).to.be.revertedWithCustomError(w.registry, "VaspUnknown").withArgs(vasp);
      });
    }

    it("reverts with VaspSuspended(1) [VASP-7]", async () => {
      await suspend(w, ALPHA);
      await expect(attest(w)).to.be.revertedWithCustomError(w.registry, "VaspSuspended").withArgs(ALPHA);
    });

    for (const key of ["otherKey", "operator", "payee"] as const) {
      it(`reverts with VaspKeyInvalid(1, ${key}, now) [VASP-7]`, async () => {
        await expect(w.registry.connect(w[key]).attest(await toAttestation(w)))
          .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
          .withArgs(ALPHA, w[key].address, time);
      });
    }

    for (const [title, edge, offset, valid] of [
      ["a second before the term of its key", "from", -1n, false],
      ["at the first second of the term of its key", "from", 0n, true],
      ["at the last second of the term of its key", "until", -1n, true],
      ["at the end of the term of its key", "until", 0n, false],
    ] as const) {
      it(`${valid ? "acts" : "reverts with VaspKeyInvalid(1, nextKey, now)"} ${title} [VASP-7]`, async () => {
        const from = time + 1_000n;
        const until = from + 1_000n;
        await w.registry.connect(w.operator).setComplianceKey(ALPHA, w.nextKey, from, until);
        const attestation = await toAttestation(w);
        const moment = (edge === "from" ? from : until) + offset;
        await at(w.connection, moment);
        if (valid) {
          await w.registry.connect(w.nextKey).attest(attestation);
          expect((await readVasps(w)).waiting[0]).to.equal(1n);
        } else {
          await expect(w.registry.connect(w.nextKey).attest(attestation))
            .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
            .withArgs(ALPHA, w.nextKey.address, moment);
        }
      });
    }

    it("reverts with VaspCoinUnknown(coin) for a coin of others", async () => {
      const coin = await w.real.getAddress();
      await expect(attest(w, { coin })).to.be.revertedWithCustomError(w.registry, "VaspCoinUnknown").withArgs(coin);
    });

    it("reverts with VaspNotMember(payer, 1) for a payee of another family [VASP-6]", async () => {
      await expect(attest(w, { payee: w.payer.address }))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.payer.address, ALPHA);
    });

    it("reverts with VaspNotMember(holder, 1) for a payee without family", async () => {
      await expect(attest(w, { payee: w.holder.address }))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.holder.address, ALPHA);
    });

    it("reverts with VaspAttestationUsed(1, id) for an id given before, whatever the payment [VASP-5]", async () => {
      await attest(w);
      await expect(attest(w, { amount: 1n, payer: w.stranger.address }))
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationUsed")
        .withArgs(ALPHA, ATTESTATION_ID);
    });

    it("accepts the id that another family has given", async () => {
      await attest(w);
      const theirs = await toAttestation(w, { vasp: BETA, payer: w.payee.address, payee: w.payer.address });
      await w.registry.connect(w.otherKey).attest(theirs);
      expect((await readVasps(w)).betaAttested).to.equal(true);
    });

    for (const [title, left] of [
      ["an end one second from now", 1n],
      ["an end one second before 30 days from now", MAX_ATTESTATION - 1n],
      ["an end 30 days from now", MAX_ATTESTATION],
    ] as const) {
      it(`accepts ${title}`, async () => {
        await attest(w, { validUntil: time + left });
        expect((await readVasps(w)).waiting).to.deep.equal([1n, time + left, ALPHA]);
      });
    }

    for (const ago of [0n, 1n]) {
      it(`reverts with VaspAttestationExpired(now - ${ago}, now)`, async () => {
        await expect(attest(w, { validUntil: time - ago }))
          .to.be.revertedWithCustomError(w.registry, "VaspAttestationExpired")
          .withArgs(time - ago, time);
      });
    }

    it("reverts with VaspAttestationTooLong(limit + 1, limit)", async () => {
      const limit = time + MAX_ATTESTATION;
      await expect(attest(w, { validUntil: limit + 1n }))
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationTooLong")
        .withArgs(limit + 1n, limit);
    });

    it("accepts the 65,535th of one payment, and reverts with VaspAttestationsFull(65535, 65535) for one more", async () => {
      const end = time + 50_000n;
      await attest(w, { validUntil: end });
      const registry = await w.registry.getAddress();
      const codec = AbiCoder.defaultAbiCoder();
      const payment = keccak256(
        codec.encode(
          ["address", "address", "address", "uint256"],
          [await w.coin.getAddress(), w.payer.address, w.payee.address, AMOUNT],
        ),
      );
      const slot = keccak256(codec.encode(["bytes32", "uint256"], [payment, WAITING_SLOT]));
      const word = BigInt(await w.connection.ethers.provider.getStorage(registry, slot));
      expect(word).to.equal((ALPHA << 56n) | (end << 16n) | 1n);
      await w.connection.networkHelpers.setStorageAt(registry, slot, toBeHex(word - 1n + FULL - 1n, 32));

      await attest(w, { attestationId: OTHER_ATTESTATION_ID });
      expect((await readVasps(w)).waiting).to.deep.equal([FULL, end, ALPHA]);
      await expect(attest(w, { attestationId: REFERENCE }))
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationsFull")
        .withArgs(FULL, FULL);
    });
  });

  describe("ensures", () => {
    it("one payment may be made and the id is used, nothing else changes [VASP-5]", async () => {
      const before = await readVasps(w);
      await attest(w, { validUntil: time + 1_000n });
      expect(await readVasps(w)).to.deep.equal({ ...before, waiting: [1n, time + 1_000n, ALPHA], attested: true });
    });

    for (const [title, first, second] of [
      ["a later end is lowered to the earlier one that waits", 1_000n, 2_000n],
      ["an earlier end becomes that of all", 2_000n, 1_000n],
    ] as const) {
      it(`a second one is counted together; ${title}`, async () => {
        const before = await readVasps(w);
        await attest(w, { validUntil: time + first });
        await attest(w, { validUntil: time + second, attestationId: OTHER_ATTESTATION_ID });
        expect(await readVasps(w)).to.deep.equal({
          ...before,
          waiting: [2n, time + 1_000n, ALPHA],
          attested: true,
          otherAttested: true,
        });
      });
    }

    for (const [title, after, count] of [
      ["one second before its end it still counts", -1n, 2n],
      ["at its end it is a leftover and is gone", 0n, 1n],
    ] as const) {
      it(`of the one before: ${title}`, async () => {
        await attest(w, { validUntil: time + 1_000n });
        const validUntil = time + 5_000n;
        const second = await toAttestation(w, { validUntil, attestationId: OTHER_ATTESTATION_ID });
        await at(w.connection, time + 1_000n + after);
        await w.registry.connect(w.key).attest(second);
        const end = count === 2n ? time + 1_000n : validUntil;
        expect((await readVasps(w)).waiting).to.deep.equal([count, end, ALPHA]);
      });
    }

    it("one used up leaves no end behind for the next", async () => {
      await attest(w, { validUntil: time + 1_000n });
      expect(await pay(w)).to.equal(true);
      await attest(w, { validUntil: time + 5_000n, attestationId: OTHER_ATTESTATION_ID });
      expect((await readVasps(w)).waiting).to.deep.equal([1n, time + 5_000n, ALPHA]);
    });

    it("what the payee's former family left is gone", async () => {
      await attest(w, { validUntil: time + MAX_ATTESTATION });
      await w.registry.connect(w.payee).announceLeave();
      await w.connection.networkHelpers.time.increase(86_400);
      await w.registry.completeLeave(w.payee);
      await join(w, { account: w.payee.address, vasp: BETA }, { account: w.payee, key: w.otherKey });
      const theirs = await toAttestation(w, { vasp: BETA });
      await w.registry.connect(w.otherKey).attest(theirs);
      expect((await readVasps(w)).waiting).to.deep.equal([1n, theirs.validUntil, BETA]);
    });

    it("the second coin has attestations of its own", async () => {
      const before = await readVasps(w);
      await attest(w, { coin: await w.front.getAddress(), validUntil: time + 1_000n });
      expect(await readVasps(w)).to.deep.equal({ ...before, waitingOther: [1n, time + 1_000n, ALPHA], attested: true });
    });
  });

  describe("emits", () => {
    it("TravelAttested with everything, the end as it was given", async () => {
      await attest(w, { validUntil: time + 1_000n });
      const second = await toAttestation(w, { attestationId: OTHER_ATTESTATION_ID });
      await expect(w.registry.connect(w.key).attest(second))
        .to.emit(w.registry, "TravelAttested")
        .withArgs(
          ALPHA,
          OTHER_ATTESTATION_ID,
          await w.coin.getAddress(),
          w.payer.address,
          w.payee.address,
          AMOUNT,
          REFERENCE,
          second.validUntil,
        );
    });
  });
});
