/**
 * Who is calling. Owns API keys with their roles, the bearer tokens of logged-in wallets, and the rule which kind of caller a route admits.
 * Keys and tokens are compared and kept only as hashes; a credential that is not valid is refused everywhere, never ignored.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Address } from "../domain/hex.ts";
import type { Clock } from "../pipeline/ports.ts";
import { RejectedError } from "./problem.ts";

/** What an API key may do: operator acts, approver gives the second word on what an operator began, auditor reads. */
export type ApiRole = "operator" | "approver" | "auditor";

export interface ApiKey {
  readonly name: string;
  readonly role: ApiRole;
  readonly key: string;
}

export type Caller =
  | { readonly kind: "none" }
  /** `id` is stable and not secret: it scopes Idempotency-Keys and rates. */
  | { readonly kind: "key"; readonly id: string; readonly name: string; readonly role: ApiRole }
  | { readonly kind: "wallet"; readonly address: Address };

/**
 * Whom a route admits. `public`: everyone · `login`: a wallet or an API key, the route itself looks at whose things these are ·
 * `reader`: any API key · `operator`, `approver`: that role's key, so that nobody approves what the same key began.
 */
export type Access = "public" | "login" | "reader" | "operator" | "approver";

export interface Auth {
  /** Reads an Authorization header. Throws `unauthorized` when it carries anything but a valid credential. */
  identify(header: string | undefined): Caller;
  /** A bearer token for a wallet that proved itself. */
  openSession(address: Address): { readonly token: string; readonly expiresAt: number };
}

/** One hour: long enough for a visit, short enough that a lost token hardly matters. */
const sessionMs = 3_600_000;
/** Sessions kept at once; about 2 MB. Beyond it the oldest ends early and that wallet logs in again. */
const maxSessions = 10_000;

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function refuseCredential(): RejectedError {
  return new RejectedError({
    code: "unauthorized",
    subject: "authorization",
    remedy:
      "Send a valid API key or wallet token as a bearer token, or none; wallet tokens end after an hour or a restart.",
  });
}

/** Stable, and does not reveal the key. */
export function toKeyId({ key }: Pick<ApiKey, "key">): string {
  return hash(key).toString("hex").slice(0, 32);
}

export function createAuth(apiKeys: readonly ApiKey[], clock: Pick<Clock, "now" | "monotonic">): Auth {
  const keys = apiKeys.map(({ name, role, key }) => {
    return { digest: hash(key), caller: { kind: "key", id: toKeyId({ key }), name, role } as const };
  });
  const sessions = new Map<string, { readonly address: Address; readonly endsAt: number }>();

  function findKey(digest: Buffer): Caller | null {
    let found: Caller | null = null;
    // Every key is compared, so that the time taken says nothing about which one was near.
    for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key.caller;
    return found;
  }

  function findSession(digest: Buffer): Caller | null {
    const id = digest.toString("hex");
    const session = sessions.get(id);
    if (session === undefined) return null;
    if (session.endsAt > clock.monotonic()) return { kind: "wallet", address: session.address };
    sessions.delete(id);
    return null;
  }

  return {
    identify(header) {
      if (header === undefined) return { kind: "none" };
      const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header)?.[1];
      if (token === undefined) throw refuseCredential();
      const digest = hash(token);
      const caller = findKey(digest) ?? findSession(digest);
      if (caller === null) throw refuseCredential();
      return caller;
    },
    openSession(address) {
      const now = clock.monotonic();
      // Insertion order is age order: the ended ones are at the front.
      for (const [id, session] of sessions) {
        if (session.endsAt > now && sessions.size < maxSessions) break;
        sessions.delete(id);
      }
      const token = `wallet_${randomBytes(32).toString("base64url")}`;
      sessions.set(hash(token).toString("hex"), { address, endsAt: now + sessionMs });
      return { token, expiresAt: clock.now() + sessionMs };
    },
  };
}

/** Refuses callers a route does not admit. */
export function admit(caller: Caller, access: Access): void {
  if (access === "public") return;
  if (caller.kind === "none") {
    throw new RejectedError({
      code: "unauthorized",
      subject: "authorization",
      remedy: access === "login" ? "Log in with a wallet or send an API key." : "Send an API key as a bearer token.",
    });
  }
  const admitted = access === "login" || (caller.kind === "key" && (access === "reader" || caller.role === access));
  if (!admitted) throw refuseRole(caller, access);
}

function refuseRole(caller: Caller, access: Access): RejectedError {
  return new RejectedError({
    code: "forbidden",
    subject: "authorization",
    actual: caller.kind === "key" ? caller.role : caller.kind,
    limit: access,
    remedy: access === "operator" || access === "approver" ? `Use the ${access}'s API key.` : "Use an API key.",
  });
}

/** True when the caller may see what only the parties of a thing and the roles see. */
export function isInsider(caller: Caller, parties: readonly (Address | null)[]): boolean {
  return caller.kind === "key" || (caller.kind === "wallet" && parties.includes(caller.address));
}

/** Refuses a wallet that asks for another account's things. */
export function admitTo(caller: Caller, account: Address): void {
  if (isInsider(caller, [account])) return;
  throw new RejectedError({
    code: "forbidden",
    subject: account,
    actual: caller.kind === "wallet" ? caller.address : caller.kind,
    remedy: "Log in with this account's own wallet, or use an API key.",
  });
}
