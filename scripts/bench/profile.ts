/**
 * Where the node's processor time goes, from the profiles that V8 writes when the process ends. Owns the grouping: a sample belongs to the
 * nearest of our own files on its stack, so that what SQLite, the curve or the HTTP parser need is counted at whoever called them. Only
 * samples between the marks of a leg count; start, opening balances and end are in no figure.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Stack } from "./flame.ts";

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

/** Frames of every node, outermost first: ours by function and file, runs of one package as one, the engine's own by its name. */
function toStacks(profile: Profile): ReadonlyMap<number, readonly string[]> {
  const stacks = new Map<number, readonly string[]>();
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const root = profile.nodes[0];
  const open = root === undefined ? [] : [{ node: root, below: [] as readonly string[] }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { callFrame } = at.node;
    const owner = toOwner(callFrame);
    const own = callFrame.functionName || "(anonymous)";
    const name = owner === null ? own : owner.isOurs ? `${own} ${owner.name}` : owner.name;
    const stack = at.node === root || at.below.at(-1) === name ? at.below : [...at.below, name];
    stacks.set(at.node.id, stack);
    for (const id of at.node.children ?? []) {
      const node = byId.get(id);
      if (node !== undefined) open.push({ node, below: stack });
    }
  }
  return stacks;
}

export interface Profiled {
  readonly folder: string;
  /** A file that only the wanted process has run. */
  readonly program: string;
  readonly windows: readonly Window[];
}

/** Calls `take` for every sample of the wanted process inside the windows. */
function readSamples(
  { folder, program, windows }: Profiled,
  take: (profile: Profile, id: number, micros: number) => void,
) {
  const read = (name: string): Profile => JSON.parse(readFileSync(join(folder, name), "utf8")) as Profile;
  const names = readdirSync(folder).filter((name) => name.endsWith(".cpuprofile"));
  const isWanted = ({ nodes }: Profile) => nodes.some(({ callFrame }) => callFrame.url.endsWith(program));
  // Its worker threads write profiles of their own: same process id, the fourth part of the name.
  const processes = new Set(names.filter((name) => isWanted(read(name))).map((name) => name.split(".")[3]));
  for (const name of names) {
    if (!processes.has(name.split(".")[3])) continue;
    const profile = read(name);
    let now = profile.startTime;
    for (const [index, id] of profile.samples.entries()) {
      const took = profile.timeDeltas[index] ?? 0;
      now += took;
      if (windows.some(([from, to]) => now >= Number(from) && now <= Number(to))) take(profile, id, took);
    }
  }
}

/** Self time per group inside the windows, longest first. */
export function summarizeProfiles(profiled: Profiled): readonly GroupTime[] {
  const times = new Map<string, number>();
  const groupsOf = new Map<Profile, ReadonlyMap<number, string>>();
  readSamples(profiled, (profile, id, took) => {
    const groups = groupsOf.get(profile) ?? toGroups(profile);
    groupsOf.set(profile, groups);
    const group = groups.get(id) ?? "(unknown)";
    if (!idle.has(group)) times.set(group, (times.get(group) ?? 0) + took);
  });
  return [...times].map(([group, micros]) => ({ group, micros })).sort((a, b) => b.micros - a.micros);
}

/** Every stack inside the windows with the time spent at its top. */
export function foldProfiles(profiled: Profiled): readonly Stack[] {
  const folded = new Map<string, { frames: readonly string[]; micros: number }>();
  const stacksOf = new Map<Profile, ReadonlyMap<number, readonly string[]>>();
  readSamples(profiled, (profile, id, took) => {
    const stacks = stacksOf.get(profile) ?? toStacks(profile);
    stacksOf.set(profile, stacks);
    const frames = stacks.get(id) ?? [];
    if (idle.has(frames.at(-1) ?? "(root)")) return;
    const key = frames.join("\n");
    const stack = folded.get(key) ?? { frames, micros: 0 };
    stack.micros += took;
    folded.set(key, stack);
  });
  return [...folded.values()];
}
