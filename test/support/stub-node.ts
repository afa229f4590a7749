/**
 * A stand-in for the node's HTTP surface, as far as the verbs use it: network, batches, transfers by id, orders, deposits, redemptions, the
 * statement. It can drop answers after the work was done, be busy, and refuse. What it takes it counts, so that tests can see whether
 * anything was done twice.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ReconciliationView } from "../../src/http/views.ts";

export interface StubNode {
  readonly url: string;
  /** Digest → how often it was accepted as new. */
  readonly accepted: ReadonlyMap<string, number>;
  readonly batches: number;
  /** Orders and deposits taken as new, in order. */
  readonly orders: readonly StubOrder[];
  close(): Promise<void>;
}

/** What was asked for under one Idempotency-Key. */
export interface StubOrder {
  readonly path: string;
  readonly key: string;
  readonly body: Record<string, unknown>;
}

/** Each contract at an address of its own; nothing answers there. */
const contracts = Object.fromEntries(
  ["authority", "treasury", "redemptions", "claims", "commerce", "swap", "registry", "dispatcher"].map((name, i) => [
    name,
    `0x${String(i + 1).repeat(40)}`,
  ]),
);

interface Faults {
  /** Answers of batches to drop after the batch was accepted. */
  dropAnswers?: number;
  /** Batches to answer with 503 before any is taken. */
  busy?: number;
  /** Items to refuse, by reference; retryable ones are refused once. */
  refuse?: Readonly<Record<string, { code: string; retryable: boolean }>>;
}

interface Item {
  readonly reference: string;
  readonly coin: string;
  readonly authorization: Record<string, unknown> & { nonce: string };
}

function problem(status: number, code: string, retryable: boolean): object {
  return { type: `urn:remesa:problem:${code}`, title: code, status, detail: code, code, retryable, errors: [] };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

interface Desk {
  readonly orders: readonly StubOrder[];
  /** Answers a path of the desk's; null when it is none. */
  answer(request: IncomingMessage, path: string): Promise<{ status: number; body: object } | null>;
}

const evidence = { transaction: `0x${"ab".repeat(32)}`, block: 7, logIndex: 1 };
const settledLife = { state: "settled", held: false, reason: null, digest: `0x${"cd".repeat(32)}`, evidence };
/** The redemption's state after each step. */
const stepStates: Readonly<Record<string, string>> = { accept: "accepted", "mark-sent": "sent", confirm: "burned" };

function refuse(status: number, code: string): { status: number; body: object } {
  return { status, body: problem(status, code, false) };
}

/** Orders, deposits and redemptions, all settled at once. One thing per Idempotency-Key, as the node promises: another body is refused. */
function createDesk(symbol: string): Desk {
  const orders: StubOrder[] = [];
  const redemptions = new Map<string, string>();

  function take(asked: StubOrder): { status: number; body: object } {
    const index = orders.findIndex(({ key }) => key === asked.key);
    const known = orders[index];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(asked)) {
      return refuse(422, "idempotency_key_reused");
    }
    const { coin } = (asked.body["order"] ?? asked.body) as { coin: unknown };
    if (coin !== symbol) return refuse(422, "coin_unknown");
    const id = `${known === undefined ? orders.push(asked) - 1 : index}`.padStart(13, "0");
    return { status: 202, body: { id: `ord_${id}`, ...settledLife } };
  }

  function showRedemption(id: string): { status: number; body: object } {
    const state = redemptions.get(id);
    if (state === undefined) return refuse(404, "not_found");
    const intent = { id, ...settledLife };
    return { status: 200, body: { id, redemptionId: `0x${"12".repeat(32)}`, state, intent, pending: [], steps: [] } };
  }

  return {
    orders,
    async answer(request, path) {
      const [, , collection, id, step] = path.split("/");
      const body = (request.method === "POST" ? JSON.parse(await readBody(request)) : {}) as Record<string, unknown>;
      if (collection === "orders" || collection === "deposits") {
        const key = String(request.headers["idempotency-key"]);
        return request.method === "POST" ? take({ path, key, body }) : refuse(404, "not_found");
      }
      if (collection !== "redemptions") return null;
      if (id === undefined) redemptions.set("rd_0000000000000", redemptions.get("rd_0000000000000") ?? "locked");
      if (id !== undefined && step !== undefined) redemptions.set(id, stepStates[step] ?? "locked");
      return showRedemption(id ?? "rd_0000000000000");
    },
  };
}

/** What the node says about bank, books and chain: they agree at one million, unless a test changes it. */
export function createStatement(coin: string, changes: Partial<ReconciliationView> = {}): ReconciliationView {
  const units = "1000000000000";
  return {
    block: 90,
    blockHash: `0x${"90".repeat(32)}`,
    blockTime: "2026-11-22T12:00:00.000Z",
    agrees: true,
    coins: [
      {
        coin,
        symbol: "XUS",
        bank: units,
        bankAsOf: null,
        books: units,
        chain: units,
        outstanding: units,
        accounts: 2,
        escrows: [],
      },
    ],
    differences: [],
    halted: null,
    ...changes,
  };
}

/** `digestOf` maps a nonce to the digest the client expects back. */
export async function startStubNode(options: {
  chainId: number;
  coin: string;
  digestOf: (nonce: string) => string;
  faults?: Faults;
  /** Looks at a transfer that find it on its way, before one finds it settled. Default: 2. */
  looks?: number;
  /** What the node answers about bank, books and chain; without it they agree. */
  statement?: () => ReconciliationView;
  /** Default: any free one. */
  port?: number;
}): Promise<StubNode> {
  const faults = { ...options.faults };
  const accepted = new Map<string, number>();
  const transfers = new Map<string, { id: string; digest: string; looks: number }>();
  const refusedOnce = new Set<string>();
  const desk = createDesk("XUS");
  let batches = 0;

  function view(id: string): object {
    const transfer = [...transfers.values()].find((candidate) => candidate.id === id);
    if (transfer === undefined) return problem(404, "not_found", false);
    transfer.looks++;
    const settled = transfer.looks > (options.looks ?? 2);
    const life = { state: settled ? "settled" : "sent", held: false, reason: null };
    return { id, digest: transfer.digest, ...life, evidence: settled ? evidence : null };
  }

  function take(item: Item): object {
    const rule = faults.refuse?.[item.reference];
    if (rule !== undefined && !(rule.retryable && refusedOnce.has(item.reference))) {
      refusedOnce.add(item.reference);
      return { outcome: "refused", problem: problem(422, rule.code, rule.retryable) };
    }
    const digest = options.digestOf(item.authorization.nonce);
    const known = transfers.get(digest);
    if (known === undefined) {
      accepted.set(digest, (accepted.get(digest) ?? 0) + 1);
      transfers.set(digest, { id: `tr_${`${transfers.size}`.padStart(13, "0")}`, digest, looks: 0 });
    }
    const { id } = transfers.get(digest) as { id: string };
    return {
      outcome: known === undefined ? "created" : "existing",
      transfer: { id, digest, state: "accepted", reason: null },
    };
  }

  async function answerBatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    batches++;
    const { transfers: items } = JSON.parse(await readBody(request)) as { transfers: readonly Item[] };
    if ((faults.busy ?? 0) > 0) {
      faults.busy = (faults.busy ?? 0) - 1;
      return send(response, 503, problem(503, "queue_full", true));
    }
    const outcomes = items.map(take);
    if ((faults.dropAnswers ?? 0) > 0) {
      faults.dropAnswers = (faults.dropAnswers ?? 0) - 1;
      response.destroy();
      return;
    }
    send(response, 202, { outcomes });
  }

  async function answerDesk(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const { status, body } = (await desk.answer(request, path)) ?? {
      status: 200,
      body: view(path.split("/").at(-1) ?? ""),
    };
    send(response, status, body);
  }

  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://stub");
    if (url.pathname === "/v1/network") {
      const coin = { symbol: "XUS", name: "Remesa Dollar", version: "1", decimals: 6, address: options.coin };
      send(response, 200, {
        chainId: options.chainId,
        coins: [coin],
        contracts,
        latest: null,
      });
    } else if (url.pathname === "/v1/reconciliation") {
      send(response, 200, options.statement?.() ?? createStatement(options.coin));
    } else if (url.pathname === "/v1/transfers/batch") void answerBatch(request, response);
    else void answerDesk(request, response, url.pathname);
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted,
    orders: desk.orders,
    get batches() {
      return batches;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
