/**
 * Short chaos runs as a person starts them: real nodes, real chain, real signals, on both stores. They end well, say what they did, and leave no folder,
 * mount or process behind: each has a temporary folder of its own, so that what is found is its own.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { hasPostgres } from "../store/cluster.ts";
import { eventually, runNode } from "../support/command.ts";

interface ChaosReport {
  readonly seed: number;
  readonly nodes: number;
  readonly audit: Readonly<
    Record<"accepted" | "settled" | "lost" | "doubled" | "falseEnds" | "unanswered" | "disputed", number>
  >;
  readonly events: Readonly<Record<string, number>>;
  readonly restarts: number;
  readonly warnings: Readonly<Record<string, number>>;
  readonly agrees: boolean;
  readonly halted: string | null;
}

/** Processes that were told of the folder and are still there. */
function findProcesses(folder: string): readonly string[] {
  if (!existsSync("/proc/self/environ")) return [];
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(folder);
    } catch {
      // It has ended meanwhile, or is somebody else's.
      return false;
    }
  });
}

function findMounts(folder: string): readonly string[] {
  if (!existsSync("/proc/self/mounts")) return [];
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(folder));
}

/** Runs to the end, checks that nothing is left, and that nothing was lost, doubled or told falsely. */
async function runChaos(args: readonly string[]): Promise<ChaosReport> {
  const folder = mkdtempSync(join(tmpdir(), "remesa-chaos-test-"));
  // The database's server runs as a user of its own.
  chmodSync(folder, 0o711);
  try {
    const { code, stdout, stderr } = await runNode(["scripts/chaos.ts", "--json", ...args], {
      env: { TMPDIR: folder },
    });
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(stdout) as ChaosReport;
    console.log(`        seed ${report.seed}: ${JSON.stringify(report.audit)}`);
    expect(report.audit).to.include({ lost: 0, doubled: 0, falseEnds: 0, unanswered: 0, disputed: 0 });
    expect(report.audit.accepted).to.be.greaterThan(20);
    expect(report.audit.settled).to.be.greaterThan(10);
    expect([report.agrees, report.halted]).to.deep.equal([true, null]);
    expect(readdirSync(folder).filter((name) => name.startsWith("remesa-"))).to.deep.equal([]);
    expect(findMounts(folder)).to.deep.equal([]);
    // The database's watchman sees the run end before it ends itself.
    await eventually("no process is left", async () => findProcesses(folder).length === 0, 10_000);
    return report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("npm run chaos", function () {
  this.timeout(360_000);

  it("loses, doubles and misjudges no payment in half a minute of trouble, and leaves nothing behind", async () => {
    const report = await runChaos(["--minutes", "0.4"]);
    expect(Object.values(report.events).reduce((sum, times) => sum + times, 0)).to.be.greaterThan(2);
    // A reorg counts only where the node had applied what was taken back: it has to have noticed each.
    expect(report.warnings["reorg"] ?? 0).to.be.at.least(report.events["reorg"] ?? 0);
  });

  it("P13: does the same while the node's wall clock jumps by ten minutes, and the node is stopped and started", async () => {
    const kinds = ["wall clock", "rolling restart"];
    const report = await runChaos(["--minutes", "0.1", "--events", kinds.join(",")]);
    for (const kind of kinds) expect(report.events[kind], kind).to.be.at.least(1);
    expect(report.restarts).to.equal(report.events["rolling restart"]);
  });

  it("does the same with two nodes on one database: killed, stopped while sending, cut off, restarted, their clocks apart", async function () {
    if (!hasPostgres()) {
      console.log("        no PostgreSQL here: install Debian's postgresql, or name a server in REMESA_TEST_POSTGRES");
      this.skip();
    }
    const kinds = ["kill", "stop the sender", "cut one off", "rolling restart", "wall clock"];
    const wanted = ["--store", "postgres", "--nodes", "2", "--minutes", "0.3", "--events", kinds.join(",")];
    const report = await runChaos(wanted);
    expect(report.nodes).to.equal(2);
    expect(Object.keys(report.events)).to.have.members(kinds);
    for (const kind of kinds) expect(report.events[kind], kind).to.be.at.least(1);
    const { kill = 0, "rolling restart": rolls = 0 } = report.events;
    expect(report.restarts).to.equal(kill + 2 * rolls);
  });

  it("refuses wrong options with exit code 64 and the help, starting nothing", async () => {
    const { code, stderr } = await runNode(["scripts/chaos.ts", "--chain", "none"]);
    expect(code).to.equal(64);
    expect(stderr).to.include("hardhat or anvil").and.to.include("--minutes");
  });
});
