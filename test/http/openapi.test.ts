import { expect } from "chai";
import { createFakeNode, type FakeNode } from "../support/fake-node.ts";

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Calls back for every object inside, with its path. */
function walk(value: unknown, visit: (part: Json, path: string) => void, path = "#"): void {
  if (Array.isArray(value)) value.forEach((item, index) => walk(item, visit, `${path}/${index}`));
  if (!isObject(value)) return;
  visit(value, path);
  for (const [key, item] of Object.entries(value)) walk(item, visit, `${path}/${key}`);
}

const types = ["string", "number", "integer", "boolean", "object", "array", "null"];
const methods = ["get", "post", "delete"];

/** Rules of OpenAPI 3.1 and JSON Schema 2020-12 that a generator can get wrong; every finding is a line. */
function findFaults(document: Json): string[] {
  const faults: string[] = [];
  const schemas = ((document["components"] as Json)["schemas"] as Json) ?? {};
  const names = new Set<string>();
  walk(document, (part, path) => {
    const ref = part["$ref"];
    if (typeof ref === "string" && schemas[ref.replace("#/components/schemas/", "")] === undefined) {
      faults.push(`${path}: ${ref} leads nowhere`);
    }
    if (path.endsWith("/properties")) return;
    const type = part["type"];
    const inSchema = /\/schema(\/|$)|\/schemas\//.test(path) && !/\/(examples?|enum)\//.test(path);
    if (!inSchema) return;
    if (type !== undefined && ![type].flat().every((one) => types.includes(String(one))))
      faults.push(`${path}: type ${type}`);
    if ("nullable" in part) faults.push(`${path}: nullable is OpenAPI 3.0`);
    if (typeof part["exclusiveMinimum"] === "boolean") faults.push(`${path}: exclusiveMinimum is a number in 3.1`);
    if (typeof part["pattern"] === "string") new RegExp(part["pattern"], "u");
    for (const required of (part["required"] as string[] | undefined) ?? []) {
      if (!isObject(part["properties"]) || !(required in part["properties"]))
        faults.push(`${path}: requires ${required}`);
    }
  });
  for (const [url, item] of Object.entries(document["paths"] as Json)) {
    for (const [method, operation] of Object.entries(item as Json)) {
      const at = `${method} ${url}`;
      if (!methods.includes(method)) faults.push(`${at}: unexpected method`);
      const {
        responses,
        parameters = [],
        summary,
      } = operation as { responses: Json; parameters?: Json[]; summary: string };
      if (typeof summary !== "string") faults.push(`${at}: no summary`);
      if (names.has(summary)) faults.push(`${at}: summary of another route`);
      names.add(summary);
      if (!Object.keys(responses).some((status) => /^2\d\d$/.test(status))) faults.push(`${at}: no success`);
      for (const response of Object.values(responses) as Json[]) {
        if (typeof response["description"] !== "string") faults.push(`${at}: a response without description`);
      }
      const inPath = [...url.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const declared = parameters
        .filter((one) => one["in"] === "path" && one["required"] === true)
        .map((one) => one["name"]);
      if (inPath.join() !== declared.join()) faults.push(`${at}: path parameters ${declared.join()}`);
    }
  }
  return faults;
}

describe("http/openapi", () => {
  let node: FakeNode;
  let document: Json;
  before(async () => {
    node = await createFakeNode();
    document = (await node.app.inject({ url: "/openapi.json" })).json<Json>();
  });
  after(() => node.app.close());

  it("is OpenAPI 3.1 without a fault", () => {
    expect(document["openapi"]).to.equal("3.1.0");
    expect(document["info"]).to.include({ title: "Remesa node", version: "0.1.0" });
    expect(findFaults(document)).to.deep.equal([]);
  });

  it("is checked by rules that find faults", () => {
    const broken = structuredClone(document);
    const paths = broken["paths"] as Record<string, Record<string, Json>>;
    const get = paths["/v1/transfers/{id}"]?.["get"] ?? {};
    get["parameters"] = [];
    delete get["summary"];
    (broken["components"] as Record<string, Json>)["schemas"] = {};
    expect(findFaults(broken).join())
      .to.include("path parameters")
      .and.include("no summary")
      .and.include("leads nowhere");
  });

  it("contains every route of the node's surface", () => {
    const paths = document["paths"] as Record<string, Json>;
    const listed = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    expect(listed.toSorted()).to.deep.equal(
      [
        "delete /v1/webhook-endpoints/{id}",
        "get /health",
        "get /metrics",
        "get /ready",
        "get /v1/accounts/{address}",
        "get /v1/accounts/{address}/claims",
        "get /v1/accounts/{address}/payments",
        "get /v1/accounts/{address}/transfers",
        "get /v1/attestations/{id}",
        "get /v1/cancellations/{id}",
        "get /v1/claims/{id}",
        "get /v1/deposits/{id}",
        "get /v1/events",
        "get /v1/exits",
        "get /v1/intents/{id}",
        "get /v1/intents/{id}/trace",
        "get /v1/lanes",
        "get /v1/login",
        "get /v1/memberships/{id}",
        "get /v1/network",
        "get /v1/orders/{id}",
        "get /v1/payments/{id}",
        "get /v1/quotes/{id}",
        "get /v1/reconciliation",
        "get /v1/redemptions/{id}",
        "get /v1/transfers/{id}",
        "get /v1/vasps/{id}",
        "get /v1/webhook-endpoints",
        "get /v1/webhook-endpoints/{id}",
        "post /sandbox/faucet",
        "post /sandbox/time",
        "post /v1/accounts/{address}/complete-leave",
        "post /v1/accounts/{address}/leave",
        "post /v1/approvals",
        "post /v1/attestations",
        "post /v1/cancellations",
        "post /v1/claims",
        "post /v1/claims/{id}/cancel",
        "post /v1/claims/{id}/claim",
        "post /v1/claims/{id}/decline",
        "post /v1/claims/{id}/reclaim",
        "post /v1/deposits",
        "post /v1/lanes/{address}/drain",
        "post /v1/lanes/{address}/pause",
        "post /v1/lanes/{address}/resume",
        "post /v1/lanes/{address}/retire",
        "post /v1/lanes/{address}/rotate",
        "post /v1/login",
        "post /v1/orders",
        "post /v1/payments",
        "post /v1/payments/{id}/capture",
        "post /v1/payments/{id}/dispute",
        "post /v1/payments/{id}/reclaim",
        "post /v1/payments/{id}/refund",
        "post /v1/payments/{id}/resolve",
        "post /v1/payments/{id}/void",
        "post /v1/quotes",
        "post /v1/quotes/{id}/accept",
        "post /v1/quotes/{id}/cancel",
        "post /v1/redemptions",
        "post /v1/redemptions/{id}/accept",
        "post /v1/redemptions/{id}/approve",
        "post /v1/redemptions/{id}/cancel",
        "post /v1/redemptions/{id}/confirm",
        "post /v1/redemptions/{id}/dispute",
        "post /v1/redemptions/{id}/mark-sent",
        "post /v1/redemptions/{id}/reclaim",
        "post /v1/redemptions/{id}/reject",
        "post /v1/redemptions/{id}/resolve",
        "post /v1/resume",
        "post /v1/transfers",
        "post /v1/transfers/batch",
        "post /v1/vasps/{id}/members",
        "post /v1/webhook-endpoints",
        "post /v1/webhook-endpoints/{id}/enable",
        "post /v1/webhook-endpoints/{id}/replay",
      ].toSorted(),
    );
  });

  it("leaves the sandbox out where there is none", async () => {
    const { app } = await createFakeNode({ sandbox: null });
    expect(Object.keys(app.swagger().paths ?? {}).filter((path) => path.startsWith("/sandbox"))).to.deep.equal([]);
    expect((await app.inject({ method: "POST", url: "/sandbox/time", payload: { seconds: 5 } })).statusCode).to.equal(
      404,
    );
    await app.close();
  });

  it("says of each operation that it may answer with a problem", () => {
    for (const item of Object.values(document["paths"] as Record<string, Record<string, Json>>)) {
      for (const operation of Object.values(item)) {
        const { default: problem } = operation["responses"] as Record<string, Json>;
        expect(JSON.stringify(problem)).to.include("application/problem+json");
      }
    }
  });

  it("says which login each route needs", () => {
    const paths = document["paths"] as Record<string, Record<string, Json>>;
    expect(paths["/v1/orders"]?.["post"]?.["security"]).to.deep.equal([{ apiKey: [] }]);
    expect(paths["/v1/approvals"]?.["post"]?.["security"]).to.deep.equal([{ apiKey: [] }]);
    expect(paths["/v1/events"]?.["get"]?.["security"]).to.deep.equal([{ walletToken: [] }, { apiKey: [] }]);
    expect(paths["/v1/transfers"]?.["post"]?.["security"]).to.deep.equal([{}]);
  });

  it("shows the Idempotency-Key exactly where the node may sign, and where a webhook is made", () => {
    const shown = Object.entries(document["paths"] as Record<string, Record<string, Json>>)
      .filter(([, item]) => JSON.stringify(item["post"]?.["parameters"] ?? []).includes('"idempotency-key"'))
      .map(([path]) => path);
    expect(shown.toSorted()).to.deep.equal([
      "/sandbox/faucet",
      "/v1/approvals",
      "/v1/deposits",
      "/v1/orders",
      "/v1/redemptions/{id}/accept",
      "/v1/redemptions/{id}/approve",
      "/v1/redemptions/{id}/confirm",
      "/v1/redemptions/{id}/mark-sent",
      "/v1/redemptions/{id}/reject",
      "/v1/redemptions/{id}/resolve",
      "/v1/webhook-endpoints",
    ]);
  });

  it("refuses unknown fields in every request body", () => {
    const bodies: string[] = [];
    const schemas = (document["components"] as Record<string, Json>)["schemas"] as Record<string, Json>;
    for (const [url, item] of Object.entries(document["paths"] as Record<string, Record<string, Json>>)) {
      walk(item["post"]?.["requestBody"], (part, path) => {
        const target = typeof part["$ref"] === "string" ? (schemas[part["$ref"].split("/").at(-1) ?? ""] ?? {}) : part;
        walk(target, (inner) => {
          if (inner["type"] === "object" && inner["additionalProperties"] !== false) bodies.push(`${url} ${path}`);
        });
      });
    }
    expect(bodies).to.deep.equal([]);
  });
});
