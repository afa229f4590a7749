/**
 * `remesa`: the operator's command line. Owns the list of verbs and how a run ends: exit code, reason and remedy. Verbs are clients of the
 * running node; `deploy`, `keys`, `sign`, `backup` and `restore` work without it. Nothing here knows what a verb does.
 */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { ConfigError } from "../src/config.ts";
import { addApprove } from "./remesa/approve.ts";
import { addAttest } from "./remesa/attest.ts";
import { addBackup } from "./remesa/backup.ts";
import { addClaim } from "./remesa/claim.ts";
import { addDeploy } from "./remesa/deploy.ts";
import { addDeposit } from "./remesa/deposit.ts";
import { addFreeze } from "./remesa/freeze.ts";
import { addKeep } from "./remesa/keep.ts";
import { addKeys } from "./remesa/keys.ts";
import { addLanes } from "./remesa/lanes.ts";
import { addPay } from "./remesa/pay.ts";
import { addPayment } from "./remesa/payment.ts";
import { addReconcile } from "./remesa/reconcile.ts";
import { addRedeem } from "./remesa/redeem.ts";
import { addRestore } from "./remesa/restore.ts";
import { addSeize } from "./remesa/seize.ts";
import { addSettle } from "./remesa/settle.ts";
import { addSign } from "./remesa/sign.ts";
import { addStatus } from "./remesa/status.ts";
import { addSwap } from "./remesa/swap.ts";
import { addTrace } from "./remesa/trace.ts";
import { addTravel } from "./remesa/travel.ts";
import { addUnfreeze } from "./remesa/unfreeze.ts";
import { toRefusal } from "./session.ts";
import { type ExitCode, exitCodes, Refusal } from "./terminal/refusal.ts";
import { createTerminal, type Terminal } from "./terminal/terminal.ts";

/** In the order of a working day; `--help` lists them so. */
const verbs = [
  addDeploy,
  addKeys,
  addAttest,
  addDeposit,
  addSign,
  addPay,
  addClaim,
  addPayment,
  addSwap,
  addTravel,
  addRedeem,
  addApprove,
  addFreeze,
  addUnfreeze,
  addSeize,
  addKeep,
  addStatus,
  addLanes,
  addTrace,
  addReconcile,
  addBackup,
  addRestore,
  addSettle,
];

export function createProgram(terminal: Terminal): Command {
  const program = new Command("remesa")
    .description(
      "Operates a Remesa node: deposits become coins, signed payments settle, redemptions are paid out, books agree.",
    )
    .usage("<verb> [options]")
    .exitOverride()
    .showHelpAfterError("(add --help for what the verb takes)")
    .configureOutput({ writeOut: (text) => terminal.write(text), writeErr: (text) => terminal.note(text) })
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 refused (reason and remedy on stderr), 2 books do not agree, 64 wrong usage.\n" +
        "\nExample:\n  $ remesa status\n",
    );
  for (const addVerb of verbs) addVerb(program, terminal);
  return program;
}

function explain(terminal: Terminal, refusal: Refusal): void {
  const { red, dim } = terminal.colours;
  terminal.note(`${red("refused:")} ${refusal.message}\n${dim("remedy: ")} ${refusal.remedy}\n`);
}

/** Runs one command line and returns its exit code. Anything unexpected is printed whole: that is a defect, to be reported. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  try {
    await createProgram(terminal).parseAsync([...args], { from: "user" });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    const refusal =
      error instanceof ConfigError
        ? new Refusal({
            reason: error.problems.join("; "),
            remedy: "Correct the file, or name another folder with --data.",
          })
        : toRefusal(error);
    if (refusal === null) {
      terminal.note(`unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      return exitCodes.refused;
    }
    explain(terminal, refusal);
    return refusal.exitCode;
  }
}

/** True when this file is what Node was started with, also through a link. */
function isEntry(): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url);
}

if (isEntry()) {
  // A reader that closes the pipe early (`| head`) has seen what it wanted.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  process.exitCode = await run(process.argv.slice(2), createTerminal());
}
