/**
 * The courier: carries events to webhooks over HTTP, signed as Standard Webhooks 1.0 says. Owns the signature, the bounds of a request and the
 * rule where it may go. Promises that a name is looked up once per connection and that the connection goes to an address that was checked; that no
 * redirect is followed, and that next to nothing of an answer is read. Never throws, never logs a url or a secret.
 */
import { createHmac } from "node:crypto";
import { lookup, Resolver } from "node:dns/promises";
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { callbackify } from "node:util";
import type { Clock, Courier } from "../pipeline/ports.ts";
import { isPublicAddress } from "./public-address.ts";

/** For everything, from the look-up to the end of the answer. */
const timeoutMs = 10_000;
/** Of an answer's body, and of its head. */
const answerBytes = 4_096;
const headBytes = 8_192;
/** A connection that carries nothing is closed before most receivers would: one that they close under a request costs a retry. */
const idleMs = 2_000;
const urlLength = 1_000;

/** Every address of a host. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface CourierOptions {
  /** A devnet's: plain HTTP and addresses of this machine are allowed, names are looked up as the machine does. */
  readonly devnet: boolean;
  readonly clock: Pick<Clock, "now">;
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
}

type Parcel = Parameters<Courier["carry"]>[0];
type Answer = Awaited<ReturnType<Courier["carry"]>>;

/** The name servers alone: no file of this machine, and no thread that a slow one could hold. */
async function askServers(host: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  return answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
}

async function askMachine(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** `v1,` and the HMAC-SHA256 of `id.timestamp.body`, base64. */
export function sign(secret: string, { id, timestamp, body }: { id: string; timestamp: number; body: string }): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

function toHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** Ends with the answer or at the first `answerBytes` of it; what is cut off does not matter. */
async function readAway(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  await new Promise<void>((resolve) => {
    response.once("close", resolve).once("error", () => resolve());
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > answerBytes) response.destroy();
    });
  });
}

/** An error's code, never its message: that may hold the address. */
function toWhy(error: unknown): string {
  if (!(error instanceof Error)) return "failed";
  if (error.name === "TimeoutError" || error.name === "AbortError") return "timeout";
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : "failed";
}

export function createCourier(options: CourierOptions): Courier {
  const { devnet, clock } = options;
  const resolve = options.resolve ?? (devnet ? askMachine : askServers);
  const isAllowed = (address: string): boolean => devnet || isPublicAddress(address);
  const agents = {
    "http:": new http.Agent({ keepAlive: true, timeout: idleMs, maxFreeSockets: 64 }),
    "https:": new https.Agent({ keepAlive: true, timeout: idleMs, maxFreeSockets: 64 }),
  };

  /** Its addresses; throws a coded error when there are none or one of them may not be called. */
  async function findAddresses(host: string): Promise<readonly string[]> {
    const addresses = await resolve(host).catch(() => []);
    if (addresses.length === 0) throw Object.assign(new Error("no address"), { code: "name_unknown" });
    if (!addresses.every(isAllowed)) throw Object.assign(new Error("not public"), { code: "address_not_public" });
    return addresses;
  }

  const findAll = callbackify(findAddresses);
  /** What a connection asks: it goes to one of these addresses and no other. */
  const lookUp: LookupFunction = (host, { all }, callback) => {
    findAll(host, (error, addresses) => {
      const found = error === null ? addresses.map((address) => ({ address, family: isIP(address) })) : [];
      const [first] = found;
      if (all === true) callback(error, found);
      else callback(error, first?.address ?? "", first?.family ?? 0);
    });
  };

  /** What is wrong with the text of a url; null when nothing is. */
  function judge(text: string): string | null {
    const url = text.length <= urlLength ? URL.parse(text) : null;
    if (url === null) return "url_malformed";
    if (url.protocol !== "https:" && !(devnet && url.protocol === "http:")) return "https_only";
    if (url.username !== "" || url.password !== "" || url.hash !== "") return "url_malformed";
    // A connection to a literal address looks nothing up.
    return isIP(toHost(url)) !== 0 && !isAllowed(toHost(url)) ? "address_not_public" : null;
  }

  async function post({ url: text, secret, id, body }: Parcel): Promise<number> {
    const url = new URL(text);
    const timestamp = Math.floor(clock.now() / 1_000);
    const signal = AbortSignal.timeout(options.timeoutMs ?? timeoutMs);
    const request: RequestOptions = {
      method: "POST",
      agent: agents[url.protocol as keyof typeof agents],
      lookup: lookUp,
      signal,
      maxHeaderSize: headBytes,
      headers: {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "user-agent": "remesa-webhooks/1",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign(secret, { id, timestamp, body }),
      },
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const { request: open } = url.protocol === "https:" ? https : http;
      open(url, request, resolve).once("error", reject).end(body);
    });
    await readAway(response);
    return response.statusCode ?? 0;
  }

  async function carry(parcel: Parcel): Promise<Answer> {
    const why = judge(parcel.url);
    if (why !== null) return { ok: false, why, gone: false };
    try {
      const status = await post(parcel);
      if (status >= 200 && status < 300) return { ok: true };
      return { ok: false, why: `status ${status}`, gone: status === 410 };
    } catch (error) {
      return { ok: false, why: toWhy(error), gone: false };
    }
  }

  return {
    async refuse(text) {
      const why = judge(text);
      if (why !== null) return why;
      const host = toHost(new URL(text));
      return isIP(host) !== 0 ? null : findAddresses(host).then(() => null, toWhy);
    },
    carry,
  };
}
