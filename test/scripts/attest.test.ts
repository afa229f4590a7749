/**
 * `remesa attest` against a node that has an attestation already: what is not newer is refused before anything is asked, since the chain would
 * never take it; what was asked before is found again.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { formatAddress } from "../../src/domain/hex.ts";
import { apiKeys, blockTime, createFakeNode, statement } from "../support/fake-node.ts";
import { chainId, coin } from "../support/payments.ts";
import { createStatement, type StubNode, startStubNode } from "../support/stub-node.ts";
import { type Ran, runRemesa } from "../support/terminal.ts";

const other = `0x${"77".repeat(20)}`;

describe("remesa attest", () => {
  let folder = "";
  let node: StubNode;
  /** As-of of the bank's last attestation as the chain has it; null: none yet. */
  let bankAsOf: string | null;

  beforeEach(async () => {
    bankAsOf = "2026-11-22T12:00:00.000Z";
    folder = mkdtempSync(join(tmpdir(), "remesa-attest-"));
    writeFileSync(join(folder, "report.txt"), "the bank holds a million");
    node = await startStubNode({
      chainId,
      coin: coin.address,
      digestOf: () => "unknown",
      statement() {
        const found = createStatement(formatAddress(coin.address));
        const [own] = found.coins;
        if (own === undefined) throw new Error("a statement without a coin");
        // Another coin's attestation, far newer, decides nothing about this one.
        const foreign = { ...own, coin: other, symbol: "XEU", bankAsOf: "2030-01-01T00:00:00.000Z" };
        return { ...found, coins: [foreign, { ...own, bankAsOf }] };
      },
    });
  });
  afterEach(async () => {
    await node.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function attest(asOf: string, ...extra: readonly string[]): Promise<Ran> {
    const facts = ["--amount", "1000000.00", "--as-of", asOf, "--report", join(folder, "report.txt")];
    return runRemesa(["attest", ...facts, "--url", node.url, ...extra]);
  }

  it("asks the node when the statement is newer than the last one", async () => {
    const { code, out } = await attest("2026-11-22T12:00:01Z");
    expect(code).to.equal(0);
    expect(out).to.match(/state +settled/);
    expect(node.orders.map(({ body }) => body)).to.have.length(1);
    expect(node.orders[0]?.body["kind"]).to.equal("attest");
    expect(node.orders[0]?.body["order"]).to.include({ coin: "XUS", amount: "1000000000000", asOf: 1_795_348_801 });
  });

  it("asks the node when there is no attestation yet", async () => {
    bankAsOf = null;
    expect((await attest("2020-01-01T00:00:00Z")).code).to.equal(0);
    expect(node.orders).to.have.length(1);
  });

  for (const [name, asOf] of [
    ["as old as", "2026-11-22T12:00:00Z"],
    ["a second older than", "2026-11-22T11:59:59Z"],
  ] as const) {
    it(`ends with 1 and asks for nothing when it is ${name} the last one, with both moments and a remedy`, async () => {
      const { code, out, err } = await attest(asOf);
      expect([code, out]).to.deep.equal([1, ""]);
      expect(err)
        .to.include(`refused: --as-of ${asOf.replace("T", " ")} is not newer than 2026-11-22 12:00:00Z`)
        .and.match(/\nremedy: +\S.*--as-of/);
      expect(node.orders).to.deep.equal([]);
    });
  }

  it("refuses it in a dry run as well", async () => {
    expect((await attest("2026-11-22T12:00:00Z", "--dry-run")).code).to.equal(1);
    expect((await attest("2026-11-22T12:00:01Z", "--dry-run")).out).to.include("Dry run: nothing was asked.");
    expect(node.orders).to.deep.equal([]);
  });

  it("finds the first order when it is run again, also after a newer attestation", async () => {
    const first = await attest("2026-11-22T12:30:00Z");
    for (const latest of ["2026-11-22T12:30:00.000Z", "2026-11-22T13:00:00.000Z"]) {
      bankAsOf = latest;
      expect(await attest("2026-11-22T12:30:00Z")).to.deep.equal(first);
    }
    expect(first.code).to.equal(0);
    expect(node.orders).to.have.length(1);
  });

  it("refuses another report of the same moment, and another attempt", async () => {
    await attest("2026-11-22T12:30:00Z");
    bankAsOf = "2026-11-22T12:30:00.000Z";
    expect((await attest("2026-11-22T12:30:00Z", "--attempt", "2")).code).to.equal(1);
    writeFileSync(join(folder, "report.txt"), "the bank holds a million and one");
    expect((await attest("2026-11-22T12:30:00Z")).code).to.equal(1);
    expect(node.orders).to.have.length(1);
  });

  it("finds its own order again at the node's real routes, where asking about it makes none", async () => {
    let bankAsOf = blockTime;
    const { app, state } = await createFakeNode({
      reconciler: {
        latest: () => null,
        run: async () => ({ ...statement, coins: statement.coins.map((own) => ({ ...own, bankAsOf })) }),
      },
    });
    try {
      await app.listen({ host: "127.0.0.1", port: 0 });
      const address = app.server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const key = apiKeys.find(({ role }) => role === "operator")?.key ?? "";
      // The last attestation of this node is as of 2027-01-15 08:00:00Z, and is not one of its own orders.
      const run = (asOf: string) => {
        const facts = ["--amount", "5.00", "--as-of", asOf, "--report", join(folder, "report.txt"), "--wait", "0"];
        return runRemesa(["attest", ...facts, "--url", `http://127.0.0.1:${address.port}`, "--key", key]);
      };
      expect((await run("2027-01-15T08:00:00Z")).err).to.include("is not newer than 2027-01-15 08:00:00Z");
      expect([state.submitted, state.signed]).to.deep.equal([[], []]);
      const newer = await run("2027-01-15T08:00:01Z");
      expect(newer.code, newer.err).to.equal(0);
      bankAsOf++;
      expect(await run("2027-01-15T08:00:01Z")).to.deep.equal(newer);
      expect((await run("2027-01-15T08:00:00Z")).code).to.equal(1);
      expect(state.intents.size).to.equal(1);
    } finally {
      await app.close();
    }
  });
}).timeout(10_000);
