/** Lifting a freeze by call; see unfreezing.ts for what both forms share. */
import { describeUnfreeze } from "./unfreezing.ts";

describeUnfreeze("Stablecoin.unfreeze");
