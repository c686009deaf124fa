/** What pages say of a paid rental: where the unit is, what to do next, how it ended. */

import { h } from "./dom.js";
import { day, dayAndTime, days, lastDay } from "./format.js";
import { isRefundOver, refundWords, storeWords } from "./words.js";

/** @typedef {import("./api.js").Rental} Rental */
/** @typedef {import("./api.js").Store} Store */

/**
 * @param {Rental} rental
 * @param {Store|undefined} store
 * @returns {import("./rental-page.js").View}
 */
export function paidView(rental, store) {
  const { tone, heading, lead } = rental.closed_reason
    ? closedWords(rental, storeWords(store))
    : stageWords(rental, storeWords(store));
  const refund = rental.refund_status === null ? null : refundWords(rental);
  return {
    tone,
    heading,
    lead,
    more: [refund && h("p", { class: "note", id: "refund" }, `${refund.title}. ${refund.text}`)],
    spoken: refund?.title,
    goOn: refund !== null && !isRefundOver(rental),
  };
}

/** @typedef {{tone: "wait"|"good"|"bad", heading: string, lead: string}} Words */

/**
 * @param {Rental} rental
 * @param {string} shop
 * @returns {Words}
 */
function stageWords(rental, shop) {
  const { fulfillment_status: stage, ready_by: ready, due_at: due, collect_by: limit } = rental;
  if (stage === "ready_for_pickup") {
    const until = limit ? ` until ${dayAndTime(limit)}` : "";
    return {
      tone: "good",
      heading: "Ready for you to pick up",
      lead: `It waits at ${shop}${until}. Bring your rental number and a valid ID.`,
    };
  }
  if (stage === "picked_up") {
    return rental.is_overdue
      ? {
          tone: "bad",
          heading: "Your rental is overdue",
          lead: `It was due by the end of ${lastDay(due)}. Please bring it back to ${shop} now, or call them if you cannot.`,
        }
      : {
          tone: "good",
          heading: `Yours until ${lastDay(due)}`,
          lead: `Please bring it back to ${shop} by the end of that day. You may bring it back earlier.`,
        };
  }
  if (stage === "returned") {
    return {
      tone: "good",
      heading: "It is back with us",
      lead: `You brought it back on ${day(rental.returned_at)}. Our staff look it over, and the rental is closed.`,
    };
  }
  return {
    tone: "good",
    heading: "Your rental is confirmed",
    lead: `It is paid, and on its way to ${shop}. ${readyAndDue(rental)}`,
  };
}

/**
 * The days of a rental that is not picked up yet, and the rule.
 * @param {Rental} rental
 */
export function readyAndDue({ ready_by: ready, due_at: due, duration }) {
  const begin = `The ${days(duration)} begin when you pick it up.`;
  if (!ready || !due) return begin;
  return `Ready by ${lastDay(ready)}; due back by the end of ${lastDay(due)} if you pick it up that day. ${begin}`;
}

const ASK = "About your payment, please call or visit the store with the rental number below.";

/**
 * @param {Rental} rental
 * @param {string} shop
 * @returns {Words}
 */
function closedWords(rental, shop) {
  const heading = closedTitle(rental);
  const ask = rental.refund_status === null ? ` ${ASK}` : "";
  switch (rental.closed_reason) {
    case "returned":
      return {
        tone: "good",
        heading,
        lead: `You brought it back on ${day(rental.returned_at)}, and we have looked it over. Thank you.`,
      };
    case "not_collected":
      return {
        tone: "bad",
        heading,
        lead: `It waited at ${shop} until ${dayAndTime(rental.closed_at)}, then we closed the rental.${ask}`,
      };
    case "cancelled":
      return {
        tone: "bad",
        heading,
        lead: `It was cancelled on ${day(rental.closed_at)}, before you picked it up.${ask}`,
      };
    default:
      return {
        tone: "bad",
        heading,
        lead: rental.picked_up_at
          ? `Our staff closed the rental on ${day(rental.closed_at)}: it did not come back.${ask}`
          : `It was lost before you could pick it up, so we closed the rental. We are sorry.${ask}`,
      };
  }
}

const CLOSED_TITLES = {
  returned: "Your rental is over",
  not_collected: "It was not picked up in time",
  cancelled: "This rental was cancelled",
  lost: "It was lost",
};

/** @param {Rental} rental */
export const closedTitle = (rental) => CLOSED_TITLES[rental.closed_reason];

/**
 * The same in one line, for the list.
 * @param {Rental} rental
 * @param {Store|undefined} store
 */
export function paidLine(rental, store) {
  const { fulfillment_status: stage, ready_by: ready, due_at: due } = rental;
  const shop = storeWords(store);
  if (stage === "closed") {
    return rental.refund_status === null ? closedTitle(rental) : refundWords(rental).title;
  }
  if (stage === "ready_for_pickup") return `Pick it up at ${shop}`;
  if (stage === "picked_up") return `Due back by the end of ${lastDay(due)}`;
  if (stage === "returned") return "Back with us";
  return ready ? `Ready at ${shop} by ${lastDay(ready)}` : `On its way to ${shop}`;
}
