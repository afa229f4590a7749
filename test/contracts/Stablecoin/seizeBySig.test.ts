/** Seizing by a seizer's signed order; see seizing.ts for what both forms share. */
import { describeSeize } from "./seizing.ts";

describeSeize("Stablecoin.seizeBySig");
