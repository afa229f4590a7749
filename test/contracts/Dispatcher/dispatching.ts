/**
 * What the Dispatcher's tests share: the dispatcher, two targets that behave or misbehave as told, and how outcomes are read.
 * Promises a fresh state for each `load`; never asserts.
 */
import type { BytesLike, ContractTransactionResponse } from "ethers";
import type { DispatchMockTarget, Dispatcher } from "../../../types/ethers-contracts/index.js";
import { type Account, type Connection, isInstrumented } from "../../support/treasury.ts";

export interface DispatcherWorld {
  connection: Connection;
  dispatcher: Dispatcher;
  target: DispatchMockTarget;
  other: DispatchMockTarget;
  relayer: Account;
  holder: Account;
}

export interface Call {
  target: string;
  gasLimit: bigint;
  data: BytesLike;
}

export interface Outcome {
  index: bigint;
  target: string;
  success: boolean;
  result: string;
}

/** Gas that any well-behaved call of these tests gets by with; where code is counted, it needs more. */
export const LIMIT = isInstrumented() ? 1_000_000n : 100_000n;
const RESERVE = 15_000n;

/** What a call with a limit asks for: the limit, the 64th part kept back, and the reserve. */
export const neededFor = (limit: bigint): bigint => limit + limit / 63n + 1n + RESERVE;

export async function deployDispatcher(connection: Connection): Promise<DispatcherWorld> {
  const { ethers } = connection;
  const [relayer, holder] = (await ethers.getSigners()) as [Account, Account];
  const dispatcher = (await ethers.deployContract("Dispatcher")) as unknown as Dispatcher;
  const target = (await ethers.deployContract("DispatchMockTarget")) as unknown as DispatchMockTarget;
  const other = (await ethers.deployContract("DispatchMockTarget")) as unknown as DispatchMockTarget;
  return { connection, dispatcher, target, other, relayer, holder };
}

/** Sends a list, with so much gas or as much as is estimated. */
export function execute(w: DispatcherWorld, calls: Call[], gas?: bigint): Promise<ContractTransactionResponse> {
  return w.dispatcher.connect(w.relayer).execute(calls, gas === undefined ? {} : { gasLimit: gas });
}

/** The outcomes in the order of the log. */
export async function outcomesOf(w: DispatcherWorld, sent: Promise<ContractTransactionResponse>): Promise<Outcome[]> {
  const receipt = await (await sent).wait();
  const dispatcher = await w.dispatcher.getAddress();
  return (receipt?.logs ?? [])
    .filter(({ address }) => address === dispatcher)
    .map((log) => w.dispatcher.interface.parseLog(log)!.args.toObject() as Outcome);
}

/** Everything the targets know; a test compares before with after. */
export async function readTargets(w: DispatcherWorld) {
  return {
    calls: await w.target.calls(),
    sum: await w.target.sum(),
    otherCalls: await w.other.calls(),
    otherSum: await w.other.sum(),
  };
}
