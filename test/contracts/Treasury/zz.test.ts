import type { OrderSpec, TreasuryWorld } from "../../support/treasury.ts";
import { AMOUNT, DEPOSIT, ORDER_TYPES, OTHER_DEPOSIT, createLoader, deployTreasury, sendOrder } from "../../support/treasury.ts";
import { writeFileSync } from "node:fs";
const load = await createLoader(deployTreasury);
describe("trace", () => {
  it("t", async function () {
    const w = await load();
    const spec: OrderSpec<TreasuryWorld> = {
      world: () => w, target: ({ treasury }) => treasury, domainName: "Remesa Treasury", type: "MintOrder",
      members: ORDER_TYPES.MintOrder, signer: ({ dealer }) => dealer,
      order: async ({ coin, payee }) => ({ coin: await coin.getAddress(), depositId: DEPOSIT, to: payee.address, amount: AMOUNT, deadline: 2_000_000_000n }),
      submit: "mintBySig",
    };
    await sendOrder(spec, { signed: { depositId: OTHER_DEPOSIT } });
    const tx = await sendOrder(spec);
    const t = await w.connection.provider.request({ method: "debug_traceTransaction", params: [tx.hash, {}] });
    writeFileSync("/tmp/h3_trace.json", JSON.stringify(t));
  });
});
