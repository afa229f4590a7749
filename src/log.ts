/**
 * The log: one JSON line per fact on standard error, so that standard output stays for people and programs. Owns levels and redaction;
 * never writes keys, signatures' keystores or authorization headers.
 */
import { pino, type Logger } from "pino";

export type { Logger } from "pino";

export function createLog(level: string): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ["req.headers.authorization", "headers.authorization", "*.privateKey", "*.key"],
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
