/** Cancelling: both forms, both lanes, every kind of signer; it works whatever else is stopped. */
import { expect } from "chai";
import type { ContractTransactionResponse, Signer } from "ethers";
import {
  changed,
  createTerms,
  delegate,
  eventsOf,
  FORM,
  freeze,
  loadWorld,
  observe,
  pause,
  sign,
  signRow,
  toNonce,
  toVrs,
  WIDE_NONCE,
  type World,
} from "../../support/coin.ts";

type Submit = (
  world: World,
  authorizer: string,
  nonce: string,
  signature: string,
) => Promise<ContractTransactionResponse>;

const FORMS: [string, Submit][] = [
  [
    "(v, r, s)",
    ({ coin, relayer }, authorizer, nonce, signature) =>
      coin.connect(relayer)[FORM.cancelVrs](authorizer, nonce, ...toVrs(signature)),
  ],
  [
    "(bytes)",
    ({ coin, relayer }, authorizer, nonce, signature) =>
      coin.connect(relayer)[FORM.cancelBytes](authorizer, nonce, signature),
  ],
];

const KINDS = [
  ["a plain account", "payer", async () => {}],
  ["a contract wallet", "wallet", async () => {}],
  ["a delegated account", "payer", (world: World) => delegate(world, world.payer.address, `${world.unflagged.target}`)],
] as const;

describe("Stablecoin.cancelAuthorization", () => {
  for (const [form, submit] of FORMS) {
    for (const [kind, account, prepare] of KINDS) {
      describe(`${form}, signed by ${kind}`, () => {
        let world: World;
        let authorizer: string;

        beforeEach(async () => {
          world = await loadWorld();
          await prepare(world);
          authorizer = await world[account].getAddress();
        });

        async function cancel(nonce: string, signer: Signer = world.payer): Promise<ContractTransactionResponse> {
          const signature = await sign(world, signer, "CancelAuthorization", { authorizer, nonce });
          return submit(world, authorizer, nonce, signature);
        }

        describe("requires", () => {
          it("reverts with StablecoinSignatureInvalid(authorizer) when somebody else signed", async () => {
            await expect(cancel(toNonce(0n), world.stranger))
              .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
              .withArgs(authorizer);
          });

          it("reverts with StablecoinSignatureInvalid(authorizer) when another nonce was signed", async () => {
            const message = { authorizer, nonce: toNonce(1n) };
            const signature = await sign(world, world.payer, "CancelAuthorization", message);
            await expect(submit(world, authorizer, toNonce(0n), signature))
              .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
              .withArgs(authorizer);
          });

          for (const nonce of [toNonce(0n), toNonce(63n), WIDE_NONCE]) {
            it(`reverts with StablecoinAuthorizationUsed(authorizer, ${BigInt(nonce) % 1_000n}) twice`, async () => {
              await cancel(nonce);
              await expect(cancel(nonce))
                .to.be.revertedWithCustomError(world.coin, "StablecoinAuthorizationUsed")
                .withArgs(authorizer, nonce);
            });
          }

          it("reverts with StablecoinNonceOutOfWindow(64, 0) beyond the window", async () => {
            await expect(cancel(toNonce(64n)))
              .to.be.revertedWithCustomError(world.coin, "StablecoinNonceOutOfWindow")
              .withArgs(64n, 0n);
          });
        });

        describe("ensures", () => {
          it("spends the window nonce at the base and nothing else", async () => {
            const before = await observe(world);
            await cancel(toNonce(0n));
            const after = changed(before, (state) => {
              state.accounts[account].nonceBase = 1n;
            });
            expect(await observe(world)).to.deep.equal(after);
          });

          it("spends a window nonce ahead of the base and nothing else", async () => {
            const before = await observe(world);
            await cancel(toNonce(2n));
            const after = changed(before, (state) => {
              state.accounts[account].nonceWindow = 4n;
            });
            expect(await observe(world)).to.deep.equal(after);
          });

          it("spends a bitmap nonce and nothing else", async () => {
            const before = await observe(world);
            await cancel(WIDE_NONCE);
            const after = changed(before, (state) => {
              state.wideSpent = account === "payer";
            });
            expect(await observe(world)).to.deep.equal(after);
            expect(await world.coin.authorizationState(authorizer, WIDE_NONCE)).to.equal(true);
          });

          it("works while everything is paused and the account is frozen whole", async () => {
            await freeze(world, world[account]);
            await pause(world, 63n);
            await cancel(toNonce(0n));
            expect(await world.coin.authorizationState(authorizer, toNonce(0n))).to.equal(true);
          });
        });

        describe("emits", () => {
          it("AuthorizationCanceled", async () => {
            const events = await eventsOf(world, cancel(toNonce(3n)));
            expect(events).to.deep.equal([["AuthorizationCanceled", authorizer, toNonce(3n)]]);
          });
        });
      });
    }
  }

  it("reverts with StablecoinAuthorizationUsed(payer, nonce) once the payment went through", async () => {
    const world = await loadWorld();
    const terms = await createTerms(world);
    await world.coin.settle(await signRow(world, world.payer, terms));
    const message = { authorizer: terms.from, nonce: terms.nonce };
    const signature = await sign(world, world.payer, "CancelAuthorization", message);
    await expect(world.coin[FORM.cancelBytes](terms.from, terms.nonce, signature))
      .to.be.revertedWithCustomError(world.coin, "StablecoinAuthorizationUsed")
      .withArgs(terms.from, terms.nonce);
  });
});
