/**
 * The devnet's clock: moves block time forward on Hardhat's node and on anvil. Owns the two calls for it. Exists only where the
 * configuration says so; a real chain answers them with an error, which is thrown.
 */
import type { Sandbox } from "../pipeline/ports.ts";
import { createRpc } from "./rpc.ts";

export function createSandbox(url: string): Sandbox {
  const rpc = createRpc({ url });
  return {
    async increaseTime(seconds) {
      if (!Number.isSafeInteger(seconds) || seconds < 1) throw new RangeError(`${seconds} is not a number of seconds`);
      // written, not read: a repeated request would move time twice. Apart, because a batch may run in any order
      for (const request of [
        { method: "evm_increaseTime", params: [seconds] },
        { method: "evm_mine", params: [] },
      ]) {
        const [answer] = await rpc.write([request]);
        if (answer instanceof Error) throw answer;
        if (answer?.ok !== true) throw new Error(`the chain does not move its clock: ${answer?.message}`);
      }
    },
  };
}
