/**
 * The behaviour of every engine behind the store port, as one suite run against each. Owns no engine: it takes a function that opens an empty
 * store. Promises that every verb, every edge of the lifecycle table and every refusal is reached.
 */
import { describeEscrows } from "./behaviour-agreements.ts";
import { describeBlocks } from "./behaviour-blocks.ts";
import { describeFunding } from "./behaviour-funding.ts";
import { describeIntake } from "./behaviour-intake.ts";
import { describeLanes } from "./behaviour-lanes.ts";
import { describeLifecycle } from "./behaviour-lifecycle.ts";
import { describeProperties } from "./behaviour-properties.ts";
import { describeReads } from "./behaviour-reads.ts";
import { describeWebhooks } from "./behaviour-webhooks.ts";
import type { OpenStore } from "./harness.ts";

export function describeStore(name: string, open: OpenStore): void {
  describe(name, () => {
    describeIntake(open);
    describeLanes(open);
    describeFunding(open);
    describeBlocks(open);
    describeEscrows(open);
    describeLifecycle(open);
    describeReads(open);
    describeWebhooks(open);
    describeProperties(open);
  });
}
