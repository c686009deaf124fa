/** What pages say of a paid rental: where the unit is, what to do next, how it ended. */

import { cancelPaid } from "./cancel-paid.js";
import { chargesToPay } from "./charges.js";
import { h } from "./dom.js";
import { extensionPanel } from "./extension.js";
import { day, dayAndTime, days, lastDay, pesos } from "./format.js";
import { depositToBring, lateFeeWords } from "./money.js";
import { closedTitle, isRefundOver, refundWords, storeWords } from "./words.js";

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
  const lateFee = lateFeeWords(rental);
  const isGoingBack = rental.refunds.some(({ status }) => UNDER_WAY.includes(status));
  return {
    tone,
    heading,
    lead,
    more: [
      refund && h("p", { class: "note", id: "refund" }, `${refund.title}. ${refund.text}`),
      lateFee &&
        h(
          "p",
          { class: rental.is_overdue ? "note note-warning" : "note", id: "late-fee" },
          lateFee,
        ),
      ...chargesToPay(rental),
      extensionPanel(rental),
    ],
    after: cancelPaid(rental),
    spoken: refund?.title,
    goOn: isGoingBack || (refund !== null && !isRefundOver(rental)),
  };
}

const UNDER_WAY = ["ordered", "pending", "processing"];

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
      lead: `It waits at ${shop}${until}. Bring your rental number and a valid ID.${bringWords(rental)}`,
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
    lead: `It is paid, and on its way to ${shop}. ${readyAndDue(rental)}${bringWords(rental)}`,
  };
}

/**
 * The deposit that is taken at the counter; it follows another sentence.
 * @param {Rental} rental
 */
export function bringWords(rental) {
  const deposit = depositToBring(rental);
  return deposit ? ` Bring a deposit of ${pesos(deposit)} as well.` : "";
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
  const { refund_status, refunds, charges } = rental;
  const isTold = refund_status !== null || refunds.length > 0 || charges.length > 0;
  const ask = isTold ? "" : ` ${ASK}`;
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
