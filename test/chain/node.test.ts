/**
 * The Chain port against real clients: what each transaction becomes as facts, what an answer to a broadcast proves, and what happens
 * when the block is gone. Every fact is held against the intent that caused it, through the domain's own judgement.
 */
import { expect } from "chai";
import { decodeFunctionResult, encodeFunctionData } from "viem";
import { stablecoinAbi, treasuryAbi } from "../../src/chain/abi.ts";
import { deploy } from "../../src/chain/deploy.ts";
import { encodeSettle } from "../../src/chain/encode.ts";
import { createSandbox } from "../../src/chain/sandbox.ts";
import { type Address, type Hex, toWord, type Word, zeroAddress, zeroWord } from "../../src/domain/hex.ts";
import type { IntentFacts } from "../../src/domain/intent.ts";
import { judgeConsumption } from "../../src/domain/lifecycle.ts";
import { expectRoom, expectSettledBy, prepareAttest, prepareMint } from "./expectations.ts";
import type { Client } from "./local-chain.ts";
import { richKeys } from "./local-chain.ts";
import { type Mined, type Network, startNetwork } from "./network.ts";

const dollar = 1_000_000n;
const id = (n: number): Word => `0x${n.toString(16).padStart(4, "0").repeat(16)}`;

for (const client of ["hardhat", "anvil"] as const satisfies readonly Client[]) {
  describe(`Chain on ${client}`, function () {
    this.timeout(60_000);
    let network: Network;
    let time: number;

    before(async () => {
      network = await startNetwork(client);
      time = (await network.head()).time;
    });
    after(async () => network?.stop());

    const address = (name: keyof Network["actors"]): Address => network.actors[name].address;
    const deadline = (): number => time + 60 * 86_400;

    const expectSettled = (mined: Mined, intent: IntentFacts): void => expectSettledBy(network, mined, intent);

    const transfer = (
      nonce: Word,
      options: Partial<{ value: bigint; memo: Word; validAfter: number; to: Address }> = {},
    ) =>
      network.prepare(
        {
          kind: "transfer",
          coin: network.coin,
          authorization: {
            from: address("payer"),
            to: options.to ?? address("payee"),
            value: options.value ?? dollar,
            validAfter: options.validAfter ?? 0,
            validBefore: deadline(),
            nonce,
          },
          memo: options.memo ?? null,
          reference: null,
        },
        "payer",
      );

    const mint = (depositId: Word, to: Address, amount: bigint): IntentFacts =>
      prepareMint(network, { depositId, to, amount, deadline: deadline() });

    function settle(intents: readonly IntentFacts[]): Promise<Mined> {
      const rows = intents.map(({ action }) => (action.kind === "row" ? action.row : "0x"));
      return network.mine({ to: network.coin, data: encodeSettle(rows), gas: 2_000_000n });
    }

    it("tells the chain's identity", async () => {
      const identity = await network.chain.identity();
      const first = await network.chain.block(0);
      expect(identity.chainId).to.equal(31_337);
      expect(identity.genesis).to.equal(first?.hash);
      const { chainId: _, block: __, coins, ...contracts } = network.deployment;
      const addresses = [...Object.values(contracts), ...coins.map((coin) => coin.address)];
      expect(Object.keys(identity.code)).to.have.members(addresses);
      // two coins are one code but for what their constructors were given
      expect(new Set(Object.values(identity.code))).to.have.property("size", addresses.length);
    });

    it("counts a depth from the head, and nothing before the chain's beginning", async () => {
      const head = await network.head();
      expect(await network.chain.finalNumber(head)).to.equal(head.number - 2);
      expect(await network.chain.finalNumber({ ...head, number: 1 })).to.equal(-1);
    });

    it("tells an attestation and a mint", async () => {
      const attest = prepareAttest(network, {
        orderId: id(1),
        amount: 10_000n * dollar,
        asOf: time - 10,
        deadline: deadline(),
      });
      expect(await network.chain.isFenceConsumed(attest, (await network.head()).number)).to.equal(false);
      expectSettled(await network.submit(attest), attest);
      expect(await network.chain.isFenceConsumed(attest, (await network.head()).number)).to.equal(true);

      const intent = mint(id(2), address("payer"), 1_000n * dollar);
      const mined = await network.submit(intent);
      expectSettled(mined, intent);
      const { transaction, logIndex, ...movement } = mined.facts.movements[0] as (typeof mined.facts.movements)[number];
      expect({ transaction, logIndex: typeof logIndex }).to.deep.equal({ transaction: mined.hash, logIndex: "number" });
      expect(movement).to.deep.equal({
        kind: "mint",
        coin: network.coin,
        from: zeroAddress,
        to: address("payer"),
        amount: 1_000n * dollar,
        memo: null,
        fence: intent.fence,
      });
      expect(await network.chain.isFenceConsumed(intent, (await network.head()).number)).to.equal(true);
    });

    it("tells why a mined call reverted, and takes no answer for a refusal", async () => {
      const again = mint(id(2), address("payer"), 1_000n * dollar);
      const { answer, facts } = await network.submit(again);
      // Hardhat answers an error for the reverting transaction that it mined
      expect(answer.kind).to.equal(client === "hardhat" ? "unknown" : "answered");
      expect(facts.fences).to.have.length(0);
      expect(facts.slots[0]).to.include({ succeeded: false, reason: "nonce_used" });
      const above = mint(id(3), address("payer"), 10_000n * dollar);
      expect((await network.submit(above)).facts.slots[0]).to.include({
        succeeded: false,
        reason: "reserves_exceeded",
      });
      const { action } = above;
      if (action.kind !== "call") throw new Error("a mint is a call");
      expect(await network.chain.simulate(action)).to.equal("reserves_exceeded");
      const fine = mint(id(3), address("payer"), dollar).action;
      expect(fine.kind === "call" && (await network.chain.simulate(fine))).to.equal(null);
      expect(fine.kind === "call" && (await network.chain.simulate({ ...fine, gas: 30_000n }))).to.equal("reverted");
    });

    it("tells settled and skipped rows in one batch", async () => {
      const wide = id(0xbeef);
      const paid = [
        transfer(toWord(0n)),
        transfer(toWord(2n), { memo: id(7) }),
        transfer(wide, { value: 2n * dollar, validAfter: time - 5 }),
        transfer(toWord(1n), { value: 0n, memo: zeroWord }),
      ];
      const skipped = [
        transfer(toWord(3n), { value: 5_000n * dollar }),
        transfer(toWord(0n), { value: 3n }),
        transfer(toWord(3n + 64n)),
        transfer(toWord(3n), { validAfter: deadline() - 1 }),
        transfer(toWord(3n), { to: network.coin }),
      ];
      const { facts, hash } = await settle([...paid, ...skipped]);
      expect(facts.fences.map(({ fence }) => fence)).to.deep.equal(paid.map(({ fence }) => fence));
      for (const [i, intent] of paid.entries()) {
        expect(judgeConsumption(intent, facts.fences[i] as (typeof facts.fences)[number])).to.equal("settled");
        expect(facts.movements[i]).to.deep.include({
          kind: "transfer",
          from: address("payer"),
          to: address("payee"),
          amount: intent.amount,
          memo: intent.memo,
          fence: intent.fence,
        });
      }
      expect(facts.movements).to.have.length(4);
      expect(facts.skips.map(({ fence, reason, transaction }) => ({ fence, reason, transaction }))).to.deep.equal(
        skipped.map(({ fence }, i) => ({
          fence,
          reason: ["insufficient_funds", "nonce_used", "nonce_out_of_window", "not_yet_valid", "payee_invalid"][i],
          transaction: hash,
        })),
      );
      const number = (await network.head()).number;
      expect(await network.chain.isFenceConsumed(paid[0]!, number)).to.equal(true);
      expect(await network.chain.isFenceConsumed(skipped[0]!, number)).to.equal(false);
    });

    it("tells a payment under our nonce with another amount for what it is", async () => {
      const mine = transfer(toWord(3n), { value: 10n });
      const other = transfer(toWord(3n), { value: 11n });
      const { facts } = await settle([other]);
      expect(judgeConsumption(mine, facts.fences[0] as (typeof facts.fences)[number])).to.equal("superseded");
    });

    it("tells a cancellation", async () => {
      const intent = network.prepare(
        { kind: "cancel", coin: network.coin, authorizer: address("payer"), nonce: toWord(4n) },
        "payer",
      );
      const mined = await network.submit(intent);
      expectSettled(mined, intent);
      const beaten = transfer(toWord(4n));
      expect(judgeConsumption(beaten, mined.facts.fences[0] as (typeof mined.facts.fences)[number])).to.equal(
        "cancelled",
      );
    });

    it("tells who submitted a payment when it was a stranger", async () => {
      const intent = transfer(toWord(5n), { memo: id(9) });
      const rows = intent.action.kind === "row" ? [intent.action.row] : [];
      const facts = await network.mineAsStranger({ to: network.coin, data: encodeSettle(rows) });
      expect(facts.slots).to.have.length(0);
      const accounts = await network.local.rpc.ask<readonly Address[]>("eth_accounts");
      expect(facts.fences[0]?.by).to.equal(accounts[2]?.toLowerCase());
      expect(judgeConsumption(intent, facts.fences[0] as (typeof facts.fences)[number])).to.equal("settled");
    });

    it("tells freezes, and whose freeze stopped a row", async () => {
      const freeze = (orderId: Word, name: "payer" | "payee", amount: bigint | null): IntentFacts => {
        const terms = { coin: network.coin, account: address(name), amount, caseId: id(0xca), until: deadline() };
        return network.prepare(
          { kind: "freeze", orderId, ...terms, deadline: deadline(), signer: address("freezer") },
          "freezer",
        );
      };
      const unfreeze = (orderId: Word, name: "payer" | "payee"): IntentFacts =>
        network.prepare(
          {
            kind: "unfreeze",
            orderId,
            coin: network.coin,
            account: address(name),
            caseId: id(0xca),
            deadline: deadline(),
            signer: address("freezer"),
          },
          "freezer",
        );
      const carryOut = async (intent: IntentFacts, account: Address, frozen: bigint | null): Promise<void> => {
        const mined = await network.submit(intent);
        expectSettled(mined, intent);
        expect(mined.facts.freezes).to.have.length(1);
        expect(mined.facts.freezes[0]).to.deep.include({ coin: network.coin, account, frozen });
      };
      await carryOut(freeze(id(20), "payee", null), address("payee"), null);
      expect((await settle([transfer(toWord(6n))])).facts.skips[0]?.reason).to.equal("payee_frozen");
      const minted = mint(id(4), address("payee"), dollar).action;
      expect(minted.kind === "call" && (await network.chain.simulate(minted))).to.equal("payee_frozen");
      await carryOut(unfreeze(id(21), "payee"), address("payee"), 0n);
      await carryOut(freeze(id(22), "payer", null), address("payer"), null);
      expect((await settle([transfer(toWord(6n))])).facts.skips[0]?.reason).to.equal("payer_frozen");
      await carryOut(freeze(id(23), "payer", 7n), address("payer"), 7n);
      await carryOut(unfreeze(id(24), "payer"), address("payer"), 0n);
    });

    it("tells minting orders", async () => {
      const minting = (orderId: Word, enabled: boolean): IntentFacts =>
        network.prepare(
          { kind: "minting", orderId, coin: network.coin, enabled, deadline: deadline(), signer: address("issuer") },
          "issuer",
        );
      const off = minting(id(30), false);
      expectSettled(await network.submit(off), off);
      expect((await network.chain.coverage(network.coin, (await network.head()).number)).mintable).to.equal(false);
      const { action } = mint(id(5), address("payer"), dollar);
      expect(action.kind === "call" && (await network.chain.simulate(action))).to.equal("minting_off");
      const on = minting(id(31), true);
      expectSettled(await network.submit(on), on);
    });

    it("tells skipped nonces", async () => {
      const accounts = await network.local.rpc.ask<readonly Address[]>("eth_accounts");
      const data = encodeFunctionData({ abi: stablecoinAbi, functionName: "skipNonces", args: [50n] });
      const facts = await network.mineAsStranger({ to: network.coin, data });
      const { transaction, logIndex, ...skip } = facts.nonceSkips[0] as (typeof facts.nonceSkips)[number];
      expect(skip).to.deep.equal({
        coin: network.coin,
        account: accounts[2]?.toLowerCase(),
        oldBase: 0n,
        newBase: 50n,
      });
      expect([transaction.length, logIndex]).to.deep.equal([66, 0]);
    });

    it("reads accounts as the contract does", async () => {
      const number = (await network.head()).number;
      const names = ["payer", "payee", "holder"] as const;
      const read = await network.chain.readAccounts(
        network.coin,
        [...names.map(address), network.deployment.redemptions],
        number,
      );
      const all = Array.from({ length: 250 }, () => address("payer"));
      expect(await network.chain.readAccounts(network.coin, all, number)).to.deep.equal(all.map(() => read[0]));
      for (const [i, name] of names.entries()) {
        const data = encodeFunctionData({ abi: stablecoinAbi, functionName: "accountOf", args: [address(name)] });
        const answer = await network.local.rpc.ask<Hex>("eth_call", { to: network.coin, data }, "latest");
        const state = decodeFunctionResult({ abi: stablecoinAbi, functionName: "accountOf", data: answer });
        const { balance, frozen, nonceBase, nonceWindow, vasp, escrow } = state;
        expect(read[i]).to.deep.equal({ balance, frozen, nonceBase, nonceWindow, vasp: Number(vasp), escrow });
      }
      expect(read[3]?.escrow).to.equal(true);
      expect(read[0]).to.include({ nonceBase: 6n, nonceWindow: 0n, frozen: 0n, escrow: false, vasp: 0 });
      let sum = 0n;
      for (const account of read) sum += account.balance;
      expect(sum).to.equal(await network.chain.totalSupply(network.coin, number));
    });

    it("says what reserves must cover", async () => {
      const number = (await network.head()).number;
      const { attested, asOf, outstanding, mintable } = await network.chain.coverage(network.coin, number);
      expect(attested).to.equal(10_000n * dollar);
      expect(asOf).to.equal(time - 10);
      expect(outstanding).to.equal(await network.chain.totalSupply(network.coin, number));
      expect(mintable).to.equal(true);
    });

    it("knows a refusal by the client's own words alone", async () => {
      const [, poor] = network.lanes.lanes as [Address, Address];
      const { maxFeePerGas, maxPriorityFeePerGas } = await network.chain.fees();
      const call = { to: network.coin, data: encodeSettle([]), gas: 100_000n };
      const broke = await network.lanes.sign({ ...call, lane: poor, nonce: 0, maxFeePerGas, maxPriorityFeePerGas });
      const nonce = await network.chain.transactionCount(network.lane, (await network.head()).number);
      const cheap = await network.lanes.sign({
        ...call,
        lane: network.lane,
        nonce,
        maxFeePerGas: 1n,
        maxPriorityFeePerGas: 1n,
      });
      const stale = await network.lanes.sign({
        ...call,
        lane: network.lane,
        nonce: 0,
        maxFeePerGas,
        maxPriorityFeePerGas,
      });
      const answers = await network.chain.send([broke.raw, cheap.raw, stale.raw, "0x02c0"]);
      expect(answers.map(({ kind }) => kind)).to.deep.equal(["refused", "refused", "unknown", "unknown"]);
      expect(await network.chain.gasBalance(poor)).to.equal(0n);
      expect(await network.chain.gasLimit()).to.equal(16_777_216n);
    });

    it("answers every item of a broadcast in order", async () => {
      const fees = await network.chain.fees();
      const count = async (): Promise<number> =>
        network.chain.transactionCount(network.lane, (await network.head()).number);
      const first = await count();
      const call = { to: network.coin, data: encodeSettle([]), gas: 100_000n, lane: network.lane, ...fees };
      const signed = await Promise.all([0, 1, 2].map((i) => network.lanes.sign({ ...call, nonce: first + i })));
      const answers = await network.chain.send(signed.map(({ raw }) => raw));
      expect(answers).to.deep.equal(signed.map(({ hash }) => ({ kind: "answered", hash })));
      for (let i = 0; i < 100 && (await count()) < first + 3; i++) await network.local.rpc.ask("eth_chainId");
      expect(await count()).to.equal(first + 3);
    });

    it("has no facts of a block that a reorg removed", async () => {
      const snapshot = await network.local.rpc.ask<Hex>("evm_snapshot");
      const gone = (await network.mine({ to: network.coin, data: encodeSettle([]), gas: 100_000n })).facts.block;
      await network.local.rpc.ask("evm_revert", snapshot);
      expect(await network.chain.block(gone.number)).to.equal(null);
      expect(await network.chain.readBlock(gone, new Map())).to.equal(null);
      await createSandbox(network.local.url).increaseTime(7);
      const other = await network.chain.block(gone.number);
      expect(other?.parent).to.equal(gone.parent);
      expect(other?.hash).to.not.equal(gone.hash);
      expect(await network.chain.readBlock(gone, new Map())).to.equal(null);
    });

    it("finds everything in place when it is deployed again", async () => {
      const before = await network.head();
      const again = await deploy({
        rpcUrl: network.local.url,
        deployerKey: richKeys[0],
        roleAddresses: { admin: address("admin") },
        outFolder: network.folder,
        devnet: true,
      });
      expect(again.outcome).to.equal("unchanged");
      expect(again.deployment).to.deep.equal(network.deployment);
      expect(await network.head()).to.deep.equal(before);
    });

    it("has the Treasury's attestation lifetime of a devnet", async () => {
      const data = encodeFunctionData({ abi: treasuryAbi, functionName: "attestationLifetime" });
      const lifetime = await network.local.rpc.ask<Hex>(
        "eth_call",
        { to: network.deployment.treasury, data },
        "latest",
      );
      expect(BigInt(lifetime)).to.equal(45n * 86_400n);
    });

    it("gave every call a quarter more gas than it used, apart from a contract signer's", async () => {
      const cancel = { kind: "cancel", coin: network.coin, authorizer: address("payer"), nonce: id(0xcafe) } as const;
      await network.submit(network.prepare(cancel, "payer"));
      expectRoom(network, ["attest", "cancel", "freeze", "mint", "minting", "unfreeze"]);
    });
  });
}
