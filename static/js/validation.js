/**
 * The API's rules for a checkout (functions/api/bodies.py), so that mistakes are said while
 * typing. tests/system/browser/test_validation.py holds both together.
 */

export const MAX_DURATION = 365;
/** Fewer days than this cost twice the daily rate. */
export const SPECIAL_RATE_BELOW_DAYS = 7;

/**
 * Text as it is sent: trimmed, with plain spaces only, and without the invisible characters that
 * phones and messengers paste around what is copied. Zero-width joiners stay: Persian names and many
 * emoji are written with them.
 * @param {string} text
 */
export const cleanText = (text) =>
  text
    .replace(/\p{Zs}/gu, " ")
    .replace(/(?![\u200c\u200d])\p{Cf}/gu, "")
    .replace(/^[\s\x85\u200c\u200d]+|[\s\x85\u200c\u200d]+$/g, "");

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
  if (/(?!\p{Cf})[\p{C}\p{Zl}\p{Zp}]/u.test(value)) return "Remove the characters that cannot be seen.";
  return [...value].length > longest ? `Use at most ${longest} characters.` : null;
};

/** Of a Philippine mobile number, without 0 or +63. */
const MOBILE_DIGITS = 10;

// What <input type=email> accepts (HTML, 4.10.5.1.5), but with a dot in the domain.
const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const EMAIL = new RegExp(`^[a-zA-Z0-9.!#$%&'*+/=?^_\`{|}~-]+@${LABEL}(?:\\.${LABEL})+$`);

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
    return EMAIL.test(value) && value.length <= 254 ? null : "Enter an email address like name@example.com.";
  },
  "customer.phone": (value) => {
    if (!value) return "Enter your phone number.";
    const digits = value.replace(/\D/g, "");
    if (!/^[0-9 +()-]{7,20}$/.test(value) || digits.length < 7) {
      return "Enter a phone number like 0917 123 4567.";
    }
    const [, mobile] = digits.match(/^(?:0|63)(9\d*)$/) ?? [];
    return mobile && mobile.length !== MOBILE_DIGITS
      ? "A mobile number has 11 digits, like 0917 123 4567. Please check it."
      : null;
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
