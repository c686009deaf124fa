/** Keeping a rental longer: choose days, see the price and the new due date, pay. */

import { getExtension, startExtension } from "./api.js";
import { h } from "./dom.js";
import { days, lastDay, pesos } from "./format.js";
import { keyOf } from "./known-rentals.js";
import { isPayable } from "./money.js";
import { payButton, problemWords } from "./pay-button.js";
import { MAX_DURATION, parseDuration } from "./validation.js";

const QUOTE_DELAY_MS = 250;

/** @param {import("./api.js").Rental} rental */
export function extensionPanel(rental) {
  const most = MAX_DURATION - rental.duration;
  const waits = rental.charges.some((each) => each.kind === "extension" && isPayable(each));
  const key = keyOf(rental.rental_id);
  if (rental.fulfillment_status !== "picked_up" || rental.is_overdue || waits || !key || most < 1) {
    return null;
  }
  const refused =
    rental.deposit > 0
      ? "It cannot be extended so long: later, your deposit could not be given back the way you paid it. Please choose fewer days, or ask the store."
      : "It cannot be extended any more. Please bring it back by the due date, or ask the store.";
  let timer = 0;
  let pending = new AbortController();

  const input = h("input", {
    id: "extension-days",
    type: "text",
    inputmode: "numeric",
    autocomplete: "off",
    value: "1",
    "aria-describedby": "extension-price",
    input: () => quote(),
  });
  const price = h("p", { id: "extension-price", role: "status" });
  const step = (/** @type {number} */ by) => () => {
    const wanted = (parseDuration(input.value) ?? 0) + by;
    input.value = String(Math.min(most, Math.max(1, wanted)));
    quote();
  };
  const [button, problem] = payButton(
    "extend",
    "Pay and keep it longer",
    () => startExtension(rental.rental_id, key, parseDuration(input.value) ?? 0),
    refused,
  );

  /** @param {string} text  @param {boolean} canPay */
  const show = (text, canPay) => {
    price.textContent = text;
    button.disabled = !canPay;
  };

  function quote() {
    clearTimeout(timer);
    pending.abort();
    pending = new AbortController();
    const wanted = parseDuration(input.value);
    if (wanted === null || wanted > most) {
      show(`Enter 1 to ${most}: a rental lasts ${days(MAX_DURATION)} at most.`, false);
      return;
    }
    button.disabled = true;
    timer = setTimeout(() => ask(wanted, pending.signal), QUOTE_DELAY_MS);
  }

  /** @param {number} wanted  @param {AbortSignal} signal */
  async function ask(wanted, signal) {
    try {
      const { amount, due_at } = await getExtension(rental.rental_id, wanted, signal);
      show(
        `${days(wanted)} more: ${pesos(amount)}. Due back by the end of ${lastDay(due_at)}.`,
        true,
      );
    } catch (error) {
      if (!signal.aborted) show(problemWords(error, refused), false);
    }
  }

  quote();
  return h(
    "section",
    { class: "panel extension", "aria-labelledby": "extension-title" },
    h("h2", { id: "extension-title" }, "Keep it longer"),
    h(
      "div",
      { class: "field" },
      h("label", { for: "extension-days" }, "Days more"),
      h(
        "div",
        { class: "stepper" },
        h("button", { type: "button", "aria-label": "One day less", click: step(-1) }, "−"),
        input,
        h("button", { type: "button", "aria-label": "One day more", click: step(1) }, "+"),
      ),
    ),
    price,
    h("div", { class: "actions" }, button),
    problem,
  );
}
