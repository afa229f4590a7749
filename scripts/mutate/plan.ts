/**
 * Which tests judge which mutant. Owns the suites, found from the folders of `test/contracts/` and the imports of the sources; promises that
 * a mutant of a base or a library is judged by every contract made of it. Never runs anything.
 */
import { createHash, type Hash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { closureOf, listContracts, readSources, type Sources } from "../solidity.ts";

/** A contract to compile: its source and its name. */
export interface Target {
  readonly source: string;
  readonly name: string;
}

export interface Suite {
  /** The contract or library whose tests these are. */
  readonly name: string;
  /** The contract under test and, for libraries and bases, the mocks that open them. */
  readonly targets: readonly Target[];
  readonly files: readonly string[];
}

const slashed = (path: string): string => path.replaceAll("\\", "/");

/** Sources with code to mutate: no interfaces, no mocks. */
export function listMutated(): readonly string[] {
  return listContracts().filter((path) => !path.startsWith("contracts/interfaces/"));
}

/** All sources of the contracts and the mocks. */
export function readAll(): Sources {
  return readSources(globSync("contracts/**/*.sol").map(slashed));
}

/** Gas and golden files are true only of the build's own code. */
function testFiles(folder: string): readonly string[] {
  return globSync(`${folder}/*.test.ts`)
    .map(slashed)
    .filter((file) => !/\/(gas|golden)\.test\.ts$/.test(file))
    .toSorted();
}

function contractsIn(content: string): readonly string[] {
  const code = content.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "");
  return [...code.matchAll(/^\s*contract\s+(\w+)/gm)].map(([, name = ""]) => name);
}

/** The contracts of the mocks that `source` is part of. */
function mocksOf(source: string, sources: Sources): readonly Target[] {
  return Object.keys(sources)
    .filter((path) => path.startsWith("contracts/mocks/") && closureOf(path, sources).has(source))
    .flatMap((path) => contractsIn(sources[path]?.content ?? "").map((name) => ({ source: path, name })));
}

/** The suites that judge mutants of `source`, the quickest first. */
export function suitesOf(source: string, sources: Sources): readonly Suite[] {
  const mocks = mocksOf(source, sources);
  // A library's own tests open it through a contract or a mock: they are run first, on whichever there is.
  const own = `test/contracts/libraries/${basename(source, ".sol")}.test.ts`;
  const first = existsSync(own) ? [own] : [];
  const suites: Suite[] = listMutated().flatMap((path) => {
    const name = basename(path, ".sol");
    const [folder] = globSync(`test/contracts/**/${name}`).map(slashed);
    if (folder === undefined || !closureOf(path, sources).has(source)) return [];
    return [{ name, targets: [{ source: path, name }, ...mocks], files: [...first, ...testFiles(folder)] }];
  });
  if (suites.length === 0) suites.push({ name: basename(source, ".sol"), targets: mocks, files: first });
  return suites
    .filter(({ targets, files }) => targets.length > 0 && files.length > 0)
    .toSorted((a, b) => a.files.length - b.files.length);
}

/** What a verdict rests on: `code`, the sources compiled and what the tests share; and each file of tests by itself. */
export interface Ground {
  readonly code: string;
  readonly files: Readonly<Record<string, string>>;
}

const shorten = (hash: Hash): string => hash.digest("hex").slice(0, 16);

export function groundOf(source: string, sources: Sources): Ground {
  const suites = suitesOf(source, sources);
  const parts = new Set([source, ...suites.flatMap(({ targets }) => targets.map((target) => target.source))]);
  const hash = createHash("sha256");
  for (const path of [...new Set([...parts].flatMap((part) => [...closureOf(part, sources)]))].toSorted()) {
    hash
      .update(path)
      .update("\0")
      .update(sources[path]?.content ?? "");
  }
  const folders = suites.flatMap(({ files }) => files.map((file) => file.replace(/[^/]*$/, "*.ts")));
  const files: Record<string, string> = {};
  for (const path of globSync([...new Set([...folders, "test/support/*.ts"])])
    .map(slashed)
    .toSorted()) {
    if (path.endsWith(".test.ts")) files[path] = shorten(createHash("sha256").update(readFileSync(path)));
    else hash.update(path).update("\0").update(readFileSync(path));
  }
  return { code: shorten(hash), files };
}

/** All of it in one word. */
export function fingerprint({ code, files }: Ground): string {
  return shorten(createHash("sha256").update(JSON.stringify([code, files])));
}

/** `count` of the items, chosen by the seed alone, in their first order. */
export function sample<Item>(
  items: readonly Item[],
  { count, seed }: { count: number; seed: string },
): readonly Item[] {
  if (count >= items.length) return items;
  const ranked = items.map((item, index) => ({
    item,
    index,
    rank: createHash("sha256").update(`${seed}\0${index}`).digest("hex"),
  }));
  return ranked
    .toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, count)
    .toSorted((a, b) => a.index - b.index)
    .map(({ item }) => item);
}
