import { expect } from "chai";
import { ZeroAddress, toBeHex } from "ethers";
import type { VaspWorld } from "../../support/vasp.ts";
import { ALPHA, ALPHA_DOMAIN, MAX_ID, NOBODY, UNKNOWN, deployVasps, readOperator, readVasps } from "../../support/vasp.ts";
import { createLoader } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);
const DOMAIN = "gamma.example";
const URL = "https://gamma.example";
const LABEL = "a".repeat(63);
/** Three labels of 63 and one of 61, with their dots: 253 characters. */
const LONGEST = `${LABEL}.${LABEL}.${LABEL}.${"a".repeat(61)}`;
/** Where the registry keeps how many families there are; the tests check it before they use it. */
const COUNT_SLOT = 14n;

describe("VaspRegistry.register", () => {
  let w: VaspWorld;
  const register = ({ admin = "", domain = DOMAIN, url = URL, caller = w.registrar } = {}) =>
    w.registry.connect(caller).register(admin === "" ? w.stranger.address : admin, domain, url);
  const setCount = async (count: bigint) => {
    const slot = toBeHex(COUNT_SLOT, 32);
    const registry = await w.registry.getAddress();
    expect(BigInt(await w.connection.ethers.provider.getStorage(registry, slot))).to.equal(await w.registry.vaspCount());
    await w.connection.networkHelpers.setStorageAt(registry, slot, toBeHex(count, 32));
    expect(await w.registry.vaspCount()).to.equal(count);
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(operator) for the admin of another family", async () => {
      await expect(register({ caller: w.operator }))
        .to.be.revertedWithCustomError(w.registry, "AccessManagedUnauthorized")
        .withArgs(w.operator.address);
    });

    it("reverts with VaspAdminInvalid(0)", async () => {
      await expect(register({ admin: ZeroAddress }))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminInvalid")
        .withArgs(ZeroAddress);
    });

    for (const [title, domain] of [
      ["of three characters", "a.b"],
      ["with digits and inner hyphens", "0-9.x--y.z9"],
      ["that is localhost", "localhost"],
      ["with a label of 63 characters", `${LABEL}.example`],
      ["of 253 characters", LONGEST],
    ] as const) {
      it(`accepts a domain ${title}`, async () => {
        await register({ domain });
        expect(await w.registry.idOfDomain(domain)).to.equal(UNKNOWN);
      });
    }

    for (const [title, domain] of [
      ["that is empty", ""],
      ["without a dot", "example"],
      ["that begins with localhost but is not it", "localhosts"],
      ["of 254 characters", `a${LONGEST}`.replace(`a${LABEL}.`, `${LABEL}.a`)],
      ["with a label of 64 characters", `a${LABEL}.example`],
      ["with a capital letter", "Gamma.example"],
      ["with the character before a", "a`.example"],
      ["with the character after z", "a{.example"],
      ["with the character before 0", "a/.example"],
      ["with the character after 9", "a:.example"],
      ["with a letter of two bytes", "gämma.example"],
      ["with a zero byte", "gamma.example\0"],
      ["with a space", "gamma .example"],
      ["that begins with a dot", ".gamma.example"],
      ["that ends with a dot", "gamma.example."],
      ["that is a dot", "."],
      ["with an empty label", "gamma..example"],
      ["with a label that begins with a hyphen", "gamma.-example"],
      ["with a label that ends with a hyphen", "gamma-.example"],
      ["that ends with a hyphen", "gamma.example-"],
    ] as const) {
      it(`reverts with VaspDomainInvalid(domain) for a domain ${title}`, async () => {
        await expect(register({ domain }))
          .to.be.revertedWithCustomError(w.registry, "VaspDomainInvalid")
          .withArgs(domain);
      });
    }

    it("reverts with VaspDomainTaken(domain, 1) for the domain of another family [VASP-1]", async () => {
      await expect(register({ domain: ALPHA_DOMAIN }))
        .to.be.revertedWithCustomError(w.registry, "VaspDomainTaken")
        .withArgs(ALPHA_DOMAIN, ALPHA);
    });

    it("accepts a URL of 512 bytes", async () => {
      await register({ url: "u".repeat(512) });
      expect((await readOperator(w, UNKNOWN)).baseUrl).to.have.lengthOf(512);
    });

    it("reverts with VaspUrlTooLong(513, 512)", async () => {
      await expect(register({ url: "u".repeat(513) }))
        .to.be.revertedWithCustomError(w.registry, "VaspUrlTooLong")
        .withArgs(513, 512);
    });

    it("gives the last id, 65535", async () => {
      await setCount(MAX_ID - 1n);
      await register();
      expect(await w.registry.idOfDomain(DOMAIN)).to.equal(MAX_ID);
    });

    it("reverts with VaspIdsExhausted(65535) after the last id", async () => {
      await setCount(MAX_ID);
      await expect(register()).to.be.revertedWithCustomError(w.registry, "VaspIdsExhausted").withArgs(MAX_ID);
    });
  });

  describe("ensures", () => {
    it("the family has the next id, nothing else changes", async () => {
      const before = await readVasps(w);
      expect(before.unknown).to.deep.equal(NOBODY);
      expect(await w.registry.connect(w.registrar).register.staticCall(w.stranger, DOMAIN, URL)).to.equal(UNKNOWN);
      await register();
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        count: 3n,
        unknown: { ...NOBODY, admin: w.stranger.address, domain: DOMAIN, baseUrl: URL },
      });
      expect(await w.registry.idOfDomain(DOMAIN)).to.equal(UNKNOWN);
    });

    it("one admin may have several families", async () => {
      await register({ admin: w.operator.address });
      expect((await readOperator(w, UNKNOWN)).admin).to.equal(w.operator.address);
    });
  });

  describe("emits", () => {
    it("VaspRegistered with all particulars", async () => {
      await expect(register())
        .to.emit(w.registry, "VaspRegistered")
        .withArgs(UNKNOWN, w.stranger.address, DOMAIN, URL);
    });
  });
});
