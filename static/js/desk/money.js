/** A rental's money at the desk: what is owed, kept and given back, and what may be done with it. */

import { h } from "../dom.js";
import { dayAndTime, pesos } from "../format.js";
import { randomKey } from "../storage.js";
import { isManager } from "./session.js";
import { CHARGES, MONEY, REFUNDS } from "./words.js";

/** @typedef {import("./api.js").Details} Details */
/** @typedef {import("./words.js").MoneyAction} MoneyAction */
/** @typedef {(what: {action: MoneyAction}) => void} Move */

/**
 * @param {Details} rental
 * @param {Move} move
 */
export function money(rental, move) {
  const { deposit_held, counter_deposit, late_fee_now, outstanding, charges, refunds } =
    rental.money;
  const isToTake = counter_deposit > 0 && rental.picked_up_at === null;
  const sum = (/** @type {string} */ words, /** @type {number} */ amount) =>
    amount > 0 && h("p", {}, words, " ", h("strong", {}, pesos(amount)));
  return h(
    "section",
    { "aria-labelledby": "money-title", class: "desk-money" },
    h("h2", { id: "money-title" }, "Money"),
    isToTake && sum("Deposit to take at hand-over:", counter_deposit),
    sum("Deposit that we hold:", deposit_held),
    sum("Late until now:", late_fee_now),
    sum("Still to be paid:", outstanding),
    h("ul", {}, ...charges.map((each) => charge(each, move)), ...refunds.map((each) => refund(each, move))),
    rental.fulfillment_status !== null &&
      h(
        "div",
        { class: "actions" },
        button("charge", move, {}, amountField(), reasonField()),
        isManager() && button("refund", move, {}, amountField(), reasonField()),
      ),
  );
}

/**
 * @param {import("./api.js").Charge} each
 * @param {Move} move
 */
function charge(each, move) {
  const { charge_id, kind, amount, status, reason, from_deposit, created_at } = each;
  const isPayable = each.outstanding > 0 && kind !== "extension";
  return h(
    "li",
    {},
    h("strong", {}, `${CHARGES.kind[kind]}: ${pesos(amount)}`),
    h("span", {}, CHARGES.status[status]),
    from_deposit > 0 && h("span", {}, `${pesos(from_deposit)} of it from the deposit`),
    reason && h("span", {}, reason),
    h("small", {}, dayAndTime(created_at)),
    isPayable &&
      h(
        "div",
        { class: "actions" },
        button("paid", move, { charge_id }, receiptField()),
        isManager() && button("waive", move, { charge_id }, reasonField()),
      ),
  );
}

/**
 * @param {import("./api.js").Refund} each
 * @param {Move} move
 */
function refund({ refund: key, amount, status, reason, at }, move) {
  return h(
    "li",
    {},
    h("strong", {}, `Given back: ${pesos(amount)}`),
    h("span", {}, REFUNDS[status]),
    reason && h("span", {}, reason),
    at && h("small", {}, dayAndTime(at)),
    ["ordered", "at_counter_soon"].includes(status) &&
      h("div", { class: "actions" }, button("given", move, { refund: key }, receiptField())),
  );
}

/**
 * @param {MoneyAction} action
 * @param {Move} move
 * @param {object} what
 * @param {...HTMLElement} fields
 */
function button(action, move, what, ...fields) {
  const click = () => ask(action, fields, (said) => move({ action, ...what, ...said }));
  return h(
    "button",
    { type: "button", class: "button button-quiet", "data-money": action, click },
    MONEY[action].button,
  );
}

/**
 * @param {MoneyAction} action
 * @param {HTMLElement[]} fields
 * @param {(said: object) => void} then
 */
function ask(action, fields, then) {
  const form = h(
    "form",
    { method: "dialog", class: "desk-confirm" },
    h("h2", { id: "money-question" }, MONEY[action].question),
    ...fields,
    h(
      "div",
      { class: "actions" },
      h("button", { class: "button", value: "yes" }, MONEY[action].button),
      h("button", { class: "button button-quiet", value: "no", formnovalidate: true }, "Back"),
    ),
  );
  const dialog = h("dialog", { "aria-labelledby": "money-question" }, form);
  // Sent again with the same key, it is done once.
  const once = MONEY[action].isKeyed ? { key: randomKey() } : {};
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue !== "yes") return;
    const { amount, ...said } = Object.fromEntries(new FormData(form));
    const kind = action === "charge" && { kind: "damage" };
    then({ ...said, ...once, ...kind, ...(amount && { amount: Number(amount) }) });
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {boolean} [isRequired] */
export const amountField = (isRequired = true) =>
  field("amount", "Pesos", { type: "number", min: isRequired ? 1 : 0, max: 1000000, inputmode: "numeric", required: isRequired });

const reasonField = () => field("reason", "Why", { maxlength: 500, required: true }, "the customer reads it");

export const receiptField = () => field("receipt", "Number of the receipt", { maxlength: 64, required: true });

/**
 * @param {string} name
 * @param {string} label
 * @param {Record<string, any>} attributes
 * @param {string} [hint]
 */
function field(name, label, attributes, hint) {
  return h(
    "div",
    { class: "field" },
    h("label", { for: name }, label),
    hint && h("span", { class: "hint" }, hint),
    h("input", { id: name, name, autocomplete: "off", ...attributes }),
  );
}
