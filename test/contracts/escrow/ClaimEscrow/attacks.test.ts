import { expect } from "chai";
import type { Signer, TypedDataField } from "ethers";
import { Signature, Wallet, ZeroAddress, ZeroHash, hexlify, id, randomBytes } from "ethers";
import type { ClaimEscrow, ClaimMockCoin, HostileCoin } from "../../../../types/ethers-contracts/index.js";
import type { Bend, ClaimWorld, ExitName, Terms } from "../../../support/claim.ts";
import {
  AUTHORIZATION,
  CLAIMED,
  CLAIM_TYPES,
  DAY,
  EXITS,
  EXIT_NAMES,
  FUNDS,
  LARGEST,
  LATER,
  RETURNS,
  STATE,
  claim,
  creditedFrom,
  deployClaim,
  deployHostile,
  deployRule,
  differing,
  exit,
  expectAllOrNothing,
  expectRefused,
  freeze,
  idOf,
  open,
  openedFrom,
  orderOf,
  paidFrom,
  readClaim,
  rolesOf,
  signOpen,
  signStep,
  waitFor,
} from "../../../support/claim.ts";
import { at, createLoader, domainOf, mirrored, now } from "../../../support/treasury.ts";

const load = await createLoader(deployClaim);
const loadHostile = await createLoader(deployHostile);
const loadRule = await createLoader(deployRule);

/** The attacks seen against comparable contracts, by their numbers in the list of docs/THREATS.md's tests. */
describe("ClaimEscrow attacks", () => {
  let w: ClaimWorld;

  beforeEach(async () => {
    w = await load();
  });

  /** The steps that a signature carries, with who signs them and how they are sent. */
  const signed: {
    type: "ClaimTo" | "AttestClaim" | "DeclineClaim" | "CancelClaim";
    signer: (of: ClaimWorld) => string;
    send: (signature: string, changes?: Record<string, unknown>, on?: ClaimEscrow) => Promise<unknown>;
  }[] = [
    {
      type: "ClaimTo",
      signer: ({ link }) => link.address,
      send: async (signature, changes = {}, on = w.escrow) => {
        const attestor = await signStep(w, "AttestClaim", { message: changes });
        return on.claim({ ...orderOf(w), ...changes }, signature, attestor);
      },
    },
    {
      type: "AttestClaim",
      signer: ({ attestor }) => attestor.address,
      send: async (signature, changes = {}, on = w.escrow) => {
        const link = await signStep(w, "ClaimTo", { message: changes });
        return on.claim({ ...orderOf(w), ...changes }, link, signature);
      },
    },
    {
      type: "DeclineClaim",
      signer: ({ link }) => link.address,
      send: (signature, changes = {}, on = w.escrow) =>
        on.decline((changes["id"] as string) ?? w.id, (changes["deadline"] as bigint) ?? LATER, signature),
    },
    {
      type: "CancelClaim",
      signer: ({ sender }) => sender.address,
      send: (signature, changes = {}, on = w.escrow) =>
        on.cancelBySig((changes["id"] as string) ?? w.id, (changes["deadline"] as bigint) ?? LATER, signature),
    },
  ];

  describe("attack 1: a hostile coin calls back into every function", () => {
    let hostile: ClaimWorld<HostileCoin>;
    const callbacks: [string, () => Promise<unknown[]>][] = [
      [
        "open",
        async () => {
          const terms = { ...hostile.terms, salt: ZeroHash };
          return [terms, await signOpen(hostile, { terms })];
        },
      ],
      [
        "claim",
        async () => [orderOf(hostile), await signStep(hostile, "ClaimTo"), await signStep(hostile, "AttestClaim")],
      ],
      ["decline", async () => [hostile.id, LATER, await signStep(hostile, "DeclineClaim")]],
      ["cancel", async () => [hostile.id]],
      ["cancelBySig", async () => [hostile.id, LATER, await signStep(hostile, "CancelClaim")]],
      ["reclaim", async () => [hostile.id]],
      ["withdrawCredit", async () => [await hostile.coin.getAddress(), hostile.sender.address, hostile.sender.address]],
    ];

    beforeEach(async () => {
      hostile = await loadHostile();
    });

    for (const [inner, args] of callbacks) {
      it(`attack 1: open answers ${inner} with EscrowReentered()`, async () => {
        const data = hostile.escrow.interface.encodeFunctionData(inner as "open", (await args()) as never);
        await hostile.coin.setCallback(hostile.escrow, data);
        const before = await readClaim(hostile);
        await open(hostile);
        expect(await hostile.coin.answer()).to.equal(hostile.escrow.interface.encodeErrorResult("EscrowReentered"));
        expect(await readClaim(hostile)).to.deep.equal(openedFrom(before, hostile.terms));
      });

      for (const outer of EXIT_NAMES) {
        it(`attack 1: ${outer} answers ${inner} with EscrowReentered()`, async () => {
          await open(hostile);
          const data = hostile.escrow.interface.encodeFunctionData(inner as "open", (await args()) as never);
          await hostile.coin.setCallback(hostile.escrow, data);
          const before = await readClaim(hostile);
          await exit(hostile, outer);
          expect(await hostile.coin.answer()).to.equal(hostile.escrow.interface.encodeErrorResult("EscrowReentered"));
          expect(await readClaim(hostile)).to.deep.equal(paidFrom(before, outer));
        });
      }

      it(`attack 1: withdrawCredit answers ${inner} with EscrowReentered()`, async () => {
        await open(hostile);
        await hostile.coin.setRefusing(true);
        await exit(hostile, "claim");
        await hostile.coin.setRefusing(false);
        const data = hostile.escrow.interface.encodeFunctionData(inner as "open", (await args()) as never);
        await hostile.coin.setCallback(hostile.escrow, data);
        await hostile.escrow.withdrawCredit(hostile.coin, hostile.sender, hostile.recipient);
        expect(await hostile.coin.answer()).to.equal(hostile.escrow.interface.encodeErrorResult("EscrowReentered"));
      });
    }

    it("attack 1: open reverts with EscrowReentered() when the coin passes the answer on", async () => {
      await hostile.coin.setCallback(
        hostile.escrow,
        hostile.escrow.interface.encodeFunctionData("reclaim", [hostile.id]),
      );
      await hostile.coin.setPassing(true);
      await expect(open(hostile)).to.be.revertedWithCustomError(hostile.escrow, "EscrowReentered").withArgs();
    });
  });

  describe("attack 2: each party frozen while the claim is open: the other is still paid", () => {
    for (const frozen of ["sender", "recipient", "link", "attestor"] as const) {
      for (const name of EXIT_NAMES) {
        it(`attack 2: ${name} pays with a frozen ${frozen}`, async () => {
          await open(w);
          await freeze(w.coin, w[frozen].address);
          const before = await readClaim(w);
          await exit(w, name);
          expect(await readClaim(w)).to.deep.equal(paidFrom(before, name));
        });
      }
    }

    it("attack 2: what a frozen recipient is paid stays frozen", async () => {
      await open(w);
      await freeze(w.coin, w.recipient.address);
      await exit(w, "claim");
      const sent = w.coin.connect(w.recipient).transfer(w.stranger, 1n);
      await expectRefused(sent, w.coin, "StablecoinFrozen", w.recipient.address);
    });
  });

  describe("attack 4: a payout that fails in silence", () => {
    for (const name of EXIT_NAMES) {
      it(`attack 4: ${name} reverts when the coin moves nothing and says nothing`, async () => {
        const hostile = await loadHostile();
        await open(hostile);
        await hostile.coin.setSkew(CLAIMED);
        const before = await readClaim(hostile);
        await expectRefused(
          exit(hostile, name),
          hostile.escrow,
          "EscrowBalanceMismatch",
          await hostile.coin.getAddress(),
          0n,
          CLAIMED,
        );
        expect(await readClaim(hostile)).to.deep.equal(before);
      });

      it(`attack 4: ${name} turns a refusal into a credit of the same amount [ESCROW-3]`, async () => {
        const hostile = await loadHostile();
        await open(hostile);
        await hostile.coin.setRefusing(true);
        const before = await readClaim(hostile);
        await exit(hostile, name);
        expect(await readClaim(hostile)).to.deep.equal(creditedFrom(before, name));
      });
    }
  });

  describe("attack 5: a coin that takes a fee on the way is refused", () => {
    for (const skew of [-1n, 1n]) {
      it(`attack 5: open reverts with EscrowBalanceMismatch(coin, amount, amount + ${skew})`, async () => {
        const hostile = await loadHostile();
        await hostile.coin.setSkew(skew);
        await expectRefused(
          open(hostile),
          hostile.escrow,
          "EscrowBalanceMismatch",
          await hostile.coin.getAddress(),
          CLAIMED,
          CLAIMED + skew,
        );
        expect(await hostile.escrow.stateOf(hostile.id)).to.equal(STATE.none);
      });
    }

    it("attack 5: a payout with a fee reverts with EscrowBalanceMismatch(coin, amount, amount - 1)", async () => {
      const hostile = await loadHostile();
      await open(hostile);
      await open(hostile, { ...hostile.terms, salt: ZeroHash });
      await hostile.coin.setSkew(-1n);
      await expectRefused(
        exit(hostile, "claim"),
        hostile.escrow,
        "EscrowBalanceMismatch",
        await hostile.coin.getAddress(),
        CLAIMED,
        CLAIMED - 1n,
      );
    });
  });

  describe("attack 7: zero amounts", () => {
    it("attack 7: open reverts with EscrowAmountOutOfBounds(0, 2^63 - 1)", async () => {
      await expectRefused(open(w, { ...w.terms, amount: 0n }), w.escrow, "EscrowAmountOutOfBounds", 0n, LARGEST);
    });

    it("attack 7: withdrawCredit of nothing reverts with EscrowNoCredit(coin, sender, recipient)", async () => {
      await open(w);
      const sent = w.escrow.withdrawCredit(w.coin, w.sender, w.recipient);
      const args = [await w.coin.getAddress(), w.sender.address, w.recipient.address];
      await expectRefused(sent, w.escrow, "EscrowNoCredit", ...args);
    });
  });

  describe("attack 8: unbounded bytes and endless signers cannot grief whoever pays for the gas", () => {
    const lengthy = hexlify(randomBytes(20_000));

    it("attack 8: 20,000 bytes in the place of a signature are refused unread", async () => {
      await open(w);
      for (const { send, signer } of signed) {
        await waitFor(w, "cancel");
        await expectRefused(send(lengthy), w.escrow, "ClaimSignatureInvalid", signer(w));
      }
    });

    it("attack 8: where nobody attests, 20,000 bytes in the attestor's place cost their own data alone", async () => {
      const terms = { ...w.terms, attestor: ZeroAddress };
      w = { ...w, terms, id: await idOf(w.escrow, terms) };
      await open(w);
      const link = await signStep(w, "ClaimTo");
      const short = await w.escrow.claim.estimateGas(orderOf(w), link, "0x");
      const long = await w.escrow.claim.estimateGas(orderOf(w), link, lengthy);
      expect(long - short).to.be.lessThan(40n * 20_000n + 1_000n);
    });

    for (const [answer, name] of [
      [6, "answers with a bomb"],
      [8, "burns all its gas"],
    ] as const) {
      it(`attack 8: a contract key that ${name} is refused within its allowance`, async () => {
        const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.link.address]);
        await wallet.getFunction("setAnswer")(answer);
        const terms = { ...w.terms, linkKey: await wallet.getAddress() };
        w = { ...w, terms, id: await idOf(w.escrow, terms) };
        await open(w);
        const sent = w.escrow.claim(orderOf(w), await signStep(w, "ClaimTo"), "0x", { gasLimit: 600_000n });
        await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", terms.linkKey);
        const transaction = await w.connection.ethers.provider.getBlock("latest", true);
        const receipt = await w.connection.ethers.provider.getTransactionReceipt(transaction!.transactions[0]!);
        expect(receipt!.gasUsed).to.be.lessThan(250_000n);
        await exit(w, "reclaim");
        expect(await w.coin.balanceOf(w.sender)).to.equal(FUNDS);
      });
    }
  });

  describe("attack 9: a claim copied from the mempool", () => {
    it("attack 9: the same order sent by a stranger pays the recipient it names", async () => {
      await open(w);
      const before = await readClaim(w);
      await claim(w, { caller: w.stranger });
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "claim"));
    });

    it("attack 9: the copied signatures pay nobody else: ClaimSignatureInvalid(linkKey)", async () => {
      await open(w);
      const [link, attestor] = [await signStep(w, "ClaimTo"), await signStep(w, "AttestClaim")];
      const stolen = orderOf(w, { recipient: w.stranger.address });
      const sent = w.escrow.connect(w.stranger).claim(stolen, link, attestor);
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.link.address);
    });

    it("attack 9: a copied opening opens the sender's own claim and no other", async () => {
      const before = await readClaim(w);
      await w.escrow.connect(w.stranger).open(w.terms, await signOpen(w));
      expect(await readClaim(w)).to.deep.equal(openedFrom(before, w.terms));
    });
  });

  describe("attack 10: reuse of a key, a salt or an id; squatting", () => {
    for (const name of EXIT_NAMES) {
      it(`attack 10: after ${name} the same terms and signature open nothing [CLAIM-1]`, async () => {
        await open(w);
        await exit(w, name);
        const before = await readClaim(w);
        const sent = open(w);
        if (name === "reclaim") {
          const args = [w.terms.expiry, (time: bigint) => time > w.terms.expiry];
          await expectRefused(sent, w.escrow, "ClaimDeadlinePassed", ...args);
        } else {
          await expectRefused(sent, w.escrow, "ClaimStateInvalid", w.id, STATE[EXITS[name]]);
        }
        expect(await readClaim(w)).to.deep.equal(before);
      });

      it(`attack 10: after ${name} no other way out is left [CLAIM-2]`, async () => {
        await open(w);
        await exit(w, name);
        const before = await readClaim(w);
        for (const other of EXIT_NAMES) {
          await expectRefused(exit(w, other), w.escrow, "ClaimStateInvalid", w.id, STATE[EXITS[name]]);
        }
        expect(await readClaim(w)).to.deep.equal(before);
      });
    }

    it("attack 10: an order for one claim of a link's key says nothing about another of the same key", async () => {
      const twin = { ...w.terms, salt: ZeroHash };
      await open(w);
      await open(w, twin);
      const order = orderOf(w, { id: await idOf(w.escrow, twin) });
      const sent = w.escrow.claim(order, await signStep(w, "ClaimTo"), await signStep(w, "AttestClaim"));
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.link.address);
    });

    it("attack 10: nobody but the sender can take an id: StablecoinSignatureInvalid(sender)", async () => {
      const sent = w.escrow.connect(w.stranger).open(w.terms, await signOpen(w, { key: w.stranger }));
      await expectRefused(sent, w.coin, "StablecoinSignatureInvalid", w.sender.address);
      await open(w);
      expect(await w.escrow.stateOf(w.id)).to.equal(STATE.open);
    });
  });

  describe("attack 11: every term changed one by one after signing", () => {
    const mutate = (members: readonly TypedDataField[], of: Record<string, unknown>) =>
      members.map(({ name, type }) => [name, differing(type, of[name])] as const);

    for (const { name, type } of CLAIM_TYPES.Claim) {
      it(`attack 11: open reverts when ${name} changed`, async () => {
        const value = w.terms[name as keyof Terms];
        const terms = { ...w.terms, [name]: differing(type, value) } as Terms;
        const before = await readClaim(w);
        const sent = w.escrow.open(terms, await signOpen(w));
        if (name === "coin") await expectRefused(sent, w.escrow, "EscrowCoinUnknown", terms.coin);
        else await expectRefused(sent, w.coin, "StablecoinSignatureInvalid", terms.sender);
        expect(await readClaim(w)).to.deep.equal(before);
      });
    }

    for (const { name, type } of AUTHORIZATION) {
      it(`attack 11: open reverts when the coin's authorization was over another ${name}`, async () => {
        const of: Record<string, unknown> = {
          from: w.terms.sender,
          to: await w.escrow.getAddress(),
          value: w.terms.amount,
          validAfter: 0n,
          validBefore: w.terms.expiry,
          nonce: w.id,
        };
        const changed = { [name]: differing(type, of[name]) };
        const sent = w.escrow.open(w.terms, await signOpen(w, { changed }));
        await expectRefused(sent, w.coin, "StablecoinSignatureInvalid", w.terms.sender);
      });
    }

    for (const { type, signer, send } of signed) {
      for (const [index, { name }] of CLAIM_TYPES[type].entries()) {
        it(`attack 11: ${type} reverts when ${name} changed`, async () => {
          await open(w);
          await waitFor(w, "cancel");
          const [, changed] = mutate(CLAIM_TYPES[type], { ...orderOf(w) })[index]!;
          const before = await readClaim(w);
          const sent = send(await signStep(w, type), { [name]: changed });
          if (name === "id") await expectRefused(sent, w.escrow, "ClaimStateInvalid", changed, STATE.none);
          else await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", signer(w));
          expect(await readClaim(w)).to.deep.equal(before);
        });
      }

      it(`attack 11: ${type} reverts when it names another claim that is open`, async () => {
        const twin = { ...w.terms, salt: ZeroHash };
        await open(w);
        await open(w, twin);
        await waitFor(w, "cancel");
        const sent = send(await signStep(w, type), { id: await idOf(w.escrow, twin) });
        await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", signer(w));
      });
    }
  });

  describe("attack 12: coins sent into the escrow past its terms are refused", () => {
    it("attack 12: a transfer reverts with StablecoinEscrowRefusesCredit(escrow)", async () => {
      const sent = w.coin.connect(w.sender).transfer(w.escrow, CLAIMED);
      await expectRefused(sent, w.coin, "StablecoinEscrowRefusesCredit", await w.escrow.getAddress());
    });

    it("attack 12: a plain signed transfer reverts with StablecoinEscrowRefusesCredit(escrow)", async () => {
      const escrow = await w.escrow.getAddress();
      const message = {
        from: w.sender.address,
        to: escrow,
        value: CLAIMED,
        validAfter: 0n,
        validBefore: LATER,
        nonce: w.id,
      };
      const domain = await domainOf(w.coin, "Remesa Dollar");
      const signature = await w.sender.signTypedData(domain, { TransferWithAuthorization: AUTHORIZATION }, message);
      const transfer = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)";
      const sent = w.coin.getFunction(transfer)(...Object.values(message), signature);
      await expectRefused(sent, w.coin, "StablecoinEscrowRefusesCredit", escrow);
    });

    it("attack 12: the authorization of an opening moves nothing outside: StablecoinCallerNotPayee", async () => {
      const escrow = await w.escrow.getAddress();
      const receive = "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)";
      const sent = w.coin.connect(w.stranger).getFunction(receive)(
        w.sender,
        escrow,
        CLAIMED,
        0n,
        w.terms.expiry,
        w.id,
        await signOpen(w),
      );
      await expectRefused(sent, w.coin, "StablecoinCallerNotPayee", w.stranger.address, escrow);
    });
  });

  describe("attack 13: at each moment exactly one side may act [CLAIM-5]", () => {
    for (const offset of [-1n, 0n, 1n]) {
      for (const name of RETURNS.filter((other) => other !== "reclaim").concat("claim")) {
        it(`attack 13: at expiry + ${offset} either ${name} or reclaim acts, never both`, async () => {
          await open(w);
          const { expiry } = w.terms;
          const time = expiry + offset;
          const tries = async (step: ExitName) => {
            const snapshot = await w.connection.networkHelpers.takeSnapshot();
            await at(w.connection, time);
            const sent = exit(w, step, { wait: false });
            if ((step === "reclaim") === offset >= 0n) await sent;
            else if (step === "reclaim") {
              await expectRefused(sent, w.escrow, "ClaimDeadlineNotReached", expiry, time);
            } else await expectRefused(sent, w.escrow, "ClaimDeadlinePassed", expiry, time);
            const state = await w.escrow.stateOf(w.id);
            await snapshot.restore();
            return state !== STATE.open;
          };
          expect([await tries(name), await tries("reclaim")].filter(Boolean).length).to.equal(1);
        });
      }

      for (const name of ["cancel", "cancelBySig"] as const) {
        it(`attack 13: at cancelFrom + ${offset} ${name} ${offset < 0n ? "is too early" : "acts"}`, async () => {
          await open(w);
          const { cancelFrom } = w.terms;
          await at(w.connection, cancelFrom + offset);
          const sent = exit(w, name, { wait: false });
          if (offset >= 0n) await sent;
          else await expectRefused(sent, w.escrow, "ClaimDeadlineNotReached", cancelFrom, cancelFrom + offset);
        });
      }

      it(`attack 13: at expiry + ${offset} open ${offset < 0n ? "acts" : "is too late"}`, async () => {
        const { expiry } = w.terms;
        await at(w.connection, expiry + offset);
        const sent = open(w);
        if (offset < 0n) await sent;
        else await expectRefused(sent, w.escrow, "ClaimDeadlinePassed", expiry, expiry + offset);
      });

      for (const { type, send } of signed) {
        it(`attack 13: at its own deadline + ${offset} ${type} ${offset > 0n ? "is too late" : "acts"}`, async () => {
          await open(w);
          const deadline = w.terms.cancelFrom + DAY;
          const signature = await signStep(w, type, { message: { deadline } });
          await at(w.connection, deadline + offset);
          const sent = send(signature, { deadline });
          if (offset <= 0n) await sent;
          else await expectRefused(sent, w.escrow, "ClaimOrderExpired", deadline, deadline + offset);
        });
      }
    }
  });

  describe("attack 14: times left unset", () => {
    it("attack 14: an expiry of 0 reverts with ClaimDeadlinePassed(0, now)", async () => {
      const time = (await now(w.connection)) + 10n;
      await at(w.connection, time);
      const sent = open(w, { ...w.terms, cancelFrom: 0n, expiry: 0n });
      await expectRefused(sent, w.escrow, "ClaimDeadlinePassed", 0n, time);
    });

    it("attack 14: a cancelFrom of 0 lets the sender, and nobody else, cancel at once", async () => {
      const terms = { ...w.terms, cancelFrom: 0n };
      w = { ...w, terms, id: await idOf(w.escrow, terms) };
      await open(w);
      const stolen = w.escrow.connect(w.stranger).cancel(w.id);
      await expectRefused(stolen, w.escrow, "ClaimSenderOnly", w.stranger.address, w.sender.address);
      await w.escrow.connect(w.sender).cancel(w.id);
      expect(await w.coin.balanceOf(w.sender)).to.equal(FUNDS);
    });

    it("attack 14: an order's deadline of 0 reverts with ClaimOrderExpired(0, now)", async () => {
      await open(w);
      for (const { type, send } of signed) {
        const signature = await signStep(w, type, { message: { deadline: 0n } });
        const time = (await now(w.connection)) + 10n;
        await at(w.connection, time);
        await expectRefused(send(signature, { deadline: 0n }), w.escrow, "ClaimOrderExpired", 0n, time);
      }
    });

    it("attack 14: an unknown id is open to nobody: ClaimStateInvalid(id, 0)", async () => {
      for (const name of EXIT_NAMES) {
        await expectRefused(exit(w, name), w.escrow, "ClaimStateInvalid", w.id, STATE.none);
      }
    });

    it("attack 14: a time that does not fit its place in storage reverts with ClaimExpiryTooFar", async () => {
      const time = (await now(w.connection)) + 10n;
      await at(w.connection, time);
      const expiry = 2n ** 40n + w.terms.expiry;
      const sent = open(w, { ...w.terms, expiry });
      await expectRefused(sent, w.escrow, "ClaimExpiryTooFar", expiry, time + 180n * DAY);
    });
  });

  describe("attack 15: the operator, the link's key and the attestor are gone", () => {
    it("attack 15: a random address ends the claim from expiry on and the sender is paid [CLAIM-6]", async () => {
      await open(w);
      const before = await readClaim(w);
      await at(w.connection, w.terms.expiry);
      const nobody = Wallet.createRandom().connect(w.connection.ethers.provider);
      await w.stranger.sendTransaction({ to: nobody, value: 10n ** 18n });
      await w.escrow.connect(nobody).reclaim(w.id);
      expect(await readClaim(w)).to.deep.equal(paidFrom(before, "reclaim"));
      expect(await w.escrow.held(w.coin)).to.equal(0n);
    });

    it("attack 15: with the attestor gone the sender cancels and the link's key declines", async () => {
      for (const name of ["cancelBySig", "decline"] as const) {
        w = await load();
        await open(w);
        const before = await readClaim(w);
        await exit(w, name);
        expect(await readClaim(w)).to.deep.equal(paidFrom(before, name));
      }
    });
  });

  describe("attack 16: whoever runs the links is compromised", () => {
    it("attack 16: the attestor alone pays nobody: ClaimSignatureInvalid(linkKey)", async () => {
      await open(w);
      const order = orderOf(w, { recipient: w.attestor.address });
      const mine = (type: "ClaimTo" | "AttestClaim") => signStep(w, type, { key: w.attestor, message: { ...order } });
      const sent = w.escrow.connect(w.attestor).claim(order, await mine("ClaimTo"), await mine("AttestClaim"));
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.link.address);
    });

    it("attack 16: a leaked link's key alone pays nobody where an attestor is named", async () => {
      await open(w);
      const order = orderOf(w, { recipient: w.stranger.address });
      const leaked = (type: "ClaimTo" | "AttestClaim") => signStep(w, type, { key: w.link, message: { ...order } });
      const sent = w.escrow.connect(w.stranger).claim(order, await leaked("ClaimTo"), await leaked("AttestClaim"));
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", w.attestor.address);
    });

    it("attack 16: no function asks for a role, and the administrator's calls are a stranger's", async () => {
      await open(w);
      expect(w.escrow.interface.getFunction("authority" as "coins")).to.equal(null);
      const sent = w.escrow.connect(w.admin).cancel(w.id);
      await expectRefused(sent, w.escrow, "ClaimSenderOnly", w.admin.address, w.sender.address);
    });
  });

  describe("attack 18: replay across chain, contract and wallet", () => {
    for (const { type, signer, send } of signed) {
      const bends: [string, () => Promise<Bend>][] = [
        ["chain", async () => ({ domain: { chainId: 1n } })],
        ["contract", async () => ({ domain: { verifyingContract: await w.coin.getAddress() } })],
        ["name", async () => ({ domain: { name: "Remesa Dollar" } })],
        ["version", async () => ({ domain: { version: "2" } })],
      ];
      for (const [title, bend] of bends) {
        it(`attack 18: ${type} for another ${title} reverts`, async () => {
          await open(w);
          await waitFor(w, "cancel");
          const sent = send(await signStep(w, type, await bend()));
          await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", signer(w));
        });
      }
    }

    for (const domain of [{ chainId: 1n }, { name: "Remesa Quetzal" }]) {
      it(`attack 18: an opening signed for another ${Object.keys(domain)[0]} reverts`, async () => {
        const sent = w.escrow.open(w.terms, await signOpen(w, { domain }));
        await expectRefused(sent, w.coin, "StablecoinSignatureInvalid", w.sender.address);
      });
    }

    it("attack 18: the same terms and signatures mean nothing to a second claim escrow", async () => {
      const other = (await w.connection.ethers.deployContract("ClaimEscrow", [[w.coin]])) as unknown as ClaimEscrow;
      await w.coin.flagEscrow(other);
      const sent = other.open(w.terms, await signOpen(w));
      await expectRefused(sent, w.coin, "StablecoinSignatureInvalid", w.sender.address);
      expect(await other.idOf(w.terms)).to.not.equal(w.id);
    });

    it("attack 18: a wallet's signature is no other wallet's of the same owner", async () => {
      const deploy = async () =>
        (await w.connection.ethers.deployContract("CoinMockWallet", [w.link.address])).getAddress();
      const claims: ClaimWorld[] = [];
      for (const linkKey of [await deploy(), await deploy()]) {
        const terms = { ...w.terms, linkKey, attestor: ZeroAddress };
        const one = { ...w, terms, id: await idOf(w.escrow, terms) };
        await open(one);
        claims.push(one);
      }
      const [first, second] = claims as [ClaimWorld, ClaimWorld];
      const sent = w.escrow.claim(orderOf(second), await signStep(first, "ClaimTo"), "0x");
      await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", second.terms.linkKey);
      await w.escrow.claim(orderOf(first), await signStep(first, "ClaimTo"), "0x");
      expect(await w.escrow.stateOf(second.id)).to.equal(STATE.open);
    });
  });

  describe("attack 19: malleable, compact, foreign and empty signatures; the zero signer", () => {
    const forgeries: [string, (signature: string) => string][] = [
      ["mirrored", mirrored],
      ["in compact form", (signature) => Signature.from(signature).compactSerialized],
      ["with a v of 0", (signature) => `${signature.slice(0, -2)}00`],
      ["all zeros", () => `0x${"00".repeat(65)}`],
      ["one byte too long", (signature) => `${signature}00`],
      ["empty", () => "0x"],
    ];
    for (const [title, forge] of forgeries) {
      for (const { type, signer, send } of signed) {
        it(`attack 19: ${type} with a signature that is ${title} reverts`, async () => {
          await open(w);
          await waitFor(w, "cancel");
          const sent = send(forge(await signStep(w, type)));
          await expectRefused(sent, w.escrow, "ClaimSignatureInvalid", signer(w));
        });
      }

      it(`attack 19: open with a signature that is ${title} reverts`, async () => {
        const sent = w.escrow.open(w.terms, forge(await signOpen(w)));
        await expectRefused(sent, w.coin, "StablecoinSignatureInvalid", w.sender.address);
      });
    }

    it("attack 19: terms whose link key is zero, which any broken signature would match, cannot be opened", async () => {
      const sent = open(w, { ...w.terms, linkKey: ZeroAddress });
      await expect(sent).to.be.revertedWithCustomError(w.escrow, "ClaimLinkKeyMissing").withArgs();
    });

    it("attack 19: an unknown id has no signer to forge: ClaimStateInvalid(0, 0)", async () => {
      const sent = w.escrow.decline(ZeroHash, LATER, `0x${"00".repeat(65)}`);
      await expectRefused(sent, w.escrow, "ClaimStateInvalid", ZeroHash, STATE.none);
    });
  });

  describe("attack 25: starved gas is never a credit", () => {
    for (const name of EXIT_NAMES) {
      it(`attack 25: ${name} does all or nothing under every gas limit [ESCROW-4]`, async function () {
        this.timeout(120_000);
        await open(w);
        await waitFor(w, name);
        await w.connection.networkHelpers.mine();
        const before = await readClaim(w);
        await expectAllOrNothing(w.connection, {
          send: (gasLimit) => exit(w, name, { wait: false, options: { gasLimit } }),
          read: () => readClaim(w),
          all: paidFrom(before, name),
        });
      });
    }
  });

  describe("attack 30: the zero address in every place", () => {
    const places: [keyof Terms, (sent: Promise<unknown>) => Promise<void>][] = [
      ["coin", (sent) => expectRefused(sent, w.escrow, "EscrowCoinUnknown", ZeroAddress)],
      ["sender", (sent) => expectRefused(sent, w.coin, "StablecoinSignatureInvalid", ZeroAddress)],
    ];
    for (const [name, refused] of places) {
      it(`attack 30: open with the zero address as ${name} reverts`, async () => {
        await refused(w.escrow.open({ ...w.terms, [name]: ZeroAddress }, await signOpen(w)));
      });
    }

    it("attack 30: claim to the zero address reverts with ClaimRecipientInvalid(0)", async () => {
      await open(w);
      const sent = claim(w, { changes: { recipient: ZeroAddress } });
      await expectRefused(sent, w.escrow, "ClaimRecipientInvalid", ZeroAddress);
    });

    it("attack 30: the zero address among the coins reverts with EscrowCoinInvalid(0)", async () => {
      const sent = w.connection.ethers.deployContract("ClaimEscrow", [[w.coin, ZeroAddress]]);
      await expectRefused(sent, w.escrow, "EscrowCoinInvalid", ZeroAddress);
    });
  });

  describe("attack 31: the travel rule is not dodged through a claim", () => {
    let rule: ClaimWorld<ClaimMockCoin>;

    beforeEach(async () => {
      rule = await loadRule();
      await rule.coin.refuse(rule.sender, rule.recipient, true);
    });

    it("attack 31: the rule is asked with the sender as payer, and its refusal leads to a credit", async () => {
      await open(rule);
      const before = await readClaim(rule);
      await claim(rule);
      expect(await readClaim(rule)).to.deep.equal(creditedFrom(before, "claim"));
    });

    it("attack 31: the credit stays until the rule is met, and then goes to its party alone [ESCROW-2]", async () => {
      await open(rule);
      await claim(rule);
      const withdraw = () => rule.escrow.connect(rule.stranger).withdrawCredit(rule.coin, rule.sender, rule.recipient);
      const args = [rule.sender.address, rule.recipient.address, CLAIMED];
      await expectRefused(withdraw(), rule.coin, "ClaimMockCoinRefused", ...args);
      await rule.coin.refuse(rule.sender, rule.recipient, false);
      await withdraw();
      expect(await rule.coin.balanceOf(rule.recipient)).to.equal(CLAIMED);
    });

    it("attack 31: a split into two claims is refused twice, and both credits add up", async () => {
      const twin = { ...rule.terms, salt: ZeroHash };
      await open(rule);
      await open(rule, twin);
      const before = await readClaim(rule);
      await claim(rule);
      await claim({ ...rule, terms: twin, id: await idOf(rule.escrow, twin) });
      expect(await readClaim(rule)).to.deep.equal({
        ...before,
        state: STATE.claimed,
        creditOfRecipient: 2n * CLAIMED,
      });
    });

    it("attack 31: another payer's credit does not carry a refused payer's coins", async () => {
      await open(rule);
      await claim(rule);
      const payer = rule.stranger as Signer & { address: string };
      const sent = rule.escrow.withdrawCredit(rule.coin, payer.address, rule.recipient);
      const coin = await rule.coin.getAddress();
      await expectRefused(sent, rule.escrow, "EscrowNoCredit", coin, payer.address, rule.recipient.address);
    });

    it("attack 31: a return to the sender is not a payment between families", async () => {
      for (const name of RETURNS) {
        rule = await loadRule();
        await rule.coin.refuse(rule.sender, rule.recipient, true);
        await open(rule);
        const before = await readClaim(rule);
        await exit(rule, name);
        expect(await readClaim(rule)).to.deep.equal(paidFrom(before, name));
      }
    });
  });

  it("a way out is announced with its actor and its party, whichever it is", async () => {
    for (const name of EXIT_NAMES) {
      w = await load();
      await open(w);
      const { actor, party, to } = rolesOf(w, name);
      await expect(exit(w, name))
        .to.emit(w.escrow, "ClaimMoved")
        .withArgs(w.id, actor, STATE.open, STATE[to], CLAIMED, party);
    }
  });
});
