/**
 * The command line as a whole: help of every verb, exit codes, refusals without stack traces, and which data folder is taken.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Command } from "commander";
import picocolors from "picocolors";
import { createProgram } from "../../scripts/remesa.ts";
import { deriveKey, findDataFolder } from "../../scripts/session.ts";
import type { Terminal } from "../../scripts/terminal/terminal.ts";
import { runRemesa } from "../support/terminal.ts";

const entry = join(import.meta.dirname, "..", "..", "scripts", "remesa.ts");
const silent: Terminal = {
  env: {},
  folder: "/nonexistent",
  colours: picocolors.createColors(false),
  live: false,
  write: () => {},
  note: () => {},
  askSecret: () => Promise.resolve(null),
};

/** Every verb as typed: `status`, `keys create`, … */
function listVerbs(
  command: Command = createProgram(silent),
  path: readonly string[] = [],
): readonly (readonly string[])[] {
  return command.commands.flatMap((verb) => [[...path, verb.name()], ...listVerbs(verb, [...path, verb.name()])]);
}

describe("remesa --help", () => {
  it("lists the verbs of an operator", () => {
    const names = listVerbs().map((path) => path.join(" "));
    const expected =
      "deploy,keys create,keys import,keys show,attest,deposit,sign,pay,redeem,freeze,unfreeze,status,trace,reconcile,backup,restore,settle," +
      "claim open,claim take,claim decline,claim cancel,claim reclaim,claim show," +
      "payment authorize,payment charge,payment capture,payment void,payment refund,payment dispute,payment resolve,payment reclaim,payment show," +
      "swap offer,swap accept,swap cancel,swap show,travel join,travel leave,travel attest,travel show," +
      "approve mint,approve redemption,seize,keep";
    expect(names).to.include.members(expected.split(","));
  });

  for (const path of listVerbs()) {
    it(`explains ${path.join(" ")} with an example and ends with 0`, async () => {
      const { code, out, err } = await runRemesa([...path, "--help"]);
      expect(code).to.equal(0);
      expect(out)
        .to.include(`Usage: remesa ${path.join(" ")}`)
        .and.include("$ remesa ");
      expect(err).to.equal("");
    });
  }
});

describe("exit codes", () => {
  const usage: readonly (readonly [string, readonly string[]])[] = [
    ["no verb", []],
    ["an unknown verb", ["settel"]],
    ["an unknown option", ["status", "--verbose"]],
    ["a missing argument", ["pay"]],
    ["a missing option", ["sign", "payments.csv"]],
    ["an argument too many", ["status", "now"]],
    ["a value of the wrong form", ["pay", "x.jsonl", "--patience", "long"]],
    ["an id of the wrong form", ["trace", "tr_1"]],
    ["a group without its verb", ["claim"]],
    ["a link of the wrong form", ["claim", "take", "remesa:claim/0x12", "--to", "Ana"]],
    ["a seizure without its case", ["seize", "0x704E7c3333e38c7C3BDC894A6e8e558EB7AACc58", "--amount", "1.00"]],
    ["half a deposit", ["deposit", "--entry", "E-1", "--url", "http://127.0.0.1:9"]],
  ];
  for (const [name, args] of usage) {
    it(`is 64 for ${name}`, async () => {
      const { code, out, err } = await runRemesa(args);
      expect(code).to.equal(64);
      expect(out).to.equal("");
      expect(err).not.to.equal("");
    });
  }

  it("is 1 when the node does not answer, with a remedy and without a stack trace", async () => {
    for (const verb of [["status"], ["reconcile"], ["deposit", "x.csv"], ["trace", "tr_0000000000000"]]) {
      const { code, err } = await runRemesa([...verb, "--url", "http://127.0.0.1:9"]);
      expect(code, verb[0]).to.equal(1);
      expect(err)
        .to.match(/^refused: /)
        .and.include("remedy: ");
      expect(err).not.to.match(/\n\s+at /);
    }
  });

  it("is what the process ends with", async () => {
    const run = (args: readonly string[]): Promise<number> =>
      new Promise((resolve) => {
        execFile(process.execPath, ["--no-warnings", entry, ...args], (error) => resolve(Number(error?.code ?? 0)));
      });
    expect(await run(["--help"])).to.equal(0);
    expect(await run(["settel"])).to.equal(64);
    expect(await run(["restore", "--from", "/nonexistent.db", "--data", "/nonexistent"])).to.equal(1);
  }).timeout(60_000);
});

describe("findDataFolder", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-data-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function addFolder(name: string, seconds: number): void {
    const path = join(folder, ".remesa", name);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "credentials.json"), "{}");
    utimesSync(join(path, "credentials.json"), seconds, seconds);
  }

  it("takes the newest folder of a chain and passes over those set aside", () => {
    addFolder("1", 100);
    addFolder("31337", 200);
    addFolder("31337.aside-2026-11-22T00-00-00Z", 300);
    expect(findDataFolder({ ...silent, folder }, {})).to.equal(join(folder, ".remesa", "31337"));
  });

  it("takes --data before REMESA_DATA", () => {
    const terminal = { ...silent, folder, env: { REMESA_DATA: "/nonexistent" } };
    expect(findDataFolder(terminal, { data: folder })).to.equal(folder);
    expect(() => findDataFolder(terminal, {})).to.throw("/nonexistent does not exist");
  });

  it("finds nothing where there is nothing", () => {
    expect(findDataFolder({ ...silent, folder }, {})).to.equal(null);
  });
});

describe("deriveKey", () => {
  it("is the same for the same content and another for any other", () => {
    const key = deriveKey("freeze", ["0xa", 5n, null, 1]);
    expect(deriveKey("freeze", ["0xa", 5n, null, 1]))
      .to.equal(key)
      .and.match(/^freeze-[0-9a-f]{40}$/);
    for (const other of [
      ["0xa", 5n, null, 2],
      ["0xa5", null, 1],
      ["0xa", 5n, 0n, 1],
      ["0xa", null, 5n, 1],
    ]) {
      expect(deriveKey("freeze", other)).not.to.equal(key);
    }
  });
});
