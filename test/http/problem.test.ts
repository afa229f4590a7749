import { readFileSync } from "node:fs";
import { expect } from "chai";
import { pino } from "pino";
import type { Rejection, RejectionCode } from "../../src/domain/rejection.ts";
import { refuseSponsorship } from "../../src/domain/sponsorship.ts";
import { answers, RejectedError, toProblem } from "../../src/http/problem.ts";
import { ana, createFakeNode, createTransfer } from "../support/fake-node.ts";

const declared = (): string[] => {
  const source = readFileSync(new URL("../../src/domain/rejection.ts", import.meta.url), "utf8");
  const union = /export type RejectionCode =([\s\S]*?);/.exec(source)?.[1] ?? "";
  return [...union.matchAll(/"([a-z_]+)"/g)].map((match) => match[1] ?? "");
};

const reason = (code: RejectionCode, extra: object = {}) => ({ code, subject: "it", remedy: "Do this.", ...extra });

describe("http/problem", () => {
  describe("answers", () => {
    it("maps every rejection code that the domain declares, and no other", () => {
      expect(declared().length).to.be.greaterThan(30);
      expect(Object.keys(answers).toSorted()).to.deep.equal(declared().toSorted());
    });

    it("gives each code an error status and a title of its own", () => {
      const titles = Object.values(answers).map(({ title }) => title);
      expect(new Set(titles).size).to.equal(titles.length);
      for (const { status } of Object.values(answers)) expect(status).to.be.within(400, 503);
    });

    it("calls retryable exactly what waiting cures", () => {
      const retryable = Object.entries(answers).filter(([, { retryable }]) => retryable);
      expect(retryable.map(([code]) => code).toSorted()).to.deep.equal([
        "approval_missing",
        "chain_stale",
        "dealer_limit",
        "halted",
        "idempotency_in_flight",
        "internal",
        "not_yet_valid",
        "queue_full",
        "rate_limited",
        "sponsor_budget_exhausted",
        "storage_unavailable",
        "travel_rule",
      ]);
    });
  });

  describe("toProblem", () => {
    it("lists every reason and lets the first that waiting does not cure speak", () => {
      const problem = toProblem([reason("chain_stale"), reason("amount_zero"), reason("expired")]);
      expect(problem).to.include({ code: "amount_zero", status: 422, retryable: false });
      expect(problem.errors.map(({ code }) => code)).to.deep.equal(["chain_stale", "amount_zero", "expired"]);
    });

    it("is retryable when every reason is", () => {
      expect(toProblem([reason("chain_stale"), reason("queue_full")])).to.include({
        code: "chain_stale",
        retryable: true,
      });
    });

    it("carries extras at the top, with nonces as the words that are signed", () => {
      const problem = toProblem([reason("nonce_in_use", { extra: { freeNonces: ["1", 2n], seen: 5n } })]);
      expect(problem["freeNonces"]).to.deep.equal([`0x${"0".repeat(63)}1`, `0x${"0".repeat(63)}2`]);
      expect(problem["seen"]).to.equal("5");
    });

    it("never lets an extra replace a field of the problem", () => {
      const problem = toProblem([reason("nonce_in_use", { extra: { status: 200, code: "fine", errors: [] } })]);
      expect(problem).to.include({ status: 409, code: "nonce_in_use" });
      expect(problem.errors).to.have.length(1);
    });

    it("says actual and limit in the detail and in the error", () => {
      const problem = toProblem([reason("validity_too_long", { actual: "9", limit: "5" })]);
      expect(problem.detail).to.equal("it is 9, expected 5: Do this.");
      expect(problem.errors[0]).to.deep.equal(reason("validity_too_long", { actual: "9", limit: "5" }));
    });
  });

  describe("answers over HTTP", () => {
    for (const code of Object.keys(answers) as RejectionCode[]) {
      it(`answers ${answers[code].status} with ${code} as problem+json`, async () => {
        const { app, state } = await createFakeNode();
        state.refusal = [reason(code)];
        const answer = await app.inject({ method: "POST", url: "/v1/transfers", payload: createTransfer() });
        expect(answer.statusCode).to.equal(answers[code].status);
        expect(answer.headers["content-type"]).to.equal("application/problem+json; charset=utf-8");
        expect(answer.json()).to.include({
          type: `urn:remesa:problem:${code}`,
          title: answers[code].title,
          status: answers[code].status,
          code,
          retryable: answers[code].retryable,
        });
        await app.close();
      });
    }

    it("says with every 429 and 503 when to come back, in whole seconds (RFC 9110, section 10.2.3)", async () => {
      const { app, state } = await createFakeNode();
      const ask = async (refusal: Rejection): Promise<unknown> => {
        state.refusal = [refusal];
        const answer = await app.inject({ method: "POST", url: "/v1/transfers", payload: createTransfer() });
        return [answer.statusCode, answer.headers["retry-after"]];
      };
      const budget = { subject: ana, used: 5n, wanted: 1n, limit: 5n } as const;
      const day = 1_800_000_000_000 - (1_800_000_000_000 % 86_400_000);
      const hour = refuseSponsorship({ ...budget, scope: "hour", at: day + 3_600_000 - 90_500 });
      expect(await ask(hour), "until the hour is over, rounded up").to.deep.equal([429, "91"]);
      expect(await ask(refuseSponsorship({ ...budget, scope: "payer", at: day }))).to.deep.equal([429, "86400"]);
      expect(await ask(reason("rate_limited"))).to.deep.equal([429, "1"]);
      expect(await ask(reason("queue_full"))).to.deep.equal([503, "1"]);
      expect(await ask(reason("nonce_used"))).to.deep.equal([409, undefined]);
      await app.close();
    });

    it("hides what broke inside behind an id that is in the log", async () => {
      const lines: string[] = [];
      const logger = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
      const { app, state } = await createFakeNode({ logger });
      state.fault = new Error("password is hunter2");
      const answer = await app.inject({ url: `/v1/accounts/${ana}` });
      expect(answer.statusCode).to.equal(500);
      expect(answer.json()).to.include({ code: "internal" });
      expect(answer.body).to.not.match(/hunter2|\\n|\.ts|node_modules/);
      expect(lines.join()).to.include(answer.json<{ errorId: string }>().errorId).and.to.include("hunter2");
      await app.close();
    });

    for (const [name, code] of [
      ["StoreFault", "storage_unavailable"],
      ["ChainFault", "chain_stale"],
    ] as const) {
      it(`answers ${code} when an adapter throws a retryable ${name}`, async () => {
        const { app, state } = await createFakeNode();
        state.fault = Object.assign(new Error("the disk is full"), { name, retryable: true });
        const answer = await app.inject({ url: `/v1/accounts/${ana}` });
        expect(answer.statusCode).to.equal(503);
        expect(answer.json()).to.include({ code, retryable: true });
        expect(answer.headers["retry-after"]).to.equal("1");
        await app.close();
      });
    }
  });

  it("names the codes in the error's message", () => {
    expect(new RejectedError(reason("expired"), reason("amount_zero")).message).to.equal("expired, amount_zero");
  });
});
