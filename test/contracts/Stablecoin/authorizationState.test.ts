/** What the coin answers about a nonce, in both lanes and at their edges. */
import { expect } from "chai";
import { createTerms, FORM, loadWorld, signRow, toNonce, WIDE_NONCE, type World } from "../../support/coin.ts";

describe("Stablecoin.authorizationState", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  const stateOf = (nonce: bigint | string) => {
    return world.coin.authorizationState(world.payer, typeof nonce === "bigint" ? toNonce(nonce) : nonce);
  };

  async function pay(nonce: string): Promise<void> {
    await world.coin.settle(await signRow(world, world.payer, await createTerms(world, { nonce })));
  }

  it("is false for every nonce of a new account", async () => {
    for (const nonce of [0n, 63n, 64n, 2n ** 40n - 1n, 2n ** 40n, 2n ** 256n - 1n]) {
      expect(await stateOf(nonce)).to.equal(false);
    }
  });

  it("is true for exactly the window nonce that was used", async () => {
    await pay(toNonce(3n));
    expect(await Promise.all([2n, 3n, 4n, 67n].map(stateOf))).to.deep.equal([false, true, false, false]);
  });

  it("is true for exactly the bitmap nonce that was used", async () => {
    await pay(WIDE_NONCE);
    const near = [BigInt(WIDE_NONCE) - 1n, BigInt(WIDE_NONCE), BigInt(WIDE_NONCE) + 1n, BigInt(WIDE_NONCE) + 256n];
    expect(await Promise.all(near.map(stateOf))).to.deep.equal([false, true, false, false]);
  });

  it("is true below the base and false from it on after a skip", async () => {
    await world.coin.connect(world.payer)[FORM.skip](100n);
    expect(await Promise.all([0n, 99n, 100n, 164n].map(stateOf))).to.deep.equal([true, true, false, false]);
  });

  it("is of one account alone", async () => {
    await pay(toNonce(0n));
    expect(await world.coin.authorizationState(world.payee, toNonce(0n))).to.equal(false);
  });
});
