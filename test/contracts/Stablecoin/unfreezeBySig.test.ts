/** Lifting a freeze by a freezer's signed order; see unfreezing.ts for what both forms share. */
import { describeUnfreeze } from "./unfreezing.ts";

describeUnfreeze("Stablecoin.unfreezeBySig");
