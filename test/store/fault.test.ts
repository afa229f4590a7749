/**
 * The verdict of the store on what went wrong: which faults may pass by themselves, and what is no fault but an assertion.
 */
import { AssertionError } from "node:assert";
import Database from "better-sqlite3";
import { expect } from "chai";
import { assertInvariant, StoreFault, toFault } from "../../src/store/fault.ts";

describe("toFault", () => {
  for (const code of ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_READONLY", "SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT"]) {
    it(`calls ${code} retryable: the disk or another reader was in the way`, () => {
      const cause = new Database.SqliteError("no", code);
      const fault = toFault("acceptBatch", cause) as StoreFault;
      expect(fault).to.be.instanceOf(StoreFault);
      expect([fault.step, fault.retryable, fault.cause]).to.deep.equal(["acceptBatch", true, cause]);
    });
  }

  for (const code of [
    "SQLITE_CONSTRAINT_CHECK",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
    "SQLITE_ERROR",
    "SQLITE_CONSTRAINT_TRIGGER",
  ]) {
    it(`calls ${code} final: trying again changes nothing`, () => {
      expect((toFault("finalize", new Database.SqliteError("no", code)) as StoreFault).retryable).to.equal(false);
    });
  }

  it("leaves assertions and other errors as they are", () => {
    const assertion = new AssertionError({ message: "P2: twice" });
    expect(toFault("applyBlock", assertion)).to.equal(assertion);
    const fault = new StoreFault({ step: "revertTo", message: "below the final block", retryable: false });
    expect(toFault("revertTo", fault)).to.equal(fault);
  });
});

describe("assertInvariant", () => {
  it("throws an assertion error that begins with the invariant's id", () => {
    expect(() => assertInvariant(false, "P2", "consumed twice")).to.throw(AssertionError, /^P2: consumed twice$/);
    expect(() => assertInvariant(true, "P2", "consumed twice")).to.not.throw();
  });
});
