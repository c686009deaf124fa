/** rental.html: one rental, live. Where customers come back to from the payment page. */

import { h } from "../dom.js";
import { rentUrl } from "../links.js";
import { paidView } from "../paid.js";
import { showRental } from "../rental-page.js";
import { holdPanel, isMineToPay, isOnHold } from "../rental-view.js";
import { attemptsWords, ending, isRefund, isRefundOver, refundWords } from "../words.js";

showRental((rental, _waited, store) => {
  if (rental.status === "completed") return paidView(rental, store);
  if (isRefund(rental)) {
    const { title, text } = refundWords(rental);
    return {
      tone: "wait",
      heading: title,
      lead: text,
      goOn: !isRefundOver(rental),
    };
  }
  if (rental.status === "pending") return pending(rental);
  const { title, text, unit, money } = ending(rental);
  const href = rentUrl(rental.collectible_id, rental.store_id, rental.duration);
  return {
    tone: "bad",
    heading: title,
    lead: `${text} ${unit} ${money}`,
    more: [h("a", { class: "button", id: "try-again", href }, "Try again")],
    goOn: false,
  };
});

/**
 * @param {import("../api.js").Rental} rental
 * @returns {import("../rental-page.js").View}
 */
function pending(rental) {
  if (isOnHold(rental) && !isMineToPay(rental)) {
    return {
      tone: "wait",
      heading: "This rental is on hold",
      lead: "It is not paid yet. Pay or cancel it in the browser that it was made in.",
      goOn: true,
    };
  }
  if (isOnHold(rental)) {
    return {
      tone: "wait",
      heading: "Your rental is on hold",
      lead: "A unit waits for you. Pay before the time runs out, or cancel to let others have it.",
      more: [holdPanel(rental)],
      spoken: attemptsWords(rental),
      goOn: true,
    };
  }
  return {
    tone: "wait",
    heading: rental.hold_expires_at ? "Checking your payment…" : "Setting up your rental…",
    lead: rental.hold_expires_at
      ? "The time to pay is over. We check whether your payment arrived before we let the unit go."
      : "We reserve a unit and prepare the payment page. This takes a few seconds.",
    goOn: true,
  };
}
