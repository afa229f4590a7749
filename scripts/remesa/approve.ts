/**
 * `remesa approve`: the second word. Owns approving a mint that is too large for the dealer alone, and a payout that is too large for the bank
 * desk alone. Promises to use the approver's API key, never the operator's: who began an action does not approve it.
 */
import type { Command } from "commander";
import { formatAddress, isHexOf, toLower } from "../../src/domain/hex.ts";
import { describeLife, orderPatienceSeconds, requireSettled, runOrder } from "../orders.ts";
import { checkDeposit, toDepositId } from "../payments/deposits.ts";
import { deriveKey, endStates, fetchNetwork, type Living, openSession, persist, type Session } from "../session.ts";
import { type ActOptions, addActOptions, declareGroup, declareVerb, readAct } from "../terminal/options.ts";
import { toUsage } from "../terminal/refusal.ts";
import { formatBlock, formatMoney, showResult } from "../terminal/screen.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface MintOptions extends ActOptions {
  readonly account: string;
  readonly entry: string;
  readonly to: string;
  readonly amount: string;
  readonly currency: string;
}

const pollMs = 300;

async function runApproveMint(terminal: Terminal, options: MintOptions): Promise<void> {
  const { waitSeconds, attempt } = readAct(options);
  const session = openSession(terminal, options, ["approver"]);
  const { account, entry, to, amount, currency } = options;
  const deposit = checkDeposit([account, entry, to, amount, currency], (await fetchNetwork(session.client)).coins);
  if (!("to" in deposit)) throw toUsage(deposit.join("; "));
  const depositId = toDepositId(deposit);
  await runOrder(terminal, session, {
    ...options,
    waitSeconds,
    request: {
      path: "/v1/approvals",
      readAt: "/v1/orders",
      body: { mint: { coin: deposit.coin.symbol, depositId, to: deposit.to, amount: `${deposit.amount}` } },
      idempotencyKey: deriveKey("approve-mint", [deposit.coin.address, depositId, deposit.to, deposit.amount, attempt]),
    },
    facts: [
      ["approve", `the mint of ${formatMoney(deposit.amount, deposit.coin)}`],
      ["to", formatAddress(deposit.to)],
      ["entry", `${account} ${entry}`],
    ],
  });
}

/**
 * A step that a second key takes and that does not change the redemption's state: looked at by asking the same again, which under the same
 * Idempotency-Key answers with the first.
 */
export async function approvePayout(
  session: Session,
  options: { readonly id: string; readonly waitSeconds: number; readonly attempt: number },
): Promise<Living> {
  const { id, waitSeconds, attempt } = options;
  const idempotencyKey = deriveKey("approve", [id, attempt]);
  const ask = () => session.client.post<Living>(`/v1/redemptions/${id}/approve`, {}, { idempotencyKey });
  const until = performance.now() + waitSeconds * 1_000;
  for (;;) {
    const step = await persist(ask, { patienceSeconds: orderPatienceSeconds });
    if (endStates.includes(step.state) || performance.now() > until) return step;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function runApproveRedemption(terminal: Terminal, id: string, options: ActOptions): Promise<void> {
  const { waitSeconds, attempt } = readAct(options);
  if (!isHexOf(id, 32) && !/^red_[0-9a-z]{13}$/.test(id)) throw toUsage(`"${id}" is neither red_… nor 0x…`);
  const session = openSession(terminal, options, ["approver"]);
  if (options.dryRun === true) {
    const { state } = await persist(() => session.client.get<{ state: string }>(`/v1/redemptions/${id}`), {
      patienceSeconds: orderPatienceSeconds,
    });
    const text = `Would approve the payout of ${id}, which is ${state}.\nDry run: nothing was asked.\n`;
    return showResult(terminal, options, { value: { dryRun: true, redemption: id, state }, text });
  }
  const step = await approvePayout(session, { id: isHexOf(id, 32) ? toLower(id) : id, waitSeconds, attempt });
  const text = formatBlock(terminal, [["approve", `the payout of ${id}`], ...describeLife(terminal, step)]);
  showResult(terminal, options, { value: step, text });
  if (waitSeconds > 0) requireSettled(step);
}

export function addApprove(program: Command, terminal: Terminal): void {
  const group = declareGroup(program, {
    name: "approve",
    summary: "the second word on a large mint or payout",
    example: "approve redemption red_1m81r7jeg0000",
  });
  const mint = declareVerb(group, {
    name: "mint",
    summary: "approve a mint that is too large for one key, before it is asked for",
    example:
      "approve mint --account MAIN --entry E-1 --to 0x249C68Fdee94518F3C453E2cefB5a74062214634 --amount 6000000.00",
  });
  addActOptions(mint)
    .requiredOption("--account <account>", "the issuer's bank account")
    .requiredOption("--entry <reference>", "the bank's reference of the entry")
    .requiredOption("--to <address>", "who is credited")
    .requiredOption("--amount <amount>", "decimal amount, exactly that of the mint")
    .option("--currency <symbol>", "the coin", "XUS")
    .action((options: MintOptions) => runApproveMint(terminal, options));
  const redemption = declareVerb(group, {
    name: "redemption",
    summary: "approve a payout that is too large for the bank desk alone",
    example: "approve redemption red_1m81r7jeg0000",
  });
  addActOptions(redemption)
    .argument("<redemption>", "red_… or 0x…; the desk has accepted it")
    .action((id: string, options: ActOptions) => runApproveRedemption(terminal, id, options));
}
