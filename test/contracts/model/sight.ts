/**
 * What is looked at after every step: each question to a contract's view beside the model's answer to it. Owns the reader that asks
 * all of them in one call. Promises that everything the model keeps is asked for, and also what it says was never written.
 */
import { type Interface, toBeHex } from "ethers";
import { accountOf, type Coin, isSpent, WINDOW_SIZE } from "../../model/coin.ts";
import { CLAIM_STATE } from "../../model/claims.ts";
import { creditKey } from "../../model/escrow.ts";
import { type Address, power, toWord, WHOLE, type World, ZERO } from "../../model/frame.ts";
import { paymentOf, vaspOf } from "../../model/families.ts";
import { REDEMPTION_STATE } from "../../model/redemption.ts";
import { type ContractName, CONTRACTS, HOLDERS, type Stage } from "./stage.ts";

type Word = bigint | string | boolean;
/** One question, the number of words in its answer, and which of them the model knows. */
interface Sight {
  label: string;
  query: string;
  words: number;
  /** The model's words, by position. */
  expect: (world: World) => Record<number, Word>;
}

/** What was named in the run, whether or not it came to exist. */
export interface Seen {
  /** `escrow coin payer party` */
  credits: Set<string>;
  claims: Set<string>;
  payments: Set<string>;
  quotes: Set<string>;
  redemptions: Set<string>;
  /** `coin account nonce` */
  nonces: Set<string>;
  /** `contract signer id` */
  orders: Set<string>;
  /** `account id` */
  consents: Set<string>;
  /** `vasp id` */
  attestations: Set<string>;
  /** `coin payer payee amount` */
  travels: Set<string>;
}

export function createSeen(): Seen {
  return {
    credits: new Set(),
    claims: new Set(),
    payments: new Set(),
    quotes: new Set(),
    redemptions: new Set(),
    nonces: new Set(),
    orders: new Set(),
    consents: new Set(),
    attestations: new Set(),
    travels: new Set(),
  };
}

/**
 * Calls one contract after the other and gives their answers one after the other. For each: the address (20 bytes), nothing (8), the
 * length of the question (2), the length of the answer (2), the question. Reverts where a call does.
 */
const READER_CODE = [
  "5f5f", //                         offset, end of the answers
  "5b81361115604557", //             while offset < CALLDATASIZE, else to the end
  "8135", //                         the head of the question
  "8060101c61ffff16", //             length of the question
  "80846020016204000037", //         copy it beyond all answers
  "8161ffff16", //                   length of the answer
  "808483620400008660601c5afa", //   STATICCALL, the answer behind the others
  "15604857", //                     to the revert where it failed
  "928301", //                       move the end of the answers
  "906020018401", //                 move the offset
  "9350915050600256", //             and again
  "5b5ff3", //                       return the answers
  "5b5f5ffd", //                     revert
].join("");
const READER = `0x${"5ee".padStart(40, "0")}`;

export async function installReader(stage: Stage): Promise<void> {
  await stage.provider.request({ method: "hardhat_setCode", params: [READER, `0x${READER_CODE}`] });
}

function sight(
  stage: Stage,
  contract: ContractName,
  { view, args, words, expect }: { view: string; args: readonly unknown[]; words: number; expect: Sight["expect"] },
): Sight {
  const face: Interface = stage.interfaces[contract];
  const data = face.encodeFunctionData(view, args).slice(2);
  const lengths = toBeHex(data.length / 2, 2).slice(2) + toBeHex(words * 32, 2).slice(2);
  const query = stage.at[contract].slice(2).toLowerCase() + "00".repeat(8) + lengths + data;
  const named = args.map((arg) => stage.nameOf(arg) ?? String(arg));
  return { label: `${contract}.${view}(${named.join(", ")})`, query, words, expect };
}

const inOrder = (...words: Word[]): Record<number, Word> => Object.fromEntries(words.entries());

// ------------------------------------------------------------------------------------- what is always looked at

function windowOf(coin: Coin, address: Address): bigint {
  const account = accountOf(coin, address);
  let window = 0n;
  for (let i = 0n; i < WINDOW_SIZE; i++) if (isSpent(account, account.base + i)) window |= 1n << i;
  return window;
}

function sightsOfAccount(stage: Stage, name: "xus" | "xgt", address: Address): Sight[] {
  const at = stage.at[name];
  const account = (world: World) => accountOf(world.coins.get(at)!, address);
  return [
    sight(stage, name, {
      view: "accountOf",
      args: [address],
      words: 7,
      expect: (world) => {
        const { balance, freeze, base, vasp, escrow } = account(world);
        const isWhole = freeze === WHOLE;
        const window = windowOf(world.coins.get(at)!, address);
        return inOrder(balance, isWhole ? 0n : freeze, base, window, vasp, isWhole, escrow);
      },
    }),
    sight(stage, name, {
      view: "freezeCaseOf",
      args: [address],
      words: 2,
      expect: (world) => inOrder(account(world).caseId, account(world).until),
    }),
  ];
}

/** Everybody who is ever paid, frozen or put into a family. */
const PEOPLE = [
  ...HOLDERS,
  "ice",
  "thin",
  "treasury",
  "merchant",
  "receiver",
  "custody",
  "vault",
  "stranger",
  ...CONTRACTS,
] as const;

function sightsOfCoin(stage: Stage, name: "xus" | "xgt"): Sight[] {
  const at = stage.at[name];
  const coin = (world: World) => world.coins.get(at)!;
  const one = (view: string, expect: (coin: Coin) => Word) =>
    sight(stage, name, { view, args: [], words: 1, expect: (world) => inOrder(expect(coin(world))) });
  const people = PEOPLE.map((person) => stage.at[person]);
  const holders = HOLDERS.map((holder) => stage.at[holder]);
  return [
    one("coinWord", ({ supply, paused, travelLimit }) => supply | (paused << 64n) | (travelLimit << 72n)),
    one("totalSupply", ({ supply }) => supply),
    one("treasury", ({ treasury }) => treasury),
    one("custody", ({ custody }) => custody),
    one("vaspRegistry", ({ registry }) => registry),
    ...[...people, ZERO].flatMap((address) => sightsOfAccount(stage, name, address)),
    ...holders.map((owner) =>
      sight(stage, name, {
        view: "nonces",
        args: [owner],
        words: 1,
        expect: (world) => inOrder(accountOf(coin(world), owner).permits),
      }),
    ),
    ...holders.flatMap((owner) =>
      holders.map((spender) =>
        sight(stage, name, {
          view: "allowance",
          args: [owner, spender],
          words: 1,
          expect: (world) => inOrder(accountOf(coin(world), owner).allowances.get(spender) ?? 0n),
        }),
      ),
    ),
  ];
}

function sightsOfEscrow(stage: Stage, name: "claims" | "commerce" | "swap" | "redemption"): Sight[] {
  const books = (world: World) => world.books.get(stage.at[name])!;
  return [stage.at.xus, stage.at.xgt].map((coin) =>
    sight(stage, name, {
      view: "held",
      args: [coin],
      words: 1,
      expect: (world) => inOrder(books(world).held.get(coin) ?? 0n),
    }),
  );
}

function sightsOfRedemptions(stage: Stage): Sight[] {
  return [stage.at.xus, stage.at.xgt].flatMap((coin) => {
    const sumIn = (world: World, state: string) =>
      [...world.redemptions.byId.values()]
        .filter((found) => found.state === state && found.terms.coin === coin)
        .reduce((sum, { terms }) => sum + terms.amount, 0n);
    return [
      sight(stage, "redemption", {
        view: "pending",
        args: [coin],
        words: 4,
        expect: (world) => inOrder(...["locked", "accepted", "sent", "disputed"].map((state) => sumIn(world, state))),
      }),
      sight(stage, "redemption", {
        view: "toBurn",
        args: [coin],
        words: 1,
        expect: ({ redemptions }) => inOrder(redemptions.toBurn.get(coin) ?? 0n),
      }),
      sight(stage, "redemption", {
        view: "secondKeyLimitOf",
        args: [coin],
        words: 1,
        expect: ({ redemptions }) => inOrder(redemptions.limits.get(coin) ?? WHOLE),
      }),
    ];
  });
}

function sightsOfRegistry(stage: Stage): Sight[] {
  const { key, key2, stranger, operator, operator2 } = stage.at;
  const members = [...HOLDERS, "merchant", "receiver", "ice", "thin"] as const;
  return [
    ...members.flatMap((name) => {
      const account = stage.at[name];
      return [
        sight(stage, "registry", {
          view: "vaspOf",
          args: [account],
          words: 1,
          expect: ({ registry }) => inOrder(vaspOf(registry, account)),
        }),
        sight(stage, "registry", {
          view: "leaveAt",
          args: [account],
          words: 1,
          expect: ({ registry }) => inOrder(registry.members.get(account)?.leaveAt ?? 0n),
        }),
      ];
    }),
    ...[1n, 2n].flatMap((id) => [
      sight(stage, "registry", {
        view: "operatorOf",
        args: [id],
        words: 5,
        expect: ({ registry }) => ({
          0: id === 1n ? operator : operator2,
          1: ZERO,
          4: registry.operators.get(id)!.suspended,
        }),
      }),
      ...[key, key2, stranger].map((signer) =>
        sight(stage, "registry", {
          view: "keyOf",
          args: [id, signer],
          words: 2,
          expect: ({ registry }) => {
            const { from, until } = registry.operators.get(id)!.keys.get(signer) ?? { from: 0n, until: 0n };
            return inOrder(from, until);
          },
        }),
      ),
    ]),
  ];
}

/** Everything there is to see whatever happened. */
function createSights(stage: Stage): Sight[] {
  return [
    ...sightsOfCoin(stage, "xus"),
    ...sightsOfCoin(stage, "xgt"),
    ...(["claims", "commerce", "swap", "redemption"] as const).flatMap((name) => sightsOfEscrow(stage, name)),
    ...sightsOfRedemptions(stage),
    ...sightsOfRegistry(stage),
  ];
}

// ------------------------------------------------------------------------------ what is looked at once it was named

const sightOf: { [Kind in keyof Seen]: (stage: Stage, key: string) => Sight[] } = {
  credits: (stage, key) => {
    const [escrow, coin, payer, party] = key.split(" ") as [string, string, string, string];
    return [
      sight(stage, stage.nameOf(escrow) as ContractName, {
        view: "creditOf",
        args: [coin, payer, party],
        words: 1,
        expect: ({ books }) => inOrder(books.get(escrow)!.credits.get(creditKey(coin, payer, party)) ?? 0n),
      }),
    ];
  },
  claims: (stage, id) => [
    sight(stage, "claims", {
      view: "claimOf",
      args: [id],
      words: 8,
      expect: ({ claims }) => {
        const found = claims.get(id);
        if (found === undefined) return inOrder(0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n);
        const { coin, sender, amount, linkKey, attestor, cancelFrom, expiry } = found.terms;
        return inOrder(CLAIM_STATE[found.state], coin, sender, amount, linkKey, attestor, cancelFrom, expiry);
      },
    }),
  ],
  payments: (stage, id) => [
    sight(stage, "commerce", {
      view: "paymentOf",
      args: [id],
      words: 6,
      expect: ({ payments }) => {
        const found = payments.get(id);
        if (found === undefined) return inOrder(0n, 0n, 0n, 0n, 0n, false);
        const { terms, captured, voided, refunded, feeBps, disputed } = found;
        return inOrder(terms.amount, captured, voided, refunded, feeBps, disputed);
      },
    }),
  ],
  quotes: (stage, id) => [
    sight(stage, "swap", {
      view: "quoteUsed",
      args: [id],
      words: 1,
      expect: ({ quotes }) => inOrder(quotes.has(id)),
    }),
  ],
  redemptions: (stage, id) => [
    sight(stage, "redemption", {
      view: "redemptionOf",
      args: [id],
      words: 7,
      expect: ({ redemptions }) => {
        const found = redemptions.byId.get(id);
        if (found === undefined) return inOrder(0n, 0n, 0n, 0n, 0n, 0n, 0n);
        const { coin, holder, amount, acceptBy, payoutBy, finalBy } = found.terms;
        return inOrder(REDEMPTION_STATE[found.state], coin, holder, amount, acceptBy, payoutBy, finalBy);
      },
    }),
    sight(stage, "redemption", {
      view: "approverOf",
      args: [id],
      words: 1,
      expect: ({ redemptions }) => inOrder(redemptions.byId.get(id)?.approver ?? ZERO),
    }),
  ],
  nonces: (stage, key) => {
    const [coin, account, nonce] = key.split(" ") as [string, string, string];
    return [
      sight(stage, stage.nameOf(coin) as ContractName, {
        view: "authorizationState",
        args: [account, toWord(BigInt(nonce))],
        words: 1,
        expect: ({ coins }) => inOrder(isSpent(accountOf(coins.get(coin)!, account), BigInt(nonce))),
      }),
    ];
  },
  orders: (stage, key) => {
    const [contract, signer, id] = key.split(" ") as [string, string, string];
    return [
      sight(stage, stage.nameOf(contract) as ContractName, {
        view: "orderUsed",
        args: [signer, id],
        words: 1,
        expect: ({ orders }) => inOrder(orders.has(power(contract, signer, id))),
      }),
    ];
  },
  consents: (stage, key) => [
    sight(stage, "registry", {
      view: "consentUsed",
      args: key.split(" "),
      words: 1,
      expect: ({ registry }) => inOrder(registry.consents.has(key)),
    }),
  ],
  attestations: (stage, key) => [
    sight(stage, "registry", {
      view: "attestationUsed",
      args: key.split(" "),
      words: 1,
      expect: ({ registry }) => inOrder(registry.attestations.has(key)),
    }),
  ],
  travels: (stage, key) => {
    const [coin, payer, payee, amount] = key.split(" ") as [string, string, string, string];
    return [
      sight(stage, "registry", {
        view: "attestationOf",
        args: [coin, payer, payee, BigInt(amount)],
        words: 3,
        expect: ({ registry }) => {
          const found = registry.waiting.get(paymentOf(coin, payer, payee, BigInt(amount)));
          return inOrder(found?.count ?? 0n, found?.until ?? 0n, found?.vasp ?? 0n);
        },
      }),
    ];
  },
};

// ----------------------------------------------------------------------------------------------------- looking

/** How many of the things named last are looked at after every step. */
const LATEST = 40;
/** So many steps apart, everything that was ever named is looked at. */
const APART = 100;
/** Questions that fit one call of the reader. */
const MOST = 1_000;

/** An eye keeps the sights of one run. */
export interface Eye {
  always: readonly Sight[];
  named: Sight[];
  keys: Set<string>;
  steps: number;
}

export function openEye(stage: Stage): Eye {
  return { always: createSights(stage), named: [], keys: new Set(), steps: 0 };
}

/** Adds what was named since. */
function widen(eye: Eye, stage: Stage, world: World, seen: Seen): void {
  for (const [escrow, { credits }] of world.books)
    for (const key of credits.keys()) seen.credits.add(`${escrow} ${key}`);
  for (const [kind, keys] of Object.entries(seen) as [keyof Seen, Set<string>][]) {
    for (const key of keys) {
      if (eye.keys.has(`${kind} ${key}`)) continue;
      eye.keys.add(`${kind} ${key}`);
      eye.named.push(...sightOf[kind](stage, key));
    }
    keys.clear();
  }
}

/** Every difference after a step: in all that there always is and in what was named last; now and then in all there ever was. */
export async function look(eye: Eye, stage: Stage, world: World, seen: Seen): Promise<string[]> {
  widen(eye, stage, world, seen);
  eye.steps += 1;
  if (eye.steps % APART === 0) return lookAtAll(eye, stage, world);
  return compareSights([...eye.always, ...eye.named.slice(-LATEST)], stage, world);
}

/** Every difference in all that was ever named. */
export async function lookAtAll(eye: Eye, stage: Stage, world: World): Promise<string[]> {
  const all = [...eye.always, ...eye.named];
  const differences: string[] = [];
  for (let start = 0; start < all.length; start += MOST) {
    differences.push(...(await compareSights(all.slice(start, start + MOST), stage, world)));
  }
  return differences;
}

const toNumber = (word: Word): bigint => (typeof word === "boolean" ? (word ? 1n : 0n) : BigInt(word));

async function compareSights(sights: readonly Sight[], stage: Stage, world: World): Promise<string[]> {
  const data = `0x${sights.map(({ query }) => query).join("")}`;
  const call = { to: READER, data, gas: "0xf42400" };
  const answer = (await stage.provider.request({ method: "eth_call", params: [call, "latest"] })) as string;
  const differences: string[] = [];
  let at = 2;
  for (const { label, words, expect } of sights) {
    for (const [index, word] of Object.entries(expect(world))) {
      const start = at + Number(index) * 64;
      const actual = BigInt(`0x${answer.slice(start, start + 64)}`);
      if (actual === toNumber(word)) continue;
      differences.push(`${label} word ${index}: the contract has ${actual}, the model ${toNumber(word)}`);
    }
    at += words * 64;
  }
  if (answer.length !== at) throw new Error(`the reader gave ${answer.length} digits, not ${at}`);
  return differences;
}
