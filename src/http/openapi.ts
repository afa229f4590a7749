/**
 * The OpenAPI 3.1 document and its readable page. Owns what is true of every route: its login, its problems; the rest comes from the schemas
 * that also validate, so the document cannot say anything else than the node does.
 */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "@fastify/type-provider-zod";
import type { App } from "./app.ts";
import type { Access } from "./auth.ts";

const description = `Amounts are strings of base units; times are RFC 3339 UTC in resources and Unix seconds inside signed structures. What is
signed is known by its digest: the same digest is the same resource, under any key or none; 202 while it lives, 200 when it has ended. Everything
else that creates needs an Idempotency-Key, scoped to the API key; a repeat answers with the same id and \`Idempotency-Hit: true\`. Problems are
application/problem+json (RFC 9457) with a \`code\`; \`retryable\` says whether the same request may succeed later.`;

/** Who is admitted, in the document's words. An empty requirement is "without login". */
const security: Readonly<Record<Access, readonly Record<string, readonly string[]>[]>> = {
  public: [{}],
  login: [{ walletToken: [] }, { apiKey: [] }],
  reader: [{ apiKey: [] }],
  operator: [{ apiKey: [] }],
  approver: [{ apiKey: [] }],
};

const problemResponse = {
  description: "A problem; its `code` says which",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** Shown where the node may sign: which is where a creation has no digest of the client's to be known by. */
const idempotencyHeader = {
  type: "object",
  properties: {
    "idempotency-key": {
      type: "string",
      maxLength: 255,
      description:
        "Needed when the node signs, and for a webhook; scoped to the API key. Repeat a request with the key of its first time.",
    },
  },
};

/** The page without somebody else's bar on top. */
const pageStyle = ".swagger-ui .topbar { display: none }";

const streamResponse = (type: string) => ({
  200: { description: "Success", content: { [type]: { schema: { type: "string" } } } },
});

/** The page's own files and inline parts; nothing from other hosts. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Operation {
  responses?: Record<string, unknown>;
  security?: unknown;
}

/** Adds to each operation what every route has. */
function complete(paths: Record<string, Record<string, Operation>>): void {
  for (const item of Object.values(paths)) {
    for (const operation of Object.values(item)) {
      const own = operation.responses ?? {};
      for (const response of Object.values(own) as { description?: string }[]) {
        if (response.description === "Default Response") response.description = "Success";
      }
      operation.responses = { ...own, default: problemResponse };
    }
  }
}

interface Document {
  readonly paths?: Record<string, Record<string, Operation>>;
  readonly components?: { schemas?: Record<string, unknown> };
}

/** Every schema comes in a form for requests and one for answers; leaves out the forms nobody refers to. */
function prune({ paths, components }: Document): void {
  const all = components?.schemas ?? {};
  const found = new Set<string>();
  const look = (part: unknown): void => {
    for (const [, name = ""] of JSON.stringify(part ?? null).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (found.has(name)) continue;
      found.add(name);
      look(all[name]);
    }
  };
  look(paths);
  if (components !== undefined)
    components.schemas = Object.fromEntries(Object.entries(all).filter(([name]) => found.has(name)));
}

/** Registers the document; routes that come after it are in it. */
export async function addDocument(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Remesa node", version, description, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
      servers: [{ url: "/" }],
      components: {
        securitySchemes: {
          apiKey: {
            type: "http",
            scheme: "bearer",
            description: "An API key with a role: operator, approver, auditor",
          },
          walletToken: { type: "http", scheme: "bearer", description: "The token of a wallet login (POST /v1/login)" },
        },
      },
    },
    transform: (input) => {
      const { schema, url } = jsonSchemaTransform(input);
      const access = input.route.config?.access;
      const produced = (input.schema as { produces?: readonly string[] } | undefined)?.produces?.[0];
      const isRoles = access === "operator" || access === "approver";
      const signsItself =
        input.route.method === "POST" && isRoles && url !== "/v1/resume" && !url.startsWith("/v1/lanes/");
      const extra = {
        ...(signsItself || url === "/sandbox/faucet" || url === "/v1/webhook-endpoints"
          ? { headers: idempotencyHeader }
          : {}),
        ...(access === undefined ? {} : { security: security[access] }),
        ...(produced === undefined ? {} : { response: streamResponse(produced) }),
      };
      return { schema: { ...schema, ...extra } as typeof schema, url };
    },
    transformObject: (input) => {
      const document = jsonSchemaTransformObject(input) as Document;
      complete(document.paths ?? {});
      prune(document);
      return document as ReturnType<typeof jsonSchemaTransformObject>;
    },
  });

  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: pagePolicy,
    uiConfig: { validatorUrl: null, deepLinking: true, docExpansion: "list" },
    theme: { title: "Remesa node", css: [{ filename: "page.css", content: pageStyle }] },
  });

  app.get("/openapi.json", { config: { access: "public" }, schema: { hide: true } }, async (_request, reply) =>
    reply.header("content-type", "application/json; charset=utf-8").send(app.swagger()),
  );
}
