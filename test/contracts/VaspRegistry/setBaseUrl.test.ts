import { expect } from "chai";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, ALPHA_URL, UNKNOWN, deployVasps, readVasps } from "../../support/vasp.ts";
import { createLoader } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);
const URL = "https://travel.alpha.example/a/much/longer/place/than/before";

describe("VaspRegistry.setBaseUrl", () => {
  let w: VaspWorld;

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const vasp of [0n, UNKNOWN]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(w.registry.connect(w.operator).setBaseUrl(vasp, URL))
          .to.be.revertedWithCustomError(w.registry, "VaspUnknown")
          .withArgs(vasp);
      });
    }

    it("reverts with VaspAdminOnly(key, operator) for a compliance key", async () => {
      await expect(w.registry.connect(w.key).setBaseUrl(ALPHA, URL))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminOnly")
        .withArgs(w.key.address, w.operator.address);
    });

    it("accepts 512 bytes", async () => {
      await w.registry.connect(w.operator).setBaseUrl(ALPHA, "u".repeat(512));
      expect((await readVasps(w)).alpha.baseUrl).to.equal("u".repeat(512));
    });

    it("reverts with VaspUrlTooLong(513, 512)", async () => {
      await expect(w.registry.connect(w.operator).setBaseUrl(ALPHA, "u".repeat(513)))
        .to.be.revertedWithCustomError(w.registry, "VaspUrlTooLong")
        .withArgs(513, 512);
    });
  });

  describe("ensures", () => {
    for (const [title, url] of [
      ["longer", URL],
      ["empty", ""],
    ] as const) {
      it(`the URL is the ${title} one, nothing else changes`, async () => {
        const before = await readVasps(w);
        await w.registry.connect(w.operator).setBaseUrl(ALPHA, url);
        expect(await readVasps(w)).to.deep.equal({ ...before, alpha: { ...before.alpha, baseUrl: url } });
      });
    }
  });

  describe("emits", () => {
    it("VaspBaseUrlChanged with the old and the new URL", async () => {
      await expect(w.registry.connect(w.operator).setBaseUrl(ALPHA, URL))
        .to.emit(w.registry, "VaspBaseUrlChanged")
        .withArgs(ALPHA, ALPHA_URL, URL);
    });

    it("VaspBaseUrlChanged also when nothing changes", async () => {
      await expect(w.registry.connect(w.operator).setBaseUrl(ALPHA, ALPHA_URL))
        .to.emit(w.registry, "VaspBaseUrlChanged")
        .withArgs(ALPHA, ALPHA_URL, ALPHA_URL);
    });
  });
});
