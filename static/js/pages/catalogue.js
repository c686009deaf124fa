/** index.html: the collection. */

import { getCollectibles, getStores } from "../api.js";
import { showDock } from "../dock.js";
import { $, announce, fill, h, picture } from "../dom.js";
import { dayAfter, days, pesos } from "../format.js";
import { openRentals } from "../known-rentals.js";
import { collectibleUrl } from "../links.js";
import { search } from "../search.js";
import { chosenStore } from "../storage.js";
import { WAKE } from "../watch.js";
import { backWords, stockWords, troubleWords } from "../words.js";

/** Cards in the first view: their pictures load at once. */
const FIRST_VIEW = 6;

const storeSelect = $("#store");
const searchInput = $("#search");
const sizes = $("#sizes");
const cards = $("#cards");
const count = $("#count");

/** @type {{collectible: import("../api.js").Collectible, card: HTMLElement}[]} */
let shelf = [];
/** Only the latest load may draw. */
let loads = 0;

async function load() {
  const turn = ++loads;
  $("#load-problem").hidden = true;
  cards.hidden = false;
  cards.setAttribute("aria-busy", "true");
  try {
    const [stores, collectibles] = await Promise.all([
      getStores(),
      getCollectibles(chosenStore.get() ?? undefined),
    ]);
    if (turn !== loads) return;
    const store = stores.find(({ id }) => id === chosenStore.get());
    showStores(stores, store);
    shelf = collectibles.map((collectible, index) => ({
      collectible,
      card: card(collectible, store, index),
    }));
    fill(cards, ...shelf.map((entry) => entry.card));
    filter();
    $("#empty").hidden = shelf.length > 0;
  } catch (error) {
    if (turn !== loads) return;
    cards.hidden = true;
    count.textContent = "";
    $("#load-problem-text").textContent = troubleWords(error);
    $("#load-problem").hidden = false;
    announce(`The collection could not be loaded. ${troubleWords(error)}`);
  } finally {
    if (turn === loads) cards.setAttribute("aria-busy", "false");
  }
}

/**
 * @param {import("../api.js").Store[]} stores
 * @param {import("../api.js").Store|undefined} chosen
 */
function showStores(stores, chosen) {
  const none = h("option", { value: "" }, "Choose a store");
  fill(storeSelect, none, ...stores.map(({ id, name }) => h("option", { value: id }, name)));
  storeSelect.value = chosen?.id ?? "";
}

/**
 * @param {import("../api.js").Collectible} collectible
 * @param {import("../api.js").Store|undefined} store
 * @param {number} index
 */
function card(collectible, store, index) {
  const { id, name, description, size, image_url, daily_rate, special_daily_rate, stock } =
    collectible;
  const soldOut = stock <= 0;
  const titleId = `name-${index}`;
  return h(
    "li",
    { class: soldOut ? "card card-sold-out" : "card", "data-collectible": id },
    h(
      "div",
      { class: "niche" },
      picture(image_url, { eager: index < FIRST_VIEW }),
      soldOut && h("p", { class: "stamp stamp-bad" }, "Sold out"),
    ),
    h(
      "div",
      { class: "label" },
      h("p", { class: "plate" }, size),
      h(
        "h2",
        { id: titleId },
        h("a", { href: collectibleUrl(id), class: "card-link" }, name),
      ),
      h("p", { class: "description" }, description),
      h(
        "p",
        { class: "rate" },
        h("strong", {}, pesos(daily_rate)),
        " a day",
        h("span", { class: "rate-special" }, `${pesos(special_daily_rate)} a day under 7 days`),
      ),
      h(
        "p",
        { class: "availability" },
        h("span", { class: "stock" }, stockWords(stock)),
        h("span", { class: "eta" }, etaWords(collectible, store)),
        // The name is the link, and the whole card follows it; this only says so to the eye.
        h("span", { class: "card-cue", "aria-hidden": "true" }, soldOut ? "See it →" : "Rent →"),
      ),
    ),
  );
}

/**
 * @param {import("../api.js").Collectible} collectible
 * @param {import("../api.js").Store|undefined} store
 */
function etaWords({ eta, stock, next_expected: expected }, store) {
  if (stock <= 0) return backWords(expected);
  if (!store || eta === null) return "Choose a store to see when it arrives";
  return `At ${store.name} in ${days(eta)}: ${dayAfter(Date.now(), eta)}`;
}

function filter() {
  const size = sizes.querySelector(":checked").value;
  const ofSize = shelf
    .map(({ collectible }) => collectible)
    .filter((each) => !size || each.size === size);
  const { found, isGuess } = search(ofSize, searchInput.value);
  for (const { collectible, card: element } of shelf) element.hidden = !found.has(collectible);
  cards.hidden = found.size === 0;
  $("#no-match").hidden = found.size > 0 || shelf.length === 0;
  keepAddress();
  const all = shelf.length;
  const shown = found.size === all ? `${all} collectibles` : `${found.size} of ${all} collectibles`;
  count.textContent = isGuess && found.size > 0 ? `${shown} with words like these` : shown;
}

/** So that a reload, a bookmark or the way back finds the same view. */
function keepAddress() {
  const query = new URLSearchParams();
  if (searchInput.value.trim()) query.set("search", searchInput.value.trim());
  const size = sizes.querySelector(":checked").value;
  if (size) query.set("size", size);
  const text = query.toString();
  history.replaceState(history.state, "", text ? `?${text}` : window.location.pathname);
}

function restoreFilters() {
  const query = new URLSearchParams(window.location.search);
  searchInput.value = query.get("search") ?? "";
  for (const radio of sizes.querySelectorAll("input")) {
    radio.checked = radio.value === (query.get("size") ?? "");
  }
  if (!sizes.querySelector(":checked")) sizes.querySelector("input").checked = true;
}

storeSelect.addEventListener("change", () => {
  chosenStore.set(storeSelect.value || null);
  load();
});
searchInput.addEventListener("input", filter);
sizes.addEventListener("change", filter);
$("#filters").addEventListener("submit", (event) => event.preventDefault());
$("#retry").addEventListener("click", load);
$("#clear-filters").addEventListener("click", () => {
  $("#filters").reset();
  storeSelect.value = chosenStore.get() ?? "";
  filter();
  searchInput.focus();
});
const showHolds = async () => showDock(await openRentals());
window.addEventListener(WAKE, showHolds);
window.addEventListener("pageshow", (event) => {
  showHolds();
  // Out of the back/forward cache, stock may be old.
  if (event.persisted) load();
});
restoreFilters();
load();
