/**
 * What a mint by signed order costs to a holder who has coins already: the whole transaction, as the receipt says.
 */
import { expect } from "chai";
import type { OrderSpec, TreasuryWorld } from "../../support/treasury.ts";
import {
  AMOUNT,
  DEPOSIT,
  ORDER_TYPES,
  OTHER_DEPOSIT,
  createLoader,
  deployTreasury,
  isInstrumented,
  sendOrder,
} from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);
const CEILING = 80_000n;

describe("Treasury gas", () => {
  it(`mintBySig to an existing holder costs at most ${CEILING} gas`, async function () {
    const w = await load();
    const spec: OrderSpec<TreasuryWorld> = {
      world: () => w,
      target: ({ treasury }) => treasury,
      domainName: "Remesa Treasury",
      type: "MintOrder",
      members: ORDER_TYPES.MintOrder,
      signer: ({ dealer }) => dealer,
      order: async ({ coin, payee }) => ({
        coin: await coin.getAddress(),
        depositId: DEPOSIT,
        to: payee.address,
        amount: AMOUNT,
        deadline: 2_000_000_000n,
      }),
      submit: "mintBySig",
    };
    await sendOrder(spec, { signed: { depositId: OTHER_DEPOSIT } });
    const receipt = await (await sendOrder(spec)).wait();
    expect(await w.coin.balanceOf(w.payee)).to.equal(2n * AMOUNT);
    console.log(`      mintBySig, existing holder ${receipt!.gasUsed}`);
    if (!isInstrumented()) expect(receipt!.gasUsed).to.be.at.most(CEILING);
  });
});
