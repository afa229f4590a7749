import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, MAX_KEY_TERM, UNKNOWN, deployVasps, readVasps, toAttestation } from "../../support/vasp.ts";
import { at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.setComplianceKey", () => {
  let w: VaspWorld;
  let time: bigint;
  const set = ({ vasp = ALPHA, key = w.nextKey.address, from = time, until = time + 1n, caller = w.operator } = {}) =>
    w.registry.connect(caller).setComplianceKey(vasp, key, from, until);

  beforeEach(async () => {
    w = await load();
    time = (await now(w.connection)) + 100n;
    await at(w.connection, time);
  });

  describe("requires", () => {
    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(set({ vasp })).to.be.revertedWithCustomError(w.registry, "VaspUnknown").withArgs(vasp);
      });
    }

    it("reverts with VaspAdminOnly(key, operator): a key makes no other key", async () => {
      await expect(set({ caller: w.key }))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminOnly")
        .withArgs(w.key.address, w.operator.address);
    });

    it("reverts with VaspKeyInvalid(1, 0, now) for the zero address", async () => {
      await expect(set({ key: ZeroAddress }))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
        .withArgs(ALPHA, ZeroAddress, time);
    });

    it("accepts a term of one second, even one that is over", async () => {
      await set({ from: 0n, until: 1n });
      expect((await readVasps(w)).nextKey).to.deep.equal([0n, 1n]);
    });

    it("reverts with VaspKeyTermInvalid(from, from, limit) for an empty term", async () => {
      await expect(set({ until: time }))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyTermInvalid")
        .withArgs(time, time, time + MAX_KEY_TERM);
    });

    it("reverts with VaspKeyTermInvalid(until + 1, until, limit) for a term that runs backwards", async () => {
      await expect(set({ from: time + 1n, until: time }))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyTermInvalid")
        .withArgs(time + 1n, time, time + MAX_KEY_TERM);
    });

    for (const before of [1n, 0n]) {
      it(`accepts an end ${before} seconds before 366 days from now`, async () => {
        await set({ until: time + MAX_KEY_TERM - before });
        expect((await readVasps(w)).nextKey).to.deep.equal([time, time + MAX_KEY_TERM - before]);
      });
    }

    it("reverts with VaspKeyTermInvalid(from, limit + 1, limit)", async () => {
      const limit = time + MAX_KEY_TERM;
      await expect(set({ until: limit + 1n }))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyTermInvalid")
        .withArgs(time, limit + 1n, limit);
    });
  });

  describe("ensures", () => {
    it("the key has its term, nothing else changes: two keys overlap", async () => {
      const before = await readVasps(w);
      await set({ until: time + 500n });
      expect(await readVasps(w)).to.deep.equal({ ...before, nextKey: [time, time + 500n] });
      await w.registry.connect(w.key).attest(await toAttestation(w, { validUntil: time + 400n }));
      const second = await toAttestation(w, { attestationId: `0x${"02".repeat(32)}`, validUntil: time + 400n });
      await w.registry.connect(w.nextKey).attest(second);
    });

    it("a new term replaces the one before", async () => {
      const before = await readVasps(w);
      await set({ key: w.key.address, from: time - 50n, until: time + 50n });
      expect(await readVasps(w)).to.deep.equal({ ...before, key: [time - 50n, time + 50n] });
    });
  });

  describe("emits", () => {
    it("VaspKeyChanged with no term before", async () => {
      await expect(set())
        .to.emit(w.registry, "VaspKeyChanged")
        .withArgs(ALPHA, w.nextKey.address, 0, 0, time, time + 1n);
    });

    it("VaspKeyChanged with the term before", async () => {
      await expect(set({ key: w.key.address }))
        .to.emit(w.registry, "VaspKeyChanged")
        .withArgs(ALPHA, w.key.address, w.keyFrom, w.keyUntil, time, time + 1n);
    });
  });
});
