/** What is asked before an action that needs an answer or cannot be taken back. */

import { h } from "../dom.js";
import { amountField, receiptField } from "./money.js";
import { ACTIONS, CONDITIONS } from "./words.js";

/** @typedef {import("./words.js").Action} Action */

/**
 * @param {Action} action
 * @param {import("./api.js").Details} rental
 * @param {(what: object) => void} act
 * @returns {HTMLDialogElement}  In the page, and gone when it is closed.
 */
export function confirmation(action, rental, act) {
  const { button, question } = ACTIONS[action];
  const form = h(
    "form",
    { method: "dialog", class: "desk-confirm" },
    h("h2", { id: "confirm-title" }, question),
    h("p", {}, `${rental.collectible_name}, ${rental.number}, ${rental.customer.name}.`),
    action === "picked_up" && idSeen(rental),
    action === "picked_up" && rental.money.counter_deposit > 0 && receiptField(),
    action === "inspected" && conditions(),
    action === "inspected" && owed("for damage, if there is some"),
    action === "lost" && rental.picked_up_at && owed("by default what the collectible is worth"),
    h(
      "div",
      { class: "field" },
      h("label", { for: "note" }, "Note"),
      h("span", { class: "hint" }, "if there is something to say"),
      h("textarea", { id: "note", name: "note", rows: 2, maxlength: 500 }),
    ),
    h(
      "div",
      { class: "actions" },
      h("button", { class: "button", value: "yes", id: "confirm" }, button),
      h("button", { class: "button button-quiet", value: "no", formnovalidate: true }, "Back"),
    ),
  );
  const dialog = h("dialog", { "aria-labelledby": "confirm-title" }, form);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue !== "yes") return;
    const { note, condition, id_seen, amount, receipt } = Object.fromEntries(new FormData(form));
    act({
      action,
      note,
      ...(condition && { condition }),
      ...(id_seen && { id_seen: true }),
      ...(amount && { amount: Number(amount) }),
      ...(receipt && { receipt }),
    });
  });
  document.body.append(dialog);
  return dialog;
}

/** @param {import("./api.js").Details} rental */
function idSeen(rental) {
  return h(
    "label",
    { class: "check" },
    h("input", { type: "checkbox", name: "id_seen", required: true }),
    h(
      "span",
      {},
      `I have seen an ID of ${rental.customer.name}`,
      h("span", { class: "hint" }, "Do not photograph or copy it."),
    ),
  );
}

/** @param {string} hint */
const owed = (hint) => h("div", {}, h("p", { class: "hint" }, `What the customer owes, ${hint}`), amountField(false));

function conditions() {
  return h(
    "fieldset",
    { class: "desk-conditions" },
    h("legend", {}, "Condition"),
    ...Object.entries(CONDITIONS).map(([value, words]) =>
      h(
        "label",
        { class: "check" },
        h("input", { type: "radio", name: "condition", value, required: true }),
        h("span", {}, words),
      ),
    ),
  );
}
