/**
 * The node's own pages. Owns reading them once at start and answering with exactly those: a path is looked up, never opened, so no path can
 * reach another file. Not for large files: everything is kept in memory.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import type { App } from "./app.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".webmanifest": "application/manifest+json",
};
/** Pages of a node, not a content store. */
const maxBytes = 20 * 1_024 * 1_024;

interface File {
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
}

/** Reads the files of a folder and its subfolders, by their path from `/`. Files of other types are left out. */
function readFiles(folder: string): ReadonlyMap<string, File> {
  const files = new Map<string, File>();
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    const type = types[extname(name)];
    if (type === undefined || !statSync(path).isFile()) continue;
    const body = readFileSync(path);
    bytes += body.length;
    if (bytes > maxBytes) throw new Error(`${folder} has more than ${maxBytes} bytes of pages`);
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 24)}"`;
    files.set(`/${name.replaceAll("\\", "/")}`, { type, body, etag });
  }
  return files;
}

export function addFiles(app: App, folder: string): void {
  const schema = { hide: true };
  for (const [path, file] of readFiles(folder)) {
    const urls = path === "/index.html" ? ["/", path] : [path];
    for (const url of urls) {
      // Fastify reads `:` and `*` in a pattern; file names with them are not pages of ours.
      if (/[:*]/.test(url)) continue;
      app.get(url, { config: { access: "public" }, schema }, async (request, reply) => {
        reply.header("etag", file.etag).header("cache-control", "no-cache");
        if (request.headers["if-none-match"] === file.etag) return reply.code(304).send();
        return reply.header("content-type", file.type).send(file.body);
      });
    }
  }
}
