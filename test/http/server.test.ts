import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createFakeNode, createTransfer, type FakeNode, keyOf, listen } from "../support/fake-node.ts";

interface Body {
  readonly code: string;
  readonly errors: readonly { readonly subject: string }[];
}

/** Sends raw bytes and reads until the server closes. */
async function speak(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.write(text);
  await once(socket, "close");
  return answer;
}

describe("http/server", () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await createFakeNode();
  });
  afterEach(() => node.app.close());

  const send = (payload: string, contentType = "application/json") =>
    node.app.inject({ method: "POST", url: "/v1/transfers", payload, headers: { "content-type": contentType } });

  describe("refuses as a problem", () => {
    for (const [name, payload, status, code] of [
      ["JSON that is cut off", "{", 400, "request_malformed"],
      ["an empty body that says it is JSON", "", 400, "request_malformed"],
      ["an array", "[]", 400, "request_malformed"],
      ["null", "null", 400, "request_malformed"],
      ["a prototype in disguise", '{"__proto__":{"coin":"XUS"}}', 400, "request_malformed"],
    ] as const) {
      it(name, async () => {
        const answer = await send(payload);
        expect(answer.statusCode).to.equal(status);
        expect(answer.headers["content-type"]).to.equal("application/problem+json; charset=utf-8");
        expect(answer.json<Body>().code).to.equal(code);
      });
    }

    for (const contentType of [
      "text/plain",
      "application/xml",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
    ]) {
      it(`content of type ${contentType}`, async () => {
        const answer = await send(JSON.stringify(createTransfer()), contentType);
        expect(answer.statusCode).to.equal(415);
        expect(answer.json<Body>().code).to.equal("content_type_unsupported");
        expect(node.state.submitted).to.have.length(0);
      });
    }

    it("a body over 1 MiB, and takes one of exactly 1 MiB to the schema", async () => {
      const fill = (bytes: number) => `"${"a".repeat(bytes - 2)}"`;
      const over = await send(fill(1_048_577));
      expect(over.statusCode).to.equal(413);
      expect(over.json<Body>().code).to.equal("request_too_large");
      expect((await send(fill(1_048_576))).statusCode).to.equal(400);
    });

    it("an unknown route, an unknown method and a path that cannot be decoded", async () => {
      for (const [method, url, status] of [
        ["GET", "/v1/nothing", 404],
        ["DELETE", "/v1/transfers", 404],
        ["POST", "/health", 404],
        ["GET", "/v1/transfers/%zz", 400],
        ["GET", `/v1/transfers/${"a".repeat(67)}`, 400],
        ["GET", "/../../etc/passwd", 404],
      ] as const) {
        const answer = await node.app.inject({ method, url });
        expect(answer.statusCode, url).to.equal(status);
        expect(answer.headers["content-type"]).to.equal("application/problem+json; charset=utf-8");
      }
    });

    it("names the path of each wrong field, all at once", async () => {
      const answer = await send(JSON.stringify(createTransfer({ extra: 1 }, { value: 5, nonce: "0x1" })));
      expect(answer.statusCode).to.equal(400);
      const subjects = answer.json<Body>().errors.map(({ subject }) => subject);
      expect(subjects).to.include.members(["authorization.value", "authorization.nonce"]);
      expect(answer.body).to.include("extra");
    });

    it("what is not HTTP, and headers without end, on the wire", async () => {
      const port = Number(new URL(await listen(node)).port);
      const nonsense = await speak(port, "hello\r\n\r\n");
      expect(nonsense)
        .to.match(/^HTTP\/1\.1 400 Bad Request/)
        .and.to.include("application/problem+json");
      expect(nonsense).to.include('"code":"request_malformed"');
      const endless = await speak(port, `GET /health HTTP/1.1\r\nhost: a\r\nx: ${"a".repeat(20_000)}\r\n\r\n`);
      expect(endless)
        .to.match(/^HTTP\/1\.1 413 /)
        .and.to.include('"code":"request_too_large"');
    });

    it("a huge body whose sender reads only after it has sent everything", async () => {
      const port = Number(new URL(await listen(node)).port);
      const size = 3_000_000;
      for (const [path, status] of [
        ["/v1/transfers", 413],
        ["/v1/deposits", 401],
      ] as const) {
        const socket = connect(port, "127.0.0.1");
        let answer = "";
        socket.on("data", (chunk: Buffer) => {
          answer += chunk.toString();
        });
        socket.write(
          `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${size}\r\n\r\n`,
        );
        for (let sent = 0; sent < size; sent += 100_000) {
          await new Promise((resolve) => setTimeout(resolve, 2));
          socket.write("x".repeat(100_000));
        }
        socket.end();
        await once(socket, "close");
        expect(answer).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
      }
    });
  });

  describe("limits rates", () => {
    it("per address without login and per key with one, and says when to come back", async () => {
      const limited = await createFakeNode({ limits: { ...node.deps.limits, requestsPerMinute: 2 } });
      const ask = (headers: Record<string, string> = {}, remoteAddress = "10.0.0.1") =>
        limited.app.inject({ url: "/v1/network", headers, remoteAddress });
      const operator = { authorization: `Bearer ${keyOf("operator")}` };
      expect((await ask()).statusCode).to.equal(200);
      expect((await ask()).statusCode).to.equal(200);
      const third = await ask();
      expect(third.statusCode).to.equal(429);
      expect(third.json<Body>().code).to.equal("rate_limited");
      expect(Number(third.headers["retry-after"])).to.be.within(1, 60);
      expect((await ask({}, "10.0.0.2")).statusCode).to.equal(200);
      expect((await ask(operator)).statusCode).to.equal(200);
      expect((await limited.app.inject({ url: "/health", remoteAddress: "10.0.0.1" })).statusCode).to.equal(200);
      await limited.app.close();
    });

    it("P13: by the monotonic clock, so that a wall clock that was set back keeps nobody out", async () => {
      let elapsed = 0;
      const clock = { now: () => 1_800_000_000_000 - 10 * elapsed, monotonic: () => elapsed };
      const limited = await createFakeNode({ clock, limits: { ...node.deps.limits, requestsPerMinute: 2 } });
      const ask = async () => (await limited.app.inject({ url: "/v1/network", remoteAddress: "10.0.0.5" })).statusCode;
      expect([await ask(), await ask(), await ask()]).to.deep.equal([200, 200, 429]);
      elapsed = 59_999;
      expect(await ask()).to.equal(429);
      elapsed = 60_000;
      expect([await ask(), await ask(), await ask()]).to.deep.equal([200, 200, 429]);
      await limited.app.close();
    });

    it("guessing keys and unknown routes too", async () => {
      const limited = await createFakeNode({ limits: { ...node.deps.limits, requestsPerMinute: 3 } });
      const guess = (n: number) =>
        limited.app.inject({
          url: "/v1/lanes",
          headers: { authorization: `Bearer guess-${n}` },
          remoteAddress: "10.0.0.3",
        });
      const statuses = [];
      for (let n = 0; n < 4; n++) statuses.push((await guess(n)).statusCode);
      expect(statuses).to.deep.equal([401, 401, 401, 429]);
      const unknown = [];
      for (let n = 0; n < 4; n++) {
        unknown.push((await limited.app.inject({ url: "/nothing", remoteAddress: "10.0.0.4" })).statusCode);
      }
      expect(unknown).to.deep.equal([404, 404, 404, 429]);
      await limited.app.close();
    });
  });

  describe("closes", () => {
    it("without waiting for long polls", async () => {
      const { headers, id } = await (async () => {
        const answer = await node.app.inject({ method: "POST", url: "/v1/transfers", payload: createTransfer() });
        return { headers: answer.headers, id: answer.json<{ id: string }>().id };
      })();
      expect(headers["content-type"]).to.equal("application/json; charset=utf-8");
      const url = await listen(node);
      const started = performance.now();
      const poll = fetch(`${url}/v1/transfers/${id}?wait=30`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await node.app.close();
      const answer = await poll;
      expect(answer.status).to.equal(200);
      expect(await answer.json()).to.include({ id, state: "accepted" });
      expect(performance.now() - started).to.be.lessThan(3_000);
    });
  });

  describe("serves pages", () => {
    let folder: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "remesa-pages-"));
      mkdirSync(join(folder, "parts"));
      writeFileSync(join(folder, "index.html"), "<!doctype html><title>t</title>");
      writeFileSync(join(folder, "style.css"), "body{}");
      writeFileSync(join(folder, "parts", "app.js"), "export {};");
      writeFileSync(join(folder, "notes.txt"), "not a page");
    });
    after(() => rmSync(folder, { recursive: true }));

    it("with their types, a policy that loads nothing from elsewhere, and a 304 for what is known", async () => {
      const { app } = await createFakeNode({ webRoot: folder });
      for (const [url, type] of [
        ["/", "text/html; charset=utf-8"],
        ["/index.html", "text/html; charset=utf-8"],
        ["/style.css", "text/css; charset=utf-8"],
        ["/parts/app.js", "text/javascript; charset=utf-8"],
      ] as const) {
        const answer = await app.inject({ url });
        expect(answer.statusCode, url).to.equal(200);
        expect(answer.headers["content-type"]).to.equal(type);
        const policy = String(answer.headers["content-security-policy"]);
        expect(policy)
          .to.include("default-src 'none'")
          .and.to.not.match(/https?:|unsafe|\*/);
        const etag = String(answer.headers["etag"]);
        expect((await app.inject({ url, headers: { "if-none-match": etag } })).statusCode).to.equal(304);
      }
      await app.close();
    });

    it("and nothing else of the folder or beside it", async () => {
      const { app } = await createFakeNode({ webRoot: folder });
      for (const url of ["/notes.txt", "/parts", "/parts/", "/..%2f..%2fetc%2fpasswd", "/parts/..%2findex.html"]) {
        expect((await app.inject({ url })).statusCode, url).to.equal(404);
      }
      await app.close();
    });

    it("the readable document without another host", async () => {
      const answer = await node.app.inject({ url: "/docs/" });
      expect(answer.statusCode).to.equal(200);
      expect(String(answer.headers["content-security-policy"])).to.not.match(/https?:/);
      const sources = [...answer.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? "");
      expect(sources.length).to.be.greaterThan(2);
      for (const source of sources) {
        expect(source).to.not.match(/^(https?:)?\/\//);
        const found = await node.app.inject({ url: new URL(source, "http://x/docs/").pathname });
        expect(found.statusCode, source).to.equal(200);
      }
    });
  });
});
