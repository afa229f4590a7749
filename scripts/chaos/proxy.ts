/**
 * A bad provider: stands between node and chain on the loopback interface and is in one mood at a time. Owns the moods and one trap that goes off at a
 * named call. Whatever it answers, a broadcast that it took was delivered, unless its mood is `cut`. Knows nothing of payments.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * `cut`: closes every connection. `slow`: answers late. `mute`: delivers, then closes the connection instead of answering. `errors`: delivers, then
 * answers errors. `foreign`: answers broadcasts with another hash. `behind`: its head is some blocks old. `blank`: has no receipts.
 */
export const moods = ["cut", "slow", "mute", "errors", "foreign", "behind", "blank"] as const;
export type Mood = (typeof moods)[number];

export interface Trap {
  readonly method: string;
  /** Before the call reaches the chain, or after it did and before the node hears of it. */
  readonly when: "before" | "after";
  readonly spring: () => void;
}

export interface Proxy {
  readonly url: string;
  /** Null: a good provider. */
  mood: Mood | null;
  trap: Trap | null;
  /** Calls answered otherwise than the chain did, or not at all. */
  readonly spoiled: number;
  close(): Promise<void>;
}

interface Call {
  readonly id?: unknown;
  readonly method: string;
  readonly params: readonly unknown[];
}
interface Reply {
  readonly jsonrpc: "2.0";
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

const slowMs = 1_500;
const blocksBehind = 3;
const noHash = `0x${"66".repeat(32)}`;

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function forward(url: string, body: unknown): Promise<{ readonly status: number; readonly value: unknown }> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: answer.status, value: (await answer.json()) as unknown };
}

/** The calls as a provider would understand them whose head is some blocks old. */
async function putBehind(url: string, calls: readonly Call[]): Promise<readonly Call[]> {
  const asked = await forward(url, { jsonrpc: "2.0", id: 0, method: "eth_blockNumber", params: [] });
  const head = Number((asked.value as { result: string }).result);
  const old = `0x${Math.max(0, head - blocksBehind).toString(16)}`;
  return calls.map((call) => {
    const isHead = call.method === "eth_getBlockByNumber" && call.params[0] === "latest";
    return isHead ? { ...call, params: [old, ...call.params.slice(1)] } : call;
  });
}

function spoil(mood: Mood | null, call: Call | undefined, reply: Reply): Reply {
  const { jsonrpc, id } = reply;
  const isBroadcast = call?.method === "eth_sendRawTransaction";
  if (mood === "errors") return { jsonrpc, id, error: { code: -32_000, message: "header not found" } };
  if (mood === "foreign" && isBroadcast) return { jsonrpc, id, result: noHash };
  if (mood === "blank" && call?.method === "eth_getTransactionReceipt") return { jsonrpc, id, result: null };
  return reply;
}

export async function startProxy(chainUrl: string): Promise<Proxy> {
  let spoiled = 0;

  function springAt(when: Trap["when"], calls: readonly Call[]): void {
    const { trap } = proxy;
    if (trap === null || trap.when !== when || !calls.some(({ method }) => method === trap.method)) return;
    proxy.trap = null;
    trap.spring();
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { mood } = proxy;
    if (mood === "cut") {
      spoiled += 1;
      request.socket.destroy();
      return;
    }
    const body = JSON.parse(await readBody(request)) as Call | readonly Call[];
    const calls: readonly Call[] = Array.isArray(body) ? (body as readonly Call[]) : [body as Call];
    springAt("before", calls);
    if (mood === "slow") await sleep(slowMs);
    const asked = mood === "behind" ? await putBehind(chainUrl, calls) : calls;
    const { status, value } = await forward(chainUrl, Array.isArray(body) ? asked : asked[0]);
    springAt("after", calls);
    if (mood === "mute") {
      spoiled += 1;
      request.socket.destroy();
      return;
    }
    const replies = (Array.isArray(value) ? value : [value]) as readonly Reply[];
    const byId = new Map(calls.map((call) => [call.id, call]));
    const told = replies.map((reply) => spoil(mood, byId.get(reply.id), reply));
    spoiled += mood === "slow" || mood === "behind" ? 1 : told.filter((reply, i) => reply !== replies[i]).length;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(Array.isArray(value) ? told : told[0]));
  }

  const server = createServer((request, response) => {
    // A node that was killed, or a chain that is busy: the caller sees a broken connection, as with any provider.
    answer(request, response).catch(() => request.socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy = {
    url: `http://127.0.0.1:${port}`,
    mood: null as Mood | null,
    trap: null as Trap | null,
    get spoiled() {
      return spoiled;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
  return proxy;
}
