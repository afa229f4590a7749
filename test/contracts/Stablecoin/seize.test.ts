/** Seizing by call; see seizing.ts for what both forms share. */
import { describeSeize } from "./seizing.ts";

describeSeize("Stablecoin.seize");
