/**
 * JSON-RPC over HTTP. Owns timeouts, response size, batching and retries: reads are repeated a bounded number of times when the
 * transport failed, writes never. An error the node answered is a value, not an exception; what it proves is decided elsewhere.
 * Never logs and never retries a broadcast.
 */
import * as http from "node:http";
import type { IncomingMessage } from "node:http";
import * as https from "node:https";

/** Requests per HTTP body: what every client tested takes, and where throughput stops growing. */
const batchSize = 100;
/** Bytes of one HTTP body: anvil takes two million, public endpoints often less. One larger request goes alone. */
const batchBytes = 1_000_000;
/** Pauses before each repeated read, in milliseconds. Their number bounds the attempts. */
const retryPausesMs = [50, 250] as const;

/** Why talking to the chain failed. The retry verdict of the whole adapter is here. */
export class ChainFault extends Error {
  override readonly name = "ChainFault";
  readonly kind: "timeout" | "transport" | "http" | "oversize" | "malformed" | "answer" | "evidence";
  /** What was being done: a method, or a step of the adapter. */
  readonly step: string;
  /** True when the same request may succeed later. */
  readonly retryable: boolean;
  constructor(kind: ChainFault["kind"], options: { step: string; message: string; cause?: unknown }) {
    super(`${options.step}: ${options.message}`, { cause: options.cause });
    this.kind = kind;
    this.step = options.step;
    this.retryable = kind !== "oversize";
  }
}

export interface RpcRequest {
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What the node answered to one request. */
export type RpcAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: number; readonly message: string; readonly data: unknown };

export interface Rpc {
  /** Reads: one answer per request in order, repeated on transport failures. Throws ChainFault when the node cannot be reached. */
  read(requests: readonly RpcRequest[]): Promise<readonly RpcAnswer[]>;
  /** One read whose error answer is a fault. */
  ask<T>(method: string, ...params: readonly unknown[]): Promise<T>;
  /** Writes: in order, a hundred requests and a million bytes per HTTP body at most, never repeated. A failed exchange is the fault of every item in it. */
  write(requests: readonly RpcRequest[]): Promise<readonly (RpcAnswer | ChainFault)[]>;
}

export interface RpcOptions {
  readonly url: string;
  /** Milliseconds for one HTTP exchange, body included. */
  readonly timeoutMs?: number;
  /** Bytes of one response; a node that answers more is cut off. */
  readonly maxResponseBytes?: number;
}

interface Reply {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown; readonly data?: unknown };
}

function toAnswer(reply: Reply | undefined, step: string): RpcAnswer {
  if (reply === undefined || typeof reply !== "object") {
    throw new ChainFault("malformed", { step, message: "no answer for one request of the batch" });
  }
  if (reply.error !== undefined && reply.error !== null) {
    const { code, message, data } = reply.error;
    return {
      ok: false,
      code: typeof code === "number" ? code : 0,
      message: typeof message === "string" ? message : "",
      data,
    };
  }
  if (reply.result === undefined) throw new ChainFault("malformed", { step, message: "neither result nor error" });
  return { ok: true, result: reply.result };
}

interface Exchanged {
  readonly status: number;
  readonly text: string;
}

/** Reads a body up to the limit; the rest is never received. */
async function readBody(response: IncomingMessage, limit: number, step: string): Promise<string> {
  const oversize = (): ChainFault => {
    response.destroy();
    return new ChainFault("oversize", { step, message: `answer exceeds ${limit} bytes` });
  };
  if (Number(response.headers["content-length"] ?? 0) > limit) throw oversize();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > limit) throw oversize();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Posts one body at a time per connection, over connections that stay open; follows no redirect. */
function createPoster({ url, timeoutMs, maxResponseBytes }: Required<RpcOptions>) {
  const target = new URL(url);
  const { request, Agent } = target.protocol === "https:" ? https : http;
  const agent = new Agent({ keepAlive: true });
  return async (body: string, step: string): Promise<Exchanged> => {
    const sent = request(target, {
      method: "POST",
      agent,
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      // stays on until the end: an exchange may break after its answer has begun
      sent.on("error", reject);
      sent.once("response", resolve);
      sent.end(body);
    });
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400) {
      response.destroy();
      throw new ChainFault("transport", { step, message: `the node sends elsewhere (status ${status})` });
    }
    return { status, text: await readBody(response, maxResponseBytes, step) };
  };
}

function toFault(error: unknown, step: string): ChainFault {
  if (error instanceof ChainFault) return error;
  const timedOut = error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError");
  return timedOut
    ? new ChainFault("timeout", { step, message: "no answer in time", cause: error })
    : new ChainFault("transport", { step, message: "cannot reach the node", cause: error });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Requests in order, as few bodies as the bounds allow: a backlog of large transactions must not make one body nobody takes. */
function toSlices(requests: readonly RpcRequest[]): readonly (readonly RpcRequest[])[] {
  const slices: RpcRequest[][] = [];
  let bytes = 0;
  for (const request of requests) {
    const size = request.params.reduce<number>((sum, param) => sum + (JSON.stringify(param)?.length ?? 0), 100);
    const open = slices.at(-1);
    if (open === undefined || open.length === batchSize || bytes + size > batchBytes) {
      slices.push([request]);
      bytes = size;
    } else {
      open.push(request);
      bytes += size;
    }
  }
  return slices;
}

export function createRpc({ url, timeoutMs = 15_000, maxResponseBytes = 64 * 1024 * 1024 }: RpcOptions): Rpc {
  const post = createPoster({ url, timeoutMs, maxResponseBytes });

  /** One HTTP exchange: the answers in the order of the requests. */
  async function exchange(requests: readonly RpcRequest[]): Promise<readonly RpcAnswer[]> {
    const step = requests[0]?.method ?? "empty batch";
    const bodies = requests.map((request, id) => ({ jsonrpc: "2.0", id, ...request }));
    try {
      const { status, text } = await post(JSON.stringify(bodies.length === 1 ? bodies[0] : bodies), step);
      const isOk = status >= 200 && status < 300;
      let parsed: unknown;
      try {
        parsed = JSON.parse(text);
      } catch (cause) {
        const kind = isOk ? "malformed" : "http";
        throw new ChainFault(kind, { step, message: `status ${status}, not JSON`, cause });
      }
      if (Array.isArray(parsed)) {
        const replies = new Map((parsed as readonly Reply[]).map((reply) => [reply?.id, reply]));
        return requests.map((request, id) => toAnswer(replies.get(id), request.method));
      }
      const reply = parsed as Reply;
      if (requests.length > 1) {
        const message = `the batch as a whole was answered: ${String(reply?.error?.message ?? status)}`;
        throw new ChainFault("http", { step, message });
      }
      if (!isOk && reply?.error === undefined) {
        throw new ChainFault("http", { step, message: `status ${status}` });
      }
      return [toAnswer(reply, step)];
    } catch (error) {
      throw toFault(error, step);
    }
  }

  async function exchangePatiently(requests: readonly RpcRequest[]): Promise<readonly RpcAnswer[]> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await exchange(requests);
      } catch (error) {
        const next = retryPausesMs[attempt];
        if (next === undefined || !(error instanceof ChainFault) || !error.retryable) throw error;
        await pause(next);
      }
    }
  }

  async function read(requests: readonly RpcRequest[]): Promise<readonly RpcAnswer[]> {
    const answers: RpcAnswer[] = [];
    for (const slice of toSlices(requests)) answers.push(...(await exchangePatiently(slice)));
    return answers;
  }

  async function ask<T>(method: string, ...params: readonly unknown[]): Promise<T> {
    const [answer] = await read([{ method, params }]);
    return unwrap<T>(answer, method);
  }

  async function write(requests: readonly RpcRequest[]): Promise<readonly (RpcAnswer | ChainFault)[]> {
    const answers: (RpcAnswer | ChainFault)[] = [];
    for (const slice of toSlices(requests)) {
      try {
        answers.push(...(await exchange(slice)));
      } catch (error) {
        const fault = toFault(error, slice[0]?.method ?? "write");
        answers.push(...slice.map(() => fault));
      }
    }
    return answers;
  }

  return { read, ask, write };
}

/** The result, where an error answer means that the question itself went wrong. */
export function unwrap<T>(answer: RpcAnswer | undefined, step: string): T {
  if (answer === undefined) throw new ChainFault("malformed", { step, message: "no answer" });
  if (!answer.ok) throw new ChainFault("answer", { step, message: `${answer.code} ${answer.message}` });
  return answer.result as T;
}
