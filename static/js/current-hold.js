/** The panel for a rental that waits for payment, on pages about something else. */

import { getRental } from "./api.js";
import { fill } from "./dom.js";
import { isRentalId } from "./links.js";
import { holdPanel, isOnHold } from "./rental-view.js";
import { showLatestRental } from "./site.js";
import { latestRental } from "./storage.js";

/**
 * Shows the latest rental in `section` while it is on hold, and hides it otherwise.
 * @param {HTMLElement} section
 * @returns {Promise<import("./api.js").Rental|null>}  The latest rental, whatever its state;
 *   null when there is none or it cannot be read.
 */
export async function showCurrentHold(section) {
  const id = latestRental.get();
  if (!isRentalId(id)) return null;
  showLatestRental();
  let rental = null;
  try {
    rental = await getRental(id);
  } catch (error) {
    if (error.code === "RENTAL_NOT_FOUND") {
      latestRental.clear();
      showLatestRental();
    }
  }
  section.hidden = !rental || !isOnHold(rental);
  fill(section, rental && !section.hidden && holdPanel(rental));
  return rental;
}
