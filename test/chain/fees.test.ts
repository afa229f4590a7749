/**
 * What a transaction should offer, at prices no test chain has; and what counts as final where the chain says so itself.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { expect } from "chai";
import { createChain } from "../../src/chain/node.ts";
import { type Hex, toWord } from "../../src/domain/hex.ts";
import type { Chain } from "../../src/pipeline/ports.ts";
import { deployment } from "./places.ts";

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: readonly [string];
}

describe("Chain at any price", () => {
  let server: Server;
  let url: string;
  let base: Hex | undefined;
  let tip: Hex | null;
  let finalized: Hex | null;

  before(async () => {
    const block = (number: Hex): object => ({
      number,
      hash: toWord(BigInt(number)),
      parentHash: toWord(0n),
      timestamp: "0x1",
      gasLimit: "0x1c9c380",
      transactions: [],
      ...(base === undefined ? {} : { baseFeePerGas: base }),
    });
    const answer = ({ id, method, params }: Request): object => {
      if (method === "eth_maxPriorityFeePerGas") {
        return tip === null ? { id, error: { code: -32601, message: "no such method" } } : { id, result: tip };
      }
      if (params[0] === "finalized") return { id, result: finalized === null ? null : block(finalized) };
      return { id, result: block("0x64") };
    };
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const parsed = JSON.parse(Buffer.concat(chunks).toString()) as Request | Request[];
        response.end(JSON.stringify(Array.isArray(parsed) ? parsed.map(answer) : answer(parsed)));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    url = `http://127.0.0.1:${address.port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    base = "0x64";
    tip = "0xa";
    finalized = "0x60";
  });

  const chain = (maxFeePerGas?: bigint): Chain =>
    createChain({ url, deployment, finality: "finalized", ...(maxFeePerGas === undefined ? {} : { maxFeePerGas }) });

  it("offers twice the base fee and the tip", async () => {
    expect(await chain().fees()).to.deep.equal({ maxFeePerGas: 210n, maxPriorityFeePerGas: 10n });
    expect(await chain(210n).fees()).to.deep.equal({ maxFeePerGas: 210n, maxPriorityFeePerGas: 10n });
  });

  it("offers the cap while the market is below it", async () => {
    expect((await chain(209n).fees()).maxFeePerGas).to.equal(209n);
    expect((await chain(110n).fees()).maxFeePerGas).to.equal(110n);
  });

  it("tells the real price once the market is above the cap", async () => {
    expect((await chain(109n).fees()).maxFeePerGas).to.equal(210n);
  });

  it("tips 1 gwei where the client knows no tip, and asks no base fee where there is none", async () => {
    tip = null;
    base = undefined;
    expect(await chain().fees()).to.deep.equal({ maxFeePerGas: 1_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n });
  });

  it("never fills more than the protocol's cap per transaction", async () => {
    expect(await chain().gasLimit()).to.equal(16_777_216n);
  });

  it("takes the finalized block for final, never one above the head, and none where there is none", async () => {
    const head = await chain().head();
    expect(await chain().finalNumber(head)).to.equal(0x60);
    expect(await chain().finalNumber({ ...head, number: 0x50 })).to.equal(0x50);
    finalized = null;
    expect(await chain().finalNumber(head)).to.equal(-1);
  });
});
