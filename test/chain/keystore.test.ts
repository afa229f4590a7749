/**
 * Lane keys at rest: what opens a keystore, what does not, and that no key, phrase or passphrase is ever in an error. The keystores here are
 * encrypted at a low cost; the format is the same.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { HDNodeWallet, Mnemonic, Wallet } from "ethers";
import { privateKeyToAccount } from "viem/accounts";
import { readKeystoreKeys } from "../../src/chain/keystore.ts";
import {
  KeystoreRefused,
  parsePassphraseSource,
  type PassphraseSource,
  readPassphrase,
} from "../../src/chain/passphrase.ts";
import { createLaneSigner } from "../../src/chain/signer.ts";
import { createWallets } from "../../scripts/keystore.ts";
import type { Hex } from "../../src/domain/hex.ts";
import { deployment } from "./places.ts";

const phrase = "test test test test test test test test test test test junk";
const passphrase = "correct horse battery";
const cheap = { scrypt: { N: 1_024, r: 8, p: 1 } };
const key: Hex = `0x${"5c".repeat(32)}`;

async function refusalOf(promise: Promise<unknown>): Promise<KeystoreRefused> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KeystoreRefused) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("readKeystoreKeys", () => {
  let folder = "";
  let path = "";
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "remesa-keystore-"));
    path = join(folder, "lanes.json");
    const parent = HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(phrase));
    const { encryptKeystoreJsonSync } = await import("ethers");
    const account = { address: parent.address, privateKey: parent.privateKey };
    const mnemonic = { path: parent.path ?? "", locale: "en", entropy: Mnemonic.fromPhrase(phrase).entropy };
    writeFileSync(path, encryptKeystoreJsonSync({ ...account, mnemonic }, passphrase, cheap), { mode: 0o600 });
    writeFileSync(join(folder, "one.json"), encryptKeystoreJsonSync(new Wallet(key), passphrase, cheap), {
      mode: 0o600,
    });
    writeFileSync(join(folder, "none.json"), "{}", { mode: 0o600 });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("reads the first keys of a phrase: the wallets that `remesa keys show` lists", async () => {
    const keys = await readKeystoreKeys({ path, passphrase, count: 3 });
    const wallets = createWallets(phrase);
    const addresses = keys.map((one) => privateKeyToAccount(one).address.toLowerCase());
    expect(addresses).to.deep.equal([0, 1, 2].map((index) => wallets.addressAt(index)));
  });

  it("reads the one key of a file without a phrase, however many are asked for", async () => {
    const keys = await readKeystoreKeys({ path: join(folder, "one.json"), passphrase, count: 3 });
    expect(keys).to.deep.equal([key]);
  });

  it("makes lanes of them; those past the first count only wait", async () => {
    const [first, second] = await readKeystoreKeys({ path, passphrase, count: 2 });
    if (first === undefined || second === undefined) throw new Error("two keys");
    const signer = await createLaneSigner({ keys: [first], spareKeys: [second], deployment, maxFeePerGas: 1n });
    expect(signer.lanes).to.have.length(2);
    expect([...(signer.spare ?? [])]).to.deep.equal(signer.lanes.slice(1));
  });

  const refused: readonly [string, KeystoreRefused["why"], () => { path: string; passphrase: string }][] = [
    ["a wrong passphrase", "wrong_passphrase", () => ({ path, passphrase: "battery horse correct" })],
    ["an empty passphrase", "wrong_passphrase", () => ({ path, passphrase: "" })],
    ["a file that is none", "not_a_keystore", () => ({ path: join(folder, "none.json"), passphrase })],
    ["a file that is not there", "unreadable", () => ({ path: join(folder, "gone.json"), passphrase })],
  ];
  for (const [title, why, options] of refused) {
    it(`refuses ${title}, and tells no secret`, async () => {
      const error = await refusalOf(readKeystoreKeys({ ...options(), count: 2 }));
      expect(error.why).to.equal(why);
      const told = `${error.message} ${error.stack ?? ""} ${String(error.cause)}`;
      for (const secret of [passphrase, "battery horse correct", phrase, key.slice(2)]) {
        expect(told).to.not.include(secret);
      }
    });
  }

  it("refuses a file that others can read", async () => {
    chmodSync(path, 0o640);
    expect((await refusalOf(readKeystoreKeys({ path, passphrase, count: 1 }))).why).to.equal("open_to_others");
    chmodSync(path, 0o600);
  });
});

describe("node src/main.ts", () => {
  let folder = "";
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "remesa-start-"));
    const { encryptKeystoreJsonSync } = await import("ethers");
    const keystore = encryptKeystoreJsonSync(new Wallet(key), passphrase, cheap);
    writeFileSync(join(folder, "lanes.json"), keystore, { mode: 0o600 });
    writeFileSync(join(folder, "deployment.json"), JSON.stringify(deployment));
    const credentials = { url: "http://127.0.0.1:1", apiKeys: [], lanes: [], roles: {}, wallets: [] };
    writeFileSync(join(folder, "credentials.json"), JSON.stringify(credentials), { mode: 0o600 });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function start(env: Readonly<Record<string, string>>) {
    const main = join(import.meta.dirname, "..", "..", "src", "main.ts");
    // Nothing listens there: a node that got past its keys would wait for the chain, and be killed.
    const chain = { RPC_URL: "http://127.0.0.1:1", REMESA_DATA: folder, PORT: "0" };
    const { status, stderr } = spawnSync(process.execPath, ["--no-warnings", main], {
      env: { PATH: process.env["PATH"], ...chain, ...env },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 12_000,
      killSignal: "SIGKILL",
    });
    return { status, stderr };
  }
  const keystore = () => ({ LANE_KEYSTORE: join(folder, "lanes.json") });
  const tellsNothing = (text: string) => {
    for (const secret of [passphrase, "wrong words", key.slice(2)]) expect(text).to.not.include(secret);
  };

  it("ends with 2 and a sentence when the passphrase is wrong, and tells no secret", () => {
    const { status, stderr } = start({ ...keystore(), LANE_PASSPHRASE: "env:WORDS", WORDS: "wrong words" });
    expect(stderr.trim()).to.equal(`the passphrase does not open ${join(folder, "lanes.json")}`);
    expect(status).to.equal(2);
    tellsNothing(stderr);
  }).timeout(30_000);

  it("ends with 2 when nobody is there to type it", () => {
    const { status, stderr } = start(keystore());
    expect(stderr.trim()).to.equal("nobody typed a passphrase");
    expect(status).to.equal(2);
  }).timeout(30_000);

  it("ends with 2 when the source is none of the four, without repeating it", () => {
    const { status, stderr } = start({ ...keystore(), LANE_PASSPHRASE: "wrong words" });
    expect(stderr).to.include("LANE_PASSPHRASE");
    expect(status).to.equal(2);
    tellsNothing(stderr);
  }).timeout(30_000);

  it("ends with 2 when there is no lane at all", () => {
    const { status, stderr } = start({});
    expect(stderr).to.include("LANE_KEYSTORE");
    expect(status).to.equal(2);
  }).timeout(30_000);

  it("ends with 2 when the funder's key is a lane's", () => {
    const words = { LANE_PASSPHRASE: "env:WORDS", WORDS: passphrase, FUNDER_PASSPHRASE: "env:MORE", MORE: passphrase };
    const { status, stderr } = start({ ...keystore(), ...words, FUNDER_KEYSTORE: join(folder, "lanes.json") });
    expect(stderr).to.include("FUNDER_KEYSTORE");
    expect(status).to.equal(2);
    tellsNothing(stderr);
  }).timeout(30_000);

  it("goes on to the chain with the right passphrase", () => {
    const { status, stderr } = start({ ...keystore(), LANE_PASSPHRASE: "env:WORDS", WORDS: passphrase });
    expect(stderr).to.include("waiting for the chain");
    expect(status, "killed while waiting").to.equal(null);
    tellsNothing(stderr);
  }).timeout(30_000);
});

describe("parsePassphraseSource", () => {
  it("reads the four forms", () => {
    const read = ["file:/run/secrets/lanes", "env:LANES", "fd:3", "prompt"].map(parsePassphraseSource);
    expect(read).to.deep.equal([
      { kind: "file", path: "/run/secrets/lanes" },
      { kind: "env", name: "LANES" },
      { kind: "fd", number: 3 },
      { kind: "prompt" },
    ]);
  });

  for (const text of ["", "secret", "file:", "env:a b", "fd:2", "fd:x", "fd:-1", "prompt:", "FILE:/x"]) {
    it(`refuses "${text}"`, () => {
      expect(parsePassphraseSource(text)).to.equal(null);
    });
  }
});

describe("readPassphrase", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-passphrase-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const place = (text: string, mode = 0o600): string => {
    const path = join(folder, `${text.length}-${mode}`);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const ask = async (): Promise<string | null> => null;

  it("takes a file's line without its line break, and inner spaces as they are", async () => {
    const source = { kind: "file", path: place(" two words \n") } as const;
    expect(await readPassphrase(source, { env: {}, ask })).to.equal(" two words ");
  });

  it("refuses a file that others can read", async () => {
    const source = { kind: "file", path: place("secret words", 0o644) } as const;
    const error = await refusalOf(readPassphrase(source, { env: {}, ask }));
    expect(error.why).to.equal("open_to_others");
    expect(error.message).to.not.include("secret words");
  });

  it("takes a variable, and takes it away from child processes", async () => {
    const env = { LANES: "secret words", OTHER: "stays" };
    expect(await readPassphrase({ kind: "env", name: "LANES" }, { env, ask })).to.equal("secret words");
    expect(env).to.deep.equal({ OTHER: "stays" });
  });

  it("takes an open file descriptor", async () => {
    const number = openSync(place("from a pipe\n"), "r");
    try {
      expect(await readPassphrase({ kind: "fd", number }, { env: {}, ask })).to.equal("from a pipe");
    } finally {
      closeSync(number);
    }
  });

  it("asks whoever sits at the terminal", async () => {
    expect(await readPassphrase({ kind: "prompt" }, { env: {}, ask: async () => "typed" })).to.equal("typed");
  });

  const missing: readonly [string, PassphraseSource][] = [
    ["an unset variable", { kind: "env", name: "LANES" }],
    ["a descriptor that is not open", { kind: "fd", number: 999 }],
    ["a file that is not there", { kind: "file", path: "/nonexistent/passphrase" }],
    ["nobody at the terminal", { kind: "prompt" }],
  ];
  for (const [title, source] of missing) {
    it(`refuses ${title}`, async () => {
      expect((await refusalOf(readPassphrase(source, { env: {}, ask }))).why).to.equal("unreadable");
    });
  }
});
