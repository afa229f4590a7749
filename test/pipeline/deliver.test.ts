/**
 * P15: webhooks hear of every event at least once, in order for each intent; one that always fails holds up nobody but itself. The store is the real
 * one in memory, the history a list, and the courier a script.
 */
import { expect } from "chai";
import type { Address } from "../../src/domain/hex.ts";
import { maxTries, type NewWebhook, toRetryMs } from "../../src/domain/webhook.ts";
import { createDeliverer, defaultDelivererLimits, type DelivererLimits } from "../../src/pipeline/deliver.ts";
import type { Courier, DeliveryRound, Notice, PublishedEvent } from "../../src/pipeline/ports.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { createFaults, type Faults, faultModes } from "../support/faults.ts";
import { createManualClock } from "../support/pipeline.ts";
import { createRandom } from "../support/random.ts";

type Parcel = Parameters<Courier["carry"]>[0];
type Answer = Awaited<ReturnType<Courier["carry"]>>;
const arrived: Answer = { ok: true };
const failed: Answer = { ok: false, why: "status 500", gone: false };
const ana: Address = `0x${"a1".repeat(20)}`;
const luis: Address = `0x${"15".repeat(20)}`;

interface Sent extends Parcel {
  readonly sequence: number;
  readonly intent: string | null;
}

function newWebhook(id: string, changes: Partial<NewWebhook> = {}): NewWebhook {
  const fixed = { requestHash: "0x", secret: "whsec_c2VjcmV0", account: null, types: null, cursor: 0n, createdAt: 0 };
  return { id, key: id, owner: "desk", url: `https://${id}.example`, ...fixed, ...changes };
}

type Script = (sent: Sent) => Answer | Promise<Answer>;

interface SceneOptions {
  readonly answer?: Script;
  readonly limits?: Partial<DelivererLimits>;
  /** Of the first process. */
  readonly faults?: Faults;
}

async function createScene(options: SceneOptions = {}) {
  const kept = await openSqlite({ folder: "", durability: "memory" });
  const clock = createManualClock();
  const events: PublishedEvent[] = [];
  const sent: Sent[] = [];
  const notices: Notice[] = [];
  const scene = {
    answer: options.answer ?? (() => arrived),
    oldest: 1n,
    /** Called instead of recording, once. */
    instead: null as ((round: DeliveryRound) => Promise<boolean>) | null,
    reads: 0,
    rounds: 0,
  };
  const store = {
    ...kept,
    async readEvents({ after, limit, account }: { after: bigint; limit: number; account?: Address }) {
      scene.reads += 1;
      const found = events
        .filter(({ sequence }) => sequence > after && sequence >= scene.oldest)
        .filter(({ accounts }) => account === undefined || accounts.includes(account))
        .slice(0, limit);
      return { events: found, oldest: scene.oldest, newest: BigInt(events.length) };
    },
    async recordDeliveries(round: DeliveryRound) {
      const { instead } = scene;
      scene.instead = null;
      scene.rounds += 1;
      return instead === null ? kept.recordDeliveries(round) : instead(round);
    },
  };
  const courier: Pick<Courier, "carry"> = {
    async carry(parcel) {
      const { sequence, intent } = JSON.parse(parcel.body) as Pick<Sent, "sequence" | "intent">;
      const one = { ...parcel, sequence, intent };
      sent.push(one);
      return scene.answer(one);
    },
  };
  const owners = new Set(["desk"]);
  const create = (faults: Faults) =>
    createDeliverer({
      store: faults.wrap("store", store),
      courier: faults.wrap("courier", courier),
      write: async ({ sequence, intent }) =>
        JSON.stringify({ sequence: Number(sequence), intent: intent?.toString() ?? null }),
      admits: (owner) => owners.has(owner),
      clock,
      limits: { ...defaultDelivererLimits, ...options.limits },
      notify: (notice) => void notices.push(notice),
    });
  const to = (id: string) => sent.filter(({ url }) => url === `https://${id}.example`).map(({ sequence }) => sequence);
  let deliverer = create(options.faults ?? createFaults(null));
  return {
    scene,
    store: kept,
    clock,
    owners,
    sent,
    notices,
    add: (id: string, changes: Partial<NewWebhook> = {}) =>
      kept.addWebhook(newWebhook(id, changes), { perOwner: 99, total: 99 }),
    publish(intent: number | null, changes: Partial<PublishedEvent> = {}): void {
      const sequence = BigInt(events.length + 1);
      const of = intent === null ? null : BigInt(intent);
      events.push({ sequence, intent: of, type: "settled", accounts: [ana], body: {}, at: 7, ...changes });
    },
    /** One turn of the loop, to its end. */
    async turn(): Promise<void> {
      await deliverer.tick();
      await deliverer.rest();
    },
    tick: () => deliverer.tick(),
    rest: () => deliverer.rest(),
    /** A new process on the same store. */
    restart(): void {
      deliverer = create(createFaults(null));
    },
    async read(id: string) {
      const found = (await kept.readWebhooks()).find((one) => one.id === id);
      if (found === undefined) throw new Error("no such webhook");
      return found;
    },
    to,
    /** Of intents side by side only the order within each is promised. */
    sorted: (id: string) => to(id).toSorted((a, b) => a - b),
  };
}

describe("Deliverer", () => {
  describe("without a webhook", () => {
    it("reads no event and writes nothing", async () => {
      const { publish, turn, scene, sent } = await createScene();
      publish(1);
      await turn();
      expect([scene.reads, scene.rounds, sent]).to.deep.equal([0, 0, []]);
    });
  });

  describe("sending", () => {
    it("sends what follows the cursor, once, under the event's own id, and keeps no row", async () => {
      const { publish, turn, add, sent, read } = await createScene();
      for (let n = 1; n <= 5; n++) publish(n);
      await add("a", { cursor: 2n });
      await turn();
      await turn();
      const ids = sent.map(({ sequence, id, secret }) => [sequence, id, secret]);
      expect(ids).to.have.deep.members([3, 4, 5].map((n) => [n, `evt_${n}_7`, "whsec_c2VjcmV0"]));
      expect(await read("a")).to.deep.include({ cursor: 5n, waiting: 0, failures: 0, lastError: null });
    });

    it("sends an account's events and the types that were asked for, and no others", async () => {
      const { publish, turn, add, sorted } = await createScene();
      publish(1, { accounts: [luis] });
      publish(2, { accounts: [ana, luis], type: "accepted" });
      publish(3, { accounts: [ana] });
      await add("all");
      await add("luis", { account: luis });
      await add("settled", { types: ["settled"] });
      await add("both", { account: luis, types: ["accepted"] });
      await turn();
      expect(["all", "luis", "settled", "both"].map(sorted)).to.deep.equal([[1, 2, 3], [1, 2], [1, 3], [2]]);
    });

    it("P15: sends one intent's events one after the other, and several intents' at a time", async () => {
      const open = new Map<string | null, number>();
      let most = 0;
      const { publish, turn, add, to } = await createScene({
        async answer({ intent }) {
          expect(open.get(intent) ?? 0, "two of one intent at a time").to.equal(0);
          open.set(intent, 1);
          most = Math.max(
            most,
            [...open.values()].reduce((sum, one) => sum + one, 0),
          );
          await new Promise((resolve) => setImmediate(resolve));
          open.set(intent, 0);
          return arrived;
        },
      });
      for (let n = 0; n < 60; n++) publish(n % 6);
      await add("a");
      await turn();
      for (let intent = 0; intent < 6; intent++) {
        const own = to("a").filter((sequence) => (sequence - 1) % 6 === intent);
        expect(own).to.deep.equal(own.toSorted((a, b) => a - b));
        expect(own).to.have.length(10);
      }
      expect(most).to.equal(defaultDelivererLimits.hands);
    });

    it("passes over others' events without writing, but not for ever", async () => {
      const { publish, turn, add, scene, read, to } = await createScene({ limits: { lag: 50n } });
      await add("luis", { account: luis });
      for (let n = 0; n < 30; n++) publish(n);
      await turn();
      expect([scene.rounds, (await read("luis")).cursor]).to.deep.equal([0, 0n]);
      for (let n = 0; n < 30; n++) publish(n);
      await turn();
      expect([scene.rounds, (await read("luis")).cursor]).to.deep.equal([1, 60n]);
      publish(1, { accounts: [luis] });
      await turn();
      expect(to("luis")).to.deep.equal([61]);
    });

    it("finds an account's events far ahead in a few looks", async () => {
      const { publish, turn, add, scene, to, read } = await createScene({ limits: { page: 10 } });
      await add("luis", { account: luis });
      for (let n = 1; n <= 1_000; n++) publish(n, n % 400 === 0 ? { accounts: [luis] } : {});
      await turn();
      expect(to("luis")).to.deep.equal([400, 800]);
      expect((await read("luis")).cursor).to.equal(1_000n);
      expect(scene.reads).to.be.at.most(4);
    });

    it("looks once for all webhooks that stand at one place", async () => {
      const { publish, turn, add, scene } = await createScene();
      for (let n = 0; n < 20; n++) await add(`w${n}`, { account: luis });
      publish(1);
      await turn();
      await turn();
      scene.reads = 0;
      await turn();
      expect(scene.reads).to.equal(1);
    });

    it("says how many events were no longer kept, and goes on with the oldest that is", async () => {
      const { publish, turn, add, scene, sorted, read, notices } = await createScene();
      await add("a");
      for (let n = 0; n < 9; n++) publish(n);
      scene.oldest = 6n;
      await turn();
      expect(sorted("a")).to.deep.equal([6, 7, 8, 9]);
      expect(await read("a")).to.deep.include({ missed: 5n, cursor: 9n });
      expect(notices.map(({ code, subject }) => [code, subject])).to.deep.equal([["webhook_missed", "a"]]);
    });
  });

  describe("failures", () => {
    it("P15: hold back what follows for the same intent, and nothing else", async () => {
      const { sorted, publish, turn, add, scene, to, read, clock } = await createScene({
        answer: ({ sequence }) => (sequence === 1 ? failed : arrived),
      });
      await add("a");
      for (const intent of [1, 2, 1, 2, null]) publish(intent);
      await turn();
      expect(sorted("a")).to.deep.equal([1, 2, 4, 5]);
      publish(1);
      publish(3);
      await turn();
      expect(to("a").slice(4)).to.deep.equal([7]);
      expect(await read("a")).to.deep.include({ waiting: 3, cursor: 7n });
      scene.answer = () => arrived;
      clock.advance(toRetryMs(1));
      await turn();
      expect(to("a").slice(5)).to.deep.equal([1, 3, 6]);
      expect(await read("a")).to.deep.include({ waiting: 0, failures: 0, lastError: null });
    });

    it("are tried again with growing pauses, under the same id and with the same body", async () => {
      const { publish, turn, add, sent, clock } = await createScene({ answer: () => failed });
      await add("a");
      publish(1);
      await turn();
      for (const tries of [1, 2, 3]) {
        clock.advance(toRetryMs(tries) - 1);
        await turn();
        expect(sent).to.have.length(tries);
        clock.advance(1);
        await turn();
        expect(sent).to.have.length(tries + 1);
      }
      expect(new Set(sent.map(({ id, body }) => `${id} ${body}`)).size).to.equal(1);
    });

    it("pause from 5 seconds to an hour, and end after just under three days", () => {
      expect([1, 2, 3, 10, 11, 12, maxTries].map(toRetryMs)).to.deep.equal([
        5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000, 3_600_000,
      ]);
      const total = Array.from({ length: maxTries - 1 }, (_, index) => toRetryMs(index + 1)).reduce((a, b) => a + b);
      expect(total / 86_400_000).to.be.within(2.8, 3);
    });

    it("P13: are tried again when the clock was set back by more than any pause", async () => {
      const { publish, turn, add, sent, clock } = await createScene({ answer: () => failed });
      await add("a");
      publish(1);
      await turn();
      clock.skew(-2 * 3_600_000);
      await turn();
      expect(sent).to.have.length(2);
    });

    it("disable the webhook after the last try; what waited is tried again once it is enabled", async () => {
      const { sorted, publish, turn, add, scene, sent, clock, read, store, to, notices } = await createScene({
        answer: ({ sequence }) => (sequence === 1 ? failed : arrived),
      });
      await add("a");
      for (const intent of [1, 1, 2]) publish(intent);
      for (let tries = 0; tries < maxTries + 5; tries++) {
        await turn();
        clock.advance(3_600_000);
      }
      expect(sent.filter(({ sequence }) => sequence === 1)).to.have.length(maxTries);
      expect(await read("a")).to.deep.include({ disabled: "gave_up", waiting: 2, lastError: "status 500" });
      publish(3);
      await turn();
      expect(to("a")).to.not.include(4);
      expect(notices.at(-1)).to.include({ code: "webhook_disabled", subject: "a" });
      scene.answer = () => arrived;
      await store.changeWebhook("a", { kind: "enable" });
      sent.length = 0;
      await turn();
      const order = to("a");
      expect(sorted("a")).to.deep.equal([1, 2, 4]);
      expect(order.indexOf(1)).to.be.lessThan(order.indexOf(2));
    });

    it("end at once where 410 says that nobody listens any more", async () => {
      const { publish, turn, add, read, sent } = await createScene({ answer: () => ({ ...failed, gone: true }) });
      await add("a");
      publish(1);
      publish(1);
      await turn();
      await turn();
      expect(await read("a")).to.deep.include({ disabled: "gone", waiting: 2 });
      expect(sent).to.have.length(1);
    });

    it("P15: of one that always fails block nobody, and what it keeps is bounded", async () => {
      const limits = { page: 51, waiting: 60 };
      const { publish, turn, add, scene, to, read, notices } = await createScene({
        limits,
        answer: ({ url }) => (url.includes("bad") ? failed : arrived),
      });
      await add("bad");
      await add("good");
      for (let round = 0; round < 20; round++) {
        for (let n = 0; n < 50; n++) publish(round * 50 + n);
        await turn();
      }
      expect(to("good")).to.have.length(1_000);
      expect((await read("bad")).waiting).to.equal(100);
      // Four at first, then one in each turn: it is known to be down.
      expect(to("bad")).to.have.length(defaultDelivererLimits.hands + 19);
      expect(notices.map(({ code }) => code)).to.deep.equal(["webhook_failing"]);
      scene.answer = () => arrived;
      for (let i = 0; i < 60; i++) await turn();
      expect((await read("bad")).waiting, "what failed waits for its time").to.be.lessThan(30);
      expect(new Set(to("bad")).size, "nothing was left out").to.equal(1_000);
    });

    it("P15: of one that answers nobody keep the others from nothing", async () => {
      const never = Promise.withResolvers<Answer>();
      const { publish, tick, rest, add, to } = await createScene({
        answer: ({ url }) => (url.includes("mute") ? never.promise : arrived),
      });
      await add("mute");
      await add("good");
      for (let n = 0; n < 30; n++) {
        publish(n);
        await tick();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      expect(to("good")).to.have.length(30);
      expect(to("mute").length).to.be.at.most(defaultDelivererLimits.hands);
      never.resolve(arrived);
      await rest();
    });

    it("of one poisoned event leave the webhook open to new ones, however often it fails", async () => {
      const { publish, turn, add, clock, to, read } = await createScene({
        answer: ({ sequence }) => (sequence === 1 ? failed : arrived),
      });
      await add("a");
      publish(1);
      for (let n = 0; n < 8; n++) {
        await turn();
        clock.advance(3_600_000);
      }
      expect((await read("a")).failures).to.equal(8);
      clock.advance(-3_600_000);
      publish(2);
      await turn();
      expect(to("a").at(-1)).to.equal(2);
      expect((await read("a")).failures).to.equal(0);
    });
  });

  describe("crashes", () => {
    it("P15: sends again, under the same ids, what was sent and not recorded", async () => {
      const { publish, turn, tick, add, scene, restart, sent, sorted, read } = await createScene();
      await add("a");
      for (const intent of [1, 1, 2]) publish(intent);
      scene.instead = async () => {
        throw new Error("the process died");
      };
      await turn();
      expect((await read("a")).cursor).to.equal(0n);
      restart();
      await turn();
      expect(sorted("a")).to.deep.equal([1, 1, 2, 2, 3, 3]);
      expect(new Set(sent.map(({ id }) => id)).size).to.equal(3);
      expect((await read("a")).cursor).to.equal(3n);
      await tick();
    });

    it("tells the loop of a fault of the store at its next turn, and then goes on", async () => {
      const { publish, turn, add, scene, read } = await createScene();
      await add("a");
      publish(1);
      const fault = new Error("the store is out");
      scene.instead = async () => {
        throw fault;
      };
      await turn();
      const thrown = await turn().catch((error: unknown) => error);
      expect(thrown).to.equal(fault);
      await turn();
      expect((await read("a")).cursor).to.equal(1n);
    });

    it("leaves to another process what it recorded first", async () => {
      const { publish, turn, add, scene, store, read } = await createScene();
      await add("a");
      publish(1);
      scene.instead = async (round) => {
        await store.recordDeliveries({ ...round, cursor: 1n });
        return store.recordDeliveries({ ...round, cursor: 0n });
      };
      await turn();
      expect(await read("a")).to.deep.include({ cursor: 1n, revision: 2 });
    });

    it("P15: sends every event in order when the process dies at any call, before it, after it, or without its answer", async () => {
      /** Three intents, one refusal of each webhook, and a replay; dies as told, and a new process goes on. */
      async function live(faults: Faults) {
        const refused = new Set<string>();
        const seen = new Map<string, number[]>();
        const house = await createScene({
          faults,
          answer({ url, sequence }) {
            if (sequence === 2 && !refused.has(url)) return refused.add(url) && failed;
            const own = seen.get(url) ?? [];
            seen.set(url, own);
            if (!own.includes(sequence)) own.push(sequence);
            return arrived;
          },
        });
        await house.add("a");
        await house.add("b");
        const steps = [
          async () => [1, 2, 1, 3].forEach((intent) => house.publish(intent)),
          async () => [2, 1].forEach((intent) => house.publish(intent)),
          async () => void (await house.store.changeWebhook("a", { kind: "replay", after: 3n })),
          async () => undefined,
        ];
        for (const step of steps) {
          await step();
          await house.turn().catch(() => undefined);
          if (faults.dead) house.restart();
          house.clock.advance(toRetryMs(1));
        }
        house.restart();
        for (let turn = 0; turn < 3; turn++) {
          await house.turn();
          house.clock.advance(toRetryMs(1));
        }
        const inOrder = [...seen.values()].map((own) =>
          [1, 2, 3].map((intent) => own.filter((sequence) => [1, 2, 1, 3, 2, 1][sequence - 1] === intent)),
        );
        const expected = [[1, 3, 6], [2, 5], [4]];
        const { names, struck } = faults;
        expect(inOrder, names.at(-1)).to.deep.equal([expected, expected]);
        for (const id of ["a", "b"]) expect(await house.read(id), id).to.deep.include({ waiting: 0, cursor: 6n });
        return { calls: names.length, struck };
      }

      const { calls } = await live(createFaults(null));
      expect(calls).to.be.greaterThan(25);
      let run = 0;
      for (let at = 1; at <= calls; at++) {
        for (const mode of faultModes) {
          const { struck } = await live(createFaults({ at, mode }));
          expect(struck, `${mode} call ${at}`).to.equal(true);
          run += 1;
        }
      }
      expect(run).to.equal(calls * 3);
    }).timeout(60_000);

    it("P15: seeded: whatever fails, dies or is replayed, each event arrives, and first arrivals are in order per intent", async () => {
      const seed = process.env["SEED"] ?? "deliver-1";
      const random = createRandom(seed);
      const first: number[] = [];
      const house = await createScene({
        limits: { page: 7, waiting: 20, rounds: 3 },
        async answer({ sequence }) {
          await new Promise((resolve) => setImmediate(resolve));
          if (random.chance(0.3)) return failed;
          if (!first.includes(sequence)) first.push(sequence);
          // It arrived and the answer was lost.
          return random.chance(0.1) ? failed : arrived;
        },
      });
      await house.add("a");
      const intents: number[] = [];
      for (let step = 0; step < 400; step++) {
        if (step < 200 && random.chance(0.7)) {
          intents.push(random.below(12));
          house.publish(intents.at(-1) ?? 0);
        }
        if (random.chance(0.05)) house.scene.instead = async () => Promise.reject(new Error("died"));
        if (random.chance(0.05)) house.restart();
        if (random.chance(0.02)) {
          await house.store.changeWebhook("a", { kind: "replay", after: BigInt(random.below(intents.length + 1)) });
        }
        house.clock.advance(random.below(60_000));
        await house.turn().catch(() => undefined);
      }
      house.scene.answer = ({ sequence }) => {
        if (!first.includes(sequence)) first.push(sequence);
        return arrived;
      };
      for (let step = 0; step < 50; step++) {
        house.clock.advance(3_600_000);
        await house.turn().catch(() => undefined);
      }
      const label = `SEED=${seed}`;
      expect(
        first.toSorted((a, b) => a - b),
        label,
      ).to.deep.equal(intents.map((_, index) => index + 1));
      for (let intent = 0; intent < 12; intent++) {
        const own = first.filter((sequence) => intents[sequence - 1] === intent);
        expect(own, label).to.deep.equal(own.toSorted((a, b) => a - b));
      }
      expect(await house.read("a"), label).to.deep.include({ waiting: 0, disabled: null });
    });
  });

  describe("replay", () => {
    it("sends what follows the place again, with the same ids", async () => {
      const { publish, turn, add, store, sent, sorted } = await createScene();
      await add("a");
      for (let n = 1; n <= 4; n++) publish(n);
      await turn();
      const before = new Map(sent.map(({ sequence, id }) => [sequence, id]));
      sent.length = 0;
      await store.changeWebhook("a", { kind: "replay", after: 2n });
      await turn();
      expect(sorted("a")).to.deep.equal([3, 4]);
      for (const { sequence, id } of sent) expect(id).to.equal(before.get(sequence));
    });

    it("while something is under way comes after it, and is not lost", async () => {
      const gate = Promise.withResolvers<Answer>();
      const { publish, tick, turn, rest, add, scene, store, to, read } = await createScene({
        answer: () => gate.promise,
      });
      await add("a", { cursor: 1n });
      publish(1);
      publish(2);
      await tick();
      await store.changeWebhook("a", { kind: "replay", after: 0n });
      scene.answer = () => arrived;
      gate.resolve(arrived);
      await rest();
      expect((await read("a")).cursor, "the round under way wrote nothing").to.equal(0n);
      await turn();
      expect(to("a")).to.have.members([2, 1, 2]);
    });
  });

  describe("owners", () => {
    it("whose key was taken away get nothing, which is said once; with the key back they get what they missed", async () => {
      const { publish, turn, add, owners, to, notices } = await createScene();
      await add("a");
      publish(1);
      owners.clear();
      await turn();
      await turn();
      expect(to("a")).to.deep.equal([]);
      expect(notices.map(({ code }) => code)).to.deep.equal(["webhook_without_owner"]);
      owners.add("desk");
      await turn();
      expect(to("a")).to.deep.equal([1]);
    });
  });
});
