/** A rental step by step: what happened so far and what comes next. */

import { h } from "./dom.js";
import { dayAndTime, days, lastDay, time } from "./format.js";
import { isOnHold } from "./rental-view.js";
import {
  closedTitle,
  declinedWords,
  ending,
  isRefund,
  isRefundOver,
  refundWords,
  storeWords,
} from "./words.js";

/** @typedef {import("./api.js").Rental} Rental */
/** @typedef {import("./api.js").Store} Store */
/** @typedef {["done"|"now"|"next"|"bad", string, (string|null)?]} Step  State, words, when. */

const SPOKEN = { done: "Done: ", now: "Now: ", next: "Next: ", bad: "Failed: " };

/** @type {Step} */
const RESERVED = ["done", "We set a unit aside for you"];

/**
 * @param {Rental} rental
 * @param {Store|undefined} store
 */
export function timeline(rental, store) {
  return h(
    "ol",
    { class: "timeline", id: "timeline" },
    ...steps(rental, storeWords(store)).map(([state, text, moment]) =>
      h(
        "li",
        { class: `step step-${state}`, "aria-current": state === "now" ? "step" : null },
        h("span", { class: "visually-hidden" }, SPOKEN[state]),
        h("span", { class: "step-text" }, text),
        moment && h("time", { datetime: moment }, dayAndTime(moment)),
      ),
    ),
  );
}

/**
 * @param {Rental} rental
 * @param {string} shop
 * @returns {Step[]}
 */
function steps(rental, shop) {
  /** @type {Step[]} */
  const list = [["done", "You asked to rent it", rental.created_at]];
  if (rental.status === "completed") return [...list, RESERVED, ...paidSteps(rental, shop)];
  if (isRefund(rental)) {
    list.push(["done", "Your payment arrived, but the rental could not go ahead"]);
    return [...list, refundStep(rental)];
  }
  if (rental.status === "pending") return [...list, ...unpaidSteps(rental, shop)];
  const { title } = ending(rental);
  if (rental.status === "rejected") return [...list, ["bad", title, rental.updated_at]];
  return [
    ...list,
    RESERVED,
    ["bad", title, rental.updated_at],
    ["done", "The unit went back on the shelf"],
  ];
}

/**
 * @param {Rental} rental
 * @param {string} shop
 * @returns {Step[]}
 */
function unpaidSteps(rental, shop) {
  if (isOnHold(rental)) {
    const declined = rental.declined_attempts;
    return [
      RESERVED,
      ...(declined > 0 ? [/** @type {Step} */ (["bad", declinedWords(declined)])] : []),
      ["now", `We wait for your payment until ${time(rental.hold_expires_at)}`],
      ["next", `It travels to ${shop}`],
    ];
  }
  if (rental.hold_expires_at) {
    return [RESERVED, ["now", "The time to pay is over. We check whether your payment arrived"]];
  }
  return [
    ...(rental.eta !== null
      ? [RESERVED, /** @type {Step} */ (["now", "We prepare the payment page"])]
      : [/** @type {Step} */ (["now", "We look for the nearest unit"])]),
    ["next", "You pay"],
    ["next", `It travels to ${shop}`],
  ];
}

/**
 * What happened, where it is, what is to come, and a refund if there is one.
 * @param {Rental} rental
 * @param {string} shop
 * @returns {Step[]}
 */
function paidSteps(rental, shop) {
  const { completed_at: paid, arrived_at: arrived, picked_up_at: pickedUp } = rental;
  const { returned_at: returned, closed_at: closed } = rental;
  /** @type {Step[]} */
  const list = [["done", "Your payment arrived", paid]];
  if (arrived) list.push(["done", `It came to ${shop}`, arrived]);
  if (pickedUp) list.push(["done", "You picked it up", pickedUp]);
  if (returned) list.push(["done", "You brought it back", returned]);
  if (rental.closed_reason === "returned") {
    list.push(["done", "We looked it over and closed the rental", closed]);
  } else if (rental.closed_reason) {
    list.push(["bad", closedTitle(rental), closed]);
  } else {
    list.push(...stepsToCome(rental, shop));
  }
  return rental.refund_status === null ? list : [...list, refundStep(rental)];
}

/**
 * @param {Rental} rental
 * @param {string} shop
 * @returns {Step[]}
 */
function stepsToCome(rental, shop) {
  const { fulfillment_status: stage, ready_by: ready, due_at: due, collect_by: limit } = rental;
  const dueDay = due && lastDay(due);
  /** @type {Step} */
  const lookOver = ["next", "Our staff look it over, and the rental is closed"];
  if (stage === "returned") return [["now", lookOver[1]]];
  if (stage === "picked_up") {
    const bring = `bring it back to ${shop}`;
    return rental.is_overdue
      ? [["bad", `It was due by the end of ${dueDay}`], ["now", `Please ${bring} now`], lookOver]
      : [["now", `You have it: ${bring} by the end of ${dueDay}`], lookOver];
  }
  const pickUp = "pick it up with your rental number and a valid ID";
  const begin = `Your ${days(rental.duration)} begin when you pick it up`;
  if (stage === "ready_for_pickup") {
    return [
      ["now", `You can ${pickUp}${limit ? `, until ${dayAndTime(limit)}` : ""}`],
      ["next", `${begin}; it is due by the end of the last one`],
    ];
  }
  return [
    ["now", `It travels to ${shop}${ready ? `, ready by ${lastDay(ready)}` : ""}`],
    ["next", `You ${pickUp}`],
    [
      "next",
      ready
        ? `${begin}; if that is on ${lastDay(ready)}, it is due by the end of ${dueDay}`
        : `${begin}; it is due by the end of the last one`,
    ],
  ];
}

/**
 * @param {Rental} rental
 * @returns {Step}
 */
function refundStep(rental) {
  const done = isRefundOver(rental) && rental.refund_status !== "failed";
  const moment = rental.status === "refunded" ? rental.updated_at : null;
  return [done ? "done" : "now", refundWords(rental).title, moment];
}
