/**
 * A redemption's terms, its commitment to the bank account and its record, against viem: the id is the digest of the terms, and the holder's one
 * signature is the coin's authorization with that id as nonce.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { encodeAbiParameters, hashTypedData, keccak256, verifyTypedData } from "viem";
import { examplePhrase } from "../../scripts/examples.ts";
import { createWallets } from "../../scripts/keystore.ts";
import { createRedemption, readRecord, requireSame, writeRecord } from "../../scripts/payments/redemption.ts";
import { Refusal } from "../../scripts/terminal/refusal.ts";
import { typedStructs } from "../../src/domain/signatures.ts";
import { chainId, coin, redemptions } from "../support/payments.ts";

const wallet = createWallets(examplePhrase).at(2);
const network = { chainId, coins: [coin], redemptions, blockTime: null };
const account = "GT82 TRAJ 0102 0000 0012 1002 9690";

function create(amount = 25_000_000n): ReturnType<typeof createRedemption> {
  return createRedemption({ wallet, network, coin, amount, account, reference: "R-1", now: 1_800_000_000 });
}

describe("createRedemption", () => {
  it("has the digest of its terms as id, as viem computes it", async () => {
    const { terms, redemptionId } = await create();
    const digest = hashTypedData({
      domain: { name: "Remesa Redemption", version: "1", chainId, verifyingContract: redemptions },
      primaryType: "Redemption",
      types: { Redemption: [...typedStructs.Redemption] },
      message: { coin: coin.address, ...terms },
    });
    expect(redemptionId).to.equal(digest);
  });

  it("signs the coin's ReceiveWithAuthorization to the escrow with the id as nonce", async () => {
    const { terms, redemptionId, signature } = await create();
    const verified = await verifyTypedData({
      address: terms.holder,
      domain: { name: coin.name, version: coin.version, chainId, verifyingContract: coin.address },
      primaryType: "ReceiveWithAuthorization",
      types: { ReceiveWithAuthorization: [...typedStructs.ReceiveWithAuthorization] },
      message: {
        from: terms.holder,
        to: redemptions,
        value: BigInt(terms.amount),
        validAfter: 0n,
        validBefore: BigInt(terms.acceptBy),
        nonce: redemptionId,
      },
      signature,
    });
    expect(verified).to.equal(true);
  });

  it("commits to the account with a secret that is new every time and is not in the terms", async () => {
    const [one, other] = [await create(), await create()];
    expect(one.terms.payout).not.to.equal(other.terms.payout);
    const encoded = encodeAbiParameters([{ type: "bytes32" }, { type: "string" }], [one.blinding, account]);
    expect(one.terms.payout).to.equal(keccak256(encoded));
    expect(Object.values(one.terms)).to.not.include(one.blinding);
    expect(one.blinding).to.not.equal(other.blinding);
  });

  it("orders its deadlines: a day, a week, fifteen days", async () => {
    const { acceptBy, payoutBy, finalBy } = (await create()).terms;
    expect([acceptBy, payoutBy, finalBy].map((time) => (time - 1_800_000_000) / 86_400)).to.deep.equal([1, 7, 15]);
  });

  it("refuses an amount that is not whole cents", async () => {
    const refusal = await create(25_000_001n).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(Refusal);
    expect((refusal as Refusal).message).to.equal("the amount is not whole cents");
  });
});

describe("a redemption's record", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "remesa-redeem-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is read back as it was written, by its owner only", async () => {
    const path = join(folder, "records", "R-1.json");
    const record = await create();
    writeRecord(path, record);
    expect(readRecord(path)).to.deep.equal(record);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });

  it("is null where there is none", () => {
    expect(readRecord(join(folder, "none.json"))).to.equal(null);
  });

  it("refuses another amount, holder, account or chain under the same reference", async () => {
    const record = await create();
    const asked = { holder: record.terms.holder, amount: 25_000_000n, account, chainId };
    requireSame(record, asked);
    for (const change of [{ amount: 1n }, { holder: coin.address }, { account: "other" }, { chainId: 1 }]) {
      expect(() => requireSame(record, { ...asked, ...change })).to.throw(Refusal, "reference R-1 belongs to");
    }
  });
});
