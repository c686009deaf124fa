/** The page of a collectible: its words come with it, what can change from the API. */

import { getCollectible, getStores, waitFor } from "../api.js";
import { showDock } from "../dock.js";
import { $, announce, fill, h, picture } from "../dom.js";
import { dayAfter, days, pesos } from "../format.js";
import { openRentals } from "../known-rentals.js";
import { rentUrl } from "../links.js";
import { mailForm } from "../mail-form.js";
import { price } from "../prices.js";
import { chosenStore } from "../storage.js";
import { SPECIAL_RATE_BELOW_DAYS } from "../validation.js";
import { WAKE } from "../watch.js";
import { backWords, stockWords, troubleWords } from "../words.js";

/** @typedef {import("../api.js").Collectible} Collectible */
/** @typedef {import("../api.js").Store} Store */

const id = $("main").dataset.collectible;
const PRICED = [1, 3, 7, 14, 30];
const WIDE = "(min-width: 56rem) 36rem, 100vw";

async function load() {
  $("#load-problem").hidden = true;
  try {
    const [item, stores] = await Promise.all([getCollectible(id), getStores()]);
    showGallery(item);
    showOffer(item);
    showPrices(item);
    showStores(item, stores);
  } catch (error) {
    const isGone = error.code === "COLLECTIBLE_NOT_FOUND";
    $("#gone").hidden = !isGone;
    $("#load-problem").hidden = isGone;
    if (isGone) $(".piece").hidden = true;
    $("#load-problem-text").textContent = troubleWords(error);
    announce(isGone ? $("#gone h2").textContent : troubleWords(error));
  } finally {
    $("#offer").setAttribute("aria-busy", "false");
  }
}

/** @param {Collectible} item */
function showGallery({ name, pictures, image_url }) {
  const urls = pictures.length > 0 ? pictures : [image_url];
  const shown = urls.filter((url) => picture(url));
  const large = h("button", { type: "button", class: "niche", click: () => enlarge(shown) });
  const choose = (/** @type {number} */ index) => {
    large.dataset.index = String(index);
    large.setAttribute("aria-label", `Enlarge picture ${index + 1} of ${shown.length} of ${name}`);
    fill(large, picture(shown[index], { sizes: WIDE }));
    for (const [at, thumb] of thumbs.entries()) {
      thumb.setAttribute("aria-pressed", String(at === index));
    }
  };
  const thumbs = shown.map((url, index) =>
    h(
      "button",
      {
        type: "button",
        class: "niche",
        "aria-label": `Picture ${index + 1}`,
        click: () => choose(index),
      },
      picture(url, { sizes: "6rem" }),
    ),
  );
  if (shown.length === 0) return;
  fill($("#gallery"), large, shown.length > 1 && h("div", { class: "thumbs" }, ...thumbs));
  choose(0);
}

/** @param {string[]} urls */
function enlarge(urls) {
  const dialog = $("#enlarged");
  const url = urls[Number($("#gallery > .niche").dataset.index)];
  fill(
    dialog,
    picture(url, { sizes: "100vw" }),
    h("button", { type: "button", class: "button", click: () => dialog.close() }, "Close"),
  );
  dialog.showModal();
}

/** @param {Collectible} item */
function showOffer(item) {
  const { daily_rate, special_daily_rate, stock, next_expected } = item;
  fill(
    $("#offer"),
    h(
      "p",
      { class: "rate" },
      h("strong", {}, pesos(daily_rate)),
      ` a day from ${days(SPECIAL_RATE_BELOW_DAYS)} on`,
      h("span", { class: "rate-special" }, `${pesos(special_daily_rate)} a day for fewer`),
    ),
    h("p", { class: "stock" }, stockWords(stock)),
    stock > 0
      ? h("a", { class: "button", href: rentUrl(id, chosenStore.get() ?? undefined) }, "Rent it")
      : h("p", {}, `${backWords(next_expected)}.`),
  );
  waiting.hidden = stock > 0;
}

/** @param {Collectible} item */
function showPrices(item) {
  const row = (/** @type {number} */ duration) => {
    const { rate, total } = price(item, duration);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, days(duration)),
      h("td", {}, h("strong", {}, pesos(total))),
      h("td", {}, `${pesos(rate)} a day`),
    );
  };
  fill($("#prices"), h("table", {}, h("tbody", {}, ...PRICED.map(row))));
}

/**
 * @param {Collectible} item
 * @param {Store[]} stores
 */
function showStores({ availability = [], next_expected }, stores) {
  const row = (/** @type {Store} */ { id: storeId, name }) => {
    const { stock, eta } = availability.find((each) => each.store_id === storeId) ?? {};
    const isThere = stock > 0 && eta != null;
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h(
        "td",
        {},
        isThere
          ? h("a", { href: rentUrl(id, storeId) }, `Ready by ${dayAfter(Date.now(), eta)}`)
          : backWords(next_expected),
      ),
      h("td", {}, isThere ? stockWords(stock) : "Not now"),
    );
  };
  fill($("#where"), h("table", {}, h("tbody", {}, ...stores.map(row))));
}

const waiting = $("#waiting");
/** The address that was just put on the list, which may change its mind. */
let waitingFor = "";

function showWhatItDoes() {
  const isStop = waitingFor !== "" && waiting.elements.email.value.trim() === waitingFor;
  $("button", waiting).textContent = isStop ? "Do not write to me" : "Tell me";
}

mailForm(waiting, async ({ email }) => {
  const isWanted = email !== waitingFor;
  await waitFor(id, email, isWanted);
  waitingFor = isWanted ? email : "";
  showWhatItDoes();
  return isWanted
    ? "We write to you once when one is there. It is not set aside for you."
    : "We do not write to you, and have deleted your address.";
});
waiting.addEventListener("input", showWhatItDoes);
$("#retry").addEventListener("click", load);
const showHolds = async () => showDock(await openRentals());
window.addEventListener(WAKE, showHolds);
window.addEventListener("pageshow", (event) => {
  showHolds();
  if (event.persisted) load();
});
load();
