/**
 * The node's typed client, for verbs and tests. Owns the Authorization and Idempotency-Key headers, decoding problems, and following the event
 * stream across disconnections. Never retries a request by itself: whether waiting makes sense is the caller's to know.
 */
import type { Problem } from "./schemas.ts";
import type { PublicEvent } from "./published.ts";

/** Longer than the longest long poll, which is 30 s. */
const requestTimeoutMs = 60_000;
const reconnectMs = 1_000;
/** Four heartbeats: a stream that is silent for longer is dead. */
const silenceMs = 60_000;

/** The node's refusal. `errors` has every reason with its remedy. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly retryable: boolean;
  readonly errors: Problem["errors"];
  /** The whole answer, with extras such as `freeNonces`. */
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.status = problem.status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.retryable = problem.retryable;
    this.errors = problem.errors;
    this.problem = problem;
  }
  /** What to do now. */
  get remedy(): string {
    return this.errors[0]?.remedy ?? this.detail;
  }
}

export interface ClientOptions {
  readonly url: string;
  /** An API key or a wallet token. */
  readonly key?: string;
}

export interface Client {
  readonly url: string;
  /** Throws ProblemError when the node refuses; what `fetch` throws when it does not answer. */
  get<T>(path: string, options?: { readonly signal?: AbortSignal }): Promise<T>;
  post<T>(path: string, body?: unknown, options?: PostOptions): Promise<T>;
  /** Follows events from after a sequence (default: from now on), for as long as it is read or until `signal`. */
  events(options?: EventsOptions): AsyncGenerator<PublicEvent>;
}

export interface PostOptions {
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface EventsOptions {
  readonly after?: string;
  readonly account?: string;
  readonly signal?: AbortSignal;
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "code" in value && "errors" in value && "retryable" in value;
}

/** Something between us and the node answered, or it is not a node: told as a problem, so that callers know one shape. */
function toForeignProblem(status: number, text: string): Problem {
  const detail = `the answer is not the node's: ${text.slice(0, 200)}`;
  return {
    type: "about:blank",
    title: "Unreadable answer",
    status,
    detail,
    code: "internal",
    retryable: status >= 500,
    errors: [{ code: "internal", subject: "answer", remedy: "Check that the URL is that of a Remesa node." }],
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readAnswer<T>(response: Response): Promise<T> {
  const text = await response.text();
  const value = parse(text);
  if (response.ok && value !== undefined) return value as T;
  throw new ProblemError(!response.ok && isProblem(value) ? value : toForeignProblem(response.status, text));
}

/** Splits an event stream into its blocks' `id` and `data`. */
async function* splitStream(body: ReadableStream<Uint8Array>): AsyncGenerator<{ id: string | null; data: string }> {
  let rest = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)) {
    const blocks = (rest + chunk).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n");
      const read = (name: string) =>
        lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
      yield { id: read("id").at(-1) ?? null, data: read("data").join("\n") };
    }
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, reconnectMs);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

export function createClient({ url, key }: ClientOptions): Client {
  const base = url.replace(/\/+$/, "");
  const credentials: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };

  function bound(signal: AbortSignal | undefined): AbortSignal {
    const timeout = AbortSignal.timeout(requestTimeoutMs);
    return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  }

  /** One connection's events. Advances `place.id` also for heartbeats. */
  async function* readStream(place: { id: string | null }, options: EventsOptions): AsyncGenerator<PublicEvent> {
    const query = options.account === undefined ? "" : `?account=${encodeURIComponent(options.account)}`;
    const silence = new AbortController();
    const signal = options.signal === undefined ? silence.signal : AbortSignal.any([options.signal, silence.signal]);
    let timer = setTimeout(() => silence.abort(), silenceMs);
    try {
      const headers = { ...credentials, accept: "text/event-stream" };
      const resume: Record<string, string> = place.id === null ? {} : { "last-event-id": place.id };
      const response = await fetch(`${base}/v1/events${query}`, { headers: { ...headers, ...resume }, signal });
      if (!response.ok || response.body === null) await readAnswer(response);
      if (response.body === null) return;
      for await (const { id, data } of splitStream(response.body)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), silenceMs);
        if (data !== "") yield JSON.parse(data) as PublicEvent;
        // Only now: what the reader has not taken yet is asked for again.
        if (id !== null) place.id = id;
      }
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  return {
    url: base,
    async get<T>(path: string, { signal }: { readonly signal?: AbortSignal } = {}) {
      return readAnswer<T>(await fetch(base + path, { headers: credentials, signal: bound(signal) }));
    },
    async post<T>(path: string, body?: unknown, { idempotencyKey, signal }: PostOptions = {}) {
      const headers: Record<string, string> = { ...credentials, "content-type": "application/json" };
      if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
      const init = { method: "POST", headers, body: JSON.stringify(body ?? {}), signal: bound(signal) };
      return readAnswer<T>(await fetch(base + path, init));
    },
    async *events(options: EventsOptions = {}) {
      const place = { id: options.after ?? null };
      const { signal } = options;
      const isAborted = (): boolean => signal?.aborted === true;
      while (!isAborted()) {
        try {
          yield* readStream(place, options);
        } catch (error) {
          if (isAborted()) return;
          if (error instanceof ProblemError && !error.retryable) throw error;
        }
        await pause(signal);
      }
    },
  };
}
