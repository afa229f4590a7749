/** Skipping nonces: direct and signed, what it kills, and the end of the lane. */
import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import {
  changed,
  createTerms,
  eventsOf,
  FORM,
  freeze,
  loadWorld,
  MAX_BASE,
  now,
  observe,
  pause,
  reasonOf,
  sign,
  signRow,
  toNonce,
  WIDE_NONCE,
  type World,
} from "../../support/coin.ts";

const LIMIT = MAX_BASE - 1n;

type Submit = (world: World, newBase: bigint) => Promise<ContractTransactionResponse>;

const direct: Submit = ({ coin, payer }, newBase) => coin.connect(payer)[FORM.skip](newBase);
const signed: Submit = async (world, newBase) => {
  const message = { account: world.payer.address, newBase, deadline: (await now(world)) + 3_600n };
  const signature = await sign(world, world.payer, "SkipNonces", message);
  return world.coin.connect(world.relayer)[FORM.skipSigned](message.account, newBase, message.deadline, signature);
};

describe("Stablecoin.skipNonces", () => {
  let world: World;

  beforeEach(async () => {
    world = await loadWorld();
  });

  /** Settles one payment of the payer and returns its events. */
  async function pay(nonce: bigint): Promise<unknown[][]> {
    const terms = await createTerms(world, { nonce: toNonce(nonce), value: 1n });
    return eventsOf(world, world.coin.connect(world.relayer).settle(await signRow(world, world.payer, terms)));
  }

  for (const [title, skip] of [
    ["direct", direct],
    ["signed", signed],
  ] as const) {
    describe(title, () => {
      describe("requires", () => {
        it("reverts with StablecoinNonceBaseInvalid(0, 0, 2^40 - 65) for the present base", async () => {
          await expect(skip(world, 0n))
            .to.be.revertedWithCustomError(world.coin, "StablecoinNonceBaseInvalid")
            .withArgs(0n, 0n, LIMIT);
        });

        it("reverts with StablecoinNonceBaseInvalid(9, 10, 2^40 - 65) for a base passed before", async () => {
          await skip(world, 10n);
          await expect(skip(world, 9n))
            .to.be.revertedWithCustomError(world.coin, "StablecoinNonceBaseInvalid")
            .withArgs(9n, 10n, LIMIT);
        });

        it("reverts with StablecoinNonceBaseInvalid(2^40 - 64, 0, 2^40 - 65) beyond the limit", async () => {
          await expect(skip(world, LIMIT + 1n))
            .to.be.revertedWithCustomError(world.coin, "StablecoinNonceBaseInvalid")
            .withArgs(LIMIT + 1n, 0n, LIMIT);
        });
      });

      describe("ensures", () => {
        async function expectBase(newBase: bigint, base: bigint, window: bigint): Promise<void> {
          const before = await observe(world);
          await skip(world, newBase);
          const after = changed(before, (state) => {
            state.accounts.payer.nonceBase = base;
            state.accounts.payer.nonceWindow = window;
          });
          expect(await observe(world)).to.deep.equal(after);
        }

        it("moves the base up by one", async () => expectBase(1n, 1n, 0n));

        it("moves the base to the limit", async () => expectBase(LIMIT, LIMIT, 0n));

        it("keeps what was spent from the new base on", async () => {
          await pay(5n);
          await pay(63n);
          await expectBase(4n, 4n, 2n | (1n << 59n));
        });

        it("moves on over nonces spent before", async () => {
          for (const nonce of [5n, 6n, 8n]) await pay(nonce);
          await expectBase(5n, 7n, 2n);
        });

        it("counts what was spent from the base it had, which is not the beginning", async () => {
          await skip(world, 10n);
          for (const nonce of [12n, 15n, 73n]) await pay(nonce);
          await expectBase(14n, 14n, 2n | (1n << 59n));
        });

        for (const distance of [63n, 64n, 65n]) {
          it(`keeps or drops the last nonce of the window when it skips ${distance}`, async () => {
            await pay(63n);
            await expectBase(distance, distance === 63n ? 64n : distance, 0n);
          });
        }

        it("works while everything is paused and the account is frozen whole", async () => {
          await freeze(world, world.payer);
          await pause(world, 63n);
          await expectBase(7n, 7n, 0n);
        });

        it("kills the payments below and leaves bitmap nonces", async () => {
          await skip(world, 10n);
          expect(await pay(9n)).to.deep.equal([
            ["RowSkipped", 0n, world.payer.address, toNonce(9n), reasonOf(world, "StablecoinAuthorizationUsed")],
          ]);
          expect((await pay(10n))[0]?.[0]).to.equal("AuthorizationUsed");
          expect((await pay(BigInt(WIDE_NONCE)))[0]?.[0]).to.equal("AuthorizationUsed");
        });
      });

      describe("emits", () => {
        it("NoncesSkipped with the base before and the base now", async () => {
          await pay(6n);
          const events = await eventsOf(world, skip(world, 6n));
          expect(events).to.deep.equal([["NoncesSkipped", world.payer.address, 0n, 7n]]);
        });
      });
    });
  }

  describe("signed", () => {
    async function submit(offset: bigint, signer = world.payer): Promise<ContractTransactionResponse> {
      const time = (await now(world)) + 10n;
      const message = { account: world.payer.address, newBase: 3n, deadline: time + offset };
      const signature = await sign(world, signer, "SkipNonces", message);
      await world.time.setNextBlockTimestamp(time);
      return world.coin.connect(world.relayer)[FORM.skipSigned](message.account, 3n, message.deadline, signature);
    }

    it("reverts with OrderExpired(t - 1, t) one second after the deadline", async () => {
      const time = (await now(world)) + 10n;
      await expect(submit(-1n))
        .to.be.revertedWithCustomError(world.coin, "OrderExpired")
        .withArgs(time - 1n, time);
    });

    it("works at the deadline itself", async () => {
      await submit(0n);
      expect((await world.coin.accountOf(world.payer)).nonceBase).to.equal(3n);
    });

    it("reverts with StablecoinSignatureInvalid(account) when somebody else signed", async () => {
      await expect(submit(60n, world.stranger))
        .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
        .withArgs(world.payer.address);
    });
  });

  describe("at the end of the lane", () => {
    it("the base stops at 2^40 - 64 and every nonce up to 2^40 - 1 is used once", async () => {
      await direct(world, LIMIT);
      for (let nonce = LIMIT; nonce < 2n ** 40n; nonce++) {
        expect((await pay(nonce))[0]?.[0], `${nonce}`).to.equal("AuthorizationUsed");
      }
      const { nonceBase, nonceWindow } = await world.coin.accountOf(world.payer);
      expect([nonceBase, nonceWindow]).to.deep.equal([MAX_BASE, 2n ** 64n - 1n]);
      for (const nonce of [LIMIT, MAX_BASE, 2n ** 40n - 1n]) {
        const reason = reasonOf(world, "StablecoinAuthorizationUsed");
        const skipped = ["RowSkipped", 0n, world.payer.address, toNonce(nonce), reason];
        expect(await pay(nonce)).to.deep.equal([skipped]);
      }
    });
  });
});
