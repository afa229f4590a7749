/**
 * What a deployment does after its contracts exist: what they must know of each other, the role grid, and a devnet's two wallet
 * operators. Owns the list of steps, each with the view that shows it done. Pure: the deployment asks the views and sends what is missing.
 */
import type { Abi } from "viem";
import type { Address } from "../domain/hex.ts";
import type { Deployment } from "../pipeline/ports.ts";
import { accessManagerAbi, stablecoinAbi, treasuryAbi, vaspRegistryAbi } from "./abi.ts";
import {
  adminRole,
  delayOf,
  findRole,
  isContract,
  listCells,
  operatorMembers,
  type RoleMember,
  roles,
} from "./roles.ts";

export type Invocation = readonly [string, ...unknown[]];

/** A call that is made only while a view says it is needed: what makes a second run send nothing. */
export interface Step {
  readonly what: string;
  readonly to: Address;
  readonly abi: Abi;
  readonly call: Invocation;
  readonly view: { readonly to: Address; readonly abi: Abi; readonly call: Invocation };
  /** The view's first words once the step is done. */
  readonly done: readonly bigint[];
  /** Bits of the first word that count, where it holds more than this. */
  readonly mask?: bigint;
}

/** What a deployment is told about its network. */
export interface Plan {
  readonly roleAddresses: Readonly<Partial<Record<RoleMember, Address>>>;
  readonly devnet: boolean;
  /** Base units from which on a payment between two operators' families needs an attestation; null leaves the rule off. */
  readonly travelRuleLimit: bigint | null;
  /** Who calls: administrator until the end. */
  readonly deployer: Address;
  /** Time of the newest block, Unix seconds. */
  readonly time: number;
}

/**
 * Tier of the first dealer. A devnet's may mint five million a day without approvals; elsewhere a dealer begins at the lowest and a
 * governor raises it.
 */
const dealerTiers = { production: 1n, devnet: 2n } as const;
/** Longest term of an operator's compliance key, as the registry has it, less a day for the way to the block. */
const keySeconds = 365 * 86_400;
/** A key of the first operators is valid from the beginning of time; the registry shows it was set. */
const keyFrom = 1n;

/** Where the limit stands in the coin's own word, above the supply and the pause bits. */
const limitShift = 72n;

interface Contract {
  readonly to: Address;
  readonly abi: Abi;
}

function coinSteps(plan: Plan, deployment: Deployment, coin: Deployment["coins"][number]): readonly Step[] {
  const { treasury, redemptions, claims, commerce, swap, registry } = deployment;
  const { address, symbol } = coin;
  const { custody } = plan.roleAddresses;
  const toCoin: Contract = { to: address, abi: stablecoinAbi };
  const toTreasury: Contract = { to: treasury, abi: treasuryAbi };
  const set = (what: string, name: string, view: string, value: Address | bigint): Step => {
    return { what, ...toCoin, call: [name, value], view: { ...toCoin, call: [view] }, done: [BigInt(value)] };
  };
  const escrows = {
    "redemption escrow": redemptions,
    "claim escrow": claims,
    "commerce escrow": commerce,
    swap,
  } as const;
  const steps: Step[] = [
    set(`${symbol} is minted by the Treasury`, "setTreasury", "treasury", treasury),
    set(`${symbol} asks the registry about payments between families`, "setVaspRegistry", "vaspRegistry", registry),
    ...Object.entries(escrows).map(([name, escrow]): Step => {
      const view = { ...toCoin, call: ["isEscrow", escrow] as const };
      return { what: `${symbol} knows the ${name}`, ...toCoin, call: ["flagEscrow", escrow], view, done: [1n] };
    }),
    {
      what: `the Treasury leaves sent redemptions of ${symbol} out of its coverage`,
      ...toTreasury,
      call: ["setRedemptions", address, redemptions],
      view: { ...toTreasury, call: ["redemptionsOf", address] },
      done: [BigInt(redemptions)],
    },
  ];
  if (custody !== undefined)
    steps.push(set(`${symbol} that is seized goes to ${custody}`, "setCustody", "custody", custody));
  if (plan.travelRuleLimit !== null) {
    const what = `${symbol} between families needs an attestation from ${plan.travelRuleLimit} on`;
    const done = [plan.travelRuleLimit << limitShift];
    steps.push({
      ...set(what, "setTravelRuleLimit", "coinWord", plan.travelRuleLimit),
      done,
      mask: ((1n << 64n) - 1n) << limitShift,
    });
  }
  if (plan.devnet) {
    steps.push({
      what: `devnet: minting of ${symbol} is on`,
      ...toTreasury,
      call: ["setMinting", address, true],
      view: { ...toTreasury, call: ["mintingEnabled", address] },
      done: [1n],
    });
  }
  return steps;
}

/** Two operators to try things out with. The deployer registers them, gives them their key, and offers each its own administration. */
function operatorSteps(plan: Plan, deployment: Deployment): readonly Step[] {
  const toRegistry: Contract = { to: deployment.registry, abi: vaspRegistryAbi };
  const given = operatorMembers.filter((member) => plan.roleAddresses[member] !== undefined);
  return given.flatMap((member, i): readonly Step[] => {
    const id = BigInt(i + 1);
    const key = plan.roleAddresses[member] as Address;
    const domain = `${member}.localhost`;
    return [
      {
        what: `devnet: ${domain} is wallet operator ${id}`,
        ...toRegistry,
        call: ["register", plan.deployer, domain, `http://${domain}`],
        view: { ...toRegistry, call: ["idOfDomain", domain] },
        done: [id],
      },
      {
        what: `devnet: ${key} attests for ${domain}`,
        ...toRegistry,
        call: ["setComplianceKey", id, key, keyFrom, BigInt(plan.time + keySeconds)],
        view: { ...toRegistry, call: ["keyOf", id, key] },
        done: [keyFrom],
      },
      {
        what: `devnet: ${key} may take ${domain} over`,
        ...toRegistry,
        call: ["offerAdmin", id, key],
        view: { ...toRegistry, call: ["operatorOf", id] },
        done: [BigInt(plan.deployer), BigInt(key)],
      },
    ];
  });
}

/** What the contracts must know of each other. Done while the deployer is still the administrator. */
export function listWiring(plan: Plan, deployment: Deployment): readonly Step[] {
  const toTreasury: Contract = { to: deployment.treasury, abi: treasuryAbi };
  const { dealer } = plan.roleAddresses;
  const tier = plan.devnet ? dealerTiers.devnet : dealerTiers.production;
  const steps = deployment.coins.flatMap((coin) => coinSteps(plan, deployment, coin));
  const admission: readonly Step[] =
    dealer === undefined
      ? []
      : [
          {
            what: `${dealer} is a dealer of tier ${tier}`,
            ...toTreasury,
            call: ["setDealer", dealer, tier],
            view: { ...toTreasury, call: ["dealerOf", dealer] },
            done: [tier],
          },
        ];
  return [...steps, ...admission, ...(plan.devnet ? operatorSteps(plan, deployment) : [])];
}

/** The table, cell by cell and member by member. */
export function listGrid(plan: Plan, deployment: Deployment): readonly Step[] {
  const manager: Contract = { to: deployment.authority, abi: accessManagerAbi };
  const cells = listCells(deployment)
    .filter(({ role }) => role !== adminRole)
    .map(
      ({ id, target, selector, role }): Step => ({
        what: `${id} belongs to role ${role}`,
        ...manager,
        call: ["setTargetFunctionRole", target, [selector], role],
        view: { ...manager, call: ["getTargetFunctionRole", target, selector] },
        done: [role],
      }),
    );
  const guards = roles.flatMap((role): readonly Step[] => {
    if (role.guardian === null) return [];
    const guardian = findRole(role.guardian).id;
    const view = { ...manager, call: ["getRoleGuardian", role.id] as const };
    const call = ["setRoleGuardian", role.id, guardian] as const;
    return [{ what: `${role.name} can be stopped by ${role.guardian}`, ...manager, call, view, done: [guardian] }];
  });
  const grants = roles.flatMap((role): readonly Step[] => {
    if (role.id === adminRole) return [];
    return role.holders.flatMap((holder) => {
      const account = isContract(holder) ? deployment[holder] : plan.roleAddresses[holder];
      if (account === undefined) return [];
      return [toGrant(deployment, { role: role.id, name: role.name, account, delay: delayOf(role, plan.devnet) })];
    });
  });
  return [...cells, ...guards, ...grants];
}

/** One member of one role. */
export function toGrant(
  deployment: Deployment,
  { role, name, account, delay }: { role: bigint; name: string; account: Address; delay: number },
): Step {
  const manager: Contract = { to: deployment.authority, abi: accessManagerAbi };
  return {
    what: `${account} holds ${name}${delay > 0 ? ` with a delay of ${delay} s` : ""}`,
    ...manager,
    call: ["grantRole", role, account, delay],
    view: { ...manager, call: ["hasRole", role, account] },
    done: [1n, BigInt(delay)],
  };
}
