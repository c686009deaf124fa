/** What the desk says: stages, what may be done, and what customers are told. */

import { day, days } from "../format.js";
import { rentalUrl } from "../links.js";

/**
 * @typedef {"awaiting_arrival"|"ready_for_pickup"|"picked_up"|"returned"|"closed"} Stage
 * @typedef {"arrived"|"picked_up"|"returned"|"inspected"|"lost"|"found"|"cancelled"} Action
 */

/** @type {Record<Stage, string>} */
export const STAGES = {
  awaiting_arrival: "On its way to the store",
  ready_for_pickup: "Ready for pick-up",
  picked_up: "With the customer",
  returned: "To be inspected",
  closed: "Over",
};

/** @type {Record<string, string>} */
const ENDINGS = {
  returned: "Back on the shelf",
  not_collected: "Never picked up",
  cancelled: "Cancelled",
  lost: "Lost",
};

/** @param {import("./api.js").Line} rental */
export function stageWords(rental) {
  if (rental.closed_reason) return ENDINGS[rental.closed_reason];
  if (rental.is_overdue) return "Late";
  return STAGES[rental.fulfillment_status] ?? "Not paid";
}

/**
 * `button` is what one does, `done` what was done; `question` is asked before what cannot be taken
 * back, or needs to be said.
 * @type {Record<Action, {button: string, done: string, question?: string}>}
 */
export const ACTIONS = {
  arrived: { button: "It has arrived", done: "Arrived at the store" },
  picked_up: {
    button: "Hand it over",
    done: "Handed over to the customer",
    question: "Hand it over?",
  },
  returned: { button: "Take it back", done: "Taken back from the customer" },
  inspected: {
    button: "Inspect it",
    done: "Inspected",
    question: "How did it come back?",
  },
  lost: { button: "It is lost", done: "Declared lost", question: "Declare it lost?" },
  found: { button: "It was found", done: "Found again", question: "Is it here?" },
  cancelled: { button: "Cancel the rental", done: "Cancelled", question: "Cancel this rental?" },
};

/** @typedef {"charge"|"paid"|"waive"|"refund"|"given"} MoneyAction */

/**
 * The same of money; `isKeyed` is what would be done twice if it was sent twice.
 * @type {Record<MoneyAction, {button: string, done: string, question: string, isKeyed?: boolean}>}
 */
export const MONEY = {
  charge: {
    button: "Charge for damage",
    done: "Charged for damage",
    question: "What does the customer owe?",
    isKeyed: true,
  },
  paid: { button: "Paid here", done: "Paid at the counter", question: "Paid at the counter?" },
  waive: { button: "Waive it", done: "Waived", question: "Waive this charge?" },
  refund: {
    button: "Give a part back",
    done: "On its way back",
    question: "How much goes back?",
    isKeyed: true,
  },
  given: {
    button: "Handed out here",
    done: "Handed out at the counter",
    question: "Handed out at the counter?",
  },
};

export const CHARGES = {
  kind: { extension: "More days", late: "Late", damage: "Damage", loss: "Loss" },
  status: {
    open: "To be paid",
    paying: "To be paid: a payment page is open",
    paid: "Paid",
    waived: "Waived",
    expired: "Not paid in time: it does not count",
  },
};

export const REFUNDS = {
  ordered: "Sent to PayMongo soon",
  pending: "PayMongo has it",
  processing: "PayMongo has it",
  succeeded: "It went back",
  failed: "PayMongo could not give it back",
  at_counter: "Handed out at the counter",
  at_counter_soon: "To be handed out at the counter",
};

export const CONDITIONS = {
  fine: "Fine, as it went out",
  damaged: "Damaged",
  incomplete: "Incomplete: something is missing",
};

/**
 * When something happens next.
 * @param {import("./api.js").Line} rental
 */
export function whenWords(rental) {
  switch (rental.fulfillment_status) {
    case "awaiting_arrival":
      return `Ready by ${day(rental.ready_by)}`;
    case "ready_for_pickup":
      return `Here since ${day(rental.arrived_at)}`;
    case "picked_up":
      return `${rental.is_overdue ? "Was due" : "Due"} ${day(rental.due_at)}`;
    case "returned":
      return `Back since ${day(rental.returned_at)}`;
    default:
      return "";
  }
}

/**
 * A message to the customer, ready to send.
 * @param {import("./api.js").Details} rental
 * @param {string} store  The store's name.
 */
export function message(rental, store) {
  const [firstName] = rental.customer.name.split(" ");
  const link = new URL(rentalUrl("rental", rental.rental_id), window.location.origin).href;
  const text = {
    awaiting_arrival: `your ${rental.collectible_name} is on its way to our ${store} store. It is ready by ${day(rental.ready_by)}.`,
    ready_for_pickup: `your ${rental.collectible_name} is ready at our ${store} store. Please bring an ID. Your ${days(rental.duration)} begin when you pick it up.`,
    picked_up: rental.is_overdue
      ? `your ${rental.collectible_name} was due back on ${day(rental.due_at)}. Please bring it to our ${store} store.`
      : `your ${rental.collectible_name} is due back at our ${store} store by ${day(rental.due_at)}.`,
    returned: `we have your ${rental.collectible_name} back. Thank you!`,
  }[rental.fulfillment_status];
  return text && `Hi ${firstName}, ${text} Rental ${rental.number}: ${link}`;
}
