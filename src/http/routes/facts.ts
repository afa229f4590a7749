/**
 * Facts anyone may read: is the node alive and ready, which network is this, what does the chain know of an account. Owns these routes;
 * they answer from what the follower already knows, so that reading costs the chain nothing.
 */
import { type Address, toWord } from "../../domain/hex.ts";
import { windowSize } from "../../domain/intent.ts";
import type { OrderRole } from "../../domain/draft.ts";
import type { BlockRef } from "../../domain/facts.ts";
import type { StoredAccount } from "../../pipeline/ports.ts";
import type { App, RouteParts } from "../app.ts";
import { RejectedError } from "../problem.ts";
import { toHalt, toTime } from "../resources.ts";
import { addressParams, batchLimit } from "../schemas.ts";
import { account, type Account, health, network, readiness } from "../views.ts";
import { spellAddress } from "../spelling.ts";

/** Free nonces shown: enough for a wallet to pick one at random without meeting its other devices. */
const shownNonces = 16;
/** The one fact about an account that is asked from the chain; without an answer by then it is left open. */
const vaspPatienceMs = 500;
const orderRoles: readonly OrderRole[] = [
  "dealer",
  "attestor",
  "issuer",
  "freezer",
  "agent",
  "seizer",
  "approver",
  "cosigner",
  "arbiter",
];

function toBlock(block: BlockRef | null) {
  return block === null ? null : { number: block.number, hash: block.hash, time: toTime(block.time * 1_000) };
}

function listFreeNonces({ nonceBase, consumed, live }: StoredAccount): string[] {
  const taken = new Set([...consumed, ...live]);
  const free: string[] = [];
  for (let nonce = nonceBase; nonce < nonceBase + windowSize && free.length < shownNonces; nonce++) {
    if (!taken.has(nonce)) free.push(toWord(nonce));
  }
  return free;
}

/** What can be promised now: never below zero, although balance less freeze and holds may be. */
function toAvailable({ balance, frozen, held }: StoredAccount): bigint {
  if (frozen === null) return 0n;
  const left = balance - frozen - held;
  return left > 0n ? left : 0n;
}

async function readVasp({ chain, head }: RouteParts, coin: Address, address: Address): Promise<number | null> {
  if (head.latest === null) return null;
  const { promise: tooLate, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), vaspPatienceMs);
  try {
    const read = chain.readAccounts(coin, [address], head.latest.number).then(([found]) => found?.vasp ?? null);
    return await Promise.race([read.catch(() => null), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

function toCoinAccount(stored: StoredAccount, symbol: string, vasp: number | null): Account["coins"][number] {
  return {
    coin: spellAddress(stored.coin),
    symbol,
    balance: stored.balance.toString(),
    held: stored.held.toString(),
    available: toAvailable(stored).toString(),
    frozen: (stored.frozen ?? stored.balance).toString(),
    frozenWhole: stored.frozen === null,
    nonces: listFreeNonces(stored),
    vasp,
  };
}

async function readAccount(parts: RouteParts, address: Address): Promise<Account> {
  const { coins } = parts.deployment;
  const stored = await parts.store.readAccounts(coins.map((coin) => ({ coin: coin.address, address })));
  const vasps = await Promise.all(coins.map((coin) => readVasp(parts, coin.address, address)));
  return {
    address: spellAddress(address),
    block: toBlock(parts.head.latest),
    coins: coins.map(({ address: coin, symbol }, index) => {
      const found = stored.find((one) => one.coin === coin && one.address === address);
      if (found === undefined) throw new Error("the store left an account out");
      return toCoinAccount(found, symbol, vasps[index] ?? null);
    }),
  };
}

function toNetwork(parts: RouteParts) {
  const { deployment, orderSigner, head, limits } = parts;
  const roles = orderRoles.map((role) => {
    const address = orderSigner.addressOf(role);
    return [role, address === null ? null : spellAddress(address)] as const;
  });
  return {
    chainId: deployment.chainId,
    version: parts.version,
    blockIntervalMs: parts.network.blockIntervalMs,
    finality: parts.network.finality,
    latest: toBlock(head.latest),
    final: toBlock(head.final),
    coins: deployment.coins.map((coin) => ({ ...coin, address: spellAddress(coin.address) })),
    contracts: {
      authority: spellAddress(deployment.authority),
      treasury: spellAddress(deployment.treasury),
      redemptions: spellAddress(deployment.redemptions),
      claims: spellAddress(deployment.claims),
      commerce: spellAddress(deployment.commerce),
      swap: spellAddress(deployment.swap),
      registry: spellAddress(deployment.registry),
      dispatcher: spellAddress(deployment.dispatcher),
    },
    roles: Object.fromEntries(roles),
    lanes: parts.lanes.map(spellAddress),
    limits: {
      batch: batchLimit,
      maxValiditySeconds: limits.maxValiditySeconds,
      requestsPerMinute: limits.requestsPerMinute,
    },
    sandbox: parts.sandbox !== null,
  };
}

async function readReadiness({ store, head, limits }: RouteParts) {
  const halted = await store.readHalt().catch((cause: unknown) => {
    throw new RejectedError({
      code: "storage_unavailable",
      subject: "store",
      actual: cause instanceof Error ? cause.name : "unknown",
      remedy: "Look at the disk and at the node's log.",
    });
  });
  const headAgeMs = Math.round(head.ageMs());
  if (head.latest === null || headAgeMs > limits.maxHeadAgeMs) {
    throw new RejectedError({
      code: "chain_stale",
      subject: "head",
      actual: head.latest === null ? "no block yet" : `${headAgeMs} ms old`,
      limit: `${limits.maxHeadAgeMs} ms`,
      remedy: "Look whether the chain makes blocks and whether the node reaches it.",
    });
  }
  return { status: "ready", block: head.latest.number, headAgeMs, halted: toHalt(halted) } as const;
}

export function addFacts(app: App, parts: RouteParts): void {
  const { deployment, head, version } = parts;

  app.get(
    "/health",
    {
      config: { access: "public", rateLimit: false },
      schema: { tags: ["node"], summary: "Is the process alive", response: { 200: health } },
    },
    async () => ({ status: "ok", chainId: deployment.chainId, block: head.latest?.number ?? null, version }) as const,
  );

  app.get(
    "/ready",
    {
      config: { access: "public", rateLimit: false },
      schema: { tags: ["node"], summary: "Can payments be taken in; 503 when not", response: { 200: readiness } },
    },
    () => readReadiness(parts),
  );

  app.get(
    "/v1/network",
    {
      config: { access: "public" },
      schema: {
        tags: ["network"],
        summary: "Chain, coins, contracts, roles, lanes and limits",
        response: { 200: network },
      },
    },
    async () => toNetwork(parts),
  );

  app.get(
    "/v1/accounts/:address",
    {
      config: { access: "public" },
      schema: {
        tags: ["accounts"],
        summary: "Balances, holds, freezes and free nonces of an account",
        params: addressParams,
        response: { 200: account },
      },
    },
    (request) => readAccount(parts, request.params.address),
  );
}
