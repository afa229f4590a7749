/**
 * A stand-in for the node's HTTP surface, as far as `pay` uses it: batches, transfers by id, network. It can drop answers after the work was
 * done, be busy, and refuse. What it settles it counts, so that tests can see whether anything was paid twice.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface StubNode {
  readonly url: string;
  /** Digest → how often it was accepted as new. */
  readonly accepted: ReadonlyMap<string, number>;
  readonly batches: number;
  close(): Promise<void>;
}

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

/** `digestOf` maps a nonce to the digest the client expects back. */
export async function startStubNode(options: {
  chainId: number;
  coin: string;
  digestOf: (nonce: string) => string;
  faults?: Faults;
  /** Default: any free one. */
  port?: number;
}): Promise<StubNode> {
  const faults = { ...options.faults };
  const accepted = new Map<string, number>();
  const transfers = new Map<string, { id: string; digest: string; looks: number }>();
  const refusedOnce = new Set<string>();
  let batches = 0;

  function view(id: string): object {
    const transfer = [...transfers.values()].find((candidate) => candidate.id === id);
    if (transfer === undefined) return problem(404, "not_found", false);
    transfer.looks++;
    const settled = transfer.looks > 2;
    const evidence = settled ? { transaction: `0x${"ab".repeat(32)}`, block: 7, logIndex: 1 } : null;
    return { id, digest: transfer.digest, state: settled ? "settled" : "sent", held: false, reason: null, evidence };
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

  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://stub");
    if (url.pathname === "/v1/network") {
      const coin = { symbol: "XUS", name: "Remesa Dollar", version: "1", decimals: 6, address: options.coin };
      send(response, 200, {
        chainId: options.chainId,
        coins: [coin],
        contracts: { redemptions: options.coin },
        latest: null,
      });
    } else if (url.pathname === "/v1/transfers/batch") void answerBatch(request, response);
    else send(response, 200, view(url.pathname.split("/").at(-1) ?? ""));
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted,
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
