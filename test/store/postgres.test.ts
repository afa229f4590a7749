/**
 * The PostgreSQL engine: the shared behaviour suite, and what only an engine for several processes has: races, leases, migrations at once, and a
 * server that goes away. Needs a server; says so where there is none.
 */
import { expect } from "chai";
import type { Store } from "../../src/pipeline/ports.ts";
import { openPostgres } from "../../src/store/postgres.ts";
import { describeStore } from "./behaviour.ts";
import { type Cluster, hasPostgres, openCluster } from "./cluster.ts";

const missing =
  "skipped: no PostgreSQL here; install Debian's postgresql, or set REMESA_TEST_POSTGRES to a server's url";

describe("PostgreSQL store", () => {
  if (!hasPostgres()) {
    it(missing, function () {
      this.skip();
    });
    return;
  }
  let cluster: Cluster;
  before(async function () {
    this.timeout(120_000);
    cluster = await openCluster();
  });
  after(async () => {
    await cluster.stop();
  });

  const open = async (): Promise<Store> =>
    openPostgres({ url: await cluster.createDatabase(), connections: 4, now: () => 1 });

  describeStore("behaves as every engine does", open);

  it("is there", async () => {
    expect(await (await open()).countByState()).to.include({ accepted: 0 });
  });
});
