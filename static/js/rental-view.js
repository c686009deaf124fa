/** The parts that the pages about rentals share: ticket, hold, timeline, contact. */

import { cancelRental, serverNow } from "./api.js";
import { announce, h, picture } from "./dom.js";
import { clock, dayAfter, dayAndTime, days, pesos, time } from "./format.js";
import { keyOf } from "./known-rentals.js";
import { rentalUrl, safePaymentUrl } from "./links.js";
import { wake } from "./watch.js";
import {
  attemptsWords,
  declinedWords,
  ending,
  isRefund,
  isRefundOver,
  methodName,
  refundWords,
  troubleWords,
} from "./words.js";

/** @typedef {import("./api.js").Rental} Rental */
/** @typedef {import("./api.js").Store} Store */

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
  const dialog = cancelDialog(rental.rental_id);
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
      h(
        "button",
        {
          type: "button",
          class: "button button-quiet",
          id: "cancel-rental",
          click: () => dialog.showModal(),
        },
        "Cancel this rental",
      ),
    ),
    dialog,
  );
}

/**
 * @param {string} rentalId
 * @returns {HTMLDialogElement}
 */
function cancelDialog(rentalId) {
  const problem = h("p", { class: "note note-problem", role: "alert", hidden: true });
  const confirm = h(
    "button",
    { type: "button", class: "button", id: "cancel-confirm", click: () => cancel() },
    "Yes, cancel",
  );

  async function cancel() {
    if (confirm.getAttribute("aria-disabled") === "true") return;
    const busy = (/** @type {boolean} */ on) => {
      confirm.setAttribute("aria-disabled", String(on));
      confirm.classList.toggle("is-busy", on);
      confirm.textContent = on ? "Cancelling…" : "Yes, cancel";
    };
    busy(true);
    problem.hidden = true;
    try {
      const isPaid = await cancelRental(rentalId, keyOf(rentalId));
      window.location.assign(rentalUrl(isPaid ? "success" : "failed", rentalId));
    } catch (error) {
      busy(false);
      problem.textContent = `${troubleWords(error)} The rental may not be cancelled yet. Please try again.`;
      problem.hidden = false;
      wake(); // should it have been cancelled after all, the page will say so
    }
  }

  return h(
    "dialog",
    { id: "cancel-dialog", "aria-labelledby": "cancel-title" },
    h("h2", { id: "cancel-title" }, "Cancel this rental?"),
    h("p", {}, "The unit goes back on the shelf for others. You pay nothing."),
    problem,
    h(
      "form",
      { method: "dialog", class: "actions" },
      confirm,
      h("button", { class: "button button-quiet", id: "cancel-keep", autofocus: true }, "Keep it"),
    ),
  );
}

/**
 * The facts of a rental on a museum-style ticket.
 * @param {Rental} rental
 * @param {Store|undefined} store
 */
export function ticket(rental, store) {
  const ready = readyDay(rental);
  const fact = (/** @type {string} */ term, /** @type {(Node|string|null|false)[]} */ ...value) =>
    h("div", {}, h("dt", {}, term), h("dd", {}, ...value));
  const small = (/** @type {string|undefined} */ text) => text && h("small", {}, text);
  return h(
    "article",
    { class: "ticket", "aria-labelledby": "ticket-name" },
    h(
      "div",
      { class: "ticket-head" },
      h("div", { class: "niche" }, picture(`/images/${rental.collectible_id}.svg`)),
      h("h2", { id: "ticket-name" }, rental.collectible_name),
      stamp(rental),
    ),
    h(
      "dl",
      { class: "ticket-facts" },
      store && fact("Pick up", store.name, small(store.address), small(store.hours)),
      ready && fact("Ready", ready),
      fact(
        "Rental",
        days(rental.duration),
        rental.daily_rate !== null && small(`${pesos(rental.daily_rate)} a day`),
      ),
      fact("Payment", methodName(rental.payment_method)),
      rental.total_fee !== null &&
        h("div", { class: "total" }, h("dt", {}, "Total"), h("dd", {}, pesos(rental.total_fee))),
    ),
    h(
      "div",
      { class: "ticket-stub" },
      h("p", {}, "Rental number ", h("code", { id: "rental-number" }, rental.rental_id)),
      h(
        "p",
        { class: "stub-actions" },
        navigator.clipboard &&
          h(
            "button",
            {
              type: "button",
              class: "link-button",
              id: "copy-link",
              click: () => copyLink(rental.rental_id),
            },
            "Copy link",
          ),
        h(
          "button",
          { type: "button", class: "link-button", id: "print", click: () => window.print() },
          "Print",
        ),
      ),
    ),
  );
}

/** @param {string} rentalId */
async function copyLink(rentalId) {
  const button = document.getElementById("copy-link");
  const link = new URL(rentalUrl("rental", rentalId), window.location.origin).href;
  try {
    await navigator.clipboard.writeText(link);
    button.textContent = "Link copied";
    announce("Link copied.");
  } catch {
    announce("The link could not be copied. It is in the address bar.");
  }
}

/**
 * Where to ask.
 * @param {Store|undefined} store
 */
export function contact(store) {
  if (!store) return null;
  return h(
    "section",
    { class: "contact", "aria-labelledby": "contact-title" },
    h("h2", { id: "contact-title" }, "Questions?"),
    h(
      "p",
      {},
      store.phone
        ? `Call the ${store.name} store at `
        : `Ask at the ${store.name} store, ${store.address}`,
      store.phone && h("a", { href: `tel:${store.phone.replace(/[^0-9+]/g, "")}` }, store.phone),
      ". Please have your rental number ready.",
    ),
  );
}

/**
 * The day it is ready at the store, or how long that will take.
 * @param {Rental} rental
 */
function readyDay(rental) {
  if (rental.eta === null) return null;
  if (rental.status === "completed") return `By ${dayAfter(rental.updated_at, rental.eta)}`;
  return rental.status === "pending" ? `${days(rental.eta)} after payment` : null;
}

/** @param {Rental} rental */
export function stamp(rental) {
  const [text, tone] = stampOf(rental);
  return h("p", { class: `stamp stamp-${tone}` }, text);
}

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
  if (rental.status === "completed") return ["Paid", "good"];
  if (isRefund(rental)) return REFUND_STAMPS[rental.refund_status] ?? ["Refund on its way", "wait"];
  if (rental.status === "pending") return [isOnHold(rental) ? "On hold" : "In progress", "wait"];
  return ["Not paid", "bad"];
}

/**
 * What happened so far and what comes next.
 * @param {Rental} rental
 * @param {Store|undefined} store
 */
export function timeline(rental, store) {
  const spoken = { done: "Done: ", now: "Now: ", next: "Next: ", bad: "Failed: " };
  return h(
    "ol",
    { class: "timeline", id: "timeline" },
    ...steps(rental, store).map(([state, text, moment]) =>
      h(
        "li",
        { class: `step step-${state}`, "aria-current": state === "now" ? "step" : null },
        h("span", { class: "visually-hidden" }, spoken[state]),
        h("span", { class: "step-text" }, text),
        moment && h("time", { datetime: moment }, dayAndTime(moment)),
      ),
    ),
  );
}

/**
 * @param {Rental} rental
 * @param {Store|undefined} store
 * @returns {["done"|"now"|"next"|"bad", string, string?][]}
 */
function steps(rental, store) {
  const shop = store ? `the ${store.name} store` : "the store";
  /** @type {["done"|"now"|"next"|"bad", string, string?][]} */
  const list = [["done", "You asked to rent it", rental.created_at]];
  const reserved = /** @type {["done", string]} */ (["done", "We set a unit aside for you"]);

  if (rental.status === "completed") {
    const by = rental.eta === null ? "" : ` by ${dayAfter(rental.updated_at, rental.eta)}`;
    list.push(reserved, ["done", "Your payment arrived", rental.updated_at]);
    list.push(["now", `It travels to ${shop}`], ["next", `It is ready at ${shop}${by}`]);
    return list;
  }
  if (isRefund(rental)) {
    const done = isRefundOver(rental) && rental.refund_status !== "failed";
    list.push(["done", "Your payment arrived, but the rental could not go ahead"]);
    list.push([done ? "done" : "now", refundWords(rental).title, rental.updated_at]);
    return list;
  }
  if (rental.status === "pending") {
    if (isOnHold(rental)) {
      list.push(reserved);
      if (rental.declined_attempts > 0) {
        list.push(["bad", declinedWords(rental.declined_attempts)]);
      }
      list.push(["now", `We wait for your payment until ${time(rental.hold_expires_at)}`]);
    } else if (rental.hold_expires_at) {
      list.push(reserved, [
        "now",
        "The time to pay is over. We check whether your payment arrived",
      ]);
      return list;
    } else if (rental.eta !== null) {
      list.push(reserved, ["now", "We prepare the payment page"], ["next", "You pay"]);
    } else {
      list.push(["now", "We look for the nearest unit"], ["next", "You pay"]);
    }
    list.push(["next", `It travels to ${shop}`]);
    return list;
  }
  const { title } = ending(rental);
  if (rental.status === "rejected") {
    list.push(["bad", title, rental.updated_at]);
  } else {
    list.push(reserved, ["bad", title, rental.updated_at]);
    list.push(["done", "The unit went back on the shelf"]);
  }
  return list;
}
