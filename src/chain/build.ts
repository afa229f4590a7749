/**
 * The build on disk and the code on chain: reads artifacts and says whether an address runs exactly that build. Owns the comparison,
 * immutables aside, whose places the compiler lists. Reads files only; never compiles.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Hex } from "../domain/hex.ts";

export const contractArtifacts = {
  AccessManager: "@openzeppelin/contracts/access/manager/AccessManager.sol/AccessManager.json",
  Stablecoin: "contracts/Stablecoin.sol/Stablecoin.json",
  Treasury: "contracts/Treasury.sol/Treasury.json",
  VaspRegistry: "contracts/VaspRegistry.sol/VaspRegistry.json",
  RedemptionEscrow: "contracts/escrow/RedemptionEscrow.sol/RedemptionEscrow.json",
  ClaimEscrow: "contracts/escrow/ClaimEscrow.sol/ClaimEscrow.json",
  CommerceEscrow: "contracts/escrow/CommerceEscrow.sol/CommerceEscrow.json",
  FxSwap: "contracts/escrow/FxSwap.sol/FxSwap.json",
  Dispatcher: "contracts/Dispatcher.sol/Dispatcher.json",
} as const;
export type ContractName = keyof typeof contractArtifacts;

export interface Build {
  readonly bytecode: Hex;
  readonly deployedBytecode: Hex;
  /** Byte ranges that the constructor fills in. */
  readonly immutables: readonly { readonly start: number; readonly length: number }[];
}

/** The folder of the build: beside the sources, or further up where this file runs compiled. */
function findArtifacts(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, "artifacts");
    if (existsSync(join(candidate, contractArtifacts.Stablecoin))) return candidate;
    if (folder === dirname(folder)) throw new Error("no build found: compile the contracts with `npx hardhat build`");
  }
}

export function readBuild(name: ContractName): Build {
  const artifact = JSON.parse(readFileSync(join(findArtifacts(), contractArtifacts[name]), "utf8")) as {
    readonly bytecode: Hex;
    readonly deployedBytecode: Hex;
    readonly immutableReferences?: Readonly<Record<string, Build["immutables"]>>;
  };
  const { bytecode, deployedBytecode, immutableReferences = {} } = artifact;
  return { bytecode, deployedBytecode, immutables: Object.values(immutableReferences).flat() };
}

/** True when code on chain is the build, immutables aside. */
export function isBuild(build: Build, code: Hex): boolean {
  const blank = (hex: Hex): Buffer => {
    const bytes = Buffer.from(hex.slice(2), "hex");
    for (const { start, length } of build.immutables) bytes.fill(0, start, start + length);
    return bytes;
  };
  return code.length === build.deployedBytecode.length && blank(code).equals(blank(build.deployedBytecode));
}
