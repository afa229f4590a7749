/**
 * `remesa deploy` on a real anvil: what it puts there, what it writes, and how it ends. Running it again must change nothing, neither on the
 * chain nor on disk.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { erc20Abi } from "viem";
import { connect } from "../../scripts/devnet/rpc.ts";
import { stablecoinAbi } from "../../src/chain/abi.ts";
import type { DeployResult } from "../../src/chain/deploy.ts";
import { roleMembers } from "../../src/chain/roles.ts";
import { readDeployment } from "../../src/config.ts";
import { type Address, formatAddress, type Hex } from "../../src/domain/hex.ts";
import { createActors } from "../chain/actors.ts";
import { type LocalChain, richKeys, startLocalChain } from "../chain/local-chain.ts";
import { type Ran, runRemesa } from "../support/terminal.ts";

describe("remesa deploy", function () {
  this.timeout(40_000);
  let chain: LocalChain;
  let folder: string;
  let out: string;
  let roleAddresses: Readonly<Record<string, Address>>;

  before(async () => {
    chain = await startLocalChain("anvil");
    const { actors } = await createActors(roleMembers);
    roleAddresses = Object.fromEntries(roleMembers.map((role) => [role, actors[role].address]));
  });
  after(() => chain?.stop());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-deploy-"));
    out = join(folder, "data");
    writeFileSync(join(folder, "deployer.key"), `${richKeys[0]}\n`);
    writeFileSync(join(folder, "roles.json"), JSON.stringify(roleAddresses));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const height = async (): Promise<number> => Number(await chain.rpc.ask<Hex>("eth_blockNumber"));
  function deploy(...extra: readonly string[]): Promise<Ran> {
    const roles = ["--roles", join(folder, "roles.json")];
    return runRemesa(["deploy", "--rpc-url", chain.url, ...roles, "--out", out, ...extra]);
  }
  const withKey = () => ["--key-file", join(folder, "deployer.key")];

  it("ends with 1, the reason and the remedy when no chain answers, and shows no stack trace", async () => {
    const roles = ["--roles", join(folder, "roles.json")];
    const silent = await runRemesa(["deploy", "--rpc-url", "http://127.0.0.1:9", ...roles, "--out", out, ...withKey()]);
    expect(silent.code).to.equal(1);
    expect(silent.err).to.include("the chain at http://127.0.0.1:9 does not answer").and.to.include("Start it");
    expect(silent.err).to.not.match(/ at .*:\d+:\d+/);
  });

  it("deploys, ends with 0 and shows the role grid; run again it changes nothing", async () => {
    const first = await deploy(...withKey());
    expect(first.code, first.err).to.equal(0);
    expect(first.out)
      .to.match(/^outcome +deployed$/m)
      .and.match(/^chain +31337$/m);

    const deployment = readDeployment(out);
    const [coin] = deployment.coins;
    if (coin === undefined) throw new Error("no coin");
    expect(deployment.chainId).to.equal(31_337);
    for (const address of [deployment.authority, deployment.treasury, deployment.redemptions, coin.address]) {
      expect(first.out).to.include(formatAddress(address));
      expect((await chain.rpc.ask<Hex>("eth_getCode", address, "latest")).length).to.be.greaterThan(1_000);
    }
    const symbol = { address: coin.address, abi: erc20Abi, functionName: "symbol" } as const;
    expect(await connect(chain.url).readContract(symbol)).to.equal(coin.symbol);
    expect(first.out).to.match(new RegExp(`^ADMIN +${formatAddress(roleAddresses["admin"] ?? "0x")} +604800 s$`, "m"));
    expect(first.out).to.match(
      new RegExp(`^ATTESTOR +${formatAddress(roleAddresses["attestor"] ?? "0x")} +at once$`, "m"),
    );

    const path = join(out, "deployment.json");
    const [before, text, written] = [await height(), readFileSync(path, "utf8"), statSync(path).mtimeMs];
    const again = await deploy(...withKey());
    expect(again.code, again.err).to.equal(0);
    expect(again.out).to.match(/^outcome +unchanged: everything was there already$/m);
    expect(again.out.split("\n").slice(1)).to.deep.equal(first.out.split("\n").slice(1));
    expect(await height()).to.equal(before);
    expect([readFileSync(path, "utf8"), statSync(path).mtimeMs]).to.deep.equal([text, written]);
    expect(readdirSync(out)).to.deep.equal(["deployment.json"]);
  });

  it("takes the key from the environment, prints JSON that says the same as the file, and never the key", async () => {
    const {
      code,
      out: stdout,
      err,
    } = await runRemesa(
      ["deploy", "--rpc-url", chain.url, "--roles", join(folder, "roles.json"), "--out", out, "--json"],
      { env: { REMESA_DEPLOYER_KEY: richKeys[1] } },
    );
    expect(code, err).to.equal(0);
    const result = JSON.parse(stdout) as DeployResult;
    expect(result.outcome).to.equal("deployed");
    expect(result.deployment).to.deep.equal(readDeployment(out));
    expect(stdout + err).to.not.include(richKeys[1].slice(2));
  });

  it("sets the travel rule's limit that --travel-rule-limit names, on every coin", async () => {
    const roles = join(folder, "roles.json");
    const ran = await runRemesa(
      ["deploy", "--rpc-url", chain.url, "--roles", roles, "--out", out, "--travel-rule-limit", "2500000000"],
      { env: { REMESA_DEPLOYER_KEY: richKeys[2] } },
    );
    expect(ran.code, ran.err).to.equal(0);
    for (const { address } of readDeployment(out).coins) {
      const call = { address, abi: stablecoinAbi, functionName: "coinWord" } as const;
      const word = await connect(chain.url).readContract(call);
      expect((word >> 72n) & ((1n << 64n) - 1n)).to.equal(2_500_000_000n);
    }
  });

  for (const limit of ["1.5", "-1", "many", ""]) {
    it(`ends with 64 when --travel-rule-limit is "${limit}", and puts nothing on the chain`, async () => {
      const before = await height();
      const { code, err } = await deploy(...withKey(), `--travel-rule-limit=${limit}`);
      expect(code).to.equal(64);
      expect(err).to.include("--travel-rule-limit");
      expect([await height(), existsSync(out)]).to.deep.equal([before, false]);
    });
  }

  it("sends and writes nothing with --dry-run", async () => {
    const before = await height();
    const { code, out: stdout } = await deploy("--dry-run", ...withKey());
    expect(code).to.equal(0);
    expect(stdout).to.include(`Dry run: nothing was sent to ${chain.url}.`);
    expect([await height(), existsSync(out)]).to.deep.equal([before, false]);
  });

  it("ends with 1, a reason and a remedy when a role has no address, and puts nothing on the chain", async () => {
    const { dealer: _, ...rest } = roleAddresses;
    writeFileSync(join(folder, "roles.json"), JSON.stringify(rest));
    const before = await height();
    const { code, out: stdout, err } = await deploy(...withKey());
    expect([code, stdout]).to.deep.equal([1, ""]);
    expect(err).to.match(/^refused: .*dealer.*\nremedy: +\S/im);
    expect(err).to.not.match(/\n\s+at /);
    expect([await height(), existsSync(join(out, "deployment.json"))]).to.deep.equal([before, false]);
  });

  const mistakes: readonly (readonly [string, string, RegExp])[] = [
    ["roles.json", "{", /roles\.json is not a JSON object/],
    ["roles.json", '{"dealer":"0x12"}', /wrong entries: dealer/],
    ["roles.json", '{"owner":"0x3000000000000000000000000000000000000001"}', /wrong entries: owner/],
    ["deployer.key", "0x12", /not 0x and 64 hexadecimal digits/],
  ];
  for (const [name, text, reason] of mistakes) {
    it(`ends with 1 when ${name} is ${text}`, async () => {
      writeFileSync(join(folder, name), text);
      const before = await height();
      const { code, err } = await deploy(...withKey());
      expect(code).to.equal(1);
      expect(err).to.match(reason);
      expect(await height()).to.equal(before);
    });
  }

  it("ends with 64 when --out is missing", async () => {
    const { code, out: stdout } = await runRemesa(["deploy", "--roles", join(folder, "roles.json")]);
    expect([code, stdout]).to.deep.equal([64, ""]);
  });
});
