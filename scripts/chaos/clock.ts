/**
 * A wall clock that jumps: preloaded into the nodes of a chaos run, and only there, it moves what `Date` says by the milliseconds that a file holds. Looks
 * at the file many times a second and answers in a second one. Never touches timers, the monotonic clock or a database's clock.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const lookMs = 20;

function install(path: string): void {
  const Real = globalThis.Date;
  const realNow = Real.now.bind(Real);
  let offset = 0;
  let told = "";
  const now = (): number => realNow() + offset;
  globalThis.Date = new Proxy(Real, {
    apply: () => new Real(now()).toString(),
    construct: (target, args, made) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, made) as InstanceType<typeof Real>,
    get: (target, key) => (key === "now" ? now : (Reflect.get(target, key) as unknown)),
  });
  Real.prototype.constructor = globalThis.Date;

  /** A file that is being written reads as nothing: it is read again. */
  function look(): void {
    const text = readFileSync(path, "utf8");
    if (!/^-?\d+$/.test(text)) return;
    offset = Number(text);
    const answer = `${process.pid} ${offset}`;
    if (!isMainThread || answer === told) return;
    told = answer;
    writeFileSync(`${path}.seen`, answer);
  }

  look();
  setInterval(look, lookMs).unref();
}

const path = process.env["REMESA_CHAOS_CLOCK"];
if (path !== undefined) install(path);
