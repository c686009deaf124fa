/** From a press on "Continue to payment" to PayMongo's page, or to a clear answer why not. */

import { checkout } from "../api.js";
import { $, fill, h } from "../dom.js";
import { noteRental, openRentals, readRental } from "../known-rentals.js";
import { isRentalId, rentalUrl, safePaymentUrl } from "../links.js";
import { attemptFor, currentAttempt, forgetAttempt, updateAttempt } from "../storage.js";
import { watch } from "../watch.js";
import { checkoutProblem, endedWords } from "../words.js";
import { checkForm, form, readForm, refuseMethod, showApiErrors } from "./fields.js";
import { requote } from "./price.js";

/** @typedef {import("../api.js").Rental} Rental */

const SLOW_MS = 8000;
const GIVE_UP_MS = 120_000;
const POLL = { first: 250, factor: 1.3, cap: 2000 };

const SENDING = 0;
const RESERVING = 1;
const PREPARING = 2;
const OPENING = 3;
const STAGES = [
  "Sending your request…",
  "Reserving one for you…",
  "Preparing payment…",
  "Opening PayMongo’s payment page…",
];

let busy = false;

/** @param {SubmitEvent} event */
export async function onSubmit(event) {
  event.preventDefault();
  if (busy) return;
  showProblem(null);
  if (!checkForm()) return;

  const body = readForm();
  setBusy(true);
  let leaving = false;
  try {
    if (await tellOfAnotherHold()) return;
    const { key } = attemptFor(body);
    updateAttempt({ unanswered: true });
    const answer = await checkout(body, key);
    if (!isRentalId(answer.rental_id)) throw new TypeError("answer without a rental");
    updateAttempt({ rental_id: answer.rental_id });
    noteRental(answer.rental_id, answer.access_key);
    const rental = await untilPayable(answer);
    updateAttempt({ unanswered: false });
    leaving = leave(rental, answer.rental_id);
  } catch (error) {
    explain(error);
  } finally {
    if (!leaving) setBusy(false);
  }
}

/** Rentals that the customer knows of: who presses again wants another one. */
const told = new Set();

/** @returns {Promise<boolean>} whether one was told of: made in another tab, or before */
async function tellOfAnotherHold() {
  const mine = currentAttempt()?.rental_id;
  const other = (await openRentals()).find(
    ({ rental_id, status }) => status === "pending" && rental_id !== mine && !told.has(rental_id),
  );
  if (!other) return false;
  told.add(other.rental_id);
  showProblem(
    `${other.collectible_name} is already on hold for you and not paid yet. Press “Continue to payment” again if you want this one as well.`,
    other.rental_id,
  );
  return true;
}

/**
 * Follows the rental until there is a payment page, or an ending.
 * @param {Rental} answer  How it stands now.
 * @returns {Promise<Rental|null>} null when it takes too long
 */
async function untilPayable(answer) {
  const started = performance.now();
  const waited = () => performance.now() - started;
  /** @type {Rental|null} */
  let next = answer;
  /** @type {Rental|null} */
  let found = null;
  await watch(
    async () => {
      const rental = next ?? (await readRental(answer.rental_id));
      next = null;
      return rental;
    },
    (rental) => {
      showStage(stageOf(rental), waited() > SLOW_MS);
      if (rental.status !== "pending" || safePaymentUrl(rental.payment_url)) found = rental;
      return found === null && waited() < GIVE_UP_MS;
    },
    () => waited() < GIVE_UP_MS,
    POLL,
  );
  return found;
}

/** @param {Rental} rental */
function stageOf(rental) {
  if (safePaymentUrl(rental.payment_url)) return OPENING;
  return rental.eta === null ? RESERVING : PREPARING;
}

/**
 * Goes where the rental is now.
 * @param {Rental|null} rental
 * @param {string} rentalId
 * @returns {boolean} whether the page is being left
 */
function leave(rental, rentalId) {
  if (rental === null) {
    showProblem(
      "This takes longer than usual. Your rental is not lost: follow it on its own page.",
      rentalId,
    );
    return false;
  }
  const paymentUrl = safePaymentUrl(rental.payment_url);
  if (paymentUrl) {
    window.location.assign(paymentUrl);
    return true;
  }
  forgetAttempt();
  if (rental.status === "completed") {
    window.location.assign(rentalUrl("success", rental.rental_id));
    return true;
  }
  showProblem(endedWords(rental));
  if (rental.reason === "payment_method_refused") refuseMethod(rental.payment_method);
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
  showProblem(text, currentAttempt()?.rental_id, error.code === "TOO_MANY_HOLDS");
  if (error.code === "PAYMENT_METHOD_REFUSED") refuseMethod(readForm().payment_method);
  if (answered) updateAttempt({ unanswered: false });
  if (over) {
    forgetAttempt();
    requote();
  }
}

/**
 * @param {string|null} text
 * @param {string|null} [rentalId]  The rental to offer a link to.
 * @param {boolean} [all]  Whether to offer the list of rentals.
 */
function showProblem(text, rentalId = null, all = false) {
  const panel = $("#checkout-problem");
  const href = isRentalId(rentalId) ? rentalUrl("rental", rentalId) : null;
  panel.hidden = text === null;
  fill(
    panel,
    text && h("p", {}, text),
    href && h("p", {}, h("a", { href }, "See your rental")),
    all && h("p", {}, h("a", { href: "/rentals.html" }, "See your rentals")),
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
  $("#submit").textContent = on ? "One moment…" : "Continue to payment";
  if (on) showStage(SENDING, false);
  else hideStage();
}

function hideStage() {
  delete $("#progress").dataset.stage;
  $("#progress-text").textContent = "";
}

/**
 * @param {number} stage
 * @param {boolean} slow
 */
function showStage(stage, slow) {
  $("#progress").dataset.stage = String(stage);
  const text = slow && stage < OPENING ? `${STAGES[stage]} Thank you for waiting.` : STAGES[stage];
  if ($("#progress-text").textContent !== text) $("#progress-text").textContent = text;
}
