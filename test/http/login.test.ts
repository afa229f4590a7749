import { expect } from "chai";
import { privateKeyToAccount } from "viem/accounts";
import { createSiweMessage } from "viem/siwe";
import { createLogin } from "../../src/http/login.ts";
import { RejectedError } from "../../src/http/problem.ts";
import { ana, anaKey } from "../support/fake-node.ts";

const wallet = privateKeyToAccount(anaKey);
const host = "localhost:3000";

async function reasonOf(act: () => unknown): Promise<string> {
  try {
    await act();
    return "done";
  } catch (error) {
    if (error instanceof RejectedError) return `${error.message} ${error.reasons[0]?.subject}`;
    throw error;
  }
}

function setUp(hosts: readonly string[] | null = null) {
  // Wall and monotonic milliseconds: time passes for both, unless a test sets the wall clock alone.
  const time = { ms: 0, skew: 0 };
  const clock = { now: () => 1_800_000_000_000 + time.ms + time.skew, monotonic: () => 7 + time.ms };
  const login = createLogin({ chainId: 31_337, hosts, clock });
  /** Signs a message and logs in with it. */
  const verify = async (message: string, options: { host?: string; signer?: typeof wallet } = {}) => {
    const signature = await (options.signer ?? wallet).signMessage({ message });
    return login.verify({ message, signature, host: options.host ?? host });
  };
  return { time, login, verify, message: () => login.challenge({ address: ana, host }).message };
}

/** A message of one's own around a challenge's nonce, as other ERC-4361 libraries make it. */
function rewrite(nonce: string, changes: Record<string, unknown> = {}): string {
  return createSiweMessage({
    domain: host,
    address: wallet.address,
    uri: `http://${host}/wallet`,
    version: "1",
    chainId: 31_337,
    nonce,
    issuedAt: new Date(1_800_000_000_000),
    ...changes,
  });
}

describe("http/login", () => {
  it("logs in the wallet that signed the challenge", async () => {
    const { verify, message } = setUp();
    expect(await verify(message())).to.equal(ana);
  });

  it("says in the message which site, which chain, and that no money moves", () => {
    const text = setUp().message();
    expect(text).to.match(/^localhost:3000 wants you to sign in/);
    expect(text).to.include("Chain ID: 31337").and.to.include("nothing that moves money");
  });

  it("takes a message of another library around its nonce", async () => {
    const { verify, login } = setUp();
    expect(await verify(rewrite(login.challenge({ address: ana, host }).nonce))).to.equal(ana);
  });

  it("takes a challenge once", async () => {
    const { verify, message } = setUp();
    const text = message();
    await verify(text);
    expect(await reasonOf(() => verify(text))).to.equal("unauthorized nonce");
  });

  it("takes one of two logins with the same challenge at the same time", async () => {
    const { verify, message } = setUp();
    const text = message();
    const outcomes = await Promise.all([reasonOf(() => verify(text)), reasonOf(() => verify(text))]);
    expect(outcomes.toSorted()).to.deep.equal(["done", "unauthorized nonce"]);
  });

  it("does not spend a nonce on a wrong signature", async () => {
    const { verify, message } = setUp();
    const text = message();
    const other = privateKeyToAccount(`0x${"2".repeat(64)}`);
    expect(await reasonOf(() => verify(text, { signer: other }))).to.equal("unauthorized signature");
    expect(await verify(text)).to.equal(ana);
  });

  it("takes a challenge for five minutes, not a millisecond longer", async () => {
    const { verify, login, time } = setUp();
    const [first, second] = [login.challenge({ address: ana, host }), login.challenge({ address: ana, host })];
    time.ms += 299_999;
    expect(await verify(rewrite(first.nonce))).to.equal(ana);
    time.ms += 1;
    expect(await reasonOf(() => verify(rewrite(second.nonce)))).to.equal("unauthorized nonce");
  });

  it("P13: takes a challenge once, also when the wall clock goes ten minutes ahead and back", async () => {
    const { verify, login, time } = setUp();
    const text = rewrite(login.challenge({ address: ana, host }).nonce);
    await verify(text);
    time.skew = 600_000;
    // Another login is when nonces that are over are forgotten.
    await verify(rewrite(login.challenge({ address: ana, host }).nonce));
    time.skew = 0;
    expect(await reasonOf(() => verify(text))).to.equal("unauthorized nonce");
  });

  it("P13: takes a challenge for no longer when the wall clock is set back", async () => {
    const { verify, login, time } = setUp();
    const { nonce } = login.challenge({ address: ana, host });
    time.skew = -600_000;
    time.ms += 300_000;
    expect(await reasonOf(() => verify(rewrite(nonce)))).to.equal("unauthorized nonce");
  });

  it("refuses a nonce that another node made", async () => {
    const { nonce } = setUp().login.challenge({ address: ana, host });
    expect(await reasonOf(() => setUp().verify(rewrite(nonce)))).to.equal("unauthorized nonce");
  });

  it("refuses a nonce that was made for another address", async () => {
    const { verify, login } = setUp();
    const { nonce } = login.challenge({ address: "0xb100000000000000000000000000000000000002", host });
    expect(await reasonOf(() => verify(rewrite(nonce)))).to.equal("unauthorized nonce");
  });

  for (const [name, changes, expected] of [
    ["another domain", { domain: "localhost:3001" }, "unauthorized domain"],
    ["another chain", { chainId: 1 }, "unauthorized chainId"],
    ["an expiry that passed", { expirationTime: new Date(1_800_000_000_000) }, "unauthorized expirationTime"],
    ["a beginning to come", { notBefore: new Date(1_800_000_000_001) }, "unauthorized notBefore"],
  ] as const) {
    it(`refuses a message with ${name}`, async () => {
      const { verify, login } = setUp();
      const { nonce } = login.challenge({ address: ana, host });
      expect(await reasonOf(() => verify(rewrite(nonce, changes)))).to.equal(expected);
    });
  }

  it("refuses text that is not exactly a message", async () => {
    const { verify, message } = setUp();
    for (const text of [
      "hello",
      `${message()}\nmore`,
      ` ${message()}`,
      message().replace("Version: 1", "Version: 2"),
    ]) {
      expect(await reasonOf(() => verify(text))).to.equal("unauthorized message");
    }
  });

  it("shows no challenge under a name that could be a phisher's", async () => {
    const { login } = setUp();
    expect(await reasonOf(() => login.challenge({ address: ana, host: "evil.example" }))).to.equal("unauthorized host");
    expect(await reasonOf(() => login.challenge({ address: ana, host: "localhost.evil.example" }))).to.equal(
      "unauthorized host",
    );
  });

  it("logs in under a configured name, and then under no other", async () => {
    const { login, verify } = setUp(["pay.example"]);
    const { message } = login.challenge({ address: ana, host: "pay.example" });
    expect(message).to.include("URI: https://pay.example");
    expect(await reasonOf(() => verify(message, { host: "evil.example" }))).to.equal("unauthorized host");
    expect(await verify(message, { host: "pay.example" })).to.equal(ana);
    expect(await reasonOf(() => login.challenge({ address: ana, host }))).to.equal("unauthorized host");
  });
});
