/** Freezing by a freezer's signed order; see freezing.ts for what both forms share. */
import { describeFreeze } from "./freezing.ts";

describeFreeze("Stablecoin.freezeBySig");
