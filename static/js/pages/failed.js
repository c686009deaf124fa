/** failed.html: why a rental did not happen, and the way to try again. */

import { h } from "../dom.js";
import { rentUrl, rentalUrl } from "../links.js";
import { showRental } from "../rental-page.js";
import { holdPanel, isMineToPay } from "../rental-view.js";
import { ending, isRefund, isRefundOver, refundWords } from "../words.js";

/** Closing the payment page takes a moment; after this it is offered again while it is open. */
const CLOSING_MS = 10_000;

showRental((rental, waited) => {
  if (rental.status === "completed") {
    return {
      tone: "good",
      heading: "This rental is paid after all",
      lead: "Your payment arrived, so the rental is confirmed.",
      more: [
        h(
          "a",
          { class: "button", href: rentalUrl("success", rental.rental_id) },
          "See the confirmation",
        ),
      ],
      goOn: false,
    };
  }
  if (isRefund(rental)) {
    const { title, text } = refundWords(rental);
    return {
      tone: "wait",
      heading: title,
      lead: text,
      more: [tryAgain(rental)],
      goOn: !isRefundOver(rental),
    };
  }
  if (rental.status === "pending") {
    const open = waited > CLOSING_MS && isMineToPay(rental);
    return {
      tone: "wait",
      heading: open ? "This rental is not closed yet" : "Closing this rental…",
      lead: open
        ? "We are still checking with PayMongo. If you did not mean to cancel, you can still pay."
        : "We check that no payment is under way, then the unit goes back on the shelf.",
      more: [open && holdPanel(rental)],
      goOn: true,
    };
  }
  const { title, text, unit, money } = ending(rental);
  return {
    tone: "bad",
    heading: title,
    lead: `${text} ${unit} ${money}`,
    more: [
      h(
        "div",
        { class: "actions" },
        tryAgain(rental),
        h("a", { class: "button button-quiet", href: "/" }, "See the collection"),
      ),
    ],
    goOn: false,
  };
});

/** @param {import("../api.js").Rental} rental */
function tryAgain(rental) {
  const href = rentUrl(rental.collectible_id, rental.store_id, rental.duration);
  return h("a", { class: "button", id: "try-again", href }, "Try again");
}
