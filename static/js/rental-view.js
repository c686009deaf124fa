/** What pages of every kind show of a rental: its hold and its stamp. */

import { cancelRental, serverNow } from "./api.js";
import { cancelButton, cancelDialog } from "./cancel-dialog.js";
import { announce, h } from "./dom.js";
import { clock } from "./format.js";
import { keyOf } from "./known-rentals.js";
import { rentalUrl, safePaymentUrl } from "./links.js";
import { wake } from "./watch.js";
import { attemptsWords, isRefund, troubleWords } from "./words.js";

/** @typedef {import("./api.js").Rental} Rental */

/** Minutes left at which the countdown speaks. */
const SPOKEN_MINUTES = [10, 5, 2, 1];

/** `<hold-clock until="ISO 8601">`: counts down by the server's clock, wakes watches at zero. */
class HoldClock extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "timer");
    this.left = Infinity;
    this.tick();
    this.timer = setInterval(() => this.tick(), 1000);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  tick() {
    const left = Date.parse(this.getAttribute("until") ?? "") - serverNow();
    this.textContent = clock(left);
    const minutes = SPOKEN_MINUTES.find((m) => left <= m * 60_000 && this.left > m * 60_000);
    if (minutes && this.left !== Infinity) {
      announce(minutes === 1 ? "1 minute left to pay." : `${minutes} minutes left to pay.`);
    }
    this.left = left;
    if (left <= 0) {
      clearInterval(this.timer);
      wake();
    }
  }
}
customElements.define("hold-clock", HoldClock);

/** @param {Rental} rental */
export const isOnHold = (rental) =>
  rental.status === "pending" && Date.parse(rental.hold_expires_at ?? "") > serverNow();

/**
 * Whether it can be paid and cancelled here.
 * @param {Rental} rental
 */
export const isMineToPay = (rental) =>
  isOnHold(rental) && safePaymentUrl(rental.payment_url) !== null;

/** @param {Rental} rental */
export const holdClock = (rental) => h("hold-clock", { until: rental.hold_expires_at });

/**
 * What is on hold, for how much longer, and the two ways on.
 * @param {Rental} rental  One that isMineToPay.
 */
export function holdPanel(rental) {
  const declined = attemptsWords(rental);
  const dialog = cancelHold(rental.rental_id);
  return h(
    "div",
    { class: "hold" },
    h(
      "p",
      { class: "hold-line" },
      h("span", {}, `${rental.collectible_name} is on hold for you for `),
      holdClock(rental),
    ),
    declined && h("p", { class: "note note-warning" }, declined),
    h(
      "div",
      { class: "actions" },
      h(
        "a",
        { class: "button", id: "continue-payment", href: safePaymentUrl(rental.payment_url) },
        "Continue to payment",
      ),
      cancelButton(dialog),
    ),
    dialog,
  );
}

/** @param {string} rentalId */
const cancelHold = (rentalId) =>
  cancelDialog({
    text: () => "The unit goes back on the shelf for others. You pay nothing.",
    yes: () => "Yes, cancel",
    cancel: async () => {
      const isPaid = await cancelRental(rentalId, keyOf(rentalId));
      window.location.assign(rentalUrl(isPaid ? "success" : "failed", rentalId));
    },
    explain: async (error) => {
      wake(); // should it have been cancelled after all, the page will say so
      return `${troubleWords(error)} The rental may not be cancelled yet. Please try again.`;
    },
  });

/** @param {Rental} rental */
export function stamp(rental) {
  const [text, tone] = stampOf(rental);
  return h("p", { class: `stamp stamp-${tone}` }, text);
}

/**
 * Of a paid rental, by where its unit is or why it is closed.
 * @type {Record<string, [string, "good"|"wait"|"bad"]>}
 */
const PAID_STAMPS = {
  ready_for_pickup: ["Ready", "good"],
  picked_up: ["Picked up", "good"],
  returned: ["Returned", "good"],
  not_collected: ["Not collected", "bad"],
  lost: ["Lost", "bad"],
};

/** @type {Record<string, [string, "good"|"wait"|"bad"]>} */
const REFUND_STAMPS = {
  succeeded: ["Refunded", "wait"],
  settled_outside: ["Refunded", "wait"],
  failed: ["Refund due", "bad"],
};

/**
 * @param {Rental} rental
 * @returns {[string, "good"|"wait"|"bad"]}
 */
function stampOf(rental) {
  if (rental.status === "completed" && rental.closed_reason !== "cancelled") {
    if (rental.is_overdue) return ["Overdue", "bad"];
    return PAID_STAMPS[rental.closed_reason ?? rental.fulfillment_status] ?? ["Paid", "good"];
  }
  if (isRefund(rental)) return REFUND_STAMPS[rental.refund_status] ?? ["Refund on its way", "wait"];
  if (rental.status === "completed") return ["Cancelled", "wait"];
  if (rental.status === "pending") return [isOnHold(rental) ? "On hold" : "In progress", "wait"];
  return ["Not paid", "bad"];
}
