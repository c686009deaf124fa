/**
 * The API's rules for a checkout (functions/api/requests.py), so that mistakes are said while
 * typing. tests/system/browser/test_validation.py holds both together.
 */

export const MAX_DURATION = 365;
/** Fewer days than this cost twice the daily rate. */
export const SPECIAL_RATE_BELOW_DAYS = 7;

/**
 * Text as it is sent: trimmed, and with plain spaces only, because pasted names often bring others.
 * @param {string} text
 */
export const cleanText = (text) =>
  text.replace(/\p{Zs}/gu, " ").replace(/^[\s\x85]+|[\s\x85]+$/g, "");

/**
 * A whole number of days, or null.
 * @param {string} text
 */
export function parseDuration(text) {
  if (!/^\d{1,3}$/.test(text.trim())) return null;
  const duration = Number(text);
  return duration >= 1 && duration <= MAX_DURATION ? duration : null;
}

/**
 * @param {string} what
 * @param {number} longest
 */
const textRule = (what, longest) => (/** @type {string} */ value) => {
  if (!value) return `Enter ${what}.`;
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(value)) return "Remove the characters that cannot be seen.";
  return [...value].length > longest ? `Use at most ${longest} characters.` : null;
};

const ATOM = "[\\p{L}\\p{N}_!#$%&'*+/=?^`{|}~-]+";
const LABEL = "[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}])?";
const EMAIL = new RegExp(`^(${ATOM}(?:\\.${ATOM})*)@(?:${LABEL}\\.)+(${LABEL})$`, "u");

/** @param {string} value */
function isEmail(value) {
  const [, mailbox, last] = EMAIL.exec(value) ?? [];
  const length = (/** @type {string} */ text) => [...text].length;
  return (
    mailbox !== undefined &&
    length(mailbox) <= 64 &&
    length(last) >= 2 &&
    !/^\p{Nd}+$/u.test(last) &&
    length(value) <= 254
  );
}

/** By the API's field name: the message for a wrong value, or null. */
const RULES = {
  store_id: (value) => (value ? null : "Choose a store."),
  duration: (value) =>
    parseDuration(value) === null
      ? `Enter a whole number of days from 1 to ${MAX_DURATION}.`
      : null,
  payment_method: (value) => (value ? null : "Choose how to pay."),
  "customer.name": textRule("your full name", 100),
  "customer.email": (value) => {
    if (!value) return "Enter your email address.";
    return isEmail(value) ? null : "Enter an email address like name@example.com.";
  },
  "customer.phone": (value) => {
    if (!value) return "Enter your phone number.";
    const digits = value.replace(/\D/g, "").length;
    return /^[0-9 +()-]{7,20}$/.test(value) && digits >= 7
      ? null
      : "Enter a phone number like 0917 123 4567.";
  },
  "customer.address": textRule("your street address", 200),
  "customer.city": textRule("your city or municipality", 100),
  "customer.postal_code": (value) =>
    /^\d{4}$/.test(value) ? null : "Enter the 4 digits of your postal code.",
};

export const FIELDS = Object.keys(RULES);

/**
 * @param {string} field
 * @param {string} value
 * @returns {string|null}
 */
export function problemWith(field, value) {
  return RULES[field](cleanText(value));
}
