/**
 * The role grid: which role may call which restricted function, after which delay, and who can stop it. One table, from which a
 * deployment is wired, checked afterwards, and documented. A function that is not in it belongs to ADMIN. Pure.
 */
import { type Abi, toFunctionSelector, toFunctionSignature } from "viem";
import type { Address, Hex } from "../domain/hex.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { redemptionEscrowAbi, stablecoinAbi, treasuryAbi } from "./abi.ts";

/** Keys a deployment names. `canceller` is a second administrator that can only stop what the first has scheduled. */
export const roleMembers = [
  "admin",
  "canceller",
  "dealer",
  "issuer",
  "attestor",
  "freezer",
  "pauser",
  "unpauser",
  "agent",
] as const;
export type RoleMember = (typeof roleMembers)[number];

/** Contract of a cell, as the interfaces cite it. */
export type CellContract = "COIN" | "TREASURY" | "REDEMPTION";

export interface Role {
  readonly name: string;
  /** The manager's number. */
  readonly id: bigint;
  /** Who holds it: a key of the deployment, or the redemption escrow itself. */
  readonly member: Exclude<RoleMember, "dealer" | "canceller"> | "escrow";
  /** True when its powers are slow: they act only after `slowDelays`, and a guardian can stop them meanwhile. */
  readonly slow: boolean;
  readonly guardian: string | null;
  /** `CONTRACT.function`. */
  readonly cells: readonly `${CellContract}.${string}`[];
}

/** Seconds a slow power waits. Seven days are long enough to be seen, stopped or left; a devnet is for trying things out. */
export const slowDelays = { production: 7 * 86_400, devnet: 60 } as const;
/** The second administrator's delay, the longest there is: 136 years. It exists to cancel, which takes no delay. */
export const cancelOnlyDelay = 2 ** 32 - 1;

export const adminRole = 0n;

/** One power per role. What an order signs for has no delay: a delayed role cannot sign orders. */
export const roles: readonly Role[] = [
  { name: "ADMIN", id: adminRole, member: "admin", slow: true, guardian: null, cells: ["COIN.setTreasury"] },
  { name: "ISSUER", id: 1n, member: "issuer", slow: false, guardian: null, cells: ["TREASURY.setMinting"] },
  { name: "ATTESTOR", id: 2n, member: "attestor", slow: false, guardian: null, cells: ["TREASURY.attest"] },
  { name: "FREEZER", id: 3n, member: "freezer", slow: false, guardian: null, cells: ["COIN.freeze", "COIN.unfreeze"] },
  { name: "PAUSER", id: 4n, member: "pauser", slow: false, guardian: null, cells: ["COIN.pause"] },
  { name: "UNPAUSER", id: 5n, member: "unpauser", slow: false, guardian: null, cells: ["COIN.unpause"] },
  {
    name: "AGENT",
    id: 6n,
    member: "agent",
    slow: false,
    guardian: null,
    cells: ["REDEMPTION.accept", "REDEMPTION.reject", "REDEMPTION.markSent", "REDEMPTION.confirm"],
  },
  { name: "BURNER", id: 7n, member: "escrow", slow: false, guardian: null, cells: ["COIN.burn"] },
  { name: "REGISTRAR", id: 8n, member: "admin", slow: true, guardian: "PAUSER", cells: ["COIN.flagEscrow"] },
  {
    name: "GOVERNOR",
    id: 9n,
    member: "admin",
    slow: true,
    guardian: "PAUSER",
    cells: ["TREASURY.setDealer", "TREASURY.setRedemptions", "TREASURY.setAttestationLifetime"],
  },
];

/** Seconds before a member of the role may act. */
export function delayOf(role: Role, devnet: boolean): number {
  if (!role.slow) return 0;
  return devnet ? slowDelays.devnet : slowDelays.production;
}

/** One restricted function on one contract. */
export interface Cell {
  readonly id: string;
  readonly target: Address;
  readonly selector: Hex;
  readonly role: bigint;
}

const abis: Readonly<Record<CellContract, Abi>> = {
  COIN: stablecoinAbi,
  TREASURY: treasuryAbi,
  REDEMPTION: redemptionEscrowAbi,
};

/** Every function of our contracts that can change something, with the role the table gives it; ADMIN where it names none. */
export function listCells(deployment: Deployment): readonly Cell[] {
  const targets: readonly { readonly contract: CellContract; readonly target: Address }[] = [
    ...deployment.coins.map((coin) => ({ contract: "COIN" as const, target: coin.address })),
    { contract: "TREASURY", target: deployment.treasury },
    { contract: "REDEMPTION", target: deployment.redemptions },
  ];
  const owners = new Map(roles.flatMap((role) => role.cells.map((cell): [string, bigint] => [cell, role.id])));
  return targets.flatMap(({ contract, target }) =>
    abis[contract].flatMap((item) => {
      if (item.type !== "function" || item.stateMutability === "view" || item.stateMutability === "pure") return [];
      const id = `${contract}.${item.name}`;
      const selector = toFunctionSelector(toFunctionSignature(item));
      return [{ id, target, selector, role: owners.get(id) ?? adminRole }];
    }),
  );
}

export function findRole(name: string): Role {
  const role = roles.find((candidate) => candidate.name === name);
  if (role === undefined) throw new RangeError(`no role ${name}`);
  return role;
}
