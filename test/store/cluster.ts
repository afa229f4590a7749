/**
 * A PostgreSQL server of the tests' own: in a temporary folder, on a free port of 127.0.0.1, as a user that is not root. Owns starting, stopping
 * and the databases in it. Promises that nothing of it is left when the process ends, and that the machine's own server is never touched.
 * `REMESA_TEST_POSTGRES` names a server to use instead; its databases are made and dropped here.
 */
import { spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";

const debian = "/usr/lib/postgresql";
/** Seconds that starting or stopping may take. */
const patience = 60;

export interface Cluster {
  /** A url of a new, empty database: some hundred files. */
  createDatabase(): Promise<string>;
  /** Makes a migrated database as it was new, in a twentieth of the time that another one takes. Needs a superuser. */
  emptyDatabase(url: string): Promise<void>;
  /** Removes a database, whoever has it open. */
  dropDatabase(url: string): Promise<void>;
  /** Runs one statement on a database, past every guard of the program. */
  run(url: string, text: string): Promise<readonly Record<string, unknown>[]>;
  /** The process that every other one of the server is a child of. Null: not ours. */
  readonly pid: number | null;
  /** Stops the server at once, as a crash would, and starts it again. Null: not ours to stop. */
  readonly crash: (() => void) | null;
  stop(): Promise<void>;
}

/** The folder of `initdb` and `pg_ctl`, newest first; null where there is no server. */
export function findPrograms(): string | null {
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env["PATH"] ?? "").split(delimiter),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "pg_ctl"))) ?? null;
}

/** True when a suite can have a server here. */
export function hasPostgres(): boolean {
  return process.env["REMESA_TEST_POSTGRES"] !== undefined || findPrograms() !== null;
}

async function findPort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** The server's programs refuse root: they run as `postgres`, or as `nobody` where there is no such user. */
function toUser(): string | null {
  if (userInfo().uid !== 0) return null;
  return spawnSync("id", ["-u", "postgres"]).status === 0 ? "postgres" : "nobody";
}

/** The command as that user. */
function toCommand(user: string | null, command: string, args: readonly string[]): readonly [string, ...string[]] {
  return user === null ? [command, ...args] : ["setpriv", ...asUser(user), command, ...args];
}

function run(user: string | null, command: string, args: readonly string[]): SpawnSyncReturns<string> {
  const [program, ...rest] = toCommand(user, command, args);
  const result = spawnSync(program, rest, {
    encoding: "utf8",
    // A folder every user can read: the programs begin by looking where they are.
    cwd: tmpdir(),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: patience * 1_000,
  });
  if (result.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.error?.message ?? result.stderr}`);
  return result;
}

/** A shell that waits for this process to end, however it ends, and then runs the command and removes the folder. */
function leash(folder: string, command: readonly string[]): void {
  const script = 'read -r _; folder=$1; shift; "$@"; rm -rf "$folder"';
  const child = spawn("sh", ["-c", script, "sh", folder, ...command], {
    cwd: tmpdir(),
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.unref();
  (child.stdin as Socket).unref();
}

function asUser(user: string): readonly string[] {
  const group = spawnSync("id", ["-g", user], { encoding: "utf8" }).stdout.trim();
  return [`--reuid=${user}`, `--regid=${group}`, "--clear-groups", "--"];
}

/** Without syncing: the tests kill the server, not the machine. */
const careless = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=32MB"];
const durable = ["-c", "fsync=on", "-c", "full_page_writes=on", "-c", "shared_buffers=256MB"];

interface OwnCluster {
  readonly url: string;
  readonly pid: number;
  crash(): void;
  stop(): void;
}

/** Starts the server; its data folder goes with it. */
async function startCluster(programs: string, { isDurable }: { readonly isDurable: boolean }): Promise<OwnCluster> {
  const user = toUser();
  const folder = mkdtempSync(join(tmpdir(), "remesa-postgres-"));
  const data = join(folder, "data");
  if (user !== null) run(null, "chown", [user, folder]);
  run(user, join(programs, "initdb"), [
    "--no-sync",
    "--auth=trust",
    "--username=remesa",
    "--encoding=UTF8",
    "--locale=C",
    "-D",
    data,
  ]);
  const port = await findPort();
  const care = (isDurable ? durable : careless).join(" ");
  const settings = `-p ${port} -h 127.0.0.1 -k ${folder} -c max_connections=200 ${care}`;
  const control = (...args: readonly string[]) =>
    run(user, join(programs, "pg_ctl"), ["-D", data, "-w", "-t", String(patience), ...args]);
  const start = () => control("-l", join(folder, "log"), "-o", settings, "start");
  const stopNow = ["-D", data, "-m", "immediate", "stop"];
  leash(folder, toCommand(user, join(programs, "pg_ctl"), stopNow));
  start();
  return {
    url: `postgres://remesa@127.0.0.1:${port}/postgres`,
    pid: Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]),
    crash() {
      control("-m", "immediate", "stop");
      start();
    },
    stop() {
      control("-m", "immediate", "stop");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Without triggers and foreign keys: the ledger refuses to lose entries, rightly. */
const emptying = `DO $$ DECLARE one record; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT tablename AS name FROM pg_tables
    WHERE schemaname = 'public' AND tablename NOT IN ('migrations', 'sequences', 'tallies') LOOP
    EXECUTE format('DELETE FROM %I', one.name);
  END LOOP;
  FOR one IN SELECT sequencename AS name FROM pg_sequences WHERE schemaname = 'public' LOOP
    PERFORM setval(one.name::regclass, 1, false);
  END LOOP;
  UPDATE sequences SET last = 0;
  UPDATE tallies SET count = 0;
END $$`;

async function runOn(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** A server for one suite. Call only where `hasPostgres()`. `isDurable`: every commit is on disk before it returns. */
export async function openCluster({ isDurable = false } = {}): Promise<Cluster> {
  const given = process.env["REMESA_TEST_POSTGRES"];
  const programs = findPrograms();
  const own = given === undefined && programs !== null ? await startCluster(programs, { isDurable }) : null;
  const url = given ?? own?.url;
  if (url === undefined) throw new Error("there is no PostgreSQL here");
  const names = new Set<string>();
  let count = 0;
  const nameOf = (database: string): string => new URL(database).pathname.slice(1);
  const drop = async (name: string): Promise<void> => {
    await runOn(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    names.delete(name);
  };
  return {
    run: runOn,
    emptyDatabase: async (database) => void (await runOn(database, emptying)),
    async createDatabase() {
      const name = `remesa_${process.pid}_${count++}`;
      await runOn(url, `CREATE DATABASE ${name}`);
      names.add(name);
      const target = new URL(url);
      target.pathname = `/${name}`;
      return target.href;
    },
    dropDatabase: (database) => drop(nameOf(database)),
    pid: own?.pid ?? null,
    crash: own?.crash ?? null,
    async stop() {
      if (own !== null) own.stop();
      else for (const name of names) await drop(name);
    },
  };
}
