/**
 * `remesa backup` and `restore` beside the real store. Removing the lock check makes "refuses while a node runs there" fail; removing the check of
 * the chain, of soundness, or the move aside makes its own test fail.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { inspectDatabase } from "../../scripts/database.ts";
import type { Store } from "../../src/pipeline/ports.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { runRemesa } from "../support/terminal.ts";

function identity(chainId: number) {
  return { chainId, genesis: `0x${"01".repeat(32)}` as const, code: {} };
}

describe("remesa backup and restore", () => {
  let root = "";
  let data = "";
  let out = "";
  let store: Store;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "remesa-backup-"));
    data = join(root, "31337");
    out = join(root, "copy.db");
    store = await openSqlite({ folder: data });
    await store.bindChain(identity(31_337));
    writeFileSync(join(data, "credentials.json"), "secret");
  });
  afterEach(async () => {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  });

  const backup = (...extra: readonly string[]) => runRemesa(["backup", "--data", data, "--out", out, ...extra]);
  const restore = (folder = data, ...extra: readonly string[]) =>
    runRemesa(["restore", "--from", out, "--data", folder, ...extra]);

  it("copies the database of a running node into one sound file for its owner only", async () => {
    const { code } = await backup();
    expect(code).to.equal(0);
    expect(JSON.parse(inspectDatabase(out).identity ?? "null")).to.deep.equal(identity(31_337));
    expect(statSync(out).mode & 0o777).to.equal(0o600);
    expect(readdirSync(root).toSorted()).to.deep.equal(["31337", "copy.db"]);
  });

  it("copies the database of a node that is stopped", async () => {
    await store.close();
    expect((await backup()).code).to.equal(0);
    expect(inspectDatabase(out).intents).to.equal(0);
  });

  it("never overwrites a backup", async () => {
    writeFileSync(out, "precious");
    const { code, err } = await backup();
    expect(code).to.equal(1);
    expect(err).to.include("exists already");
    expect(readFileSync(out, "utf8")).to.equal("precious");
  });

  it("writes nothing with --dry-run", async () => {
    expect((await backup("--dry-run")).code).to.equal(0);
    expect(existsSync(out)).to.equal(false);
  });

  it("refuses to back up a folder without a database", async () => {
    const empty = join(root, "empty");
    mkdirSync(empty);
    const { code, err } = await runRemesa(["backup", "--data", empty, "--out", out]);
    expect(code).to.equal(1);
    expect(err).to.include("does not exist");
  });

  it("restores a backup, keeps the other files, and sets the old folder aside", async () => {
    await backup();
    await store.halt("after the backup", 1);
    await store.close();
    const { code, out: text } = await restore();
    expect(code).to.equal(0);
    const aside = readdirSync(root).find((name) => name.startsWith("31337.aside-")) ?? "";
    expect(text).to.include(aside);
    expect(readFileSync(join(data, "credentials.json"), "utf8")).to.equal("secret");
    const old = await openSqlite({ folder: join(root, aside) });
    expect(await old.readHalt()).to.deep.equal({ reason: "after the backup", since: 1 });
    await old.close();
    store = await openSqlite({ folder: data });
    expect(await store.readHalt()).to.equal(null);
    expect(await store.bindChain(identity(31_337))).to.deep.equal(identity(31_337));
  });

  it("restores into a folder that does not exist yet", async () => {
    await backup();
    expect((await restore(join(root, "new"))).code).to.equal(0);
    expect(readdirSync(join(root, "new"))).to.deep.equal(["remesa.db"]);
  });

  it("refuses while a node runs there, and changes nothing", async () => {
    await backup();
    const { code, err } = await restore();
    expect(code).to.equal(1);
    expect(err).to.include("a node is running on this data folder");
    expect(readdirSync(root).toSorted()).to.deep.equal(["31337", "copy.db"]);
  });

  it("refuses a backup of another chain, and changes nothing", async () => {
    await backup();
    const other = join(root, "1");
    const otherStore = await openSqlite({ folder: other });
    await otherStore.bindChain(identity(1));
    await otherStore.close();
    const { code, err } = await restore(other);
    expect(code).to.equal(1);
    expect(err).to.include("another chain");
    expect(readdirSync(root).toSorted()).to.deep.equal(["1", "31337", "copy.db"]);
  });

  it("refuses a damaged backup, and changes nothing", async () => {
    await backup();
    const bytes = readFileSync(out);
    bytes.fill(0xff, 4_096, 12_288);
    writeFileSync(out, bytes);
    await store.close();
    const { code, err } = await restore();
    expect(code).to.equal(1);
    expect(err).to.include("is not a sound Remesa database");
    expect(readdirSync(root).toSorted()).to.deep.equal(["31337", "copy.db"]);
  });

  it("restores over a damaged database", async () => {
    await backup();
    await store.close();
    writeFileSync(join(data, "remesa.db"), "not a database at all");
    expect((await restore()).code).to.equal(0);
    expect(inspectDatabase(join(data, "remesa.db")).identity).not.to.equal(null);
  });

  it("changes nothing with --dry-run", async () => {
    await backup();
    await store.close();
    expect((await restore(data, "--dry-run")).code).to.equal(0);
    expect(readdirSync(root).toSorted()).to.deep.equal(["31337", "copy.db"]);
  });
}).timeout(20_000);
