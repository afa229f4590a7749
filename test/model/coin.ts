/**
 * The model of the coin, to be read beside IStablecoin.sol: each function is its **Requires**, line by line in that order, then its
 * **Ensures**, then its **Emits**. Owns the accounts as plain records: a spent nonce is a member of a set, a balance a number.
 * Promises that everything is checked before anything is written. Knows nothing of words, bits, gas or batches in calldata.
 */
import { getAddress, keccak256 } from "ethers";
import {
  type Address,
  type Bytes32,
  digestOf,
  emit,
  type Frame,
  into,
  isSigned,
  MAX_AMOUNT,
  NOTHING,
  Refusal,
  refuse,
  requireDeadline,
  requireRole,
  type Signature,
  spendOrder,
  toWord,
  WHOLE,
  ZERO,
} from "./frame.ts";
import { useAttestation } from "./families.ts";
import type { StructName } from "./structs.ts";

export const PAUSE = { transfer: 1n, authorization: 2n, mint: 4n, burn: 8n, freeze: 16n, seize: 32n } as const;
const ALL_BITS = 63n;
const MAX_UINT64 = 2n ** 64n - 1n;
/** Nonces below are window nonces. */
export const WINDOW_NONCES = 2n ** 40n;
export const WINDOW_SIZE = 64n;
const MAX_BASE = WINDOW_NONCES - WINDOW_SIZE;
export const MAX_SKIP = MAX_BASE - 1n;
const MAX_ROWS = 500n;
const MAX_VASP = 2n ** 16n - 1n;

export interface Account {
  balance: bigint;
  /** Base units that may not leave; WHOLE is the whole account, 0 nothing. */
  freeze: bigint;
  caseId: Bytes32;
  until: bigint;
  /** The first window nonce that is unspent. */
  base: bigint;
  /** Every nonce spent one by one, of both lanes. Those below `base` are spent, too. */
  spent: Set<bigint>;
  permits: bigint;
  allowances: Map<Address, bigint>;
  vasp: bigint;
  escrow: boolean;
}

export interface Coin {
  accounts: Map<Address, Account>;
  supply: bigint;
  paused: bigint;
  /** From this amount on a payment between families needs an attestation. */
  travelLimit: bigint;
  treasury: Address;
  custody: Address;
  registry: Address;
}

/** A payment that `from` signed. */
export interface Authorization {
  from: Address;
  to: Address;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  nonce: bigint;
  memo?: Bytes32;
}

/** A row of `settle`. `unsound` is a row whose bytes are not laid out as docs/SIGNATURES.md says. */
export interface Row extends Authorization {
  signature: Signature;
  long?: boolean;
  unsound?: "kind" | "cut";
}

export function coinOf(c: Frame): Coin {
  const coin = c.world.coins.get(c.self);
  if (coin === undefined) throw new Error(`no coin at ${c.self}`);
  return coin;
}

export function accountOf(coin: Coin, address: Address): Account {
  const known = coin.accounts.get(address);
  if (known !== undefined) return known;
  const fresh: Account = {
    balance: 0n,
    freeze: 0n,
    caseId: NOTHING,
    until: 0n,
    base: 0n,
    spent: new Set(),
    permits: 0n,
    allowances: new Map(),
    vasp: 0n,
    escrow: false,
  };
  coin.accounts.set(address, fresh);
  return fresh;
}

const account = (c: Frame, address: Address): Account => accountOf(coinOf(c), address);

/** What may leave of an account that is not frozen whole. */
export function availableOf({ balance, freeze }: Account): bigint {
  return balance > freeze ? balance - freeze : 0n;
}

// --------------------------------------------------------------------------------------- the transfer checks

/** Checks 1 and 2. */
function requirePayer(c: Frame, from: Address, amount: bigint): void {
  const payer = account(c, from);
  if (payer.freeze === WHOLE) refuse("StablecoinFrozen", from);
  if (payer.escrow) refuse("StablecoinEscrowRefusesDebit", from);
  requireBalance(c, from, amount);
}

function requireBalance(c: Frame, from: Address, amount: bigint): void {
  const payer = account(c, from);
  if (amount > payer.balance) refuse("ERC20InsufficientBalance", from, payer.balance, amount);
  const available = availableOf(payer);
  if (amount > available) refuse("ERC20InsufficientUnfrozen", from, available, amount);
}

/** Check 3. */
function requireReceiver(c: Frame, to: Address): void {
  if (to === ZERO || to === c.self) refuse("ERC20InvalidReceiver", to);
}

/** Check 4. */
function requireNonce(c: Frame, from: Address, nonce: bigint): void {
  if (isSpent(account(c, from), nonce)) refuse("StablecoinAuthorizationUsed", from, toWord(nonce));
  const { base } = account(c, from);
  if (nonce < WINDOW_NONCES && nonce >= base + WINDOW_SIZE) refuse("StablecoinNonceOutOfWindow", nonce, base);
}

/** Check 5. An escrow may pay into an account frozen whole; into an escrow pays only who pulls for itself. */
function requirePayee(c: Frame, from: Address, to: Address): void {
  if (account(c, to).freeze === WHOLE && !account(c, from).escrow) refuse("StablecoinFrozen", to);
  if (account(c, to).escrow && c.caller !== to) refuse("StablecoinEscrowRefusesCredit", to);
}

/** Check 6, the travel rule: the last, because it uses an attestation up. */
function requireAttested(c: Frame, payer: Address, payee: Address, amount: bigint): void {
  const [own, foreign] = [account(c, payer).vasp, account(c, payee).vasp];
  if (own === 0n || foreign === 0n || own === foreign) return;
  if (amount < coinOf(c).travelLimit) return;
  if (useAttestation(into(c, coinOf(c).registry), payer, payee, amount)) return;
  refuse("StablecoinAttestationMissing", payer, payee, amount);
}

function move(c: Frame, from: Address, to: Address, amount: bigint): void {
  account(c, from).balance -= amount;
  account(c, to).balance += amount;
  emit(c, "Transfer", from, to, amount);
}

function pay(c: Frame, from: Address, to: Address, amount: bigint): void {
  requirePayer(c, from, amount);
  requireReceiver(c, to);
  requirePayee(c, from, to);
  requireAttested(c, from, to, amount);
  move(c, from, to, amount);
}

function requireRunning(c: Frame, bit: bigint): void {
  if ((coinOf(c).paused & bit) !== 0n) refuse("StablecoinPaused", bit);
}

// ----------------------------------------------------------------------------------------------------- nonces

export function isSpent({ base, spent }: Account, nonce: bigint): boolean {
  return (nonce < WINDOW_NONCES && nonce < base) || spent.has(nonce);
}

function spend(holder: Account, nonce: bigint): void {
  holder.spent.add(nonce);
  advance(holder);
}

function advance(holder: Account): void {
  while (holder.spent.has(holder.base) && holder.base < MAX_BASE) holder.base += 1n;
}

function skip(c: Frame, address: Address, newBase: bigint): void {
  const holder = account(c, address);
  const oldBase = holder.base;
  if (newBase <= oldBase || newBase > MAX_SKIP) refuse("StablecoinNonceBaseInvalid", newBase, oldBase, MAX_SKIP);
  holder.base = newBase;
  advance(holder);
  emit(c, "NoncesSkipped", address, oldBase, holder.base);
}

export function skipNonces(c: Frame, newBase: bigint): void {
  skip(c, c.caller, newBase);
}

export function skipNoncesSigned(
  c: Frame,
  address: Address,
  newBase: bigint,
  deadline: bigint,
  signature: Signature,
): void {
  requireDeadline(c, deadline);
  requireSignature(c, address, "SkipNonces", { account: address, newBase, deadline }, signature);
  skip(c, address, newBase);
}

export function cancelAuthorization(c: Frame, authorizer: Address, nonce: bigint, signature: Signature): void {
  requireSignature(c, authorizer, "CancelAuthorization", { authorizer, nonce: toWord(nonce) }, signature);
  requireNonce(c, authorizer, nonce);
  spend(account(c, authorizer), nonce);
  emit(c, "AuthorizationCanceled", authorizer, toWord(nonce));
}

// ----------------------------------------------------------------------------------------------------- ERC-20

export function transfer(c: Frame, to: Address, amount: bigint): void {
  requireRunning(c, PAUSE.transfer);
  pay(c, c.caller, to, amount);
}

export function transferFrom(c: Frame, from: Address, to: Address, amount: bigint): void {
  requireRunning(c, PAUSE.transfer);
  if (account(c, c.caller).freeze === WHOLE) refuse("StablecoinFrozen", c.caller);
  const { allowances } = account(c, from);
  const allowed = allowances.get(c.caller) ?? 0n;
  if (amount > allowed) refuse("ERC20InsufficientAllowance", c.caller, allowed, amount);
  pay(c, from, to, amount);
  if (allowed !== WHOLE) allowances.set(c.caller, allowed - amount);
}

function allow(c: Frame, owner: Address, spender: Address, amount: bigint): void {
  if (spender === ZERO) refuse("ERC20InvalidSpender", spender);
  account(c, owner).allowances.set(spender, amount);
  emit(c, "Approval", owner, spender, amount);
}

export function approve(c: Frame, spender: Address, amount: bigint): void {
  if (amount !== 0n) requireRunning(c, PAUSE.transfer);
  allow(c, c.caller, spender, amount);
}

export function permit(
  c: Frame,
  owner: Address,
  spender: Address,
  value: bigint,
  deadline: bigint,
  signature: Signature,
): void {
  if (value !== 0n) requireRunning(c, PAUSE.transfer);
  requireDeadline(c, deadline);
  const nonce = account(c, owner).permits;
  requireSignature(c, owner, "Permit", { owner, spender, value, nonce, deadline }, signature);
  allow(c, owner, spender, value);
  account(c, owner).permits = nonce + 1n;
}

// --------------------------------------------------------------------------------------------- signed payments

function requireSignature(c: Frame, signer: Address, type: StructName, message: object, signature: Signature): void {
  const digest = digestOf(c.world, c.self, type, message);
  if (!isSigned(c.world, signer, digest, signature)) refuse("StablecoinSignatureInvalid", signer);
}

function requireTime(c: Frame, validAfter: bigint, validBefore: bigint): void {
  const now = c.world.time;
  if (now <= validAfter) refuse("StablecoinAuthorizationNotYetValid", validAfter, now);
  if (now >= validBefore) refuse("StablecoinAuthorizationExpired", validBefore, now);
}

/** Time, signature, the transfer checks; then AuthorizationUsed, Transfer and, where there is one, Memo. */
function settleOne(c: Frame, type: StructName, a: Authorization, signature: Signature): void {
  requireTime(c, a.validAfter, a.validBefore);
  requireSignature(c, a.from, type, { ...a, nonce: toWord(a.nonce) }, signature);
  requirePayer(c, a.from, a.value);
  requireReceiver(c, a.to);
  requireNonce(c, a.from, a.nonce);
  requirePayee(c, a.from, a.to);
  requireAttested(c, a.from, a.to, a.value);
  spend(account(c, a.from), a.nonce);
  // the registry speaks before the coin does, because it is asked before anything is written
  emit(c, "AuthorizationUsed", a.from, toWord(a.nonce));
  move(c, a.from, a.to, a.value);
  if (a.memo !== undefined) emit(c, "Memo", a.memo);
}

export function transferWithAuthorization(c: Frame, a: Authorization, signature: Signature): void {
  requireRunning(c, PAUSE.authorization);
  settleOne(c, "TransferWithAuthorization", a, signature);
}

export function receiveWithAuthorization(c: Frame, a: Authorization, signature: Signature): void {
  requireRunning(c, PAUSE.authorization);
  if (c.caller !== a.to) refuse("StablecoinCallerNotPayee", c.caller, a.to);
  settleOne(c, "ReceiveWithAuthorization", a, signature);
}

export function transferWithMemo(c: Frame, a: Authorization, signature: Signature): void {
  requireRunning(c, PAUSE.authorization);
  settleOne(c, "TransferWithMemo", a, signature);
}

/** Does `act` or nothing; the name of the error where it was nothing. */
function reasonToSkip(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.error;
    throw error;
  }
}

/** Bytes of a row. */
export function lengthOf(row: Row): bigint {
  const head = 54n + (row.nonce < WINDOW_NONCES ? 5n : 32n);
  const options = (row.validAfter === 0n ? 0n : 5n) + (row.memo === undefined ? 0n : 32n);
  return head + options + (row.long === true ? 2n + 65n : 64n);
}

export function settle(c: Frame, rows: readonly Row[]): void {
  requireRunning(c, PAUSE.authorization);
  let offset = 0n;
  for (const [index, row] of rows.entries()) {
    if (row.unsound !== undefined) refuse("StablecoinRowMalformed", offset);
    const { signature, long: _long, unsound: _unsound, ...a } = row;
    const type = a.memo === undefined ? "TransferWithAuthorization" : "TransferWithMemo";
    const error = reasonToSkip(() => settleOne(c, type, a, signature));
    if (error !== undefined) {
      emit(c, "RowSkipped", BigInt(index), a.from, toWord(a.nonce), { selectorOf: error });
    }
    offset += lengthOf(row);
  }
}

export interface Disbursement {
  from: Address;
  total: bigint;
  /** Payee rows as bytes: 20 of address, 8 of value each. */
  rows: string;
  validAfter: bigint;
  validBefore: bigint;
  nonce: bigint;
}

export function disburse(c: Frame, d: Disbursement, signature: Signature): void {
  requireRunning(c, PAUSE.authorization);
  const payees = readPayees(d.rows);
  const sum = payees.reduce((total, { value }) => total + value, 0n);
  if (sum !== d.total) refuse("StablecoinTotalMismatch", d.total, sum);
  requireTime(c, d.validAfter, d.validBefore);
  const { rows, ...signed } = d;
  const message = { ...signed, nonce: toWord(d.nonce), rowsHash: keccak256(rows) };
  requireSignature(c, d.from, "Disburse", message, signature);
  requirePayer(c, d.from, d.total);
  requireNonce(c, d.from, d.nonce);

  spend(account(c, d.from), d.nonce);
  emit(c, "AuthorizationUsed", d.from, toWord(d.nonce));
  let paid = 0n;
  for (const [index, { to, value }] of payees.entries()) {
    const error = reasonToSkip(() => {
      requireReceiver(c, to);
      requirePayee(c, d.from, to);
      requireAttested(c, d.from, to, value);
      move(c, d.from, to, value);
      paid += value;
    });
    if (error !== undefined) {
      emit(c, "RowSkipped", BigInt(index), d.from, toWord(d.nonce), { selectorOf: error });
    }
  }
  emit(c, "Disbursed", d.from, toWord(d.nonce), d.total, paid);
}

function readPayees(rows: string): { to: Address; value: bigint }[] {
  const bytes = BigInt(rows.length - 2) / 2n;
  const count = bytes / 28n;
  if (count === 0n || bytes % 28n !== 0n) refuse("StablecoinRowMalformed", count * 28n);
  if (count > MAX_ROWS) refuse("StablecoinRowsTooMany", count, MAX_ROWS);
  return (rows.slice(2).match(/.{56}/g) ?? []).map((row) => ({
    to: getAddress(`0x${row.slice(0, 40)}`),
    value: BigInt(`0x${row.slice(40)}`),
  }));
}

// ----------------------------------------------------------------------------------------------------- supply

export function mint(c: Frame, to: Address, amount: bigint): void {
  const coin = coinOf(c);
  if (c.caller !== coin.treasury) refuse("StablecoinCallerNotTreasury", c.caller, coin.treasury);
  requireRunning(c, PAUSE.mint);
  requireReceiver(c, to);
  const supply = coin.supply + amount;
  if (supply > MAX_AMOUNT) refuse("StablecoinSupplyCapExceeded", supply > WHOLE ? WHOLE : supply, MAX_AMOUNT);
  if (account(c, to).freeze === WHOLE) refuse("StablecoinFrozen", to);
  if (account(c, to).escrow) refuse("StablecoinEscrowRefusesCredit", to);
  coin.supply = supply;
  account(c, to).balance += amount;
  emit(c, "Transfer", ZERO, to, amount);
}

export function burn(c: Frame, amount: bigint): void {
  requireRole(c, "burn");
  requireRunning(c, PAUSE.burn);
  if (account(c, c.caller).freeze === WHOLE) refuse("StablecoinFrozen", c.caller);
  requireBalance(c, c.caller, amount);
  coinOf(c).supply -= amount;
  account(c, c.caller).balance -= amount;
  emit(c, "Transfer", c.caller, ZERO, amount);
}

// ----------------------------------------------------------------------------------------- freezing and seizing

interface Freeze {
  account: Address;
  amount: bigint;
  caseId: Bytes32;
  until: bigint;
}

function freezeUnder(c: Frame, { account: address, amount, caseId, until }: Freeze): void {
  requireRunning(c, PAUSE.freeze);
  if (address === ZERO) refuse("StablecoinAccountInvalid", address);
  const target = account(c, address);
  if (target.escrow) refuse("StablecoinEscrowNotFreezable", address);
  if (caseId === NOTHING) refuse("StablecoinCaseMissing", address);
  if (amount === 0n || (amount > MAX_UINT64 && amount !== WHOLE)) {
    refuse("StablecoinFreezeAmountInvalid", amount, MAX_UINT64);
  }
  if (c.world.time >= until) refuse("StablecoinFreezeEndInvalid", until, c.world.time);
  emit(c, "Frozen", address, caseId, target.caseId, target.freeze, amount, until);
  Object.assign(target, { freeze: amount, caseId, until });
}

export function freeze(c: Frame, address: Address, amount: bigint, caseId: Bytes32, until: bigint): void {
  requireRole(c, "freeze");
  freezeUnder(c, { account: address, amount, caseId, until });
}

export type FreezeOrder = Freeze & { orderId: Bytes32; deadline: bigint };

export function freezeBySig(c: Frame, order: FreezeOrder, signer: Address, signature: Signature): void {
  spendOrder(c, { name: "freeze", type: "FreezeOrder", message: order }, signer, signature);
  freezeUnder(c, order);
}

function requireCase(c: Frame, address: Address, caseId: Bytes32): void {
  const current = account(c, address).caseId;
  if (current === NOTHING) refuse("StablecoinNotFrozen", address);
  if (caseId !== current) refuse("StablecoinCaseMismatch", address, caseId, current);
}

function unfreezeUnder(c: Frame, address: Address, caseId: Bytes32): void {
  requireRunning(c, PAUSE.freeze);
  requireCase(c, address, caseId);
  emit(c, "Unfrozen", address, caseId, account(c, address).freeze);
  lift(account(c, address));
}

function lift(target: Account): void {
  Object.assign(target, { freeze: 0n, caseId: NOTHING, until: 0n });
}

export function unfreeze(c: Frame, address: Address, caseId: Bytes32): void {
  requireRole(c, "unfreeze");
  unfreezeUnder(c, address, caseId);
}

export interface UnfreezeOrder {
  orderId: Bytes32;
  account: Address;
  caseId: Bytes32;
  deadline: bigint;
}

export function unfreezeBySig(c: Frame, order: UnfreezeOrder, signer: Address, signature: Signature): void {
  spendOrder(c, { name: "unfreeze", type: "UnfreezeOrder", message: order }, signer, signature);
  unfreezeUnder(c, order.account, order.caseId);
}

export function releaseExpired(c: Frame, address: Address): void {
  const target = account(c, address);
  if (target.caseId === NOTHING) refuse("StablecoinNotFrozen", address);
  if (c.world.time < target.until) refuse("StablecoinFreezeNotEnded", address, target.until, c.world.time);
  emit(c, "FreezeReleased", address, target.caseId, target.freeze, target.until);
  lift(target);
}

/** All of an account frozen whole, otherwise the frozen coins that are there. */
export function seizableOf({ balance, freeze: frozen }: Account): bigint {
  return frozen < balance ? frozen : balance;
}

function seizeUnder(c: Frame, address: Address, amount: bigint, caseId: Bytes32): void {
  requireRunning(c, PAUSE.seize);
  const { custody } = coinOf(c);
  const target = account(c, address);
  if (custody === ZERO) refuse("StablecoinCustodyMissing");
  if (address === custody) refuse("StablecoinAccountInvalid", address);
  if (target.escrow) refuse("StablecoinEscrowNotSeizable", address);
  requireCase(c, address, caseId);
  if (c.world.time >= target.until) refuse("StablecoinFreezeEnded", address, target.until, c.world.time);
  const limit = seizableOf(target);
  if (amount === 0n || amount > limit) refuse("StablecoinSeizeAmountInvalid", address, amount, limit);
  if (account(c, custody).freeze === WHOLE) refuse("StablecoinFrozen", custody);
  if (target.freeze !== WHOLE) target.freeze -= amount;
  move(c, address, custody, amount);
  emit(c, "Seized", address, caseId, custody, amount);
}

export function seize(c: Frame, address: Address, amount: bigint, caseId: Bytes32): void {
  requireRole(c, "seize");
  seizeUnder(c, address, amount, caseId);
}

export type SeizeOrder = UnfreezeOrder & { amount: bigint };

export function seizeBySig(c: Frame, order: SeizeOrder, signer: Address, signature: Signature): void {
  spendOrder(c, { name: "seize", type: "SeizeOrder", message: order }, signer, signature);
  seizeUnder(c, order.account, order.amount, order.caseId);
}

// ------------------------------------------------------------------------------------------- pause and offices

function setPaused(c: Frame, bits: bigint, change: (paused: bigint) => bigint): void {
  if (bits === 0n || bits > ALL_BITS) refuse("StablecoinPauseBitsInvalid", bits, ALL_BITS);
  const coin = coinOf(c);
  const paused = change(coin.paused);
  emit(c, "PauseChanged", c.caller, coin.paused, paused);
  coin.paused = paused;
}

export function pause(c: Frame, bits: bigint): void {
  requireRole(c, "pause");
  setPaused(c, bits, (paused) => paused | bits);
}

export function unpause(c: Frame, bits: bigint): void {
  requireRole(c, "unpause");
  setPaused(c, bits, (paused) => paused - (paused & bits));
}

export function setTravelRuleLimit(c: Frame, limit: bigint): void {
  requireRole(c, "setTravelRuleLimit");
  if (limit > MAX_UINT64) refuse("StablecoinLimitInvalid", limit, MAX_UINT64);
  emit(c, "TravelRuleLimitChanged", coinOf(c).travelLimit, limit);
  coinOf(c).travelLimit = limit;
}

/** Fit for an office of the coin, or for a family. */
function requireOffice(c: Frame, address: Address): void {
  if (address === ZERO || address === c.self || account(c, address).escrow) {
    refuse("StablecoinAccountInvalid", address);
  }
}

export function setCustody(c: Frame, custody: Address): void {
  requireRole(c, "setCustody");
  requireOffice(c, custody);
  emit(c, "CustodyChanged", coinOf(c).custody, custody);
  coinOf(c).custody = custody;
}

export function setVasp(c: Frame, address: Address, vasp: bigint): void {
  const { registry, treasury } = coinOf(c);
  if (c.caller !== registry) refuse("StablecoinCallerNotRegistry", c.caller, registry);
  requireOffice(c, address);
  if (address === treasury) refuse("StablecoinAccountInvalid", address);
  if (vasp > MAX_VASP) refuse("StablecoinVaspInvalid", vasp, MAX_VASP);
  emit(c, "VaspChanged", address, account(c, address).vasp, vasp);
  account(c, address).vasp = vasp;
}

// ---------------------------------------------------------------------------------------------------- escrows

export function payFrom(c: Frame, payer: Address, to: Address, amount: bigint): void {
  if (!account(c, c.caller).escrow) refuse("StablecoinCallerNotEscrow", c.caller);
  if (payer === ZERO) refuse("StablecoinAccountInvalid", payer);
  requireBalance(c, c.caller, amount);
  requireReceiver(c, to);
  requirePayee(c, c.caller, to);
  if (payer !== to) requireAttested(c, payer, to, amount);
  move(c, c.caller, to, amount);
}
