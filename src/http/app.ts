/**
 * The typed Fastify instance and what each request and route carries on it. Owns the declarations only: every route states its `access`, and
 * a route without one does not start.
 */
import type { ZodTypeProvider } from "@fastify/type-provider-zod";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Access, Auth, Caller } from "./auth.ts";
import type { ServerDeps } from "./deps.ts";
import type { Login } from "./login.ts";
import type { Submission } from "./submission.ts";
import type { Waiting } from "./waiting.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller;
    /** Set when the request carried a credential that is not valid: it is refused after it was counted. */
    credentialError: Error | null;
    /** The body as it was parsed, before validation changed it. */
    received: unknown;
  }
  interface FastifyContextConfig {
    access?: Access;
  }
}

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes work with. */
export interface RouteParts extends ServerDeps {
  readonly submission: Submission;
  readonly waiting: Waiting;
  readonly auth: Auth;
  readonly login: Login;
}
