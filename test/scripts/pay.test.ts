/**
 * `remesa pay` against a node that drops answers, is busy, refuses, and answers for another payment. Removing the retry makes the dropped-answer
 * test fail; removing the comparison of digests makes the last one fail.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { examplePhrase } from "../../scripts/examples.ts";
import { createWallets } from "../../scripts/keystore.ts";
import { checkPayments } from "../../scripts/payments/check.ts";
import { readSignedPayments, type SignedPayment, signPayment } from "../../scripts/payments/signed.ts";
import { chainId, coin, writeRows } from "../support/payments.ts";
import { type StubNode, startStubNode } from "../support/stub-node.ts";
import { runRemesa } from "../support/terminal.ts";

const wallets = createWallets(examplePhrase);

describe("remesa pay", () => {
  let folder = "";
  let file = "";
  let signed: readonly SignedPayment[] = [];
  let node: StubNode | null = null;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "remesa-pay-"));
    file = join(folder, "payments.jsonl");
    const rows = Array.from({ length: 7 }, (_, index) => ({ reference: `R-${index}` }));
    const now = Math.floor(Date.now() / 1_000);
    const { payments } = checkPayments(writeRows(...rows), { coins: [coin], wallets, now, expires: now + 3_600 });
    signed = await Promise.all(payments.map((payment) => signPayment(payment, { chainId, wallets })));
    writeFileSync(file, signed.map((payment) => `${JSON.stringify(payment)}\n`).join(""));
  });
  afterEach(async () => {
    await node?.close();
    node = null;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function start(options: Partial<Parameters<typeof startStubNode>[0]> = {}): Promise<StubNode> {
    const digests = new Map(signed.map(({ authorization, digest }) => [authorization.nonce as string, digest]));
    node = await startStubNode({
      chainId,
      coin: coin.address,
      digestOf: (nonce) => digests.get(nonce) ?? "unknown",
      ...options,
    });
    return node;
  }

  function pay(url: string, ...extra: readonly string[]) {
    return runRemesa(["pay", file, "--url", url, "--patience", "20", ...extra]);
  }

  function readResults(): readonly { reference: string; state: string; refusal: { code: string } | null }[] {
    const text = readFileSync(`${file}.result.jsonl`, "utf8");
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  it("ends with 0 when every payment settled, with evidence for each", async () => {
    const { url } = await start();
    const { code, out } = await pay(url);
    expect(code).to.equal(0);
    expect(out).to.match(/settled\s+7\s+87\.50 XUS/);
    expect(readResults().map(({ state }) => state)).to.deep.equal(Array(7).fill("settled"));
    expect(readFileSync(`${file}.result.jsonl`, "utf8")).to.include('"evidence":{"transaction":"0xabab');
  });

  it("submits again when the answer is lost, and nothing is paid twice", async () => {
    const { url, accepted } = await start({ faults: { dropAnswers: 2 } });
    expect((await pay(url)).code).to.equal(0);
    expect([...accepted.values()]).to.deep.equal(Array(7).fill(1));
    expect(node?.batches).to.equal(3);
  });

  it("waits for a node that is not there yet", async () => {
    const { url } = await start();
    await node?.close();
    const paying = pay(url);
    await new Promise((resolve) => setTimeout(resolve, 400));
    await start({ port: Number(new URL(url).port) });
    expect((await paying).code).to.equal(0);
  });

  it("says that payer and reference were paid before when their nonce is used", async () => {
    const { url } = await start({ faults: { refuse: { "R-2": { code: "nonce_used", retryable: false } } } });
    expect((await pay(url)).out).to.include("nonce_used: this payer and reference was paid or cancelled before");
  });

  it("pays nothing twice when it is run twice", async () => {
    const { url, accepted } = await start();
    await pay(url);
    expect((await pay(url)).code).to.equal(0);
    expect([...accepted.values()]).to.deep.equal(Array(7).fill(1));
  });

  it("waits out a busy node and items refused for now", async () => {
    const { url } = await start({ faults: { busy: 2, refuse: { "R-3": { code: "chain_stale", retryable: true } } } });
    expect((await pay(url)).code).to.equal(0);
  });

  it("ends with 1 when one is refused, says which and why, and settles the others", async () => {
    const { url } = await start({ faults: { refuse: { "R-2": { code: "insufficient_funds", retryable: false } } } });
    const { code, out, err } = await pay(url);
    expect(code).to.equal(1);
    expect(out).to.match(/4\s+R-2\s+refused\s+insufficient_funds/);
    expect(err).to.include("1 of 7 payments did not settle");
    expect(readResults().filter(({ state }) => state === "settled")).to.have.length(6);
    expect(readResults()[2]?.refusal?.code).to.equal("insufficient_funds");
  });

  it("submits nothing with --dry-run", async () => {
    const { url } = await start();
    expect((await pay(url, "--dry-run")).code).to.equal(0);
    expect(node?.batches).to.equal(0);
  });

  it("refuses a file signed for another chain before anything is sent", async () => {
    const { url } = await start({ chainId: 1 });
    const { code, err } = await pay(url);
    expect(code).to.equal(1);
    expect(err).to.include("signed for chain 31337");
    expect(node?.batches).to.equal(0);
  });

  it("gives up after its patience, and leaves a result line for every payment", async () => {
    const { url } = await start({ faults: { busy: 1_000 } });
    const { code } = await runRemesa(["pay", file, "--url", url, "--patience", "1"]);
    expect(code).to.equal(1);
    expect(readResults().map(({ state }) => state)).to.deep.equal(Array(7).fill("unfinished"));
  });

  it("trusts no answer about another payment", async () => {
    const { url } = await start({ digestOf: () => `0x${"00".repeat(32)}` });
    const { code, err } = await pay(url);
    expect(code).to.equal(1);
    expect(err).to.include("another payment");
  });

  it("reads back the file it pays", () => {
    expect(readSignedPayments(file)).to.deep.equal(signed);
  });
}).timeout(30_000);
