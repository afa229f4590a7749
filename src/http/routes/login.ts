/**
 * Wallet login. Owns the two routes of ERC-4361 sign-in: a challenge to sign, and the token for its signature.
 */
import type { App, RouteParts } from "../app.ts";
import { toTime } from "../resources.ts";
import { loginBody, loginQuery } from "../schemas.ts";
import { challenge, session } from "../views.ts";
import { spellAddress } from "../spelling.ts";

export function addLogin(app: App, { login, auth }: RouteParts): void {
  app.get(
    "/v1/login",
    {
      config: { access: "public" },
      schema: {
        tags: ["login"],
        summary: "A message for a wallet to sign (ERC-4361); good for five minutes and one login",
        querystring: loginQuery,
        response: { 200: challenge },
      },
    },
    async (request) => {
      const made = login.challenge({ address: request.query.address, host: request.host });
      return { ...made, expiresAt: toTime(made.expiresAt) };
    },
  );

  app.post(
    "/v1/login",
    {
      config: { access: "public" },
      schema: {
        tags: ["login"],
        summary: "A bearer token for the wallet that signed; good for one hour",
        body: loginBody,
        response: { 200: session },
      },
    },
    async (request) => {
      const address = await login.verify({ ...request.body, host: request.host });
      const { token, expiresAt } = auth.openSession(address);
      return { token, address: spellAddress(address), expiresAt: toTime(expiresAt) };
    },
  );
}
