/**
 * The golden files of the contracts: where each variable lies, how long the deployed code is, what a signed payment costs in every
 * combination. Owns their names and their form, one fact to a line so that a change reads as one line of a review. Finds the contracts by
 * itself; never writes.
 */
import { globSync, readFileSync } from "node:fs";
import {
  buildSettings,
  compileSound,
  listContracts,
  readSources,
  type StorageLayout,
  type StorageVariable,
} from "../solidity.ts";

export type Page = "layout" | "sizes" | "gas";
export const pages: readonly Page[] = ["layout", "sizes", "gas"];

export function pathOf(page: Page): string {
  return `test/golden/${page}.json`;
}

export function formatPage(content: object): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

export function readPage(page: Page): Record<string, unknown> {
  return JSON.parse(readFileSync(pathOf(page), "utf8")) as Record<string, unknown>;
}

interface Artifact {
  readonly contractName: string;
  readonly inputSourceName?: string;
  readonly sourceName: string;
  readonly abi: readonly { readonly type: string }[];
  readonly bytecode: string;
  readonly deployedBytecode: string;
}

/** The build's artifacts of contracts that are deployed: ours, with functions and code, mocks aside. */
export function listDeployed(): readonly Artifact[] {
  return globSync("artifacts/contracts/**/*.json")
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !/^artifacts\/contracts\/(mocks|interfaces)\//.test(path))
    .toSorted()
    .map((path) => JSON.parse(readFileSync(path, "utf8")) as Artifact)
    .filter(({ abi, deployedBytecode }) => deployedBytecode.length > 2 && abi.some(({ type }) => type === "function"));
}

/** Bytes of code by contract: as deployed, and as sent to deploy, arguments aside. */
export function readSizes(): Record<string, { deployed: number; creation: number }> {
  return Object.fromEntries(
    listDeployed().map(({ contractName, bytecode, deployedBytecode }) => [
      contractName,
      { deployed: (deployedBytecode.length - 2) / 2, creation: (bytecode.length - 2) / 2 },
    ]),
  );
}

/** Each variable as `slot:offset` → `bytes type label`, and so the members of each struct that lies in storage. */
export function formatLayout(layout: StorageLayout): {
  variables: Record<string, string>;
  structs: Record<string, Record<string, string>>;
} {
  const types = layout.types ?? {};
  const toFacts = (variables: readonly StorageVariable[]): Record<string, string> =>
    Object.fromEntries(
      variables.map(({ slot, offset, type, label }) => [
        `${slot}:${offset}`,
        `${types[type]?.numberOfBytes} ${types[type]?.label} ${label}`,
      ]),
    );
  const structs = Object.values(types)
    .filter(({ members }) => members !== undefined)
    .map(({ label, members = [] }) => [label, toFacts(members)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { variables: toFacts(layout.storage), structs: Object.fromEntries(structs) };
}

/** The storage and, where there is any, the transient storage of each deployed contract. */
export function readLayouts(): Record<string, object> {
  const roots = listContracts();
  const output = compileSound(readSources(roots), buildSettings, {
    "*": { "*": ["storageLayout", "transientStorageLayout"] },
  });
  const layouts = new Map(
    roots.flatMap((root) =>
      Object.entries(output.contracts?.[root] ?? {}).map(([name, found]) => [`${root}:${name}`, found] as const),
    ),
  );
  return Object.fromEntries(
    listDeployed().map(({ contractName, sourceName }) => {
      const path = sourceName.replace(/^project\//, "");
      const found = layouts.get(`${path}:${contractName}`);
      if (found?.storageLayout === undefined) throw new Error(`no layout of ${contractName} (${path})`);
      const moment = found.transientStorageLayout;
      const hasTransient = moment !== undefined && moment.storage.length > 0;
      return [
        contractName,
        {
          ...formatLayout(found.storageLayout),
          ...(hasTransient ? { transient: formatLayout(moment).variables } : {}),
        },
      ];
    }),
  );
}

/** What differs between two pages, one line to a fact: `- ` as committed, `+ ` as it is now. */
export function compare(committed: unknown, present: unknown, path = ""): readonly string[] {
  const isGroup = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (isGroup(committed) && isGroup(present) && Array.isArray(committed) === Array.isArray(present)) {
    const keys = new Set([...Object.keys(committed), ...Object.keys(present)]);
    return [...keys].flatMap((key) => compare(committed[key], present[key], path === "" ? key : `${path} › ${key}`));
  }
  if (committed === present) return [];
  const line = (sign: string, value: unknown): string[] =>
    value === undefined ? [] : [`${sign} ${path}: ${JSON.stringify(value)}`];
  return [...line("-", committed), ...line("+", present)];
}
