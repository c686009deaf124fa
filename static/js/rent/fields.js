/** The rental form's fields: their values, their draft, their errors. */

import { $, fill, h } from "../dom.js";
import { wishFromUrl } from "../links.js";
import { draft, savedDetails } from "../storage.js";
import { cleanText, FIELDS, parseDuration, problemWith } from "../validation.js";
import { METHODS, methodName } from "../words.js";

export const form = $("#rent-form");

fill($("#methods"), ...METHODS.map(methodRadio));

const CUSTOMER = "customer.";

/** What the address asked for when the page was opened. */
export const wish = wishFromUrl();

/** @param {{id: string, name: string, kind: string}} method */
function methodRadio({ id, name, kind }) {
  return h(
    "label",
    { class: "method" },
    h("input", {
      id: `payment_method-${id}`,
      type: "radio",
      name: "payment_method",
      value: id,
      "aria-describedby": "payment_method-error",
    }),
    h("span", { class: "method-name" }, name),
    h("span", { class: "method-kind" }, kind),
  );
}

/** Fills the form from the address, this tab's draft, and what the customer asked to remember. */
export function restoreDraft() {
  const saved = draft.get() ?? {};
  const details = savedDetails.get();
  form.elements.remember.checked = details !== null;
  const duration = wish.duration ?? saved.duration;
  if (duration != null) form.elements.duration.value = duration;
  if (saved.payment_method) form.elements.payment_method.value = saved.payment_method;
  for (const [field, value] of Object.entries({ ...details, ...saved.customer })) {
    const input = form.elements[`customer.${field}`];
    if (input) input.value = value;
  }
}

export function saveDraft() {
  const { payment_method, customer } = readForm();
  draft.set({ duration: form.elements.duration.value, payment_method, customer });
  if (form.elements.remember.checked) savedDetails.set(customer);
  else savedDetails.clear();
}

/** The request body as the form stands. */
export function readForm() {
  const value = (/** @type {string} */ field) => cleanText(form.elements[field].value);
  return {
    collectible_id: wish.collectibleId,
    store_id: value("store_id"),
    duration: parseDuration(value("duration")),
    payment_method: value("payment_method"),
    customer: Object.fromEntries(
      FIELDS.filter((field) => field.startsWith(CUSTOMER)).map((field) => [
        field.slice(CUSTOMER.length),
        value(field),
      ]),
    ),
  };
}

const idOf = (/** @type {string} */ field) => field.replace(".", "-");

/**
 * @param {string} field
 * @param {string|null} message
 */
export function showFieldError(field, message) {
  const note = document.getElementById(`${idOf(field)}-error`);
  note.textContent = message ?? "";
  note.hidden = message === null;
  const control = form.elements[field];
  const inputs = control instanceof RadioNodeList ? [...control] : [control];
  for (const input of inputs) {
    if (message === null) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
  }
}

/** @param {string} field */
export function checkField(field) {
  const message = problemWith(field, form.elements[field].value);
  showFieldError(field, message);
  return message;
}

/**
 * PayMongo does not take this one: the others are left to choose from.
 * @param {string} method
 */
export function refuseMethod(method) {
  const input = document.getElementById(`payment_method-${method}`);
  input.checked = false;
  input.disabled = true;
  saveDraft();
  showFieldError(
    "payment_method",
    `PayMongo refused ${methodName(method)}. Please choose another way to pay.`,
  );
}

/** Checks everything and shows what is wrong. @returns {boolean} whether all is right */
export function checkForm() {
  const problems = FIELDS.flatMap((field) => {
    const message = checkField(field);
    return message ? [[field, message]] : [];
  });
  showErrorSummary(problems);
  return problems.length === 0;
}

/** @param {string[][]} problems  Field and message. */
function showErrorSummary(problems) {
  const summary = $("#error-summary");
  summary.hidden = problems.length === 0;
  if (problems.length === 0) return;
  const links = problems.map(([field, message]) => {
    const target = FIELDS.includes(field) ? targetOf(field) : null;
    return h(
      "li",
      {},
      target ? h("a", { href: `#${target.id}`, click: focusTarget }, message) : message,
    );
  });
  fill($("#error-list"), ...links);
  summary.focus();
}

/** @param {string} field */
function targetOf(field) {
  const control = form.elements[field];
  return control instanceof RadioNodeList ? control[0] : control;
}

/** @param {Event & {currentTarget: Element}} event */
function focusTarget(event) {
  event.preventDefault();
  const id = event.currentTarget.getAttribute("href").slice(1);
  document.getElementById(id).focus();
}

/** @param {string} field */
function labelOf(field) {
  const id = CSS.escape(idOf(field));
  return $(`label[for="${id}"]`)?.textContent ?? field.replace("_", " ");
}

/** @param {import("../api.js").FieldError[]} errors  As the API reports them. */
export function showApiErrors(errors) {
  const problems = errors.map(({ field, message }) => [field, `${labelOf(field)}: ${message}`]);
  for (const [field, message] of problems) {
    if (FIELDS.includes(field)) showFieldError(field, message);
  }
  showErrorSummary(problems);
}
