/**
 * A progress bar on stderr. Draws only for a person, at most ten times a second, and clears itself at the end; where nobody looks it writes
 * nothing at all, so logs stay readable.
 */
import type { Terminal } from "./terminal.ts";

export interface Progress {
  /** Sets how much is done; `note` replaces the text behind the bar. */
  show(done: number, note?: string): void;
  /** Removes the bar. */
  end(): void;
}

const width = 24;
/** Ten redraws a second: fluent, and nothing beside the work itself. */
const redrawMs = 100;

export function createProgress(terminal: Terminal, options: { label: string; total: number }): Progress {
  const { label, total } = options;
  let drawnAt = 0;
  return {
    show(done, note = "") {
      const now = performance.now();
      if (!terminal.live || (now - drawnAt < redrawMs && done < total)) return;
      drawnAt = now;
      const filled = total === 0 ? width : Math.min(width, Math.floor((done / total) * width));
      const bar = "█".repeat(filled) + "░".repeat(width - filled);
      terminal.note(`\r\u001b[2K${label} ${bar} ${done}/${total} ${note}`);
    },
    end() {
      if (terminal.live) terminal.note("\r\u001b[2K");
    },
  };
}
