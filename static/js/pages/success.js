/** success.html: where a customer who paid lands. Says what is known, not what is hoped. */

import { h } from "../dom.js";
import { days, pesos } from "../format.js";
import { rentUrl, rentalUrl } from "../links.js";
import { bringWords, paidView, readyAndDue } from "../paid.js";
import { showRental } from "../rental-page.js";
import { ending, isRefund, isRefundOver, refundWords } from "../words.js";

const SLOW_AFTER_MS = 30_000;
/** For this long an unpaid ending may still turn: the payment can be newer than the answer. */
const UNPAID_IS_FINAL_AFTER_MS = 90_000;

showRental((rental, waited, store) => {
  if (rental.status === "completed") {
    const view = paidView(rental, store);
    if (rental.fulfillment_status !== "awaiting_arrival") return view;
    return {
      ...view,
      lead: `We received ${pesos(rental.amount_due)} for ${rental.collectible_name}, ${days(rental.duration)}${withDeposit(rental)}. ${readyAndDue(rental)}${bringWords(rental)} PayMongo sends your receipt by email.`,
    };
  }
  if (isRefund(rental)) {
    const { title, text } = refundWords(rental);
    return {
      tone: "wait",
      heading: title,
      lead: `We received your payment, but the rental could not go ahead. ${text}`,
      more: [tryAgain(rental)],
      goOn: !isRefundOver(rental),
    };
  }
  if (rental.status === "pending") {
    const slow = waited > SLOW_AFTER_MS;
    return {
      tone: "wait",
      heading: "Confirming your payment…",
      lead: slow
        ? "This takes longer than usual. Please do not pay again. You can close this page and come back to it later."
        : "We are asking PayMongo. This takes a few seconds.",
      more: [
        slow &&
          h(
            "a",
            { class: "button button-quiet", href: rentalUrl("rental", rental.rental_id) },
            "See the rental",
          ),
      ],
      goOn: true,
    };
  }
  const { title, text } = ending(rental);
  const final = waited > UNPAID_IS_FINAL_AFTER_MS;
  return {
    tone: "bad",
    heading: "This rental is not paid",
    lead: `${title}. ${text} If money left your account, we will confirm the rental or send all of it back.${final ? "" : " We keep checking."}`,
    more: [tryAgain(rental)],
    goOn: !final,
  };
});

/** @param {import("../api.js").Rental} rental */
const withDeposit = ({ deposit }) =>
  deposit > 0 ? `, with your deposit of ${pesos(deposit)}` : "";

/** @param {import("../api.js").Rental} rental */
function tryAgain(rental) {
  const href = rentUrl(rental.collectible_id, rental.store_id, rental.duration);
  return h("a", { class: "button", id: "try-again", href }, "Rent it again");
}
