/**
 * Hardhat tasks over a deployed network: `account`, `roles`, `verify-deployment`. Owns their names and arguments; the work is loaded when one
 * runs, so that the build does not depend on what it produces. Each reads `deployment.json` of the data folder and the chain of
 * `--network` (or RPC_URL).
 */
import { task } from "hardhat/config";

const data = {
  name: "data",
  description: "folder with deployment.json; by default .remesa/<chain id>",
  defaultValue: "",
} as const;

export const accountTask = task("account", "Decodes the word that each coin keeps for an account")
  .addPositionalArgument({ name: "address", description: "the account" })
  .addOption(data)
  .setInlineAction(async ({ address, data: folder }, hre) => {
    const { openNetwork, printAccount } = await import("./inspect.ts");
    await printAccount(await openNetwork(hre, folder), address);
  })
  .build();

export const rolesTask = task("roles", "Compares the roles on chain with the table; exits 1 on a difference")
  .addOption(data)
  .addFlag({ name: "production", description: "ask for production delays on chain 31337 too" })
  .setInlineAction(async ({ data: folder, production }, hre) => {
    const { openNetwork, printRoles } = await import("./inspect.ts");
    await printRoles(await openNetwork(hre, folder), production);
  })
  .build();

export const verifyDeploymentTask = task(
  "verify-deployment",
  "Compares the code on chain with the build; exits 1 on a difference",
)
  .addOption(data)
  .setInlineAction(async ({ data: folder }, hre) => {
    const { openNetwork, printVerification } = await import("./inspect.ts");
    await printVerification(await openNetwork(hre, folder));
  })
  .build();

/** For `tasks` in the Hardhat configuration. */
export const tasks = [accountTask, rolesTask, verifyDeploymentTask];
