/** From a press on "Continue to payment" to PayMongo's page, or to a clear answer why not. */

import { checkout, getRental } from "../api.js";
import { $, fill, h } from "../dom.js";
import { isRentalId, rentalUrl, safePaymentUrl } from "../links.js";
import {
  attemptFor,
  currentAttempt,
  forgetAttempt,
  latestRental,
  updateAttempt,
} from "../storage.js";
import { watch } from "../watch.js";
import { checkoutProblem, ending } from "../words.js";
import { checkForm, form, readForm, showApiErrors } from "./fields.js";
import { requote, showSubmitText } from "./price.js";

/** @typedef {import("../api.js").Rental} Rental */

/** A reservation takes about this long; after it the payment page is being prepared. */
const RESERVING_MS = 1500;
const SLOW_MS = 8000;
const GIVE_UP_MS = 120_000;

let busy = false;

/** @param {SubmitEvent} event */
export async function onSubmit(event) {
  event.preventDefault();
  if (busy) return;
  showProblem(null);
  if (!checkForm()) return;

  const body = readForm();
  const { key } = attemptFor(body);
  updateAttempt({ unanswered: true });
  setBusy(true);
  const stopProgress = showProgress();
  let leaving = false;
  try {
    const answer = await checkout(body, key);
    if (!isRentalId(answer.rental_id)) throw new TypeError("answer without a rental");
    latestRental.set(answer.rental_id);
    updateAttempt({ rental_id: answer.rental_id });
    const ready = safePaymentUrl(answer.payment_url);
    const rental = ready ? answer : await untilPayable(answer.rental_id);
    updateAttempt({ unanswered: false });
    leaving = leave(rental);
  } catch (error) {
    explain(error);
  } finally {
    stopProgress();
    if (!leaving) setBusy(false);
  }
}

/**
 * Waits until there is a payment page, or an ending.
 * @param {string} rentalId
 * @returns {Promise<Rental|null>} null when it takes too long
 */
async function untilPayable(rentalId) {
  const started = performance.now();
  const inTime = () => performance.now() - started < GIVE_UP_MS;
  /** @type {Rental|null} */
  let found = null;
  await watch(
    () => getRental(rentalId),
    (rental) => {
      if (rental.eta !== null) setProgress("Preparing payment…");
      if (rental.status !== "pending" || safePaymentUrl(rental.payment_url)) found = rental;
      return found === null && inTime();
    },
    inTime,
    { first: 500, cap: 4000 },
  );
  return found;
}

/**
 * Goes where the rental is now.
 * @param {Partial<Rental>|null} rental
 * @returns {boolean} whether the page is being left
 */
function leave(rental) {
  if (rental === null) {
    showProblem(
      "This takes longer than usual. Your rental is not lost: follow it on its own page.",
      latestRental.get(),
    );
    return false;
  }
  const paymentUrl = safePaymentUrl(rental.payment_url);
  if (paymentUrl) {
    setProgress("Opening PayMongo’s payment page…");
    window.location.assign(paymentUrl);
    return true;
  }
  forgetAttempt();
  if (rental.status === "completed") {
    window.location.assign(rentalUrl("success", rental.rental_id));
    return true;
  }
  const { title, text } = ending(/** @type {Rental} */ (rental));
  showProblem(`${title}. ${text} You have not paid anything.`);
  requote();
  return false;
}

/** @param {any} error */
function explain(error) {
  if (error.code === "VALIDATION_ERROR" && error.errors.length > 0) {
    updateAttempt({ unanswered: false });
    showApiErrors(error.errors);
    return;
  }
  const { text, over, answered } = checkoutProblem(error);
  const other = error.code === "TOO_MANY_HOLDS" ? latestRental.get() : null;
  showProblem(text, currentAttempt()?.rental_id ?? other);
  if (answered) updateAttempt({ unanswered: false });
  if (over) {
    forgetAttempt();
    requote();
  }
}

/**
 * @param {string|null} text
 * @param {string|null} [rentalId]  The rental to offer a link to.
 */
function showProblem(text, rentalId = null) {
  const panel = $("#checkout-problem");
  panel.hidden = text === null;
  fill(
    panel,
    text && h("p", {}, text),
    isRentalId(rentalId) &&
      h("p", {}, h("a", { href: rentalUrl("rental", rentalId) }, "See your rental")),
  );
  if (text) panel.focus();
}

/** @param {boolean} on */
export function setBusy(on) {
  busy = on;
  if (on) $("#notice").hidden = true;
  form.setAttribute("aria-busy", String(on));
  // Not `disabled`: that would throw the focus away.
  $("#submit").setAttribute("aria-disabled", String(on));
  $("#submit").classList.toggle("is-busy", on);
  setProgress("");
  if (on) $("#submit").textContent = "One moment…";
  else showSubmitText();
}

/** @param {string} text */
function setProgress(text) {
  $("#progress").textContent = text;
}

/** @returns {() => void} stops it */
function showProgress() {
  setProgress("Reserving a unit…");
  const timers = [
    setTimeout(() => setProgress("Preparing payment…"), RESERVING_MS),
    setTimeout(() => setProgress("Still working. Thank you for waiting…"), SLOW_MS),
  ];
  return () => timers.forEach(clearTimeout);
}
