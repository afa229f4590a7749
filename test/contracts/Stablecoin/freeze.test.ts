/** Freezing by call; see freezing.ts for what both forms share. */
import { describeFreeze } from "./freezing.ts";

describeFreeze("Stablecoin.freeze");
