/** rentals.html: the rentals made or opened in this browser. */

import { getStores } from "../api.js";
import { $, announce, fill, h, picture } from "../dom.js";
import { dayAfter } from "../format.js";
import { forgetAllRentals, knownRentals, readRental } from "../known-rentals.js";
import { rentalUrl } from "../links.js";
import { holdClock, isOnHold, stamp } from "../rental-view.js";
import { WAKE } from "../watch.js";
import { ending, isRefund, refundWords, troubleWords } from "../words.js";

/** @typedef {import("../api.js").Rental} Rental */
/** @typedef {import("../api.js").Store} Store */

const list = $("#rentals");

async function load() {
  const ids = knownRentals().map(({ id }) => id);
  if (list.childElementCount === 0) fill(list, ...ids.map(() => h("li", { class: "rental-row" })));
  $("#trouble").hidden = true;
  const [stores, ...answers] = await Promise.allSettled([getStores(), ...ids.map(readRental)]);
  const rentals = answers.flatMap((answer) =>
    answer.status === "fulfilled" ? [answer.value] : [],
  );
  fill(list, ...rentals.map((rental) => row(rental, stores.value ?? [])));
  list.setAttribute("aria-busy", "false");
  const failed = answers.find(
    ({ status, reason }) => status === "rejected" && reason.code !== "RENTAL_NOT_FOUND",
  );
  if (failed) {
    $("#trouble").textContent = `Some rentals could not be read. ${troubleWords(failed.reason)} Please reload this page.`;
    $("#trouble").hidden = false;
    announce($("#trouble").textContent);
  }
  const none = rentals.length === 0 && !failed;
  list.hidden = none;
  $("#empty").hidden = !none;
  $("#forget").hidden = none;
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
  if (rental.status === "completed") {
    const place = store ? `the ${store.name} store` : "your store";
    const day = rental.eta === null ? "" : ` by ${dayAfter(rental.updated_at, rental.eta)}`;
    return [`Ready at ${place}${day}`];
  }
  if (isRefund(rental)) return [refundWords(rental).title];
  if (isOnHold(rental)) return ["Waiting for your payment: ", holdClock(rental)];
  if (rental.status === "pending") return ["In progress"];
  return [ending(rental).title];
}

$("#forget-all").addEventListener("click", () => {
  forgetAllRentals();
  fill(list);
  load();
  announce("The list was removed.");
  $("#main").focus();
});
window.addEventListener(WAKE, load);
window.addEventListener("pageshow", (event) => event.persisted && load());
load();
