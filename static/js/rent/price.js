/** The live price: the special-rate rule in words at once, the total from the API. */

import { getQuote } from "../api.js";
import { $, announce, fill, h } from "../dom.js";
import { days, lastDay, pesos } from "../format.js";
import { price } from "../prices.js";
import { MAX_DURATION, parseDuration, SPECIAL_RATE_BELOW_DAYS } from "../validation.js";
import {
  backWords,
  depositWords,
  methodName,
  rateWords,
  stockWords,
  troubleWords,
} from "../words.js";
import { form, readForm } from "./fields.js";

/** @typedef {import("../api.js").Collectible} Collectible */
/** @typedef {import("../api.js").Store} Store */

const QUOTE_DELAY_MS = 250;

/** @type {Collectible|null} */
let collectible = null;
/** @type {Store[]} */
let stores = [];
/** @type {Partial<import("../api.js").Quote>|null} */
let quote = null;

let timer = 0;
let pending = new AbortController();

/**
 * @param {Collectible} item
 * @param {Store[]} storeList
 */
export function showPriceOf(item, storeList) {
  collectible = item;
  stores = storeList;
  requote();
}

/** Asks for a new price shortly; what an older question answers is dropped. */
export function requote() {
  clearTimeout(timer);
  pending.abort();
  if (!collectible) return;
  showRates(collectible);
  showStoreFacts();
  const { store_id, duration } = readForm();
  if (duration === null) {
    showQuote(null, "Enter a number of days to see the price.");
    return;
  }
  showQuote(
    knownOf(collectible, store_id, duration),
    store_id ? null : "Choose a store to see when it is ready.",
  );
  if (!store_id) return;
  $("#quote").setAttribute("aria-busy", "true");
  const wish = { collectible_id: collectible.id, store_id, duration };
  timer = setTimeout(() => loadQuote(wish), QUOTE_DELAY_MS);
}

/**
 * The price, and what the last answer said of this store: the rest is asked for.
 * @param {Collectible} item
 * @param {string} store_id
 * @param {number} duration  In days.
 * @returns {Partial<import("../api.js").Quote>}
 */
function knownOf(item, store_id, duration) {
  const { rate, total, isSpecial } = price(item, duration);
  const { stock, eta, next_expected, ready_by } = quote?.store_id === store_id ? quote : {};
  return {
    ...{ store_id, stock, eta, next_expected, ready_by },
    ...{ duration, daily_rate: rate, total_fee: total, is_special_rate: isSpecial },
  };
}

/** @param {{collectible_id: string, store_id: string, duration: number}} wish */
async function loadQuote(wish) {
  pending = new AbortController();
  const { signal } = pending;
  try {
    showQuote(await getQuote(wish, signal), null);
  } catch (error) {
    if (signal.aborted) return;
    showQuote(quote, `We could not see when it is ready. ${troubleWords(error)}`, true);
  }
}

/**
 * Both rates, the one that applies marked, and the rule in words.
 * @param {Collectible} item
 */
function showRates(item) {
  const duration = parseDuration(form.elements.duration.value);
  const special = duration !== null && duration < SPECIAL_RATE_BELOW_DAYS;
  const rate = (
    /** @type {string} */ when,
    /** @type {number} */ amount,
    /** @type {string} */ name,
    /** @type {boolean} */ applies,
  ) =>
    h(
      "div",
      { class: applies ? "rate is-current" : "rate" },
      h("dt", {}, when),
      h("dd", {}, h("strong", {}, pesos(amount)), " a day"),
      h(
        "dd",
        { class: "rate-name" },
        applies && h("span", { class: "visually-hidden" }, "Yours: "),
        name,
      ),
    );
  fill(
    $("#rates"),
    rate(
      `1 to ${SPECIAL_RATE_BELOW_DAYS - 1} days`,
      item.special_daily_rate,
      "Special rate",
      special,
    ),
    rate(
      `${SPECIAL_RATE_BELOW_DAYS} days and more`,
      item.daily_rate,
      "Daily rate",
      duration !== null && !special,
    ),
  );
  fill(
    $("#rate-rule"),
    duration !== null && h("p", {}, rateWords(duration, item, SPECIAL_RATE_BELOW_DAYS)),
    duration !== null && special && weekAdvice(item, duration),
  );
}

function showStoreFacts() {
  const store = stores.find(({ id }) => id === form.elements.store_id.value);
  $("#store-facts").textContent = [store?.address, store?.hours].filter(Boolean).join(" · ");
}

/**
 * Whether a full week costs less than so few days, and how to take it.
 * @param {Collectible} item
 * @param {number} duration  In days.
 */
function weekAdvice(item, duration) {
  const week = SPECIAL_RATE_BELOW_DAYS * item.daily_rate;
  const saving = duration * item.special_daily_rate - week;
  if (saving <= 0) return null;
  const takeIt = () => {
    setDuration(SPECIAL_RATE_BELOW_DAYS);
    // This button goes with the advice; the focus must not go with it.
    form.elements.duration.focus();
  };
  return h(
    "p",
    { class: "tip" },
    `A full ${days(SPECIAL_RATE_BELOW_DAYS)} costs ${pesos(week)}, which is ${pesos(saving)} less. `,
    h(
      "button",
      { type: "button", class: "link-button", id: "make-it-a-week", click: takeIt },
      `Make it ${days(SPECIAL_RATE_BELOW_DAYS)}`,
    ),
  );
}

/**
 * @param {Partial<import("../api.js").Quote>|null} answer
 * @param {string|null} problem  Why there is none.
 * @param {boolean} [retry]  Whether asking again may help.
 */
function showQuote(answer, problem, retry = false) {
  quote = answer;
  const soldOut = quote?.stock === 0;
  $("#quote").setAttribute("aria-busy", "false");
  $("#quote-problem").hidden = problem === null;
  $("#quote-problem-text").textContent = problem ?? "";
  $("#quote-retry").hidden = !retry;
  $("#sold-out").hidden = !soldOut;
  if (soldOut) $("#expected-back").textContent = `${backWords(quote.next_expected)}. `;
  $("#submit").disabled = soldOut;
  $("#due-rule").textContent = (quote?.ready_by && quote.due_rule) || "";
  $("#rate-total").textContent = quote
    ? `Total: ${pesos(quote.total_fee)}${quote.deposit ? `, and a deposit of ${pesos(quote.deposit)}` : ""}`
    : "";
  showSummary();
  if (!quote) return;
  announce(
    soldOut
      ? `${collectible?.name} is sold out.`
      : `${days(quote.duration)}: ${pesos(quote.total_fee)} in total.`,
  );
}

/** What the customer is about to agree to. */
export function showSummary() {
  $("#quote-facts").hidden = quote === null;
  if (!quote) return;
  const { duration, daily_rate, total_fee, is_special_rate, stock, eta, ready_by, due_at } = quote;
  const { deposit = 0, deposit_online_with: online = [] } = quote;
  const store = stores.find(({ id }) => id === quote?.store_id);
  const method = readForm().payment_method;
  const isOnline = online.includes(method);
  const others = deposit && isOnline ? online.length > 1 : true;
  const fact = (/** @type {(Node|string)[]} */ term, /** @type {(Node|string|false)[]} */ value) =>
    h("div", {}, h("dt", {}, ...term), h("dd", {}, ...value));
  const small = (/** @type {string} */ text) => h("small", {}, text);
  fill(
    $("#quote-facts"),
    fact(["Pick up"], [store?.name ?? "Not chosen yet"]),
    ready_by && fact(["Ready by"], [lastDay(ready_by), small(`${days(eta)} after payment`)]),
    due_at &&
      fact(["Due back"], [`By the end of ${lastDay(due_at)}`, small("If you pick it up when ready")]),
    stock !== undefined && fact(["In stock"], [stockWords(stock)]),
    fact(
      ["Pay with"],
      method
        ? [methodName(method), others && small("PayMongo offers it first, then other ways to pay")]
        : ["Not chosen yet"],
    ),
    fact(
      [`${days(duration)} × ${pesos(daily_rate)}`],
      [deposit ? pesos(total_fee) : is_special_rate ? "Special rate" : "Daily rate"],
    ),
    deposit > 0 && fact(["Deposit"], [pesos(deposit), small(depositWords(method, isOnline))]),
    h(
      "div",
      { class: "total" },
      h("dt", {}, "To pay now"),
      h("dd", { id: "quote-total" }, pesos(total_fee + (isOnline ? deposit : 0))),
    ),
  );
}

/** @param {number} duration  In days. */
function setDuration(duration) {
  form.elements.duration.value = String(Math.min(MAX_DURATION, Math.max(1, duration)));
  form.elements.duration.dispatchEvent(new Event("input", { bubbles: true }));
}

for (const button of form.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => {
    const duration = parseDuration(form.elements.duration.value) ?? 0;
    setDuration(duration + Number(button.dataset.step));
  });
}
for (const button of form.querySelectorAll("[data-days]")) {
  button.addEventListener("click", () => setDuration(Number(button.dataset.days)));
}
$("#quote-retry").addEventListener("click", requote);
