/**
 * The long-lived worker of a mutation run: loads Hardhat and the test files once, then for each mutant compiles the contracts it is part of,
 * hands the tests that code in place of the build's, and runs them on a chain put back to its first block until one fails. Owns nothing on
 * disk: artifacts are replaced in memory only. Ends when its parent does.
 */
import hre, { artifacts, network } from "hardhat";
import Mocha from "mocha";
import { compile, type Settings, type Sources } from "../solidity.ts";
import { readAll, type Suite, type Target } from "./plan.ts";
import {
  type Answer,
  type CompareRequest,
  type BaselineRequest,
  type JudgeRequest,
  profiles,
  type Request,
  type TestName,
  type Verdict,
} from "./protocol.ts";

const sources = readAll();

// ——— code in place of the build's ———

interface Code {
  readonly bytecode: string;
  readonly deployedBytecode: string;
}
const replaced = new Map<string, Code>();

const readArtifact = artifacts.readArtifact.bind(artifacts);
artifacts.readArtifact = (async (name: string) => {
  const artifact = await readArtifact(name);
  const code = replaced.get(`${artifact.sourceName}:${artifact.contractName}`);
  return code === undefined ? artifact : { ...artifact, ...code };
}) as typeof artifacts.readArtifact;

const keyOf = ({ source, name }: Target): string => `${source}:${name}`;

/** The code of the targets, or why there is none. */
function compileTargets(
  changed: Sources,
  targets: readonly Target[],
  settings: Settings,
): { codes: ReadonlyMap<string, Code> } | { error: string } {
  const selection: Record<string, Record<string, readonly string[]>> = {};
  for (const { source, name } of targets) {
    selection[source] = { ...selection[source], [name]: ["evm.bytecode.object", "evm.deployedBytecode.object"] };
  }
  const output = compile(changed, settings, selection);
  const failure = output.errors?.find(({ severity }) => severity === "error");
  if (failure !== undefined) return { error: failure.message };
  const codes = new Map<string, Code>();
  for (const target of targets) {
    const evm = output.contracts?.[target.source]?.[target.name]?.evm;
    if (evm === undefined) return { error: `${keyOf(target)} was not compiled` };
    codes.set(keyOf(target), {
      bytecode: `0x${evm.bytecode.object}`,
      deployedBytecode: `0x${evm.deployedBytecode.object}`,
    });
  }
  return { codes };
}

const unchanged = new Map<string, ReadonlyMap<string, Code>>();

/** The code of the unchanged sources, compiled once. */
function baseCode(suite: Suite, profile: string, settings: Settings): ReadonlyMap<string, Code> | string {
  const key = `${suite.targets.map(keyOf).join()} ${profile}`;
  const known = unchanged.get(key);
  if (known !== undefined) return known;
  const result = compileTargets(sources, suite.targets, settings);
  if ("error" in result) return result.error;
  unchanged.set(key, result.codes);
  return result.codes;
}

function isSame(a: ReadonlyMap<string, Code>, b: ReadonlyMap<string, Code>): boolean {
  return [...a].every(([key, code]) => b.get(key)?.bytecode === code.bytecode);
}

// ——— chains put back ———

const CLOSED = "closed";

type Connection = Awaited<ReturnType<typeof network.create>>;
const chains: { readonly connection: Connection; start: string }[] = [];

// A contract compiled without optimizer may be longer than a chain takes.
for (const config of Object.values(hre.config.networks)) {
  if (config.type === "edr-simulated") config.allowUnlimitedContractSize = true;
}
/** Remembers a chain and its first block, once. */
async function watch(connection: Connection): Promise<void> {
  if (chains.some((chain) => chain.connection === connection)) return;
  const chain = { connection, start: CLOSED };
  chains.push(chain);
  chain.start = (await connection.provider.request({ method: "evm_snapshot" })) as string;
}

// Each of the two ways to a chain leads past the other.
const create = network.create.bind(network);
network.create = (async (params?: Parameters<typeof create>[0]) => {
  const connection = await create(params);
  await watch(connection as unknown as Connection);
  return connection;
}) as typeof network.create;
const getOrCreate = network.getOrCreate.bind(network);
network.getOrCreate = (async (params?: Parameters<typeof getOrCreate>[0]) => {
  const connection = await getOrCreate(params);
  await watch(connection as unknown as Connection);
  return connection;
}) as typeof network.getOrCreate;

async function resetChains(): Promise<void> {
  for (const chain of chains) {
    const { connection } = chain;
    try {
      await connection.provider.request({ method: "evm_revert", params: [chain.start] });
      chain.start = (await connection.provider.request({ method: "evm_snapshot" })) as string;
      connection.networkHelpers.clearSnapshots();
    } catch (error) {
      // A test that makes a chain of its own closes it, too.
      if (!String(error).includes("has been closed")) throw error;
      chain.start = CLOSED;
    }
  }
  chains.splice(0, chains.length, ...chains.filter(({ start }) => start !== CLOSED));
}

// ——— tests ———

const loaded = new Map<string, Mocha>();

async function load(file: string): Promise<Mocha> {
  const known = loaded.get(file);
  if (known !== undefined) return known;
  const mocha = new Mocha({ timeout: 60_000, reporter: Mocha.reporters.Base });
  mocha.cleanReferencesAfterRun(false);
  mocha.addFile(file);
  await mocha.loadFilesAsync();
  loaded.set(file, mocha);
  return mocha;
}

interface FileRun {
  readonly failures: readonly string[];
  readonly tests: number;
  readonly ms: number;
}

/** Runs a file's tests; `title` picks one, `bail` ends at the first failure. */
async function runFile(
  file: string,
  { title, bail, excluded }: { title?: string; bail: boolean; excluded: readonly TestName[] },
): Promise<FileRun> {
  const mocha = await load(file);
  const started = performance.now();
  const failures: string[] = [];
  const skipped = new Set(excluded.filter((test) => test.file === file).map((test) => test.title));
  mocha.suite.eachTest((test) => {
    test.pending = skipped.has(test.fullTitle()) || (title !== undefined && test.fullTitle() !== title);
  });
  mocha.bail(bail);
  let tests = 0;
  await new Promise<void>((resolve) => {
    const runner = mocha.run(() => resolve());
    runner.on("pass", () => tests++);
    runner.on("fail", (test) => {
      tests++;
      // A failing hook is named by the test it stood before.
      failures.push((test as { ctx?: Mocha.Context }).ctx?.currentTest?.fullTitle() ?? test.fullTitle());
    });
  });
  return { failures, tests, ms: performance.now() - started };
}

async function baseline({ suite, profile }: BaselineRequest): Promise<Answer> {
  const settings = profiles[profile] as Settings;
  const nothing = { profile, excluded: [], files: {} };
  const codes = baseCode(suite, profile, settings);
  if (typeof codes === "string") return { kind: "baseline", error: codes, baseline: nothing, tests: 0 };
  await use(codes);
  const excluded: TestName[] = [];
  const files: Record<string, number> = {};
  let tests = 0;
  for (const file of suite.files) {
    const run = await runFile(file, { bail: false, excluded: [] });
    tests += run.tests;
    files[file] = Math.round(run.ms);
    excluded.push(...run.failures.map((title) => ({ file, title })));
  }
  return { kind: "baseline", baseline: { profile, excluded, files }, tests };
}

async function use(codes: ReadonlyMap<string, Code>): Promise<void> {
  replaced.clear();
  for (const [key, code] of codes) replaced.set(key, code);
  await resetChains();
}

async function judge(request: JudgeRequest): Promise<Answer> {
  const changed = { ...sources, [request.source]: { content: request.content } };
  let compileMs = 0;
  let testMs = 0;
  const answer = (verdict: Verdict): Answer => ({ kind: "judge", verdict, compileMs, testMs });
  for (const { suite, profile, excluded, hints } of request.suites) {
    const settings = profiles[profile] as Settings;
    const base = baseCode(suite, profile, settings);
    const started = performance.now();
    const result = compileTargets(changed, suite.targets, settings);
    compileMs += performance.now() - started;
    if ("error" in result) return answer({ state: "invalid", reason: result.error });
    // The same code cannot be told apart by any test.
    if (request.always !== true && typeof base !== "string" && isSame(base, result.codes)) continue;
    const broken = new Map([...result.codes].map(([key, code]) => [key, { ...code, bytecode: "0xfe" }]));
    await use(request.isBroken === true ? broken : result.codes);
    const began = performance.now();
    const steps = [...hints, ...suite.files.map((file) => ({ file, title: undefined }))];
    for (const { file, title } of steps) {
      const run = await runFile(file, { ...(title === undefined ? {} : { title }), bail: true, excluded });
      const [failed] = run.failures;
      if (failed === undefined) continue;
      testMs += performance.now() - began;
      return answer({ state: "killed", suite: suite.name, killer: { file, title: failed } });
    }
    testMs += performance.now() - began;
  }
  return answer({ state: "survived" });
}

function compareBuild({ source, content, suites }: CompareRequest): Answer {
  const changed = { ...sources, [source]: { content } };
  const started = performance.now();
  const isEqual = suites.every((suite) => {
    const base = baseCode(suite, "build", profiles["build"] as Settings);
    const result = compileTargets(changed, suite.targets, profiles["build"] as Settings);
    return typeof base !== "string" && "codes" in result && isSame(base, result.codes);
  });
  const verdict: Verdict = { state: isEqual ? "same-code" : "survived" };
  return { kind: "judge", verdict, compileMs: performance.now() - started, testMs: 0 };
}

function answer(message: Answer): void {
  process.send?.(message);
}

// A mutant may leave a promise behind that nobody waits for; its test has failed or passed by then.
process.on("unhandledRejection", () => {});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group; the parent decides.
process.on("SIGINT", () => {});
process.on("message", (request: Request) => {
  const work =
    request.kind === "baseline"
      ? baseline(request)
      : request.kind === "judge"
        ? judge(request)
        : Promise.resolve(compareBuild(request));
  work.then(answer, (error: unknown) => {
    process.stderr.write(`${String((error as Error).stack ?? error)}\n`);
    process.exit(1);
  });
});
answer({ kind: "ready" });
