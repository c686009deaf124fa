/** rentals.html: the rentals made in this browser. */

import { ApiError, findRental, getStores } from "../api.js";
import { $, announce, fill, h, picture } from "../dom.js";
import { lastDay, pesos } from "../format.js";
import { forgetAllRentals, knownRentals, readRental } from "../known-rentals.js";
import { rentalUrl } from "../links.js";
import { mailForm } from "../mail-form.js";
import { holdClock, isOnHold, stamp } from "../rental-view.js";
import { watch } from "../watch.js";
import { closedTitle, ending, isRefund, refundWords, storeWords, troubleWords } from "../words.js";

/** @typedef {import("../api.js").Rental} Rental */
/** @typedef {import("../api.js").Store} Store */

const list = $("#rentals");

const PACE = { first: 3000, cap: 15_000 };

/** @typedef {{rentals: Rental[], stores: Store[], trouble: string|null}} Found */

let shown = "";

/** @returns {Promise<Found>} */
async function read() {
  const ids = knownRentals().map(({ id }) => id);
  if (!shown) fill(list, ...ids.map(() => h("li", { class: "rental-row" })));
  const stores = getStores().catch(() => []);
  const answers = await Promise.all(ids.map((id) => readRental(id).catch((error) => error)));
  const failed = answers.find(
    (answer) => answer instanceof ApiError && answer.code !== "RENTAL_NOT_FOUND",
  );
  return {
    rentals: answers.filter((answer) => !(answer instanceof Error)),
    stores: await stores,
    trouble: failed ? `Some rentals could not be read. ${troubleWords(failed)}` : null,
  };
}

/**
 * @param {Found} found
 * @returns {boolean} whether it may still change
 */
function show({ rentals, stores, trouble }) {
  const state = JSON.stringify([rentals, stores, trouble]);
  // Drawing anew must not take the focus from a row that did not change.
  if (state !== shown) {
    shown = state;
    fill(list, ...rentals.map((rental) => row(rental, stores)));
    if (trouble) announce(trouble);
  }
  list.setAttribute("aria-busy", "false");
  $("#trouble").textContent = `${trouble} We keep trying.`;
  $("#trouble").hidden = !trouble;
  const none = rentals.length === 0 && !trouble;
  list.hidden = none;
  $("#empty").hidden = !none;
  $("#forget").hidden = none;
  $("#find").hidden = false;
  return trouble !== null || rentals.some(({ status }) => status === "pending");
}

/**
 * @param {Rental} rental
 * @param {Store[]} stores
 */
function row(rental, stores) {
  const store = stores.find(({ id }) => id === rental.store_id);
  return h(
    "li",
    { class: "rental-row" },
    h("div", { class: "niche" }, picture(`/images/${rental.collectible_id}.svg`)),
    h(
      "div",
      {},
      h(
        "h2",
        {},
        h(
          "a",
          { class: "card-link", href: rentalUrl("rental", rental.rental_id) },
          rental.collectible_name,
        ),
      ),
      h("p", {}, ...state(rental, store)),
    ),
    stamp(rental),
  );
}

/**
 * @param {Rental} rental
 * @param {Store|undefined} store
 * @returns {(Node|string)[]}
 */
function state(rental, store) {
  if (rental.status === "completed") return [paidLine(rental, store)];
  if (isRefund(rental)) return [refundWords(rental).title];
  if (isOnHold(rental)) return ["Waiting for your payment: ", holdClock(rental)];
  if (rental.status === "pending") return ["In progress"];
  return [ending(rental).title];
}

/**
 * How a paid rental stands, in one line.
 * @param {Rental} rental
 * @param {Store|undefined} store
 */
function paidLine(rental, store) {
  const { fulfillment_status: stage, ready_by: ready, due_at: due } = rental;
  const shop = storeWords(store);
  if (rental.outstanding > 0) return `${pesos(rental.outstanding)} to pay`;
  if (stage === "closed") {
    return rental.refund_status === null ? closedTitle(rental) : refundWords(rental).title;
  }
  if (stage === "ready_for_pickup") return `Pick it up at ${shop}`;
  if (stage === "picked_up") return `Due back by the end of ${lastDay(due)}`;
  if (stage === "returned") return "Back with us";
  return ready ? `Ready at ${shop} by ${lastDay(ready)}` : `On its way to ${shop}`;
}

let following = false;

async function follow() {
  if (following) return;
  following = true;
  await watch(read, show, () => true, PACE);
  following = false;
}

$("#forget-all").addEventListener("click", () => {
  forgetAllRentals();
  show({ rentals: [], stores: [], trouble: null });
  announce("The list was removed.");
  $("#main").focus();
});
mailForm($("#find"), async ({ number, email }) => {
  await findRental(number, email);
  return "If there is such a rental, its link is on its way to that address.";
});
window.addEventListener("pageshow", (event) => event.persisted && follow());
follow();
