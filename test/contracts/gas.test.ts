/**
 * What the coin costs, beside what others cost. Prints the table of the specification with our column, the number of
 * functions and the deployed sizes, and fails above a ceiling. Whole transactions by the rules of Osaka, gas used as the
 * receipt says; existing recipient, value 1,234.567891, window nonces that are not the account's first.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";
import { concat, type ContractTransactionResponse, id, Wallet } from "ethers";
import {
  createDisbursement,
  createTerms,
  FORM,
  loadWorld,
  sign,
  signDisbursement,
  signRow,
  toArguments,
  toDisburseArguments,
  toNonce,
  toVrs,
  VALUE,
  type World,
} from "../support/coin.ts";
import { createLoader, deployTreasury, domainOf, isInstrumented, ORDER_TYPES } from "../support/treasury.ts";

interface Line {
  name: string;
  /** USDC v2.2 as deployed, PYUSD, AUSD, OpenZeppelin 5.7 plain, and what no coin can go below. */
  published: readonly [string, string, string, string, string];
  ceiling: number;
}

const TRANSFER: Line = {
  name: "transfer",
  published: ["45,071", "48,475", "37,084", "34,534", "–"],
  ceiling: 37_200,
};
const RELAYED: Line = {
  name: "relayed signed transfer (v, r, s)",
  published: ["85,744", "80,424", "68,084", "65,889", "42,232"],
  ceiling: 45_500,
};
const BATCH: Line = {
  name: "batch of 100, different payers and payees, per item",
  published: ["54,032", "51,348", "47,253", "47,037", "18,404"],
  ceiling: 20_600,
};
const MERCHANT: Line = {
  name: "batch of 100, one merchant, per item",
  published: ["49,279", "44,614", "42,500", "42,284", "13,604"],
  ceiling: 15_800,
};
const DISBURSE: Line = {
  name: "one signature, 100 payees, per item",
  published: ["–", "–", "–", "–", "7,218"],
  ceiling: 8_200,
};
const MINT: Line = {
  name: "mint by signed order, existing holder",
  published: ["55,515", "75,088", "45,389", "–", "–"],
  ceiling: 80_000,
};

/** EIP-170 allows 24,576; the rest is kept for what a later rule may need. */
const SIZE_CEILING = 23_500;
const BATCH_SIZE = 100;

const measured: [Line, number][] = [];

async function measure(line: Line, sent: Promise<ContractTransactionResponse>, items = 1): Promise<void> {
  const receipt = await (await sent).wait();
  expect(receipt?.status).to.equal(1);
  const gas = Math.ceil(Number(receipt?.gasUsed) / items);
  measured.push([line, gas]);
  if (!isInstrumented()) expect(gas, line.name).to.be.at.most(line.ceiling);
}

/** A hundred funded payers that have paid once before, so that their nonces are past the first. */
async function createPayers(world: World): Promise<Wallet[]> {
  const payers = Array.from({ length: BATCH_SIZE }, (_, index) => new Wallet(toNonce(BigInt(index + 1_000))));
  const rows: string[] = [];
  for (const payer of payers) {
    await world.coin.connect(world.treasury).mint(payer.address, 10n * VALUE);
    const terms = await createTerms(world, { from: payer.address, to: world.payee.address });
    rows.push(await signRow(world, payer, terms));
  }
  await world.coin.connect(world.relayer).settle(concat(rows));
  return payers;
}

describe("gas", () => {
  after(() => {
    const head = ["", "USDC v2.2", "PYUSD", "AUSD", "OZ 5.7", "floor", "ours", "at most"];
    const rows = measured.map(([line, gas]) => {
      return [line.name, ...line.published, gas.toLocaleString("en"), line.ceiling.toLocaleString("en")];
    });
    print([head, ...rows]);
  });

  it("transfer stays below its ceiling", async () => {
    const { coin, payer, payee } = await loadWorld();
    await measure(TRANSFER, coin.connect(payer).transfer(payee.address, VALUE));
  });

  it("a relayed signed transfer stays below its ceiling", async () => {
    const world = await loadWorld();
    const send = world.coin.connect(world.relayer)[FORM.transferVrs];
    const first = await createTerms(world);
    await send(...toArguments(first), ...toVrs(await sign(world, world.payer, "TransferWithAuthorization", first)));
    const next = await createTerms(world, { nonce: toNonce(1n) });
    const vrs = toVrs(await sign(world, world.payer, "TransferWithAuthorization", next));
    await measure(RELAYED, send(...toArguments(next), ...vrs));
  });

  it("a batch of different payers and payees stays below its ceiling per item", async () => {
    const world = await loadWorld();
    const rows: string[] = [];
    for (const [index, payer] of (await createPayers(world)).entries()) {
      const payee = new Wallet(toNonce(BigInt(index + 2_000))).address;
      await world.coin.connect(world.treasury).mint(payee, VALUE);
      const terms = await createTerms(world, { from: payer.address, to: payee, nonce: toNonce(1n) });
      rows.push(await signRow(world, payer, terms));
    }
    await measure(BATCH, world.coin.connect(world.relayer).settle(concat(rows)), BATCH_SIZE);
  });

  it("a batch to one merchant stays below its ceiling per item", async () => {
    const world = await loadWorld();
    const rows: string[] = [];
    for (const payer of await createPayers(world)) {
      const terms = await createTerms(world, { from: payer.address, nonce: toNonce(1n) });
      rows.push(await signRow(world, payer, terms));
    }
    await measure(MERCHANT, world.coin.connect(world.relayer).settle(concat(rows)), BATCH_SIZE);
  });

  it("a disbursement to a hundred payees stays below its ceiling per item", async () => {
    const world = await loadWorld();
    const { coin, payer, relayer, treasury } = world;
    const payees = Array.from({ length: BATCH_SIZE }, (_, index) => {
      return { to: new Wallet(toNonce(BigInt(index + 2_000))).address, value: VALUE };
    });
    for (const { to } of payees) await coin.connect(treasury).mint(to, VALUE);
    await coin.connect(treasury).mint(payer, BigInt(BATCH_SIZE) * VALUE);
    await coin.connect(relayer).settle(await signRow(world, payer, await createTerms(world)));
    const disbursement = await createDisbursement(world, payees, { nonce: toNonce(1n) });
    const signature = await signDisbursement(world, payer, disbursement);
    const sent = coin.connect(relayer).disburse(...toDisburseArguments(disbursement), signature);
    await measure(DISBURSE, sent, BATCH_SIZE);
  });

  it("a mint by signed order stays below its ceiling", async () => {
    const world = await (await createLoader(deployTreasury))();
    const { coin, dealer, payee, relayer, treasury } = world;
    const domain = await domainOf(treasury, "Remesa Treasury");
    const types = { MintOrder: ORDER_TYPES.MintOrder };
    const send = async (depositId: string) => {
      const target = { coin: await coin.getAddress(), to: payee.address };
      const order = { ...target, depositId, amount: VALUE, deadline: 2n ** 40n };
      const signature = await dealer.signTypedData(domain, types, order);
      return treasury.connect(relayer).mintBySig(order, dealer, signature);
    };
    await send(id("first deposit"));
    await measure(MINT, send(id("second deposit")));
  });
});

describe("size", () => {
  const contracts = listDeployable();

  after(() => {
    const rows = contracts.map(({ name, functions, size }) => [name, `${functions}`, size.toLocaleString("en")]);
    print([["", "functions", "bytes"], ...rows]);
  });

  for (const { name, size } of contracts) {
    it(`${name} is at most ${SIZE_CEILING} bytes`, () => {
      if (!isInstrumented()) expect(size).to.be.at.most(SIZE_CEILING);
    });
  }
});

/** The contracts of `contracts/` that have code of their own, mocks aside. */
function listDeployable(): { name: string; functions: number; size: number }[] {
  const root = new URL("../../artifacts/contracts/", import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
  return files
    .filter((file) => file.endsWith(".json") && !file.startsWith("mocks") && !file.startsWith("interfaces"))
    .map((file) => JSON.parse(readFileSync(new URL(file, root), "utf8")))
    .filter((artifact) => artifact.abi?.some((entry: { type: string }) => entry.type === "function"))
    .map(({ contractName, abi, deployedBytecode }) => ({
      name: contractName,
      functions: abi.filter((entry: { type: string }) => entry.type === "function").length,
      size: (deployedBytecode.length - 2) / 2,
    }))
    .filter(({ size }) => size > 0);
}

function print(rows: string[][]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `    ${cells.join("  ")}`;
  });
  process.stdout.write(`\n${lines.join("\n")}\n\n`);
}
