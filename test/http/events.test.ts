import { expect } from "chai";
import { type Client, createClient, ProblemError } from "../../src/http/client.ts";
import type { Transfer } from "../../src/http/schemas.ts";
import type { PublicEvent } from "../../src/http/published.ts";
import {
  ana,
  createFakeNode,
  createTransfer,
  type FakeNode,
  keyOf,
  listen,
  logIn,
  luis,
} from "../support/fake-node.ts";

describe("http/events", () => {
  let node: FakeNode;
  let url: string;
  let client: Client;
  const open: AbortController[] = [];

  beforeEach(async () => {
    node = await createFakeNode();
    url = await listen(node);
    client = createClient({ url, key: keyOf("auditor") });
  });
  afterEach(async () => {
    for (const controller of open.splice(0)) controller.abort();
    await node.app.close();
  });

  const publish = (type: string, accounts: readonly (typeof ana)[] = [ana]) =>
    node.publish({ intent: null, type, accounts, body: {}, at: 0 });

  function signal(): AbortSignal {
    const controller = new AbortController();
    open.push(controller);
    return controller.signal;
  }

  /** The first events of a stream. */
  async function take(
    count: number,
    options: { after?: string; account?: string } = {},
    from = client,
  ): Promise<PublicEvent[]> {
    const events: PublicEvent[] = [];
    for await (const event of from.events({ ...options, signal: signal() })) {
      events.push(event);
      if (events.length === count) break;
    }
    return events;
  }
  const types = (events: readonly PublicEvent[]) => events.map(({ type }) => type);

  /** Opens a stream without the client, to see its text. */
  async function read(headers: Record<string, string>, until: RegExp, query = ""): Promise<string> {
    const all = { authorization: `Bearer ${keyOf("auditor")}`, ...headers };
    const response = await fetch(`${url}/v1/events${query}`, { headers: all, signal: signal() });
    expect(response.headers.get("content-type")).to.equal("text/event-stream; charset=utf-8");
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += new TextDecoder().decode(chunk as Uint8Array);
      if (until.test(text)) break;
    }
    return text;
  }

  it("begins with what happens next when no place is given", async () => {
    publish("accepted");
    const next = take(1);
    // Until the stream is open.
    while (node.state.listeners.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    publish("settled");
    expect(types(await next)).to.deep.equal(["settled"]);
  });

  it("resumes after a place, in order, each once", async () => {
    for (const type of ["a", "b", "c", "d"]) publish(type);
    expect(types(await take(4, { after: "0" }))).to.deep.equal(["a", "b", "c", "d"]);
    expect(types(await take(2, { after: "2" }))).to.deep.equal(["c", "d"]);
  });

  it("gives each event the id to resume after it", async () => {
    publish("a");
    publish("b");
    const text = await read({ "last-event-id": "0" }, /"b"/);
    const ids = [...text.matchAll(/id: (\d+)\ndata: (.*)\n\n/g)];
    expect(ids.map((match) => [match[1], (JSON.parse(match[2] ?? "") as PublicEvent).sequence])).to.deep.equal([
      ["1", "1"],
      ["2", "2"],
    ]);
  });

  it("prefers Last-Event-ID to the link's own place, as a reconnecting reader needs", async () => {
    publish("a");
    publish("b");
    expect(await read({ "last-event-id": "1" }, /"type"/, "?after=0")).to.not.include('"a"');
    expect(await read({}, /"type"/, "?after=0")).to.include('"a"');
  });

  it("passes over more events than fit one look", async () => {
    for (let n = 0; n < 450; n++) publish(`e${n}`);
    const events = await take(450, { after: "0" });
    expect(events.map(({ sequence }) => Number(sequence))).to.deep.equal(Array.from({ length: 450 }, (_, n) => n + 1));
  });

  it("answers 410 events_gone past what is kept, and takes the oldest place that is", async () => {
    for (const type of ["a", "b", "c"]) publish(type);
    node.state.oldestEvent = 3n;
    const gone = await take(1, { after: "1" }).catch((error: unknown) => error);
    expect(gone).to.be.instanceOf(ProblemError);
    expect(gone).to.include({ status: 410, code: "events_gone", retryable: false });
    expect((gone as ProblemError).problem["oldest"]).to.equal("3");
    expect(types(await take(1, { after: "2" }))).to.deep.equal(["c"]);
  });

  it("refuses a place that is no number", async () => {
    for (const place of ["x", "-1", "1.5", "9".repeat(20)]) {
      const error = await take(1, { after: place }).catch((caught: unknown) => caught);
      expect(error).to.include({ status: 400, code: "request_malformed" });
    }
  });

  it("names the resource an event is about", async () => {
    const { id } = await client.post<Transfer>("/v1/transfers", createTransfer());
    const intent = [...node.state.intents.keys()][0] ?? null;
    node.publish({ intent, type: "accepted", accounts: [ana], body: { kind: "transfer", amount: "5" }, at: 0 });
    node.publish({ intent, type: "held", accounts: [ana], body: {}, at: 0 });
    const [first, second] = await take(2, { after: "0" });
    expect(first).to.deep.include({
      id,
      type: "accepted",
      data: { kind: "transfer", amount: "5" },
      at: "1970-01-01T00:00:00.000Z",
    });
    expect(second).to.include({ id, type: "held" });
  });

  it("tells evidence as resources do", async () => {
    const evidence = { blockNumber: 5, blockHash: ana, transaction: luis, logIndex: 2, by: luis };
    node.publish({ intent: null, type: "settled", accounts: [], body: { evidence }, at: 0 });
    const [event] = await take(1, { after: "0" });
    const by = "0xB100000000000000000000000000000000000002";
    expect(event?.data).to.deep.equal({ evidence: { transaction: luis, block: 5, blockHash: ana, logIndex: 2, by } });
  });

  it("shows a wallet its own events only, and moves its place with everybody's", async () => {
    const wallet = createClient({ url, key: await logIn(node) });
    publish("mine", [ana]);
    publish("other", [luis]);
    publish("shared", [luis, ana]);
    expect(types(await take(2, { after: "0" }, wallet))).to.deep.equal(["mine", "shared"]);
    const error = await take(1, { account: luis }, wallet).catch((caught: unknown) => caught);
    expect(error).to.include({ status: 403, code: "forbidden" });
  });

  it("shows an API key one account on request", async () => {
    publish("a", [ana]);
    publish("b", [luis]);
    expect(types(await take(1, { after: "0", account: luis }))).to.deep.equal(["b"]);
  });

  it("goes on after the server's end of a stream, without losing or repeating an event", async () => {
    publish("a");
    const seen: string[] = [];
    const following = (async () => {
      for await (const event of client.events({ after: "0", signal: signal() })) {
        seen.push(event.type);
        if (seen.length === 3) return;
      }
    })();
    while (seen.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    const port = Number(new URL(url).port);
    const { state } = node;
    await node.app.close();
    node = await createFakeNode();
    node.state.events.push(...state.events);
    await node.app.listen({ port, host: "127.0.0.1" });
    publish("b");
    publish("c");
    await following;
    expect(seen).to.deep.equal(["a", "b", "c"]);
  }).timeout(10_000);

  it("frees its listener when the reader leaves", async () => {
    publish("a");
    await take(1, { after: "0" });
    for (const controller of open.splice(0)) controller.abort();
    const until = performance.now() + 3_000;
    while (node.state.listeners.size > 0 && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(node.state.listeners.size).to.equal(0);
  }).timeout(5_000);

  it("bounds the streams of one caller", async () => {
    const headers = { authorization: `Bearer ${keyOf("auditor")}` };
    const responses = [];
    for (let n = 0; n < 17; n++) responses.push(await fetch(`${url}/v1/events`, { headers, signal: signal() }));
    expect(responses.map(({ status }) => status)).to.deep.equal([...Array.from({ length: 16 }, () => 200), 429]);
    const other = await fetch(`${url}/v1/events`, {
      headers: { authorization: `Bearer ${keyOf("operator")}` },
      signal: signal(),
    });
    expect(other.status).to.equal(200);
  });

  it("ends when the server closes", async () => {
    const headers = { authorization: `Bearer ${keyOf("auditor")}` };
    const response = await fetch(`${url}/v1/events`, { headers, signal: signal() });
    const text = response.text();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const started = performance.now();
    await node.app.close();
    expect(await text).to.include(": connected");
    expect(performance.now() - started).to.be.lessThan(2_000);
  });
});
