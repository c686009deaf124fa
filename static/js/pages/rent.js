/** rent.html: one collectible, the form to rent it, and the way back to it. */

import { getCollectibles, getStores } from "../api.js";
import { showDock } from "../dock.js";
import { $, announce, fill, h, picture } from "../dom.js";
import { openRentals } from "../known-rentals.js";
import { collectibleUrl, rentUrl, rentalUrl } from "../links.js";
import { onSubmit, setBusy } from "../rent/checkout.js";
import { checkField, form, restoreDraft, saveDraft, showFieldError, wish } from "../rent/fields.js";
import { requote, showPriceOf, showSummary } from "../rent/price.js";
import { holdPanel, isMineToPay } from "../rental-view.js";
import { chosenStore, currentAttempt, draft, forgetAttempt } from "../storage.js";
import { parseDuration, problemWith } from "../validation.js";
import { WAKE } from "../watch.js";
import { ending, troubleWords } from "../words.js";

async function load() {
  $("#load-problem").hidden = true;
  $("#page").setAttribute("aria-busy", "true");
  try {
    const storeId = wish.storeId ?? chosenStore.get() ?? undefined;
    const [stores, collectibles] = await Promise.all([getStores(), getCollectibles(storeId)]);
    const collectible = collectibles.find(({ id }) => id === wish.collectibleId);
    $("#page").hidden = !collectible;
    $("#unknown").hidden = Boolean(collectible);
    if (!collectible) {
      announce("This collectible is not in our collection.");
      return;
    }
    showCollectible(collectible);
    showStores(stores, storeId);
    showPriceOf(collectible, stores);
  } catch (error) {
    $("#page").hidden = true;
    $("#load-problem-text").textContent = troubleWords(error);
    $("#load-problem").hidden = false;
    announce(`This page could not be loaded. ${troubleWords(error)}`);
  } finally {
    $("#page").setAttribute("aria-busy", "false");
  }
}

/** @param {import("../api.js").Collectible} item */
function showCollectible(item) {
  document.title = `Rent ${item.name} · MongoCollectibles`;
  $("#name").textContent = item.name;
  $("#size").textContent = item.size;
  $("#description").textContent = item.description;
  $("#piece").href = collectibleUrl(item.id);
  fill($("#niche"), picture(item.image_url));
}

/**
 * @param {import("../api.js").Store[]} stores
 * @param {string|undefined} chosen
 */
function showStores(stores, chosen) {
  const select = form.elements.store_id;
  const options = stores.map(({ id, name }) => h("option", { value: id }, name));
  fill(select, h("option", { value: "" }, "Choose a store"), ...options);
  select.value = stores.some(({ id }) => id === chosen) ? chosen : "";
}

/** The address always opens the same choice; nothing personal goes into it. */
function keepAddress() {
  const duration = parseDuration(form.elements.duration.value) ?? undefined;
  const url = rentUrl(wish.collectibleId ?? "", form.elements.store_id.value, duration);
  history.replaceState(history.state, "", url);
}

/** After the back button, a reload, or another visit: what became of the rentals under way. */
async function resume() {
  const rentals = await openRentals(currentAttempt()?.rental_id);
  const held = rentals.find(
    (each) => each.collectible_id === wish.collectibleId && isMineToPay(each),
  );
  showHold(held);
  showDock(held ? [] : rentals);
  if (held) return;
  const attempt = currentAttempt();
  const tried = rentals.find((each) => each.rental_id === attempt?.rental_id);
  if (tried && tried.status !== "pending") {
    forgetAttempt();
    showEnded(tried);
  } else if (attempt?.unanswered && form.getAttribute("aria-busy") !== "true") {
    showNotice(
      "Your last try was interrupted. Press “Continue to payment” to pick it up: nothing is " +
        "reserved or charged twice.",
    );
  }
}

/**
 * The hold in place of the form, or the form.
 * @param {import("../api.js").Rental|undefined} held
 */
function showHold(held) {
  const panel = $("#current-hold");
  panel.hidden = !held;
  $("#change-hint").hidden = !held;
  form.hidden = Boolean(held);
  fill(panel, held && holdPanel(held));
  if (held) panel.focus();
}

/** @param {import("../api.js").Rental} rental */
function showEnded(rental) {
  if (rental.status === "completed") {
    draft.clear();
    showNotice(`${rental.collectible_name} is already paid.`, {
      href: rentalUrl("success", rental.rental_id),
      text: "See the confirmation",
    });
    return;
  }
  const { title, unit } = ending(rental);
  showNotice(`${title}. ${unit} Your details are still here, so you can try again.`);
}

/**
 * @param {string} text
 * @param {{href: string, text: string}} [link]
 */
function showNotice(text, link) {
  $("#notice").hidden = false;
  fill($("#notice"), `${text} `, link && h("a", { href: link.href }, link.text));
  announce(text);
}

form.addEventListener("submit", onSubmit);
form.addEventListener("input", (event) => {
  const input = event.target;
  saveDraft();
  if (input.name === "duration") {
    checkField("duration");
    keepAddress();
    requote();
    return;
  }
  if (input.name === "payment_method") showSummary();
  if (
    // An error goes as soon as it is mended; a new one waits until the field is left.
    input.getAttribute("aria-invalid") &&
    !problemWith(input.name, form.elements[input.name].value)
  ) {
    showFieldError(input.name, null);
  }
});
form.addEventListener("focusout", ({ target }) => {
  if (target.name?.startsWith("customer.") && target.value) checkField(target.name);
});
form.elements.store_id.addEventListener("change", ({ target }) => {
  if (target.value) chosenStore.set(target.value);
  checkField("store_id");
  keepAddress();
  requote();
});
$("#retry").addEventListener("click", load);
window.addEventListener(WAKE, resume);
// Another tab may have made a rental meanwhile.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && form.getAttribute("aria-busy") !== "true") resume();
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    setBusy(false);
    requote();
  }
  resume();
});

restoreDraft();
load();
