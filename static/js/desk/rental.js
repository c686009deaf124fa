/** One rental at the desk: what to do next, who it is, what was done, photographs, the sheet. */

import { h } from "../dom.js";
import { dayAndTime, days, pesos } from "../format.js";
import { confirmation } from "./confirmation.js";
import { money } from "./money.js";
import { photographs } from "./photographs.js";
import { ACTIONS, CONDITIONS, message, stageWords, whenWords } from "./words.js";

/** @typedef {import("./api.js").Details} Details */
/** @typedef {import("./words.js").Action} Action */
/** @typedef {(text: string, tone?: "good"|"problem") => void} Changed  Reads anew, and says this. */

/**
 * @param {Details} rental
 * @param {import("../api.js").Store[]} stores
 * @param {{act: (what: {action: Action}) => void, move: import("./money.js").Move,
 *   changed: Changed}} on
 */
export function rentalView(rental, stores, on) {
  const storeName = (/** @type {string|null} */ id) =>
    stores.find((store) => store.id === id)?.name ?? id ?? "";
  return [
    h("p", { class: "desk-back" }, h("a", { href: "#" }, "Back to today")),
    h(
      "div",
      { class: "rental" },
      h(
        "div",
        {},
        h(
          "article",
          { class: "ticket", "aria-labelledby": "rental-title" },
          head(rental),
          h("div", { class: "desk-next" }, ...actions(rental, on)),
          facts(rental, storeName(rental.store_id)),
        ),
        sheet(rental, storeName(rental.store_id)),
      ),
      h(
        "div",
        { class: "desk-side" },
        money(rental, on.move),
        timeline(rental, storeName),
        photographs(rental, on.changed),
        messageToSend(rental, storeName(rental.store_id), on.changed),
      ),
    ),
  ];
}

/** @param {Details} rental */
function head(rental) {
  return h(
    "div",
    { class: "desk-head" },
    h("h1", { id: "rental-title" }, rental.collectible_name),
    h("p", {}, h("code", { id: "rental-number" }, rental.number)),
    h(
      "p",
      { id: "stage", class: rental.is_overdue ? "desk-stage desk-late" : "desk-stage" },
      h("strong", {}, stageWords(rental)),
      " ",
      whenWords(rental),
    ),
  );
}

/**
 * The one thing that comes next, and what else may be.
 * @param {Details} rental
 * @param {{act: (what: {action: Action}) => void}} on
 */
function actions(rental, on) {
  const [first, ...others] = rental.next;
  if (!first) return [h("p", { class: "hint" }, "Nothing is left to do.")];
  return [
    actionButton(first, "button desk-action", rental, on),
    others.length > 0 &&
      h(
        "div",
        { class: "actions" },
        ...others.map((action) => actionButton(action, "button button-quiet", rental, on)),
      ),
    rental.fulfillment_status === "ready_for_pickup" &&
      h(
        "button",
        { type: "button", class: "link-button", id: "print", click: () => window.print() },
        "Print the hand-over sheet",
      ),
  ];
}

/**
 * @param {Action} action
 * @param {string} style
 * @param {Details} rental
 * @param {{act: (what: {action: Action}) => void}} on
 */
function actionButton(action, style, rental, on) {
  const { button, question } = ACTIONS[action];
  const click = () =>
    question ? confirmation(action, rental, on.act).showModal() : on.act({ action });
  return h("button", { type: "button", class: style, "data-action": action, click }, button);
}

/**
 * @param {Details} rental
 * @param {string} store
 */
function facts(rental, store) {
  const { name, phone, email } = rental.customer;
  const fact = (/** @type {string} */ term, /** @type {(Node|string|null)[]} */ ...value) =>
    h("div", {}, h("dt", {}, term), h("dd", {}, ...value));
  return h(
    "dl",
    { class: "ticket-facts" },
    fact("Customer", name),
    fact("Phone", h("a", { href: `tel:${phone.replace(/[^0-9+]/g, "")}` }, phone)),
    fact("E-mail", email),
    fact("Store", store),
    fact("Rental", days(rental.duration)),
    fact("Unit", h("code", {}, rental.unit_id ?? "none")),
    rental.picked_up_at && fact("Due back", dayAndTime(rental.due_at)),
  );
}

/**
 * Who did what, when and where.
 * @param {Details} rental
 * @param {(id: string|null) => string} storeName
 */
function timeline(rental, storeName) {
  return h(
    "section",
    { "aria-labelledby": "timeline-title", class: "progress" },
    h("h2", { id: "timeline-title" }, "What was done"),
    rental.log.length === 0 && h("p", { class: "hint" }, "Nothing yet."),
    h(
      "ol",
      { class: "timeline", id: "timeline" },
      ...rental.log.map(({ action, at, by, store_id, condition, note, amount }) =>
        h(
          "li",
          { class: "step step-done" },
          h("span", { class: "step-text" }, ACTIONS[action].done),
          h("time", { datetime: at }, dayAndTime(at)),
          h("small", {}, [by, storeName(store_id)].filter(Boolean).join(", ")),
          condition && h("span", {}, CONDITIONS[condition]),
          note && h("span", {}, note),
          amount !== null && h("span", {}, `The customer owes ${pesos(amount)}`),
        ),
      ),
    ),
  );
}

/**
 * @param {Details} rental
 * @param {string} store
 * @param {Changed} changed
 */
function messageToSend(rental, store, changed) {
  const text = message(rental, store);
  if (!text) return null;
  const field = h("textarea", { id: "message", rows: 5 }, text);
  const phone = rental.customer.phone.replace(/[^0-9+]/g, "");
  const copy = async () => {
    await navigator.clipboard.writeText(field.value);
    changed("The message is copied.");
  };
  const send = () => window.location.assign(`sms:${phone}?&body=${encodeURIComponent(field.value)}`);
  return h(
    "section",
    { class: "field desk-message", "aria-labelledby": "message-title" },
    h("h2", { id: "message-title" }, h("label", { for: "message" }, "A message to send")),
    field,
    h(
      "div",
      { class: "actions" },
      navigator.clipboard &&
        h("button", { type: "button", class: "button button-quiet", click: copy }, "Copy it"),
      h("button", { type: "button", class: "button button-quiet", click: send }, "Send it by SMS"),
    ),
  );
}

/**
 * For paper: what the customer signs.
 * @param {Details} rental
 * @param {string} store
 */
function sheet(rental, store) {
  const line = (/** @type {string} */ label) =>
    h("p", { class: "sheet-line" }, h("span", {}, label));
  return h(
    "section",
    { class: "sheet" },
    h("h2", {}, `Hand-over at the ${store} store`),
    h(
      "p",
      {},
      `I, ${rental.customer.name}, received ${rental.collectible_name}, unit ${rental.unit_id}, in the`,
      " condition that is described here. I bring it back in the same condition at the latest",
      ` ${days(rental.duration)} after the day of hand-over.`,
    ),
    line("Condition, and what is in the box"),
    line("Kind of ID seen"),
    line("Date"),
    line("Customer’s signature"),
    line("For the store"),
  );
}
