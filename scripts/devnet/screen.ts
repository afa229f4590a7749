/**
 * What a devnet says when it is ready. Owns the links: the page's carries the read-only auditor key in its fragment, which a browser
 * never sends to any server; keys that can do something stay in the credentials file.
 */
import { join, relative } from "node:path";
import pc from "picocolors";
import type { Credentials } from "../../src/config.ts";

export interface Ready {
  readonly url: string;
  readonly rpcUrl: string;
  readonly chainId: number;
  readonly chain: string;
  readonly data: string;
  readonly block: number;
  readonly pids: { readonly devnet: number; readonly chain: number | null; readonly node: number };
}

export interface Links {
  readonly page: string;
  readonly docs: string;
  readonly openapi: string;
  readonly credentials: string;
  readonly logs: string;
}

export function toLinks({ url, data }: Ready, credentials: Credentials): Links {
  const auditor = credentials.apiKeys.find((key) => key.role === "auditor");
  const people = credentials.wallets.map(({ name, country, address }) => `${name}:${country}:${address}`).join(",");
  const fragment = new URLSearchParams({ ...(auditor === undefined ? {} : { key: auditor.key }), people });
  return {
    page: `${url}/#${fragment.toString().replaceAll("%3A", ":").replaceAll("%2C", ",")}`,
    docs: `${url}/docs`,
    openapi: `${url}/openapi.json`,
    credentials: join(data, "credentials.json"),
    logs: join(data, "logs"),
  };
}

/** The one JSON line of `--json`. */
export function formatReadyJson(ready: Ready, links: Links): string {
  return JSON.stringify({ ready: true, ...ready, links });
}

/** The line that begins with `ready`, and what to look at. */
export function formatReady(ready: Ready, links: Links): string {
  const here = (path: string): string => {
    const short = relative(process.cwd(), path);
    return short.startsWith("..") ? path : short;
  };
  const rows = [
    ["money moving", pc.cyan(links.page)],
    ["API pages", pc.cyan(links.docs)],
    ["chain", `${ready.rpcUrl}  ${pc.dim(ready.chain)}`],
    ["credentials", `${here(links.credentials)}  ${pc.dim("API keys, and the wallets of Ana and Luis")}`],
    ["logs", here(links.logs)],
    ["next", pc.bold("npm run remesa -- status")],
  ];
  const head = `${pc.green(pc.bold("ready"))}  ${ready.url}  ${pc.dim(`chain ${ready.chainId}, block ${ready.block}; Ctrl-C stops it`)}`;
  return [head, "", ...rows.map(([name = "", value = ""]) => `  ${name.padEnd(14)}${value}`), ""].join("\n");
}
