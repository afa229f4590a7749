/**
 * The HTTP surface, put together. Owns the order in which a request is looked at: who calls, how often, is it admitted, is it well formed; then
 * its route. Promises that every error leaves as a problem, that a route without a stated access does not start, and that closing waits for
 * no long poll and no stream.
 */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "@fastify/type-provider-zod";
import Fastify, { type FastifyError, type FastifyRequest, LogController } from "fastify";
import type { Socket } from "node:net";
import type { App, RouteParts } from "./app.ts";
import { admit, createAuth } from "./auth.ts";
import type { ServerDeps } from "./deps.ts";
import { addEvents } from "./events.ts";
import { addFiles } from "./files.ts";
import { createLogin } from "./login.ts";
import { addMetrics } from "./metrics.ts";
import { addDocument } from "./openapi.ts";
import { answerError, RejectedError, sendProblem, toProblem } from "./problem.ts";
import { createRates } from "./rates.ts";
import { addClaims } from "./routes/claims.ts";
import { addDeposits } from "./routes/deposits.ts";
import { addExits } from "./routes/exits.ts";
import { addFacts } from "./routes/facts.ts";
import { addFamilies } from "./routes/families.ts";
import { addLanes } from "./routes/lanes.ts";
import { addLogin } from "./routes/login.ts";
import { addOperations } from "./routes/operations.ts";
import { addOrders } from "./routes/orders.ts";
import { addPayments } from "./routes/payments.ts";
import { addQuotes } from "./routes/quotes.ts";
import { addRedemptions } from "./routes/redemptions.ts";
import { addSandbox } from "./routes/sandbox.ts";
import { addTransfers } from "./routes/transfers.ts";
import { addWebhooks } from "./routes/webhooks.ts";
import { createSubmission } from "./submission.ts";
import { createWaiting } from "./waiting.ts";

const bodyLimit = 1_024 * 1_024;
/** To send a whole request; a client that trickles longer is cut off. */
const requestTimeoutMs = 30_000;
const keepAliveMs = 72_000;
/** What a refused sender may still send before it is cut off, and for how long. */
const lingerBytes = 16 * 1_024 * 1_024;
const lingerMs = 5_000;

/** What Node refuses before there is a request: written by hand, because there is nothing to answer with yet. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === "HPE_HEADER_OVERFLOW";
  const problem = toProblem([
    tooLarge
      ? { code: "request_too_large", subject: "headers", remedy: "Send shorter headers." }
      : { code: "request_malformed", subject: "request", remedy: "Send a well-formed HTTP request." },
  ]);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function createApp({ logger }: ServerDeps): App {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // A closing node still answers what it has taken in; the default answer would not be a problem.
    return503OnClosing: false,
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    clientErrorHandler: refuseConnection,
    frameworkErrors: (error, request, reply) => {
      answerError(error as FastifyError, request, reply);
    },
    routerOptions: { maxParamLength: 128 },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // JSON is the only body there is.
  app.removeContentTypeParser("text/plain");
  return app as unknown as App;
}

/**
 * Reads a body that nobody wants away, within bounds. A sender that is refused while it still sends would otherwise find its connection
 * reset, and never see why.
 */
async function readAway(raw: IncomingMessage): Promise<void> {
  if (raw.readableEnded || raw.destroyed) return;
  await new Promise<void>((resolve) => {
    let bytes = 0;
    const stop = () => {
      clearTimeout(timer);
      raw.off("data", count).off("end", stop).off("close", stop);
      resolve();
    };
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > lingerBytes) stop();
    };
    const timer = setTimeout(stop, lingerMs);
    raw.on("data", count).once("end", stop).once("close", stop).resume();
  });
}

function addLinger(app: App): void {
  app.addHook("onSend", async ({ headers, raw }) => {
    if (headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined) await readAway(raw);
  });
}

/** Pages may load their own files and talk to this node, nothing else. */
async function addHeaders(app: App): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // The node speaks plain HTTP behind whatever ends TLS; that one knows whether to insist on it.
    strictTransportSecurity: false,
    referrerPolicy: { policy: "no-referrer" },
  });
}

function toRateKey({ caller, ip }: FastifyRequest): string {
  if (caller.kind === "key") return `key ${caller.id}`;
  return caller.kind === "wallet" ? `wallet ${caller.address}` : `ip ${ip}`;
}

/** Who calls, then how often, then whether the route admits them. */
async function addGate(app: App, parts: RouteParts): Promise<void> {
  app.decorateRequest("caller");
  app.decorateRequest("credentialError", null);
  app.decorateRequest("received");

  app.addHook("onRoute", (route) => {
    // The document's own pages come from a plugin and are for everyone.
    if (route.url.startsWith("/docs")) route.config = { ...route.config, access: "public" };
    if (route.config?.access === undefined) throw new Error(`${route.method} ${route.url} does not state its access`);
  });
  app.addHook("onRequest", async (request) => {
    request.caller = { kind: "none" };
    try {
      request.caller = parts.auth.identify(request.headers.authorization);
    } catch (error) {
      // Counted first, by address: guessing keys must not be free.
      request.credentialError = error as Error;
    }
  });
  await app.register(rateLimit, {
    max: parts.limits.requestsPerMinute,
    timeWindow: 60_000,
    store: createRates(parts.clock),
    keyGenerator: toRateKey,
    errorResponseBuilder: (_request, { max }) =>
      new RejectedError({
        code: "rate_limited",
        subject: "requests",
        limit: `${max} per minute`,
        remedy: "Send fewer requests; use the batch route for many transfers.",
      }),
  });
  // After the count, which the plugin adds to each route's own onRequest; before a body is read.
  app.addHook("preParsing", async (request) => {
    if (request.is404) return;
    if (request.credentialError !== null) throw request.credentialError;
    admit(request.caller, request.routeOptions.config?.access ?? "public");
  });
  app.addHook("preValidation", async (request) => {
    request.received = request.body;
  });
}

function addUnknown(app: App): void {
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) =>
    sendProblem(
      reply,
      toProblem([
        {
          code: "not_found",
          subject: "route",
          actual: `${request.method} ${request.url.split("?", 1)[0]?.slice(0, 200) ?? ""}`,
          remedy: "See /openapi.json for what there is.",
        },
      ]),
    ),
  );
}

/** Builds the server; the caller listens and closes. */
export async function createServer(deps: ServerDeps): Promise<App> {
  const app = createApp(deps);
  const parts: RouteParts = {
    ...deps,
    submission: createSubmission(deps),
    waiting: createWaiting(deps.publisher),
    auth: createAuth(deps.apiKeys, deps.clock),
    login: createLogin({ chainId: deps.deployment.chainId, hosts: deps.loginHosts, clock: deps.clock }),
  };
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply));
  await addHeaders(app);
  addLinger(app);
  await addGate(app, parts);
  addUnknown(app);
  await addDocument(app, deps.version);
  const streams = addEvents(app, parts);
  addMetrics(app, parts, () => streams.open);
  addFacts(app, parts);
  addTransfers(app, parts);
  addDeposits(app, parts);
  addRedemptions(app, parts);
  addClaims(app, parts);
  addPayments(app, parts);
  addQuotes(app, parts);
  addFamilies(app, parts);
  addExits(app, parts);
  addOrders(app, parts);
  addOperations(app, parts);
  addLanes(app, parts);
  addLogin(app, parts);
  addWebhooks(app, parts);
  if (deps.sandbox !== null) addSandbox(app, parts, deps.sandbox);
  if (deps.webRoot !== null) addFiles(app, deps.webRoot);
  let closing = false;
  app.addHook("onSend", async (_request, reply) => {
    // Answered while closing: the connection would otherwise stay open for its keep-alive time, and closing with it.
    if (closing) reply.header("connection", "close");
  });
  app.addHook("preClose", async () => {
    closing = true;
    parts.waiting.release();
    streams.end();
  });
  await app.ready();
  return app;
}
