/** The live price: the special-rate rule in words at once, the total from the API. */

import { getQuote } from "../api.js";
import { $, announce, fill, h } from "../dom.js";
import { dayAfter, days, pesos } from "../format.js";
import { MAX_DURATION, parseDuration, SPECIAL_RATE_BELOW_DAYS } from "../validation.js";
import { rateWords, stockWords, troubleWords } from "../words.js";
import { form, readForm } from "./fields.js";

/** @typedef {import("../api.js").Collectible} Collectible */
/** @typedef {import("../api.js").Store} Store */

const QUOTE_DELAY_MS = 250;

/** @type {Collectible|null} */
let collectible = null;
/** @type {Store[]} */
let stores = [];
/** @type {import("../api.js").Quote|null} */
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
  showRateRule(collectible);
  const { store_id, duration } = readForm();
  if (!store_id || duration === null) {
    showQuote(
      null,
      store_id ? "Enter a number of days to see the price." : "Choose a store to see the price.",
    );
    return;
  }
  $("#quote").setAttribute("aria-busy", "true");
  const wish = { collectible_id: collectible.id, store_id, duration };
  timer = setTimeout(() => loadQuote(wish), QUOTE_DELAY_MS);
}

/** @param {{collectible_id: string, store_id: string, duration: number}} wish */
async function loadQuote(wish) {
  pending = new AbortController();
  const { signal } = pending;
  try {
    showQuote(await getQuote(wish, signal), null);
  } catch (error) {
    if (signal.aborted) return;
    showQuote(null, `We could not get the price. ${troubleWords(error)}`, true);
  }
}

/** @param {Collectible} item */
function showRateRule(item) {
  const duration = parseDuration(form.elements.duration.value);
  if (duration === null) {
    fill($("#rate-rule"));
    return;
  }
  const week = SPECIAL_RATE_BELOW_DAYS * item.daily_rate;
  const saving = duration * item.special_daily_rate - week;
  const weekIsCheaper = duration < SPECIAL_RATE_BELOW_DAYS && saving > 0;
  fill(
    $("#rate-rule"),
    h("p", {}, rateWords(duration, item, SPECIAL_RATE_BELOW_DAYS)),
    weekIsCheaper &&
      h(
        "p",
        { class: "tip" },
        `A full ${days(SPECIAL_RATE_BELOW_DAYS)} costs ${pesos(week)}, which is ${pesos(saving)} less. `,
        h(
          "button",
          {
            type: "button",
            class: "link-button",
            id: "make-it-a-week",
            click: () => {
              setDuration(SPECIAL_RATE_BELOW_DAYS);
              // This button goes with the advice; the focus must not go with it.
              form.elements.duration.focus();
            },
          },
          `Make it ${days(SPECIAL_RATE_BELOW_DAYS)}`,
        ),
      ),
  );
}

/**
 * @param {import("../api.js").Quote|null} answer
 * @param {string|null} problem  Why there is none.
 * @param {boolean} [retry]  Whether asking again may help.
 */
function showQuote(answer, problem, retry = false) {
  quote = answer;
  const soldOut = quote !== null && quote.stock <= 0;
  $("#quote").setAttribute("aria-busy", "false");
  $("#quote-problem").hidden = problem === null;
  $("#quote-problem-text").textContent = problem ?? "";
  $("#quote-retry").hidden = !retry;
  $("#quote-facts").hidden = quote === null;
  $("#sold-out").hidden = !soldOut;
  $("#submit").disabled = soldOut;
  $("#rate-total").textContent = quote ? `Total: ${pesos(quote.total_fee)}` : "";
  showSubmitText();
  if (quote) showFacts(quote);
}

/** @param {import("../api.js").Quote} facts */
function showFacts(facts) {
  const { duration, daily_rate, total_fee, is_special_rate, stock, eta } = facts;
  const store = stores.find(({ id }) => id === facts.store_id);
  $("#quote-sum").textContent = `${days(duration)} × ${pesos(daily_rate)}`;
  $("#quote-rate-name").textContent = is_special_rate ? "special rate" : "daily rate";
  $("#quote-total").textContent = pesos(total_fee);
  $("#quote-stock").textContent = stockWords(stock);
  $("#quote-eta").textContent =
    eta === null
      ? "Not available now"
      : `${store?.name ?? "Store"}, ${days(eta)} after payment (${dayAfter(Date.now(), eta)})`;
  announce(
    stock <= 0
      ? `${collectible?.name} is sold out.`
      : `${days(duration)}: ${pesos(total_fee)} in total.`,
  );
}

/** Names the amount on the button, unless a checkout is using it to say that it works. */
export function showSubmitText() {
  if (form.getAttribute("aria-busy") === "true") return;
  const amount = quote && quote.stock > 0 ? ` · ${pesos(quote.total_fee)}` : "";
  $("#submit").textContent = `Continue to payment${amount}`;
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
