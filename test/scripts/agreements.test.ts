/**
 * Seeing an agreement through against a node of a few lines: a step that was taken is not taken again, one on its way is waited for, a lost answer
 * is asked for again with the same bytes, and what came to nothing is refused.
 */
import { expect } from "chai";
import { type Agreement, findAgreement, openAgreement, takeStep } from "../../scripts/agreements.ts";
import type { Living } from "../../scripts/session.ts";
import { Refusal } from "../../scripts/terminal/refusal.ts";
import { type Client, ProblemError } from "../../src/http/client.ts";
import type { Problem } from "../../src/http/schemas.ts";

const step = (state: string, reason: string | null = null): Living & { readonly kind: string } => ({
  id: "stp_0000000000000",
  kind: "capture",
  state,
  held: reason !== null,
  reason,
  digest: "0x",
  evidence: null,
});

function problem(status: number, code: string, retryable = false): ProblemError {
  const told: Problem = { type: "", title: code, status, detail: code, code, retryable, errors: [] } as never;
  return new ProblemError(told);
}

interface Script {
  /** The agreement as it is looked at, one after the other; the last one stays. */
  readonly looks: readonly (Partial<Agreement> | null)[];
  /** What becomes of each post: an error is thrown. */
  readonly posts?: readonly (Error | Partial<Agreement>)[];
}

/** A node that answers by script, and what it was posted. */
function createNode({ looks, posts = [] }: Script): { client: Client; posted: unknown[]; paths: string[] } {
  const posted: unknown[] = [];
  const paths: string[] = [];
  let seen = 0;
  const whole = (look: Partial<Agreement>) => ({ id: "pay_1", state: "authorized", pending: [], steps: [], ...look });
  const client = {
    url: "http://node",
    async get() {
      const look = looks[Math.min(seen++, looks.length - 1)] ?? null;
      if (look === null) throw problem(404, "agreement_unknown");
      return whole(look) as never;
    },
    async post(path: string, body: unknown) {
      paths.push(path);
      const answer = posts[posted.push(body) - 1] ?? {};
      if (answer instanceof Error) throw answer;
      return whole(answer) as never;
    },
    async *events() {},
  } as Client;
  return { client, posted, paths };
}

const take = (client: Client, made: { count: number } = { count: 0 }, waitSeconds = 5) =>
  takeStep<Agreement>(client, {
    path: "/v1/payments/pay_1",
    step: "capture",
    kinds: ["capture"],
    isDone: ({ state }) => state === "closed",
    make: async () => ({ order: ++made.count }),
    waitSeconds,
  });
const refusal = (act: Promise<unknown>): Promise<unknown> => act.catch((error: unknown) => error);

describe("takeStep", () => {
  it("posts what is made for the state it finds, and waits until nothing of it is pending", async () => {
    const node = createNode({ looks: [{}, { pending: [step("sent")] }, { state: "closed" }] });
    expect(await take(node.client)).to.include({ state: "closed" });
    expect([node.paths, node.posted]).to.deep.equal([["/v1/payments/pay_1/capture"], [{ order: 1 }]]);
  });

  it("does nothing when it was taken before", async () => {
    const node = createNode({ looks: [{ state: "closed" }] });
    const made = { count: 0 };
    await take(node.client, made);
    expect([node.posted, made.count]).to.deep.equal([[], 0]);
  });

  it("waits for one that is on its way instead of making another", async () => {
    const node = createNode({ looks: [{ pending: [step("included")] }, { state: "closed" }] });
    await take(node.client);
    expect(node.posted).to.deep.equal([]);
  });

  it("finds a quote's steps, ended ones among them, where there is no list of pending ones", async () => {
    const quote = { pending: undefined as never, steps: [step("expired")] };
    const node = createNode({ looks: [quote, { ...quote, state: "closed" }] });
    await take(node.client);
    expect(node.posted).to.have.length(1);
  });

  it("sends the same bytes again when the answer was lost or the node was busy", async () => {
    const posts = [new TypeError("fetch failed"), problem(503, "queue_full", true)];
    const node = createNode({ looks: [{}, { state: "closed" }], posts });
    await take(node.client);
    expect(node.posted).to.deep.equal([{ order: 1 }, { order: 1 }, { order: 1 }]);
  });

  it("passes the node's refusal on", async () => {
    const node = createNode({ looks: [{}], posts: [problem(409, "agreement_state_invalid")] });
    expect(await refusal(take(node.client))).to.be.instanceOf(ProblemError);
  });

  it("refuses when the step ended without effect", async () => {
    const error = await refusal(take(createNode({ looks: [{}] }).client));
    expect(error).to.be.instanceOf(Refusal);
    expect((error as Refusal).message).to.equal("capture of pay_1 ended without effect; it is authorized");
  });

  it("refuses with the reason it waits for when the wait is over", async () => {
    const node = createNode({ looks: [{}, { pending: [step("accepted", "insufficient_funds")] }] });
    const error = await refusal(take(node.client, { count: 0 }, 1));
    expect((error as Refusal).message).to.equal(
      "capture of pay_1 is not final yet: insufficient_funds; it is authorized",
    );
  });

  it("does not wait with --wait 0", async () => {
    const node = createNode({ looks: [{}, { pending: [step("sent")] }] });
    expect(await take(node.client, { count: 0 }, 0)).to.include({ state: "authorized" });
  });
});

describe("openAgreement", () => {
  const open = (client: Client) =>
    openAgreement<Agreement>(client, { collection: "/v1/payments", id: "0x77", body: { terms: 1 }, waitSeconds: 5 });

  it("posts the terms when the node knows none of that id, and waits until the opening is final", async () => {
    const looks = [null, { intent: step("sent") }, { intent: step("settled") }];
    const node = createNode({ looks, posts: [{ intent: step("accepted") }] });
    expect((await open(node.client)).intent?.state).to.equal("settled");
    expect(node.posted).to.deep.equal([{ terms: 1 }]);
  });

  it("posts nothing when it is there already, also when a stranger opened it", async () => {
    for (const intent of [step("settled"), null]) {
      const node = createNode({ looks: [{ intent }] });
      await open(node.client);
      expect(node.posted).to.deep.equal([]);
    }
  });

  it("refuses when the opening came to nothing", async () => {
    const node = createNode({ looks: [{ intent: step("expired", "insufficient_funds") }] });
    const error = await refusal(open(node.client));
    expect((error as Refusal).message).to.equal("stp_0000000000000 ended expired: insufficient_funds");
  });
});

describe("findAgreement", () => {
  it("is null where the node knows none, and passes on any other refusal", async () => {
    expect(await findAgreement(createNode({ looks: [null] }).client, "/v1/claims/x")).to.equal(null);
    const node = createNode({ looks: [{}] });
    node.client.get = async () => {
      throw problem(400, "request_malformed");
    };
    expect(await refusal(findAgreement(node.client, "/v1/claims/x"))).to.be.instanceOf(ProblemError);
  });
});
