/**
 * Dealers of the registry of wallet operators, and of two accounts in different families, which the travel rule needs.
 */
import { id } from "ethers";
import { type Address, digestOf, NOTHING, ZERO } from "../../model/frame.ts";
import { type Operator, vaspOf } from "../../model/families.ts";
import type { Attestation } from "../../model/registry.ts";
import type { MethodName } from "./methods.ts";
import { FAR, KEY_TERM } from "./stage.ts";
import {
  around,
  call,
  chance,
  coinAt,
  type Dealer,
  fresh,
  fund,
  holders,
  type Maker,
  notBefore,
  now,
  or,
  pick,
  pickCoin,
  pickDeadline,
  pickHolder,
  plain,
  sign,
  signed,
  type Table,
} from "./table.ts";

const LEAVING = 86_400n;
const MONTH = 30n * 86_400n;

const operatorAt = (g: Table, vasp: bigint): Operator => g.felt.world.registry.operators.get(vasp)!;
const adminOf = (g: Table, vasp: bigint): Address => (vasp === 2n ? g.at.operator2 : g.at.operator);
const keyOf = (g: Table, vasp: bigint): Address => (vasp === 2n ? g.at.key2 : g.at.key);

/** Makes sure that the family is active and its key valid for a month. */
function* ready(g: Table, vasp: bigint): Maker<Address> {
  const { registry, freezer } = g.at;
  if (operatorAt(g, vasp).suspended) yield call(g, freezer, registry, "registry.reinstate", [vasp]);
  const key = keyOf(g, vasp);
  const term = operatorAt(g, vasp).keys.get(key);
  if (term === undefined || term.from > now(g) || term.until < now(g) + MONTH) {
    const args = [vasp, key, now(g), now(g) + KEY_TERM];
    yield call(g, adminOf(g, vasp), registry, "registry.setComplianceKey", args);
  }
  return key;
}

/** Takes an account out of its family, where it has one. */
function* outside(g: Table, account: Address): Maker<void> {
  const { registry, stranger } = g.at;
  const member = g.felt.world.registry.members.get(account);
  if (member === undefined) return;
  if (member.leaveAt === 0n) yield call(g, account, registry, "registry.announceLeave", []);
  const { leaveAt } = g.felt.world.registry.members.get(account)!;
  yield call(g, stranger, registry, "registry.completeLeave", [account], notBefore(g, leaveAt));
}

/** Puts an account into a family, out of the other if need be. */
export function* inside(g: Table, account: Address, vasp: bigint): Maker<void> {
  if (vaspOf(g.felt.world.registry, account) === vasp) return;
  yield* outside(g, account);
  const key = yield* ready(g, vasp);
  const terms = { account, vasp, joinId: fresh(g), deadline: FAR };
  const own = sign(g, g.at.registry, account, "JoinVasp", terms);
  const theirs = sign(g, g.at.registry, key, "JoinVasp", terms);
  yield call(g, g.at.stranger, g.at.registry, "registry.join", [terms, own, key, theirs]);
}

/** A payer and a payee of different families. */
export function* across(g: Table, ...not: Address[]): Maker<[Address, Address]> {
  const payer = pickHolder(g, ...not);
  const payee = pickHolder(g, payer, ...not);
  const family = vaspOf(g.felt.world.registry, payer) === 0n ? 1n : vaspOf(g.felt.world.registry, payer);
  yield* inside(g, payer, family);
  yield* inside(g, payee, 3n - family);
  return [payer, payee];
}

export interface Payment {
  coin: Address;
  payer: Address;
  payee: Address;
  amount: bigint;
}

/** Lets the payee's operator attest one payment. */
export function* attested(g: Table, { coin, payer, payee, amount }: Payment): Maker<void> {
  const vasp = vaspOf(g.felt.world.registry, payee);
  if (vasp === 0n) return;
  const own = vaspOf(g.felt.world.registry, payer);
  if (own !== 0n && operatorAt(g, own).suspended) {
    yield call(g, g.at.freezer, g.at.registry, "registry.reinstate", [own]);
  }
  const key = yield* ready(g, vasp);
  const attestationId = fresh(g);
  const validUntil = now(g) + MONTH;
  const attestation = { vasp, attestationId, coin, payer, payee, amount, ref: NOTHING, validUntil };
  note(g, attestation);
  yield call(g, key, g.at.registry, "registry.attest", [attestation]);
}

function note(g: Table, { vasp, attestationId, coin, payer, payee, amount }: Attestation): void {
  g.seen.attestations.add(`${vasp} ${attestationId}`);
  g.seen.travels.add(`${coin} ${payer} ${payee} ${amount}`);
}

/** A payment under the travel rule: attested as it should be; or not, too late, in a suspended family. */
const travel: Dealer = function* (g) {
  const coin = pickCoin(g);
  const [payer, payee] = yield* across(plain(g));
  const amount = coinAt(g, coin).travelLimit + BigInt(pick(g, [0, 1, 1_000_000]));
  yield* fund(plain(g), coin, amount, payer);
  yield* fund(plain(g), coin, 0n, payee);
  if (or(g, true, () => false)) yield* attested(plain(g), { coin, payer, payee, amount });
  const waiting = g.felt.world.registry.waiting.get(`${coin} ${payer} ${payee} ${amount}`);
  const suspended = or(
    g,
    0n,
    () => 1n,
    () => 2n,
  );
  if (suspended !== 0n) yield call(g, g.at.freezer, g.at.registry, "registry.suspend", [suspended]);
  const off = or(
    g,
    0n,
    () => 1n,
    () => -1n,
  );
  const time = around(g, waiting?.until ?? now(g));
  yield call(g, payer, coin, "coin.transfer", [payee, amount + off], time);
  if (suspended !== 0n) yield call(g, g.at.freezer, g.at.registry, "registry.reinstate", [suspended]);
};

const setComplianceKey: Dealer = function* (g) {
  const vasp = pick(g, [1n, 2n]);
  const caller = or(g, adminOf(g, vasp), () => g.at.stranger);
  const key = or(
    g,
    keyOf(g, vasp),
    () => ZERO,
    () => g.at.stranger,
  );
  const limit = now(g) + 366n * 86_400n;
  const until = or(
    g,
    now(g) + KEY_TERM,
    () => limit,
    () => limit + 1n,
    () => now(g),
  );
  const from = or(g, now(g), () => until);
  yield call(g, caller, g.at.registry, "registry.setComplianceKey", [or(g, vasp, () => 3n), key, from, until]);
  yield* ready(plain(g), vasp);
};

const revokeComplianceKey: Dealer = function* (g) {
  const vasp = pick(g, [1n, 2n]);
  const caller = or(g, adminOf(g, vasp), () => g.at.stranger);
  const key = or(g, g.at.stranger, () => keyOf(g, vasp));
  yield call(g, caller, g.at.registry, "registry.revokeComplianceKey", [or(g, vasp, () => 3n), key]);
};

/** A consent that was given before, if there is one. */
const usedConsent = (g: Table, account: Address): string =>
  [...g.felt.world.registry.consents].find((key) => key.startsWith(account))?.split(" ")[1] ?? fresh(g);

const join: Dealer = function* (g) {
  const vasp = pick(g, [1n, 2n]);
  const member = pickHolder(g);
  if (or(g, true, () => false)) yield* outside(plain(g), member);
  else yield* inside(plain(g), member, vasp);
  const key = yield* ready(plain(g), vasp);
  const { xus, treasury, claims, registry, stranger, freezer } = g.at;
  const terms = {
    account: or(
      g,
      member,
      () => ZERO,
      () => xus,
      () => treasury,
      () => claims,
    ),
    vasp: or(g, vasp, () => 3n),
    joinId: or(
      g,
      fresh(g),
      () => usedConsent(g, member),
      () => NOTHING,
    ),
    deadline: pickDeadline(g, FAR),
  };
  g.seen.consents.add(`${terms.account} ${terms.joinId}`);
  const signer = or(g, key, () => stranger);
  const digest = digestOf(g.felt.world, registry, "JoinVasp", terms);
  const signatures = [signed(g, terms.account, digest), signed(g, signer, digest)] as const;
  const isSuspended = or(g, false, () => true);
  if (isSuspended) yield call(g, freezer, registry, "registry.suspend", [vasp]);
  const [own, theirs] = signatures;
  yield call(g, stranger, registry, "registry.join", [terms, own, signer, theirs]);
  if (isSuspended) yield call(g, freezer, registry, "registry.reinstate", [vasp]);
};

/** A member that stays. */
function* staying(g: Table): Maker<Address> {
  const member = pickHolder(g);
  if ((g.felt.world.registry.members.get(member)?.leaveAt ?? 0n) !== 0n) yield* outside(g, member);
  if (vaspOf(g.felt.world.registry, member) === 0n) yield* inside(g, member, pick(g, [1n, 2n]));
  return member;
}

const leavingOf = (g: Table): Address =>
  holders(g).find((holder) => (g.felt.world.registry.members.get(holder)?.leaveAt ?? 0n) !== 0n) ?? g.at.stranger;

const announceLeave: Dealer = function* (g) {
  const member = yield* staying(plain(g));
  const caller = or(
    g,
    member,
    () => g.at.stranger,
    () => leavingOf(g),
  );
  yield call(g, caller, g.at.registry, "registry.announceLeave", []);
  if (or(g, false, () => true)) yield call(g, caller, g.at.registry, "registry.announceLeave", []);
};

const leaveBySig: Dealer = function* (g) {
  const member = yield* staying(plain(g));
  const account = or(g, member, () => g.at.stranger);
  const terms = {
    account,
    leaveId: or(
      g,
      fresh(g),
      () => usedConsent(g, account),
      () => NOTHING,
    ),
    deadline: pickDeadline(g, FAR),
  };
  g.seen.consents.add(`${account} ${terms.leaveId}`);
  const signature = sign(g, g.at.registry, account, "LeaveVasp", terms);
  yield call(g, g.at.stranger, g.at.registry, "registry.leaveBySig", [terms, signature]);
};

const expel: Dealer = function* (g) {
  const member = yield* staying(plain(g));
  const vasp = vaspOf(g.felt.world.registry, member);
  const named = or(
    g,
    vasp,
    () => 3n - vasp,
    () => 3n,
  );
  const caller = or(g, adminOf(g, named), () => g.at.stranger);
  yield call(g, caller, g.at.registry, "registry.expel", [named, or(g, member, () => g.at.stranger)]);
};

const completeLeave: Dealer = function* (g) {
  const member = yield* staying(plain(g));
  const stays = or(g, false, () => true);
  if (!stays) yield call(g, member, g.at.registry, "registry.announceLeave", []);
  const leaveAt = g.felt.world.registry.members.get(member)?.leaveAt ?? 0n;
  const time = or(
    g,
    leaveAt,
    () => leaveAt - 1n,
    () => leaveAt + 1n,
    () => leaveAt - LEAVING + 2n,
  );
  const account = or(g, member, () => g.at.stranger);
  yield call(g, g.at.stranger, g.at.registry, "registry.completeLeave", [account], notBefore(g, time));
};

/** An attestation; or with one thing wrong. */
function* pickAttestation(g: Table): Maker<{ attestation: Attestation; key: Address; suspended: bigint }> {
  const coin = pickCoin(g);
  const [payer, payee] = yield* across(plain(g));
  const own = vaspOf(g.felt.world.registry, payee);
  const key = yield* ready(plain(g), own);
  const used = [...g.felt.world.registry.attestations].find((entry) => entry.startsWith(`${own} `))?.split(" ")[1];
  const [amount] = [coinAt(g, coin).travelLimit];
  const limit = now(g) + MONTH;
  const attestation = {
    vasp: or(
      g,
      own,
      () => 3n,
      () => 3n - own,
    ),
    attestationId: or(g, fresh(g), () => used ?? fresh(g)),
    coin: or(g, coin, () => g.at.claims),
    payer,
    payee: or(g, payee, () => g.at.stranger),
    amount,
    ref: id("what was exchanged"),
    validUntil: or(
      g,
      now(g) + 3_600n,
      () => limit,
      () => limit + 1n,
      () => now(g) + 1n,
      () => now(g),
    ),
  };
  note(g, attestation);
  return { attestation, key: or(g, key, () => g.at.stranger), suspended: or(g, 0n, () => own) };
}

function attestBy(isSigned: boolean): Dealer {
  return function* (g) {
    const { registry, freezer, stranger } = g.at;
    const { attestation, key, suspended } = yield* pickAttestation(g);
    const signature = sign(g, registry, key, "TravelAttestation", attestation);
    if (suspended !== 0n) yield call(g, freezer, registry, "registry.suspend", [suspended]);
    if (isSigned) yield call(g, stranger, registry, "registry.attestBySig", [attestation, key, signature]);
    else yield call(g, key, registry, "registry.attest", [attestation]);
    if (suspended !== 0n) yield call(g, freezer, registry, "registry.reinstate", [suspended]);
  };
}

const withdrawAttestations: Dealer = function* (g) {
  const coin = pickCoin(g);
  const [payer, payee] = yield* across(plain(g));
  const amount = coinAt(g, coin).travelLimit;
  yield* attested(plain(g), { coin, payer, payee, amount });
  if (chance(g, 0.5)) yield* attested(plain(g), { coin, payer, payee, amount });
  const vasp = vaspOf(g.felt.world.registry, payee);
  const caller = or(g, keyOf(g, vasp), () => g.at.stranger);
  const args = [or(g, vasp, () => 3n), coin, payer, payee, or(g, amount, () => amount + 1n)];
  yield call(g, caller, g.at.registry, "registry.withdrawAttestations", args);
};

const useAttestation: Dealer = function* (g) {
  const coin = pickCoin(g);
  const [payer, payee] = yield* across(plain(g));
  const amount = coinAt(g, coin).travelLimit;
  if (chance(g, 0.5)) yield* attested(plain(g), { coin, payer, payee, amount });
  const caller = or(g, coin, () => g.at.stranger);
  yield call(g, caller, g.at.registry, "registry.useAttestation", [payer, payee, amount]);
};

const suspend: Dealer = function* (g) {
  const vasp = or(g, pick(g, [1n, 2n]), () => 3n);
  yield call(
    g,
    or(g, g.at.freezer, () => g.at.stranger),
    g.at.registry,
    "registry.suspend",
    [vasp],
  );
  if (chance(g, 0.9) && vasp !== 3n) yield call(g, g.at.freezer, g.at.registry, "registry.reinstate", [vasp]);
};

const reinstate: Dealer = function* (g) {
  const vasp = or(g, pick(g, [1n, 2n]), () => 3n);
  yield call(
    g,
    or(g, g.at.freezer, () => g.at.stranger),
    g.at.registry,
    "registry.reinstate",
    [vasp],
  );
};

export const REGISTRY_DEALERS: Partial<Record<MethodName | "travel", Dealer>> = {
  travel,
  "registry.setComplianceKey": setComplianceKey,
  "registry.revokeComplianceKey": revokeComplianceKey,
  "registry.join": join,
  "registry.announceLeave": announceLeave,
  "registry.leaveBySig": leaveBySig,
  "registry.expel": expel,
  "registry.completeLeave": completeLeave,
  "registry.attest": attestBy(false),
  "registry.attestBySig": attestBy(true),
  "registry.withdrawAttestations": withdrawAttestations,
  "registry.useAttestation": useAttestation,
  "registry.suspend": suspend,
  "registry.reinstate": reinstate,
};
