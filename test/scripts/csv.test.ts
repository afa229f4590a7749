/**
 * The strict reader of comma-separated values. Removing any of its checks (stray quote, bare carriage return, unclosed quote, text after a
 * quote) makes a test here fail.
 */
import { expect } from "chai";
import { formatCsvRecord, parseCsv } from "../../scripts/payments/csv.ts";

describe("parseCsv", () => {
  it("reads fields in order and counts lines from 1", () => {
    expect(parseCsv("a,b\nc,d\n")).to.deep.equal([
      { line: 1, fields: ["a", "b"], problem: null },
      { line: 2, fields: ["c", "d"], problem: null },
    ]);
  });

  it("reads the last record without a line feed", () => {
    expect(parseCsv("a,b\nc,").map(({ fields }) => fields)).to.deep.equal([
      ["a", "b"],
      ["c", ""],
    ]);
  });

  it("reads lines that end with carriage return and line feed", () => {
    expect(parseCsv("a,b\r\nc,d\r\n").map(({ fields }) => fields)).to.deep.equal([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  it("passes over a byte order mark and blank lines", () => {
    expect(parseCsv("\uFEFFa,b\n\nc,d\n\r\n")).to.deep.equal([
      { line: 1, fields: ["a", "b"], problem: null },
      { line: 3, fields: ["c", "d"], problem: null },
    ]);
  });

  it("keeps commas, doubled quotes and line feeds inside quotes, and counts the lines they span", () => {
    expect(parseCsv('"a,1","say ""hi""","two\nlines"\nlast,,\n')).to.deep.equal([
      { line: 1, fields: ["a,1", 'say "hi"', "two\nlines"], problem: null },
      { line: 3, fields: ["last", "", ""], problem: null },
    ]);
  });

  it("refuses a quote inside a field that is not quoted, and reads on", () => {
    const [bad, good] = parseCsv('a,b"c\nd,e\n');
    expect(bad?.problem).to.equal("a quote inside a field that is not quoted");
    expect(good).to.deep.equal({ line: 2, fields: ["d", "e"], problem: null });
  });

  it("refuses text after a closing quote", () => {
    expect(parseCsv('"a"b,c\n')[0]?.problem).to.equal("text after a closing quote");
  });

  it("refuses a bare carriage return", () => {
    expect(parseCsv("a\rb,c\n")[0]?.problem).to.equal("a carriage return without a line feed");
  });

  it("refuses an unclosed quote at the line on which it opens", () => {
    const records = parseCsv('a,b\n"c,d\ne,f\n');
    expect(records).to.have.length(2);
    expect(records[1]?.line).to.equal(2);
    expect(records[1]?.problem).to.equal("a quote that is never closed; nothing after it was read");
  });

  it("reads an empty text as no records", () => {
    expect(parseCsv("")).to.deep.equal([]);
  });
});

describe("formatCsvRecord", () => {
  it("writes what parseCsv reads back", () => {
    const fields = ["plain", "", "a,b", 'say "hi"', "two\nlines", "cr\r\n"];
    expect(parseCsv(formatCsvRecord(fields))).to.deep.equal([{ line: 1, fields, problem: null }]);
  });
});
