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
      // not repeated on a lost answer: time would be moved twice
      const [moved, mined] = await rpc.write([
        { method: "evm_increaseTime", params: [seconds] },
        { method: "evm_mine", params: [] },
      ]);
      for (const answer of [moved, mined]) {
        if (answer instanceof Error) throw answer;
        if (answer?.ok !== true) throw new Error(`the chain does not move its clock: ${answer?.message}`);
      }
    },
  };
}
