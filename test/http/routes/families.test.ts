import { expect } from "chai";
import { toWord } from "../../../src/domain/hex.ts";
import { parseId } from "../../../src/domain/identifier.ts";
import type { HeldReason } from "../../../src/domain/intent.ts";
import type { AgreementToSign } from "../../../src/http/agreements.ts";
import type { Attestation, Membership, VaspView } from "../../../src/http/families.ts";
import type { Problem } from "../../../src/http/schemas.ts";
import { spellAddress } from "../../../src/http/spelling.ts";
import {
  ana,
  badSignature,
  blockTime,
  coin,
  createFakeNode,
  type FakeNode,
  goodSignature,
  luis,
  quetzal,
  registry,
} from "../../support/fake-node.ts";

const complianceKey = "0xd100000000000000000000000000000000000001";
const deadline = blockTime + 60;
const hour = String(blockTime + 3_600);
const reference = `0x${Buffer.from("file 9").toString("hex").padEnd(64, "0")}`;

describe("http/routes/families", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
  });
  afterEach(() => node.app.close());

  const post = (url: string, payload?: object) =>
    node.app.inject({ method: "POST", url, ...(payload === undefined ? {} : { payload }) });
  const sequenceOf = (id: string) => parseId(id)?.sequence ?? -1n;

  const attestation = {
    vasp: 2,
    attestationId: toWord(61n),
    payer: ana,
    payee: luis,
    amount: "1000000",
    reference: "file 9",
    validUntil: blockTime + 600,
  };
  const attest = (changes: object = { signature: goodSignature }, facts: object = {}) =>
    post("/v1/attestations", {
      coin: "XGT",
      attestation: { ...attestation, ...facts },
      signer: complianceKey,
      ...changes,
    });
  const join = (changes: object = { deadline, signature: goodSignature, signerSignature: goodSignature }, id = 2) =>
    post(`/v1/vasps/${id}/members`, { account: ana, joinId: toWord(62n), signer: complianceKey, ...changes });
  const leave = (changes: object = { deadline, signature: goodSignature }) =>
    post(`/v1/accounts/${ana}/leave`, { leaveId: toWord(63n), ...changes });
  const complete = (payload?: object) => post(`/v1/accounts/${ana}/complete-leave`, payload);

  describe("POST /v1/attestations", () => {
    it("answers with the typed data to sign when the signature is missing, and creates nothing", async () => {
      const answer = await attest({});
      expect(answer.statusCode, answer.body).to.equal(200);
      const { agreementId, typedData } = answer.json<AgreementToSign>();
      expect([agreementId, typedData.primaryType]).to.deep.equal([attestation.attestationId, "TravelAttestation"]);
      expect(typedData.domain).to.include({ name: "Remesa Vasps", verifyingContract: registry });
      expect(typedData.message).to.deep.equal({
        vasp: "2",
        attestationId: toWord(61n),
        coin: quetzal,
        payer: ana,
        payee: luis,
        amount: "1000000",
        ref: reference,
        validUntil: String(blockTime + 600),
      });
      expect(node.state.submitted).to.have.length(0);
    });

    it("attests with the signature; the same digest is the same attestation", async () => {
      const answer = await attest();
      expect(answer.statusCode, answer.body).to.equal(202);
      const made = answer.json<Attestation>();
      expect(made.id).to.match(/^att_/);
      expect(made).to.include({ kind: "travel-attest", attestationId: toWord(61n), payee: spellAddress(luis) });
      expect(node.state.submitted).to.deep.equal([
        {
          kind: "travel-attest",
          coin: quetzal,
          ...attestation,
          amount: 1_000_000n,
          reference,
          signer: complianceKey,
          signature: goodSignature,
        },
      ]);
      expect((await attest()).json<Attestation>().id).to.equal(made.id);
      node.settle(sequenceOf(made.id));
      node.state.simulated = "nonce_used";
      const again = await attest();
      expect([again.statusCode, again.json<Attestation>().id]).to.deep.equal([200, made.id]);
    });

    it("refuses another chain, another coin, unknown fields and what is no operator", async () => {
      expect((await attest({ chainId: 2 })).json<Problem>().code).to.equal("chain_id_wrong");
      expect((await attest({ coin: "XEU" })).json<Problem>().code).to.equal("coin_unknown");
      for (const [changes, facts] of [
        [{ note: "x" }, {}],
        [{}, { note: "x" }],
        [{}, { vasp: 0 }],
        [{}, { vasp: 65_536 }],
        [{}, { reference: "a name of more than thirty-one bytes" }],
        [{ signer: undefined }, {}],
      ]) {
        expect((await attest(changes, facts)).json<Problem>().code).to.equal("request_malformed");
      }
      expect((await attest({ signature: badSignature })).json<Problem>().code).to.equal("signature_invalid");
      expect(node.state.intents.size).to.equal(0);
    });
  });

  it("GET /v1/attestations/{id} shows it, or waits for its end", async () => {
    const made = (await attest()).json<Attestation>();
    const get = (id: string) => node.app.inject({ url: `/v1/attestations/${id}` });
    expect((await get(made.id)).json()).to.deep.equal(made);
    const waiting = get(`${made.id}?wait=5`);
    node.settle(sequenceOf(made.id));
    expect((await waiting).json<Attestation>().state).to.equal("settled");
    expect((await get("att_0000000000000")).statusCode).to.equal(404);
    expect((await get(made.id.replace("att", "mem"))).statusCode).to.equal(404);
  });

  describe("GET /v1/vasps/{id}", () => {
    const get = (id: string) => node.app.inject({ url: `/v1/vasps/${id}` });

    it("shows an operator as the registry has it", async () => {
      const vasp = { id: 2, admin: luis, domain: "sur.localhost", baseUrl: "http://sur.localhost", suspended: true };
      node.state.vasps.set(2, vasp);
      expect((await get("2")).json<VaspView>()).to.deep.equal({ ...vasp, admin: spellAddress(luis) });
    });

    it("refuses a number that was not given out, and what is no number", async () => {
      const unknown = await get("3");
      expect([unknown.statusCode, unknown.json<Problem>().code]).to.deep.equal([404, "vasp_unknown"]);
      for (const bad of ["0", "65536", "1e1", "0x1", "-1", "01", "one"]) {
        expect((await get(bad)).statusCode, bad).to.equal(400);
      }
    });

    it("says that the chain is out of sight when it is", async () => {
      const fault = Object.assign(new Error("no answer"), { name: "ChainFault", retryable: true });
      const chain = { ...node.deps.chain, readVasp: () => Promise.reject(fault) };
      const other = await createFakeNode({ chain });
      const answer = await other.app.inject({ url: "/v1/vasps/2" });
      expect([answer.statusCode, answer.json<Problem>().code]).to.deep.equal([503, "chain_stale"]);
      await other.app.close();
    });
  });

  describe("POST /v1/vasps/{id}/members", () => {
    it("answers with what account and operator sign until both have signed, and creates nothing", async () => {
      for (const changes of [
        {},
        { deadline, signature: goodSignature },
        { deadline, signerSignature: goodSignature },
      ]) {
        const answer = await join(changes);
        expect(answer.statusCode, answer.body).to.equal(200);
        const { typedData } = answer.json<AgreementToSign>();
        expect(typedData.primaryType).to.equal("JoinVasp");
        expect(typedData.message).to.deep.equal({
          account: ana,
          vasp: "2",
          joinId: toWord(62n),
          deadline: "deadline" in changes ? String(deadline) : hour,
        });
      }
      expect(node.state.submitted).to.have.length(0);
    });

    it("joins with both signatures, each where it belongs; the same digest is the same membership", async () => {
      const signatures = { signature: goodSignature, signerSignature: `0x${"22".repeat(65)}` };
      const answer = await join({ deadline, ...signatures });
      expect(answer.statusCode, answer.body).to.equal(202);
      const made = answer.json<Membership>();
      expect(made.id).to.match(/^mem_/);
      expect(made).to.include({ kind: "join", account: spellAddress(ana) });
      expect(node.state.submitted).to.deep.equal([
        {
          kind: "join",
          coin,
          account: ana,
          vasp: 2,
          joinId: toWord(62n),
          deadline,
          signer: complianceKey,
          signature: signatures.signerSignature,
          accountSignature: goodSignature,
        },
      ]);
      expect((await join({ deadline, ...signatures })).json<Membership>().id).to.equal(made.id);
      expect((await node.app.inject({ url: `/v1/memberships/${made.id}` })).json()).to.deep.equal(made);
    });

    it("says that nothing was created and the same may be sent again when the chain does not answer", async () => {
      const fault = Object.assign(new Error("no answer"), { name: "ChainFault", retryable: true });
      let isOut = true;
      const chain = { ...node.deps.chain, simulate: () => (isOut ? Promise.reject(fault) : Promise.resolve(null)) };
      const other = await createFakeNode({ chain });
      const payload = {
        account: ana,
        joinId: toWord(62n),
        signer: complianceKey,
        deadline,
        signature: goodSignature,
        signerSignature: goodSignature,
      };
      const send = () => other.app.inject({ method: "POST", url: "/v1/vasps/2/members", payload });
      const answer = await send();
      const { code, retryable, errors } = answer.json<Problem>();
      expect([answer.statusCode, code, retryable, errors[0]?.subject]).to.deep.equal([
        503,
        "chain_stale",
        true,
        "join",
      ]);
      expect(answer.headers["retry-after"]).to.equal("1");
      expect(errors[0]?.remedy).to.match(/nothing was created.*same request/);
      expect([other.state.submitted, other.state.intents.size]).to.deep.equal([[], 0]);
      isOut = false;
      expect((await send()).statusCode).to.equal(202);
      await other.app.close();
    });

    it("refuses signatures without their deadline, wrong ones, unknown fields and another chain", async () => {
      const both = { signature: goodSignature, signerSignature: goodSignature };
      expect((await join(both)).json<Problem>().errors[0]?.subject).to.equal("deadline");
      for (const wrong of [{ signature: badSignature }, { signerSignature: badSignature }]) {
        expect((await join({ deadline, ...both, ...wrong })).json<Problem>().code).to.equal("signature_invalid");
      }
      expect((await join({ vasp: 3 })).json<Problem>().code).to.equal("request_malformed");
      expect((await join({}, 65_536)).json<Problem>().code).to.equal("request_malformed");
      expect((await join({ chainId: 2 })).json<Problem>().code).to.equal("chain_id_wrong");
      expect(node.state.intents.size).to.equal(0);
    });
  });

  describe("POST /v1/accounts/{address}/leave", () => {
    it("answers with the typed data first, then takes the account's signature, once per digest", async () => {
      const first = await leave({});
      expect(first.statusCode, first.body).to.equal(200);
      const { typedData } = first.json<AgreementToSign>();
      expect([typedData.primaryType, typedData.message]).to.deep.equal([
        "LeaveVasp",
        { account: ana, leaveId: toWord(63n), deadline: hour },
      ]);
      expect(node.state.submitted).to.have.length(0);
      const second = await leave();
      expect(second.statusCode, second.body).to.equal(202);
      expect(second.json<Membership>()).to.include({ kind: "leave", account: spellAddress(ana) });
      expect(node.state.submitted).to.deep.equal([
        { kind: "leave", coin, account: ana, leaveId: toWord(63n), deadline, signature: goodSignature },
      ]);
      expect((await leave()).json<Membership>().id).to.equal(second.json<Membership>().id);
    });

    it("refuses a signature without its deadline, a wrong one and unknown fields", async () => {
      expect((await leave({ signature: goodSignature })).json<Problem>().errors[0]?.subject).to.equal("deadline");
      expect((await leave({ deadline, signature: badSignature })).json<Problem>().code).to.equal("signature_invalid");
      expect((await leave({ deadline, account: luis })).json<Problem>().code).to.equal("request_malformed");
    });
  });

  describe("POST /v1/accounts/{address}/complete-leave", () => {
    it("takes effect for anyone who asks, once: also when a block has done it", async () => {
      node.state.leaving.set(ana, blockTime - 1);
      const first = await complete();
      expect(first.statusCode, first.body).to.equal(202);
      const made = first.json<Membership>();
      expect(made).to.include({ kind: "complete-leave", account: spellAddress(ana) });
      expect(node.state.submitted).to.deep.equal([
        { kind: "complete-leave", coin, account: ana, leaveAt: blockTime - 1 },
      ]);
      expect((await complete({})).json<Membership>().id).to.equal(made.id);
      node.state.leaving.clear();
      for (const change of [node.include, node.settle]) {
        change(sequenceOf(made.id));
        const again = await complete();
        expect([again.statusCode, again.json<Membership>().id]).to.deep.equal([200, made.id]);
      }
    });

    it("refuses an account that has not announced it, what intake refuses, and a body", async () => {
      expect((await complete()).statusCode).to.equal(404);
      node.state.leaving.set(ana, blockTime + 1);
      node.state.refusal = [{ code: "not_yet_valid", subject: "leaveAt", remedy: "Wait." }];
      expect((await complete()).json<Problem>().code).to.equal("not_yet_valid");
      expect((await complete({ account: luis })).statusCode).to.equal(400);
    });
  });

  describe("what costs its signer nothing", () => {
    const reasons: readonly (readonly [HeldReason, string])[] = [
      ["vasp_invalid", "vasp_invalid"],
      ["signer_not_permitted", "signer_not_permitted"],
      ["nonce_used", "nonce_used"],
      ["deadline_passed", "expired"],
      ["reverted", "vasp_invalid"],
    ];
    for (const [name, ask] of [
      ["an attestation", () => attest()],
      ["a joining", () => join()],
      ["a leaving", () => leave()],
    ] as const) {
      it(`waits for nothing: ${name} that the registry would refuse now is refused`, async () => {
        for (const [reason, code] of reasons) {
          node.state.simulated = reason;
          const problem = (await ask()).json<Problem>();
          expect([problem.code, problem.errors[0]?.actual]).to.deep.equal([code, reason]);
        }
        expect(node.state.submitted).to.have.length(0);
      });
    }
  });
});
