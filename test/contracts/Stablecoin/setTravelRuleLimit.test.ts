/** The amount from which on a payment between families needs an attestation. */
import { expect } from "chai";
import {
  changed,
  eventsOf,
  loadWorld,
  MAX_UINT64,
  observe,
  PAUSE,
  pause,
  VALUE,
  type World,
} from "../../support/coin.ts";

describe("Stablecoin.setTravelRuleLimit", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const set = (limit: bigint) => world.coin.connect(world.governor).setTravelRuleLimit(limit);

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(treasurer) for another role", async () => {
      await expect(world.coin.connect(world.treasurer).setTravelRuleLimit(1n))
        .to.be.revertedWithCustomError(world.coin, "AccessManagedUnauthorized")
        .withArgs(world.treasurer.address);
    });

    for (const limit of [MAX_UINT64 + 1n, 2n ** 256n - 1n]) {
      it(`reverts with StablecoinLimitInvalid(${limit}, 2^64 - 1)`, async () => {
        await expect(set(limit))
          .to.be.revertedWithCustomError(world.coin, "StablecoinLimitInvalid")
          .withArgs(limit, MAX_UINT64);
      });
    }
  });

  describe("ensures", () => {
    for (const limit of [0n, 1n, VALUE, MAX_UINT64 - 1n, MAX_UINT64]) {
      it(`sets ${limit} and leaves supply and paused bits`, async () => {
        await pause(world, PAUSE.burn | PAUSE.seize);
        const before = await observe(world);
        await set(limit);
        const after = changed(before, (state) => {
          state.travelLimit = limit;
        });
        expect(await observe(world)).to.deep.equal(after);
      });
    }

    it("keeps the limit when supply and paused bits change", async () => {
      await set(VALUE);
      await world.coin.connect(world.treasury).mint(world.payer, 1n);
      await pause(world, 63n);
      expect((await observe(world)).travelLimit).to.equal(VALUE);
    });
  });

  describe("emits", () => {
    it("TravelRuleLimitChanged with the old and the new one", async () => {
      expect(await eventsOf(world, set(VALUE))).to.deep.equal([["TravelRuleLimitChanged", MAX_UINT64, VALUE]]);
      expect(await eventsOf(world, set(0n))).to.deep.equal([["TravelRuleLimitChanged", VALUE, 0n]]);
    });
  });
});
