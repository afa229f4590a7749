/**
 * The role grid: which role may call which restricted function, after which delay, and who can stop it. One table, from which a
 * deployment is wired, checked afterwards, and documented. A function that is not in it belongs to ADMIN. Pure.
 */
import { type Abi, toFunctionSelector, toFunctionSignature } from "viem";
import type { Address, Hex } from "../domain/hex.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { redemptionEscrowAbi, stablecoinAbi, treasuryAbi, vaspRegistryAbi } from "./abi.ts";

/**
 * Keys a deployment names. `canceller` is a second administrator that can only stop what the first has scheduled; three approvers, because
 * the largest mints need three words; `custody` holds no role: it is where seized coins go.
 */
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
  "seizer",
  "approver",
  "approver2",
  "approver3",
  "cosigner",
  "arbiter",
  "custody",
] as const;
/** Keys of the two wallet operators that a devnet begins with. Elsewhere operators are registered when they come. */
export const operatorMembers = ["norte", "sur"] as const;
export type OperatorMember = (typeof operatorMembers)[number];
export type RoleMember = (typeof roleMembers)[number] | OperatorMember;

/** Contract of a cell, as the interfaces cite it. */
export type CellContract = "COIN" | "TREASURY" | "REDEMPTION" | "VASP";

/** Who holds a role: a key of the deployment, or one of its contracts. */
export type Holder = Exclude<RoleMember, OperatorMember | "dealer" | "canceller" | "custody"> | ContractHolder;
export type ContractHolder = "redemptions" | "registry";

export interface Role {
  readonly name: string;
  /** The manager's number. */
  readonly id: bigint;
  readonly holders: readonly Holder[];
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

/** A role that acts at once, because a delayed one cannot sign orders. */
function swift(id: bigint, name: string, holders: readonly Holder[], cells: Role["cells"]): Role {
  return { name, id, holders, slow: false, guardian: null, cells };
}

/** A role of the administrator's whose powers wait. */
function slow(id: bigint, name: string, guardian: string | null, cells: Role["cells"]): Role {
  return { name, id, holders: ["admin"], slow: true, guardian, cells };
}

/** One power per role. */
export const roles: readonly Role[] = [
  slow(adminRole, "ADMIN", null, ["COIN.setTreasury", "COIN.setCustody", "COIN.setVaspRegistry"]),
  swift(1n, "ISSUER", ["issuer"], ["TREASURY.setMinting"]),
  swift(2n, "ATTESTOR", ["attestor"], ["TREASURY.attest"]),
  // the registry freezes the members of an operator that is suspended
  swift(
    3n,
    "FREEZER",
    ["freezer", "registry"],
    ["COIN.freeze", "COIN.unfreeze", "VASP.suspend", "VASP.reinstate", "VASP.cascadeFreeze"],
  ),
  swift(4n, "PAUSER", ["pauser"], ["COIN.pause"]),
  swift(5n, "UNPAUSER", ["unpauser"], ["COIN.unpause"]),
  swift(
    6n,
    "AGENT",
    ["agent"],
    ["REDEMPTION.accept", "REDEMPTION.reject", "REDEMPTION.markSent", "REDEMPTION.confirm"],
  ),
  swift(7n, "BURNER", ["redemptions"], ["COIN.burn"]),
  slow(8n, "REGISTRAR", "PAUSER", ["COIN.flagEscrow", "VASP.register"]),
  slow(9n, "GOVERNOR", "PAUSER", [
    "COIN.setTravelRuleLimit",
    "TREASURY.setDealer",
    "TREASURY.setRedemptions",
    "TREASURY.setAttestationLifetime",
    "TREASURY.announceSunset",
    "REDEMPTION.setSecondKeyLimit",
  ]),
  swift(10n, "SEIZER", ["seizer"], ["COIN.seize"]),
  swift(11n, "APPROVER", ["approver", "approver2", "approver3"], ["TREASURY.approveMint"]),
  swift(12n, "COSIGNER", ["cosigner"], ["REDEMPTION.approve"]),
  swift(13n, "ARBITER", ["arbiter"], ["REDEMPTION.resolve"]),
];

const contractHolders: readonly Holder[] = ["redemptions", "registry"];

export function isContract(holder: Holder): holder is ContractHolder {
  return contractHolders.includes(holder);
}

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
  VASP: vaspRegistryAbi,
};

/** Every function of our contracts that can change something, with the role the table gives it; ADMIN where it names none. */
export function listCells(deployment: Deployment): readonly Cell[] {
  const targets: readonly { readonly contract: CellContract; readonly target: Address }[] = [
    ...deployment.coins.map((coin) => ({ contract: "COIN" as const, target: coin.address })),
    { contract: "TREASURY", target: deployment.treasury },
    { contract: "REDEMPTION", target: deployment.redemptions },
    { contract: "VASP", target: deployment.registry },
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
