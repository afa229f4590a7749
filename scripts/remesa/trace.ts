/**
 * `remesa trace`: one payment, deposit, order or redemption from HTTP to block on one screen, with the evidence of each step. Reads only; invents
 * nothing: what the node does not know is not shown.
 */
import type { Command } from "commander";
import {
  formatMoney,
  type Cell,
  formatBlock,
  formatState,
  formatTable,
  shorten,
  showResult,
} from "../terminal/screen.ts";
import type { TraceView } from "../../src/http/views.ts";
import { fetchNetwork, type Network, openSession } from "../session.ts";
import { addNodeOptions, declareVerb, type NodeOptions } from "../terminal/options.ts";
import { toUsage } from "../terminal/refusal.ts";
import type { Terminal } from "../terminal/terminal.ts";

type Kind =
  | "open-claim"
  | "authorize"
  | "charge"
  | "claim"
  | "decline-claim"
  | "cancel-claim"
  | "reclaim-claim"
  | "capture"
  | "void"
  | "refund"
  | "dispute-payment"
  | "resolve-payment"
  | "reclaim-payment"
  | "swap"
  | "cancel-quote"
  | "join"
  | "leave"
  | "complete-leave"
  | "travel-attest";
type Agreed = Extract<TraceView["resource"], { kind: Kind }>;
type Money = (coin: string, units: string) => string;

function createMoney(network: Network): Money {
  return (coin, units) => {
    const known = network.coins.find(({ address }) => address === coin.toLowerCase());
    return known === undefined ? `${units} base units of ${coin}` : formatMoney(BigInt(units), known);
  };
}

/** The text a memo carries, with its bytes; the bytes alone when they are no text. */
function describeMemo(memo: string | null): string {
  if (memo === null) return "";
  const text = Buffer.from(memo.slice(2).replace(/(?:00)+$/, ""), "hex").toString("utf8");
  return /^[^\p{Cc}\uFFFD]+$/u.test(text) ? `${text}  (${memo})` : memo;
}

/** Who, whom and how much, per kind of resource. */
function describeResource(resource: TraceView["resource"], money: Money): readonly (readonly [string, Cell])[] {
  switch (resource.kind) {
    case "transfer": {
      const { from, to, value, nonce, validBefore } = resource.authorization;
      return [
        ["payer", from],
        ["payee", to],
        ["amount", money(resource.coin, value)],
        ["memo", describeMemo(resource.memo)],
        ["reference", resource.reference ?? ""],
        ["nonce", nonce],
        ["acts before", new Date(validBefore * 1_000).toISOString()],
      ];
    }
    case "mint":
      return [
        ["payee", resource.to],
        ["amount", money(resource.coin, resource.amount)],
        ["deposit", resource.depositId],
      ];
    case "lock":
      return [
        ["holder", resource.holder],
        ["amount", money(resource.coin, resource.amount)],
        ["redemption", resource.redemptionId],
      ];
    case "cancel":
      return [
        ["payer", resource.authorizer],
        ["nonce", resource.nonce],
      ];
    case "accept":
    case "approve":
    case "reject":
    case "mark-sent":
    case "confirm":
    case "dispute":
    case "resolve":
    case "cancel-redemption":
    case "reclaim":
      return [["redemption", resource.redemptionId]];
    case "attest":
    case "minting":
    case "freeze":
    case "unfreeze":
    case "seize":
    case "approve-mint":
      return [
        ["order", resource.orderId],
        ["signer", resource.signer],
        ["account", resource.account ?? ""],
      ];
    default:
      return describeAgreement(resource, money);
  }
}

/** What began with terms that several parties know: claims, payments, quotes, and wallet operators' families. */
function describeAgreement(resource: Agreed, money: Money): readonly (readonly [string, Cell])[] {
  switch (resource.kind) {
    case "open-claim":
      return [
        ["sender", resource.sender],
        ["amount", money(resource.coin, resource.amount)],
        ["claim", resource.claimId],
        ["expires", resource.expiry],
      ];
    case "authorize":
    case "charge":
      return [
        ["payer", resource.payer],
        ["merchant", resource.merchant ?? ""],
        ["amount", money(resource.coin, resource.amount)],
        ["captured", money(resource.coin, resource.captured)],
        ["payment", resource.paymentId],
      ];
    case "travel-attest":
      return [
        ["payer", resource.payer ?? ""],
        ["payee", resource.payee ?? ""],
        ["amount", money(resource.coin, resource.amount)],
        ["attestation", resource.attestationId],
      ];
    case "join":
    case "leave":
    case "complete-leave":
      return [["account", resource.account]];
    default:
      return [
        ["agreement", resource.agreementId],
        ["amount", money(resource.coin, resource.amount)],
      ];
  }
}

function section(title: string, body: string): string {
  return `\n${title}\n${body.replace(/^(?=.)/gm, "  ")}`;
}

function formatSlots(terminal: Terminal, { slots }: TraceView): string {
  const rows = slots.flatMap((slot) =>
    slot.attempts.map(({ hash, sentAt }) => [
      `${slot.kind} ${slot.index + 1} of ${slot.size}`,
      shorten(slot.lane),
      slot.nonce,
      formatState(terminal, slot.state),
      slot.committedAt,
      sentAt ?? "not sent",
      slot.gasUsed ?? "",
      hash,
    ]),
  );
  const head = ["carried as", "lane", "nonce", "state", "committed", "sent", "gas", "transaction"];
  return rows.length === 0 ? "none yet\n" : formatTable(terminal, { head, rows, right: [2, 6] });
}

function formatMovements(terminal: Terminal, { movements }: TraceView, money: Money): string {
  const rows = movements.map((movement) => [
    movement.kind,
    shorten(movement.from),
    shorten(movement.to),
    money(movement.coin, movement.amount),
    movement.block,
    movement.logIndex,
    movement.final ? terminal.colours.green("final") : terminal.colours.yellow("not final"),
    movement.transaction,
  ]);
  const head = ["movement", "from", "to", "amount", "block", "log", "", "transaction"];
  return rows.length === 0 ? "none\n" : formatTable(terminal, { head, rows, right: [3, 4, 5] });
}

function formatTrace(terminal: Terminal, trace: TraceView, money: Money): string {
  const { resource } = trace;
  const life = "intent" in resource ? resource.intent : resource;
  const { evidence, reason } = life ?? { evidence: null, reason: null };
  const head = formatBlock(terminal, [
    [resource.kind, resource.id],
    ["state", formatState(terminal, resource.state) + (reason === null ? "" : ` (${reason})`)],
    ...describeResource(resource, money).filter(([, value]) => value !== ""),
    ...(life === null
      ? []
      : ([
          ["signed as", life.digest],
          ["accepted", life.createdAt],
          ["ended", life.endedAt ?? "not yet"],
        ] as const)),
  ]);
  const proof =
    evidence === null
      ? "none yet\n"
      : formatBlock(terminal, [
          ["block", `${evidence.block}  ${evidence.blockHash}`],
          ["transaction", `${evidence.transaction}, log ${evidence.logIndex}`],
          ["sent by", evidence.by],
        ]);
  const lines = (trace.lines ?? []).map(({ account, amount }) => [account, money(resource.coin, amount)]);
  const events = (trace.events ?? []).map(({ sequence, at, type }) => [
    // Events that follow from a transaction's own have no place in the stream.
    sequence === "0" ? "" : sequence,
    at,
    type,
  ]);
  return [
    head,
    section("Transactions", formatSlots(terminal, trace)),
    section("Movements on the chain", formatMovements(terminal, trace, money)),
    section("Evidence", proof),
    lines.length === 0
      ? ""
      : section("Ledger", formatTable(terminal, { head: ["account", "amount"], rows: lines, right: [1] })),
    events.length === 0
      ? ""
      : section("Events", formatTable(terminal, { head: ["#", "at", "event"], rows: events, right: [0] })),
  ].join("");
}

async function runTrace(terminal: Terminal, id: string, options: NodeOptions): Promise<void> {
  if (!/^[a-z]{2,3}_[0-9a-z]{13}$/.test(id)) throw toUsage(`"${id}" is not an id such as tr_01jd0000000ab`);
  const session = openSession(terminal, options, ["auditor", "operator", "approver"]);
  const network = await fetchNetwork(session.client);
  const trace = await session.client.get<TraceView>(`/v1/intents/${id}/trace`);
  showResult(terminal, options, { value: trace, text: formatTrace(terminal, trace, createMoney(network)) });
}

export function addTrace(program: Command, terminal: Terminal): void {
  const verb = declareVerb(program, {
    name: "trace",
    summary: "one payment from HTTP to block, with its evidence",
    example: "trace tr_01jd0000000ab",
  });
  addNodeOptions(verb)
    .argument("<id>", "id of a transfer, deposit, order, redemption or step")
    .action((id: string, options: NodeOptions) => runTrace(terminal, id, options));
}
