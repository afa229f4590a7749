/**
 * Every exit whose deadline has passed, on real processes: taken by a stranger straight to the chain while the node stands still, by `remesa
 * keep` without any key, and by the node's own keeper. On Hardhat's node and on anvil.
 */
import { expect } from "chai";
import type { Abi, Hex } from "viem";
import { claimEscrowAbi, commerceEscrowAbi, redemptionEscrowAbi } from "../../src/chain/abi.ts";
import { type Address, toLower, type Word } from "../../src/domain/hex.ts";
import { connect, readBlockTime } from "../../scripts/devnet/rpc.ts";
import { eventually } from "../support/command.ts";
import { startDevnet } from "../support/devnet.ts";
import {
  beginJourney,
  createStranger,
  createWord,
  expectAgreement,
  type Journey,
  makePaymentTerms,
  measure,
  moveTime,
  openClaimOver,
  openPayment,
  overHttp,
  runVerb,
  settle,
  sign,
  type TypedMessage,
} from "../support/journey.ts";

const unit = 1_000_000n;

interface ToSign {
  readonly redemptionId: Word;
  readonly typedData: TypedMessage;
}

/** A redemption of Ana's with short deadlines, locked; returns its 32-byte id. */
async function lock(journey: Journey, amount: bigint): Promise<Word> {
  const { devnet, ana, dollar } = journey;
  const now = await readBlockTime(devnet.rpcUrl);
  const terms = {
    holder: ana.address,
    amount: `${amount}`,
    payout: createWord(),
    acceptBy: now + 1_200,
    payoutBy: now + 1_800,
    finalBy: now + 2_400,
    salt: createWord(),
  };
  const client = devnet.as(null);
  const asked = { coin: dollar, terms };
  const { redemptionId, typedData } = await client.post<ToSign>("/v1/redemptions", asked);
  const signature = await sign(ana, typedData);
  await client.post("/v1/redemptions", { coin: dollar, terms, signature });
  await settle(journey, `/v1/redemptions/${redemptionId}`);
  return redemptionId;
}

/** The bank desk takes a redemption so far, over HTTP. */
async function takeDeskSteps({ devnet }: Journey, id: Word, steps: readonly ("accept" | "mark-sent")[]): Promise<void> {
  const states = { accept: "accepted", "mark-sent": "sent" } as const;
  const client = devnet.as("operator");
  for (const step of steps) {
    const body = step === "accept" ? {} : { order: { bankReference: "WIRE-1" } };
    await client.post(`/v1/redemptions/${id}/${step}`, body, { idempotencyKey: `${step}-${id}` });
    await eventually(`${step} is settled`, async () => {
      const found = await client.get<{ state: string; pending: unknown[] }>(`/v1/redemptions/${id}`);
      return found.state === states[step] && found.pending.length === 0;
    });
  }
}

async function disputeOverHttp(journey: Journey, id: Word): Promise<void> {
  const { devnet, ana } = journey;
  const path = `/v1/redemptions/${id}`;
  const { typedData } = await devnet.as(null).post<ToSign>(`${path}/dispute`, {});
  const signature = await sign(ana, typedData);
  const order = { deadline: Number(typedData.message["deadline"]) };
  await devnet.as(null).post(`${path}/dispute`, { order, signature });
  expect(await settle(journey, path)).to.include({ state: "disputed" });
}

for (const chain of ["hardhat", "anvil"] as const) {
  describe(`exits on ${chain}`, function () {
    this.timeout(240_000);
    let journey: Journey;

    before(async () => {
      // Nobody keeps the deadlines here.
      const env = { KEEPER: "0", MAX_HEAD_AGE_SECONDS: "600" };
      journey = beginJourney(await startDevnet({ args: ["--chain", chain], env }));
    });
    after(() => journey.devnet.remove());

    describe("without the operator", () => {
      let claim: Word;
      let terms: Awaited<ReturnType<typeof makePaymentTerms>>;
      let redemptions: Readonly<Record<"cancelled" | "locked" | "accepted" | "sent" | "disputed", Word>>;
      let stranger: Awaited<ReturnType<typeof createStranger>>;

      before(async () => {
        claim = (await openClaimOver(journey, { amount: 9n * unit, cancelIn: 600, expiresIn: 600 })).id;
        terms = await makePaymentTerms(journey, { amount: 20n * unit, captureIn: 600 });
        const payment = await openPayment(journey, terms);
        await overHttp(journey).capture(payment, 6n * unit);
        const ids = [];
        for (const amount of [1n, 2n, 3n, 4n, 5n]) ids.push(await lock(journey, amount * unit));
        const [cancelled, locked, accepted, sent, disputed] = ids as [Word, Word, Word, Word, Word];
        redemptions = { cancelled, locked, accepted, sent, disputed };
        await takeDeskSteps(journey, accepted, ["accept"]);
        await takeDeskSteps(journey, sent, ["accept", "mark-sent"]);
        await takeDeskSteps(journey, disputed, ["accept", "mark-sent"]);
        await disputeOverHttp(journey, disputed);
        stranger = await createStranger(journey);
        process.kill(journey.devnet.pids.node, "SIGSTOP");
      });
      after(async () => {
        process.kill(journey.devnet.pids.node, "SIGCONT");
        for (const id of Object.values(redemptions)) {
          await eventually("the node has seen the return", async () => {
            return (await journey.devnet.as(null).get<{ state: string }>(`/v1/redemptions/${id}`)).state === "returned";
          });
        }
        await expectAgreement(journey);
      });

      /** Calls a contract with a key of its own; returns whether it succeeded. */
      async function call(
        who: Awaited<ReturnType<typeof createStranger>>,
        [address, abi, functionName, ...args]: readonly [Address, Abi, string, ...unknown[]],
      ): Promise<boolean> {
        const hash: Hex = await who.writeContract({ address, abi, functionName, args, chain: null, gas: 1_000_000n });
        return (await connect(journey.devnet.rpcUrl).waitForTransactionReceipt({ hash })).status === "success";
      }
      const returned = (act: () => Promise<unknown>) =>
        measure(journey, [[journey.dollar, journey.ana.address]], act).then(([change]) => change);
      const reclaim = (id: Word) => () =>
        call(stranger, [journey.at.redemptions, redemptionEscrowAbi as Abi, "reclaim", id]);

      it("the holder cancels a locked redemption with a call of its own", async () => {
        const holder = await createStranger(journey, toLower(journey.ana.privateKey));
        const { cancelled } = redemptions;
        const cancel = () => call(holder, [journey.at.redemptions, redemptionEscrowAbi as Abi, "cancel", cancelled]);
        expect(await returned(cancel)).to.equal(unit);
      });

      it("a stranger returns an expired claim and the rest of an uncaptured payment, and not before", async () => {
        const { at, dollar } = journey;
        const ofClaim = [at.claims, claimEscrowAbi as Abi, "reclaim", claim] as const;
        const signed = { coin: dollar, ...terms, amount: BigInt(terms.amount) };
        const ofPayment = [at.commerce, commerceEscrowAbi as Abi, "reclaim", signed] as const;
        expect([await call(stranger, ofClaim), await call(stranger, ofPayment)]).to.deep.equal([false, false]);
        await moveTime(journey, 700);
        expect(await returned(() => call(stranger, ofClaim))).to.equal(9n * unit);
        expect(await returned(() => call(stranger, ofPayment))).to.equal(14n * unit);
      });

      it("a stranger returns a redemption that was locked, accepted or sent, after its deadline", async () => {
        await moveTime(journey, 2_000);
        expect(await returned(reclaim(redemptions.locked))).to.equal(2n * unit);
        expect(await returned(reclaim(redemptions.accepted))).to.equal(3n * unit);
        expect(await returned(reclaim(redemptions.sent))).to.equal(4n * unit);
      });

      it("a stranger returns a disputed redemption fifteen days later, and not before", async () => {
        expect(await reclaim(redemptions.disputed)()).to.equal(false);
        await moveTime(journey, 15 * 86_400);
        expect(await returned(reclaim(redemptions.disputed))).to.equal(5n * unit);
      });
    });

    it("remesa keep, with no key at all, returns what is due", async () => {
      const { devnet, ana, dollar } = journey;
      const asked = [[dollar, ana.address]] as const;
      let claim = { id: "0x" };
      const change = await measure(journey, asked, async () => {
        claim = await openClaimOver(journey, { amount: 3n * unit, cancelIn: 600, expiresIn: 600 });
        await devnet.as("operator").post("/sandbox/time", { seconds: 700 });
        await runVerb(journey, "keep");
      });
      expect(change).to.deep.equal([0n]);
      expect(await settle(journey, `/v1/claims/${claim.id}`)).to.include({ state: "reclaimed" });
      await expectAgreement(journey);
    });
  });

  describe(`the keeper on ${chain}`, function () {
    this.timeout(240_000);

    it("returns an expired claim, payment and redemption by itself", async () => {
      const devnet = await startDevnet({ args: ["--chain", chain] });
      try {
        const journey = beginJourney(devnet);
        const asked = [[journey.dollar, journey.ana.address]] as const;
        const change = await measure(journey, asked, async () => {
          const { id: claim } = await openClaimOver(journey, { amount: 9n * unit, cancelIn: 600, expiresIn: 600 });
          const payment = await openPayment(
            journey,
            await makePaymentTerms(journey, { amount: 20n * unit, captureIn: 600 }),
          );
          const redemption = await lock(journey, 2n * unit);
          await devnet.as("operator").post("/sandbox/time", { seconds: 1_300 });
          for (const [path, state] of [
            [`/v1/claims/${claim}`, "reclaimed"],
            [`/v1/payments/${payment}`, "closed"],
            [`/v1/redemptions/${redemption}`, "returned"],
          ] as const) {
            await eventually(`${path} is ${state}`, async () => {
              return (await devnet.as(null).get<{ state: string }>(path)).state === state;
            });
            expect(await settle(journey, path)).to.include({ state });
          }
        });
        expect(change).to.deep.equal([0n]);
        await expectAgreement(journey);
        expect(await devnet.as(null).get("/v1/exits")).to.deep.equal({ data: [] });
      } finally {
        await devnet.remove();
      }
    });
  });
}
