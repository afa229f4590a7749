/**
 * Records of what was signed: kept for their owner alone, found again by their reference, and refused for anything else under the same one.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { z } from "zod";
import { keepRecord, readKept, toRecordPath } from "../../scripts/payments/record.ts";
import { exitCodes, Refusal } from "../../scripts/terminal/refusal.ts";

const schema = z.strictObject({ nonce: z.int() });
const asked = { amount: "25.00", to: "Maria" };

describe("keepRecord", () => {
  let folder = "";
  let made = 0;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-record-"));
    made = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const path = (): string => join(folder, "claims", "C-1.json");
  const keep = (wish: Record<string, string> | null, dryRun?: boolean) =>
    keepRecord({ path: path(), schema, asked: wish, make: async () => ({ nonce: ++made }), dryRun });
  const refusal = async (act: Promise<unknown>): Promise<Refusal> => {
    const error = await act.catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(Refusal);
    return error as Refusal;
  };

  it("makes one once, and gives the same back for the same wish or for the reference alone", async () => {
    expect(await keep(asked)).to.deep.equal({ nonce: 1 });
    expect(await keep(asked)).to.deep.equal({ nonce: 1 });
    expect(await keep(null)).to.deep.equal({ nonce: 1 });
    expect(made).to.equal(1);
  });

  it("is on disk for its owner alone", async () => {
    await keep(asked);
    expect(statSync(path()).mode & 0o777).to.equal(0o600);
    expect(JSON.parse(readFileSync(path(), "utf8"))).to.deep.equal({ asked, record: { nonce: 1 } });
  });

  it("refuses another wish under the same reference and says what was kept", async () => {
    await keep(asked);
    const { message } = await refusal(keep({ ...asked, amount: "26.00" }));
    expect(message).to.equal(`${path()} was made for something else: amount 25.00`);
    expect((await refusal(keep({ ...asked, attestor: "Luis" }))).message).to.match(/attestor unset$/);
    expect(made).to.equal(1);
  });

  it("is wrong usage for a reference alone that was never made", async () => {
    expect((await refusal(keep(null))).exitCode).to.equal(exitCodes.usage);
  });

  it("writes nothing in a dry run", async () => {
    await keep(asked, true);
    expect(readKept(path(), schema)).to.equal(null);
  });

  it("refuses a file that is no such record", async () => {
    await keep(asked);
    for (const text of ["{", "{}", '{"record":{"nonce":1}}', '{"asked":{},"record":{"nonce":"1"}}']) {
      writeFileSync(path(), text);
      expect((await refusal(keep(asked))).message, text).to.equal(`${path()} is not such a record`);
    }
  });
});

describe("toRecordPath", () => {
  it("is below the data folder, or where --records says", () => {
    expect(toRecordPath({ folder: "/data" }, { kind: "claims", reference: "C-1" })).to.equal("/data/claims/C-1.json");
    expect(toRecordPath({ folder: null }, { kind: "claims", reference: "C-1" })).to.equal("claims/C-1.json");
    const named = { kind: "claims", reference: "C-1", records: "/safe" };
    expect(toRecordPath({ folder: "/data" }, named)).to.equal("/safe/C-1.json");
  });

  for (const reference of ["", "../C-1", "C/1", ".hidden", "a".repeat(65)]) {
    it(`refuses the reference "${reference.slice(0, 12)}"`, () => {
      expect(() => toRecordPath({ folder: "/data" }, { kind: "claims", reference })).to.throw(
        Refusal,
        "is not 1 to 64",
      );
    });
  }
});
