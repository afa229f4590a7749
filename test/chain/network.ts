/**
 * A deployed network on a local chain with everything a test acts through: chain port, encoder, signers, actors. Owns how a draft gets
 * signed, sent and read back as facts. No side effects on loading.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CurveActor, createActors } from "./actors.ts";
import { deploy } from "../../src/chain/deploy.ts";
import { createEncoder } from "../../src/chain/encode.ts";
import { createChain } from "../../src/chain/node.ts";
import { operatorMembers, roleMembers } from "../../src/chain/roles.ts";
import { createLaneSigner } from "../../src/chain/signer.ts";
import type { Draft } from "../../src/domain/draft.ts";
import type { BlockFacts, BlockRef } from "../../src/domain/facts.ts";
import type { Address, Hex, Word } from "../../src/domain/hex.ts";
import type { IntentFacts, IntentKind } from "../../src/domain/intent.ts";
import type { Chain, Deployment, Encoder, LaneSigner, SendAnswer, SlotKey } from "../../src/pipeline/ports.ts";
import { type RpcAnswer, unwrap } from "../../src/chain/rpc.ts";
import { type Client, type LocalChain, richKeys, startLocalChain } from "./local-chain.ts";

const actorNames = [
  ...roleMembers,
  ...operatorMembers,
  "payer",
  "payee",
  "holder",
  "merchant",
  "stranger",
] as const satisfies readonly string[];
export type ActorName = (typeof actorNames)[number];

type Unsigned<T> = T extends { readonly signature: Hex } ? Omit<T, "signature"> : T;

/** A draft as a test writes it: the network signs it for the actor. */
export type UnsignedDraft = Unsigned<Draft>;

export interface Mined {
  readonly answer: SendAnswer;
  readonly hash: Word;
  readonly facts: BlockFacts;
}

export interface Network {
  readonly local: LocalChain;
  readonly folder: string;
  readonly deployment: Deployment;
  readonly coin: Address;
  readonly chain: Chain;
  readonly encoder: Encoder;
  readonly lanes: LaneSigner;
  readonly lane: Address;
  readonly actors: Readonly<Record<ActorName, CurveActor>>;
  /** Signs for the actor and encodes. */
  prepare(draft: UnsignedDraft, actor: ActorName): IntentFacts;
  /** The actor's signature of a draft's first struct, or of its second. */
  signFor(draft: Draft, actor: ActorName, by?: "first" | "second"): Hex;
  /** Sends one transaction of the lane and reads the block it is in. */
  mine(call: { readonly to: Address; readonly data: Hex; readonly gas: bigint }): Promise<Mined>;
  /** Carries out a prepared call. */
  submit(intent: IntentFacts): Promise<Mined>;
  /** The most gas that a call of each kind used so far when it succeeded. */
  readonly gasUsed: ReadonlyMap<IntentKind, bigint>;
  /** A transaction of an account that is no lane. */
  mineAsStranger(call: { readonly to: Address; readonly data: Hex }): Promise<BlockFacts>;
  head(): Promise<BlockRef>;
  stop(): Promise<void>;
}

export async function startNetwork(client: Client, args: readonly string[] = []): Promise<Network> {
  const local = await startLocalChain(client, args);
  const folder = mkdtempSync(join(tmpdir(), "remesa-chain-"));
  try {
    const { actors, sign } = await createActors(actorNames);
    const members = [...roleMembers, ...operatorMembers];
    const roleAddresses = Object.fromEntries(members.map((name) => [name, actors[name].address]));
    const { deployment } = await deploy({
      rpcUrl: local.url,
      deployerKey: richKeys[0],
      roleAddresses,
      outFolder: folder,
      devnet: true,
    });
    const chain = createChain({ url: local.url, deployment, finality: { depth: 2 } });
    const encoder = await createEncoder(deployment);
    const lanes = await createLaneSigner({
      keys: [richKeys[1], `0x${"77".repeat(32)}`],
      deployment,
      maxFeePerGas: 10n ** 12n,
    });
    const lane = lanes.lanes[0] as Address;
    const accounts = await local.rpc.ask<readonly Address[]>("eth_accounts");

    const gasUsed = new Map<IntentKind, bigint>();
    const head = (): Promise<BlockRef> => chain.head();

    /** The block a transaction was mined in, as facts. Anvil mines a moment after it has answered. */
    async function readMined(hash: Word, attempts: ReadonlyMap<Word, SlotKey>): Promise<BlockFacts> {
      for (let i = 0; i < 200; i++) {
        const receipt = await local.rpc.ask<{ readonly blockNumber: Hex } | null>("eth_getTransactionReceipt", hash);
        const ref = receipt === null ? null : await chain.block(Number(receipt.blockNumber));
        const facts = ref === null ? null : await chain.readBlock(ref, attempts);
        if (facts !== null) return facts;
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      }
      throw new Error(`${hash} was not mined`);
    }

    async function mine(call: { readonly to: Address; readonly data: Hex; readonly gas: bigint }): Promise<Mined> {
      const nonce = await chain.transactionCount(lane, (await head()).number);
      const { raw, hash } = await lanes.sign({ ...call, lane, nonce, ...(await chain.fees()) });
      const [answer] = await chain.send([raw]);
      const facts = await readMined(hash, new Map([[hash, { lane, nonce }]]));
      return { answer: answer as SendAnswer, hash, facts };
    }

    return {
      local,
      folder,
      deployment,
      coin: deployment.coins[0]?.address as Address,
      chain,
      encoder,
      lanes,
      lane,
      actors,
      prepare(draft, actor) {
        const typed = encoder.toTyped(draft as Draft);
        return encoder.encode({ ...draft, signature: sign(actor, typed) } as Draft).facts;
      },
      signFor: (draft, actor, by = "first") => sign(actor, encoder.toTyped(draft, by)),
      mine,
      gasUsed,
      async submit({ kind, action }) {
        if (action.kind !== "call") throw new Error("a row is settled, not called");
        const mined = await mine(action);
        const [slot] = mined.facts.slots;
        const most = gasUsed.get(kind) ?? 0n;
        if (slot?.succeeded === true && slot.gasUsed > most) gasUsed.set(kind, slot.gasUsed);
        return mined;
      },
      async mineAsStranger({ to, data }) {
        const transaction = { from: accounts[2], to, data, gas: "0xf4240" };
        const [answer] = await local.rpc.write([{ method: "eth_sendTransaction", params: [transaction] }]);
        return readMined(unwrap<Word>(answer as RpcAnswer, "eth_sendTransaction"), new Map());
      },
      head,
      async stop() {
        await local.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await local.stop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
