/** A rental's facts on a museum-style ticket, its number as people and as scanners read it. */

import { announce, h, picture } from "./dom.js";
import { days, lastDay, pesos } from "./format.js";
import { correction, generate, mode } from "./lean-qr/index.js";
import { phoneUrl, rentalUrl } from "./links.js";
import { paidSum } from "./money.js";
import { stamp } from "./rental-view.js";
import { methodName } from "./words.js";

/** @typedef {import("./api.js").Rental} Rental */
/** @typedef {import("./api.js").Store} Store */

const SVG = "http://www.w3.org/2000/svg";
/** Light modules that the standard wants around a code. */
const QUIET = 4;

/**
 * @param {Rental} rental
 * @param {Store|undefined} store
 */
export function ticket(rental, store) {
  const fact = (/** @type {string} */ term, /** @type {(Node|string|null|false)[]} */ ...value) =>
    h("div", {}, h("dt", {}, term), h("dd", {}, ...value));
  return h(
    "article",
    { class: "ticket", "aria-labelledby": "ticket-name" },
    h(
      "div",
      { class: "ticket-head" },
      h("div", { class: "niche" }, picture(`/images/${rental.collectible_id}.svg`)),
      h("h2", { id: "ticket-name" }, rental.collectible_name),
      stamp(rental),
    ),
    h(
      "dl",
      { class: "ticket-facts" },
      store && fact("Pick up", store.name, small(store.address), small(store.hours)),
      fact(
        "Rental",
        days(rental.duration),
        rental.daily_rate !== null &&
          rental.total_fee === rental.daily_rate * rental.duration && // not of added days
          small(`${pesos(rental.daily_rate)} a day`),
      ),
      ...dates(rental).map(([term, day, note]) => fact(term, day, small(note))),
      fact("Payment", methodName(rental.payment_method)),
      rental.deposit > 0 && fact("Deposit", pesos(rental.deposit), small("In the total")),
      rental.counter_deposit > 0 &&
        fact("Deposit", pesos(rental.counter_deposit), small("At the counter")),
      rental.amount_due !== null &&
        h("div", { class: "total" }, h("dt", {}, "Total"), h("dd", {}, pesos(total(rental)))),
    ),
    stub(rental),
  );
}

/** @param {Rental} rental */
const total = (rental) =>
  rental.status === "completed" ? paidSum(rental) : (rental.amount_due ?? 0);

/** @param {string|null|undefined} text */
const small = (text) => text && h("small", {}, text);

/**
 * When it is ready and due: what to expect until it is picked up, nothing once it is over.
 * @param {Rental} rental
 * @returns {[string, string, string?][]}
 */
function dates({ status, fulfillment_status: stage, ready_by: ready, due_at: due, duration }) {
  if (!ready || !due || stage === "closed") return [];
  if (stage === "picked_up" || stage === "returned") {
    return [["Due back", `By the end of ${lastDay(due)}`]];
  }
  if (stage === "ready_for_pickup") {
    return [["Due back", `${days(duration)} after you pick it up`, "By the end of that day"]];
  }
  const expected = `If you pick it up on ${lastDay(ready)}`;
  return [
    ["Ready by", lastDay(ready), status === "pending" ? "If you pay today" : undefined],
    ["Due back", `By the end of ${lastDay(due)}`, expected],
  ];
}

/**
 * What the store asks for, and what a scanner types.
 * @param {Rental} rental
 */
function stub({ rental_id: id, number, status, fulfillment_status: stage }) {
  return h(
    "div",
    { class: "ticket-stub" },
    h("p", {}, "Rental number", h("code", { id: "rental-number" }, number)),
    status === "completed" && stage !== "closed" && qrCode(number),
    h(
      "p",
      { class: "stub-actions" },
      navigator.clipboard &&
        h(
          "button",
          { type: "button", class: "link-button", id: "copy-link", click: () => copyLink(id) },
          "Copy link",
        ),
      h(
        "button",
        { type: "button", class: "link-button", id: "print", click: () => window.print() },
        "Print",
      ),
    ),
  );
}

/**
 * @param {string} number
 * @returns {SVGElement}
 */
function qrCode(number) {
  // In the alphanumeric mode: other modes of the library mark text as UTF-8, and some scanners type
  // that mark as well.
  const code = generate(number, { modes: [mode.alphaNumeric], minCorrectionLevel: correction.Q });
  let dark = "";
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) if (code.get(x, y)) dark += `M${x} ${y}h1v1h-1z`;
  }
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  const wide = code.size + 2 * QUIET;
  path.setAttribute("d", dark);
  svg.setAttribute("viewBox", `${-QUIET} ${-QUIET} ${wide} ${wide}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `QR code of the rental number ${number}`);
  svg.append(path);
  return svg;
}

/** @param {string} rentalId */
async function copyLink(rentalId) {
  const button = document.getElementById("copy-link");
  const link = new URL(rentalUrl("rental", rentalId), window.location.origin).href;
  try {
    await navigator.clipboard.writeText(link);
    button.textContent = "Link copied";
    announce("Link copied.");
  } catch {
    announce("The link could not be copied. It is in the address bar.");
  }
}

/**
 * Where to ask.
 * @param {Store|undefined} store
 */
export function contact(store) {
  if (!store) return null;
  return h(
    "section",
    { class: "contact", "aria-labelledby": "contact-title" },
    h("h2", { id: "contact-title" }, "Questions?"),
    h(
      "p",
      {},
      store.phone
        ? `Call the ${store.name} store at `
        : `Ask at the ${store.name} store, ${store.address}`,
      store.phone && h("a", { href: phoneUrl(store.phone) }, store.phone),
      ". Please have your rental number ready.",
    ),
  );
}
