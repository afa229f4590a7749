/**
 * `remesa keys`: secrets are printed only with --reveal, kept only encrypted, and no keystore is overwritten.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { mnemonicToAccount } from "viem/accounts";
import { examplePassphrase, examplePhrase } from "../../scripts/examples.ts";
import { createWallets, parseCustomer, parsePhrase } from "../../scripts/keystore.ts";
import { runRemesa } from "../support/terminal.ts";

const keystore = join(import.meta.dirname, "..", "..", "examples", "keystore.json");
const env = { REMESA_PASSPHRASE: examplePassphrase };

describe("remesa keys show", () => {
  it("prints addresses and neither phrase nor private key", async () => {
    for (const form of [[], ["--json"]]) {
      const { code, out, err } = await runRemesa(["keys", "show", "--keystore", keystore, ...form], { env });
      expect(code).to.equal(0);
      expect(out).to.include("0x249C68Fdee94518F3C453E2cefB5a74062214634");
      expect(out + err)
        .not.to.include("boil")
        .and.not.match(/0x[0-9a-f]{64}/);
    }
  });

  it("prints phrase and private keys with --reveal", async () => {
    const args = ["keys", "show", "--keystore", keystore, "--from", "1", "--count", "1", "--reveal"];
    const { code, out } = await runRemesa(args, { env });
    expect(code).to.equal(0);
    expect(out).to.include(examplePhrase).and.include(createWallets(examplePhrase).at(1).privateKey);
  });

  it("refuses a count above 1,000 as wrong usage", async () => {
    const { code } = await runRemesa(["keys", "show", "--keystore", keystore, "--count", "1001"], { env });
    expect(code).to.equal(64);
  });

  it("refuses when nobody can type a passphrase", async () => {
    const { code, err } = await runRemesa(["keys", "show", "--keystore", keystore]);
    expect(code).to.equal(1);
    expect(err).to.include("no passphrase was given");
  });
}).timeout(20_000);

describe("remesa keys create and import", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-keys-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("creates a keystore that only its owner can read, without printing the phrase", async () => {
    const path = join(folder, "new.json");
    const { code, out, err } = await runRemesa(["keys", "create", "--out", path, "--words", "12"], { env });
    expect(code).to.equal(0);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    const shown = await runRemesa(["keys", "show", "--keystore", path, "--json", "--reveal"], { env });
    const { phrase, wallets } = JSON.parse(shown.out);
    expect(phrase.split(" ")).to.have.length(12);
    expect(out + err).not.to.include(phrase);
    expect(readFileSync(path, "utf8")).not.to.include(phrase.split(" ")[0]);
    // Another implementation derives the same wallet from the phrase.
    expect(wallets[2].address).to.equal(mnemonicToAccount(phrase, { addressIndex: 2 }).address);
  });

  it("never overwrites a keystore", async () => {
    const path = join(folder, "there.json");
    writeFileSync(path, "precious");
    const { code, err } = await runRemesa(["keys", "create", "--out", path], { env });
    expect(code).to.equal(1);
    expect(err).to.include("exists already");
    expect(readFileSync(path, "utf8")).to.equal("precious");
  });

  it("refuses a passphrase of 11 characters", async () => {
    const path = join(folder, "weak.json");
    const { code, err } = await runRemesa(["keys", "create", "--out", path], {
      env: { REMESA_PASSPHRASE: "12345678901" },
    });
    expect(code).to.equal(1);
    expect(err).to.include("11 characters");
    expect(existsSync(path)).to.equal(false);
  });

  it("refuses two typed passphrases that differ", async () => {
    const answers = ["one long passphrase", "another passphrase"];
    const { code, err } = await runRemesa(["keys", "create", "--out", join(folder, "k.json")], { answers });
    expect(code).to.equal(1);
    expect(err).to.include("differ");
  });

  it("imports a phrase that is typed", async () => {
    const path = join(folder, "typed.json");
    const answers = [`  ${examplePhrase.toUpperCase()} `];
    const { code, out } = await runRemesa(["keys", "import", "--out", path], { env, answers });
    expect(code).to.equal(0);
    expect(out).to.include("0xD5Be3996D44400A215a448bEFc9EcDdD23B2BeC7").and.not.include("boil");
  });

  it("refuses a phrase with a wrong checksum and writes nothing", async () => {
    const path = join(folder, "typo.json");
    const answers = [examplePhrase.replace("boil", "goose")];
    const { code, err } = await runRemesa(["keys", "import", "--out", path], { env, answers });
    expect(code).to.equal(1);
    expect(err).to.include("not a BIP-39 phrase").and.not.include("swing");
    expect(existsSync(path)).to.equal(false);
  });

  it("writes nothing with --dry-run", async () => {
    const path = join(folder, "dry.json");
    const { code } = await runRemesa(["keys", "create", "--out", path, "--dry-run"], { env });
    expect(code).to.equal(0);
    expect(existsSync(path)).to.equal(false);
  });
}).timeout(20_000);

describe("createWallets", () => {
  it("finds the index of an address among the first wallets and no further", () => {
    const wallets = createWallets(examplePhrase, 5);
    expect(createWallets(examplePhrase, 5).find(wallets.addressAt(4))).to.equal(4);
    expect(createWallets(examplePhrase, 5).find(wallets.addressAt(5))).to.equal(null);
  });
});

describe("parseCustomer", () => {
  it("reads customer:17 as 17 and nothing else", () => {
    expect(parseCustomer("customer:17")).to.equal(17);
    expect(parseCustomer("customer:2147483647")).to.equal(2_147_483_647);
    for (const text of ["customer:2147483648", "customer:017", "customer:-1", "customer:", "Customer:1", "17"]) {
      expect(parseCustomer(text), text).to.equal(null);
    }
  });
});

describe("parsePhrase", () => {
  it("takes any spacing and case, and refuses a wrong checksum", () => {
    expect(parsePhrase(examplePhrase.replaceAll(" ", "\n"))).to.equal(examplePhrase);
    expect(parsePhrase(`${examplePhrase} goose`)).to.equal(null);
  });
});
