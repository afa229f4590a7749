/**
 * The keeper of deadlines: what is due goes back by itself, once, without any power; what is refused is tried again later and hides nothing.
 */
import { expect } from "chai";
import type { Draft } from "../../src/domain/draft.ts";
import { zeroAddress } from "../../src/domain/hex.ts";
import { createKeeper, defaultKeeperLimits, type KeeperParts } from "../../src/pipeline/keep.ts";
import type { AcceptOutcome, DueExit, Notice, StoredRedemption } from "../../src/pipeline/ports.ts";
import {
  captureOrder,
  claimId,
  claimTerms,
  paymentTerms,
  signAuthorize,
  signCapture,
  signOpenClaim,
} from "../support/model-agreements.ts";
import { accountIn } from "../support/model-coin.ts";
import { coin, redemptions, wallet } from "../support/model-names.ts";
import { createManualClock } from "../support/pipeline.ts";
import { createTown, funds } from "../support/town.ts";

/** Moves the chain past a time. */
async function passTime(town: Awaited<ReturnType<typeof createTown>>, to: number): Promise<void> {
  town.model.interval = to - town.model.time;
  await town.block();
  town.model.interval = 1;
}

describe("Keeper.tick over the pipeline", () => {
  it("sends an expired claim and the rest of a payment back, and nothing before its deadline", async () => {
    const town = await createTown();
    const claim = claimTerms();
    const payment = paymentTerms({ payer: wallet(3), merchant: wallet(4) });
    await town.accept(signOpenClaim(claim));
    await town.accept(signAuthorize(payment));
    expect(await town.settle()).to.equal(0);
    await town.accept(signCapture(payment, captureOrder({ amount: 200n, feeBps: 0 })));
    expect(await town.settle()).to.equal(0);
    await passTime(town, claim.expiry - 1);
    expect(await town.house.keeper.tick()).to.equal(0);
    await passTime(town, claim.expiry);
    expect(await town.house.keeper.tick()).to.equal(2);
    expect(await town.house.keeper.tick(), "they are on their way").to.equal(0);
    expect(await town.settle()).to.equal(0);
    const balances = [1, 3, 4].map((index) => accountIn(town.model.coin, wallet(index)).balance);
    expect(balances).to.deep.equal([funds, funds - 200n, funds + 200n]);
    const kinds = (await town.store.listIntents({ limit: 2 })).map(({ kind, state, payer }) => [kind, state, payer]);
    expect(kinds).to.have.deep.members([
      ["reclaim-claim", "settled", null],
      ["reclaim-payment", "settled", null],
    ]);
    expect(await town.store.listDue({ now: town.model.time, limit: 9 })).to.deep.equal([]);
    expect((await town.store.readAgreement(claimId(claim)))?.state).to.equal("reclaimed");
    expect(await town.house.keeper.tick()).to.equal(0);
  });
});

describe("Keeper.tick", () => {
  const terms = {
    coin,
    holder: wallet(1),
    amount: 5n,
    payout: claimTerms().handle,
    acceptBy: 10,
    payoutBy: 20,
    finalBy: 30,
    salt: claimTerms().salt,
  };
  const id = (index: number) => `0x${index.toString(16).padStart(64, "0")}` as const;
  const exit = (index: number): DueExit => ({ kind: "reclaim", id: id(index), due: index });

  function createParts(due: readonly DueExit[], outcome: (draft: Draft) => AcceptOutcome) {
    const clock = createManualClock();
    const submitted: Draft[][] = [];
    const notices: Notice[] = [];
    const asked: number[] = [];
    let state: StoredRedemption["state"] = "locked";
    const parts: KeeperParts = {
      store: {
        listDue: async ({ limit }) => {
          asked.push(limit);
          return due.slice(0, limit);
        },
        readRedemption: async (of) => ({ id: of, escrow: redemptions, terms, state, steps: [] }),
        readAgreement: async () => null,
      },
      intake: {
        submit: async (drafts) => {
          submitted.push([...drafts]);
          return drafts.map(outcome);
        },
      },
      head: { latest: { number: 1, hash: id(1), parent: id(0), time: 100 } },
      clock,
      limits: defaultKeeperLimits,
      notify: (notice) => void notices.push(notice),
    };
    return { parts, clock, submitted, notices, asked, setState: (to: StoredRedemption["state"]) => void (state = to) };
  }
  const refused: AcceptOutcome = {
    kind: "refused",
    reasons: [{ code: "chain_stale", subject: "head", remedy: "Wait." }],
  };
  const intent = { state: "accepted" } as Extract<AcceptOutcome, { kind: "created" }>["intent"];

  it("does nothing before the first block", async () => {
    const { parts, asked } = createParts([exit(1)], () => refused);
    expect(await createKeeper({ ...parts, head: { latest: null } }).tick()).to.equal(0);
    expect(asked).to.deep.equal([]);
  });

  it("submits a redemption's reclaim from the state it is in, and skips one that has moved", async () => {
    const { parts, submitted, setState } = createParts([exit(1)], () => ({ kind: "created", intent }));
    const keeper = createKeeper(parts);
    setState("disputed");
    expect(await keeper.tick()).to.equal(1);
    expect(submitted).to.deep.equal([[{ kind: "reclaim", id: id(1), coin, from: "disputed" }]]);
    setState("burned");
    expect(await keeper.tick()).to.equal(0);
    const gone = createKeeper({ ...parts, store: { ...parts.store, readRedemption: async () => null } });
    expect(await gone.tick()).to.equal(0);
    expect(submitted).to.have.length(1);
  });

  it("waits after a refusal, twice as long each time, and says so", async () => {
    const { parts, clock, submitted, notices } = createParts([exit(1)], () => refused);
    const keeper = createKeeper(parts);
    for (const wait of [2_000, 4_000]) {
      await keeper.tick();
      const before = submitted.length;
      clock.advance(wait - 1);
      await keeper.tick();
      expect(submitted, "not yet").to.have.length(before);
      clock.advance(1);
    }
    await keeper.tick();
    expect(submitted).to.have.length(3);
    expect(notices.map(({ step, code, subject, detail }) => [step, code, subject, detail])[0]).to.deep.equal([
      "keep",
      "exit_refused",
      id(1),
      "chain_stale",
    ]);
  });

  it("is not held up by those that wait, and takes only so many per turn", async () => {
    const due = [1, 2, 3, 4, 5].map(exit);
    const { parts, submitted, asked } = createParts(due, (draft) =>
      "id" in draft && draft.id === id(1) ? refused : { kind: "existing", intent },
    );
    const keeper = createKeeper({ ...parts, limits: { exits: 2, waiting: 10 } });
    await keeper.tick();
    await keeper.tick();
    expect(submitted.map((drafts) => drafts.map((draft) => "id" in draft && draft.id))).to.deep.equal([
      [id(1), id(2)],
      [id(2), id(3)],
    ]);
    expect(asked).to.deep.equal([2, 3]);
  });

  it("waits for what has ended and is still due, and bounds what it remembers", async () => {
    const due = [1, 2, 3].map(exit);
    const ended = { kind: "existing", intent: { ...intent, state: "expired" } } as const;
    const { parts, submitted, notices } = createParts(due, () => ended);
    const keeper = createKeeper({ ...parts, limits: { exits: 10, waiting: 2 } });
    await keeper.tick();
    expect(notices.map(({ detail }) => detail)).to.deep.equal(["expired", "expired", "expired"]);
    await keeper.tick();
    expect(
      submitted.map((drafts) => drafts.length),
      "the oldest was forgotten",
    ).to.deep.equal([3, 1]);
  });

  it("forgets what is due no more", async () => {
    const due = [exit(1)];
    const { parts, submitted } = createParts(due, () => refused);
    const keeper = createKeeper(parts);
    await keeper.tick();
    due.length = 0;
    await keeper.tick();
    due.push(exit(1));
    await keeper.tick();
    expect(submitted).to.have.length(2);
  });

  it("turns nothing of a payment without totals or an unknown claim into a draft", async () => {
    const { parts, submitted } = createParts([{ kind: "reclaim-claim", id: id(1), due: 1 }], () => refused);
    await createKeeper(parts).tick();
    const payment = { kind: "payment", terms: paymentTerms({ arbiter: zeroAddress }) } as const;
    const stored = { id: id(1), escrow: redemptions, agreement: payment, state: "none", totals: null, steps: [] };
    await createKeeper({ ...parts, store: { ...parts.store, readAgreement: async () => stored } }).tick();
    expect(submitted).to.deep.equal([]);
  });
});
