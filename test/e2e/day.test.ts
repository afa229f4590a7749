/**
 * The whole day of `examples/` on real processes: a chain over JSON-RPC, the node, the verbs. What must come out is computed here from the
 * files alone and compared with the chain, customer by customer.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { erc20Abi } from "viem";
import { badLines } from "../../scripts/examples.ts";
import { connect } from "../../scripts/devnet/rpc.ts";
import { parseAmount } from "../../src/domain/amount.ts";
import { type Address, parseAddress, toLower } from "../../src/domain/hex.ts";
import { readDeployment } from "../../src/config.ts";
import { eventually, runNode } from "../support/command.ts";
import { startDevnet, type TestDevnet } from "../support/devnet.ts";

const examples = "examples";
/** `settle` redeems this from customer 2. */
const redeemed = { customer: 2, units: 20_000_000n };

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
}

function readRows(file: string): readonly Row[] {
  const [, ...lines] = readFileSync(join(examples, file), "utf8").trimEnd().split("\n");
  return lines.map((text, index) => ({ line: index + 2, cells: text.split(",") }));
}

/** Customer number → address, as the files name them: deposits are in customer order. */
const customers: readonly Address[] = readRows("deposits.csv").map(({ cells }) => parseAddress(cells[2] ?? "") ?? "0x");

/** What every customer has when the day is over, from the files alone. Base units. */
function computeBalances(): Map<Address, bigint> {
  const balances = new Map<Address, bigint>();
  const add = (account: Address, amount: bigint): void => {
    balances.set(account, (balances.get(account) ?? 0n) + amount);
  };
  for (const { cells } of readRows("deposits.csv")) add(toLower(cells[2] ?? ""), parseAmount(cells[3] ?? "") ?? 0n);
  const bad = new Set<number>(Object.values(badLines));
  for (const { line, cells } of readRows("remittances.csv")) {
    if (bad.has(line)) continue;
    const [, payer = "", payee = "", amount = ""] = cells;
    const units = parseAmount(amount) ?? 0n;
    add(customers[Number(payer.split(":")[1]) - 1] ?? "0x", -units);
    add(toLower(payee), units);
  }
  add(customers[redeemed.customer - 1] ?? "0x", -redeemed.units);
  return balances;
}

async function readBalances(devnet: TestDevnet): Promise<Map<Address, bigint>> {
  const client = connect(devnet.rpcUrl);
  const coin = readDeployment(devnet.data).coins[0]?.address ?? "0x";
  const entries: [Address, bigint][] = [];
  for (const account of customers) {
    entries.push([
      account,
      await client.readContract({ address: coin, abi: erc20Abi, functionName: "balanceOf", args: [account] }),
    ]);
  }
  return new Map(entries);
}

const settle = (devnet: TestDevnet) =>
  runNode(["scripts/remesa.ts", "settle", "--data", devnet.data, "--url", devnet.url]);

/** Kills the node, and only it, once some payments are in a block. */
async function killInTheMiddle(devnet: TestDevnet): Promise<number> {
  let included = 0;
  for await (const event of devnet.as("auditor").events({ after: "0" })) {
    if (event.type === "included" && ++included === 300) break;
  }
  process.kill(devnet.pids.node, "SIGKILL");
  return included;
}

describe("the day of examples/", () => {
  for (const { chain, kill } of [
    { chain: "hardhat", kill: false },
    { chain: "hardhat", kill: true },
    { chain: "anvil", kill: true },
  ]) {
    describe(`on ${chain}${kill ? ", the node killed with SIGKILL in the middle" : ""}`, function () {
      this.timeout(300_000);
      let devnet: TestDevnet;
      before(async () => {
        devnet = await startDevnet({ args: ["--no-demo", "--chain", chain], env: { BATCH_ROWS: "60" } });
      });
      after(() => devnet.remove());

      it("settles every good row once, names every bad one with line and reason, and ends with books that agree", async () => {
        const killing = kill ? killInTheMiddle(devnet) : null;
        const day = await settle(devnet);
        if (killing !== null) {
          expect(await killing).to.equal(300);
          expect(devnet.notes()).to.match(/the node ended \(SIGKILL\)/);
        }
        const output = day.stdout + day.stderr;
        expect(day.code, output).to.equal(0);
        expect(output).to.include("994 of 995 settled");
        expect(output).to.include("bank, books and chain agree");
        for (const line of Object.values(badLines)) expect(output).to.match(new RegExp(`(line +| )${line}[: ]`));
        expect(await readBalances(devnet)).to.deep.equal(computeBalances());
      });

      it("does nothing twice when it is run again", async () => {
        const again = await settle(devnet);
        expect(again.code, again.stdout + again.stderr).to.equal(0);
        expect(await readBalances(devnet)).to.deep.equal(computeBalances());
      });

      it("reconciles at zero difference", async () => {
        const agreed = await eventually("a statement that agrees", async () => {
          const { code, stdout } = await runNode(["scripts/remesa.ts", "reconcile", "--json", "--data", devnet.data]);
          return code === 0 ? stdout : null;
        });
        expect(agreed).to.match(/"agrees": ?true/);
      });
    });
  }
});
