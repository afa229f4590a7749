/**
 * `remesa travel`: the travel rule. Owns making an account a wallet operator's, its leaving, and attesting one payment between two operators.
 * Promises that what was signed is kept and sent again, so that the same command twice joins, leaves or attests once; personal data never
 * passes: an attestation carries the hash of what the operators exchanged.
 */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { id as hashText, keccak256 } from "ethers";
import { z } from "zod";
import { formatAddress, isHexOf, toLower, type Word } from "../../src/domain/hex.ts";
import type { Account } from "../../src/http/views.ts";
import { describeLife, orderPatienceSeconds, requireSettled } from "../orders.ts";
import { signStruct, type Struct } from "../payments/parties.ts";
import { keepRecord, toRecordPath } from "../payments/record.ts";
import type { Attestation, Membership, VaspView } from "../payments/resources.ts";
import {
  endStates,
  fetchNetwork,
  findCoin,
  type Living,
  type Network,
  openSession,
  persist,
  readNow,
  type Session,
  waitUntilEnded,
} from "../session.ts";
import {
  type ActOptions,
  addActOptions,
  addNodeOptions,
  declareGroup,
  declareVerb,
  type NodeOptions,
  readAct,
  readAmount,
  readMoment,
  readWhole,
} from "../terminal/options.ts";
import { Refusal, toUsage } from "../terminal/refusal.ts";
import { type Cell, formatBlock, formatMoney, formatTable, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { addWalletOptions, openWallet, readParty, type WalletOptions } from "../wallets.ts";

interface MemberOptions extends ActOptions, WalletOptions {
  readonly operatorKey?: string;
  readonly records?: string;
}
interface AttestOptions extends MemberOptions {
  readonly payer: string;
  readonly payee: string;
  readonly amount: string;
  readonly currency: string;
  readonly vasp: string;
  readonly expires: string;
  readonly exchanged: string;
}

const stepSeconds = 3_600;
const patience = { patienceSeconds: orderPatienceSeconds };
const bodySchema = z.strictObject({ path: z.string(), body: z.record(z.string(), z.unknown()) });

interface Act {
  /** What is asked, as text: it names the record and must be the same again. */
  readonly asked: Readonly<Record<string, string>>;
  /** Where it is posted, and where its life is read. */
  readonly path: string;
  readonly readAt: "/v1/memberships" | "/v1/attestations";
  readonly make: (unique: Word) => Promise<Record<string, unknown>>;
  readonly facts: readonly (readonly [string, Cell])[];
}

/** Signs once per content and attempt, posts it, and sees it through. */
async function act(
  terminal: Terminal,
  session: Session,
  { asked, path, readAt, make, facts, options }: Act & { readonly options: MemberOptions },
): Promise<void> {
  const { waitSeconds } = readAct(options);
  const named = { ...asked, attempt: options.attempt };
  const unique = toLower(hashText(`remesa.travel ${JSON.stringify(Object.entries(named))}`));
  const kept = await keepRecord({
    path: toRecordPath(session, { kind: "travel", reference: unique.slice(2, 34), records: options.records }),
    schema: bodySchema,
    asked: named,
    make: async () => ({ path, body: await make(unique) }),
    dryRun: options.dryRun,
  });
  if (options.dryRun === true) {
    const text = `${formatBlock(terminal, facts)}Dry run: nothing was asked.\n`;
    return showResult(terminal, options, { value: { dryRun: true, request: kept }, text });
  }
  const posted = await persist(() => session.client.post<Living>(kept.path, kept.body), patience);
  const living =
    waitSeconds === 0 || endStates.includes(posted.state)
      ? posted
      : await waitUntilEnded<Attestation | Membership>(session.client, {
          path: `${readAt}/${posted.id}`,
          waitSeconds,
          ...patience,
        });
  const text = formatBlock(terminal, [...facts, ...describeLife(terminal, living)]);
  showResult(terminal, options, { value: living, text });
  if (waitSeconds > 0) requireSettled(living);
}

async function readVasp(session: Session, account: string): Promise<number | null> {
  const { coins } = await persist(() => session.client.get<Account>(`/v1/accounts/${account}`), patience);
  return coins[0]?.vasp ?? null;
}

/** Says what is already so, where nothing is to be done. */
function showNothing(terminal: Terminal, options: NodeOptions, facts: readonly (readonly [string, Cell])[]): void {
  const value = { done: true, ...Object.fromEntries(facts) };
  showResult(terminal, options, { value, text: `${formatBlock(terminal, facts)}Nothing was to be done.\n` });
}

async function runJoin(terminal: Terminal, number: string, options: MemberOptions): Promise<void> {
  const vasp = readWhole(number, { name: "<operator>", least: 1, most: 65_535 });
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const wallet = await openWallet(terminal, session, options);
  const account = formatAddress(toLower(wallet.address));
  const facts = [
    ["account", account],
    ["joins", `operator ${vasp}`],
  ] as const;
  if ((await readVasp(session, account)) === vasp) return showNothing(terminal, options, facts);
  if (options.operatorKey === undefined) throw toUsage("the operator signs as well: give --operator-key");
  const key = await openWallet(terminal, session, { ...options, name: options.operatorKey });
  await act(terminal, session, {
    asked: { join: account, vasp: `${vasp}` },
    path: `/v1/vasps/${vasp}/members`,
    readAt: "/v1/memberships",
    async make(joinId) {
      const deadline = readNow(network) + stepSeconds;
      const struct: Struct = { primaryType: "JoinVasp", message: { account, vasp, joinId, deadline } };
      const [signature, signerSignature] = [
        await signStruct(network, wallet, struct),
        await signStruct(network, key, struct),
      ];
      return { account, joinId, deadline, signature, signer: key.address, signerSignature, chainId: network.chainId };
    },
    facts,
    options,
  });
}

async function runLeave(terminal: Terminal, options: MemberOptions): Promise<void> {
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const wallet = await openWallet(terminal, session, options);
  const account = formatAddress(toLower(wallet.address));
  const vasp = await readVasp(session, account);
  const facts = [
    ["account", account],
    ["leaves", "its operator, in 24 hours"],
  ] as const;
  if (vasp === 0) return showNothing(terminal, options, facts);
  await act(terminal, session, {
    asked: { leave: account, vasp: `${vasp}` },
    path: `/v1/accounts/${account}/leave`,
    readAt: "/v1/memberships",
    async make(leaveId) {
      const deadline = readNow(network) + stepSeconds;
      const message = { account, leaveId, deadline };
      const signature = await signStruct(network, wallet, { primaryType: "LeaveVasp", message });
      return { leaveId, deadline, signature, chainId: network.chainId };
    },
    facts,
    options,
  });
}

/** The commitment to what the operators exchanged: the hash of the file, which stays with them. */
function commitExchange(path: string): Word {
  try {
    return toLower(keccak256(readFileSync(path)));
  } catch {
    throw new Refusal({ reason: `${path} cannot be read`, remedy: "Name the file of what the operators exchanged." });
  }
}

async function makeAttestation(
  options: AttestOptions,
  context: { readonly network: Network; readonly session: Session; readonly terminal: Terminal },
) {
  const { network, session, terminal } = context;
  const coin = findCoin(network, options.currency);
  const amount = readAmount(options.amount, coin);
  const vasp = readWhole(options.vasp, { name: "--vasp", least: 1, most: 65_535 });
  const payer = readParty(session, options.payer, "--payer");
  const payee = readParty(session, options.payee, "--payee");
  const ref = commitExchange(options.exchanged);
  const make = async (attestationId: Word): Promise<Record<string, unknown>> => {
    const key = await openWallet(terminal, session, { ...options, name: options.operatorKey ?? options.wallet ?? "" });
    const validUntil = readMoment(options.expires, { name: "--expires", now: readNow(network) });
    const facts = { vasp, attestationId, payer, payee, validUntil };
    const message = { ...facts, coin: coin.address, amount, ref };
    const signature = await signStruct(network, key, { primaryType: "TravelAttestation", message });
    const attestation = { ...facts, amount: `${amount}`, reference: ref };
    return { coin: coin.address, attestation, signer: key.address, signature, chainId: network.chainId };
  };
  const asked = { attest: coin.symbol, vasp: `${vasp}`, payer, payee, amount: `${amount}`, exchanged: ref };
  return { make, asked, coin, amount, payer, payee };
}

async function runAttest(terminal: Terminal, options: AttestOptions): Promise<void> {
  const session = openSession(terminal, options, []);
  const network = await fetchNetwork(session.client);
  const made = await makeAttestation(options, { network, session, terminal });
  await act(terminal, session, {
    asked: { ...made.asked, expires: options.expires },
    path: "/v1/attestations",
    readAt: "/v1/attestations",
    make: made.make,
    facts: [
      ["payer", formatAddress(made.payer)],
      ["payee", `${formatAddress(made.payee)} of operator ${options.vasp}`],
      ["amount", formatMoney(made.amount, made.coin)],
    ],
    options,
  });
}

async function runShow(terminal: Terminal, name: string, options: NodeOptions): Promise<void> {
  const session = openSession(terminal, options, []);
  const get = <T>(path: string): Promise<T> => persist(() => session.client.get<T>(path), patience);
  const life = /^(att|mem)_/.exec(name)?.[1];
  if (life !== undefined) {
    const living = await get<Living>(`${life === "att" ? "/v1/attestations" : "/v1/memberships"}/${name}`);
    return showResult(terminal, options, {
      value: living,
      text: formatBlock(terminal, describeLife(terminal, living)),
    });
  }
  const isNumber = /^\d+$/.test(name);
  const number = isNumber ? Number(name) : await readVasp(session, readShown(session, name));
  if (number === null || number === 0) {
    const text = `${name} belongs to ${number === 0 ? "no wallet operator" : "an operator that is not known now"}\n`;
    return showResult(terminal, options, { value: { account: name, vasp: number }, text });
  }
  const vasp = await get<VaspView>(`/v1/vasps/${number}`);
  showResult(terminal, options, {
    value: isNumber ? vasp : { account: name, vasp },
    text: formatTable(terminal, {
      head: ["operator", "domain", "administered by", ""],
      rows: [[vasp.id, vasp.domain, vasp.admin, vasp.suspended ? terminal.colours.red("suspended") : "active"]],
    }),
  });
}

function readShown(session: Session, name: string): string {
  return isHexOf(name, 20) ? name : readParty(session, name, "<name>");
}

export function addTravel(program: Command, terminal: Terminal): void {
  const group = declareGroup(program, {
    name: "travel",
    summary: "the travel rule: wallet operators' families and attestations",
    example: "travel show Ana",
  });
  const records = ["--records <folder>", "where what was signed is kept; default: travel/ in the data folder"] as const;
  const key = ["--operator-key <wallet>", "a compliance key of the operator, named as --wallet is"] as const;
  const join = declareVerb(group, {
    name: "join",
    summary: "make an account a wallet operator's; both sign",
    example: "travel join 1 --wallet Ana --operator-key role:norte",
  });
  addWalletOptions(addActOptions(join), "the account's wallet")
    .argument("<operator>", "number of the operator")
    .option(...key)
    .option(...records)
    .action((number: string, options: MemberOptions) => runJoin(terminal, number, options));
  const leave = declareVerb(group, {
    name: "leave",
    summary: "announce that an account leaves its operator",
    example: "travel leave --wallet Ana",
  });
  addWalletOptions(addActOptions(leave), "the account's wallet")
    .option(...records)
    .action((options: MemberOptions) => runLeave(terminal, options));
  const attest = declareVerb(group, {
    name: "attest",
    summary: "attest one payment, as the payee's operator",
    example:
      "travel attest --vasp 2 --operator-key role:sur --payer Ana --payee Luis --amount 1500.00 --exchanged ivms.json",
  });
  addWalletOptions(addActOptions(attest), "the operator's compliance key, as --operator-key")
    .requiredOption("--payer <account>", "who pays")
    .requiredOption("--payee <account>", "who is paid: an account of this operator")
    .requiredOption("--amount <amount>", "exactly this decimal amount, once")
    .requiredOption("--vasp <operator>", "number of the payee's operator")
    .requiredOption("--exchanged <file>", "what the operators exchanged; only its hash is published")
    .option("--currency <symbol>", "the coin", "XUS")
    .option("--expires <time>", "RFC 3339 or +24h; at most 30 days", "+24h")
    .option(...key)
    .option(...records)
    .addHelpText("after", "\nTo attest the same payment a second time, give --attempt 2.")
    .action((options: AttestOptions) => runAttest(terminal, options));
  const show = declareVerb(group, {
    name: "show",
    summary: "whose an account is, who an operator is, or how far a step has come",
    example: "travel show Ana",
  });
  addNodeOptions(show)
    .argument("<name>", "an account, an operator's number, att_… or mem_…")
    .action((name: string, options: NodeOptions) => runShow(terminal, name, options));
}
