/**
 * The gas budget as a client meets it, through intake and the real store; and its configuration. Guards: leaving `sponsored` out of the items, or the
 * budget out of the gatherer, makes "refuses" fail; judging before the digest is looked up makes "a repeat" fail.
 */
import { expect } from "chai";
import { ConfigError, readConfig } from "../../src/config.ts";
import { toWord } from "../../src/domain/hex.ts";
import { defaultMinimums, toSponsored } from "../../src/domain/sponsorship.ts";
import { answers } from "../../src/http/problem.ts";
import type { AcceptOutcome } from "../../src/pipeline/ports.ts";
import { encoder, signCancel, wallet } from "../support/model-codec.ts";
import { createTown, payment } from "../support/town.ts";

const codes = (outcomes: readonly AcceptOutcome[]) =>
  outcomes.map((outcome) =>
    outcome.kind === "refused" ? outcome.reasons.map(({ code }) => code).join() : outcome.kind,
  );
const gas = toSponsored(encoder.encode(payment(1)).facts)?.gas ?? 0n;
const turn = (nonce: number) => payment(1, { nonce: toWord(BigInt(nonce)), value: 1n });

describe("Intake.submit with a budget", () => {
  const budget = { payerPerDay: gas * 3n, newPayerPerDay: gas * 2n, perHour: gas * 100n };
  const sponsorship = { minimums: defaultMinimums, budget };

  it("refuses with sponsor_budget_exhausted, retryable, and says what is bounded and until when", async () => {
    const { house } = await createTown({ intake: { sponsorship } });
    const outcomes = await house.intake.submit([turn(0), turn(1), turn(2)], null);
    expect(codes(outcomes)).to.deep.equal(["created", "created", "sponsor_budget_exhausted"]);
    const [, , refused] = outcomes;
    if (refused?.kind !== "refused") throw new Error("refused");
    expect(refused.reasons[0]?.extra).to.have.property("scope", "new payer");
    expect(refused.reasons[0]?.extra)
      .to.have.property("renewsAt")
      .that.matches(/T00:00:00.000Z$/);
    expect(answers.sponsor_budget_exhausted).to.include({ status: 429, retryable: true });
  });

  it("grows once a payment of the payer has settled", async () => {
    const { house, settle } = await createTown({ intake: { sponsorship } });
    await house.intake.submit([turn(0), turn(1)], null);
    expect(codes(await house.intake.submit([turn(2)], null))).to.deep.equal(["sponsor_budget_exhausted"]);
    expect(await settle()).to.equal(0);
    expect(codes(await house.intake.submit([turn(2), turn(3)], null))).to.deep.equal([
      "created",
      "sponsor_budget_exhausted",
    ]);
  });

  it("a repeat of what was accepted is the same payment, however little is left", async () => {
    const { house } = await createTown({ intake: { sponsorship } });
    await house.intake.submit([turn(0), turn(1)], null);
    expect(codes(await house.intake.submit([turn(0), turn(1)], null))).to.deep.equal(["existing", "existing"]);
  });

  it("counts a cancellation against the account that signed it", async () => {
    const { house } = await createTown({ intake: { sponsorship } });
    const cancels = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map((nonce) => signCancel(wallet(2), nonce));
    const outcomes = codes(await house.intake.submit(cancels, null));
    expect(outcomes[0]).to.equal("created");
    expect(outcomes.at(-1)).to.equal("sponsor_budget_exhausted");
  });

  it("refuses what is below its kind's minimum with amount_below_minimum, and counts nothing for it", async () => {
    const minimums = { ...defaultMinimums, transfer: 2n };
    const { house } = await createTown({ intake: { sponsorship: { minimums, budget } } });
    expect(codes(await house.intake.submit([turn(0)], null))).to.deep.equal(["amount_below_minimum"]);
    expect(answers.amount_below_minimum).to.include({ status: 422, retryable: false });
  });

  it("bounds nothing where it is left out", async () => {
    const { house } = await createTown();
    const many = Array.from({ length: 20 }, (_, nonce) => turn(nonce));
    expect(new Set(codes(await house.intake.submit(many, null)))).to.deep.equal(new Set(["created"]));
  });
});

describe("readConfig", () => {
  it("reads minimums by kind; kinds that are left out keep theirs", () => {
    const { MIN_SPONSORED_UNITS: found } = readConfig({ MIN_SPONSORED_UNITS: "transfer:100,lock:5000000" });
    expect(found).to.deep.equal({ ...defaultMinimums, transfer: 100n, lock: 5_000_000n });
    expect(readConfig({}).MIN_SPONSORED_UNITS).to.deep.equal(defaultMinimums);
  });

  it("reads one to four endpoints, none twice", () => {
    expect(readConfig({}).RPC_URLS).to.equal(undefined);
    expect(readConfig({ RPC_URLS: "http://a:1,http://b:2" }).RPC_URLS).to.deep.equal(["http://a:1", "http://b:2"]);
  });

  const wrong: Readonly<Record<string, string>> = {
    MIN_SPONSORED_UNITS: "freeze:1",
    RPC_URLS: "http://a:1,http://a:1",
    SPONSOR_GAS_PER_HOUR: "-1",
    LANE_COUNT: "0",
    LANE_SPARE: "65",
    LANE_PASSPHRASE: "letmein",
    FUNDER_PASSPHRASE: "letmein",
    LANE_LOW_GWEI: "0",
    LANE_TOP_UP_GWEI: "9007199254740992",
    FUNDER_GWEI_PER_DAY: "0.5",
  };
  for (const [name, value] of Object.entries(wrong)) {
    it(`refuses ${name}=${value} and names the variable`, () => {
      expect(() => readConfig({ [name]: value })).to.throw(ConfigError, name);
    });
  }
});
