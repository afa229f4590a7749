/**
 * Webhooks over HTTP: who may have which events sent where, what is shown of it, and that a secret is told once.
 */
import { expect } from "chai";
import { maxBodyBytes } from "../../../src/domain/webhook.ts";
import { createCourier } from "../../../src/http/courier.ts";
import { type WebhookCreated, type WebhookView, writeBody } from "../../../src/http/webhooks.ts";
import { ana, createFakeNode, type FakeNode, keyOf, logIn, luis } from "../../support/fake-node.ts";
import { spellAddress } from "../../../src/http/spelling.ts";

type Method = "GET" | "POST" | "DELETE";
const url = "https://hook.example/events";

describe("webhooks", () => {
  let node: FakeNode;
  let wallet: string;
  let count = 0;
  beforeEach(async () => {
    node = await createFakeNode();
    wallet = await logIn(node);
  });
  afterEach(() => node.app.close());

  interface Options {
    readonly as?: "operator" | "auditor" | "approver" | "wallet";
    readonly key?: string | null;
    readonly payload?: object;
  }
  async function call<T = WebhookView>(method: Method, path: string, { as = "operator", key, payload }: Options = {}) {
    const headers: Record<string, string> = { authorization: `Bearer ${as === "wallet" ? wallet : keyOf(as)}` };
    if (key !== null) headers["idempotency-key"] = key ?? `k${++count}`;
    const answer = await node.app.inject({
      method,
      url: `/v1/webhook-endpoints${path}`,
      headers,
      ...(payload === undefined ? {} : { payload }),
    });
    return {
      status: answer.statusCode,
      hit: answer.headers["idempotency-hit"],
      text: answer.body,
      body: answer.json<T & { code: string }>(),
    };
  }
  const create = (payload: object = { url }, options: Options = {}) =>
    call<WebhookCreated>("POST", "", { payload, ...options });

  describe("POST /v1/webhook-endpoints", () => {
    it("answers 201 with the secret, and begins with what happens next", async () => {
      node.publish({ intent: null, type: "halted", accounts: [], body: {}, at: 0 });
      const { status, body } = await create({ url, types: ["settled"], account: luis });
      expect(status).to.equal(201);
      expect(body.id).to.match(/^wh_[0-9a-z]{25}$/);
      expect(Buffer.from(body.secret?.replace("whsec_", "") ?? "", "base64")).to.have.length(32);
      expect(body).to.deep.include({
        url,
        account: spellAddress(luis),
        types: ["settled"],
        state: "enabled",
        reason: null,
        position: "1",
        waiting: 0,
      });
    });

    it("tells the secret once: not in a repeat, a list or a look", async () => {
      const { body, text } = await create({ url }, { key: "one" });
      const secret = body.secret ?? "";
      expect(text).to.include(secret);
      const repeat = await create({ url }, { key: "one" });
      expect([repeat.status, repeat.hit, repeat.body.id, repeat.body.secret]).to.deep.equal([
        201,
        "true",
        body.id,
        null,
      ]);
      for (const answer of [
        repeat,
        await call("GET", ""),
        await call("GET", `/${body.id}`),
        await call("POST", `/${body.id}/enable`),
        await call("POST", `/${body.id}/replay`, { payload: { after: "0" } }),
        await call("DELETE", `/${body.id}`),
      ]) {
        expect(answer.status).to.be.lessThan(300);
        expect(answer.text).to.not.include(secret);
      }
    });

    it("needs an Idempotency-Key, and refuses one of another request", async () => {
      expect((await create({ url }, { key: null })).body.code).to.equal("idempotency_key_missing");
      await create({ url }, { key: "one" });
      const other = await create({ url: `${url}/2` }, { key: "one" });
      expect([other.status, other.body.code]).to.deep.equal([422, "idempotency_key_reused"]);
      expect((await create({ url }, { key: "one", as: "auditor" })).hit, "each login has its own keys").to.equal(
        undefined,
      );
    });

    it("makes one of two requests with one key that come at once", async () => {
      const both = await Promise.all([create({ url }, { key: "one" }), create({ url }, { key: "one" })]);
      expect(new Set(both.map(({ body }) => body.id)).size).to.equal(1);
      expect(both.filter(({ body }) => body.secret !== null)).to.have.length(1);
      expect(node.state.webhooks).to.have.length(1);
    });

    it("gives a wallet its own account's events, and never another's", async () => {
      expect((await create({ url }, { as: "wallet" })).body.account?.toLowerCase()).to.equal(ana);
      const other = await create({ url, account: luis }, { as: "wallet" });
      expect([other.status, other.body.code]).to.deep.equal([403, "forbidden"]);
      expect((await create({ url }, { as: "auditor" })).body.account).to.equal(null);
    });

    it("refuses a URL that leads nowhere public", async () => {
      await node.app.close();
      const resolve = async (host: string) => (host === "hook.example" ? ["93.184.216.34"] : ["10.1.2.3"]);
      node = await createFakeNode({ courier: createCourier({ devnet: false, clock: { now: () => 0 }, resolve }) });
      for (const bad of ["http://hook.example/", "https://inside.example/", "https://127.0.0.1/", "https://[::1]/"]) {
        const { status, body } = await create({ url: bad });
        expect([status, body.code], bad).to.deep.equal([422, "webhook_url_refused"]);
      }
      expect((await create()).status).to.equal(201);
    });

    for (const [what, payload] of [
      ["no url", {}],
      ["an unknown type", { url, types: ["paid"] }],
      ["no types", { url, types: [] }],
      ["an unknown field", { url, secret: "whsec_mine" }],
      ["a url of 1,001 characters", { url: `https://hook.example/${"x".repeat(980)}` }],
    ] as const) {
      it(`refuses ${what}`, async () => {
        const { status, body } = await create(payload);
        expect([status, body.code]).to.deep.equal([400, "request_malformed"]);
      });
    }

    it("keeps eight for one login, and room for the keys beside fifty of wallets", async () => {
      const own = [];
      for (let n = 0; n < 9; n++) own.push((await create({ url })).status);
      expect(own).to.deep.equal([...Array.from({ length: 8 }, () => 201), 409]);
      const [first] = node.state.webhooks;
      if (first === undefined) throw new Error("none was made");
      for (let n = 0; n < 42; n++) node.state.webhooks.push({ ...first, owner: `0x${n}`, key: "k", id: `wh_${n}` });
      const refused = await create({ url }, { as: "wallet" });
      expect([refused.status, refused.body.code]).to.deep.equal([409, "webhook_limit"]);
      expect((await create({ url }, { as: "auditor" })).status).to.equal(201);
    });
  });

  describe("GET /v1/webhook-endpoints", () => {
    it("shows a wallet its own, and a key all", async () => {
      const mine = (await create({ url }, { as: "wallet" })).body.id;
      const other = (await create({ url })).body.id;
      const ids = async (as: "wallet" | "auditor") =>
        (await call<{ data: WebhookView[] }>("GET", "", { as })).body.data.map(({ id }) => id);
      expect(await ids("wallet")).to.deep.equal([mine]);
      expect(await ids("auditor")).to.deep.equal([mine, other]);
      expect((await call("GET", `/${other}`, { as: "wallet" })).status).to.equal(404);
      expect((await call("GET", `/${mine}`, { as: "approver" })).body.id).to.equal(mine);
      expect((await call("GET", "/wh_none")).body.code).to.equal("not_found");
    });

    it("says how a webhook fares", async () => {
      const { id } = (await create()).body;
      const [stored] = node.state.webhooks;
      if (stored === undefined) throw new Error("none was made");
      node.state.webhooks[0] = {
        ...stored,
        disabled: "gave_up",
        failures: 80,
        lastError: "status 500",
        missed: 3n,
        waiting: 2,
      };
      expect((await call("GET", `/${id}`)).body).to.deep.include({
        state: "disabled",
        reason: "gave_up",
        failures: 80,
        lastError: "status 500",
        missed: "3",
        waiting: 2,
      });
      const { body } = await node.app.inject({ url: "/metrics" });
      for (const line of [
        'remesa_webhooks{state="disabled"} 1',
        'remesa_webhooks{state="enabled"} 0',
        "remesa_webhook_deliveries_waiting 2",
        "remesa_webhook_failures 0",
      ]) {
        expect(body.split("\n")).to.include(line);
      }
    });
  });

  describe("the body of a delivery", () => {
    const write = async (text: string) => {
      const event = { sequence: 5n, intent: null, type: "halted", accounts: [ana], body: { reason: text }, at: 0 };
      return writeBody({ readIntent: async () => null }, event);
    };

    it("is the event as its stream tells it", async () => {
      expect(JSON.parse(await write("x"))).to.deep.equal({
        sequence: "5",
        id: null,
        type: "halted",
        at: "1970-01-01T00:00:00.000Z",
        accounts: [spellAddress(ana)],
        data: { reason: "x" },
      });
    });

    it("has 20,000 bytes at most: beyond it leaves the facts out and says so", async () => {
      const room = maxBodyBytes - Buffer.byteLength(await write(""));
      const [fits, long] = [await write("x".repeat(room)), await write("x".repeat(room + 1))];
      expect(Buffer.byteLength(fits)).to.equal(20_000);
      expect(Buffer.byteLength(long)).to.be.lessThan(300);
      expect(JSON.parse(long)).to.have.keys("sequence", "id", "type", "at", "accounts", "data");
      expect((JSON.parse(long) as { data: object }).data).to.have.keys("omitted");
    });
  });

  describe("moving a webhook", () => {
    it("is for whoever made it, and for the operator", async () => {
      const { id } = (await create({ url }, { as: "auditor" })).body;
      for (const as of ["approver", "wallet"] as const) {
        const moves = [
          await call("POST", `/${id}/enable`, { as }),
          await call("POST", `/${id}/replay`, { as, payload: { after: "0" } }),
          await call("DELETE", `/${id}`, { as }),
        ];
        const expected = as === "wallet" ? 404 : 403;
        expect(moves.map(({ status }) => status)).to.deep.equal([expected, expected, expected]);
      }
      expect((await call("POST", `/${id}/enable`, { as: "auditor" })).status).to.equal(200);
      expect((await call("DELETE", `/${id}`, { as: "operator" })).status).to.equal(200);
      expect(node.state.webhooks).to.deep.equal([]);
    });

    it("enables one that was disabled", async () => {
      const { id } = (await create()).body;
      const [stored] = node.state.webhooks;
      if (stored === undefined) throw new Error("none was made");
      node.state.webhooks[0] = { ...stored, disabled: "gone", failures: 3 };
      expect((await call("POST", `/${id}/enable`)).body).to.include({ state: "enabled", reason: null, failures: 0 });
    });

    it("replays from a place that was reached and is still kept", async () => {
      for (let n = 0; n < 5; n++) node.publish({ intent: null, type: "halted", accounts: [], body: {}, at: 0 });
      const { id } = (await create()).body;
      const replay = (after: string) => call("POST", `/${id}/replay`, { payload: { after } });
      const ahead = await replay("6");
      expect([ahead.status, ahead.body.code]).to.deep.equal([400, "request_malformed"]);
      node.state.oldestEvent = 3n;
      const gone = await replay("1");
      expect([gone.status, gone.body.code]).to.deep.equal([410, "events_gone"]);
      expect((await replay("2")).body.position).to.equal("2");
      expect((await replay("x")).status).to.equal(400);
    });
  });
});
