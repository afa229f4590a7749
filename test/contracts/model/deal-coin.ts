/**
 * Dealers of the coin's payments: each says once what a good call looks like and, beside each choice, what can be wrong with it.
 */
import { concat, keccak256, toBeHex } from "ethers";
import { type Authorization, MAX_SKIP, type Row, WINDOW_NONCES } from "../../model/coin.ts";
import { type Address, toWord, WHOLE, ZERO } from "../../model/frame.ts";
import type { MethodName } from "./methods.ts";
import { FAR } from "./stage.ts";
import {
  accountAt,
  between,
  call,
  chance,
  type Dealer,
  fresh,
  fund,
  funded,
  limits,
  loose,
  type Maker,
  now,
  or,
  pick,
  pickAmount,
  pickCoin,
  pickDeadline,
  pickHolder,
  pickNonce,
  pickPayee,
  plain,
  sign,
  type Table,
} from "./table.ts";

const HOUR = 3_600n;

const transfer: Dealer = function* (g) {
  const coin = pickCoin(g);
  const amount = pickAmount(g);
  const holder = yield* funded(plain(g), coin, amount);
  const from = or(
    g,
    holder,
    () => g.at.ice,
    () => g.at.thin,
    () => g.at.claims,
  );
  yield call(g, from, coin, "coin.transfer", [pickPayee(g, coin, from), limits(g, coin, from, amount)]);
};

const approve: Dealer = function* (g) {
  const spender = or(g, pickHolder(g), () => ZERO);
  const amount = or(
    g,
    pickAmount(g),
    () => 0n,
    () => WHOLE,
  );
  yield call(g, pickHolder(g), pickCoin(g), "coin.approve", [spender, amount]);
};

const transferFrom: Dealer = function* (g) {
  const coin = pickCoin(g);
  const amount = pickAmount(g);
  const owner = yield* funded(plain(g), coin, amount);
  const spender = pickHolder(g);
  if ((accountAt(g, coin, owner).allowances.get(spender) ?? 0n) < amount) {
    yield call(g, owner, coin, "coin.approve", [spender, chance(g, 0.2) ? WHOLE : amount * 2n]);
  }
  const allowed = accountAt(g, coin, owner).allowances.get(spender) ?? 0n;
  const caller = or(
    g,
    spender,
    () => g.at.ice,
    () => g.at.stranger,
  );
  const to = pickPayee(g, coin, owner);
  const wanted = or(
    g,
    limits(g, coin, owner, amount),
    () => allowed,
    () => (allowed === WHOLE ? WHOLE : allowed + 1n),
  );
  yield call(g, caller, coin, "coin.transferFrom", [owner, to, wanted]);
};

function permit(method: MethodName): Dealer {
  return function* (g) {
    const coin = pickCoin(g);
    const owner = pickHolder(g);
    const spender = or(g, pickHolder(g), () => ZERO);
    const value = or(g, pickAmount(g), () => 0n);
    const deadline = pickDeadline(g, FAR);
    const { permits } = accountAt(g, coin, owner);
    const nonce = or(g, permits, () => permits + 1n);
    const signature = sign(g, coin, owner, "Permit", { owner, spender, value, nonce, deadline });
    yield call(g, g.at.stranger, coin, method, [owner, spender, value, deadline, signature]);
  };
}

/** A payment that its payer can make; or with one thing wrong. Without a signature. */
function* authorization(g: Table, coin: Address): Maker<Authorization> {
  const amount = pickAmount(g);
  const holder = yield* funded(plain(g), coin, amount);
  const from = or(
    g,
    holder,
    () => g.at.ice,
    () => g.at.thin,
  );
  const base = from === holder ? amount : amount + 100n * 1_000_000n;
  return {
    from,
    to: pickPayee(g, coin, from),
    value: limits(g, coin, from, base),
    validAfter: or(
      g,
      0n,
      () => now(g) - 1n,
      () => now(g),
      () => now(g) + 1n,
    ),
    validBefore: or(
      g,
      now(g) + HOUR,
      () => now(g) + 1n,
      () => now(g),
      () => now(g) - 1n,
    ),
    nonce: pickNonce(g, coin, from),
  };
}

const toMessage = (a: Authorization): object => ({ ...a, nonce: toWord(a.nonce) });

function transferSigned(method: MethodName): Dealer {
  return function* (g) {
    const coin = pickCoin(g);
    const a = yield* authorization(g, coin);
    const signature = sign(g, coin, a.from, "TransferWithAuthorization", toMessage(a));
    yield call(g, g.at.stranger, coin, method, [a, signature]);
  };
}

function receiveSigned(method: MethodName): Dealer {
  return function* (g) {
    const coin = pickCoin(g);
    const a = yield* authorization(g, coin);
    const signature = sign(g, coin, a.from, "ReceiveWithAuthorization", toMessage(a));
    const caller = or(g, a.to, () => g.at.stranger);
    yield call(g, caller === ZERO || caller === coin ? g.at.stranger : caller, coin, method, [a, signature]);
  };
}

const transferWithMemo: Dealer = function* (g) {
  const coin = pickCoin(g);
  const a = { ...(yield* authorization(g, coin)), memo: fresh(g) };
  const signature = sign(g, coin, a.from, "TransferWithMemo", toMessage(a));
  yield call(g, g.at.stranger, coin, "coin.transferWithMemo", [a, signature]);
};

const settle: Dealer = function* (g) {
  const coin = pickCoin(g);
  const rows: Row[] = [];
  const count = or(g, between(g, 1n, 4n), () => 0n);
  for (let index = 0n; index < count; index++) {
    const own = loose(plain(g), 28);
    const memo = chance(g, 0.3) ? { memo: fresh(g) } : {};
    const a: Authorization = { ...(yield* authorization(own, coin)), ...memo };
    const type = a.memo === undefined ? "TransferWithAuthorization" : "TransferWithMemo";
    rows.push({ ...a, signature: sign(own, coin, a.from, type, toMessage(a)), long: chance(g, 0.2) });
  }
  const last = rows.at(-1);
  const unsound = or<Row["unsound"]>(
    g,
    undefined,
    () => "kind",
    () => "cut",
  );
  if (last !== undefined && unsound !== undefined) last.unsound = unsound;
  yield call(g, g.at.stranger, coin, "coin.settle", [rows]);
};

const disburse: Dealer = function* (g) {
  const coin = pickCoin(g);
  const payees = Array.from({ length: Number(between(g, 1n, 5n)) }, () => ({
    to: pick(g, [pickHolder(g), pickHolder(g), pickHolder(g), ZERO, coin, g.at.ice, g.at.claims]),
    value: chance(g, 0.2) ? 500n * 1_000_000n : pickAmount(g) / 4n,
  }));
  const sum = payees.reduce((total, { value }) => total + value, 0n);
  const holder = yield* funded(plain(g), coin, sum);
  const from = or(
    g,
    holder,
    () => g.at.ice,
    () => g.at.thin,
  );
  const bytes = concat(payees.flatMap(({ to, value }) => [to, toBeHex(value, 8)]));
  const one = concat([g.at.ana, toBeHex(0n, 8)]);
  const rows = or(
    g,
    bytes,
    () => "0x",
    () => bytes.slice(0, -2),
    () => concat(Array.from({ length: 501 }, () => one)),
    () => concat([g.at.ana, toBeHex(accountAt(g, coin, from).balance + 1n, 8)]),
    () => concat([g.at.ana, toBeHex(accountAt(g, coin, from).balance, 8)]),
  );
  const last = rows.length === 58 ? BigInt(`0x${rows.slice(42)}`) : sum;
  const d = {
    from,
    total: or(g, last, () => last + 1n),
    rows,
    validAfter: or(g, 0n, () => now(g)),
    validBefore: or(g, now(g) + HOUR, () => now(g)),
    nonce: pickNonce(g, coin, from),
  };
  const message = { ...d, nonce: toWord(d.nonce), rowsHash: keccak256(rows) };
  yield call(g, g.at.stranger, coin, "coin.disburse", [d, sign(g, coin, from, "Disburse", message)]);
};

function cancelAuthorization(method: MethodName): Dealer {
  return function* (g) {
    const coin = pickCoin(g);
    const authorizer = or(g, pickHolder(g), () => g.at.ice);
    const nonce = pickNonce(g, coin, authorizer);
    const message = { authorizer, nonce: toWord(nonce) };
    const signature = sign(g, coin, authorizer, "CancelAuthorization", message);
    yield call(g, g.at.stranger, coin, method, [authorizer, nonce, signature]);
  };
}

/** A base that leaves the window usable; or one too low, the highest, or above it. */
function pickBase(g: Table, coin: Address, account: Address): bigint {
  const { base } = accountAt(g, coin, account);
  const good = base + between(g, 1n, 70n);
  return or(
    g,
    good,
    () => base,
    () => MAX_SKIP + 1n,
  );
}

const skipNonces: Dealer = function* (g) {
  const coin = pickCoin(g);
  const account = or(g, pickHolder(g), () => g.at.thin);
  const base = account === g.at.thin ? MAX_SKIP : pickBase(g, coin, account);
  yield call(g, account, coin, "coin.skipNonces", [base]);
  // the very end of the window lane: the last nonce is spent like any other, and then none is left
  if (account !== g.at.thin) return;
  for (const nonce of [MAX_SKIP, WINDOW_NONCES - 1n, WINDOW_NONCES - 64n, WINDOW_NONCES - 1n]) {
    g.seen.nonces.add(`${coin} ${account} ${nonce}`);
    const signature = sign(g, coin, account, "CancelAuthorization", { authorizer: account, nonce: toWord(nonce) });
    yield call(g, g.at.stranger, coin, "coin.cancelAuthorization", [account, nonce, signature]);
  }
};

const skipNoncesSigned: Dealer = function* (g) {
  const coin = pickCoin(g);
  const account = pickHolder(g);
  const newBase = pickBase(g, coin, account);
  const deadline = pickDeadline(g, FAR);
  const signature = sign(g, coin, account, "SkipNonces", { account, newBase, deadline });
  yield call(g, g.at.stranger, coin, "coin.skipNoncesSigned", [account, newBase, deadline, signature]);
};

const mint: Dealer = function* (g) {
  const coin = pickCoin(g);
  const caller = or(g, g.at.treasury, () => g.at.stranger);
  const { supply } = g.felt.world.coins.get(coin)!;
  const amount = or(
    g,
    pickAmount(g),
    () => 0n,
    () => 2n ** 63n - supply,
    () => WHOLE,
  );
  const to = or(
    g,
    pickHolder(g),
    () => ZERO,
    () => coin,
    () => g.at.ice,
    () => g.at.claims,
  );
  if (to !== g.at.ice && accountAt(g, coin, to).freeze === WHOLE) yield* fund(plain(g), coin, 0n, to);
  yield call(g, caller, coin, "coin.mint", [to, amount]);
};

const burn: Dealer = function* (g) {
  const coin = pickCoin(g);
  const amount = pickAmount(g);
  yield* fund(plain(g), coin, amount, g.at.treasury);
  const caller = or(
    g,
    g.at.treasury,
    () => g.at.stranger,
    () => g.at.ice,
    () => g.at.thin,
  );
  const { balance } = accountAt(g, coin, caller);
  const wanted = or(
    g,
    caller === g.at.thin ? balance : amount,
    () => 0n,
    () => balance + 1n,
  );
  yield call(g, caller, coin, "coin.burn", [wanted]);
};

const payFrom: Dealer = function* (g) {
  const coin = pickCoin(g);
  const { claims, stranger, swap, ice } = g.at;
  const escrow = or(g, claims, () => stranger);
  const payer = or(g, pickHolder(g), () => ZERO);
  const to = or(
    g,
    pickHolder(g),
    () => ZERO,
    () => coin,
    () => swap,
    () => ice,
  );
  const amount = or(g, 0n, () => accountAt(g, coin, claims).balance + 1n);
  yield call(g, escrow, coin, "coin.payFrom", [payer, to, amount]);
};

const setVasp: Dealer = function* (g) {
  const coin = pickCoin(g);
  const caller = or(g, g.at.registry, () => g.at.stranger);
  const account = pickHolder(g);
  const { vasp } = accountAt(g, coin, account);
  const target = or(
    g,
    account,
    () => ZERO,
    () => coin,
    () => g.at.treasury,
    () => g.at.claims,
  );
  yield call(g, caller, coin, "coin.setVasp", [target, or(g, vasp, () => 65_536n)]);
};

const setTravelRuleLimit: Dealer = function* (g) {
  const coin = pickCoin(g);
  const coins = between(g, 200n, 800n) * 1_000_000n;
  const limit = or(
    g,
    coins,
    () => 0n,
    () => 2n ** 64n - 1n,
    () => 2n ** 64n,
  );
  yield call(
    g,
    or(g, g.at.governor, () => g.at.stranger),
    coin,
    "coin.setTravelRuleLimit",
    [limit],
  );
  if (limit === 0n || limit > coins) yield call(g, g.at.governor, coin, "coin.setTravelRuleLimit", [coins]);
};

const setCustody: Dealer = function* (g) {
  const custody = or(
    g,
    pick(g, [g.at.custody, g.at.vault]),
    () => ZERO,
    () => g.at.xus,
    () => g.at.claims,
  );
  yield call(
    g,
    or(g, g.at.governor, () => g.at.stranger),
    g.at.xus,
    "coin.setCustody",
    [custody],
  );
};

export const COIN_DEALERS: Partial<Record<MethodName, Dealer>> = {
  "coin.transfer": transfer,
  "coin.approve": approve,
  "coin.transferFrom": transferFrom,
  "coin.permit": permit("coin.permit"),
  "coin.permitSplit": permit("coin.permitSplit"),
  "coin.transferWithAuthorization": transferSigned("coin.transferWithAuthorization"),
  "coin.transferWithAuthorizationSplit": transferSigned("coin.transferWithAuthorizationSplit"),
  "coin.receiveWithAuthorization": receiveSigned("coin.receiveWithAuthorization"),
  "coin.receiveWithAuthorizationSplit": receiveSigned("coin.receiveWithAuthorizationSplit"),
  "coin.transferWithMemo": transferWithMemo,
  "coin.settle": settle,
  "coin.disburse": disburse,
  "coin.cancelAuthorization": cancelAuthorization("coin.cancelAuthorization"),
  "coin.cancelAuthorizationSplit": cancelAuthorization("coin.cancelAuthorizationSplit"),
  "coin.skipNonces": skipNonces,
  "coin.skipNoncesSigned": skipNoncesSigned,
  "coin.mint": mint,
  "coin.burn": burn,
  "coin.payFrom": payFrom,
  "coin.setVasp": setVasp,
  "coin.setTravelRuleLimit": setTravelRuleLimit,
  "coin.setCustody": setCustody,
};
