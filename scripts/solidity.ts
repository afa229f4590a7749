/**
 * The compiler as a function: reads the project's Solidity sources with all they import and compiles them in process. Owns how an import is
 * found and the settings of the build; promises the compiler of the lockfile and no file written. Never caches: each call compiles what it
 * is given.
 */
import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { posix } from "node:path";

const require = createRequire(import.meta.url);

/** Source by its path from the checkout, or by its package's name for one of a package. */
export type Sources = Readonly<Record<string, { readonly content: string }>>;

export interface Settings {
  readonly viaIR: boolean;
  readonly optimizer: object;
  readonly evmVersion?: string;
  readonly [key: string]: unknown;
}

export interface CompilerMessage {
  readonly severity: "error" | "warning" | "info";
  readonly message: string;
  readonly formattedMessage?: string;
  readonly errorCode?: string;
  readonly sourceLocation?: { readonly file: string; readonly start: number; readonly end: number };
}

export interface StorageVariable {
  readonly label: string;
  readonly slot: string;
  readonly offset: number;
  readonly type: string;
}

export interface StorageLayout {
  readonly storage: readonly StorageVariable[];
  readonly types: Readonly<
    Record<
      string,
      { readonly label: string; readonly numberOfBytes: string; readonly members?: readonly StorageVariable[] }
    >
  > | null;
}

export interface CompiledContract {
  readonly storageLayout?: StorageLayout;
  readonly transientStorageLayout?: StorageLayout;
  readonly evm?: {
    readonly bytecode: { readonly object: string };
    readonly deployedBytecode: { readonly object: string; readonly immutableReferences?: object };
  };
}

export interface CompilerOutput {
  readonly errors?: readonly CompilerMessage[];
  readonly sources: Readonly<Record<string, { readonly id: number; readonly ast?: unknown }>>;
  readonly contracts?: Readonly<Record<string, Readonly<Record<string, CompiledContract>>>>;
}

interface Solc {
  version(): string;
  compile(input: string): string;
}

let loaded: Solc | undefined;
function solc(): Solc {
  loaded ??= require("solc") as Solc;
  return loaded;
}

export function compilerVersion(): string {
  return solc().version();
}

/** The settings that `hardhat.config.ts` builds with, without what to put out. */
export const buildSettings: Settings = {
  viaIR: true,
  optimizer: { enabled: true, runs: 1000 },
  evmVersion: "cancun",
  metadata: { bytecodeHash: "none" },
};

/** Our own sources that end up in a deployment: everything under `contracts/` but mocks. */
export function listContracts(): readonly string[] {
  return globSync("contracts/**/*.sol")
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !path.startsWith("contracts/mocks/"))
    .toSorted();
}

/** The paths that a source imports, as the compiler will ask for them. */
export function importsOf(path: string, content: string): readonly string[] {
  const code = content.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "");
  return [...code.matchAll(/\bimport\b[^;]*?["']([^"']+)["']/g)].map(([, target = ""]) =>
    target.startsWith(".") ? posix.join(posix.dirname(path), target) : target,
  );
}

/** The files named and all that they import, straight or through others. */
export function readSources(roots: readonly string[]): Sources {
  const sources: Record<string, { content: string }> = {};
  const waiting = [...roots];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (sources[path] !== undefined) continue;
    const content = readFileSync(path.startsWith("@") ? `node_modules/${path}` : path, "utf8");
    sources[path] = { content };
    waiting.push(...importsOf(path, content));
  }
  return sources;
}

/** The sources among `sources` that `root` is made of, itself among them. */
export function closureOf(root: string, sources: Sources): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting = [root];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    waiting.push(...importsOf(path, sources[path]?.content ?? ""));
  }
  return found;
}

/** Compiles; messages, errors among them, are in the output. `wanted` is the compiler's output selection. */
export function compile(sources: Sources, settings: Settings, wanted: object): CompilerOutput {
  const input = { language: "Solidity", sources, settings: { ...settings, outputSelection: wanted } };
  return JSON.parse(solc().compile(JSON.stringify(input))) as CompilerOutput;
}

/** As `compile`, for sources that are known to be sound: an error is thrown. */
export function compileSound(sources: Sources, settings: Settings, wanted: object): CompilerOutput {
  const output = compile(sources, settings, wanted);
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage ?? error.message).join("\n"));
  return output;
}
