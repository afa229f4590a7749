/**
 * Recovery on a thread of its own: the one computation of the node long enough to keep everything else waiting. This file is both ends:
 * loaded as a module it starts the thread, loaded by the thread it answers. Owns the bytes that pass between them; knows neither the
 * text of a signature nor which forms count. Keeps the process alive only while somebody waits for an answer.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Curve, loadCurve } from "./curve.ts";
import { type Keccak, loadKeccak } from "./digest.ts";

/** digest (32) ‖ r (32) ‖ s (32) ‖ parity of the point (1) */
export const questionBytes = 97;
/** 1 when somebody signed, else 0 (1) ‖ address (20) */
export const answerBytes = 21;

export interface RecoverThread {
  /** Questions one after the other in, answers in their order out. Rejects when the thread has died; it does not come back. */
  recover(questions: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

interface Message {
  readonly id: number;
  readonly bytes: Uint8Array;
}

const mark = "remesa:recover";

/** Answers one question after the other. */
export function answerAll({ curve, keccak }: { curve: Curve; keccak: Keccak }, questions: Uint8Array): Uint8Array {
  const count = questions.length / questionBytes;
  const answers = new Uint8Array(count * answerBytes);
  for (let i = 0; i < count; i++) {
    const question = questions.subarray(i * questionBytes, (i + 1) * questionBytes);
    const publicKey = curve.recover(question.subarray(0, 32), question.subarray(32, 96), question[96] === 1 ? 1 : 0);
    if (publicKey === null) continue;
    answers[i * answerBytes] = 1;
    answers.set(keccak(publicKey).subarray(12), i * answerBytes + 1);
  }
  return answers;
}

/** Starts the thread. It is asked in order and answers in order. */
export function startRecoverThread(): RecoverThread {
  const worker = new Worker(new URL(import.meta.url), { workerData: mark });
  worker.unref();
  const waiting = new Map<number, { resolve: (answers: Uint8Array) => void; reject: (error: Error) => void }>();
  let asked = 0;
  let death: Error | null = null;
  const die = (error: Error): void => {
    death ??= error;
    for (const { reject } of waiting.values()) reject(death);
    waiting.clear();
  };
  worker.on("message", ({ id, bytes }: Message) => {
    waiting.get(id)?.resolve(bytes);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
  });
  worker.on("error", die);
  worker.on("exit", (code) => die(new Error(`the thread that recovers signatures ended (${code})`)));
  return {
    recover(bytes) {
      if (death !== null) return Promise.reject(death);
      const id = asked++;
      const answer = new Promise<Uint8Array>((resolve, reject) => waiting.set(id, { resolve, reject }));
      worker.ref();
      worker.postMessage({ id, bytes } satisfies Message, []);
      return answer;
    },
    async close() {
      await worker.terminate();
    },
  };
}

if (!isMainThread && workerData === mark) {
  const port = parentPort;
  // What is asked meanwhile waits in the port.
  const parts = { curve: await loadCurve(), keccak: await loadKeccak() };
  port?.on("message", ({ id, bytes }: Message) => {
    port.postMessage({ id, bytes: answerAll(parts, bytes) } satisfies Message, []);
  });
}
