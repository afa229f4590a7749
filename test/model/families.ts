/**
 * What the registry of wallet operators keeps, and the one question that a coin asks it. To be read beside IVaspRegistry.sol. Apart from
 * `registry.ts`, which tells the coins about families, so that neither needs the other.
 */
import { type Address, emit, type Frame, refuse } from "./frame.ts";

export interface Operator {
  admin: Address;
  suspended: boolean;
  /** When each compliance key begins and ends. */
  keys: Map<Address, { from: bigint; until: bigint }>;
}

export interface Member {
  vasp: bigint;
  /** 0 while the account stays. */
  leaveAt: bigint;
}

/** Attestations of one family for one payment. */
export interface Waiting {
  count: bigint;
  until: bigint;
  vasp: bigint;
}

export interface Registry {
  address: Address;
  coins: Address[];
  operators: Map<bigint, Operator>;
  members: Map<Address, Member>;
  /** `account id`: spent on joining or leaving. */
  consents: Set<string>;
  /** `vasp id`: spent on an attestation. */
  attestations: Set<string>;
  /** By `paymentOf`. */
  waiting: Map<string, Waiting>;
}

export function paymentOf(coin: Address, payer: Address, payee: Address, amount: bigint): string {
  return `${coin} ${payer} ${payee} ${amount}`;
}

/** The family of an account; 0 is none. */
export function vaspOf(registry: Registry, address: Address): bigint {
  return registry.members.get(address)?.vasp ?? 0n;
}

export function useAttestation(c: Frame, payer: Address, payee: Address, amount: bigint): boolean {
  const { registry, time } = c.world;
  if (!registry.coins.includes(c.caller)) refuse("VaspCoinUnknown", c.caller);
  const payment = paymentOf(c.caller, payer, payee, amount);
  const waiting = registry.waiting.get(payment);
  if (waiting === undefined || time >= waiting.until) return false;
  if (waiting.vasp !== vaspOf(registry, payee)) return false;
  const families = [waiting.vasp, vaspOf(registry, payer)];
  if (families.some((id) => registry.operators.get(id)?.suspended === true)) return false;
  if (waiting.count === 1n) registry.waiting.delete(payment);
  else waiting.count -= 1n;
  emit(c, "TravelAttestationUsed", c.caller, payer, payee, amount);
  return true;
}
