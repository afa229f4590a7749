/**
 * Configuration. Owns the environment variables of `docs/CONFIG.md`, the deployment file, the credentials file and the senders' keystores; reads them once, at
 * start, and lists everything that is wrong with them in one go. Never prints a secret.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { parsePassphraseSource, type PassphraseSource, readPassphrase } from "./chain/passphrase.ts";
import { parseAddress, type Address, type Hex } from "./domain/hex.ts";
import { defaultMinimums, type Minimums } from "./domain/sponsorship.ts";

const address = z.string().transform((text, context): Address => {
  const parsed = parseAddress(text);
  if (parsed === null) context.addIssue({ code: "custom", message: "not an address" });
  return parsed ?? "0x";
});
const privateKey = z.string().regex(/^0x[0-9a-f]{64}$/, "not a private key") as unknown as z.ZodType<Hex>;

/** The file `scripts/deploy.ts` writes and the node reads. */
export const deploymentSchema = z.strictObject({
  chainId: z.int().positive(),
  authority: address,
  treasury: address,
  redemptions: address,
  claims: address,
  commerce: address,
  swap: address,
  registry: address,
  dispatcher: address,
  coins: z
    .array(
      z.strictObject({
        symbol: z.string(),
        name: z.string(),
        version: z.string(),
        decimals: z.int(),
        address,
      }),
    )
    .min(1),
  block: z.int().nonnegative(),
});

/** Role of an API key: what it may do over HTTP. */
export const apiRoles = ["operator", "approver", "auditor"] as const;
export type ApiRole = (typeof apiRoles)[number];

/** Roles whose keys sign orders; the devnet's emergency and administration keys, its custody, and its two wallet operators. */
export const roleNames = [
  "dealer",
  "attestor",
  "issuer",
  "freezer",
  "agent",
  "seizer",
  "approver",
  "approver2",
  "approver3",
  "cosigner",
  "arbiter",
  "pauser",
  "unpauser",
  "admin",
  "custody",
  "norte",
  "sur",
] as const;
export type RoleName = (typeof roleNames)[number];

/** `credentials.json` of a data folder: file mode 0600, never logged. */
export const credentialsSchema = z.strictObject({
  url: z.string(),
  apiKeys: z.array(z.strictObject({ name: z.string(), role: z.enum(apiRoles), key: z.string().min(20) })),
  /** Empty where the lanes' keys are in a keystore. */
  lanes: z.array(privateKey),
  /** Gives the lanes gas money; left out where its key is in a keystore, or where a person does. */
  funder: privateKey.optional(),
  roles: z.partialRecord(z.enum(roleNames), privateKey),
  wallets: z.array(z.strictObject({ name: z.string(), country: z.string(), address, privateKey })),
});
export type Credentials = z.infer<typeof credentialsSchema>;

const finality = z
  .string()
  .regex(/^(finalized|depth:\d{1,4})$/, "depth:<n> or finalized")
  .transform((text) => (text === "finalized" ? ("finalized" as const) : { depth: Number(text.slice(6)) }));

const passphraseSource = z.string().transform((text, context): PassphraseSource => {
  const source = parsePassphraseSource(text);
  if (source === null) context.addIssue({ code: "custom", message: "file:<path>, env:<NAME>, fd:<n> or prompt" });
  return source ?? { kind: "prompt" };
});

/** `kind:units` pairs; kinds that are left out keep their default. */
const minimums = z.string().transform((text, context): Minimums => {
  const found: Record<string, bigint> = { ...defaultMinimums };
  for (const pair of text.split(",").filter((part) => part !== "")) {
    const [, kind = "", units = ""] = /^([a-z-]+):([1-9]\d{0,17}|0)$/.exec(pair) ?? [];
    if (Object.hasOwn(found, kind)) found[kind] = BigInt(units);
    else context.addIssue({ code: "custom", message: `"${pair}" is not <kind>:<base units>` });
  }
  return found as unknown as Minimums;
});

const urls = z
  .string()
  .transform((text) => text.split(","))
  .pipe(z.array(z.url()).min(1).max(4))
  .refine((list) => new Set(list).size === list.length, "the same endpoint twice proves nothing");

const whole = (fallback: number, least: number, most: number) =>
  z.coerce.number().int().min(least).max(most).default(fallback);

const environment = z.object({
  RPC_URLS: urls.optional(),
  RPC_URL: z.url().default("http://127.0.0.1:8545"),
  REMESA_DATA: z.string().default(".remesa/31337"),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/[^/]+\/.+/, "postgres://user:password@host:port/database")
    .optional(),
  HOST: z.string().default("127.0.0.1"),
  PORT: whole(3000, 0, 65535),
  FINALITY: finality.default({ depth: 2 }),
  SANDBOX: z.enum(["0", "1"]).default("0"),
  KEEPER: z.enum(["0", "1"]).default("1"),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  POLL_MS: whole(50, 10, 60_000),
  BATCH_ROWS: whole(250, 1, 700),
  MAX_VALIDITY_SECONDS: whole(86_400, 60, 31_536_000),
  MAX_HEAD_AGE_SECONDS: whole(30, 1, 86_400),
  MAX_LIVE_INTENTS: whole(100_000, 1, 10_000_000),
  MAX_FEE_GWEI: whole(500, 1, 100_000),
  RECONCILE_SECONDS: whole(30, 1, 86_400),
  BLOCK_INTERVAL_MS: z.coerce.number().int().min(1).max(3_600_000).optional(),
  LOGIN_HOSTS: z
    .string()
    .regex(/^[a-z0-9.-]+(:\d+)?(,[a-z0-9.-]+(:\d+)?)*$/, "host[:port], comma-separated")
    .transform((text) => text.split(","))
    .optional(),
  LANE_KEYSTORE: z.string().min(1).optional(),
  LANE_PASSPHRASE: passphraseSource.default({ kind: "prompt" }),
  LANE_COUNT: whole(2, 1, 64),
  LANE_SPARE: whole(2, 0, 64),
  FUNDER_KEYSTORE: z.string().min(1).optional(),
  FUNDER_PASSPHRASE: passphraseSource.default({ kind: "prompt" }),
  LANE_LOW_GWEI: whole(500_000_000, 1, Number.MAX_SAFE_INTEGER),
  LANE_TOP_UP_GWEI: whole(1_000_000_000, 1, Number.MAX_SAFE_INTEGER),
  FUNDER_GWEI_PER_DAY: whole(20_000_000_000, 1, Number.MAX_SAFE_INTEGER),
  MIN_SPONSORED_UNITS: minimums.default(defaultMinimums),
  SPONSOR_GAS_PER_PAYER_DAY: whole(10_000_000_000, 0, Number.MAX_SAFE_INTEGER),
  SPONSOR_GAS_PER_NEW_PAYER_DAY: whole(2_000_000_000, 0, Number.MAX_SAFE_INTEGER),
  SPONSOR_GAS_PER_HOUR: whole(500_000_000_000, 0, Number.MAX_SAFE_INTEGER),
  RATE_LIMIT_PER_MINUTE: whole(6_000, 1, 10_000_000),
});

export type Config = z.infer<typeof environment>;

/** Thrown when configuration is wrong: every problem, one line each. The program prints it and exits 2. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

function explain(source: string, error: z.ZodError): readonly string[] {
  return error.issues.map((issue) => `${source}: ${issue.path.join(".")}: ${issue.message}`);
}

/** Reads the environment variables; throws ConfigError with all problems. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const result = environment.safeParse(env);
  if (!result.success) throw new ConfigError(explain("environment", result.error));
  return result.data;
}

function readJson<T>(path: string, schema: z.ZodType<T>): T {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new ConfigError([`${path}: cannot be read`]);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConfigError([`${path}: not JSON`]);
  }
  const result = schema.safeParse(value);
  if (!result.success) throw new ConfigError(explain(path, result.error));
  return result.data;
}

export function readDeployment(folder: string): z.infer<typeof deploymentSchema> {
  return readJson(join(folder, "deployment.json"), deploymentSchema);
}

export function readCredentials(folder: string): Credentials {
  return readJson(join(folder, "credentials.json"), credentialsSchema);
}

export interface SenderKeys {
  readonly keys: readonly Hex[];
  /** Of lanes that only wait. */
  readonly spareKeys?: readonly Hex[];
}

/** The lanes' keys: those of credentials.json, and those of the keystore where there is one. Keys past LANE_COUNT only wait. */
export async function readLaneKeys(config: Config, lanes: readonly Hex[]): Promise<SenderKeys> {
  const { LANE_KEYSTORE: path, LANE_PASSPHRASE: source, LANE_COUNT: active, LANE_SPARE: spare } = config;
  if (path === undefined) {
    if (lanes.length > 0) return { keys: lanes };
    throw new ConfigError(["LANE_KEYSTORE: not set, and credentials.json names no lane: the node could send nothing"]);
  }
  const passphrase = await readPassphrase(source, { env: process.env });
  const { readKeystoreKeys } = await import("./chain/keystore.ts");
  const keys = await readKeystoreKeys({ path, passphrase, count: active + spare });
  return { keys: [...lanes, ...keys.slice(0, active)], spareKeys: keys.slice(active) };
}

/** The funder's key: that of its keystore, else that of credentials.json; undefined: nobody gives the lanes gas money by itself. */
export async function readFunderKey(config: Config, parts: { given: Hex | undefined; lanes: readonly Hex[] }) {
  const { FUNDER_KEYSTORE: path, FUNDER_PASSPHRASE: source } = config;
  let key = parts.given;
  if (path !== undefined) {
    const passphrase = await readPassphrase(source, { env: process.env, of: "the funder's keystore" });
    const { readKeystoreKeys } = await import("./chain/keystore.ts");
    [key] = await readKeystoreKeys({ path, passphrase, count: 1 });
  }
  if (key === undefined || !parts.lanes.includes(key)) return key;
  throw new ConfigError(["FUNDER_KEYSTORE: the funder's key is a lane's key; it needs one of its own"]);
}
