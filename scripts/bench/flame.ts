/**
 * A flame graph of the node's hot path as one SVG file: width is sampled time, a row lies on what called it. Owns the drawing; folding samples
 * into stacks is profile.ts's. Frames too narrow to see are left out, and the text says how much of the whole they were.
 */
export interface Stack {
  /** Outermost first. */
  readonly frames: readonly string[];
  readonly micros: number;
}

interface Box {
  readonly name: string;
  micros: number;
  readonly above: Map<string, Box>;
}

const width = 1_200;
const rowHeight = 17;
/** Pixels of one letter, and below which a box is not drawn. */
const letter = 6.2;
const leastWidth = 2;

/** By folder of the source, so that the eye finds chain, store and HTTP; everything else is grey. */
const colours: readonly (readonly [string, string])[] = [
  ["src/chain/", "#f2b36b"],
  ["src/store/", "#8fbf8a"],
  ["src/pipeline/", "#e58f7b"],
  ["src/http/", "#8fb3d9"],
  ["src/domain/", "#c9a7d8"],
  ["src/", "#d9cf8f"],
];

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

function stackUp(stacks: readonly Stack[]): Box {
  const root: Box = { name: "node", micros: 0, above: new Map() };
  for (const { frames, micros } of stacks) {
    root.micros += micros;
    let box = root;
    for (const name of frames) {
      const next: Box = box.above.get(name) ?? { name, micros: 0, above: new Map() };
      box.above.set(name, next);
      next.micros += micros;
      box = next;
    }
  }
  return root;
}

interface Drawn {
  readonly x: number;
  readonly depth: number;
  readonly box: Box;
}

function place(root: Box): readonly Drawn[] {
  const scale = width / root.micros;
  const drawn: Drawn[] = [];
  const open: Drawn[] = [{ x: 0, depth: 0, box: root }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    drawn.push(at);
    let { x } = at;
    for (const box of [...at.box.above.values()].sort((a, b) => b.micros - a.micros)) {
      if (box.micros * scale >= leastWidth) open.push({ x, depth: at.depth + 1, box });
      x += box.micros * scale;
    }
  }
  return drawn;
}

/** The SVG text. `payments` turns sampled time into µs per payment in the tooltips. */
export function drawFlame(stacks: readonly Stack[], options: { title: string; payments: number }): string {
  const root = stackUp(stacks);
  if (root.micros === 0) throw new Error("there is no sample to draw");
  const drawn = place(root);
  const rows = Math.max(...drawn.map(({ depth }) => depth)) + 1;
  const height = (rows + 1) * rowHeight + 8;
  const boxes = drawn.map(({ x, depth, box }) => {
    const wide = (box.micros / root.micros) * width;
    const y = height - (depth + 1) * rowHeight;
    const each = (box.micros / options.payments).toFixed(1);
    const share = ((100 * box.micros) / root.micros).toFixed(1);
    const fill = colours.find(([folder]) => box.name.includes(folder))?.[1] ?? "#cccccc";
    const fits = Math.floor((wide - 4) / letter);
    const text = fits < 3 ? "" : box.name.length > fits ? `${box.name.slice(0, fits - 1)}…` : box.name;
    const title = `<title>${escape(`${box.name}: ${each} µs per payment, ${share} %`)}</title>`;
    const rect = `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(wide - 0.5, 0.5).toFixed(1)}" height="${rowHeight - 1}" fill="${fill}"/>`;
    const label = text === "" ? "" : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escape(text)}</text>`;
    return `<g>${title}${rect}${label}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="10">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="4" y="14">${escape(options.title)}</text>`,
    ...boxes,
    "</svg>",
    "",
  ].join("\n");
}
