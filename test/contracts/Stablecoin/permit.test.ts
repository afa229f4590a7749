/** EIP-2612 in both forms, for every kind of owner: an approval by signature, under a counter of its own. */
import { expect } from "chai";
import { type ContractTransactionResponse, type Signer, ZeroAddress } from "ethers";
import {
  changed,
  delegate,
  eventsOf,
  FORM,
  freeze,
  loadWorld,
  now,
  observe,
  PAUSE,
  pause,
  sign,
  toVrs,
  VALUE,
  WHOLE,
  type World,
} from "../../support/coin.ts";

interface Permit {
  owner: string;
  spender: string;
  value: bigint;
  nonce: bigint;
  deadline: bigint;
}

type Submit = (world: World, permit: Permit, signature: string) => Promise<ContractTransactionResponse>;

const FORMS: [string, Submit][] = [
  [
    "(v, r, s)",
    ({ coin, relayer }, { owner, spender, value, deadline }, signature) =>
      coin.connect(relayer)[FORM.permitVrs](owner, spender, value, deadline, ...toVrs(signature)),
  ],
  [
    "(bytes)",
    ({ coin, relayer }, { owner, spender, value, deadline }, signature) =>
      coin.connect(relayer)[FORM.permitBytes](owner, spender, value, deadline, signature),
  ],
];

const KINDS = [
  ["a plain account", "payer", async () => {}],
  ["a contract wallet", "wallet", async () => {}],
  ["a delegated account", "payer", (world: World) => delegate(world, world.payer.address, `${world.unflagged.target}`)],
] as const;

describe("Stablecoin.permit", () => {
  for (const [form, submit] of FORMS) {
    for (const [kind, account, prepare] of KINDS) {
      describe(`${form}, signed by ${kind}`, () => {
        let world: World;
        let owner: string;

        beforeEach(async () => {
          world = await loadWorld();
          await prepare(world);
          owner = await world[account].getAddress();
        });

        const create = (changes: Partial<Permit> = {}): Permit => {
          return { owner, spender: world.spender.address, value: VALUE, nonce: 0n, deadline: WHOLE, ...changes };
        };
        async function send(changes: Partial<Permit> = {}, signer: Signer = world.payer) {
          const permit = create(changes);
          return submit(world, permit, await sign(world, signer, "Permit", permit));
        }

        describe("requires", () => {
          it("reverts with StablecoinPaused(1) for 1 unit while transfers are paused", async () => {
            await pause(world, PAUSE.transfer);
            await expect(send({ value: 1n }))
              .to.be.revertedWithCustomError(world.coin, "StablecoinPaused")
              .withArgs(1n);
          });

          it("reverts with OrderExpired(t - 1, t) one second after the deadline", async () => {
            const time = (await now(world)) + 10n;
            await world.time.setNextBlockTimestamp(time);
            await expect(send({ deadline: time - 1n }))
              .to.be.revertedWithCustomError(world.coin, "OrderExpired")
              .withArgs(time - 1n, time);
          });

          for (const [field, other] of [
            ["spender", `0x${"77".repeat(20)}`],
            ["value", VALUE + 1n],
            ["nonce", 1n],
            ["deadline", WHOLE - 1n],
          ] as const) {
            it(`reverts with StablecoinSignatureInvalid(owner) when another ${field} was signed`, async () => {
              const signature = await sign(world, world.payer, "Permit", { ...create(), [field]: other });
              await expect(submit(world, create(), signature))
                .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
                .withArgs(owner);
            });
          }

          it("reverts with StablecoinSignatureInvalid(owner) when somebody else signed", async () => {
            await expect(send({}, world.stranger))
              .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
              .withArgs(owner);
          });

          it("reverts with StablecoinSignatureInvalid(owner) a second time", async () => {
            await send();
            await expect(send())
              .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
              .withArgs(owner);
          });

          it("reverts with ERC20InvalidSpender(0)", async () => {
            await expect(send({ spender: ZeroAddress }))
              .to.be.revertedWithCustomError(world.coin, "ERC20InvalidSpender")
              .withArgs(ZeroAddress);
          });
        });

        describe("ensures", () => {
          async function expectPermitted(changes: Partial<Permit>): Promise<void> {
            const before = await observe(world);
            const { value, nonce } = create(changes);
            await send(changes);
            const after = changed(before, (state) => {
              if (account === "payer") state.allowance = value;
              state.permits[account] = nonce + 1n;
            });
            expect(await observe(world)).to.deep.equal(after);
            expect(await world.coin.allowance(owner, world.spender)).to.equal(value);
          }

          it("sets the allowance and moves the counter of permits, not a nonce of payments", async () => {
            await expectPermitted({});
          });

          it("sets an allowance without limit", async () => expectPermitted({ value: WHOLE }));

          it("replaces an allowance under the next nonce", async () => {
            await expectPermitted({});
            await expectPermitted({ value: 4n, nonce: 1n });
          });

          it("is valid at the deadline itself", async () => {
            const time = (await now(world)) + 10n;
            await world.time.setNextBlockTimestamp(time);
            await send({ deadline: time });
            expect(await world.coin.nonces(owner)).to.equal(1n);
          });

          it("takes an allowance back while everything is paused and the owner is frozen", async () => {
            await send();
            await freeze(world, world[account]);
            await pause(world, 63n);
            await expectPermitted({ value: 0n, nonce: 1n });
          });

          it("goes on under all the other pause bits", async () => {
            await pause(world, 63n - PAUSE.transfer);
            await expectPermitted({});
          });

          it("lets the spender take what was allowed", async () => {
            await send();
            await world.coin.connect(world.spender).transferFrom(owner, world.payee, VALUE);
            expect(await world.coin.allowance(owner, world.spender)).to.equal(0n);
          });
        });

        describe("emits", () => {
          it("Approval", async () => {
            const events = await eventsOf(world, send({ value: 7n }));
            expect(events).to.deep.equal([["Approval", owner, world.spender.address, 7n]]);
          });
        });
      });
    }
  }

  it("reverts with StablecoinSignatureInvalid(0) when the owner is zero and nothing recovers", async () => {
    const world = await loadWorld();
    const junk = `0x${"01".repeat(64)}1d`;
    await expect(world.coin[FORM.permitBytes](ZeroAddress, world.spender, 1n, WHOLE, junk))
      .to.be.revertedWithCustomError(world.coin, "StablecoinSignatureInvalid")
      .withArgs(ZeroAddress);
  });
});

describe("Stablecoin.nonces", () => {
  it("counts the permits of each owner apart, and nothing else", async () => {
    const world = await loadWorld();
    const { coin, payee, payer, spender } = world;
    await coin.connect(payer).approve(spender, 1n);
    await coin.connect(payer)[FORM.skip](9n);
    expect(await coin.nonces(payer)).to.equal(0n);
    const permit = { owner: payee.address, spender: spender.address, value: 1n, nonce: 0n, deadline: WHOLE };
    const signature = await sign(world, payee, "Permit", permit);
    await coin[FORM.permitBytes](permit.owner, permit.spender, permit.value, permit.deadline, signature);
    expect([await coin.nonces(payer), await coin.nonces(payee)]).to.deep.equal([0n, 1n]);
  });
});
