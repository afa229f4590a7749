/**
 * Wallet login by signed message (ERC-4361). Owns the challenge and its check. A nonce needs no memory until it is used: it carries its
 * own time and proof of origin; it opens at most one session, for the one address it was made for.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { recoverMessageAddress } from "viem";
import { createSiweMessage, parseSiweMessage } from "viem/siwe";
import { type Address, type Hex, parseAddress } from "../domain/hex.ts";
import type { Clock } from "../pipeline/ports.ts";
import { RejectedError } from "./problem.ts";
import { spellAddress } from "./spelling.ts";

/** Five minutes between challenge and login: a person has to read and sign. */
const nonceMs = 300_000;
/** Used nonces remembered until they would have ended anyway. Beyond it login waits rather than forgets one. */
const maxUsed = 50_000;
const statement = "Log in to see your payments. This signs nothing that moves money.";

export interface Challenge {
  readonly message: string;
  readonly nonce: string;
  /** Wall clock, Unix milliseconds. */
  readonly expiresAt: number;
}

export interface Login {
  challenge(options: { readonly address: Address; readonly host: string }): Challenge;
  /** The address that signed a valid challenge. Throws the refusal otherwise. */
  verify(options: { readonly message: string; readonly signature: Hex; readonly host: string }): Promise<Address>;
}

export interface LoginOptions {
  readonly chainId: number;
  /** Names a message may be made for; null: any loopback name, which no other site can show to a wallet. */
  readonly hosts: readonly string[] | null;
  readonly clock: Pick<Clock, "now" | "monotonic">;
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(host);
}

function refuse(subject: string, remedy: string, actual?: string): RejectedError {
  return new RejectedError({ code: "unauthorized", subject, remedy, ...(actual === undefined ? {} : { actual }) });
}

/**
 * 12 digits of milliseconds, 16 of randomness, 32 of proof; hexadecimal, as ERC-4361 wants letters and digits only. The milliseconds are this process's
 * own, as the secret is: a wall clock that is set back must make no spent nonce good again.
 */
function createNonces(clock: Pick<Clock, "now" | "monotonic">) {
  const secret = randomBytes(32);
  const used = new Map<string, number>();

  function prove(head: string, address: Address): string {
    return createHmac("sha256", secret).update(`${head}:${address}`).digest("hex").slice(0, 32);
  }

  return {
    issue(address: Address): { nonce: string; expiresAt: number } {
      const head = Math.floor(clock.monotonic()).toString(16).padStart(12, "0") + randomBytes(8).toString("hex");
      return { nonce: head + prove(head, address), expiresAt: clock.now() + nonceMs };
    },
    check(nonce: string, address: Address): void {
      if (!/^[0-9a-f]{60}$/.test(nonce)) throw refuse("nonce", "Ask for a new challenge.");
      const proof = Buffer.from(prove(nonce.slice(0, 28), address));
      if (!timingSafeEqual(proof, Buffer.from(nonce.slice(28)))) throw refuse("nonce", "Ask for a new challenge.");
      if (Number.parseInt(nonce.slice(0, 12), 16) + nonceMs <= clock.monotonic()) {
        throw refuse("nonce", "The challenge has expired; ask for a new one.");
      }
    },
    spend(nonce: string): void {
      const now = clock.monotonic();
      for (const [old, endsAt] of used) {
        if (endsAt > now) break;
        used.delete(old);
      }
      if (used.has(nonce)) throw refuse("nonce", "The challenge was used; ask for a new one.");
      if (used.size >= maxUsed) {
        throw new RejectedError({ code: "queue_full", subject: "login", remedy: "Log in again in a few minutes." });
      }
      // Counted from the use, which is later than the issue: never forgotten too early, and use order is end order.
      used.set(nonce, now + nonceMs);
    },
  };
}

export function createLogin({ chainId, hosts, clock }: LoginOptions): Login {
  const nonces = createNonces(clock);

  function checkHost(host: string): void {
    if (hosts === null ? isLoopback(host) : hosts.includes(host)) return;
    throw refuse("host", "Log in under a name this node is configured for.", host);
  }

  return {
    challenge({ address, host }) {
      checkHost(host);
      const { nonce, expiresAt } = nonces.issue(address);
      const message = createSiweMessage({
        domain: host,
        address: spellAddress(address),
        statement,
        uri: `${isLoopback(host) ? "http" : "https"}://${host}`,
        version: "1",
        chainId,
        nonce,
        issuedAt: new Date(clock.now()),
        expirationTime: new Date(expiresAt),
      });
      return { message, nonce, expiresAt };
    },

    async verify({ message, signature, host }) {
      checkHost(host);
      const fields = readMessage(message);
      if (fields.domain !== host) throw refuse("domain", "Sign a message for this site.", fields.domain);
      if (fields.chainId !== chainId) throw refuse("chainId", `Sign for chain ${chainId}.`, String(fields.chainId));
      const now = clock.now();
      if (fields.expirationTime !== undefined && fields.expirationTime.getTime() <= now) {
        throw refuse("expirationTime", "The message has expired; ask for a new challenge.");
      }
      if (fields.notBefore !== undefined && fields.notBefore.getTime() > now) {
        throw refuse("notBefore", "The message is not valid yet.");
      }
      const address = parseAddress(fields.address);
      if (address === null) throw refuse("address", "Write the address with its checksum.", fields.address);
      nonces.check(fields.nonce, address);
      const signer = await recoverMessageAddress({ message, signature }).catch(() => null);
      if (signer === null || parseAddress(signer) !== address) {
        throw refuse("signature", "Sign the message with the wallet it names.");
      }
      nonces.spend(fields.nonce);
      return address;
    },
  };
}

/**
 * Reads a message strictly: written again from what was read, it must be the same text, so nothing in it can mean something else
 * to the wallet that showed it.
 */
function readMessage(message: string): Parameters<typeof createSiweMessage>[0] {
  const fields = parseSiweMessage(message) as Parameters<typeof createSiweMessage>[0];
  let again: string | null;
  try {
    again = createSiweMessage(fields);
  } catch {
    again = null;
  }
  if (again !== message) throw refuse("message", "Sign the message of a challenge as it was given (ERC-4361).");
  return fields;
}
