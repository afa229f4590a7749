/**
 * The page's side of the node's HTTP surface: JSON reads and the event stream. Owns resuming where the stream broke; the browser's own
 * EventSource cannot send a key, so the stream is read with fetch. The key comes from the link's fragment, which never reaches a server
 * except in the Authorization header of this same origin.
 */

/** Pauses between attempts to reach the node again: doubled from the first to the last. */
const firstPauseMs = 250;
const lastPauseMs = 4_000;

export class Refused extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

function headersFor(key) {
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

export async function readJson(path, key) {
  const answer = await fetch(path, { headers: headersFor(key), cache: "no-store" });
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, body?.code ?? "unreadable");
  return body;
}

/** Splits a stream of server-sent events. Heartbeats come without data but with the place to go on from. */
async function* splitEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value.replaceAll("\r\n", "\n");
      const blocks = rest.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = [];
        let id = null;
        for (const line of block.split("\n")) {
          if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
          else if (line.startsWith("id:")) id = line.slice(3).trim();
        }
        yield { id, data: data.join("\n") };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * Follows the node's events after `after`, for as long as the page is open. Calls `onEvent` in order, each once; `onLink` with `live` or
 * `lost`. Past what the node keeps (410) it goes on with the newest.
 */
export async function followEvents({ key, after, onEvent, onLink }) {
  let last = after;
  let pause = firstPauseMs;
  for (;;) {
    try {
      const headers = { ...headersFor(key), accept: "text/event-stream" };
      if (last !== null) headers["last-event-id"] = last;
      const answer = await fetch("/v1/events", { headers, cache: "no-store" });
      if (!answer.ok) {
        const problem = await answer.json().catch(() => null);
        if (answer.status === 410) last = null;
        throw new Refused(answer.status, problem?.code ?? "unreadable");
      }
      onLink("live");
      pause = firstPauseMs;
      for await (const { id, data } of splitEvents(answer.body)) {
        if (data !== "") onEvent(JSON.parse(data));
        if (id !== null) last = id;
      }
    } catch (error) {
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) return onLink("refused");
    }
    onLink("lost");
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, lastPauseMs);
  }
}
