/**
 * The operator's word about lanes over HTTP: what each verb answers, who may say it, and that neither key nor bytes come out.
 */
import { expect } from "chai";
import type { LaneMoved, Lanes } from "../../../src/http/views.ts";
import { runRemesa } from "../../support/terminal.ts";
import { apiKeys, createFakeNode, type FakeNode, lane, spareLane } from "../../support/fake-node.ts";

const keyOf = (role: string) => apiKeys.find((one) => one.role === role)?.key ?? "";

describe("lanes", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
  });
  afterEach(() => node.app.close());

  async function act(verb: string, address: string, body: object = {}, role = "operator") {
    const headers = { authorization: `Bearer ${keyOf(role)}` };
    const answer = await node.app.inject({
      method: "POST",
      url: `/v1/lanes/${address}/${verb}`,
      payload: body,
      headers,
    });
    return { status: answer.statusCode, body: answer.json<LaneMoved & { code: string; retryable: boolean }>() };
  }

  describe("GET /v1/lanes", () => {
    it("shows each lane's state, epoch, key and who moved it, active ones first", async () => {
      await act("resume", spareLane, { reason: "more room" });
      await act("pause", lane);
      const headers = { authorization: `Bearer ${keyOf("auditor")}` };
      const answer = await node.app.inject({ url: "/v1/lanes", headers });
      const { lanes } = answer.json<Lanes>();
      expect(lanes.map(({ address, state }) => [address.toLowerCase(), state])).to.deep.equal([
        [spareLane, "active"],
        [lane, "paused"],
      ]);
      expect(lanes[0]).to.deep.include({ epoch: 0, hasKey: true });
      expect(lanes[0]?.moved?.by).to.equal("desk: more room");
      expect(answer.body).to.not.include("deadbeef");
    });

    it("shows the funder with its role and balance, and so do the numbers", async () => {
      const funder = `0x${"f0".repeat(20)}` as const;
      const stored = {
        address: funder,
        epoch: 2n,
        nextNonce: 4,
        role: "funder",
        state: "active",
        moved: null,
      } as const;
      node.state.lanes = [...node.state.lanes, stored];
      const headers = { authorization: `Bearer ${keyOf("auditor")}` };
      const { lanes } = (await node.app.inject({ url: "/v1/lanes", headers })).json<Lanes>();
      const found = lanes.find(({ address }) => address.toLowerCase() === funder);
      expect(found).to.include({ role: "funder", gasBalance: "1000000000000000000" });
      expect(lanes.filter(({ role }) => role === "lane").length).to.equal(2);
      const { body } = await node.app.inject({ url: "/metrics" });
      expect(body).to.include(
        `remesa_lane_balance_wei{lane="${funder}",role="funder",state="active"} 1000000000000000000`,
      );
    });
  });

  describe("POST /v1/lanes/{address}/{verb}", () => {
    it("answers with the lane's new state", async () => {
      expect((await act("pause", lane)).body).to.include({ state: "paused", successor: null });
      expect((await act("resume", lane)).body).to.include({ state: "active" });
      expect((await act("drain", lane)).body).to.include({ state: "draining" });
    });

    it("names the lane that took a rotated one's place", async () => {
      const { status, body } = await act("rotate", lane);
      expect([status, body.state, body.successor?.toLowerCase()]).to.deep.equal([200, "draining", spareLane]);
    });

    it("refuses a move from another state with 409", async () => {
      const { status, body } = await act("retire", lane);
      expect([status, body.code, body.retryable]).to.deep.equal([409, "lane_state_invalid", false]);
    });

    it("refuses a rotation without a stored lane with 409", async () => {
      await act("resume", spareLane);
      const { status, body } = await act("rotate", lane);
      expect([status, body.code]).to.deep.equal([409, "lane_key_missing"]);
    });

    it("finds no lane at an address that is none", async () => {
      expect((await act("pause", `0x${"99".repeat(20)}`)).status).to.equal(404);
    });

    it("knows no other verb and no other field", async () => {
      expect((await act("delete", lane)).status).to.equal(404);
      expect((await act("pause", lane, { privateKey: "0x01" })).status).to.equal(400);
    });

    for (const role of ["auditor", "approver"]) {
      it(`does not let the ${role} say it`, async () => {
        expect((await act("pause", lane, {}, role)).status).to.equal(403);
        expect(node.state.lanes[0]?.state).to.equal("active");
      });
    }
  });

  describe("GET /metrics", () => {
    it("tells each lane's balance and open slots, by state", async () => {
      const { body } = await node.app.inject({ url: "/metrics" });
      expect(body).to.include(`remesa_lane_balance_wei{lane="${lane}",role="lane",state="active"} 1000000000000000000`);
      expect(body).to.include(`remesa_lane_open_slots{lane="${lane}",role="lane",state="active"} 1`);
    });
  });

  describe("remesa lanes", () => {
    async function remesa(...args: readonly string[]) {
      const url = node.app.listeningOrigin;
      return runRemesa(["lanes", ...args, "--url", url, "--key", keyOf("operator")]);
    }
    beforeEach(async () => {
      await node.app.listen({ host: "127.0.0.1", port: 0 });
    });

    it("lists lanes with state, gas, open slots and head slot", async () => {
      const { code, out } = await remesa();
      expect(code).to.equal(0);
      const line = out.split("\n").find((one) => one.toLowerCase().includes(lane)) ?? "";
      expect(line).to.match(/lane +active +1\.0000 ETH +1 +nonce 7 sent/);
    });

    it("prints JSON with --json", async () => {
      const { out } = await remesa("--json");
      expect((JSON.parse(out) as Lanes["lanes"]).map(({ state }) => state)).to.deep.equal(["active", "stored"]);
    });

    it("moves a lane, and keeps the reason", async () => {
      const { code, out } = await remesa("pause", lane, "--reason", "its key may be known");
      expect(code).to.equal(0);
      expect(out).to.include("paused");
      expect(node.state.lanes[0]?.moved?.by).to.equal("desk: its key may be known");
    });

    it("refuses with the node's reason and remedy, exit code 1", async () => {
      const { code, err } = await remesa("retire", lane);
      expect(code).to.equal(1);
      expect(err).to.include("lane_state_invalid");
    });

    it("refuses an address with a wrong checksum as wrong usage, exit code 64", async () => {
      expect((await remesa("pause", "0x249C68Fdee94518F3C453E2cefB5a7406221463A")).code).to.equal(64);
    });
  });
});
