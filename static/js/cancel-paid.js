/** Cancelling a paid rental before it is handed over: what goes back is said first. */

import { cancelPaidRental } from "./api.js";
import { cancelButton, cancelDialog } from "./cancel-dialog.js";
import { h } from "./dom.js";
import { pesos } from "./format.js";
import { keyOf, readRental } from "./known-rentals.js";
import { rentalUrl } from "./links.js";
import { wake } from "./watch.js";
import { troubleWords } from "./words.js";

/** @typedef {import("./api.js").Rental} Rental */

/** @param {Rental} rental */
export function cancelPaid(rental) {
  const { rental_id: id } = rental;
  const key = keyOf(id);
  if (rental.refund_if_cancelled === null || !key) return null;
  let shown = rental;
  const dialog = cancelDialog({
    text: () => previewWords(shown),
    yes: () =>
      shown.refund_if_cancelled
        ? `Cancel and get ${pesos(shown.refund_if_cancelled)} back`
        : "Yes, cancel",
    cancel: async () => {
      await cancelPaidRental(id, key, shown.refund_if_cancelled ?? 0);
      window.location.assign(rentalUrl("rental", id));
    },
    explain: async (error) => {
      if (error.code === "REFUND_CHANGED") {
        shown = await readRental(id).catch(() => shown);
        return "It is not cancelled: another sum would go back now. Please look again.";
      }
      wake(); // whatever became of it, the page says so
      return error.code === "NOT_POSSIBLE_NOW"
        ? "It cannot be cancelled any more. Please ask the store."
        : `${troubleWords(error)} The rental may not be cancelled yet. Please try again.`;
    },
  });
  return h("div", { class: "actions" }, cancelButton(dialog), dialog);
}

/**
 * What goes back, what is kept, and why.
 * @param {Rental} rental
 */
function previewWords(rental) {
  const { refund_if_cancelled: refund, fulfillment_status: stage, total_fee: rent } = rental;
  const before = rental.refunds
    .filter(({ status, purpose }) => status !== "failed" && purpose !== "second_payment")
    .reduce((sum, { amount }) => sum + amount, 0);
  const kept = Math.max(0, (rental.amount_due ?? 0) - before - (refund ?? 0));
  const tier =
    stage === "ready_for_pickup"
      ? "It is ready for you at the store"
      : "It is not ready at the store yet";
  const back = refund
    ? `${pesos(refund)} goes back to the account you paid from${rental.deposit > 0 && !before ? ", your deposit among it" : ""}.`
    : "Nothing goes back.";
  const keeps = kept
    ? `we keep ${pesos(kept)} of the rent of ${pesos(rent ?? 0)}`
    : "we keep nothing";
  return `${back} ${tier}, so ${keeps}. The unit goes to others.`;
}
