/** What is still to be paid of a rental, each with the way to pay it. */

import { payCharge } from "./api.js";
import { h } from "./dom.js";
import { pesos } from "./format.js";
import { keyOf } from "./known-rentals.js";
import { chargeName, isPayable } from "./money.js";
import { payButton } from "./pay-button.js";

const REFUSED = "This is not to be paid here any more. The page shows how it stands.";

/**
 * @param {import("./api.js").Rental} rental
 * @returns {HTMLElement[]}
 */
export function chargesToPay(rental) {
  const key = keyOf(rental.rental_id);
  return rental.charges.filter(isPayable).map((charge) => {
    const owed = pesos(charge.outstanding);
    const because = charge.kind !== "extension" && charge.reason ? `: ${charge.reason}` : "";
    const covered = charge.from_deposit
      ? ` Your deposit paid ${pesos(charge.from_deposit)} of ${pesos(charge.amount)}.`
      : "";
    const [button, problem] = payButton(
      `pay-${charge.charge_id}`,
      `Pay ${owed}`,
      () => payCharge(rental.rental_id, key, charge.charge_id),
      REFUSED,
    );
    return h(
      "section",
      { class: "hold", "aria-label": chargeName(charge) },
      h("p", { class: "hold-line" }, `${chargeName(charge)}${because}`),
      h(
        "p",
        {},
        charge.kind === "extension"
          ? `${owed} is not paid yet. The days count once it is paid, before your rental is due.`
          : `${owed} is to be paid.${covered}`,
        ` ${key ? "Pay here or at the store." : "Pay at the store, or by the link in our mails."}`,
      ),
      problem,
      key && h("div", { class: "actions" }, button),
    );
  });
}
