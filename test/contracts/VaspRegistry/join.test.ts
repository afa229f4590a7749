import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import type { Bend, Joining, VaspWorld } from "../../support/vasp.ts";
import {
  ALPHA,
  BETA,
  FAR,
  JOIN_ID,
  UNKNOWN,
  VASP_TYPES,
  deployVasps,
  itRequiresSignatureOf,
  join,
  readVasps,
  signVasp,
  suspend,
  toJoining,
} from "../../support/vasp.ts";
import { at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry.join", () => {
  let w: VaspWorld;
  /** Signs terms as told and submits them; the other signature is always right for what is submitted. */
  const send = async (bent: "account" | "key", { key, changed, domain, forge }: Bend) => {
    const signed = toJoining(w);
    const terms = toJoining(w, changed as Partial<Joining>);
    const account = terms.account === w.stranger.address ? w.stranger : w.holder;
    const sign = async (party: "account" | "key") => {
      const right = party === "account" ? account : w.key;
      if (party !== bent) return signVasp(w, right, "JoinVasp", terms);
      const plain = await signVasp(w, key ?? (party === "account" ? w.holder : w.key), "JoinVasp", signed, domain);
      return forge === undefined ? plain : forge(plain);
    };
    return w.registry.connect(w.relayer).join(terms, await sign("account"), w.key, await sign("key"));
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("requires", () => {
    for (const [title, offset] of [
      ["acts one second before its deadline", -1n],
      ["acts at its deadline", 0n],
    ] as const) {
      it(title, async () => {
        const deadline = (await now(w.connection)) + 100n;
        await at(w.connection, deadline + offset);
        await join(w, { deadline });
        expect(await w.registry.vaspOf(w.holder)).to.equal(ALPHA);
      });
    }

    it("reverts with OrderExpired(d, d + 1)", async () => {
      const deadline = (await now(w.connection)) + 100n;
      await at(w.connection, deadline + 1n);
      await expect(join(w, { deadline }))
        .to.be.revertedWithCustomError(w.registry, "OrderExpired")
        .withArgs(deadline, deadline + 1n);
    });

    for (const vasp of [0n, UNKNOWN, 2n ** 16n + ALPHA]) {
      it(`reverts with VaspUnknown(${vasp})`, async () => {
        await expect(join(w, { vasp })).to.be.revertedWithCustomError(w.registry, "VaspUnknown").withArgs(vasp);
      });
    }

    it("reverts with VaspSuspended(1) [VASP-7]", async () => {
      await suspend(w, ALPHA);
      await expect(join(w)).to.be.revertedWithCustomError(w.registry, "VaspSuspended").withArgs(ALPHA);
    });

    it("reverts with VaspAccountInvalid(0)", async () => {
      await expect(join(w, { account: ZeroAddress }))
        .to.be.revertedWithCustomError(w.registry, "VaspAccountInvalid")
        .withArgs(ZeroAddress);
    });

    for (const [title, account] of [
      ["the first coin", (v: VaspWorld) => v.coin.getAddress()],
      ["the second coin", (v: VaspWorld) => v.front.getAddress()],
      ["an escrow of the second, real coin", (v: VaspWorld) => v.escrow.getAddress()],
      ["the treasury of the second, real coin", async (v: VaspWorld) => v.treasury.address],
    ] as const) {
      it(`reverts with VaspAccountInvalid(account) for ${title}`, async () => {
        const address = await account(w);
        await expect(join(w, { account: address }))
          .to.be.revertedWithCustomError(w.registry, "VaspAccountInvalid")
          .withArgs(address);
      });
    }

    it("reverts with VaspAccountInvalid(holder) for an escrow of the first coin", async () => {
      await w.coin.setEscrow(w.holder, true);
      await expect(join(w)).to.be.revertedWithCustomError(w.registry, "VaspAccountInvalid").withArgs(w.holder.address);
    });

    it("reverts with VaspAccountInvalid(holder) for the treasury of the first coin", async () => {
      await w.coin.setTreasury(w.holder);
      await expect(join(w)).to.be.revertedWithCustomError(w.registry, "VaspAccountInvalid").withArgs(w.holder.address);
    });

    it("reverts with VaspAlreadyMember(payee, 1) for a member of the same family [VASP-2]", async () => {
      await expect(join(w, { account: w.payee.address }, { account: w.payee }))
        .to.be.revertedWithCustomError(w.registry, "VaspAlreadyMember")
        .withArgs(w.payee.address, ALPHA);
    });

    it("reverts with VaspAlreadyMember(payer, 2) for a member of another family [VASP-2]", async () => {
      await expect(join(w, { account: w.payer.address }, { account: w.payer }))
        .to.be.revertedWithCustomError(w.registry, "VaspAlreadyMember")
        .withArgs(w.payer.address, BETA);
    });

    it("reverts with VaspConsentUsed(holder, joinId) for an id used before [VASP-3]", async () => {
      await join(w);
      await w.registry.connect(w.holder).announceLeave();
      await w.connection.networkHelpers.time.increase(86_400);
      await w.registry.completeLeave(w.holder);
      await expect(join(w))
        .to.be.revertedWithCustomError(w.registry, "VaspConsentUsed")
        .withArgs(w.holder.address, JOIN_ID);
    });

    it("reverts with VaspConsentUsed(holder, 0) for the id zero [VASP-3]", async () => {
      await expect(join(w, { joinId: ZeroHash }))
        .to.be.revertedWithCustomError(w.registry, "VaspConsentUsed")
        .withArgs(w.holder.address, ZeroHash);
    });

    it("accepts another account's id of the same value", async () => {
      await join(w);
      await join(w, { account: w.stranger.address }, { account: w.stranger });
      expect(await w.registry.vaspOf(w.stranger)).to.equal(ALPHA);
    });

    for (const [title, key] of [
      ["another family", "otherKey"],
      ["nobody", "stranger"],
    ] as const) {
      it(`reverts with VaspKeyInvalid(1, key, now) for a key of ${title} [VASP-7]`, async () => {
        const time = (await now(w.connection)) + 100n;
        await at(w.connection, time);
        await expect(join(w, {}, { key: w[key] }))
          .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
          .withArgs(ALPHA, w[key].address, time);
      });
    }

    for (const [title, edge, offset, valid] of [
      ["a second before the term of its key", "from", -1n, false],
      ["at the first second of the term of its key", "from", 0n, true],
      ["at the last second of the term of its key", "until", -1n, true],
      ["at the end of the term of its key", "until", 0n, false],
    ] as const) {
      it(`${valid ? "acts" : "reverts with VaspKeyInvalid(1, nextKey, now)"} ${title} [VASP-7]`, async () => {
        const from = (await now(w.connection)) + 1_000n;
        const until = from + 1_000n;
        await w.registry.connect(w.operator).setComplianceKey(ALPHA, w.nextKey, from, until);
        const time = (edge === "from" ? from : until) + offset;
        await at(w.connection, time);
        if (valid) {
          await join(w, {}, { key: w.nextKey });
          expect(await w.registry.vaspOf(w.holder)).to.equal(ALPHA);
        } else {
          await expect(join(w, {}, { key: w.nextKey }))
            .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
            .withArgs(ALPHA, w.nextKey.address, time);
        }
      });
    }

    itRequiresSignatureOf("account", {
      world: () => w,
      members: VASP_TYPES.JoinVasp,
      signer: ({ holder }) => holder,
      send: (bend) => send("account", bend),
      other: ({ stranger }) => stranger,
      signs: true,
      prepare: () => w.registry.connect(w.otherOperator).setComplianceKey(BETA, w.key, w.keyFrom, w.keyUntil),
    });

    itRequiresSignatureOf("key", {
      world: () => w,
      members: VASP_TYPES.JoinVasp,
      signer: ({ key }) => key,
      send: (bend) => send("key", bend),
      other: ({ stranger }) => stranger,
      prepare: () => w.registry.connect(w.otherOperator).setComplianceKey(BETA, w.key, w.keyFrom, w.keyUntil),
    });
  });

  describe("ensures", () => {
    it("the account belongs to the family here and in both coins, the id is used, nothing else changes [VASP-2]", async () => {
      const before = await readVasps(w);
      await join(w);
      expect(await readVasps(w)).to.deep.equal({
        ...before,
        family: { ...before.family, holder: ALPHA },
        coinFamily: { ...before.coinFamily, holder: ALPHA },
        frontFamily: { ...before.frontFamily, holder: ALPHA },
        told: [before.told[0]! + 1n, before.told[1]! + 1n],
        joinUsed: true,
      });
    });

    it("a contract account joins by the signature it accepts", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.holder]);
      const account = await wallet.getAddress();
      await join(w, { account });
      expect(await w.registry.vaspOf(account)).to.equal(ALPHA);
      expect(await w.coin.families(account)).to.equal(ALPHA);
    });

    it("a contract may be the compliance key", async () => {
      const wallet = await w.connection.ethers.deployContract("CoinMockWallet", [w.nextKey]);
      await w.registry.connect(w.operator).setComplianceKey(ALPHA, wallet, w.keyFrom, w.keyUntil);
      const terms = toJoining(w);
      const ofAccount = await signVasp(w, w.holder, "JoinVasp", terms);
      const ofKey = await signVasp(w, w.nextKey, "JoinVasp", terms);
      await w.registry.connect(w.relayer).join(terms, ofAccount, wallet, ofKey);
      expect(await w.registry.vaspOf(w.holder)).to.equal(ALPHA);
    });

    it("state is written before the coins are told: a coin that calls back finds a member", async () => {
      const terms = toJoining(w);
      const ofAccount = await signVasp(w, w.holder, "JoinVasp", terms);
      const ofKey = await signVasp(w, w.key, "JoinVasp", terms);
      const again = w.registry.interface.encodeFunctionData("join", [terms, ofAccount, w.key.address, ofKey]);
      await w.coin.setCallback(w.registry, again);
      await expect(w.registry.connect(w.relayer).join(terms, ofAccount, w.key, ofKey))
        .to.be.revertedWithCustomError(w.registry, "VaspAlreadyMember")
        .withArgs(w.holder.address, ALPHA);
      expect(await w.registry.vaspOf(w.holder)).to.equal(0n);
    });
  });

  describe("emits", () => {
    it("VaspJoined with the key that signed and the consent, and VaspChanged from each coin", async () => {
      await expect(join(w, { deadline: FAR }))
        .to.emit(w.registry, "VaspJoined")
        .withArgs(ALPHA, w.holder.address, w.key.address, JOIN_ID)
        .and.to.emit(w.coin, "VaspChanged")
        .withArgs(w.holder.address, 0, ALPHA)
        .and.to.emit(w.front, "VaspChanged")
        .withArgs(w.holder.address, 0, ALPHA);
    });
  });
});
