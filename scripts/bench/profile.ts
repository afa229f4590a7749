/**
 * Where the node's processor time goes, from the profiles that V8 writes when the process ends. Owns the grouping: a sample belongs to the
 * nearest of our own files on its stack, so that what SQLite, the curve or the HTTP parser need is counted at whoever called them. Only
 * samples between the marks of a leg count; start, opening balances and end are in no figure.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Frame {
  readonly functionName: string;
  readonly url: string;
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame; readonly children?: readonly number[] }[];
  readonly samples: readonly number[];
  /** Microseconds, one per sample. */
  readonly timeDeltas: readonly number[];
  /** Monotonic microseconds. */
  readonly startTime: number;
}

/** From and to, monotonic microseconds. */
export type Window = readonly [bigint, bigint];

export interface GroupTime {
  readonly group: string;
  readonly micros: number;
}

/** What makes every Node process below write its profile into the folder. */
export function toProfileOptions(folder: string): string {
  return `--cpu-prof --cpu-prof-interval 500 --cpu-prof-dir=${folder}`;
}

/** The file or package a frame belongs to; null for what the engine itself does on somebody's behalf. */
function toOwner({ url }: Frame): { readonly name: string; readonly isOurs: boolean } | null {
  const ours = /\/(src\/[^/]+(?:\/[^/]+)*\.[tj]s)$/.exec(url);
  if (ours !== null && !url.includes("/node_modules/")) return { name: ours[1] ?? "", isOurs: true };
  const installed = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url);
  if (installed !== null) return { name: installed[1] ?? "", isOurs: false };
  return url.startsWith("node:") ? { name: url, isOurs: false } : null;
}

/** Group of every node: our nearest file, otherwise the nearest package, otherwise the frame's own name. */
function toGroups(profile: Profile): ReadonlyMap<number, string> {
  const groups = new Map<number, string>();
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const root = profile.nodes[0];
  const open = root === undefined ? [] : [{ node: root, ours: null as string | null, theirs: null as string | null }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const owner = toOwner(at.node.callFrame);
    const ours = owner?.isOurs === true ? owner.name : at.ours;
    const theirs = owner?.isOurs === false ? owner.name : at.theirs;
    groups.set(at.node.id, ours ?? theirs ?? (at.node.callFrame.functionName || "(anonymous)"));
    for (const id of at.node.children ?? []) {
      const node = byId.get(id);
      if (node !== undefined) open.push({ node, ours, theirs });
    }
  }
  return groups;
}

const idle: ReadonlySet<string> = new Set(["(idle)", "(program)", "(root)"]);

/** Self time per group inside the windows, longest first. `program`: a file that only the wanted process has run. */
export function summarizeProfiles(options: {
  readonly folder: string;
  readonly program: string;
  readonly windows: readonly Window[];
}): readonly GroupTime[] {
  const { folder, program, windows } = options;
  const times = new Map<string, number>();
  const read = (name: string): Profile => JSON.parse(readFileSync(join(folder, name), "utf8")) as Profile;
  const names = readdirSync(folder).filter((name) => name.endsWith(".cpuprofile"));
  const isWanted = ({ nodes }: Profile) => nodes.some(({ callFrame }) => callFrame.url.endsWith(program));
  // Its worker threads write profiles of their own: same process id, the fourth part of the name.
  const processes = new Set(names.filter((name) => isWanted(read(name))).map((name) => name.split(".")[3]));
  for (const name of names) {
    if (!processes.has(name.split(".")[3])) continue;
    const profile = read(name);
    const groups = toGroups(profile);
    let now = profile.startTime;
    for (const [index, id] of profile.samples.entries()) {
      const took = profile.timeDeltas[index] ?? 0;
      now += took;
      const group = groups.get(id) ?? "(unknown)";
      if (idle.has(group) || !windows.some(([from, to]) => now >= Number(from) && now <= Number(to))) continue;
      times.set(group, (times.get(group) ?? 0) + took);
    }
  }
  return [...times].map(([group, micros]) => ({ group, micros })).sort((a, b) => b.micros - a.micros);
}
