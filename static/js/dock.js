/** The strip at the foot of pages about something else, while a rental waits for payment. */

import { fill, h } from "./dom.js";
import { rentalUrl, safePaymentUrl } from "./links.js";
import { holdClock, isMineToPay } from "./rental-view.js";

/** @typedef {import("./api.js").Rental} Rental */

const dock = h("section", { class: "dock", "aria-label": "Rental on hold", hidden: true });

/**
 * Shows the first of these rentals that is on hold, and hides the strip when none is.
 * @param {Rental[]} rentals
 */
export function showDock(rentals) {
  const [hold, ...others] = rentals.filter(isMineToPay);
  if (!dock.isConnected) document.body.append(dock);
  dock.hidden = !hold;
  fill(dock, hold && content(hold, others.length));
}

/**
 * @param {Rental} hold
 * @param {number} others
 */
function content(hold, others) {
  return h(
    "div",
    { class: "wrap" },
    h(
      "p",
      {},
      `${hold.collectible_name} is on hold for you: `,
      holdClock(hold),
      others > 0 && h("a", { href: "/rentals.html" }, `and ${others} more`),
    ),
    h(
      "div",
      { class: "actions" },
      h("a", { class: "button", href: safePaymentUrl(hold.payment_url) }, "Continue to payment"),
      h(
        "a",
        { class: "button button-quiet", href: rentalUrl("rental", hold.rental_id) },
        "See or cancel it",
      ),
    ),
  );
}
