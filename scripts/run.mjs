#!/usr/bin/env node
/**
 * The way in: `npm start`, `npm test`, `npx remesa …` all begin here. Owns the four things that must be true before any other file can
 * run: a Node that runs TypeScript, installed packages, compiled contracts, and a child that ends when its parent does. Plain JavaScript for
 * Node 20 with nothing installed. Never changes anything outside the checkout but npm's own cache and a one-line pointer to a Node.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { constants, homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The first release that runs TypeScript directly, and the one fetched when the installed one is older. */
const leastNode = [22, 18];
const fetchedNode = "node@24";
/** First word → script, and whether it needs compiled contracts. Any other first word is a verb of the operator's program. */
const commands = {
  start: { script: "devnet", compiled: true },
  devnet: { script: "devnet", compiled: true },
  test: { script: "test", compiled: true },
  bench: { script: "bench", compiled: true },
  spec: { script: "spec", compiled: false },
  golden: { script: "golden", compiled: true },
  mutate: { script: "mutate", compiled: true },
  prove: { script: "prove", compiled: false },
  fuzz: { script: "fuzz", compiled: false },
  chaos: { script: "chaos", compiled: true },
  simulate: { script: "simulate", compiled: false },
  evidence: { script: "evidence", compiled: true },
  pack: { script: "dist", compiled: true },
  remesa: { script: "remesa", compiled: false },
};
const self = realpathSync(fileURLToPath(import.meta.url));
const root = dirname(dirname(self));
/** A checkout runs the sources; the published package lies under node_modules, where Node refuses TypeScript, and runs `dist`. */
const isCheckout = existsSync(join(root, "hardhat.config.ts")) && !/[\\/]node_modules[\\/]/.test(self);

function say(line) {
  process.stderr.write(`${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}

// ——— a Node that runs TypeScript ———

function isSupported(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
}

/** What npm puts into the environment of its children would steer the npm we call: only where to fetch from, and as whom, is kept. */
function npmEnvironment(nodeFolder) {
  const kept =
    /^npm_config_(registry|cache|userconfig|globalconfig|proxy|https_proxy|https-proxy|noproxy|cafile|ca|strict_ssl|strict-ssl|offline|prefer_offline|prefer-offline|fetch_.*|\/\/.*|@.*)$/i;
  const env = {};
  for (const [key, value] of Object.entries(process.env)) {
    if (!/^npm_/i.test(key) || kept.test(key)) env[key] = value;
  }
  delete env.NODE_ENV;
  if (nodeFolder !== undefined) {
    const path = Object.keys(env).find((key) => key.toLowerCase() === "path") ?? "PATH";
    env[path] = `${nodeFolder}${delimiter}${env[path] ?? ""}`;
  }
  return { ...env, npm_config_update_notifier: "false", npm_config_fund: "false", npm_config_audit: "false" };
}

/** npm's or npx's own file when npm started us; else the command by name. */
function npmProgram(name, node) {
  const started = process.env.npm_execpath;
  const file = started === undefined ? undefined : join(dirname(started), `${name}-cli.js`);
  if (file !== undefined && existsSync(file)) return { command: node, args: [file], shell: false };
  return { command: name, args: [], shell: process.platform === "win32" };
}

function versionOf(node) {
  const answer = spawnSync(node, ["-p", "process.version"], { encoding: "utf8", timeout: 20_000 });
  return answer.status === 0 ? answer.stdout.trim() : "v0.0";
}

/** A Node that is new enough: the one remembered from last time, else npm's. Its path is remembered, so that npm is asked once. */
function findNode() {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "remesa");
  const pointer = join(folder, "node-path");
  if (existsSync(pointer)) {
    const remembered = readFileSync(pointer, "utf8").trim();
    if (remembered !== "" && existsSync(remembered) && isSupported(versionOf(remembered))) return remembered;
  }
  say(
    `Node ${process.version} cannot run TypeScript; using ${fetchedNode} from npm (fetched once, your own Node stays as it is)`,
  );
  const npx = npmProgram("npx", process.execPath);
  const args = [
    ...npx.args,
    "-y",
    "--prefer-offline",
    "--loglevel=error",
    "-p",
    fetchedNode,
    "node",
    "-p",
    "process.execPath",
  ];
  // Its package fetches the binary for this platform in an install script.
  const env = { ...npmEnvironment(), npm_config_ignore_scripts: "false" };
  const answer = spawnSync(npx.command, args, {
    encoding: "utf8",
    env,
    shell: npx.shell,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const found = (answer.stdout ?? "").trim().split("\n").at(-1) ?? "";
  if (found === "" || !existsSync(found) || !isSupported(versionOf(found))) {
    say((answer.stderr ?? "").trim());
    fail(
      `no Node ≥ ${leastNode.join(".")} here, and npm could not fetch one: install Node 24 from https://nodejs.org and try again`,
    );
  }
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(pointer, `${found}\n`);
  } catch {
    // A home that cannot be written to only means that npm is asked again next time.
  }
  return found;
}

// ——— what the checkout needs ———

function hashFiles(paths) {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(path.slice(root.length)).update("\0").update(readFileSync(path)).update("\0");
  return hash.digest("hex");
}

function readStamp(path) {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
}

/** Runs a step whose output is worth reading only when it fails. */
function runQuiet({ command, args, env, shell, what }) {
  const answer = spawnSync(command, args, {
    cwd: root,
    env,
    shell,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 28,
  });
  if (answer.status === 0) return;
  say(`${answer.stdout ?? ""}${answer.stderr ?? ""}`.trim());
  fail(`${what} failed${answer.error === undefined ? "" : `: ${answer.error.message}`}`);
}

/**
 * Runs `npm ci` under this Node when the packages are not those of the lockfile. The stamp lies in node_modules, so a folder that npm
 * emptied is installed again; packages that someone installed by hand are recognised by npm's own record of them.
 */
function install() {
  const lock = join(root, "package-lock.json");
  const modules = join(root, "node_modules");
  const stamp = join(modules, ".remesa-lock");
  const wanted = hashFiles([lock]);
  if (readStamp(stamp) === wanted || hasPackages(lock, modules)) return;
  const started = Date.now();
  say(
    existsSync(modules)
      ? "installing packages (not those of the lockfile)"
      : "installing packages (once, about a minute)",
  );
  const npm = npmProgram("npm", process.execPath);
  const args = [
    ...npm.args,
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--include=dev",
    "--include=optional",
    "--loglevel=error",
  ];
  runQuiet({
    command: npm.command,
    args,
    shell: npm.shell,
    env: npmEnvironment(dirname(process.execPath)),
    what: "npm ci",
  });
  writeFileSync(stamp, `${wanted}\n`);
  say(`installed in ${seconds(started)}`);
}

/**
 * True when npm's record of node_modules has every package of the lockfile that is not for another platform. Hardhat's native engine is
 * optional too and is silently left out by an install that Node 20 ran, so it is asked for by name.
 */
function hasPackages(lock, modules) {
  const record = join(modules, ".package-lock.json");
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, "utf8")).packages;
  const listed = Object.entries(JSON.parse(readFileSync(lock, "utf8")).packages).filter(([path]) => path !== "");
  const engine = Object.keys(installed).some((path) => path.startsWith("node_modules/@nomicfoundation/edr-"));
  return (
    engine && listed.every(([path, entry]) => entry.optional === true || installed[path]?.version === entry.version)
  );
}

function seconds(started) {
  return `${Math.round((Date.now() - started) / 1000)} s`;
}

function listSources(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory()
        ? listSources(join(folder, entry.name))
        : entry.name.endsWith(".sol")
          ? [join(folder, entry.name)]
          : [],
    )
    .sort();
}

function compile() {
  const stamp = join(root, "cache", "remesa-sources");
  const sources = [
    join(root, "hardhat.config.ts"),
    join(root, "package-lock.json"),
    ...listSources(join(root, "contracts")),
  ];
  const wanted = hashFiles(sources);
  if (readStamp(stamp) === wanted && existsSync(join(root, "artifacts", "contracts"))) return;
  const started = Date.now();
  say("compiling contracts");
  const hardhat = join(root, "node_modules", "hardhat", "dist", "src", "cli.js");
  runQuiet({
    command: process.execPath,
    args: [hardhat, "build", "--quiet", "--no-tests"],
    env: { ...process.env, HARDHAT_DISABLE_TELEMETRY: "true" },
    shell: false,
    what: "hardhat build",
  });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, `${wanted}\n`);
  say(`compiled in ${seconds(started)}`);
}

/** One bootstrap at a time in a checkout: a second `npm …` waits instead of installing into the same folder. */
async function withLock(work) {
  const lock = join(root, ".remesa", "bootstrap.lock");
  mkdirSync(dirname(lock), { recursive: true });
  const deadline = Date.now() + 600_000;
  for (let waited = false; ; ) {
    try {
      writeFileSync(lock, `${process.pid}\n`, { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      if (!isAlive(Number(readStamp(lock)))) rmSync(lock, { force: true });
      else if (Date.now() > deadline) fail(`another bootstrap holds ${lock}; remove it if no such process runs`);
      else if (!waited) say("waiting for another bootstrap in this checkout");
      waited = true;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  const release = () => {
    if (readStamp(lock) === String(process.pid)) rmSync(lock, { force: true });
  };
  process.on("exit", release);
  try {
    work();
  } finally {
    release();
  }
}

function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

// ——— the child ———

/** Runs Node on `args`, hands signals on, ends as the child ends, and takes the child along when our own parent dies. */
function runChild(node, args) {
  const child = spawn(node, args, { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  const forward = (signal) => child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, forward);
  watchParent(() => child.kill("SIGTERM"));
  child.on("error", (error) => fail(`cannot start ${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** The parent of another process, where the system tells. */
function readParent(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return null;
  }
}

function readCommand(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** npm runs a script through a shell, which stays when npm is killed; null when our parent is no such shell. */
function findNpm() {
  const [shell = ""] = readCommand(process.ppid);
  const pid = /^(sh|bash|dash|zsh|ash)$/.test(basename(shell)) ? readParent(process.ppid) : null;
  return pid !== null && readCommand(pid).join(" ").includes("npm") ? pid : null;
}

/**
 * The parent is gone when its channel closes or, under npm, when our parent or the npm behind it is no longer who it was. Started from a
 * shell directly, we go on without it: that is how a program is left in the background.
 */
function watchParent(onGone) {
  if (process.channel) {
    process.on("disconnect", onGone);
    process.channel.unref();
    return;
  }
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const npm = findNpm();
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === null || readParent(parent) === npm)) return;
    clearInterval(timer);
    onGone();
  }, 500);
  timer.unref();
}

async function main() {
  const words = process.argv.slice(2);
  if (!isSupported(process.version)) return runChild(findNode(), [self, ...words]);
  const known = basename(process.argv[1] ?? "") === "remesa" ? undefined : commands[words[0] ?? ""];
  const { script, compiled } = known ?? commands.remesa;
  const rest = known === undefined ? words : words.slice(1);
  const verb = script === "remesa" ? rest.find((word) => !word.startsWith("-")) : undefined;
  if (verb === "devnet")
    return start(
      "devnet",
      rest.filter((word) => word !== "devnet"),
      true,
    );
  return start(script, rest, compiled || verb === "deploy" || verb === "settle");
}

async function start(script, args, compiled) {
  const asksHelp = args.includes("--help") || args.includes("-h");
  if (isCheckout) {
    await withLock(() => {
      install();
      if (compiled && !asksHelp) compile();
    });
  }
  const file = isCheckout ? join(root, "scripts", `${script}.ts`) : join(root, "dist", "scripts", `${script}.js`);
  if (!existsSync(file)) fail(`${script} is not part of the published package: clone the repository to run it`);
  runChild(process.execPath, ["--disable-warning=ExperimentalWarning", file, ...args]);
}

await main();
