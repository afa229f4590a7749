import { expect } from "chai";
import { toWord, zeroWord } from "../../../src/domain/hex.ts";
import type { Exits } from "../../../src/http/routes/exits.ts";
import { blockTime, createFakeNode, type FakeNode } from "../../support/fake-node.ts";

describe("http/routes/exits", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
    node.state.kept.due.push(
      { kind: "reclaim", id: toWord(1n), due: blockTime - 2 },
      { kind: "reclaim-claim", id: toWord(2n), due: blockTime },
      { kind: "reclaim-payment", id: toWord(3n), due: blockTime + 1 },
    );
  });
  afterEach(() => node.app.close());
  const read = async () => (await node.app.inject({ url: "/v1/exits" })).json<Exits>().data;

  it("tells everyone what has come due by block time, and the route that ends it", async () => {
    expect(await read()).to.deep.equal([
      {
        kind: "reclaim",
        id: toWord(1n),
        since: "2027-01-15T07:59:58.000Z",
        post: `/v1/redemptions/${toWord(1n)}/reclaim`,
      },
      {
        kind: "reclaim-claim",
        id: toWord(2n),
        since: "2027-01-15T08:00:00.000Z",
        post: `/v1/claims/${toWord(2n)}/reclaim`,
      },
    ]);
    node.state.head = { number: 1, hash: zeroWord, parent: zeroWord, time: blockTime + 1 };
    expect((await read()).at(-1)?.post).to.equal(`/v1/payments/${toWord(3n)}/reclaim`);
  });

  it("names routes that exist", async () => {
    node.state.head = { number: 1, hash: zeroWord, parent: zeroWord, time: blockTime + 1 };
    for (const { post } of await read()) {
      const answer = await node.app.inject({ method: "POST", url: post });
      expect([answer.statusCode, answer.json<{ code: string }>().code]).to.deep.equal([
        404,
        post.startsWith("/v1/redemptions") ? "redemption_unknown" : "agreement_unknown",
      ]);
    }
  });

  it("knows of nothing before the first block", async () => {
    node.state.head = null;
    expect(await read()).to.deep.equal([]);
  });
});
