/** rent.html: the form, the live price, and the way to PayMongo. */

import { checkout, getCollectibles, getQuote, getRental, getStores } from "../api.js";
import { showCurrentHold } from "../current-hold.js";
import { $, announce, fill, h, picture } from "../dom.js";
import { dayAfter, days, pesos } from "../format.js";
import { isRentalId, rentUrl, rentalUrl, safePaymentUrl, wishFromUrl } from "../links.js";
import { isOnHold } from "../rental-view.js";
import "../site.js";
import {
  attemptFor,
  chosenStore,
  currentAttempt,
  draft,
  forgetAttempt,
  latestRental,
  updateAttempt,
} from "../storage.js";
import {
  FIELDS,
  MAX_DURATION,
  parseDuration,
  problemWith,
  SPECIAL_RATE_BELOW_DAYS,
} from "../validation.js";
import { WAKE, watch } from "../watch.js";
import { checkoutProblem, ending, rateWords, stockWords, troubleWords } from "../words.js";

/** @typedef {import("../api.js").Rental} Rental */

const QUOTE_DELAY_MS = 250;
/** A reservation takes about this long; after it the payment page is being prepared. */
const RESERVING_MS = 1500;
const SLOW_MS = 8000;
const GIVE_UP_MS = 120_000;

const form = $("#rent-form");
const submitButton = $("#submit");
const wish = wishFromUrl();

/** @type {import("../api.js").Collectible|undefined} */
let collectible;
/** @type {import("../api.js").Store[]} */
let stores = [];
/** @type {import("../api.js").Quote|null} */
let quote = null;
let busy = false;

// ---- The page ---------------------------------------------------------------------------------

async function load() {
  $("#load-problem").hidden = true;
  $("#page").setAttribute("aria-busy", "true");
  try {
    const storeId = wish.storeId ?? chosenStore.get() ?? undefined;
    const [storeList, collectibles] = await Promise.all([getStores(), getCollectibles(storeId)]);
    stores = storeList;
    collectible = collectibles.find(({ id }) => id === wish.collectibleId);
    $("#page").hidden = !collectible;
    $("#unknown").hidden = Boolean(collectible);
    if (!collectible) return;
    showCollectible(collectible);
    showStores(storeId);
    requote();
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
  fill($("#niche"), picture(item.image_url));
}

/** @param {string|undefined} storeId */
function showStores(storeId) {
  const options = stores.map(({ id, name, address }) => h("option", { value: id }, `${name} (${address})`));
  fill(form.elements.store_id, h("option", { value: "" }, "Choose a store"), ...options);
  form.elements.store_id.value = stores.some(({ id }) => id === storeId) ? storeId : "";
}

/** The address always opens the same choice; nothing personal goes into it. */
function keepAddress() {
  const duration = parseDuration(form.elements.duration.value) ?? undefined;
  const url = rentUrl(wish.collectibleId, form.elements.store_id.value, duration);
  history.replaceState(history.state, "", url);
}

// ---- The draft --------------------------------------------------------------------------------

function restoreDraft() {
  const saved = draft.get() ?? {};
  const duration = wish.duration ?? saved.duration;
  if (duration != null) form.elements.duration.value = duration;
  if (saved.payment_method) form.elements.payment_method.value = saved.payment_method;
  for (const [field, value] of Object.entries(saved.customer ?? {})) {
    const input = form.elements[`customer.${field}`];
    if (input) input.value = value;
  }
}

function saveDraft() {
  const { payment_method, customer } = readForm();
  draft.set({ duration: form.elements.duration.value, payment_method, customer });
}

/** The request body as the form stands. */
function readForm() {
  const value = (/** @type {string} */ field) => form.elements[field].value.trim();
  return {
    collectible_id: wish.collectibleId,
    store_id: value("store_id"),
    duration: parseDuration(value("duration")),
    payment_method: value("payment_method"),
    customer: {
      name: value("customer.name"),
      email: value("customer.email"),
      phone: value("customer.phone"),
      address: value("customer.address"),
      city: value("customer.city"),
      postal_code: value("customer.postal_code"),
    },
  };
}

// ---- The price --------------------------------------------------------------------------------

let quoteTimer = 0;
let quoteAbort = new AbortController();

/** Asks for a new price shortly; what an older question answers is dropped. */
function requote() {
  clearTimeout(quoteTimer);
  quoteAbort.abort();
  showRateRule();
  const { store_id, duration } = readForm();
  if (!collectible || !store_id || duration === null) {
    quote = null;
    showQuote(store_id ? "Enter a number of days to see the price." : "Choose a store to see the price.");
    return;
  }
  $("#quote").setAttribute("aria-busy", "true");
  quoteTimer = setTimeout(() => loadQuote(collectible.id, store_id, duration), QUOTE_DELAY_MS);
}

/**
 * @param {string} collectible_id
 * @param {string} store_id
 * @param {number} duration
 */
async function loadQuote(collectible_id, store_id, duration) {
  quoteAbort = new AbortController();
  const { signal } = quoteAbort;
  try {
    quote = await getQuote({ collectible_id, store_id, duration }, signal);
    showQuote(null);
  } catch (error) {
    if (signal.aborted) return;
    quote = null;
    showQuote(`We could not get the price. ${troubleWords(error)}`, true);
  }
}

/** The rule in words, at once; the total comes from the API. */
function showRateRule() {
  const rule = $("#rate-rule");
  const duration = parseDuration(form.elements.duration.value);
  if (!collectible || duration === null) {
    fill(rule);
    return;
  }
  const { daily_rate, special_daily_rate } = collectible;
  const week = SPECIAL_RATE_BELOW_DAYS * daily_rate;
  const saving = duration * special_daily_rate - week;
  const cheaper = duration < SPECIAL_RATE_BELOW_DAYS && saving > 0;
  fill(
    rule,
    h("p", {}, rateWords(duration, collectible, SPECIAL_RATE_BELOW_DAYS)),
    cheaper &&
      h(
        "p",
        { class: "tip" },
        `A full ${days(SPECIAL_RATE_BELOW_DAYS)} costs ${pesos(week)}, which is ${pesos(saving)} less. `,
        h(
          "button",
          { type: "button", class: "link-button", click: () => setDuration(SPECIAL_RATE_BELOW_DAYS) },
          `Make it ${days(SPECIAL_RATE_BELOW_DAYS)}`,
        ),
      ),
  );
}

/**
 * @param {string|null} problem
 * @param {boolean} [retry]
 */
function showQuote(problem, retry = false) {
  $("#quote").setAttribute("aria-busy", "false");
  $("#quote-problem").hidden = problem === null;
  $("#quote-problem-text").textContent = problem ?? "";
  $("#quote-retry").hidden = !retry;
  $("#quote-facts").hidden = quote === null;
  const soldOut = quote !== null && quote.stock <= 0;
  $("#sold-out").hidden = !soldOut;
  submitButton.disabled = soldOut;
  $("#rate-total").textContent = quote ? `Total: ${pesos(quote.total_fee)}` : "";
  if (quote === null) {
    showSubmitText();
    return;
  }
  const store = stores.find(({ id }) => id === quote.store_id);
  $("#quote-sum").textContent = `${days(quote.duration)} × ${pesos(quote.daily_rate)}`;
  $("#quote-rate-name").textContent = quote.is_special_rate ? "special rate" : "daily rate";
  $("#quote-total").textContent = pesos(quote.total_fee);
  $("#quote-stock").textContent = stockWords(quote.stock);
  $("#quote-eta").textContent =
    quote.eta === null
      ? "Not available now"
      : `${store?.name ?? "Store"}, ${days(quote.eta)} after payment (${dayAfter(Date.now(), quote.eta)})`;
  showSubmitText();
  announce(
    soldOut
      ? `${collectible.name} is sold out.`
      : `${days(quote.duration)}: ${pesos(quote.total_fee)} in total.`,
  );
}

function showSubmitText() {
  if (busy) return;
  const payable = quote && quote.stock > 0;
  submitButton.textContent = payable ? `Continue to payment · ${pesos(quote.total_fee)}` : "Continue to payment";
}

/** @param {number} duration */
function setDuration(duration) {
  form.elements.duration.value = String(Math.min(MAX_DURATION, Math.max(1, duration)));
  form.elements.duration.focus();
  onDurationChange();
}

function onDurationChange() {
  checkField("duration");
  saveDraft();
  keepAddress();
  requote();
}

// ---- Field errors -----------------------------------------------------------------------------

const idOf = (/** @type {string} */ field) => field.replace(".", "-");

/**
 * @param {string} field
 * @param {string|null} message
 */
function showFieldError(field, message) {
  const note = document.getElementById(`${idOf(field)}-error`);
  note.textContent = message ?? "";
  note.hidden = message === null;
  const control = form.elements[field];
  const inputs = control instanceof RadioNodeList ? [...control] : [control];
  for (const input of inputs) {
    if (message === null) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
  }
}

/** @param {string} field */
function checkField(field) {
  const message = problemWith(field, form.elements[field].value);
  showFieldError(field, message);
  return message;
}

/** @param {[string, string][]} problems  Field and message. */
function showErrorSummary(problems) {
  const summary = $("#error-summary");
  summary.hidden = problems.length === 0;
  if (problems.length === 0) return;
  const links = problems.map(([field, message]) => {
    const target = FIELDS.includes(field) ? targetOf(field) : null;
    return h("li", {}, target ? h("a", { href: `#${target.id}`, click: focusTarget }, message) : message);
  });
  fill($("#error-list"), ...links);
  summary.focus();
}

/** @param {string} field */
function targetOf(field) {
  const control = form.elements[field];
  return control instanceof RadioNodeList ? control[0] : control;
}

/** @param {Event} event */
function focusTarget(event) {
  event.preventDefault();
  const id = event.currentTarget.getAttribute("href").slice(1);
  document.getElementById(id).focus();
}

/** @param {import("../api.js").FieldError[]} errors  As the API reports them. */
function showApiErrors(errors) {
  const problems = errors.map(({ field, message }) => [String(field), String(message)]);
  for (const [field, message] of problems) {
    if (FIELDS.includes(field)) showFieldError(field, message);
  }
  showErrorSummary(problems);
}

// ---- Checkout ---------------------------------------------------------------------------------

/** @param {SubmitEvent} event */
async function onSubmit(event) {
  event.preventDefault();
  if (busy) return;
  showProblem(null);
  const problems = FIELDS.map((field) => [field, checkField(field)]).filter(([, message]) => message);
  showErrorSummary(problems);
  if (problems.length > 0) return;

  const body = readForm();
  const { key } = attemptFor(body);
  updateAttempt({ unanswered: true });
  setBusy(true);
  const stopProgress = showProgress();
  let leaving = false;
  try {
    const answer = await checkout(body, key);
    if (!isRentalId(answer.rental_id)) throw new TypeError("answer without a rental");
    latestRental.set(answer.rental_id);
    updateAttempt({ rental_id: answer.rental_id });
    const rental = safePaymentUrl(answer.payment_url) ? answer : await untilPayable(answer.rental_id);
    updateAttempt({ unanswered: false });
    leaving = leave(rental);
  } catch (error) {
    await explain(error);
  } finally {
    stopProgress();
    if (!leaving) setBusy(false);
  }
}

/**
 * Waits until there is a payment page, or an ending.
 * @param {string} rentalId
 * @returns {Promise<Rental|null>} null when it takes too long
 */
async function untilPayable(rentalId) {
  const started = performance.now();
  const inTime = () => performance.now() - started < GIVE_UP_MS;
  /** @type {Rental|null} */
  let found = null;
  await watch(
    () => getRental(rentalId),
    (rental) => {
      if (rental.eta !== null) setProgress("Preparing payment…");
      if (rental.status !== "pending" || safePaymentUrl(rental.payment_url)) found = rental;
      return found === null && inTime();
    },
    inTime,
    { first: 500, cap: 4000 },
  );
  return found;
}

/**
 * Goes where the rental is now.
 * @param {Partial<Rental>|null} rental
 * @returns {boolean} whether the page is being left
 */
function leave(rental) {
  if (rental === null) {
    showProblem({
      text: "This takes longer than usual. Your rental is not lost: follow it on its own page.",
      link: [rentalUrl("rental", latestRental.get()), "See the rental"],
    });
    return false;
  }
  const paymentUrl = safePaymentUrl(rental.payment_url);
  if (paymentUrl) {
    setProgress("Opening PayMongo’s payment page…");
    window.location.assign(paymentUrl);
    return true;
  }
  forgetAttempt();
  if (rental.status === "completed") {
    window.location.assign(rentalUrl("success", rental.rental_id));
    return true;
  }
  const { title, text } = ending(/** @type {Rental} */ (rental));
  showProblem({ text: `${title}. ${text} You have not paid anything.` });
  requote();
  return false;
}

/** @param {any} error */
async function explain(error) {
  if (error.code === "VALIDATION_ERROR" && error.errors.length > 0) {
    updateAttempt({ unanswered: false });
    showApiErrors(error.errors);
    return;
  }
  const rentalId = currentAttempt()?.rental_id ?? null;
  const problem = checkoutProblem(error);
  if (problem.answered) updateAttempt({ unanswered: false });
  if (problem.over) forgetAttempt();
  const live = rentalId ?? (error.code === "TOO_MANY_HOLDS" ? latestRental.get() : null);
  const link = isRentalId(live) ? [rentalUrl("rental", live), "See your rental"] : null;
  showProblem({ text: problem.text, link });
  if (error.code === "NO_UNIT_AVAILABLE") requote();
}

/** @param {{text: string, link?: [string, string]|null}|null} problem */
function showProblem(problem) {
  const panel = $("#checkout-problem");
  panel.hidden = problem === null;
  fill(
    panel,
    problem && h("p", {}, problem.text),
    problem?.link ? h("p", {}, h("a", { href: problem.link[0] }, problem.link[1])) : null,
  );
  if (problem) panel.focus();
}

/** @param {boolean} on */
function setBusy(on) {
  busy = on;
  $("#notice").hidden = true;
  form.setAttribute("aria-busy", String(on));
  // Not `disabled`: that would throw the focus away.
  submitButton.setAttribute("aria-disabled", String(on));
  submitButton.classList.toggle("is-busy", on);
  setProgress("");
  if (on) submitButton.textContent = "One moment…";
  else showSubmitText();
}

/** @param {string} text */
function setProgress(text) {
  const line = $("#progress");
  if (line.textContent !== text) line.textContent = text;
}

/** @returns {() => void} stops it */
function showProgress() {
  setProgress("Reserving a unit…");
  const timers = [
    setTimeout(() => setProgress("Preparing payment…"), RESERVING_MS),
    setTimeout(() => setProgress("Still working. Thank you for waiting…"), SLOW_MS),
  ];
  return () => timers.forEach(clearTimeout);
}

// ---- Coming back ------------------------------------------------------------------------------

/** After the back button, a reload, or another visit: what became of the latest rental. */
async function resume() {
  const rental = await showCurrentHold($("#current-hold"));
  const here = rental?.collectible_id === wish.collectibleId;
  const held = rental !== null && here && isOnHold(rental);
  form.hidden = held;
  $("#change-hint").hidden = !held;
  if (held) {
    $("#current-hold").focus();
    return;
  }
  const attempt = currentAttempt();
  if (rental && attempt?.rental_id === rental.rental_id && rental.status !== "pending") {
    forgetAttempt();
    showEnded(rental);
  } else if (attempt?.unanswered && !busy) {
    showNotice("Your last try was interrupted. Press “Continue to payment” to pick it up: nothing is reserved or charged twice.");
  }
}

/** @param {Rental} rental */
function showEnded(rental) {
  if (rental.status === "completed") {
    draft.clear();
    showNotice(`${rental.collectible_name} is already paid.`, [rentalUrl("success", rental.rental_id), "See the confirmation"]);
    return;
  }
  const { title, unit } = ending(rental);
  showNotice(`${title}. ${unit} Your details are still here, so you can try again.`);
}

/**
 * @param {string} text
 * @param {[string, string]} [link]
 */
function showNotice(text, link) {
  $("#notice").hidden = false;
  fill($("#notice"), `${text} `, link ? h("a", { href: link[0] }, link[1]) : null);
  announce(text);
}

// ---- Wiring -----------------------------------------------------------------------------------

form.addEventListener("submit", onSubmit);
form.addEventListener("input", (event) => {
  saveDraft();
  const field = event.target.name;
  if (field === "duration") onDurationChange();
  // An error goes as soon as it is mended; a new one waits until the field is left.
  else if (event.target.getAttribute("aria-invalid") && !problemWith(field, form.elements[field].value)) {
    showFieldError(field, null);
  }
});
form.addEventListener("focusout", (event) => {
  if (event.target.name?.startsWith("customer.") && event.target.value) checkField(event.target.name);
});
form.elements.store_id.addEventListener("change", (event) => {
  if (event.target.value) chosenStore.set(event.target.value);
  checkField("store_id");
  keepAddress();
  requote();
});
for (const button of form.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => {
    const duration = parseDuration(form.elements.duration.value) ?? 0;
    setDuration(duration + Number(button.dataset.step));
  });
}
for (const button of form.querySelectorAll("[data-days]")) {
  button.addEventListener("click", () => setDuration(Number(button.dataset.days)));
}
$("#retry").addEventListener("click", load);
$("#quote-retry").addEventListener("click", requote);
window.addEventListener(WAKE, resume);
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    setBusy(false);
    requote();
  }
  resume();
});

restoreDraft();
load();
