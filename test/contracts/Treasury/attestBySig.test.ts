import { expect } from "chai";
import { TypedDataEncoder, id } from "ethers";
import type { OrderSpec, TreasuryWorld } from "../../support/treasury.ts";
import {
  LIFETIME,
  ORDER_TYPES,
  REPORT,
  RESERVES,
  ROLES,
  at,
  createLoader,
  deployTreasury,
  domainOf,
  itRequiresDeadline,
  itRequiresRole,
  itRequiresSignature,
  now,
  readTreasury,
  sendOrder,
} from "../../support/treasury.ts";

const load = await createLoader(deployTreasury);
const ORDER_ID = id("attest order 1");

describe("Treasury.attestBySig", () => {
  let w: TreasuryWorld;
  const spec: OrderSpec<TreasuryWorld> = {
    world: () => w,
    target: ({ treasury }) => treasury,
    domainName: "Remesa Treasury",
    type: "AttestOrder",
    members: ORDER_TYPES.AttestOrder,
    signer: ({ attestor }) => attestor,
    order: async ({ coin, asOf }) => ({
      orderId: ORDER_ID,
      coin: await coin.getAddress(),
      amount: RESERVES + 1n,
      asOf: asOf + 1n,
      reportHash: REPORT,
      deadline: 2_000_000_000n,
    }),
    submit: "attestBySig",
  };
  const send = (signed: Record<string, unknown> = {}) => sendOrder(spec, { signed });

  beforeEach(async () => {
    w = await load();
    await at(w.connection, w.asOf + 100n);
  });

  describe("requires", () => {
    itRequiresDeadline(spec);

    it("reverts with OrderAlreadyUsed(attestor, orderId) for an id used before", async () => {
      await send();
      await expect(send({ asOf: w.asOf + 2n }))
        .to.be.revertedWithCustomError(w.treasury, "OrderAlreadyUsed")
        .withArgs(w.attestor.address, ORDER_ID);
    });

    itRequiresRole(spec, { role: ROLES.attestor, restricted: "attest" });

    itRequiresSignature(spec);

    it("reverts with TreasuryAttestedTooLarge(2^128, 2^128 - 1)", async () => {
      await expect(send({ amount: 2n ** 128n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAttestedTooLarge")
        .withArgs(2n ** 128n, 2n ** 128n - 1n);
    });

    it("reverts with TreasuryAsOfInFuture(now + 1, now)", async () => {
      const time = (await now(w.connection)) + 200n;
      await at(w.connection, time);
      await expect(send({ asOf: time + 1n }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAsOfInFuture")
        .withArgs(time + 1n, time);
    });

    it("reverts with TreasuryAsOfNotNewer(last, last), and the order's id stays free", async () => {
      await expect(send({ asOf: w.asOf }))
        .to.be.revertedWithCustomError(w.treasury, "TreasuryAsOfNotNewer")
        .withArgs(w.asOf, w.asOf);
      expect(await w.treasury.orderUsed(w.attestor, ORDER_ID)).to.equal(false);
    });
  });

  describe("ensures", () => {
    it("the attestation is replaced and the order's id used, nothing else changes", async () => {
      const before = await readTreasury(w);
      await send();
      expect(await readTreasury(w)).to.deep.equal({
        ...before,
        attested: RESERVES + 1n,
        asOf: w.asOf + 1n,
        staleAt: w.asOf + 1n + LIFETIME,
      });
      expect(await w.treasury.orderUsed(w.attestor, ORDER_ID)).to.equal(true);
      expect(await w.treasury.orderUsed(w.relayer, ORDER_ID)).to.equal(false);
    });
  });

  describe("emits", () => {
    it("OrderUsed, and ReservesAttested with the signer as the attestor", async () => {
      const order = await spec.order(w);
      const domain = await domainOf(w.treasury, "Remesa Treasury");
      const digest = TypedDataEncoder.hash(domain, { AttestOrder: ORDER_TYPES.AttestOrder }, order);
      await expect(send())
        .to.emit(w.treasury, "OrderUsed")
        .withArgs(w.attestor.address, ORDER_ID, digest)
        .and.to.emit(w.treasury, "ReservesAttested")
        .withArgs(await w.coin.getAddress(), w.attestor.address, RESERVES, RESERVES + 1n, w.asOf, w.asOf + 1n, REPORT);
    });
  });
});
