import { expect } from "chai";
import { toWord } from "../../../src/domain/hex.ts";
import type { Problem } from "../../../src/http/schemas.ts";
import type { Account, Network } from "../../../src/http/views.ts";
import { spellAddress } from "../../../src/http/spelling.ts";
import {
  ana,
  authority,
  claims,
  coin,
  commerce,
  createFakeNode,
  dispatcher,
  escrow,
  type FakeNode,
  lane,
  luis,
  quetzal,
  registry,
  swap,
  treasury,
} from "../../support/fake-node.ts";

describe("http/routes/facts", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
  });
  afterEach(() => node.app.close());
  const get = (url: string) => node.app.inject({ url });

  describe("GET /health", () => {
    it("says ok, chain, block and version", async () => {
      expect((await get("/health")).json()).to.deep.equal({
        status: "ok",
        chainId: 31_337,
        block: 100,
        version: "0.1.0",
      });
    });

    it("is ok before the first block, and while halted, stale or without its store", async () => {
      node.state.head = null;
      node.state.headAgeMs = Number.POSITIVE_INFINITY;
      node.state.fault = new Error("gone");
      const answer = await get("/health");
      expect(answer.statusCode).to.equal(200);
      expect(answer.json()).to.include({ block: null });
    });
  });

  describe("GET /ready", () => {
    it("is ready with a fresh head", async () => {
      expect((await get("/ready")).json()).to.deep.equal({ status: "ready", block: 100, headAgeMs: 10, halted: null });
    });

    it("is ready while halted, and says so: intake goes on", async () => {
      node.state.halt = { reason: "books differ", since: 0 };
      const answer = await get("/ready");
      expect(answer.statusCode).to.equal(200);
      expect(answer.json()).to.deep.include({ halted: { reason: "books differ", since: "1970-01-01T00:00:00.000Z" } });
    });

    for (const [name, change, code] of [
      ["before the first block", (node: FakeNode) => void (node.state.head = null), "chain_stale"],
      ["with a head older than its limit", (node: FakeNode) => void (node.state.headAgeMs = 30_001), "chain_stale"],
      ["without its store", (node: FakeNode) => void (node.state.fault = new Error("x")), "storage_unavailable"],
    ] as const) {
      it(`is not ready ${name}`, async () => {
        change(node);
        const answer = await get("/ready");
        expect(answer.statusCode).to.equal(503);
        expect(answer.json<Problem>()).to.include({ code, retryable: true });
      });
    }

    it("is ready with a head exactly as old as its limit", async () => {
      node.state.headAgeMs = 30_000;
      expect((await get("/ready")).statusCode).to.equal(200);
    });
  });

  describe("GET /metrics", () => {
    it("tells intents by state, the head, halts and requests by route", async () => {
      node.state.halt = { reason: "x", since: 0 };
      await get(`/v1/accounts/${ana}`);
      const answer = await get("/metrics");
      expect(answer.headers["content-type"]).to.match(/^text\/plain/);
      for (const line of [
        'remesa_intents{state="accepted"} 0',
        "remesa_halted 1",
        'remesa_block{tag="latest"} 100',
        "remesa_head_age_seconds 0.01",
        "remesa_books_agree -1",
        'remesa_http_request_seconds_count{method="GET",route="/v1/accounts/:address",status="200"} 1',
      ]) {
        expect(answer.body.split("\n")).to.include(line);
      }
    });

    it("never has a label per path", async () => {
      for (let n = 0; n < 5; n++) await get(`/v1/transfers/tr_${n}`);
      const { body } = await get("/metrics");
      expect(body.match(/remesa_http_request_seconds_count/g)).to.have.length(1);
      expect(body).to.not.include("tr_1");
    });
  });

  describe("GET /v1/network", () => {
    it("tells everything a client needs to sign and to know whom it talks to", async () => {
      const network = (await get("/v1/network")).json<Network>();
      expect(network).to.deep.include({
        chainId: 31_337,
        blockIntervalMs: 250,
        finality: { depth: 2 },
        lanes: [lane],
        limits: { batch: 1_000, maxValiditySeconds: 86_400, requestsPerMinute: 10_000 },
        sandbox: true,
      });
      expect(network.coins).to.deep.equal([
        { symbol: "XUS", name: "Remesa Dollar", version: "1", decimals: 6, address: coin },
        { symbol: "XGT", name: "Remesa Quetzal", version: "1", decimals: 6, address: spellAddress(quetzal) },
      ]);
      expect(network.contracts).to.deep.equal({
        authority,
        treasury,
        redemptions: escrow,
        claims,
        commerce,
        swap,
        registry,
        dispatcher,
      });
      expect(Object.keys(network.roles)).to.deep.equal([
        "dealer",
        "attestor",
        "issuer",
        "freezer",
        "agent",
        "seizer",
        "approver",
        "cosigner",
        "arbiter",
      ]);
      expect(network.latest).to.include({ number: 100, time: "2027-01-15T08:00:00.000Z" });
    });

    it("shows null for roles whose key the node does not have", async () => {
      node.state.missingRoles = ["freezer"];
      expect((await get("/v1/network")).json<Network>().roles["freezer"]).to.equal(null);
    });
  });

  describe("GET /v1/accounts/{address}", () => {
    it("shows balance, held, frozen and what is left", async () => {
      const [account] = (await get(`/v1/accounts/${ana}`)).json<Account>().coins;
      const { nonces, ...rest } = account ?? { nonces: [] };
      expect(rest).to.deep.equal({
        coin,
        symbol: "XUS",
        balance: "5000000",
        held: "1000000",
        available: "3500000",
        frozen: "500000",
        frozenWhole: false,
        vasp: 7,
      });
      expect(nonces).to.have.length(16);
    });

    it("shows every coin with the account's wallet operator", async () => {
      const { coins } = (await get(`/v1/accounts/${ana}`)).json<Account>();
      expect(coins.map(({ symbol, vasp }) => [symbol, vasp])).to.deep.equal([
        ["XUS", 7],
        ["XGT", 7],
      ]);
    });

    it("offers free window nonces only, lowest first", async () => {
      const [account] = (await get(`/v1/accounts/${ana}`)).json<Account>().coins;
      // Base 3; 4 is consumed and 5 is on its way.
      expect(account?.nonces.slice(0, 3)).to.deep.equal([toWord(3n), toWord(6n), toWord(7n)]);
    });

    it("shows an account that is frozen whole", async () => {
      const [account] = (await get(`/v1/accounts/${luis}`)).json<Account>().coins;
      expect(account).to.include({ frozen: "5000000", frozenWhole: true, available: "0" });
    });

    it("never offers less than nothing", async () => {
      const { store } = node.deps;
      const low = await createFakeNode({
        store: {
          ...store,
          async readAccounts(accounts) {
            return (await store.readAccounts(accounts)).map((account) => ({ ...account, balance: 1n }));
          },
        },
      });
      const [account] = (await low.app.inject({ url: `/v1/accounts/${ana}` })).json<Account>().coins;
      expect(account).to.include({ balance: "1", available: "0" });
      await low.app.close();
    });

    for (const [name, readAccounts] of [
      ["fails", () => Promise.reject(new Error("no chain"))],
      ["does not answer", () => new Promise<never>(() => {})],
    ] as const) {
      it(`answers without the wallet operator when the chain ${name}`, async () => {
        const other = await createFakeNode({ chain: { ...node.deps.chain, readAccounts } });
        const answer = await other.app.inject({ url: `/v1/accounts/${ana}` });
        expect(answer.statusCode).to.equal(200);
        expect(answer.json<Account>().coins[0]?.vasp).to.equal(null);
        await other.app.close();
      });
    }

    it("refuses what is no address", async () => {
      for (const bad of ["ana", "0x1", "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"]) {
        expect((await get(`/v1/accounts/${bad}`)).statusCode).to.equal(400);
      }
    });
  });
});
