/**
 * The role grid as the chain has it, held against the table: every cell, member, delay and guardian. Owns the reading and the list of
 * differences; says nothing when both agree. Reads only. Members come from the manager's own events, so none can hide.
 */
import { type EncodeFunctionDataParameters, encodeFunctionData, toEventSelector } from "viem";
import type { Address, Hex } from "../domain/hex.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { accessManagerAbi } from "./abi.ts";
import { adminRole, type ContractHolder, delayOf, isContract, listCells, roles } from "./roles.ts";
import { type Rpc, unwrap } from "./rpc.ts";
import { toCallRequest, toQuantity } from "./views.ts";

export interface GridMember {
  readonly role: string;
  readonly account: Address;
  /** Seconds between scheduling and acting. */
  readonly delay: number;
}

export interface Grid {
  readonly members: readonly GridMember[];
  readonly cells: readonly { readonly id: string; readonly role: bigint; readonly expected: bigint }[];
  /** One sentence each; empty when the chain is what the table says. */
  readonly differences: readonly string[];
}

/** Blocks asked for at once: public endpoints refuse more. */
const logRange = 5_000;
const publicRole = 2n ** 64n - 1n;

function encode(functionName: string, args: readonly unknown[]): Hex {
  return encodeFunctionData({ abi: accessManagerAbi, functionName, args } as unknown as EncodeFunctionDataParameters);
}

/** Name of a role number: the table's, or the number itself. */
export function nameRole(id: bigint): string {
  if (id === publicRole) return "PUBLIC";
  return roles.find((role) => role.id === id)?.name ?? `role ${id}`;
}

function sayHolder(holder: ContractHolder): string {
  return holder === "registry" ? "the registry" : "the redemption escrow";
}

interface GrantLog {
  readonly topics: readonly Hex[];
}

export function createGridReader({ rpc, deployment }: { readonly rpc: Rpc; readonly deployment: Deployment }): {
  read(devnet: boolean): Promise<Grid>;
} {
  const grantTopic = toEventSelector(
    accessManagerAbi.find((item) => item.type === "event" && item.name === "RoleGranted") as never,
  );

  async function view(calls: readonly (readonly [string, ...unknown[]])[]): Promise<readonly (readonly bigint[])[]> {
    const answers = await rpc.read(
      calls.map(([name, ...args]) => toCallRequest({ to: deployment.authority, data: encode(name, args) }, "latest")),
    );
    return answers.map((answer) =>
      (unwrap<string>(answer, "eth_call").slice(2).match(/.{64}/g) ?? []).map((word) => BigInt(`0x${word}`)),
    );
  }

  /** Everyone who was ever granted any role. */
  async function findGrants(): Promise<readonly { readonly role: bigint; readonly account: Address }[]> {
    const head = Number(await rpc.ask<Hex>("eth_blockNumber"));
    const grants = new Map<string, { role: bigint; account: Address }>();
    for (let from = deployment.block; from <= head; from += logRange) {
      const range = { fromBlock: toQuantity(from), toBlock: toQuantity(Math.min(head, from + logRange - 1)) };
      const filter = { address: deployment.authority, topics: [grantTopic], ...range };
      for (const { topics } of await rpc.ask<readonly GrantLog[]>("eth_getLogs", filter)) {
        const [, role = "0x0", account = "0x"] = topics;
        grants.set(role + account, { role: BigInt(role), account: `0x${account.slice(26).toLowerCase()}` });
      }
    }
    return [...grants.values()];
  }

  async function readMembers(): Promise<readonly (GridMember & { readonly id: bigint })[]> {
    const grants = await findGrants();
    const access = await view(grants.map(({ role, account }) => ["hasRole", role, account] as const));
    return grants.flatMap(({ role, account }, i) => {
      const [isMember, delay] = access[i] ?? [];
      return isMember === 1n ? [{ id: role, role: nameRole(role), account, delay: Number(delay) }] : [];
    });
  }

  function judgeMembers(
    members: readonly (GridMember & { readonly id: bigint })[],
    devnet: boolean,
  ): readonly string[] {
    const differences: string[] = [];
    for (const { id, role: name, account, delay } of members) {
      const role = roles.find((candidate) => candidate.id === id);
      if (role === undefined) {
        differences.push(`${account} holds ${name}, which the table does not have`);
        continue;
      }
      const least = delayOf(role, devnet);
      if (delay < least) differences.push(`${account} holds ${name} with a delay of ${delay} s, less than ${least} s`);
      if (!role.slow && delay > 0) differences.push(`${account} holds ${name} with a delay, so its orders are refused`);
      if (role.holders.every(isContract) && !role.holders.some((holder) => deployment[holder] === account)) {
        differences.push(`${account} holds ${name}, which only ${role.holders.map(sayHolder).join(" and ")} may`);
      }
    }
    for (const role of roles) {
      const held = members.filter(({ id }) => id === role.id).map(({ account }) => account);
      for (const holder of role.holders.filter(isContract)) {
        if (!held.includes(deployment[holder])) differences.push(`${sayHolder(holder)} does not hold ${role.name}`);
      }
      const isKeyless = held.every((account) =>
        role.holders.some((one) => isContract(one) && deployment[one] === account),
      );
      if (isKeyless && !role.holders.every(isContract)) differences.push(`nobody holds ${role.name}`);
    }
    return differences;
  }

  async function judgeSettings(): Promise<readonly string[]> {
    const differences: string[] = [];
    const settled = roles.filter((role) => role.id !== adminRole);
    const guardians = await view(settled.map(({ id }) => ["getRoleGuardian", id] as const));
    const admins = await view(settled.map(({ id }) => ["getRoleAdmin", id] as const));
    for (const [i, role] of settled.entries()) {
      const guardian = nameRole(guardians[i]?.[0] ?? 0n);
      const expected = role.guardian ?? "ADMIN";
      if (guardian !== expected) differences.push(`the guardian of ${role.name} is ${guardian}, not ${expected}`);
      const admin = admins[i]?.[0] ?? 0n;
      if (admin !== adminRole) differences.push(`${role.name} is administered by ${nameRole(admin)}, not by ADMIN`);
    }
    const { treasury, redemptions, registry } = deployment;
    const targets = [...deployment.coins.map((coin) => coin.address), treasury, redemptions, registry];
    const closed = await view(targets.map((target) => ["isTargetClosed", target] as const));
    for (const [i, target] of targets.entries()) {
      if (closed[i]?.[0] === 1n)
        differences.push(`${target} is closed: none of its restricted functions can be called`);
    }
    return differences;
  }

  return {
    async read(devnet) {
      const expectedCells = listCells(deployment);
      const actual = await view(
        expectedCells.map(({ target, selector }) => ["getTargetFunctionRole", target, selector] as const),
      );
      const cells = expectedCells.map(({ id, role }, i) => ({ id, role: actual[i]?.[0] ?? 0n, expected: role }));
      const members = await readMembers();
      const wrongCells = cells
        .filter(({ role, expected }) => role !== expected)
        .map(({ id, role, expected }) => `${id} belongs to ${nameRole(role)}, not to ${nameRole(expected)}`);
      const differences = [...wrongCells, ...judgeMembers(members, devnet), ...(await judgeSettings())];
      return { members: members.map(({ role, account, delay }) => ({ role, account, delay })), cells, differences };
    },
  };
}
