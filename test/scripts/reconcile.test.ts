/**
 * `remesa reconcile`, and the last step of `remesa settle`, against a node whose bank, books and chain do not agree: exit code 2, and a person
 * reads which account, with both amounts. Dropping `requireAgreement` from either makes its case fail.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { badLines } from "../../scripts/examples.ts";
import { readSignedPayments } from "../../scripts/payments/signed.ts";
import type { ReconciliationView } from "../../src/http/views.ts";
import { chainId, coin, payee } from "../support/payments.ts";
import { createStatement, type StubNode, startStubNode } from "../support/stub-node.ts";
import { runRemesa } from "../support/terminal.ts";

const remesaFolder = join(import.meta.dirname, "..", "..");
const accountDiffers = {
  kind: "account",
  coin: coin.address,
  account: payee,
  books: "12500000",
  chain: "12000000",
} as const;
const supplyDiffers = {
  kind: "supply",
  coin: coin.address,
  account: null,
  books: "1000000000000",
  chain: "1000000000001",
} as const;
const halted = { reason: "reconciliation: XUS account", since: "2026-11-22T12:00:01.000Z" };

function createDisagreement(...differences: ReconciliationView["differences"]): ReconciliationView {
  return createStatement(coin.address, { agrees: false, differences, halted });
}

/** The cells of the line that begins with a word, as a person tells them apart. */
function readRow(text: string, first: string): readonly string[] {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${first} `)) ?? "";
  return line.split(/ {2,}/).map((cell) => cell.trim());
}

describe("exit code 2", () => {
  let node: StubNode | null = null;
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-reconcile-"));
  });
  afterEach(async () => {
    await node?.close();
    node = null;
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(options: Partial<Parameters<typeof startStubNode>[0]> = {}): Promise<string> {
    node = await startStubNode({ chainId, coin: coin.address, digestOf: () => "unknown", ...options });
    return node.url;
  }

  describe("remesa reconcile", () => {
    const reconcile = (url: string, ...extra: readonly string[]) => runRemesa(["reconcile", "--url", url, ...extra]);

    it("ends with 0 and says that they agree when they do", async () => {
      const { code, out, err } = await reconcile(await start());
      expect([code, err]).to.deep.equal([0, ""]);
      expect(out).to.match(/^bank, books and chain agree\n/);
      expect(out).to.not.include("differs");
    });

    it("ends with 2 and names account, books and chain with their currency when they do not", async () => {
      const statement = () => createDisagreement(accountDiffers);
      const { code, out, err } = await reconcile(await start({ statement }));
      expect(code).to.equal(2);
      expect(out).to.match(/^bank, books and chain do NOT agree\n/);
      expect(readRow(out, "account")).to.deep.equal(["account", payee, "12.50 XUS", "12.00 XUS", "-0.50 XUS"]);
      expect(readRow(out, "differs").slice(1)).to.deep.equal(["account", "books", "chain", "chain less books"]);
      expect(out).to.include(halted.reason);
      expect(err).to.equal(
        "refused: bank, books and chain do not agree at block 90: 1 difference\n" +
          "remedy:  The node sends nothing new until someone looked and resumed it; see docs/OPERATING.md.\n",
      );
    });

    it("names a difference of one base unit, and one of the whole supply without an account", async () => {
      const statement = () => createDisagreement(accountDiffers, supplyDiffers);
      const { code, out, err } = await reconcile(await start({ statement }));
      expect(code).to.equal(2);
      expect(readRow(out, "supply").slice(-3)).to.deep.equal([
        "1,000,000.00 XUS",
        "1,000,000.000001 XUS",
        "0.000001 XUS",
      ]);
      expect(err).to.include(": 2 differences\n");
    });

    it("names base units where the node tells of a coin that the network does not list", async () => {
      const statement = () => createDisagreement({ ...accountDiffers, coin: `0x${"99".repeat(20)}` });
      const { code, out } = await reconcile(await start({ statement }));
      expect(code).to.equal(2);
      expect(out).to.include("12500000 base units").and.include("12000000 base units");
    });

    it("ends with 2 with --json too, the statement on stdout and nothing else", async () => {
      const statement = () => createDisagreement(accountDiffers);
      const { code, out, err } = await reconcile(await start({ statement }), "--json");
      expect(code).to.equal(2);
      expect(JSON.parse(out)).to.deep.equal(statement());
      expect(err).to.match(/^refused: /);
    });
  });

  describe("remesa settle", () => {
    it("plays the whole day and then ends with 2, naming the difference", async () => {
      const work = join(folder, "day");
      let digests: ReadonlyMap<string, string> | null = null;
      const digestOf = (nonce: string): string => {
        digests ??= new Map(
          readSignedPayments(join(work, "remittances.jsonl")).map((payment) => [
            payment.authorization.nonce,
            payment.digest,
          ]),
        );
        return digests.get(nonce) ?? "unknown";
      };
      const rows = readFileSync(join(remesaFolder, "examples", "remittances.csv"), "utf8").split("\n");
      const overspend = rows[badLines.overspend - 1]?.split(",")[0] ?? "";
      const url = await start({
        digestOf,
        looks: 0,
        faults: { refuse: { [overspend]: { code: "insufficient_funds", retryable: false } } },
        statement: () => createDisagreement(accountDiffers),
      });
      const { code, out, err } = await runRemesa(["settle", "--url", url, "--work", work, "--patience", "20"]);
      expect(code, err).to.equal(2);
      expect(node?.accepted.size).to.equal(994);
      expect(err)
        .to.match(/^pay +994 of 995 settled$/m)
        .and.match(/^redeem +20\.00 XUS of /m);
      expect(out).to.match(/^\nbank, books and chain do NOT agree\n/);
      expect(readRow(out, "account")).to.deep.equal(["account", payee, "12.50 XUS", "12.00 XUS", "-0.50 XUS"]);
      expect(err).to.match(/refused: bank, books and chain do not agree at block 90: 1 difference\nremedy: +.+\n$/);
    }).timeout(60_000);
  });
});
