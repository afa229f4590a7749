/**
 * The counts behind the limit on requests: by whom, in which minute, and bounded.
 */
import { expect } from "chai";
import { createRates } from "../../src/http/rates.ts";

const windowMs = 60_000;

function createCounted() {
  let elapsed = 0;
  const Rates = createRates({ monotonic: () => elapsed });
  const store = new Rates({});
  const count = (key: string, of = store): { current: number; ttl: number } | undefined => {
    let told: { current: number; ttl: number } | undefined;
    of.incr(key, (_error, result) => (told = result), windowMs, 1);
    return told;
  };
  return { store, count, advance: (ms: number) => void (elapsed += ms) };
}

describe("createRates", () => {
  it("counts each caller within a minute from its first request, and says how much of it is left", () => {
    const { count, advance } = createCounted();
    expect(count("ana")).to.deep.equal({ current: 1, ttl: windowMs });
    advance(59_999);
    expect(count("ana")).to.deep.equal({ current: 2, ttl: 1 });
    expect(count("luis")).to.deep.equal({ current: 1, ttl: windowMs });
    advance(1);
    expect(count("ana")).to.deep.equal({ current: 1, ttl: windowMs });
    expect(count("luis")).to.deep.equal({ current: 2, ttl: windowMs - 1 });
  });

  it("forgets who was silent longest above its bound, and nobody else", () => {
    const { count } = createCounted();
    for (let caller = 0; caller < 5_000; caller++) count(`caller ${caller}`);
    expect(count("caller 0")?.current).to.equal(2);
    count("one more");
    expect(count("caller 0")?.current, "it has just called").to.equal(3);
    expect(count("caller 1")?.current, "it was silent longest").to.equal(1);
  });

  it("counts apart for a route with a limit of its own", () => {
    const { store, count } = createCounted();
    count("ana");
    const child = store.child({ method: "GET", url: "/", path: "/", prefix: "", handler: () => null });
    expect(count("ana", child)?.current).to.equal(1);
    expect(count("ana")?.current).to.equal(2);
  });
});
