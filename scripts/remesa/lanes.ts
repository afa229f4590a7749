/**
 * `remesa lanes`: the lanes with their state, gas and open slots, and the operator's word about one of them. Owns no rule: the node decides what a
 * lane in its state can do, and says why not.
 */
import type { Command } from "commander";
import { formatEther } from "ethers";
import { formatAddress } from "../../src/domain/hex.ts";
import { laneVerbs, type LaneVerb } from "../../src/domain/lane.ts";
import type { LaneMoved, Lanes } from "../../src/http/views.ts";
import { openSession } from "../session.ts";
import { addNodeOptions, declareVerb, type NodeOptions, readAddress } from "../terminal/options.ts";
import { formatBlock, formatTable, shorten, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface LaneOptions extends NodeOptions {
  readonly reason?: string;
}

const summaries: Readonly<Record<LaneVerb, string>> = {
  pause: "give a lane no new slots",
  resume: "let a stored, draining or paused lane send again",
  drain: "give a lane no new slots, and pause it when its last one is final",
  retire: "never use an empty lane again",
  rotate: "let a stored lane take a lane's place, and drain it",
};

async function listLanes(terminal: Terminal, options: NodeOptions): Promise<void> {
  const session = openSession(terminal, options, ["auditor", "operator", "approver"]);
  const { lanes } = await session.client.get<Lanes>("/v1/lanes");
  const { red } = terminal.colours;
  const table = formatTable(terminal, {
    head: ["lane", "role", "state", "gas balance", "open", "head slot", "epoch", "since"],
    rows: lanes.map(({ address, role, state, hasKey, gasBalance, open, slots, epoch, moved }) => [
      address,
      role,
      hasKey ? state : `${state} ${red("no key")}`,
      gasBalance === null ? "unknown" : `${Number(formatEther(gasBalance)).toFixed(4)} ETH`,
      open,
      slots[0] === undefined
        ? ""
        : `nonce ${slots[0].nonce} ${slots[0].state}, ${shorten(slots[0].attempts.at(-1)?.hash ?? "")}`,
      epoch,
      moved === null ? "" : `${moved.at}, ${moved.by}`,
    ]),
    right: [3, 4, 6],
  });
  showResult(terminal, options, { value: lanes, text: table });
}

interface Act {
  readonly verb: LaneVerb;
  readonly lane: string;
}

async function moveLane(terminal: Terminal, { verb, lane }: Act, options: LaneOptions): Promise<void> {
  const address = readAddress(lane, "lane");
  const session = openSession(terminal, options, ["operator"]);
  const body = options.reason === undefined ? {} : { reason: options.reason };
  const moved = await session.client.post<LaneMoved>(`/v1/lanes/${address}/${verb}`, body);
  showResult(terminal, options, {
    value: moved,
    text: formatBlock(terminal, [
      ["lane", formatAddress(address)],
      ["state", moved.state],
      ...(moved.successor === null ? [] : ([["in its place", moved.successor]] as const)),
    ]),
  });
}

export function addLanes(program: Command, terminal: Terminal): void {
  const lanes = declareVerb(program, {
    name: "lanes",
    summary: "list the lanes, or pause, resume, drain, rotate or retire one",
    example: "lanes rotate 0x249C68Fdee94518F3C453E2cefB5a74062214634 --reason 'new keys every quarter'",
  });
  addNodeOptions(lanes).action((options: NodeOptions) => listLanes(terminal, options));
  for (const verb of laneVerbs) {
    const facts = {
      name: verb,
      summary: summaries[verb],
      example: `lanes ${verb} 0x249C68Fdee94518F3C453E2cefB5a74062214634`,
    };
    addNodeOptions(declareVerb(lanes, facts))
      .argument("<address>", "the lane")
      .option("--reason <text>", "kept with the lane")
      // The options of `lanes` itself may stand before the word.
      .action((lane: string, _: LaneOptions, command: Command) =>
        moveLane(terminal, { verb, lane }, command.optsWithGlobals<LaneOptions>()),
      );
  }
}
