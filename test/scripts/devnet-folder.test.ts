/** A devnet's data folder: one user at a time, set aside and never deleted, credentials of its own. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { DevnetError, openFolder, prepareCredentials, readGenesis, writeGenesis } from "../../scripts/devnet/folder.ts";

describe("a devnet's folder", () => {
  let root: string;
  let path: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "remesa-folder-"));
    path = join(root, "data");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("is refused to a second devnet until the first releases it", () => {
    const folder = openFolder(path);
    expect(() => openFolder(path)).to.throw(DevnetError, "is in use by another devnet");
    folder.release();
    openFolder(path).release();
  });

  it("is for its owner alone", () => {
    openFolder(path).release();
    expect(statSync(path).mode & 0o077).to.equal(0);
  });

  it("set aside keeps every file under a dated name and begins empty", () => {
    const folder = openFolder(path);
    writeFileSync(join(path, "remesa.db"), "books");
    const name = folder.setAside();
    expect(name).to.match(/data\.\d{4}-\d\d-\d\dT\d{6}Z$/);
    expect(readFileSync(join(name ?? "", "remesa.db"), "utf8")).to.equal("books");
    expect(existsSync(join(path, "remesa.db"))).to.equal(false);
    expect(() => openFolder(path)).to.throw(DevnetError);
    folder.release();
  });

  it("set aside twice in one second takes two names", () => {
    const folder = openFolder(path);
    const names = [1, 2].map(() => {
      writeFileSync(join(path, "remesa.db"), "books");
      return folder.setAside();
    });
    folder.release();
    expect(new Set(names).size).to.equal(2);
    for (const name of names) expect(existsSync(join(name ?? "", "remesa.db"))).to.equal(true);
  });

  it("with nothing in it is not set aside", () => {
    const folder = openFolder(path);
    expect(folder.setAside()).to.equal(null);
    folder.release();
  });

  it("remembers its chain's first block", () => {
    openFolder(path).release();
    expect(readGenesis(path)).to.equal(null);
    writeGenesis(path, "0xabcd");
    expect(readGenesis(path)).to.equal("0xabcd");
  });

  it("gets fresh credentials once: later only the address of the node changes", () => {
    openFolder(path).release();
    const first = prepareCredentials(path, "http://127.0.0.1:1");
    const second = prepareCredentials(path, "http://127.0.0.1:2");
    expect(second).to.deep.equal({ ...first, url: "http://127.0.0.1:2" });
    const other = join(root, "other");
    openFolder(other).release();
    expect(prepareCredentials(other, "http://127.0.0.1:1").lanes).to.not.deep.equal(first.lanes);
  });

  it("keeps credentials in a file that only its owner can read, every key different", () => {
    openFolder(path).release();
    const { apiKeys, lanes, roles, wallets } = prepareCredentials(path, "http://127.0.0.1:1");
    expect(statSync(join(path, "credentials.json")).mode & 0o777).to.equal(0o600);
    const keys = [
      ...apiKeys.map(({ key }) => key),
      ...lanes,
      ...Object.values(roles),
      ...wallets.map((w) => w.privateKey),
    ];
    expect(new Set(keys).size).to.equal(keys.length);
    expect(apiKeys.map(({ role }) => role)).to.deep.equal(["operator", "approver", "auditor"]);
  });
});
