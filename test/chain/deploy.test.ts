/**
 * A deployment that is interrupted, repeated, mistaken for another, or not what it should be. One anvil; every case has its own folder.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Abi, decodeFunctionResult, encodeFunctionData } from "viem";
import { accessManagerAbi, stablecoinAbi, treasuryAbi, vaspRegistryAbi } from "../../src/chain/abi.ts";
import { isBuild, readBuild } from "../../src/chain/build.ts";
import { deploy, DeployError, type DeployOptions, findForeignCode } from "../../src/chain/deploy.ts";
import { createGridReader } from "../../src/chain/grid.ts";
import {
  cancelOnlyDelay,
  type Holder,
  isContract,
  listCells,
  type OperatorMember,
  operatorMembers,
  type RoleMember,
  roleMembers,
  roles,
} from "../../src/chain/roles.ts";
import { readDeployment } from "../../src/config.ts";
import type { Address, Hex } from "../../src/domain/hex.ts";
import type { Deployment } from "../../src/pipeline/ports.ts";
import { createActors } from "./actors.ts";
import { type LocalChain, richKeys, startLocalChain } from "./local-chain.ts";

/** Off: no amount that a coin can move reaches it. */
const untouchedLimit = 2n ** 64n - 1n;
/** The limit in a coin's own word. */
const toLimit = (word: unknown): bigint => ((word as bigint) >> 72n) & untouchedLimit;

async function refusalOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DeployError) return error.message;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("deploy", function () {
  this.timeout(40_000);
  let chain: LocalChain;
  let roleAddresses: Record<(typeof roleMembers)[number], Address>;
  let operators: Record<OperatorMember, Address>;
  let folder: string;
  const folders: string[] = [];

  before(async () => {
    chain = await startLocalChain("anvil");
    const { actors } = await createActors([...roleMembers, ...operatorMembers]);
    const addressesOf = (names: readonly RoleMember[]) =>
      Object.fromEntries(names.map((name) => [name, actors[name].address]));
    roleAddresses = addressesOf(roleMembers) as typeof roleAddresses;
    operators = addressesOf(operatorMembers) as typeof operators;
  });
  after(async () => {
    await chain?.stop();
    for (const one of folders) rmSync(one, { recursive: true, force: true });
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-deploy-"));
    folders.push(folder);
  });

  const options = (over: Partial<DeployOptions> = {}): DeployOptions => ({
    rpcUrl: chain.url,
    deployerKey: richKeys[0],
    roleAddresses,
    outFolder: folder,
    ...over,
  });
  const height = async (): Promise<number> => Number(await chain.rpc.ask<Hex>("eth_blockNumber"));
  async function read(to: Address, abi: Abi, functionName: string, ...args: readonly unknown[]): Promise<unknown> {
    const data = await chain.rpc.ask<Hex>(
      "eth_call",
      { to, data: encodeFunctionData({ abi, functionName, args }) },
      "latest",
    );
    return decodeFunctionResult({ abi, functionName, data });
  }

  it("leaves nothing to the deployer, and no administrator without seven days", async () => {
    const { outcome, members, deployment } = await deploy(options());
    expect(outcome).to.equal("deployed");
    expect(members.filter(({ role }) => role === "ADMIN")).to.have.deep.members([
      { role: "ADMIN", account: roleAddresses.admin, delay: 604_800 },
      { role: "ADMIN", account: roleAddresses.canceller, delay: cancelOnlyDelay },
    ]);
    expect(members.some(({ account }) => account === "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")).to.equal(false);
    expect(members.find(({ role }) => role === "BURNER")?.account).to.equal(deployment.redemptions);
    const held = (holder: Holder): Address => (isContract(holder) ? deployment[holder] : roleAddresses[holder]);
    for (const { id, name, holders, slow } of roles) {
      if (id === 0n) continue;
      const found = members.filter(({ role }) => role === name).map(({ account, delay }) => [account, delay]);
      expect(found, name).to.have.deep.members(holders.map((holder) => [held(holder), slow ? 604_800 : 0]));
    }
    const grants = roles.reduce((sum, { holders }) => sum + holders.length, 0);
    expect(members).to.have.length(grants + 1);
  });

  it("tells the contracts of each other, coin by coin", async () => {
    const { deployment } = await deploy(options());
    const { treasury, registry, redemptions, claims, commerce, swap } = deployment;
    expect(deployment.coins.map(({ symbol }) => symbol)).to.deep.equal(["XUS", "XGT"]);
    for (const { address, name, symbol } of deployment.coins) {
      const ask = (view: string, ...args: readonly unknown[]) => read(address, stablecoinAbi as Abi, view, ...args);
      expect([await ask("name"), await ask("symbol")]).to.deep.equal([name, symbol]);
      expect(String(await ask("treasury")).toLowerCase()).to.equal(treasury);
      expect(String(await ask("vaspRegistry")).toLowerCase()).to.equal(registry);
      expect(String(await ask("custody")).toLowerCase()).to.equal(roleAddresses.custody);
      expect(toLimit(await ask("coinWord"))).to.equal(untouchedLimit);
      for (const escrow of [redemptions, claims, commerce, swap]) expect(await ask("isEscrow", escrow)).to.equal(true);
      const taken = await read(treasury, treasuryAbi as Abi, "redemptionsOf", address);
      expect(String(taken).toLowerCase()).to.equal(redemptions);
      expect(await read(treasury, treasuryAbi as Abi, "mintingEnabled", address)).to.equal(false);
    }
    const [tier] = (await read(treasury, treasuryAbi as Abi, "dealerOf", roleAddresses.dealer)) as [bigint, bigint];
    expect(tier).to.equal(1n);
    expect(await read(registry, vaspRegistryAbi as Abi, "vaspCount")).to.equal(0n);
  });

  it("sets the travel rule's limit where it is asked to", async () => {
    const { deployment } = await deploy(options({ travelRuleLimit: 1_000_000_000n }));
    for (const { address } of deployment.coins) {
      expect(toLimit(await read(address, stablecoinAbi as Abi, "coinWord"))).to.equal(1_000_000_000n);
    }
  });

  it("begins a devnet with minting on, a dealer that needs no approvals, and two wallet operators", async () => {
    const { deployment } = await deploy(options({ devnet: true, roleAddresses: { ...roleAddresses, ...operators } }));
    const { treasury, registry } = deployment;
    for (const { address } of deployment.coins) {
      expect(await read(treasury, treasuryAbi as Abi, "mintingEnabled", address)).to.equal(true);
    }
    const [tier] = (await read(treasury, treasuryAbi as Abi, "dealerOf", roleAddresses.dealer)) as [bigint, bigint];
    expect(tier).to.equal(2n);
    const { timestamp } = await chain.rpc.ask<{ timestamp: Hex }>("eth_getBlockByNumber", "latest", false);
    for (const [i, name] of operatorMembers.entries()) {
      const id = BigInt(i + 1);
      expect(await read(registry, vaspRegistryAbi as Abi, "idOfDomain", `${name}.localhost`)).to.equal(id);
      const [, offered, domain] = (await read(registry, vaspRegistryAbi as Abi, "operatorOf", id)) as string[];
      expect([offered?.toLowerCase(), domain]).to.deep.equal([operators[name], `${name}.localhost`]);
      const term = (await read(registry, vaspRegistryAbi as Abi, "keyOf", id, operators[name])) as [bigint, bigint];
      expect(term[0]).to.equal(1n);
      expect(term[1] > BigInt(timestamp) + 364n * 86_400n).to.equal(true);
    }
  });

  it("writes a file that the configuration reads", async () => {
    const { deployment } = await deploy(options());
    expect(readDeployment(folder)).to.deep.equal(deployment);
    expect(readdirSync(folder)).to.deep.equal(["deployment.json"]);
  });

  it("sends nothing the second time", async () => {
    const { deployment } = await deploy(options());
    const before = await height();
    const again = await deploy(options());
    expect(again).to.deep.include({ outcome: "unchanged", deployment });
    expect(await height()).to.equal(before);
  });

  it("works with an account that the node unlocks", async () => {
    const { deployerKey: _, ...rest } = options();
    expect((await deploy(rest)).outcome).to.equal("deployed");
  });

  describe("interrupted", () => {
    let proxy: Server;
    let proxyUrl: string;
    /** Transactions that may still pass. */
    let left: number;

    before(async () => {
      proxy = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          const body = Buffer.concat(chunks).toString();
          if (body.includes("eth_sendRawTransaction") && left-- <= 0) {
            response.destroy();
            return;
          }
          void fetch(chain.url, { method: "POST", headers: { "content-type": "application/json" }, body }).then(
            async (answer) => response.end(await answer.text()),
            () => response.destroy(),
          );
        });
      });
      proxy.listen(0, "127.0.0.1");
      await once(proxy, "listening");
      const address = proxy.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      proxyUrl = `http://127.0.0.1:${address.port}`;
    });
    after(() => {
      proxy.closeAllConnections();
      proxy.close();
    });

    // 10 contracts, 17 steps of wiring, then the grid, then the handover of 3
    for (const sent of [0, 1, 9, 10, 14, 27, 50, 80, 82]) {
      it(`after ${sent} transactions goes on where it stopped`, async () => {
        left = sent;
        let failed = false;
        try {
          await deploy(options({ rpcUrl: proxyUrl }));
        } catch {
          failed = true;
        }
        const isComplete = existsSync(join(folder, "deployment.json"));
        expect(isComplete).to.equal(!failed);
        const { deployment, outcome } = await deploy(options());
        expect(outcome).to.equal(isComplete ? "unchanged" : "deployed");
        expect(readDeployment(folder)).to.deep.equal(deployment);
        expect(existsSync(join(folder, "deployment.progress.json"))).to.equal(false);
      });
    }

    it("reuses the contracts that were created", async () => {
      left = 15;
      await deploy(options({ rpcUrl: proxyUrl })).catch(() => {});
      const progress = JSON.parse(readFileSync(join(folder, "deployment.progress.json"), "utf8")) as {
        contracts: Record<string, Address>;
      };
      const { deployment } = await deploy(options());
      const { chainId: _, block: __, coins, ...contracts } = deployment;
      expect(Object.values(progress.contracts)).to.have.members([
        ...Object.values(contracts),
        ...coins.map(({ address }) => address),
      ]);
    });
  });

  describe("refuses", () => {
    it("a missing role, outside a devnet", async () => {
      const { canceller: _, agent: __, ...rest } = roleAddresses;
      const before = await height();
      expect(await refusalOf(deploy(options({ roleAddresses: rest })))).to.equal("no address for canceller, agent");
      expect(await height()).to.equal(before);
    });

    it("a devnet without an administrator", async () => {
      expect(await refusalOf(deploy(options({ roleAddresses: {}, devnet: true })))).to.equal("no address for admin");
    });

    it("one address for two roles, outside a devnet", async () => {
      const shared = { ...roleAddresses, freezer: roleAddresses.agent };
      expect(await refusalOf(deploy(options({ roleAddresses: shared })))).to.include("share an address");
    });

    const foreign: readonly [string, (deployment: Deployment) => Deployment][] = [
      ["another chain id", (deployment) => ({ ...deployment, chainId: 1 })],
      ["no code", (deployment) => ({ ...deployment, treasury: `0x${"12".repeat(20)}` })],
      ["other code", (deployment) => ({ ...deployment, treasury: deployment.redemptions })],
    ];
    for (const [title, change] of foreign) {
      it(`a folder of another deployment: ${title}`, async () => {
        const path = join(folder, "deployment.json");
        const { deployment } = await deploy(options());
        const text = JSON.stringify(change(deployment));
        writeFileSync(path, text);
        const before = await height();
        expect(await refusalOf(deploy(options()))).to.include(title);
        expect(readFileSync(path, "utf8")).to.equal(text);
        expect(await height()).to.equal(before);
      });
    }
  });

  it("sets a devnet's file of another chain aside", async () => {
    const gone: Deployment = {
      chainId: 31_337,
      authority: `0x${"01".repeat(20)}`,
      treasury: `0x${"02".repeat(20)}`,
      redemptions: `0x${"03".repeat(20)}`,
      claims: `0x${"05".repeat(20)}`,
      commerce: `0x${"06".repeat(20)}`,
      swap: `0x${"07".repeat(20)}`,
      registry: `0x${"08".repeat(20)}`,
      dispatcher: `0x${"09".repeat(20)}`,
      coins: [{ symbol: "XUS", name: "Remesa Dollar", version: "1", decimals: 6, address: `0x${"04".repeat(20)}` }],
      block: 0,
    };
    writeFileSync(join(folder, "deployment.json"), JSON.stringify(gone));
    expect((await deploy(options({ devnet: true }))).outcome).to.equal("deployed");
    const aside = readdirSync(folder).find((name) => name !== "deployment.json");
    expect(JSON.parse(readFileSync(join(folder, aside as string), "utf8"))).to.deep.equal(gone);
  });

  describe("what is proven at the end", () => {
    let deployment: Deployment;

    beforeEach(async () => {
      await chain.rpc.write([{ method: "anvil_impersonateAccount", params: [roleAddresses.admin] }]);
      ({ deployment } = await deploy(options()));
    });

    /** The administrator acts after its delay, as on a chain in use. */
    async function administer(functionName: string, args: readonly unknown[]): Promise<void> {
      const data = encodeFunctionData({ abi: accessManagerAbi, functionName, args } as never);
      const to = deployment.authority;
      const from = roleAddresses.admin;
      await chain.rpc.ask("anvil_setBalance", from, "0xde0b6b3a7640000");
      const schedule = encodeFunctionData({ abi: accessManagerAbi, functionName: "schedule", args: [to, data, 0] });
      await send({ from, to, data: schedule });
      await chain.rpc.ask("evm_increaseTime", 604_801);
      await send({ from, to, data });
    }

    async function send(transaction: object): Promise<void> {
      const hash = await chain.rpc.ask<Hex>("eth_sendTransaction", { ...transaction, gas: "0xf4240" });
      for (;;) {
        const receipt = await chain.rpc.ask<{ status: Hex } | null>("eth_getTransactionReceipt", hash);
        if (receipt === null) continue;
        expect(receipt.status).to.equal("0x1");
        return;
      }
    }

    const read = (): Promise<readonly string[]> =>
      createGridReader({ rpc: chain.rpc, deployment })
        .read(false)
        .then(({ differences }) => differences);

    it("is that the chain is what the table says", async () => {
      expect(await read()).to.deep.equal([]);
      expect(await findForeignCode(chain.rpc, deployment)).to.deep.equal([]);
    });

    it("finds an administrator without a delay, and refuses to call the deployment done", async () => {
      await administer("grantRole", [0n, roleAddresses.issuer, 0]);
      const difference = `${roleAddresses.issuer} holds ADMIN with a delay of 0 s, less than 604800 s`;
      expect(await read()).to.deep.equal([difference]);
      expect(await refusalOf(deploy(options()))).to.include(difference);
    });

    it("finds a cell that belongs to somebody else", async () => {
      const cell = listCells(deployment).find(({ id }) => id === "COIN.setTreasury");
      await administer("setTargetFunctionRole", [cell?.target, [cell?.selector], 4n]);
      expect(await read()).to.deep.equal(["COIN.setTreasury belongs to PAUSER, not to ADMIN"]);
    });

    it("finds a role whose orders would be refused, one that nobody holds, and one that the table does not have", async () => {
      await administer("grantRole", [6n, roleAddresses.agent, 60]);
      await administer("revokeRole", [4n, roleAddresses.pauser]);
      await administer("grantRole", [77n, roleAddresses.pauser, 0]);
      await administer("grantRole", [7n, roleAddresses.dealer, 0]);
      expect(await read()).to.have.members([
        `${roleAddresses.agent} holds AGENT with a delay, so its orders are refused`,
        "nobody holds PAUSER",
        `${roleAddresses.pauser} holds role 77, which the table does not have`,
        `${roleAddresses.dealer} holds BURNER, which only the redemption escrow may`,
      ]);
    });

    it("finds another guardian, another administrator of a role, and a closed contract", async () => {
      await administer("setRoleGuardian", [8n, 5n]);
      await administer("setRoleAdmin", [1n, 2n]);
      await administer("setTargetClosed", [deployment.treasury, true]);
      expect(await read()).to.have.members([
        "the guardian of REGISTRAR is UNPAUSER, not PAUSER",
        "ISSUER is administered by ATTESTOR, not by ADMIN",
        `${deployment.treasury} is closed: none of its restricted functions can be called`,
      ]);
    });
  });

  it("knows every restricted function of the contracts", () => {
    const cells = new Set(roles.flatMap((role) => role.cells));
    const sources: readonly [string, string][] = [
      ["COIN", "contracts/Stablecoin.sol"],
      ["TREASURY", "contracts/Treasury.sol"],
      ["REDEMPTION", "contracts/escrow/RedemptionEscrow.sol"],
      ["VASP", "contracts/VaspRegistry.sol"],
    ];
    const restricted = sources.flatMap(([contract, path]) =>
      [...readFileSync(path, "utf8").matchAll(/function (\w+)\([^)]*\)[^{;]*\brestricted\b/g)].map(
        ([, name]) => `${contract}.${name}`,
      ),
    );
    expect(new Set(restricted)).to.deep.equal(cells);
    expect(roleMembers).to.include.members(["admin", "canceller", "dealer"]);
  });
});

describe("isBuild", () => {
  const build = readBuild("Stablecoin");
  const flip = (hex: Hex, byte: number): Hex => {
    const bytes = Buffer.from(hex.slice(2), "hex");
    bytes[byte] = (bytes[byte] ?? 0) ^ 0xff;
    return `0x${bytes.toString("hex")}`;
  };

  it("looks past immutables and at nothing else", () => {
    const code = build.deployedBytecode;
    const [immutable] = build.immutables;
    expect(isBuild(build, code)).to.equal(true);
    expect(isBuild(build, flip(code, immutable?.start ?? 0))).to.equal(true);
    expect(isBuild(build, flip(code, (immutable?.start ?? 0) - 1))).to.equal(false);
    expect(isBuild(build, flip(code, 0))).to.equal(false);
    expect(isBuild(build, `${code}00`)).to.equal(false);
    expect(isBuild(build, "0x")).to.equal(false);
  });
});
