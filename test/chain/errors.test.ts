/**
 * Every error of the contracts has a meaning for the node, and reverts are read without ever throwing.
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { encodeErrorResult, toFunctionSelector, toFunctionSignature } from "viem";
import { type ContractErrorName, errorAbi } from "../../src/chain/abi.ts";
import {
  errorMeanings,
  explainRevert,
  formatRevert,
  nameError,
  toHeldReason,
  toRejectionCode,
} from "../../src/chain/errors.ts";
import { contractArtifacts } from "../../src/chain/build.ts";
import type { Address, Hex } from "../../src/domain/hex.ts";

interface AbiError {
  readonly type: string;
  readonly name: string;
}

const payer: Address = `0x${"aa".repeat(20)}`;
const other: Address = `0x${"bb".repeat(20)}`;
const frozen = (account: Address): Hex =>
  encodeErrorResult({ abi: errorAbi, errorName: "StablecoinFrozen", args: [account] });

describe("errorMeanings", () => {
  it("has every error of every artifact, and no other", () => {
    const names = new Set<string>();
    for (const artifact of Object.values(contractArtifacts)) {
      const { abi } = JSON.parse(readFileSync(`artifacts/${artifact}`, "utf8")) as { abi: readonly AbiError[] };
      for (const { type, name } of abi) if (type === "error") names.add(name);
    }
    expect(new Set(Object.keys(errorMeanings))).to.deep.equal(names);
  });

  it("is found by the selector of each", () => {
    for (const item of errorAbi) {
      const selector = toFunctionSelector(toFunctionSignature({ ...item, type: "function" } as never));
      expect(nameError(selector)).to.equal(item.name);
      expect(toHeldReason(selector)).to.equal(errorMeanings[item.name].held);
      expect(toRejectionCode(selector)).to.equal(errorMeanings[item.name].rejection);
    }
  });

  it("keeps the names that the node's own reasons carry", () => {
    const same: readonly [ContractErrorName, string][] = [
      ["ERC20InsufficientBalance", "insufficient_funds"],
      ["ERC20InsufficientUnfrozen", "insufficient_funds"],
      ["StablecoinAuthorizationUsed", "nonce_used"],
      ["StablecoinNonceOutOfWindow", "nonce_out_of_window"],
      ["StablecoinSignatureInvalid", "signature_invalid"],
      ["StablecoinPaused", "paused"],
      ["TreasuryReservesExceeded", "reserves_exceeded"],
      ["TreasuryAttestationStale", "attestation_stale"],
      ["TreasuryMintingOff", "minting_off"],
      ["RedemptionStateInvalid", "redemption_state_invalid"],
      ["RedemptionDeadlinePassed", "deadline_passed"],
      ["OrderNotPermitted", "signer_not_permitted"],
    ];
    for (const [name, held] of same) expect(errorMeanings[name].held, name).to.equal(held);
  });
});

describe("explainRevert", () => {
  it("tells the payer's freeze from the payee's", () => {
    expect(explainRevert(frozen(payer), payer)).to.equal("payer_frozen");
    expect(explainRevert(frozen(other), payer)).to.equal("payee_frozen");
    expect(explainRevert(frozen(other), null)).to.equal("payee_frozen");
  });

  it("calls everything it does not know reverted", () => {
    const panic: Hex = `0x4e487b71${"0".repeat(62)}11`;
    for (const data of ["0x", "0x12", "0x12345678", panic] as const) {
      expect(explainRevert(data, payer)).to.equal("reverted");
      expect(toRejectionCode(data)).to.equal("internal");
    }
  });
});

describe("formatRevert", () => {
  it("names the error with its arguments", () => {
    const data = encodeErrorResult({ abi: errorAbi, errorName: "TreasuryReservesExceeded", args: [5n, 4n] });
    expect(formatRevert(data)).to.equal("TreasuryReservesExceeded(5, 4)");
  });

  it("says so when there is nothing to name", () => {
    expect(formatRevert("0x")).to.equal("no revert data");
    expect(formatRevert("0x12345678")).to.equal("unknown error 0x12345678");
  });
});
