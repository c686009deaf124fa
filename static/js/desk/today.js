/** The day at one store, and what a search found: rentals as rows that lead to each. */

import { h } from "../dom.js";
import { stageWords, whenWords } from "./words.js";

/** @typedef {import("./api.js").Line} Line */

const LISTS = {
  late: { title: "Late", none: "Nothing is late." },
  to_inspect: { title: "To inspect", none: "Nothing waits for inspection." },
  to_hand_over: { title: "To hand over", none: "Nothing waits to be picked up." },
  due_today: { title: "Due back today", none: "Nothing is due back today." },
  arriving: { title: "Arriving", none: "Nothing is on its way here." },
};

/** @param {string} rentalId */
export const hashOf = (rentalId) => `#rental=${encodeURIComponent(rentalId)}`;

/** @param {import("./api.js").Today} today */
export function todayView(today) {
  return [
    h("h1", { class: "visually-hidden" }, "Today"),
    h(
      "div",
      { class: "desk-lists" },
      ...Object.entries(LISTS).map(([name, { title, none }]) =>
        h(
          "section",
          {
            class: name === "late" && today.late.count ? "desk-list desk-late" : "desk-list",
            "aria-labelledby": `list-${name}`,
          },
          h("h2", { id: `list-${name}` }, title, " ", count(today[name].count)),
          today[name].count === 0 ? h("p", { class: "hint" }, none) : rows(today[name].rentals),
        ),
      ),
    ),
  ];
}

/** @param {number} number */
const count = (number) => h("span", { class: "desk-count" }, number);

/**
 * @param {string} words
 * @param {Line[]} rentals
 */
export function foundView(words, rentals) {
  return [
    h(
      "div",
      { class: "page-head" },
      h("h1", {}, rentals.length ? `${rentals.length} found` : "Nothing found"),
      h(
        "p",
        { class: "lead" },
        rentals.length
          ? `For “${words}”.`
          : `No rental has “${words}”. Nothing was changed. Names are looked for at this store only.`,
      ),
      h("p", {}, h("a", { href: "#" }, "Back to today")),
    ),
    rentals.length > 0 && rows(rentals),
  ];
}

/** @param {Line[]} rentals */
function rows(rentals) {
  return h("ul", { class: "desk-rows" }, ...rentals.map(row));
}

/** @param {Line} rental */
function row(rental) {
  return h(
    "li",
    { class: "desk-row" },
    h("a", { class: "card-link", href: hashOf(rental.rental_id) }, rental.collectible_name),
    h("code", {}, rental.number),
    h("span", {}, rental.customer_name),
    h("span", { class: "desk-when" }, whenWords(rental) || stageWords(rental)),
  );
}
