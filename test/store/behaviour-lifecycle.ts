/**
 * Every edge of the lifecycle table, taken on a real store. Owns one way to take each edge; the suite fails when the table has an edge without
 * a way, when a way does not take its edge, and when a way takes an edge that is not in the table.
 */
import { expect } from "chai";
import { intentEdges } from "../../src/domain/lifecycle.ts";
import { type OpenStore, withStore } from "./harness.ts";
import { ana, createWorld, genesisTime, stranger, toCancelled, transferFacts, type World } from "./world.ts";

type Way = (world: World) => Promise<void>;

async function payment(world: World, change: Parameters<typeof transferFacts>[0] = {}) {
  await world.fund(ana, 100n);
  return world.accept(transferFacts(change));
}

/** A block that ends an intent by another use of its fence, made final. */
async function overtake(world: World, intent: Awaited<ReturnType<typeof payment>>, how: "cancelled" | "superseded") {
  const at = { transaction: world.nextHash(), logIndex: world.nextLog(), by: stranger };
  if (how === "cancelled") await world.apply({ fences: [toCancelled(intent.fence, at)] });
  else await world.apply(world.settled([{ ...intent, amount: intent.amount + 1n }], at.transaction, stranger));
  expect((await world.read(intent)).state, "a verdict that is not final changes no state").to.equal(intent.state);
  await world.finalize();
  expect((await world.read(intent)).state).to.equal(how);
}

async function expire(world: World): Promise<void> {
  await world.apply({}, genesisTime + 500);
  await world.finalize();
}

const soon = { validBefore: genesisTime + 500 };

const ways: Readonly<Record<string, Way>> = {
  "accepted → planned": async (world) => {
    await world.plan(await payment(world));
  },
  "planned → sent": async (world) => {
    await world.send(await payment(world));
  },
  "accepted → included": async (world) => {
    const intent = await payment(world);
    await world.apply(world.settled([intent], world.nextHash(), stranger));
    expect((await world.read(intent)).evidence?.by).to.equal(stranger);
  },
  "planned → included": async (world) => {
    const intent = await payment(world);
    await world.settle(await world.plan(intent), intent);
  },
  "sent → included": async (world) => {
    const intent = await payment(world);
    await world.settle(await world.send(intent), intent);
  },
  "included → settled": async (world) => {
    const intent = await payment(world);
    await world.settle(await world.send(intent), intent);
    await world.finalize();
  },
  "accepted → cancelled": async (world) => {
    await overtake(world, await payment(world), "cancelled");
  },
  "planned → cancelled": async (world) => {
    const intent = await payment(world);
    await world.plan(intent);
    await overtake(world, await world.read(intent), "cancelled");
  },
  "sent → cancelled": async (world) => {
    const intent = await payment(world);
    await world.send(intent);
    await overtake(world, await world.read(intent), "cancelled");
  },
  "accepted → superseded": async (world) => {
    await overtake(world, await payment(world), "superseded");
  },
  "planned → superseded": async (world) => {
    const intent = await payment(world);
    await world.plan(intent);
    await overtake(world, await world.read(intent), "superseded");
  },
  "sent → superseded": async (world) => {
    const intent = await payment(world);
    await world.send(intent);
    await overtake(world, await world.read(intent), "superseded");
  },
  "accepted → expired": async (world) => {
    await payment(world, soon);
    await expire(world);
  },
  "planned → expired": async (world) => {
    await world.plan(await payment(world, soon));
    await expire(world);
  },
  "sent → expired": async (world) => {
    await world.send(await payment(world, soon));
    await expire(world);
  },
  "included → sent": async (world) => {
    const intent = await payment(world);
    await world.settle(await world.send(intent), intent);
    await world.reorgTo(1);
  },
  "included → accepted": async (world) => {
    const intent = await payment(world);
    await world.apply(world.settled([intent], world.nextHash(), stranger));
    await world.reorgTo(1);
  },
  "planned → accepted": async (world) => {
    const slot = await world.plan(await payment(world));
    await world.apply({ slots: [world.mined(slot, { succeeded: false })] });
  },
  "sent → accepted": async (world) => {
    const slot = await world.send(await payment(world));
    await world.apply({ slots: [world.mined(slot, { succeeded: false })] });
  },
};

export function describeLifecycle(open: OpenStore): void {
  describe("lifecycle", () => {
    const taken = new Set<string>();

    for (const { from, to, when } of intentEdges) {
      const edge = `${from} → ${to}`;
      it(
        `takes ${edge}: ${when}`,
        withStore(open, async (store) => {
          const way = ways[edge];
          expect(way, "this edge has no way in the suite").to.not.equal(undefined);
          const world = await createWorld(store);
          await way?.(world);
          expect([...world.edges]).to.include(edge);
          for (const one of world.edges) taken.add(one);
        }),
      );
    }

    it("has taken every edge of the table and no other", () => {
      expect([...taken].sort()).to.deep.equal(intentEdges.map(({ from, to }) => `${from} → ${to}`).sort());
    });
  });
}
