/**
 * What a devnet says when it is ready. Owns the links: the page's carries the read-only auditor key in its fragment, which a browser
 * never sends to any server; keys that can do something stay in the credentials file.
 */
import { join, relative } from "node:path";
import pc from "picocolors";
import type { Credentials } from "../../src/config.ts";
import { formatAmount } from "../../src/domain/amount.ts";

export interface Ready {
  readonly url: string;
  readonly rpcUrl: string;
  readonly chainId: number;
  readonly chain: string;
  readonly data: string;
  readonly block: number;
  /** Whether Ana and Luis have money and wallet operators. */
  readonly demo: boolean;
  /** From this amount on a payment between two operators' families needs an attestation. Base units. */
  readonly travelRuleLimit: string;
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

function describeRule({ demo, travelRuleLimit }: Ready): string {
  const limit = `${formatAmount(BigInt(travelRuleLimit))} XUS or XGT and more between two operators needs an attestation`;
  return demo ? `${limit}  ${pc.dim("Ana is norte's, Luis is sur's")}` : limit;
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
    ["travel rule", describeRule(ready)],
    ["next", pc.bold("npm run remesa -- status")],
  ];
  const head = `${pc.green(pc.bold("ready"))}  ${ready.url}  ${pc.dim(`chain ${ready.chainId}, block ${ready.block}; Ctrl-C stops it`)}`;
  return [head, "", ...rows.map(([name = "", value = ""]) => `  ${name.padEnd(14)}${value}`), ""].join("\n");
}
