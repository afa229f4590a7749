/**
 * Whose key signs, by name: a keystore's wallet, a devnet's people and roles; and moments that a person types.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Wallet } from "ethers";
import picocolors from "picocolors";
import { createWallets, encryptKeystore, writeKeystore } from "../../scripts/keystore.ts";
import { examplePhrase } from "../../scripts/examples.ts";
import type { Session } from "../../scripts/session.ts";
import { readMoment } from "../../scripts/terminal/options.ts";
import { exitCodes, Refusal } from "../../scripts/terminal/refusal.ts";
import type { Terminal } from "../../scripts/terminal/terminal.ts";
import { openWallet, readParty } from "../../scripts/wallets.ts";
import { type Hex, toLower } from "../../src/domain/hex.ts";
import { createClient } from "../../src/http/client.ts";

const [anasKey, agentsKey] = ["a1", "b2"].map((byte): Hex => `0x${byte.repeat(32)}`) as [Hex, Hex];
const ana = new Wallet(anasKey).address;
const session: Session = {
  client: createClient({ url: "http://127.0.0.1:9" }),
  url: "http://127.0.0.1:9",
  folder: null,
  credentials: {
    url: "http://127.0.0.1:9",
    apiKeys: [],
    lanes: [anasKey],
    roles: { agent: agentsKey },
    wallets: [{ name: "Ana", country: "US", address: toLower(ana), privateKey: anasKey }],
  },
};
const silent: Terminal = {
  env: {},
  folder: "/nonexistent",
  colours: picocolors.createColors(false),
  live: false,
  write: () => {},
  note: () => {},
  askSecret: () => Promise.resolve(null),
};
const open = async (options: Parameters<typeof openWallet>[2]): Promise<string> =>
  (await openWallet(silent, session, options)).address;
const refused = (options: Parameters<typeof openWallet>[2]): Promise<unknown> =>
  open(options).catch((error: unknown) => error);

describe("openWallet", () => {
  it("opens a devnet's people in any case, and its roles by role:<name>", async () => {
    expect(await open({ wallet: "Ana" })).to.equal(ana);
    expect(await open({ wallet: "ana" })).to.equal(ana);
    expect(await open({ wallet: "role:agent" })).to.equal(new Wallet(agentsKey).address);
  });

  it("opens customer:<index> of a keystore", async () => {
    const folder = mkdtempSync(join(tmpdir(), "remesa-wallets-"));
    try {
      const [keystore, passphraseFile] = [join(folder, "k.json"), join(folder, "p")];
      writeKeystore(keystore, await encryptKeystore(examplePhrase, "correct horse battery"));
      writeFileSync(passphraseFile, "correct horse battery\n");
      const expected = createWallets(examplePhrase).at(7).address;
      expect(await open({ wallet: "customer:7", keystore, passphraseFile })).to.equal(expected);
      expect(await open({ wallet: "Ana", name: "customer:7", keystore, passphraseFile })).to.equal(expected);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }).timeout(30_000);

  it("refuses a name it does not know, and wants one", async () => {
    expect(await refused({ wallet: "Eva" }))
      .to.be.instanceOf(Refusal)
      .with.property("message", 'wallet "Eva" is unknown');
    expect(await refused({ wallet: "role:admin" })).to.be.instanceOf(Refusal);
    expect(await refused({ wallet: "customer:1" })).to.be.instanceOf(Refusal);
    expect(await refused({})).to.have.property("exitCode", exitCodes.usage);
  });
});

describe("readParty", () => {
  it("reads a name of the devnet or an address with a right checksum", () => {
    expect(readParty(session, "Ana", "--to")).to.equal(toLower(ana));
    expect(readParty(session, ana, "--to")).to.equal(toLower(ana));
  });
  it("refuses anything else", () => {
    const mistyped = ana.replace(/[A-F]/, (letter) => letter.toLowerCase());
    for (const text of ["Eva", "0x12", mistyped]) {
      expect(() => readParty(session, text, "--to"), text).to.throw(Refusal, `--to "${text}" is neither`);
    }
  });
});

describe("readMoment", () => {
  const now = 1_800_000_000;
  const read = (text: string): number => readMoment(text, { name: "--expires", now });
  it("counts from now in seconds, minutes, hours and days", () => {
    expect(["+0s", "+90s", "+30m", "+12h", "+7d"].map((text) => read(text) - now)).to.deep.equal([
      0, 90, 1_800, 43_200, 604_800,
    ]);
  });
  it("reads RFC 3339, also as the node writes it", () => {
    expect(read("2026-11-22T18:00:00Z")).to.equal(1_795_370_400);
    expect(read("2026-11-22T18:00:00.000Z")).to.equal(1_795_370_400);
  });
  it("refuses anything else", () => {
    for (const text of ["", "7d", "+7w", "+-1d", "tomorrow", "2026-11-22", "2026-11-22T18:00:00.5Z"]) {
      expect(() => read(text), text).to.throw(Refusal, "--expires");
    }
  });
});
