/** What success.html, failed.html and rental.html share: reading one rental until it settles. */

import { getRental, getStores } from "./api.js";
import { $, announce, fill, h } from "./dom.js";
import { rentalIdFromUrl } from "./links.js";
import { ticket, timeline } from "./rental-view.js";
import "./site.js";
import { currentAttempt, draft, forgetAttempt, latestRental } from "./storage.js";
import { watch } from "./watch.js";
import { troubleWords } from "./words.js";

/**
 * @typedef {import("./api.js").Rental} Rental
 * @typedef {{
 *   tone: "wait"|"good"|"bad",
 *   heading: string,
 *   lead: string,
 *   more?: (Node|false|null)[],
 *   spoken?: string|null,
 *   goOn: boolean,
 * }} View  What to show, what to say on top of it, and whether the answer may still change.
 */

/**
 * @param {(rental: Rental, waited: number) => View} describe  `waited` in ms since the page
 *   opened.
 */
export async function showRental(describe) {
  const id = rentalIdFromUrl();
  if (!id) {
    showMissing(
      "This link is not complete",
      "The address names no rental. Please open the link again in full.",
    );
    return;
  }
  // A redirect keeps the fragment of the payment page's address, which is PayMongo's business.
  if (window.location.hash) {
    history.replaceState(history.state, "", window.location.pathname + window.location.search);
  }
  const opened = performance.now();
  /** @type {import("./api.js").Store[]} */
  let stores = [];
  let shown = "";

  const show = (/** @type {Rental} */ rental) => {
    showTrouble(null);
    settle(rental);
    const view = describe(rental, performance.now() - opened);
    const state = JSON.stringify([rental, view.heading, view.lead, stores.length]);
    if (state !== shown) {
      shown = state;
      render(
        view,
        rental,
        stores.find((store) => store.id === rental.store_id),
      );
    }
    return view.goOn;
  };
  // The pages say less without the stores, but work.
  const storesLoaded = getStores()
    .then((list) => (stores = list))
    .catch(() => {});

  try {
    await watch(
      async () => {
        const rental = await getRental(id);
        await storesLoaded;
        return rental;
      },
      show,
      (error) => {
        showTrouble(`${troubleWords(error)} We keep trying.`);
        return true;
      },
    );
  } catch (error) {
    if (error.code === "RENTAL_NOT_FOUND") {
      showMissing(
        "We do not know this rental",
        "Please check the address. Old rentals are removed after a while.",
      );
    } else {
      showMissing("This page is not working", troubleWords(error));
    }
  }
}

/**
 * Remembers a live rental, and forgets the attempt that an ended one came from.
 * @param {Rental} rental
 */
function settle(rental) {
  if (rental.status === "pending") {
    latestRental.set(rental.rental_id);
    return;
  }
  if (currentAttempt()?.rental_id === rental.rental_id) {
    forgetAttempt();
    if (rental.status === "completed") draft.clear();
  }
}

/**
 * @param {View} view
 * @param {Rental} rental
 * @param {import("./api.js").Store|undefined} store
 */
function render({ tone, heading, lead, more = [], spoken }, rental, store) {
  setHeading(tone, heading, lead, spoken);
  const focused = document.activeElement?.id;
  fill($("#more"), ...more);
  fill($("#details"), ticket(rental, store), progress(rental, store));
  // Drawing anew must not throw keyboard users back to the top.
  if (focused) document.getElementById(focused)?.focus();
}

/**
 * @param {Rental} rental
 * @param {import("./api.js").Store|undefined} store
 */
function progress(rental, store) {
  return h(
    "section",
    { class: "progress", "aria-labelledby": "progress-title" },
    h("h2", { id: "progress-title" }, "What happened so far"),
    timeline(rental, store),
  );
}

/**
 * @param {View["tone"]} tone
 * @param {string} heading
 * @param {string} lead
 * @param {string|null} [spoken]
 */
function setHeading(tone, heading, lead, spoken) {
  $("#status").dataset.tone = tone;
  $("#heading").textContent = heading;
  $("#lead").textContent = lead;
  document.title = `${heading} · MongoCollectibles`;
  announce(`${heading}. ${lead} ${spoken ?? ""}`);
}

/** @param {string|null} text */
function showTrouble(text) {
  const note = $("#trouble");
  note.hidden = text === null;
  if (text !== null && note.textContent !== text) {
    note.textContent = text;
    announce(text);
  }
}

/**
 * @param {string} heading
 * @param {string} lead
 */
function showMissing(heading, lead) {
  showTrouble(null);
  setHeading("bad", heading, lead);
  fill($("#more"), h("a", { class: "button", href: "/" }, "See the collection"));
  $("#details").hidden = true;
}
