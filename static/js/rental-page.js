/** What success.html, failed.html and rental.html share: reading one rental until it settles. */

import { getStores } from "./api.js";
import { $, announce, fill, h } from "./dom.js";
import { keyOf, noteRental, readRental } from "./known-rentals.js";
import { keyFromUrl, rentalIdFromUrl } from "./links.js";
import { money } from "./money.js";
import { currentAttempt, draft, forgetAttempt } from "./storage.js";
import { contact, ticket } from "./ticket.js";
import { timeline } from "./timeline.js";
import { WAKE, watch } from "./watch.js";
import { troubleWords } from "./words.js";

/**
 * @typedef {import("./api.js").Rental} Rental
 * @typedef {import("./api.js").Store} Store
 * @typedef {{
 *   tone: "wait"|"good"|"bad",
 *   heading: string,
 *   lead: string,
 *   more?: (Node|false|null)[],
 *   after?: Node|null,
 *   spoken?: string|null,
 *   goOn: boolean,
 * }} View  What to show, what to say on top of it, and whether the answer may still change.
 */

/**
 * @param {(rental: Rental, waited: number, store: Store|undefined) => View} describe  `waited` in
 *   ms since the page opened.
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
  const key = keyFromUrl();
  if (key && !keyOf(id)) noteRental(id, key);
  // Nobody who is shown, or sent, the address may do more than look.
  if (window.location.hash) {
    history.replaceState(history.state, "", window.location.pathname + window.location.search);
  }
  const opened = performance.now();
  /** @type {Store[]} */
  let stores = [];
  let shown = "";

  const show = (/** @type {Rental} */ rental) => {
    showTrouble(null);
    settle(rental);
    const store = stores.find(({ id }) => id === rental.store_id);
    const view = describe(rental, performance.now() - opened, store);
    const state = JSON.stringify([rental, view.heading, view.lead, stores.length]);
    if (state !== shown) {
      shown = state;
      render(view, rental, store);
    }
    return view.goOn;
  };
  // The pages say less without the stores, but work.
  const storesLoaded = getStores()
    .then((list) => (stores = list))
    .catch(() => {});

  let following = false;
  async function follow() {
    if (following) return;
    following = true;
    try {
      await watch(
        async () => {
          const rental = await readRental(id);
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
      showUnreadable(error);
    }
    following = false;
  }
  await follow();
  // The store moves a paid rental on, so who comes back to the page is shown how it stands then.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") follow();
  });
  window.addEventListener(WAKE, follow);
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    shown = ""; // a button that led away waits no more
    follow();
  });
}

/** @param {any} error */
function showUnreadable(error) {
  if (error.code === "RENTAL_NOT_FOUND") {
    showMissing(
      "We do not know this rental",
      "Please check the address. Old rentals are removed after a while.",
    );
  } else {
    showMissing("This page is not working", troubleWords(error));
  }
}

/**
 * Forgets the attempt that an ended rental came from.
 * @param {Rental} rental
 */
function settle(rental) {
  if (rental.status !== "pending" && currentAttempt()?.rental_id === rental.rental_id) {
    forgetAttempt();
    if (rental.status === "completed") draft.clear();
  }
}

/**
 * @param {View} view
 * @param {Rental} rental
 * @param {Store|undefined} store
 */
function render({ tone, heading, lead, more = [], after, spoken }, rental, store) {
  setHeading(tone, heading, lead, spoken);
  const focused = document.activeElement?.id;
  fill($("#more"), ...more);
  fill(
    $("#details"),
    ticket(rental, store),
    h("div", {}, progress(rental, store), money(rental), after, contact(store)),
  );
  // Drawing anew must not throw keyboard users back to the top.
  if (focused) document.getElementById(focused)?.focus();
}

/**
 * @param {Rental} rental
 * @param {Store|undefined} store
 */
function progress(rental, store) {
  return h(
    "section",
    { class: "progress", "aria-labelledby": "progress-title" },
    h("h2", { id: "progress-title" }, "Step by step"),
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
  fill(
    $("#more"),
    h(
      "div",
      { class: "actions" },
      h("a", { class: "button", href: "/" }, "See the collection"),
      h("a", { class: "button button-quiet", href: "/rentals.html" }, "See your rentals"),
    ),
  );
  $("#details").hidden = true;
}
