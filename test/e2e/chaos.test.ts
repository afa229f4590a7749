/**
 * A short chaos run as a person starts it: real node, real chain, real signals. It ends well, says what it did, and leaves nothing behind.
 */
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect } from "chai";
import { runNode } from "../support/command.ts";

interface ChaosReport {
  readonly seed: number;
  readonly audit: Readonly<Record<"accepted" | "settled" | "lost" | "doubled" | "falseEnds" | "unanswered", number>>;
  readonly events: Readonly<Record<string, number>>;
  readonly warnings: Readonly<Record<string, number>>;
  readonly agrees: boolean;
}

const foldersOf = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("remesa-chaos-"));

describe("npm run chaos", function () {
  this.timeout(360_000);

  it("loses, doubles and misjudges no payment in half a minute of trouble, and leaves no folder or mount behind", async () => {
    const before = new Set(foldersOf());
    const { code, stdout, stderr } = await runNode(["scripts/chaos.ts", "--minutes", "0.4", "--json"]);
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(stdout) as ChaosReport;
    console.log(`        seed ${report.seed}: ${JSON.stringify(report.audit)}`);
    expect(report.audit).to.include({ lost: 0, doubled: 0, falseEnds: 0, unanswered: 0 });
    expect(report.audit.accepted).to.be.greaterThan(20);
    expect(report.audit.settled).to.be.greaterThan(10);
    expect(Object.values(report.events).reduce((sum, times) => sum + times, 0)).to.be.greaterThan(2);
    // A reorg counts only where the node had applied what was taken back: it has to have noticed each.
    expect(report.warnings["reorg"] ?? 0).to.be.at.least(report.events["reorg"] ?? 0);
    expect(report.agrees).to.equal(true);
    expect(foldersOf().filter((name) => !before.has(name))).to.deep.equal([]);
    if (process.platform === "linux") {
      const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
      const ours = mounts.filter((line) => line.includes("remesa-chaos-"));
      expect(ours.filter((line) => ![...before].some((name) => line.includes(name)))).to.deep.equal([]);
    }
  });

  it("refuses wrong options with exit code 64 and the help, starting nothing", async () => {
    const { code, stderr } = await runNode(["scripts/chaos.ts", "--chain", "none"]);
    expect(code).to.equal(64);
    expect(stderr).to.include("hardhat or anvil").and.to.include("--minutes");
  });
});
