/**
 * Orders of roles over the real embedded store and the model chain: what they move is theirs in the books and in their own trace.
 */
import { expect } from "chai";
import { toWord } from "../../src/domain/hex.ts";
import { wallet } from "../support/model-codec.ts";
import { custody, signFreeze, signSeize } from "../support/model-orders.ts";
import { createTown } from "../support/town.ts";

describe("a seizure", () => {
  it("has its movement and its lines of the books in its trace", async () => {
    const town = await createTown();
    await town.accept(signFreeze(toWord(1n), wallet(1), 300n));
    expect(await town.settle()).to.equal(0);
    const seizure = await town.accept(signSeize(toWord(2n), wallet(1), 200n));
    expect(await town.settle()).to.equal(0);
    const trace = await town.store.readTrace(seizure.sequence);
    expect(trace?.movements.map(({ from, to, amount }) => [from, to, amount])).to.deep.equal([
      [wallet(1), custody, 200n],
    ]);
    expect(trace?.lines.map(({ amount }) => amount).toSorted()).to.deep.equal([-200n, 200n]);
  });
});
