/** What the site says about rentals and failures, in the customer's words. */

import { days, lastDay, pesos } from "./format.js";

/** @typedef {import("./api.js").Rental} Rental */
/** @typedef {import("./api.js").ApiError} ApiError */

/** How to pay, in the order of the form. Names only: marks are their owners'. */
export const METHODS = [
  { id: "card", name: "Card", kind: "Visa, Mastercard" },
  { id: "gcash", name: "GCash", kind: "E-wallet" },
  { id: "grabpay", name: "GrabPay", kind: "E-wallet" },
  { id: "maya", name: "Maya", kind: "E-wallet" },
  { id: "bpi", name: "BPI", kind: "Online banking" },
  { id: "ubp", name: "UnionBank", kind: "Online banking" },
  { id: "qrph", name: "QR Ph", kind: "Any bank or wallet" },
];

/** @param {string} method */
export const methodName = (method) => METHODS.find(({ id }) => id === method)?.name ?? method;

/**
 * When a unit of what is sold out can be had again.
 * @param {string|null} expected
 */
export const backWords = (expected) =>
  expected ? `Expected back by ${lastDay(expected)}` : "Check back soon";

/** @param {number} stock */
export function stockWords(stock) {
  if (stock <= 0) return "Sold out";
  if (stock === 1) return "Last one";
  if (stock <= 3) return `Only ${stock} left`;
  return stock >= 100 ? "100+ available" : `${stock} available`;
}

/** @param {Rental} rental */
export const isRefundOver = (rental) =>
  ["succeeded", "settled_outside", "failed"].includes(rental.refund_status ?? "");

/**
 * Of a rental that is not completed: what it was paid goes back.
 * @param {Rental} rental
 */
export const isRefund = (rental) => rental.status === "refunded" || rental.refund_status !== null;

/** @param {import("./api.js").Store|undefined} store */
export const storeWords = (store) => (store ? `the ${store.name} store` : "your store");

const ENDINGS = {
  no_unit: {
    title: "No unit was left",
    text: "Someone else took the last one before we could set it aside for you.",
  },
  declined: {
    title: "The payment was declined",
    text: "Your bank or wallet said no too many times, so we ended this rental.",
  },
  cancelled_by_customer: {
    title: "You cancelled this rental",
    text: "Nothing else is needed from you.",
  },
  hold_expired: {
    title: "The time to pay ran out",
    text: "We keep a unit for a limited time only, so that others can rent it too.",
  },
  payment_setup_failed: {
    title: "The payment page could not be opened",
    text: "Our payment partner did not answer. This is not your fault; please try again in a minute.",
  },
  payment_method_refused: {
    title: "PayMongo refused this way to pay",
    text: "It cannot be used for this rental just now. Please choose another way to pay.",
  },
  stopped: {
    title: "Our staff stopped this rental",
    text: "This happens when we find a problem with a unit or an order.",
  },
  error: {
    title: "Something went wrong on our side",
    text: "We could not finish this rental.",
  },
};

const CLOSED_TITLES = {
  returned: "Your rental is over",
  not_collected: "It was not picked up in time",
  cancelled: "This rental was cancelled",
  lost: "It was lost",
};

/** @param {Rental} rental */
export const closedTitle = (rental) => CLOSED_TITLES[rental.closed_reason];

const REASON_OF_STATUS = {
  rejected: "no_unit",
  cancelled: "cancelled_by_customer",
  expired: "hold_expired",
};

/**
 * Why a rental ended without being paid.
 * @param {Rental} rental
 * @returns {{title: string, text: string, unit: string, money: string}}
 */
export function ending(rental) {
  const { title, text } =
    ENDINGS[rental.reason] ?? ENDINGS[REASON_OF_STATUS[rental.status]] ?? ENDINGS.error;
  const unit =
    rental.status === "rejected"
      ? "No unit was set aside."
      : "The unit we kept for you is back on the shelf.";
  const money =
    "You have not paid for this rental. Should any money still reach us, it goes back to you " +
    "in full.";
  return { title, text, unit, money };
}

/**
 * The same in one breath, for the form.
 * @param {Rental} rental
 */
export function endedWords(rental) {
  const { title, text } = ending(rental);
  return `${title}. ${text} You have not paid anything.`;
}

/**
 * The sum of a rental's refunds that stand so, or what it was paid when none of them is known.
 * @param {Rental} rental
 * @param {string[]} statuses
 */
function refundSum({ refunds }, statuses) {
  const sum = refunds
    .filter(({ status, purpose }) => statuses.includes(status) && purpose !== "second_payment")
    .reduce((total, { amount }) => total + amount, 0);
  return sum ? pesos(sum) : "What you paid";
}

/**
 * @param {Rental} rental
 * @returns {{title: string, text: string}}
 */
export function refundWords(rental) {
  if (rental.refund_status === "succeeded") {
    return {
      title: "Your money was returned",
      text: `${refundSum(rental, ["succeeded"])} was sent back to the account you paid from. Banks can take a few days to show it.`,
    };
  }
  if (rental.refund_status === "settled_outside") {
    return {
      title: "Your money was returned",
      text: `What you paid was paid back to you by our staff. If it has not reached you, please call or visit your store with the rental number below.`,
    };
  }
  if (rental.refund_status === "failed") {
    return {
      title: "Your refund needs our help",
      text: `${refundSum(rental, ["failed"])} could not be sent back automatically, so our staff must finish it by hand. Please call or visit your store with the rental number below.`,
    };
  }
  return {
    title: "Your money is on its way back",
    text: `${refundSum(rental, ["ordered", "pending", "processing"])} is going back to the account you paid from. This can take a few days.`,
  };
}

/** @param {number} count */
export const declinedWords = (count) =>
  `Your payment was declined ${count === 1 ? "once" : `${count} times`}`;

/** @param {Rental} rental */
export function attemptsWords(rental) {
  const { declined_attempts: declined, max_payment_attempts: most } = rental;
  if (declined === 0) return null;
  const left = Math.max(0, most - declined);
  const tries = left === 1 ? "1 try" : `${left} tries`;
  return `${declinedWords(declined)}. You have ${tries} left. Try again, or use another card or account.`;
}

/**
 * Why reading from the API failed.
 * @param {ApiError} error
 */
export function troubleWords(error) {
  if (error.code === "NETWORK") return "You seem to be offline, or our site cannot be reached.";
  if (error.code === "TIMEOUT") return "Our site is taking too long to answer.";
  if (error.status === 429) return "Our site is very busy just now.";
  return "Something is not working on our side.";
}

/**
 * Why a mail that was asked for is not sent.
 * @param {ApiError} error
 */
export function mailTroubleWords(error) {
  if (error.code === "TOO_MANY_REQUESTS") {
    return "Many mails were asked for from your network. Please try again in an hour.";
  }
  return error.code === "NOT_POSSIBLE_NOW"
    ? "Our site cannot send mails just now. Please call the store."
    : troubleWords(error);
}

/**
 * The special-rate rule, for this many days.
 * @param {number} duration  In days.
 * @param {{daily_rate: number, special_daily_rate: number}} rates  In pesos.
 * @param {number} below  The special rate is for fewer days than this.
 */
export function rateWords(duration, rates, below) {
  const { daily_rate: standard, special_daily_rate: special } = rates;
  return duration < below
    ? `Special rate: ${days(duration)} is fewer than ${below}, so each day costs twice the daily rate, ${pesos(special)} instead of ${pesos(standard)}.`
    : `Daily rate: from ${days(below)} on, each day costs ${pesos(standard)}. Fewer than ${days(below)} would be the special rate, ${pesos(special)} a day.`;
}

/**
 * Where the deposit is paid.
 * @param {string} method  May be empty.
 * @param {boolean} isOnline
 */
export function depositWords(method, isOnline) {
  if (!method) return "With the rent or at the store: that depends on how you pay";
  return isOnline
    ? "Paid now, given back once it is back and looked over"
    : `Not paid now: bring it to the store. ${methodName(method)} may not give it back in time`;
}

const CHECKOUT_PROBLEMS = {
  NO_UNIT_AVAILABLE: {
    text: "No unit was left. Someone else took the last one before we could set it aside for you. You have not paid anything.",
    over: true,
  },
  RENTAL_ENDED: {
    text: "Your earlier try has already ended. Please press “Continue to payment” again to start a new one.",
    over: true,
  },
  PAYMENT_PROVIDER_UNAVAILABLE: {
    text: "The payment page could not be opened. Our payment partner did not answer. You have not paid anything. Please try again in a minute.",
    over: true,
  },
  PAYMENT_METHOD_REFUSED: {
    text: "PayMongo refused this way to pay. You have not paid anything. Please choose another way to pay.",
    over: true,
  },
  IDEMPOTENCY_KEY_REUSED: {
    text: "Your details changed while we were working. Please check them and press “Continue to payment” again.",
    over: true,
  },
  TOO_MANY_HOLDS: {
    text: "Several rentals from your network are waiting for payment. Pay or cancel yours, or try again in a few minutes.",
  },
  COLLECTIBLE_NOT_FOUND: { text: "This collectible is no longer in our collection." },
  STORE_NOT_FOUND: { text: "This store is no longer open for rentals. Please choose another one." },
};

/**
 * Why a checkout did not lead to a payment page.
 * @param {ApiError} error
 * @returns {{text: string, over: boolean, answered: boolean}}  `over`: its rental has ended, a
 *   new try needs a new key. `answered`: it is known that nothing is under way.
 */
export function checkoutProblem(error) {
  const known = CHECKOUT_PROBLEMS[error.code];
  if (known) return { over: false, answered: true, ...known };
  if (error.status >= 400 && error.status < 500 && error.status !== 429) {
    return {
      text: "We could not accept this request. Please check your details and try again.",
      over: false,
      answered: true,
    };
  }
  return {
    text: `${troubleWords(error)} Please try again: we pick up where you left off, and nothing is reserved or charged twice.`,
    over: false,
    answered: error.status === 429,
  };
}
