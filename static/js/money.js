/** What a rental's page says of its money: paid, kept and why, given back, still to pay. */

import { h } from "./dom.js";
import { day, days, lastDay, pesos } from "./format.js";

/** @typedef {import("./api.js").Rental} Rental */
/** @typedef {import("./api.js").Charge} Charge */
/** @typedef {import("./api.js").Refund} Refund */

/** @param {Charge} charge */
export const isPayable = ({ status }) => status === "open" || status === "paying";

/** @param {Charge} charge */
export function chargeName({ kind, days: added }) {
  if (kind === "extension") return `${days(added ?? 0)} more`;
  return { late: "Late return", damage: "Damage", loss: "Loss" }[kind];
}

/** @param {Rental} rental */
const isCounterDepositTaken = ({ counter_deposit, deposit_held, deposit_kept, refunds }) =>
  counter_deposit > 0 &&
  (deposit_held + deposit_kept > 0 || refunds.some(({ purpose }) => purpose === "deposit"));

/**
 * The deposit that is to be brought to the store, in pesos.
 * @param {Rental} rental
 */
export const depositToBring = (rental) =>
  ["awaiting_arrival", "ready_for_pickup"].includes(rental.fulfillment_status ?? "") &&
  !isCounterDepositTaken(rental)
    ? rental.counter_deposit
    : 0;

/**
 * All that was paid for a rental, at PayMongo or at the counter, in pesos.
 * @param {Rental} rental
 */
export function paidSum(rental) {
  const charges = rental.charges.filter(({ status }) => status === "paid");
  const later = charges.reduce((sum, each) => sum + each.amount - each.from_deposit, 0);
  const atCounter = isCounterDepositTaken(rental) ? rental.counter_deposit : 0;
  return (rental.amount_due ?? 0) + atCounter + later;
}

/**
 * What is kept of it for good, in pesos; null while that is open or not known in full.
 * @param {Rental} rental
 */
function keptSum(rental) {
  const { closed_reason, refund_status, refunds } = rental;
  const isKnown = refund_status === null || (refund_status === "succeeded" && refunds.length > 0);
  if (!closed_reason || !isKnown) return null;
  const back = refunds
    .filter(({ status, purpose }) => status !== "failed" && purpose !== "second_payment")
    .reduce((sum, { amount }) => sum + amount, 0);
  return Math.max(0, paidSum(rental) - back - rental.deposit_held);
}

/** @param {Rental} rental */
function keptWhy({ closed_reason, charges }) {
  const why = {
    cancelled: "What does not go back when a rental is cancelled so late",
    not_collected: "What does not go back when a rental is not picked up in time",
  }[closed_reason ?? ""];
  if (why) return why;
  const paid = charges.filter(({ status, from_deposit }) => status === "paid" || from_deposit > 0);
  return ["Rent", ...paid.map((each) => chargeName(each).toLowerCase())].join(", ");
}

const REFUND_WHY = {
  deposit: "Your deposit, less what it paid",
  cancelled: "Because you cancelled",
  not_collected: "Because it was not picked up",
  shop_fault: "Because we could not go ahead",
  found: "Because it was found again",
  goodwill: "By our staff",
  second_payment: "A payment that came twice or too late",
};

/**
 * @param {Rental} rental
 * @param {Refund} refund
 */
function refundNotes(rental, { amount, purpose, reason, status, at }) {
  const deposit = rental.deposit || rental.counter_deposit;
  const why =
    purpose === "deposit" && amount === deposit ? "Your deposit" : REFUND_WHY[purpose ?? ""];
  const byStaff = rental.status === "completed" ? REFUND_WHY.goodwill : null;
  const on = at ? ` on ${day(at)}` : "";
  const how =
    {
      succeeded: `Sent back${on}`,
      failed: "Could not be sent back yet: please call or visit your store",
      at_counter: `Paid back at the counter${on}`,
      at_counter_soon: "Waits for you at the counter",
    }[status] ?? "On its way to the account you paid from";
  return [reason || why || byStaff, how].filter(Boolean).join(" · ");
}

/**
 * Empty for a rental that nothing was paid for.
 * @param {Rental} rental
 */
export function money(rental) {
  const isPaid = rental.status === "completed";
  if (!isPaid && rental.refunds.length === 0) return null;
  return h(
    "section",
    { class: "money", "aria-labelledby": "money-title" },
    h("h2", { id: "money-title" }, "Your money"),
    h(
      "dl",
      { class: "facts", id: "money" },
      ...(isPaid ? paidLines(rental) : []),
      ...chargeLines(rental),
      ...rental.refunds.map((each) =>
        line(
          each.status === "failed" ? "To give back" : "Given back",
          each.amount,
          refundNotes(rental, each),
        ),
      ),
      isPaid && keptLine(rental),
      rental.outstanding > 0 && line("Still to pay", rental.outstanding, "", "total"),
    ),
  );
}

/** @param {Rental} rental */
function paidLines(rental) {
  const { deposit, counter_deposit: atCounter, daily_rate: rate } = rental;
  const charges = rental.charges.filter(({ status }) => status === "paid");
  const added = charges.filter(({ kind }) => kind === "extension");
  const first = added.reduce((left, each) => left - (each.days ?? 0), rental.duration);
  const toBring = depositToBring(rental);
  const held = rental.deposit_held > 0 ? "Goes back once it is back and looked over" : "";
  return [
    line("Rent", rental.total_fee ?? 0, rate === null ? "" : `${days(first)} × ${pesos(rate)}`),
    deposit > 0 && line("Deposit", deposit, held),
    isCounterDepositTaken(rental) && line("Deposit at the counter", atCounter, held),
    ...charges
      .filter(({ amount, from_deposit: covered }) => amount > covered)
      .map((each) => line(chargeName(each), each.amount - each.from_deposit, whyOf(each))),
    line("Paid", paidSum(rental), "", "total"),
    toBring > 0 && line("Deposit to bring", toBring, "To the store, when you pick it up"),
  ];
}

/**
 * What was charged and not paid: the deposit did, or nobody has to.
 * @param {Rental} rental
 */
const chargeLines = ({ charges }) =>
  charges.flatMap((each) => [
    each.from_deposit > 0 &&
      line(`${chargeName(each)}, from your deposit`, each.from_deposit, whyOf(each)),
    each.status === "waived" && line(`${chargeName(each)}, waived`, each.amount, whyOf(each)),
  ]);

/** @param {Charge} charge */
const whyOf = ({ kind, reason }) => (kind === "extension" ? "" : reason);

/** @param {Rental} rental */
function keptLine(rental) {
  const kept = keptSum(rental);
  if (kept === null || (rental.refunds.length === 0 && rental.closed_reason === "returned"))
    return null;
  return line("We keep", kept, kept > 0 ? keptWhy(rental) : "", "total");
}

/**
 * @param {string} term
 * @param {number} amount  Pesos.
 * @param {string} notes
 * @param {string|null} [kind]
 */
function line(term, amount, notes, kind = null) {
  return h(
    "div",
    { class: kind },
    h("dt", {}, term, notes && h("small", {}, notes)),
    h("dd", {}, pesos(amount)),
  );
}

/**
 * What late days cost, before there are any and once there are; null when there is nothing to say.
 * @param {Rental} rental
 */
export function lateFeeWords(rental) {
  const { fulfillment_status: stage, late_fee_per_day: daily, late_fee_now: now } = rental;
  if (!["picked_up", "returned"].includes(stage ?? "") || !daily) return null;
  if (stage === "returned" && !now) return null;
  const rule = `${pesos(daily)} for each day that has begun after the due date`;
  if (stage === "picked_up" && !rental.is_overdue)
    return `Bringing it back after ${lastDay(rental.due_at ?? "")} costs a late fee: ${rule}.`;
  const sum = now > 0 ? `Late fee until now: ${pesos(now)}` : "No late fee yet";
  const deposit = rental.deposit_held > 0 ? " Your deposit pays it first." : "";
  return `${sum}. It is ${rule}.${deposit}`;
}
