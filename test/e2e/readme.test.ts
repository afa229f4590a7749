/**
 * The README's walk-through, executed block by block. Each command runs as it is written, on a devnet of its own ports and folder; what it
 * prints is compared with the transcript shown, line by line, after keys, hashes, times and counters are blanked in both.
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { type Finished, runCommand } from "../support/command.ts";
import { startDevnet, type TestDevnet } from "../support/devnet.ts";

interface Block {
  readonly command: string;
  readonly transcript: string;
}

const blocks: readonly Block[] = [
  ...readFileSync("README.md", "utf8").matchAll(/```console\n\$ (.*)\n([\s\S]*?)```/g),
].map(([, command = "", transcript = ""]) => ({ command, transcript }));

/** What differs from run to run, blanked; columns move with it, so runs of blanks count as one. */
function blank(text: string): string[] {
  return text
    .replace(/rk_[\w-]+(&people=\S+)?|rk_…/g, "rk_…")
    .replace(/0x[0-9a-fA-F]{6}…[0-9a-fA-F]{4}/g, "0x…")
    .replace(/0x[0-9a-fA-F]{40,}/g, "0x…")
    .replace(/\b(red|tr|dep|ord|stp|clm)_[0-9a-z]{13}\b/g, "$1_…")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (time) => (time.startsWith("2020") ? time : "<time>"))
    .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:<port>")
    .replace(/\S*\/(credentials\.json|logs)\b/g, "<data>/$1")
    .replace(/\b(block|log) +\d+/g, "$1 <n>")
    .replace(/^( *)\d+ +<time>/gm, "<n> <time>")
    .replace(/(0x…|XUS) +\d+ +(\d+ +)?(?=final)/g, "$1 <n> ")
    .replace(/XUS +\d+ +0x…/g, "XUS <n> 0x…")
    .replace(/(<time>) +\d{6} /g, "$1 <gas> ")
    .split("\n")
    .map((line) => line.replace(/ +/g, " ").trim())
    .filter((line) => line !== "" && !line.startsWith("> ") && !line.startsWith("npm warn"));
}

describe("the README's walk-through", function () {
  this.timeout(240_000);
  let devnet: TestDevnet;
  /** The redemption of this run, in place of the one shown. */
  let redemption = "";

  before(async () => {
    devnet = await startDevnet();
  });
  after(() => devnet.remove());

  /** As typed, but on this test's devnet. */
  function type(command: string): Promise<Finished> {
    const typed = command.replace(/red_[0-9a-z]{13}/, redemption);
    return runCommand(["sh", "-c", `${typed} 2>&1`], { env: { REMESA_DATA: devnet.data, REMESA_URL: devnet.url } });
  }

  it("has the blocks that are tested here", () => {
    expect(blocks.map(({ command }) => command.replace(/red_\w+/, "red_…"))).to.deep.equal([
      "npm start",
      "npm run remesa -- settle",
      "npm run remesa -- trace red_…",
      "npm run remesa -- reconcile",
      "npm run remesa -- claim open C-17 --wallet Ana --amount 25.00 --to +50255501234",
      "npm run remesa -- keep",
    ]);
  });

  it("npm start prints ready and the links as shown", () => {
    const shown = blank(blocks[0]?.transcript ?? "");
    const links = [devnet.links.page, devnet.links.docs, devnet.rpcUrl, devnet.links.credentials, devnet.links.logs];
    const printed = links.map((link) => blank(link)[0] ?? "");
    for (const link of printed)
      expect(
        shown.some((line) => line.includes(link)),
        link,
      ).to.equal(true);
    expect(shown[0]).to.match(/^ready /);
  });

  for (const { command, transcript } of blocks.slice(1)) {
    it(`${command.replace(/red_\w+/, "red_…")} prints what is shown`, async () => {
      const { code, stdout } = await type(command);
      expect(code, stdout).to.equal(0);
      redemption = /red_[0-9a-z]{13}/.exec(stdout)?.[0] ?? redemption;
      expect(blank(stdout)).to.deep.equal(blank(transcript));
    });
  }
});
