/**
 * What minting costs: whole transactions, as the receipts say. To holders who have coins already.
 */
import { expect } from "chai";
import { getAddress, keccak256, toBeHex } from "ethers";
import type { OrderSpec, Row, TreasuryWorld } from "../../support/treasury.ts";
import {
  AMOUNT,
  DEPOSIT,
  ORDER_TYPES,
  OTHER_DEPOSIT,
  createLoader,
  deployTreasury,
  isInstrumented,
  packRows,
  sendOrder,
} from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);
const CEILING = 80_000n;
const BATCH_CEILING = 36_500n;
const ROWS = 100;

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

  it(`mint batch of 100, per item, costs at most ${BATCH_CEILING} gas`, async function () {
    const w = await load();
    const send = async (round: number) => {
      const rows = packRows(createPayees(round));
      const spec: OrderSpec<TreasuryWorld> = {
        world: () => w,
        target: ({ treasury }) => treasury,
        domainName: "Remesa Treasury",
        type: "MintBatchOrder",
        members: ORDER_TYPES.MintBatchOrder,
        signer: ({ dealer }) => dealer,
        order: async ({ coin }) => ({
          coin: await coin.getAddress(),
          rowsHash: keccak256(rows),
          deadline: 2_000_000_000n,
        }),
        submit: "mintBatchBySig",
        attached: () => [rows],
      };
      return (await sendOrder(spec)).wait();
    };
    await send(1);
    const receipt = await send(2);
    for (const { to } of createPayees(1)) expect(await w.coin.balanceOf(to)).to.equal(2n * AMOUNT);
    const perItem = receipt!.gasUsed / BigInt(ROWS);
    console.log(`      mint batch of ${ROWS}, per item ${perItem}`);
    if (!isInstrumented()) expect(perItem).to.be.at.most(BATCH_CEILING);
  });
});

/** A row for each of a hundred payees, with deposits of their own. */
function createPayees(round: number): Row[] {
  return Array.from({ length: ROWS }, (_, i) => {
    const payee = keccak256(toBeHex(i, 32));
    return { depositId: keccak256(toBeHex(1_000 * round + i, 32)), to: getAddress(payee.slice(0, 42)), amount: AMOUNT };
  });
}
