/**
 * Claims, payments, swaps, payouts, seizure and the travel rule on real processes: Hardhat's node and anvil, over HTTP and through the verbs.
 * After every journey bank, books and chain agree to the unit.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Wallet } from "ethers";
import { toLower, type Word } from "../../src/domain/hex.ts";
import { readBlockTime } from "../../scripts/devnet/rpc.ts";
import { type CoinFacts, createNonce, signTransfer } from "../../scripts/devnet/wallet.ts";
import { eventually } from "../support/command.ts";
import { startDevnet } from "../support/devnet.ts";
import {
  beginJourney,
  expectAgreement,
  type Journey,
  measure,
  openClaimOver,
  overHttp,
  type Payment,
  runVerb,
  throughVerbs,
  type Way,
} from "../support/journey.ts";
import { runRemesa } from "../support/terminal.ts";

const unit = 1_000_000n;
const limit = 1_000n * unit;

interface TransferView {
  readonly id: string;
  readonly state: string;
  readonly held: boolean;
  readonly reason: string | null;
}

/** Submits Ana's payment to Luis. */
async function pay({ devnet, at, ana, luis }: Journey, value: bigint): Promise<TransferView> {
  const body = await signTransfer({
    chainId: devnet.chainId,
    coin: at.coins[0] as CoinFacts,
    payer: { address: toLower(ana.address), privateKey: toLower(ana.privateKey) },
    to: toLower(luis.address),
    value,
    validBefore: (await readBlockTime(devnet.rpcUrl)) + 3_600,
    nonce: createNonce(),
  });
  return devnet.as(null).post<TransferView>("/v1/transfers", body);
}

const readTransfer = ({ devnet }: Journey, id: string) => devnet.as(null).get<TransferView>(`/v1/transfers/${id}`);

for (const chain of ["hardhat", "anvil"] as const) {
  describe(`escrows on ${chain}`, function () {
    this.timeout(240_000);
    let folder: string;
    let exchanged: string;
    let journey: Journey;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "remesa-escrows-"));
      exchanged = join(folder, "exchanged.json");
      writeFileSync(exchanged, '{"originator":"Ana","beneficiary":"Luis"}');
      const devnet = await startDevnet({
        args: ["--chain", chain],
        env: { KEEPER: "0", MAX_HEAD_AGE_SECONDS: "600" },
      });
      journey = beginJourney(devnet);
    });
    after(async () => {
      rmSync(folder, { recursive: true, force: true });
      await journey.devnet.remove();
    });

    for (const choose of [overHttp, (found: Journey) => throughVerbs(found, exchanged)]) {
      describe(choose === overHttp ? "over HTTP" : "through the verbs, each run twice", () => {
        let way: Way;
        before(() => {
          way = choose(journey);
        });
        afterEach(() => expectAgreement(journey));

        it("a claim is taken by a new wallet that never had coins or gas", async () => {
          const { ana, dollar } = journey;
          const recipient = Wallet.createRandom().address;
          const changes = await measure(
            journey,
            [
              [dollar, ana.address],
              [dollar, recipient],
            ],
            async () => {
              const claim = await way.openClaim({ amount: 25n * unit, cancelIn: 3_600, expiresIn: 7_200 });
              await way.takeClaim(claim, recipient);
            },
          );
          expect(changes).to.deep.equal([-25n * unit, 25n * unit]);
        });

        it("a claim goes back to its sender when it is declined, and when it is cancelled", async () => {
          const { ana, dollar, at } = journey;
          const asked = [
            [dollar, ana.address],
            [dollar, at.claims],
          ] as const;
          const declined = await way.openClaim({ amount: 7n * unit, cancelIn: 3_600, expiresIn: 7_200 });
          const cancelled = await way.openClaim({ amount: 4n * unit, cancelIn: 0, expiresIn: 7_200 });
          expect(await measure(journey, asked, () => way.declineClaim(declined))).to.deep.equal([
            7n * unit,
            -7n * unit,
          ]);
          expect(await measure(journey, asked, () => way.cancelClaim(cancelled))).to.deep.equal([
            4n * unit,
            -4n * unit,
          ]);
        });

        it("a payment is authorized, captured twice, voided in part, refunded, and the fee is the rate's", async () => {
          const { ana, luis, dollar, at, devnet } = journey;
          const feeReceiver = Wallet.createRandom().address;
          const asked = [ana.address, luis.address, feeReceiver, at.commerce].map(
            (account) => [dollar, account] as const,
          );
          let id: Word = "0x";
          const changes = await measure(journey, asked, async () => {
            id = await way.authorize({ amount: 100n * unit, feeReceiver, feeBps: 50 });
            await way.capture(id, 30n * unit);
            await way.capture(id, 50n * unit);
            await way.voidTo(id, 10n * unit);
            await way.refundTo(id, 5n * unit);
            const { captured, voided, refunded, remaining, state } = await devnet
              .as(null)
              .get<Payment>(`/v1/payments/${id}`);
            expect([captured, voided, refunded, remaining, state]).to.deep.equal([
              "50000000",
              "10000000",
              "5000000",
              "40000000",
              "authorized",
            ]);
          });
          expect(changes).to.deep.equal([-85n * unit, 44_750_000n, 250_000n, 40n * unit]);
          const rest = await measure(journey, asked, () => way.voidTo(id, 50n * unit));
          expect(rest).to.deep.equal([40n * unit, 0n, 0n, -40n * unit]);
        });

        it("a payment is charged at once", async () => {
          const { ana, luis, dollar } = journey;
          const asked = [
            [dollar, ana.address],
            [dollar, luis.address],
          ] as const;
          const changes = await measure(journey, asked, () => way.charge({ amount: 12n * unit }));
          expect(changes).to.deep.equal([-12n * unit, 12n * unit]);
        });

        it("dollars are swapped for quetzals, both or neither", async () => {
          const { ana, luis, dollar, quetzal } = journey;
          const asked = [ana, luis].flatMap(({ address }) => [[dollar, address] as const, [quetzal, address] as const]);
          const changes = await measure(journey, asked, () => way.swap(100n * unit, 775n * unit));
          expect(changes).to.deep.equal([-100n * unit, 775n * unit, 100n * unit, -775n * unit]);
        });

        it("a payment between two operators waits at the limit for its attestation, and settles with it", async () => {
          const value = way.name === "HTTP" ? limit : limit + 1n;
          const { id } = await pay(journey, value);
          await eventually("held for the travel rule", async () => {
            const { held, reason } = await readTransfer(journey, id);
            return held && reason === "travel_rule";
          });
          await way.attest(value);
          await eventually("it is settled", async () => (await readTransfer(journey, id)).state === "settled", 120_000);
        });
      });
    }

    describe("the desk's and the court's verbs, each run twice", () => {
      afterEach(() => expectAgreement(journey));

      it("a large payout is approved by the second key before it is sent, and burned when it arrived", async () => {
        const { ana, dollar } = journey;
        const act = async (): Promise<void> => {
          const what = ["--wallet", "Ana", "--amount", "6.00", "--account", "GT82 TRAJ 0102 0000 0012 1002 9690"];
          const steps = ["--steps", "accept,approve,mark-sent,confirm", "--bank-reference", "WIRE-9"];
          const { state } = await runVerb<{ state: string }>(journey, "redeem", "R-1", ...what, ...steps);
          expect(state).to.equal("burned");
        };
        expect(await measure(journey, [[dollar, ana.address]], act)).to.deep.equal([-6n * unit]);
      });

      it("a redemption that did not arrive is disputed by its holder and returned by the arbiter", async () => {
        const { ana, dollar } = journey;
        const act = async (): Promise<void> => {
          const what = ["--wallet", "Ana", "--amount", "2.00", "--account", "GT82 TRAJ 0102 0000 0012 1002 9690"];
          const steps = ["--steps", "accept,mark-sent,dispute,resolve", "--bank-reference", "WIRE-10"];
          const decision = ["--decision", "returned", "--reason", "not received"];
          const done = await runVerb<{ state: string }>(journey, "redeem", "R-2", ...what, ...steps, ...decision);
          expect(done.state).to.equal("returned");
        };
        expect(await measure(journey, [[dollar, ana.address]], act)).to.deep.equal([0n]);
      });

      it("frozen coins are seized to custody under their case", async () => {
        const { dollar, devnet } = journey;
        const account = Wallet.createRandom().address;
        const custody = new Wallet(devnet.keys.roles.custody ?? "").address;
        const claim = await openClaimOver(journey, { amount: 8n * unit, cancelIn: 600, expiresIn: 600 });
        await overHttp(journey).takeClaim(claim, account);
        const until = new Date(((await readBlockTime(devnet.rpcUrl)) + 86_400) * 1_000).toISOString();
        const asked = [
          [dollar, account],
          [dollar, custody],
        ] as const;
        const changes = await measure(journey, asked, async () => {
          await runVerb(journey, "freeze", account, "--case", "C-1", "--until", until, "--amount", "5.00");
          const seized = ["--case", "C-1", "--amount", "5.00"];
          expect(await runVerb(journey, "seize", account, ...seized)).to.include({ state: "settled" });
        });
        expect(changes).to.deep.equal([-5n * unit, 5n * unit]);
      });

      it("a mint is approved before it is asked for", async () => {
        const deposit = ["--account", "MAIN", "--entry", "E-1", "--to", journey.ana.address, "--amount", "7000000.00"];
        expect(await runVerb(journey, "approve", "mint", ...deposit)).to.include({ state: "settled" });
      });

      it("an account joins an operator, and announces that it leaves", async () => {
        const { devnet } = journey;
        const who = ["--wallet", "role:arbiter"];
        await runVerb(journey, "travel", "join", "1", ...who, "--operator-key", "role:norte");
        const { address } = new Wallet(devnet.keys.roles.arbiter ?? "");
        expect(await runVerb(journey, "travel", "show", address)).to.deep.include({ account: address });
        expect(await runVerb(journey, "travel", "leave", ...who)).to.include({ kind: "leave", state: "settled" });
      });
    });

    it("a dry run of any verb asks for nothing and keeps nothing", async () => {
      const { devnet, ana, luis, dollar } = journey;
      const asked = [ana, luis].map(({ address }) => [dollar, address] as const);
      const wish = ["--wallet", "Ana", "--amount", "1.00"];
      const parties = ["--payer", "Ana", "--payee", "Luis", "--amount", "1.00", "--exchanged", exchanged];
      const env = { REMESA_DATA: devnet.data, REMESA_URL: devnet.url };
      const changes = await measure(journey, asked, async () => {
        for (const args of [
          ["claim", "open", "D-1", ...wish, "--to", "Maria"],
          ["payment", "authorize", "D-1", ...wish, "--merchant", "Luis"],
          ["payment", "charge", "D-1", ...wish, "--merchant-wallet", "Luis"],
          ["swap", "offer", "D-1", "--wallet", "Ana", "--taker", "Luis", "--sell", "1.00 XUS", "--buy", "7.75 XGT"],
          ["travel", "attest", "--vasp", "2", "--operator-key", "role:sur", ...parties],
          ["travel", "leave", "--wallet", "Ana"],
          ["seize", ana.address, "--case", "D-1", "--amount", "1.00"],
          ["approve", "mint", "--account", "D", "--entry", "1", "--to", ana.address, "--amount", "1.00"],
          ["keep"],
        ]) {
          const { code, out, err } = await runRemesa([...args, "--dry-run", "--json"], { env });
          expect(code, `${args.join(" ")}: ${err}`).to.equal(0);
          expect(JSON.parse(out), args.join(" ")).to.include({ dryRun: true });
        }
      });
      expect(changes).to.deep.equal([0n, 0n]);
      for (const kind of ["claims", "payments", "swaps"]) {
        expect(existsSync(join(devnet.data, kind, "D-1.json")), kind).to.equal(false);
      }
      const { intents } = await devnet.as("auditor").get<{ intents: Record<string, number> }>("/v1/lanes");
      const live = ["accepted", "planned", "sent", "included"].map((state) => intents[state] ?? 0);
      expect(live).to.deep.equal([0, 0, 0, 0]);
    });

    it("a payment below the limit needs no attestation", async () => {
      const { id } = await pay(journey, limit - 1n);
      await eventually("it is settled", async () => (await readTransfer(journey, id)).state === "settled");
      await expectAgreement(journey);
    });
  });
}
