import { expect } from "chai";
import type { TreasuryWorld } from "../../support/treasury.ts";
import { DAY, at, createLoader, deployTreasury, now, readTreasury } from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);
const LATEST = 2n ** 40n - 1n;

describe("Treasury.announceSunset", () => {
  let w: TreasuryWorld;
  let coin: string;
  let time: bigint;

  beforeEach(async () => {
    w = await load();
    coin = await w.coin.getAddress();
    time = (await now(w.connection)) + 100n;
    await at(w.connection, time);
  });

  describe("requires", () => {
    it("reverts with AccessManagedUnauthorized(stranger) without the role", async () => {
      await expect(w.treasury.connect(w.stranger).announceSunset(coin, time + 31n * DAY))
        .to.be.revertedWithCustomError(w.treasury, "AccessManagedUnauthorized")
        .withArgs(w.stranger.address);
    });

    it("reverts with TreasurySunsetAnnounced(coin, end) the second time, whatever the moment", async () => {
      await w.treasury.announceSunset(coin, time + 31n * DAY);
      for (const sunset of [time + 31n * DAY, time + 99n * DAY, 0n]) {
        await expect(w.treasury.announceSunset(coin, sunset))
          .to.be.revertedWithCustomError(w.treasury, "TreasurySunsetAnnounced")
          .withArgs(coin, time + 31n * DAY);
      }
    });

    it("reverts with TreasurySunsetTooSoon(earliest - 1, earliest) for less than 30 days", async () => {
      const earliest = time + 30n * DAY;
      await expect(w.treasury.announceSunset(coin, earliest - 1n))
        .to.be.revertedWithCustomError(w.treasury, "TreasurySunsetTooSoon")
        .withArgs(earliest - 1n, earliest);
    });

    it("reverts with TreasurySunsetTooSoon(0, earliest) for a moment left unset", async () => {
      await expect(w.treasury.announceSunset(coin, 0n))
        .to.be.revertedWithCustomError(w.treasury, "TreasurySunsetTooSoon")
        .withArgs(0n, time + 30n * DAY);
    });

    it("reverts with TreasurySunsetTooFar(2^40, 2^40 - 1)", async () => {
      await expect(w.treasury.announceSunset(coin, LATEST + 1n))
        .to.be.revertedWithCustomError(w.treasury, "TreasurySunsetTooFar")
        .withArgs(LATEST + 1n, LATEST);
    });
  });

  describe("ensures", () => {
    for (const [title, choose] of [
      ["in 30 days", () => time + 30n * DAY],
      ["in 30 days and a second", () => time + 30n * DAY + 1n],
      ["at the last moment there is", () => LATEST],
    ] as const) {
      it(`the end ${title} is known, nothing else changes`, async () => {
        const before = await readTreasury(w);
        const sunset = choose();
        await at(w.connection, time);
        await w.treasury.announceSunset(coin, sunset);
        expect(await readTreasury(w)).to.deep.equal({ ...before, sunset });
      });
    }

    it("another coin has no end", async () => {
      await w.treasury.announceSunset(w.stranger, time + 31n * DAY);
      expect(await w.treasury.sunsetOf(coin)).to.equal(0n);
      expect(await w.treasury.sunsetOf(w.stranger)).to.equal(time + 31n * DAY);
    });
  });

  describe("emits", () => {
    it("SunsetAnnounced(coin, end)", async () => {
      await expect(w.treasury.announceSunset(coin, time + 31n * DAY))
        .to.emit(w.treasury, "SunsetAnnounced")
        .withArgs(coin, time + 31n * DAY);
    });
  });
});
