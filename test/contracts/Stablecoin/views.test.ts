/** What the coin says of itself and of its accounts, and what was fixed when it was created. */
import { expect } from "chai";
import { AbiCoder, id, keccak256, TypedDataEncoder, ZeroAddress, ZeroHash } from "ethers";
import { network } from "hardhat";
import {
  CASE,
  decodeWord,
  FORM,
  FUNDS,
  freeze,
  join,
  limitTravel,
  loadWorld,
  MAX_UINT64,
  NO_CASE,
  now,
  PAUSE,
  pause,
  VALUE,
  type World,
} from "../../support/coin.ts";

let world: World;

beforeEach(async () => {
  world = await loadWorld();
});

describe("Stablecoin.constructor", () => {
  it("names the coin", async () => {
    const { coin } = world;
    expect([await coin.name(), await coin.symbol(), await coin.decimals()]).to.deep.equal(["Remesa Dollar", "XUS", 6n]);
  });

  it("starts without supply, offices or pause, the travel-rule limit off, and emits AuthorityUpdated", async () => {
    const { ethers, manager } = world;
    const fresh = await ethers.deployContract("Stablecoin", [manager.target, "Remesa Euro", "XEU", "2"]);
    expect(await fresh.coinWord()).to.equal(MAX_UINT64 << 72n);
    expect([await fresh.totalSupply(), await fresh.pausedBits()]).to.deep.equal([0n, 0n]);
    expect([await fresh.treasury(), await fresh.custody(), await fresh.vaspRegistry()]).to.deep.equal([
      ZeroAddress,
      ZeroAddress,
      ZeroAddress,
    ]);
    await expect(fresh.deploymentTransaction()).to.emit(fresh, "AuthorityUpdated").withArgs(manager.target);
    const { name, version } = await fresh.eip712Domain();
    expect([name, version]).to.deep.equal(["Remesa Euro", "2"]);
  });

  for (const [place, names] of [
    ["name", ["x".repeat(32), "XUS", "1"]],
    ["symbol", ["Remesa Dollar", "x".repeat(32), "1"]],
    ["version", ["Remesa Dollar", "XUS", "x".repeat(32)]],
  ] as const) {
    it(`reverts with StringTooLong when the ${place} has 32 bytes`, async () => {
      const { coin, ethers, manager } = world;
      await expect(ethers.deployContract("Stablecoin", [manager.target, ...names]))
        .to.be.revertedWithCustomError(coin, "StringTooLong")
        .withArgs("x".repeat(32));
    });
  }
});

describe("Stablecoin.setAuthority", () => {
  it("reverts with AuthorityFixed(authority) for everybody, the authority included", async () => {
    const { admin, coin, manager } = world;
    await expect(coin.setAuthority(admin))
      .to.be.revertedWithCustomError(coin, "AuthorityFixed")
      .withArgs(manager.target);
    await expect(manager.updateAuthority(coin, manager))
      .to.be.revertedWithCustomError(coin, "AuthorityFixed")
      .withArgs(manager.target);
    expect(await coin.authority()).to.equal(manager.target);
  });
});

describe("Stablecoin.eip712Domain", () => {
  it("gives name, version, chain and contract, and neither salt nor extensions", async () => {
    const { coin, domain } = world;
    expect([...(await coin.eip712Domain())]).to.deep.equal([
      "0x0f",
      domain.name,
      domain.version,
      domain.chainId,
      domain.verifyingContract,
      ZeroHash,
      [],
    ]);
  });
});

describe("Stablecoin.DOMAIN_SEPARATOR", () => {
  it("is the hash of the domain", async () => {
    expect(await world.coin.DOMAIN_SEPARATOR()).to.equal(TypedDataEncoder.hashDomain(world.domain));
  });

  it("is recomputed when the code finds itself on another chain", async () => {
    const { coin, domain, ethers } = world;
    const code = await ethers.provider.getCode(coin);
    const fork = await network.create({ override: { chainId: 4_242 } });
    await fork.ethers.provider.send("hardhat_setCode", [coin.target, code]);
    const moved = await fork.ethers.getContractAt("Stablecoin", `${coin.target}`);
    expect(await moved.DOMAIN_SEPARATOR()).to.equal(TypedDataEncoder.hashDomain({ ...domain, chainId: 4_242n }));
    expect((await moved.eip712Domain()).chainId).to.equal(4_242n);
    await fork.close();
  });
});

describe("Stablecoin.isConsumingScheduledOp", () => {
  it("is nothing outside a scheduled call, and a role with a delay acts by schedule", async () => {
    const { coin, manager, payer, slowFreezer, time } = world;
    expect(await coin.isConsumingScheduledOp()).to.equal("0x00000000");
    const end = (await now(world)) + 100_000n;
    const data = coin.interface.encodeFunctionData("freeze", [payer.address, 1n, CASE, end]);
    await expect(coin.connect(slowFreezer).freeze(payer, 1n, CASE, end))
      .to.be.revertedWithCustomError(manager, "AccessManagerNotScheduled")
      .withArgs(keccak256(hashCall(slowFreezer.address, `${coin.target}`, data)));
    await manager.connect(slowFreezer).schedule(coin, data, 0);
    await time.increase(3_601);
    await coin.connect(slowFreezer).freeze(payer, 1n, CASE, end);
    expect((await coin.accountOf(payer)).frozen).to.equal(1n);
  });
});

/** What the manager hashes to name a scheduled call. */
function hashCall(caller: string, target: string, data: string): string {
  return AbiCoder.defaultAbiCoder().encode(["address", "address", "bytes"], [caller, target, data]);
}

describe("Stablecoin.accountOf", () => {
  it("decodes every field as the word has it", async () => {
    const { coin, payer } = world;
    await coin.connect(payer)[FORM.skip](7n);
    await freeze(world, payer, VALUE);
    await join(world, payer, 9n);
    const word = decodeWord(await coin.wordOf(payer));
    const state = await coin.accountOf(payer);
    expect(word).to.deep.equal({ balance: FUNDS, frozen: VALUE, nonceBase: 7n, nonceWindow: 0n, vasp: 9n, flags: 0n });
    expect([...state]).to.deep.equal([FUNDS, VALUE, 7n, 0n, 9n, false, false]);
  });

  it("tells frozen whole from escrow", async () => {
    const { coin, escrow, payer } = world;
    await freeze(world, payer);
    const [frozen, held] = [await coin.accountOf(payer), await coin.accountOf(escrow)];
    expect([frozen.frozenWhole, frozen.escrow, held.frozenWhole, held.escrow]).to.deep.equal([
      true,
      false,
      false,
      true,
    ]);
  });
});

describe("Stablecoin.freezeCaseOf", () => {
  it("gives case and end, or nothing", async () => {
    const end = (await now(world)) + 3_600n;
    await freeze(world, world.payer);
    expect([...(await world.coin.freezeCaseOf(world.payer))]).to.deep.equal([CASE, end]);
    expect([...(await world.coin.freezeCaseOf(world.payee))]).to.deep.equal([NO_CASE, 0n]);
  });
});

describe("Stablecoin.coinWord", () => {
  it("holds supply, paused bits and limit side by side", async () => {
    await pause(world, PAUSE.seize);
    await limitTravel(world, VALUE);
    const expected = (await world.coin.totalSupply()) | (32n << 64n) | (VALUE << 72n);
    expect(await world.coin.coinWord()).to.equal(expected);
  });
});

describe("Stablecoin.isEscrow", () => {
  it("is true for escrows alone", async () => {
    expect(await world.coin.isEscrow(world.escrow)).to.equal(true);
    expect(await world.coin.isEscrow(world.unflagged)).to.equal(false);
  });
});

describe("Stablecoin.balanceOf, allowance and totalSupply", () => {
  it("agree with what was minted and approved", async () => {
    const { coin, payer, spender } = world;
    await coin.connect(payer).approve(spender, 9n);
    expect([await coin.balanceOf(payer), await coin.allowance(payer, spender), await coin.totalSupply()]).to.deep.equal(
      [FUNDS, 9n, 4n * FUNDS],
    );
    expect(id("Transfer(address,address,uint256)")).to.equal(coin.interface.getEvent("Transfer").topicHash);
  });
});
