/** On every page: the way back to the latest rental. */

import { $ } from "./dom.js";
import { isRentalId, rentalUrl } from "./links.js";
import { latestRental } from "./storage.js";

/** Shows or hides the header's link to the latest rental. */
export function showLatestRental() {
  const id = latestRental.get();
  const link = $("#latest-rental");
  link.hidden = !isRentalId(id);
  if (!link.hidden) link.href = rentalUrl("rental", id);
}

showLatestRental();
