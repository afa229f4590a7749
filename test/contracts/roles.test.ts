/**
 * The role grid, cell by cell: docs/ROLES.md says who may call what, after which delay and whom it can be stopped by; the network
 * that a deployment wires has to do exactly that. Every cell is tried by every key of the network, the negatives included. The
 * page is the only source of what is expected here.
 */
import { expect } from "chai";
import { globSync, readFileSync } from "node:fs";
import type { BaseContract } from "ethers";
import { MaxUint256, id } from "ethers";
import { cancelOnlyDelay, findRole, roleMembers } from "../../src/chain/roles.ts";
import type { Stablecoin } from "../../types/ethers-contracts/index.js";
import { TYPES } from "../support/coin.ts";
import { COINS, DOMAIN, LATER, type Member, type NetworkWorld, deployNetwork, signPull } from "../support/network.ts";
import { REDEMPTION_TYPES, idOf } from "../support/redemption.ts";
import { type Account, type Connection, ORDER_TYPES, REPORT, at, createLoader, now } from "../support/treasury.ts";
import { domainOf } from "../support/treasury.ts";

/** One row of the page. */
interface Cell {
  name: string;
  contract: keyof typeof TARGETS;
  function: string;
  role: string;
  holders: string[];
  signature: string;
  selector: string;
  form: string | null;
  /** Seconds. */
  delay: bigint;
  guardian: string | null;
}

const page = readFileSync(new URL("../../docs/ROLES.md", import.meta.url), "utf8");
const DAY = 86_400n;
const CASE = id("case 1");
const AMOUNT = 1_000_000n;
const VASP = 2n;

/** Who the page's contracts are in the world; a coin's cells are tried on both coins. */
const TARGETS = { coin: null, treasury: "treasury", redemption: "redemptions", vasp: "registry" } as const;

function parseCells(): Cell[] {
  const rows = page.split("\n").filter((line) => /^\| \w+\.\w+ \|/.test(line));
  return rows.map((line) => {
    const columns = line.split("|").map((column) => column.trim().replaceAll("`", ""));
    const [, name = "", role = "", holders = "", signature = "", selector = "", form = "", delay = "", guardian = ""] =
      columns;
    const [contract = "", call = ""] = name.split(".");
    return {
      name,
      contract: contract as keyof typeof TARGETS,
      function: call,
      role,
      holders: holders.split(", "),
      signature,
      selector,
      form: form === "–" ? null : form,
      delay: delay === "none" ? 0n : BigInt(delay.replace(" days", "")) * DAY,
      guardian: guardian === "–" ? null : guardian,
    };
  });
}

const cells = parseCells();

/** As the network, with something for every cell to act on. */
interface GridWorld extends NetworkWorld {
  /** Redemptions of the holder, by the state they wait in. */
  ids: Record<"locked" | "accepted" | "sent" | "disputed", string>;
  /** Everybody there is, by name: the keys of the table, two of its contracts, and outsiders. */
  actors: Record<string, Account>;
  start: bigint;
}

/** Arguments with which a member of the role succeeds. */
const CALLS: Record<string, (w: GridWorld, coin: Stablecoin) => unknown[]> = {
  "coin.setTreasury": (w) => [w.stranger.address],
  "coin.setCustody": (w) => [w.stranger.address],
  "coin.setVaspRegistry": (w) => [w.stranger.address],
  "coin.freeze": (w) => [w.people.holder.address, 1n, CASE, LATER],
  "coin.unfreeze": (w) => [w.people.bystander.address, CASE],
  "coin.seize": (w) => [w.people.bystander.address, AMOUNT, CASE],
  "coin.pause": () => [1n],
  "coin.unpause": () => [1n],
  "coin.burn": () => [1n],
  "coin.flagEscrow": (w) => [w.deployment.dispatcher],
  "coin.setTravelRuleLimit": () => [5n],
  "treasury.setMinting": (w) => [w.deployment.coins[0]!.address, true],
  "treasury.attest": (w) => [w.deployment.coins[0]!.address, AMOUNT, w.start, REPORT],
  "treasury.setDealer": (w) => [w.stranger.address, 1n],
  "treasury.setRedemptions": (w) => [w.deployment.coins[0]!.address, w.deployment.redemptions],
  "treasury.setAttestationLifetime": () => [2n * DAY],
  "treasury.announceSunset": (w) => [w.deployment.coins[0]!.address, w.start + 60n * DAY],
  "treasury.approveMint": () => [id("a mint")],
  "redemption.accept": (w) => [w.ids.locked],
  "redemption.reject": (w) => [w.ids.locked, id("a reason")],
  "redemption.markSent": (w) => [w.ids.accepted, id("a bank reference")],
  "redemption.confirm": (w) => [w.ids.sent, id("a bank reference")],
  "redemption.approve": (w) => [w.ids.accepted],
  "redemption.resolve": (w) => [w.ids.disputed, true, id("grounds")],
  "redemption.setSecondKeyLimit": (w) => [w.deployment.coins[0]!.address, 5n],
  "vasp.register": (w) => [w.stranger.address, "third.example", ""],
  "vasp.suspend": () => [1n],
  "vasp.reinstate": () => [VASP],
  "vasp.cascadeFreeze": (w) => [VASP, [w.people.payee.address], CASE, LATER],
};

/** The struct that a signed form takes. Its members are the call's arguments, beside what every order has of its own. */
const FORMS: Record<string, { type: string; members: readonly { name: string; type: string }[] }> = {
  "coin.freeze": { type: "FreezeOrder", members: TYPES.FreezeOrder },
  "coin.unfreeze": { type: "UnfreezeOrder", members: TYPES.UnfreezeOrder },
  "coin.seize": { type: "SeizeOrder", members: TYPES.SeizeOrder },
  "treasury.setMinting": { type: "MintingOrder", members: ORDER_TYPES.MintingOrder },
  "treasury.attest": { type: "AttestOrder", members: ORDER_TYPES.AttestOrder },
  "treasury.approveMint": { type: "ApproveMintOrder", members: ORDER_TYPES.ApproveMintOrder },
  "redemption.accept": { type: "AcceptOrder", members: REDEMPTION_TYPES.AcceptOrder },
  "redemption.reject": { type: "RejectOrder", members: REDEMPTION_TYPES.RejectOrder },
  "redemption.markSent": { type: "MarkSentOrder", members: REDEMPTION_TYPES.MarkSentOrder },
  "redemption.confirm": { type: "ConfirmOrder", members: REDEMPTION_TYPES.ConfirmOrder },
  "redemption.approve": { type: "ApproveOrder", members: REDEMPTION_TYPES.ApproveOrder },
  "redemption.resolve": { type: "ResolveOrder", members: REDEMPTION_TYPES.ResolveOrder },
};

async function deployGrid(connection: Connection): Promise<GridWorld> {
  const w = await deployNetwork(connection);
  const start = await now(connection);
  const [coin] = w.coins;
  const ids: Partial<GridWorld["ids"]> = {};
  const desk = w.redemptions.connect(w.members.agent);
  for (const [i, state] of (["locked", "accepted", "sent", "disputed"] as const).entries()) {
    const terms = {
      coin: await coin.getAddress(),
      holder: w.people.holder.address,
      amount: AMOUNT,
      payout: id("payout"),
      acceptBy: start + DAY,
      payoutBy: start + 2n * DAY,
      finalBy: start + 3n * DAY,
      salt: id(`salt ${i}`),
    };
    const nonce = await idOf(w.redemptions, terms);
    const pull = { from: "holder", to: w.redemptions, value: AMOUNT, validBefore: terms.acceptBy, nonce } as const;
    await w.redemptions.lock(terms, await signPull(w, pull));
    ids[state] = nonce;
    if (i > 0) await desk.accept(nonce);
    if (i > 1) await desk.markSent(nonce, id("a bank reference"));
    if (i > 2) {
      const domain = await domainOf(w.redemptions, DOMAIN.redemptions);
      const types = { DisputeRedemption: [...REDEMPTION_TYPES.DisputeRedemption] };
      const wish = { id: nonce, deadline: LATER };
      await w.redemptions.disputeBySig(nonce, LATER, await w.people.holder.signTypedData(domain, types, wish));
    }
  }
  for (const each of w.coins) {
    await each.connect(w.members.freezer).freeze(w.people.bystander.address, MaxUint256, CASE, LATER);
  }
  await w.registry.connect(w.members.freezer).suspend(VASP);
  return { ...w, ids: ids as GridWorld["ids"], start, actors: await gather(w) };
}

/** Everybody, contracts that hold a role included: those act as their code would. */
async function gather(w: NetworkWorld): Promise<Record<string, Account>> {
  const { ethers, networkHelpers } = w.connection;
  const contracts: Record<string, Account> = {};
  for (const name of ["redemptions", "registry"] as const) {
    const address = w.deployment[name];
    await networkHelpers.impersonateAccount(address);
    await networkHelpers.setBalance(address, 10n ** 18n);
    contracts[name] = await ethers.getSigner(address);
  }
  const { deployer, lane, stranger, operator } = w;
  return { ...w.members, ...contracts, deployer, lane, stranger, operator };
}

const load = await createLoader(deployGrid);

/** One cell on one contract: a coin's on each coin. */
interface Place {
  target: BaseContract;
  domain: string;
  args: unknown[];
}

function placesOf(w: GridWorld, cell: Cell): Place[] {
  const args = CALLS[cell.name]!;
  const name = TARGETS[cell.contract];
  if (name !== null) return [{ target: w[name], domain: DOMAIN[name], args: args(w, w.coins[0]) }];
  // only one of the coins has redemptions to burn
  const coins = cell.function === "burn" ? [w.coins[0]] : w.coins;
  return coins.map((coin, i) => ({ target: coin, domain: COINS[i]!.name, args: args(w, coin) }));
}

function isHolder(cell: Cell, name: string): boolean {
  return cell.holders.includes(name) || (cell.role === "ADMIN" && name === "canceller");
}

function outsiders(w: GridWorld, cell: Cell): [string, Account][] {
  return Object.entries(w.actors).filter(([name]) => !isHolder(cell, name));
}

function call(place: Place, cell: Cell, caller: Account): Promise<{ wait(): Promise<{ status: number } | null> }> {
  return (place.target.connect(caller) as BaseContract).getFunction(cell.function)(...place.args);
}

/** What `signer` would have to sign for the call, and the call's signed form with it. */
async function order(w: GridWorld, place: Place, cell: Cell, { signer, key }: { signer: Account; key: Account }) {
  const { type, members } = FORMS[cell.name]!;
  const args = [...place.args];
  const own: Record<string, unknown> = { orderId: id("order 1"), deadline: LATER, state: 1n };
  const message = Object.fromEntries(members.map(({ name }) => [name, name in own ? own[name] : args.shift()]));
  const domain = await domainOf(place.target, place.domain);
  const signature = await key.signTypedData(domain, { [type]: [...members] }, message);
  const lane = place.target.connect(w.lane) as BaseContract;
  return lane.getFunction(cell.form!)(message, signer.address, signature);
}

async function prepare(w: GridWorld, cell: Cell): Promise<void> {
  if (cell.name !== "coin.unpause") return;
  for (const coin of w.coins) await coin.connect(w.members.pauser).pause(1n);
}

describe("The role grid of docs/ROLES.md", () => {
  let w: GridWorld;

  beforeEach(async () => {
    w = await load();
  });

  it("has the restricted functions of the contracts, all of them and no others", () => {
    const files = {
      coin: "Stablecoin",
      treasury: "Treasury",
      redemption: "escrow/RedemptionEscrow",
      vasp: "VaspRegistry",
    };
    const restricted = globSync("contracts/**/*.sol")
      .filter((file) => !file.includes("mocks") && !file.includes("interfaces"))
      .flatMap((file) => {
        const source = readFileSync(file, "utf8");
        const contract = Object.entries(files).find(([, name]) => file.endsWith(`/${name}.sol`))?.[0] ?? file;
        const found = [...source.matchAll(/function (\w+)\([^)]*\)([^{;]*)\{/g)];
        return found.filter((match) => /\brestricted\b/.test(match[2]!)).map((match) => `${contract}.${match[1]}`);
      });
    expect(restricted.toSorted()).to.deep.equal(cells.map(({ name }) => name).toSorted());
  });

  it("is cited by the interfaces, each cell once", () => {
    const cited = globSync("contracts/interfaces/*.sol").flatMap((file) => {
      const text = readFileSync(file, "utf8").replaceAll(/\s*\/\/\/\s*/g, " ");
      return [...text.matchAll(/role of cell (\w+\.\w+) of docs\/ROLES\.md/g)].map((match) => match[1]!);
    });
    expect(cited.toSorted()).to.deep.equal(cells.map(({ name }) => name).toSorted());
  });

  it("names every signed form there is, and none for a role with a delay", () => {
    for (const [contract, name] of Object.entries(TARGETS)) {
      const target: BaseContract = name === null ? w.coins[0] : w[name];
      const forms = cells.flatMap((cell) => (cell.contract === contract ? (cell.form ?? []) : []));
      const own = ["mintBySig", "mintBatchBySig", "mintReturnBySig", "cancelBySig", "disputeBySig"];
      const others = [...own, "attestBySig", "leaveBySig"].filter((form) => !forms.includes(form));
      target.interface.forEachFunction(({ name: form }) => {
        if (form.endsWith("BySig") && !others.includes(form)) expect(forms).to.include(form);
      });
    }
    for (const { name, form, delay } of cells) expect(form === null || delay === 0n, name).to.equal(true);
  });

  it("has as many holders of each role as the manager says, each with the page's delay", async () => {
    for (const name of new Set(cells.map(({ role }) => role))) {
      const cell = cells.find(({ role }) => role === name)!;
      const { id: role } = findRole(name);
      for (const [actor, account] of Object.entries(w.actors)) {
        const [isMember, delay] = await w.manager.hasRole(role, account);
        expect(isMember, `${actor} of ${name}`).to.equal(isHolder(cell, actor));
        const expected = actor === "canceller" ? BigInt(cancelOnlyDelay) : cell.delay;
        if (isMember) expect(delay, `${actor} of ${name}`).to.equal(expected);
      }
      const guardian = cell.guardian === null ? 0n : findRole(cell.guardian).id;
      expect(await w.manager.getRoleGuardian(role), `the guardian of ${name}`).to.equal(guardian);
      expect(await w.manager.getRoleAdmin(role), `the administrator of ${name}`).to.equal(0n);
    }
  });

  it("is tried by all keys of the role table", () => {
    expect(Object.keys(w.actors)).to.include.members([...roleMembers]);
    for (const { name } of cells) expect(CALLS, name).to.have.property(name);
  });

  for (const cell of cells) {
    describe(cell.name, () => {
      it(`is ${cell.signature}, ${cell.selector}, of ${cell.role}`, async () => {
        for (const { target } of placesOf(w, cell)) {
          const fragment = target.interface.getFunction(cell.signature)!;
          expect(fragment.selector).to.equal(cell.selector);
          const role = await w.manager.getTargetFunctionRole(target, cell.selector);
          expect(role).to.equal(findRole(cell.role).id);
        }
      });

      it(`refuses all but ${cell.holders.join(", ")} with AccessManagedUnauthorized(caller)`, async () => {
        for (const place of placesOf(w, cell)) {
          for (const [name, account] of outsiders(w, cell)) {
            await expect(call(place, cell, account), name)
              .to.be.revertedWithCustomError(place.target, "AccessManagedUnauthorized")
              .withArgs(account.address);
          }
        }
      });

      if (cell.delay === 0n) itActsAtOnce(cell);
      else itActsLate(cell);
      if (cell.form !== null) itTakesOrders(cell, cell.form);
    });
  }

  function itActsAtOnce(cell: Cell): void {
    for (const holder of cell.holders) {
      it(`lets ${holder} act at once`, async () => {
        await prepare(w, cell);
        for (const place of placesOf(w, cell)) {
          const receipt = await (await call(place, cell, w.actors[holder]!)).wait();
          expect(receipt?.status).to.equal(1);
        }
      });
    }
  }

  function itActsLate(cell: Cell): void {
    const [holder = ""] = cell.holders;
    const days = cell.delay / DAY;

    it(`lets ${holder} act ${days} days after scheduling it, and not a second before`, async () => {
      const member = w.actors[holder]!;
      for (const place of placesOf(w, cell)) {
        const data = place.target.interface.encodeFunctionData(cell.function, place.args);
        const operation = await w.manager.hashOperation(member, place.target, data);
        await expect(call(place, cell, member))
          .to.be.revertedWithCustomError(w.manager, "AccessManagerNotScheduled")
          .withArgs(operation);
        const time = (await now(w.connection)) + 10n;
        await at(w.connection, time);
        await expect(w.manager.connect(member).schedule(place.target, data, time + cell.delay - 1n))
          .to.be.revertedWithCustomError(w.manager, "AccessManagerUnauthorizedCall")
          .withArgs(member.address, place.target, cell.selector);
        await at(w.connection, time + 1n);
        const due = time + 1n + cell.delay;
        await expect(w.manager.connect(member).schedule(place.target, data, 0n))
          .to.emit(w.manager, "OperationScheduled")
          .withArgs(operation, 1n, due, member.address, place.target, data);
        await at(w.connection, due - 1n);
        await expect(call(place, cell, member))
          .to.be.revertedWithCustomError(w.manager, "AccessManagerNotReady")
          .withArgs(operation);
        await at(w.connection, due);
        const receipt = await (await call(place, cell, member)).wait();
        expect(receipt?.status).to.equal(1);
      }
    });

    it(`lets nobody else schedule it: AccessManagerUnauthorizedCall(caller, target, selector)`, async () => {
      for (const place of placesOf(w, cell)) {
        const data = place.target.interface.encodeFunctionData(cell.function, place.args);
        for (const [name, account] of outsiders(w, cell)) {
          await expect(w.manager.connect(account).schedule(place.target, data, 0n), name)
            .to.be.revertedWithCustomError(w.manager, "AccessManagerUnauthorizedCall")
            .withArgs(account.address, place.target, cell.selector);
        }
      }
    });

    const guards = ["canceller", ...(cell.guardian === null ? [] : [memberOf(cell.guardian)])];
    it(`lets ${guards.join(" and ")} stop what is scheduled, and nobody else but its owner`, async () => {
      const member = w.actors[holder]!;
      for (const place of placesOf(w, cell)) {
        const data = place.target.interface.encodeFunctionData(cell.function, place.args);
        const operation = await w.manager.hashOperation(member, place.target, data);
        await w.manager.connect(member).schedule(place.target, data, 0n);
        for (const [name, account] of Object.entries(w.actors)) {
          if (name === holder || guards.includes(name)) continue;
          await expect(w.manager.connect(account).cancel(member, place.target, data), name)
            .to.be.revertedWithCustomError(w.manager, "AccessManagerUnauthorizedCancel")
            .withArgs(account.address, member.address, place.target, cell.selector);
        }
        for (const [i, guard] of guards.entries()) {
          if (i > 0) await w.manager.connect(member).schedule(place.target, data, 0n);
          await expect(w.manager.connect(w.actors[guard]!).cancel(member, place.target, data))
            .to.emit(w.manager, "OperationCanceled")
            .withArgs(operation, BigInt(i + 1));
        }
        await expect(call(place, cell, member))
          .to.be.revertedWithCustomError(w.manager, "AccessManagerNotScheduled")
          .withArgs(operation);
      }
    });

    if (cell.role !== "ADMIN") return;
    it("lets the canceller itself act in 136 years", async () => {
      const { canceller } = w.members;
      for (const place of placesOf(w, cell)) {
        const data = place.target.interface.encodeFunctionData(cell.function, place.args);
        const operation = await w.manager.hashOperation(canceller, place.target, data);
        const time = (await now(w.connection)) + 10n;
        await at(w.connection, time);
        await expect(w.manager.connect(canceller).schedule(place.target, data, 0n))
          .to.emit(w.manager, "OperationScheduled")
          .withArgs(operation, 1n, time + BigInt(cancelOnlyDelay), canceller.address, place.target, data);
      }
    });
  }

  function itTakesOrders(cell: Cell, form: string): void {
    const keys = cell.holders.filter((holder) => (roleMembers as readonly string[]).includes(holder));

    for (const holder of keys) {
      it(`${form}: acts by the order of ${holder}, which a lane key submits`, async () => {
        const signer = w.actors[holder]!;
        for (const place of placesOf(w, cell)) {
          const receipt = await (await order(w, place, cell, { signer, key: signer })).wait();
          expect(receipt?.status).to.equal(1);
        }
      });
    }

    it(`${form}: refuses the orders of all others with OrderNotPermitted(signer, selector)`, async () => {
      for (const place of placesOf(w, cell)) {
        for (const [name, signer] of outsiders(w, cell)) {
          // a contract has no key: another signs in its name, and the role is asked for first
          const key = name in w.members ? w.members[name as Member] : w.stranger;
          await expect(order(w, place, cell, { signer, key }), name)
            .to.be.revertedWithCustomError(place.target, "OrderNotPermitted")
            .withArgs(signer.address, cell.selector);
        }
      }
    });

    for (const holder of cell.holders.filter((name) => !keys.includes(name))) {
      it(`${form}: refuses orders in the name of ${holder}, a contract that signs nothing`, async () => {
        const signer = w.actors[holder]!;
        for (const place of placesOf(w, cell)) {
          await expect(order(w, place, cell, { signer, key: w.stranger }))
            .to.be.revertedWithCustomError(place.target, "OrderSignatureInvalid")
            .withArgs(signer.address);
        }
      });
    }

    it(`${form}: refuses the order of a member that has a delay with OrderNotPermitted(signer, selector)`, async () => {
      const { admin } = w.members;
      const data = w.manager.interface.encodeFunctionData("grantRole", [
        findRole(cell.role).id,
        w.stranger.address,
        1n,
      ]);
      await w.manager.connect(admin).schedule(w.manager, data, 0n);
      await w.connection.networkHelpers.time.increase(7n * DAY);
      await w.manager.connect(admin).execute(w.manager, data);
      for (const place of placesOf(w, cell)) {
        await expect(order(w, place, cell, { signer: w.stranger, key: w.stranger }))
          .to.be.revertedWithCustomError(place.target, "OrderNotPermitted")
          .withArgs(w.stranger.address, cell.selector);
      }
    });
  }
});

/** The key that holds a role alone. */
function memberOf(role: string): string {
  return cells.find((cell) => cell.role === role)?.holders[0] ?? "";
}
