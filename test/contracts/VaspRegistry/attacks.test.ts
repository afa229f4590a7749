import { expect } from "chai";
import { Signature, ZeroAddress, ZeroHash, id, toBeHex, zeroPadBytes } from "ethers";
import type { Attestation, VaspWorld } from "../../support/vasp.ts";
import {
  ALPHA,
  ALPHA_DOMAIN,
  AMOUNT,
  ATTESTATION_ID,
  BETA,
  CASE,
  FORGERIES,
  JOIN_ID,
  LEAVE_DELAY,
  LEAVE_ID,
  OTHER_ATTESTATION_ID,
  ROLES,
  attest,
  deployVasps,
  join,
  pay,
  readVasps,
  signVasp,
  suspend,
  toAttestation,
  toJoining,
  toLeaving,
} from "../../support/vasp.ts";
import { DELAY, at, createLoader, now } from "../../support/treasury.ts";

const load = await createLoader(deployVasps);

describe("VaspRegistry under attack", () => {
  let w: VaspWorld;
  /** Leaves ALPHA as `payee` and waits until it is done. */
  const leaveAlpha = async () => {
    await w.registry.connect(w.payee).announceLeave();
    await w.connection.networkHelpers.time.increase(LEAVE_DELAY);
    await w.registry.completeLeave(w.payee);
  };
  const refusedUse = async (changes: Parameters<typeof pay>[1] = {}) => {
    const before = await readVasps(w);
    expect(await pay(w, changes)).to.equal(false);
    expect(await readVasps(w)).to.deep.equal(before);
  };

  beforeEach(async () => {
    w = await load();
  });

  describe("replay across chain, contract and wallet", () => {
    it("attack 18: a consent to join is replayed on another chain and in another registry", async () => {
      const terms = toJoining(w);
      const twin = await w.connection.ethers.deployContract("VaspRegistry", [w.manager, [w.coin]]);
      const verifyingContract = await twin.getAddress();
      for (const domain of [{ chainId: 1n }, { verifyingContract }]) {
        const ofAccount = await signVasp(w, w.holder, "JoinVasp", terms, domain);
        const ofKey = await signVasp(w, w.key, "JoinVasp", terms, domain);
        await expect(w.registry.join(terms, ofAccount, w.key, ofKey))
          .to.be.revertedWithCustomError(w.registry, "OrderSignatureInvalid")
          .withArgs(w.holder.address);
      }
    });

    it("attack 18: a consent to leave is replayed on another chain and in another registry", async () => {
      for (const domain of [{ chainId: 1n }, { verifyingContract: await w.manager.getAddress() }]) {
        const signature = await signVasp(w, w.payee, "LeaveVasp", toLeaving(w), domain);
        await expect(w.registry.leaveBySig(toLeaving(w), signature))
          .to.be.revertedWithCustomError(w.registry, "OrderSignatureInvalid")
          .withArgs(w.payee.address);
      }
    });

    it("attack 18: an attestation is replayed on another chain and in another registry", async () => {
      const attestation = await toAttestation(w);
      for (const domain of [{ chainId: 1n }, { verifyingContract: await w.manager.getAddress() }]) {
        const signature = await signVasp(w, w.key, "TravelAttestation", attestation, domain);
        await expect(w.registry.attestBySig(attestation, w.key, signature))
          .to.be.revertedWithCustomError(w.registry, "OrderSignatureInvalid")
          .withArgs(w.key.address);
      }
    });

    it("attack 18: a consent of one contract wallet is replayed for another wallet of the same owner", async () => {
      const first = await w.connection.ethers.deployContract("CoinMockWallet", [w.holder]);
      const second = await w.connection.ethers.deployContract("CoinMockWallet", [w.holder]);
      const terms = toJoining(w, { account: await first.getAddress() });
      const ofAccount = await signVasp(w, w.holder, "JoinVasp", terms);
      const other = { ...terms, account: await second.getAddress() };
      await expect(w.registry.join(other, ofAccount, w.key, await signVasp(w, w.key, "JoinVasp", other)))
        .to.be.revertedWithCustomError(w.registry, "OrderSignatureInvalid")
        .withArgs(other.account);
      await w.registry.join(terms, ofAccount, w.key, await signVasp(w, w.key, "JoinVasp", terms));
      expect(await w.registry.vaspOf(first)).to.equal(ALPHA);
      expect(await w.registry.vaspOf(second)).to.equal(0n);
    });

    it("attack 18: an attestation of one contract key is replayed for another key of the same owner", async () => {
      const first = await w.connection.ethers.deployContract("CoinMockWallet", [w.nextKey]);
      const second = await w.connection.ethers.deployContract("CoinMockWallet", [w.nextKey]);
      for (const key of [first, second]) {
        await w.registry.connect(w.operator).setComplianceKey(ALPHA, key, w.keyFrom, w.keyUntil);
      }
      const attestation = await toAttestation(w);
      const signature = await signVasp(w, w.nextKey, "TravelAttestation", attestation);
      await w.registry.attestBySig(attestation, first, signature);
      await expect(w.registry.attestBySig(attestation, second, signature))
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationUsed")
        .withArgs(ALPHA, ATTESTATION_ID);
      expect((await readVasps(w)).waiting[0]).to.equal(1n);
    });
  });

  describe("malleable, compact and zero-signer signatures", () => {
    for (const [form, forge] of FORGERIES) {
      it(`attack 19: each of the four signatures is refused as ${form}`, async () => {
        const joining = toJoining(w);
        const ofAccount = await signVasp(w, w.holder, "JoinVasp", joining);
        const ofKey = await signVasp(w, w.key, "JoinVasp", joining);
        const leaving = toLeaving(w);
        const ofMember = await signVasp(w, w.payee, "LeaveVasp", leaving);
        const attestation = await toAttestation(w);
        const ofAttestor = await signVasp(w, w.key, "TravelAttestation", attestation);
        const before = await readVasps(w);
        for (const [sent, signer] of [
          [() => w.registry.join(joining, forge(ofAccount), w.key, ofKey), w.holder],
          [() => w.registry.join(joining, ofAccount, w.key, forge(ofKey)), w.key],
          [() => w.registry.leaveBySig(leaving, forge(ofMember)), w.payee],
          [() => w.registry.attestBySig(attestation, w.key, forge(ofAttestor)), w.key],
        ] as const) {
          await expect(sent())
            .to.be.revertedWithCustomError(w.registry, "OrderSignatureInvalid")
            .withArgs(signer.address);
        }
        expect(await readVasps(w)).to.deep.equal(before);
      });
    }

    it("attack 19: a signature that recovers to zero never stands for the zero address", async () => {
      const nothing = zeroPadBytes("0x", 65);
      await expect(w.registry.join(toJoining(w, { account: ZeroAddress }), nothing, w.key, nothing))
        .to.be.revertedWithCustomError(w.registry, "VaspAccountInvalid")
        .withArgs(ZeroAddress);
      await expect(w.registry.leaveBySig(toLeaving(w, { account: ZeroAddress }), nothing))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(ZeroAddress, 0);
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await expect(w.registry.attestBySig(await toAttestation(w), ZeroAddress, nothing))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
        .withArgs(ALPHA, ZeroAddress, time);
      const terms = toJoining(w);
      await at(w.connection, time + 100n);
      await expect(w.registry.join(terms, await signVasp(w, w.holder, "JoinVasp", terms), ZeroAddress, nothing))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
        .withArgs(ALPHA, ZeroAddress, time + 100n);
    });

    it("attack 19: recovery ids other than 27 and 28 are refused", async () => {
      const plain = Signature.from(await signVasp(w, w.payee, "LeaveVasp", toLeaving(w)));
      for (const v of [0n, 1n, 26n, 29n, BigInt(plain.v) ^ 7n]) {
        await expect(w.registry.leaveBySig(toLeaving(w), `${plain.r}${plain.s.slice(2)}${toBeHex(v, 1).slice(2)}`))
          .to.be.revertedWithCustomError(w.registry, "OrderSignatureInvalid")
          .withArgs(w.payee.address);
      }
    });
  });

  describe("zero address in any list", () => {
    it("attack 30: zero among the accounts to freeze stops the whole call", async () => {
      await w.manager.grantRole(ROLES.freezer, w.registry, 0);
      await suspend(w, ALPHA);
      const before = await readVasps(w);
      const until = (await now(w.connection)) + 10_000n;
      for (const accounts of [[ZeroAddress], [w.payee.address, ZeroAddress]]) {
        await expect(w.registry.connect(w.freezer).cascadeFreeze(ALPHA, accounts, CASE, until))
          .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
          .withArgs(ZeroAddress, ALPHA);
      }
      expect(await readVasps(w)).to.deep.equal(before);
    });

    it("attack 30: zero among the coins stops the deployment", async () => {
      await expect(w.connection.ethers.deployContract("VaspRegistry", [w.manager, [w.coin, ZeroAddress]]))
        .to.be.revertedWithCustomError(w.registry, "VaspCoinInvalid")
        .withArgs(ZeroAddress);
    });

    it("attack 30: zero as admin, as key and as account is refused, and is in no family", async () => {
      await expect(w.registry.connect(w.registrar).register(ZeroAddress, "zero.example", ""))
        .to.be.revertedWithCustomError(w.registry, "VaspAdminInvalid")
        .withArgs(ZeroAddress);
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await expect(w.registry.connect(w.operator).setComplianceKey(ALPHA, ZeroAddress, time, time + 1n))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
        .withArgs(ALPHA, ZeroAddress, time);
      await expect(attest(w, { payee: ZeroAddress }))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(ZeroAddress, ALPHA);
      expect(await w.registry.vaspOf(ZeroAddress)).to.equal(0n);
    });
  });

  describe("the travel rule dodged", () => {
    it("attack 31: a payee makes itself a member of the payer's family without its word", async () => {
      await leaveAlpha();
      const terms = toJoining(w, { account: w.payee.address, vasp: BETA });
      const own = await signVasp(w, w.payee, "JoinVasp", terms);
      await expect(w.registry.connect(w.payee).join(terms, own, w.otherKey, own))
        .to.be.revertedWithCustomError(w.registry, "OrderSignatureInvalid")
        .withArgs(w.otherKey.address);
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await expect(w.registry.connect(w.payee).join(terms, own, w.payee, own))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
        .withArgs(BETA, w.payee.address, time);
      expect(await w.registry.vaspOf(w.payee)).to.equal(0n);
    });

    it("attack 31: a family takes an account in without the account's word", async () => {
      const terms = toJoining(w);
      const ofKey = await signVasp(w, w.key, "JoinVasp", terms);
      await expect(w.registry.connect(w.key).join(terms, ofKey, w.key, ofKey))
        .to.be.revertedWithCustomError(w.registry, "OrderSignatureInvalid")
        .withArgs(w.holder.address);
      expect(await w.registry.vaspOf(w.holder)).to.equal(0n);
    });

    it("attack 31: a member changes its family within a transaction or a day", async () => {
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await w.registry.connect(w.payee).announceLeave();
      const terms = { account: w.payee.address, vasp: BETA };
      await expect(join(w, terms, { account: w.payee, key: w.otherKey }))
        .to.be.revertedWithCustomError(w.registry, "VaspAlreadyMember")
        .withArgs(w.payee.address, ALPHA);
      await at(w.connection, time + LEAVE_DELAY - 1n);
      await expect(w.registry.completeLeave(w.payee))
        .to.be.revertedWithCustomError(w.registry, "VaspLeaveTooEarly")
        .withArgs(time + LEAVE_DELAY, time + LEAVE_DELAY - 1n);
      expect(await w.coin.families(w.payee)).to.equal(ALPHA);
    });

    it("attack 31: a stranger makes a family of its own", async () => {
      await expect(w.registry.connect(w.stranger).register(w.stranger, "mine.example", ""))
        .to.be.revertedWithCustomError(w.registry, "AccessManagedUnauthorized")
        .withArgs(w.stranger.address);
      for (const domain of [ALPHA_DOMAIN.toUpperCase(), `${ALPHA_DOMAIN}.`, ` ${ALPHA_DOMAIN}`]) {
        await expect(w.registry.connect(w.registrar).register(w.stranger, domain, ""))
          .to.be.revertedWithCustomError(w.registry, "VaspDomainInvalid")
          .withArgs(domain);
      }
    });

    it("attack 31: an escrow is made a member, so that it could pay for others inside the family", async () => {
      const escrow = await w.escrow.getAddress();
      const terms = toJoining(w, { account: escrow });
      const ofKey = await signVasp(w, w.key, "JoinVasp", terms);
      await expect(w.registry.join(terms, "0x", w.key, ofKey))
        .to.be.revertedWithCustomError(w.registry, "VaspAccountInvalid")
        .withArgs(escrow);
    });

    it("attack 31: an attested payment is split in two, or two are joined in one", async () => {
      await attest(w);
      await attest(w, { attestationId: OTHER_ATTESTATION_ID });
      await refusedUse({ amount: AMOUNT / 2n });
      await refusedUse({ amount: AMOUNT - AMOUNT / 2n });
      await refusedUse({ amount: 2n * AMOUNT });
      await refusedUse({ amount: 0n });
      expect(await pay(w)).to.equal(true);
    });

    it("attack 31: one attestation is given twice under its id, and used twice", async () => {
      const attestation = await toAttestation(w);
      const signature = await signVasp(w, w.key, "TravelAttestation", attestation);
      await w.registry.attestBySig(attestation, w.key, signature);
      for (const again of [
        () => w.registry.attestBySig(attestation, w.key, signature),
        () => w.registry.connect(w.key).attest(attestation),
      ]) {
        await expect(again())
          .to.be.revertedWithCustomError(w.registry, "VaspAttestationUsed")
          .withArgs(ALPHA, ATTESTATION_ID);
      }
      expect(await pay(w)).to.equal(true);
      await refusedUse();
      await expect(w.registry.attestBySig(attestation, w.key, signature))
        .to.be.revertedWithCustomError(w.registry, "VaspAttestationUsed")
        .withArgs(ALPHA, ATTESTATION_ID);
    });

    it("attack 31: an expired attestation is used, or given new life by a later one", async () => {
      const end = (await now(w.connection)) + 1_000n;
      await attest(w, { validUntil: end });
      await attest(w, { validUntil: end + 5_000n, attestationId: OTHER_ATTESTATION_ID });
      expect((await readVasps(w)).waiting).to.deep.equal([2n, end, ALPHA]);
      await at(w.connection, end);
      await refusedUse();
      await attest(w, { validUntil: end + 5_000n, attestationId: id("attestation 3") });
      expect(await pay(w)).to.equal(true);
      await refusedUse();
    });

    it("attack 31: an attestation of one coin is used in another, or by no coin at all", async () => {
      await attest(w);
      await refusedUse({ coin: w.front });
      const foreign = await w.connection.ethers.deployContract("VaspMockCoin");
      await expect(foreign.getFunction("pay")(w.registry, w.payer, w.payee, AMOUNT))
        .to.be.revertedWithCustomError(w.registry, "VaspCoinUnknown")
        .withArgs(await foreign.getAddress());
      expect((await readVasps(w)).waiting[0]).to.equal(1n);
    });

    it("attack 31: the payer's family, or the one the payee left, attests in place of the payee's", async () => {
      const own: Partial<Attestation> = { vasp: BETA };
      await expect(w.registry.connect(w.otherKey).attest(await toAttestation(w, own)))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.payee.address, BETA);
      await attest(w, { validUntil: (await now(w.connection)) + 10n * LEAVE_DELAY });
      await leaveAlpha();
      await join(w, { account: w.payee.address, vasp: BETA }, { account: w.payee, key: w.otherKey });
      await refusedUse();
      await expect(attest(w, { attestationId: OTHER_ATTESTATION_ID }))
        .to.be.revertedWithCustomError(w.registry, "VaspNotMember")
        .withArgs(w.payee.address, ALPHA);
    });

    it("attack 31: an admin keeps a member for ever by announcing its leaving anew each day", async () => {
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await w.registry.connect(w.payee).announceLeave();
      await at(w.connection, time + LEAVE_DELAY - 1n);
      await expect(w.registry.connect(w.operator).expel(ALPHA, w.payee))
        .to.be.revertedWithCustomError(w.registry, "VaspAlreadyLeaving")
        .withArgs(w.payee.address, time + LEAVE_DELAY);
      await at(w.connection, time + LEAVE_DELAY);
      await w.registry.connect(w.stranger).completeLeave(w.payee);
      expect(await w.coin.families(w.payee)).to.equal(0n);
    });
  });

  describe("orders and roles", () => {
    it("attack 32: a consent to join is replayed after leaving, or comes late", async () => {
      await join(w);
      await w.registry.connect(w.holder).announceLeave();
      await w.connection.networkHelpers.time.increase(LEAVE_DELAY);
      await w.registry.completeLeave(w.holder);
      await expect(join(w))
        .to.be.revertedWithCustomError(w.registry, "VaspConsentUsed")
        .withArgs(w.holder.address, JOIN_ID);
      const deadline = (await now(w.connection)) + 100n;
      await at(w.connection, deadline + 1n);
      await expect(join(w, { joinId: id("join 2"), deadline }))
        .to.be.revertedWithCustomError(w.registry, "OrderExpired")
        .withArgs(deadline, deadline + 1n);
    });

    it("attack 32: a consent to leave is replayed after joining again, or comes late", async () => {
      const signature = await signVasp(w, w.payee, "LeaveVasp", toLeaving(w));
      await w.registry.leaveBySig(toLeaving(w), signature);
      await w.connection.networkHelpers.time.increase(LEAVE_DELAY);
      await w.registry.completeLeave(w.payee);
      await join(w, { account: w.payee.address }, { account: w.payee });
      await expect(w.registry.leaveBySig(toLeaving(w), signature))
        .to.be.revertedWithCustomError(w.registry, "VaspConsentUsed")
        .withArgs(w.payee.address, LEAVE_ID);
      const deadline = (await now(w.connection)) + 100n;
      const late = toLeaving(w, { leaveId: id("leave 2"), deadline });
      await at(w.connection, deadline + 1n);
      await expect(w.registry.leaveBySig(late, await signVasp(w, w.payee, "LeaveVasp", late)))
        .to.be.revertedWithCustomError(w.registry, "OrderExpired")
        .withArgs(deadline, deadline + 1n);
    });

    it("attack 32: an order of a compliance key that was revoked meanwhile", async () => {
      const attestation = await toAttestation(w);
      const signature = await signVasp(w, w.key, "TravelAttestation", attestation);
      await w.registry.connect(w.operator).revokeComplianceKey(ALPHA, w.key);
      const time = (await now(w.connection)) + 100n;
      await at(w.connection, time);
      await expect(w.registry.attestBySig(attestation, w.key, signature))
        .to.be.revertedWithCustomError(w.registry, "VaspKeyInvalid")
        .withArgs(ALPHA, w.key.address, time);
    });

    for (const [name, role, member] of [
      ["register", "registrar", "registrar"],
      ["suspend", "freezer", "freezer"],
      ["reinstate", "freezer", "freezer"],
      ["cascadeFreeze", "freezer", "freezer"],
    ] as const) {
      const encode = async () => {
        const until = (await now(w.connection)) + 1_000_000n;
        const inputs = {
          register: [w.stranger.address, "gamma.example", ""],
          suspend: [ALPHA],
          reinstate: [ALPHA],
          cascadeFreeze: [ALPHA, [w.payee.address], CASE, until],
        }[name];
        const data = w.registry.interface.encodeFunctionData(name as "suspend", inputs as [bigint]);
        return { to: await w.registry.getAddress(), data };
      };
      const prepare = async () => {
        await w.manager.grantRole(ROLES.freezer, w.registry, 0);
        if (name === "cascadeFreeze") await suspend(w, ALPHA);
      };

      it(`attack 32: ${name} from a role with a delay waits for its schedule and acts once`, async () => {
        await prepare();
        await w.manager.grantRole(ROLES[role], w[member], DELAY);
        const call = await encode();
        const operation = await w.manager.hashOperation(w[member], call.to, call.data);
        await expect(w[member].sendTransaction(call))
          .to.be.revertedWithCustomError(w.manager, "AccessManagerNotScheduled")
          .withArgs(operation);
        await w.manager.connect(w[member]).schedule(call.to, call.data, 0);
        await expect(w[member].sendTransaction(call))
          .to.be.revertedWithCustomError(w.manager, "AccessManagerNotReady")
          .withArgs(operation);
        await w.connection.networkHelpers.time.increase(DELAY);
        await w[member].sendTransaction(call);
        await expect(w[member].sendTransaction(call))
          .to.be.revertedWithCustomError(w.manager, "AccessManagerNotScheduled")
          .withArgs(operation);
      });

      it(`attack 32: ${name} from a role that was revoked`, async () => {
        await prepare();
        const call = await encode();
        await w.manager.revokeRole(ROLES[role], w[member]);
        const before = await readVasps(w);
        await expect(w[member].sendTransaction(call))
          .to.be.revertedWithCustomError(w.registry, "AccessManagedUnauthorized")
          .withArgs(w[member].address);
        expect(await readVasps(w)).to.deep.equal(before);
      });
    }

    it("attack 32: a family cannot freeze through the registry, whose role in the coins is used by freezers alone", async () => {
      await w.manager.grantRole(ROLES.freezer, w.registry, 0);
      await suspend(w, ALPHA);
      const until = (await now(w.connection)) + 10_000n;
      for (const caller of [w.operator, w.key, w.stranger]) {
        await expect(w.registry.connect(caller).cascadeFreeze(ALPHA, [w.payee], CASE, until))
          .to.be.revertedWithCustomError(w.registry, "AccessManagedUnauthorized")
          .withArgs(caller.address);
      }
      expect((await readVasps(w)).frontFrozen.payee).to.deep.equal({ amount: 0n, caseId: ZeroHash, until: 0n });
    });
  });
});
