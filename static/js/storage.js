/**
 * What the site remembers in this browser. Private windows may refuse storage: the site works
 * on without it, it only forgets.
 *
 * localStorage   mc.store    id of the chosen store
 *                mc.rentals  the rentals made here, with their keys, see known-rentals.js
 *                mc.details  the customer's details, only if they asked for it
 *                mc.desk-store  id of the store whose desk this is
 * sessionStorage mc.draft    the form: duration, payment_method, customer
 *                mc.attempt  the checkout being tried: key, body, rental_id, unanswered
 *                mc.desk     who is signed in at the desk, see desk/session.js
 */

/**
 * @param {() => Storage} area
 * @param {string} key
 */
function item(area, key) {
  return {
    /** @returns {any} null when absent or unreadable */
    get() {
      try {
        return JSON.parse(area().getItem(key) ?? "null");
      } catch {
        return null;
      }
    },
    /** @param {any} value */
    set(value) {
      try {
        area().setItem(key, JSON.stringify(value));
      } catch {
        // Full or forbidden.
      }
    },
    clear() {
      try {
        area().removeItem(key);
      } catch {
        // Forbidden.
      }
    },
  };
}

const local = () => window.localStorage;
const session = () => window.sessionStorage;

export const chosenStore = item(local, "mc.store");
export const rentalList = item(local, "mc.rentals");
export const savedDetails = item(local, "mc.details");
export const draft = item(session, "mc.draft");
export const deskStore = item(local, "mc.desk-store");
export const deskSession = item(session, "mc.desk");
const attempt = item(session, "mc.attempt");

// In memory too, so that without storage a double click still sends one key.
let current = attempt.get();

/**
 * The checkout attempt for this body: the same key for the same body, also after a reload,
 * and a new key as soon as anything in it changes.
 * @param {object} body
 * @returns {{key: string, body: string, rental_id: string|null, unanswered: boolean}}
 */
export function attemptFor(body) {
  const text = JSON.stringify(body);
  if (current?.body !== text) {
    current = { key: randomKey(), body: text, rental_id: null, unanswered: false };
    attempt.set(current);
  }
  return current;
}

export function currentAttempt() {
  return current;
}

/** @param {{rental_id?: string, unanswered?: boolean}} changes */
export function updateAttempt(changes) {
  current = { ...current, ...changes };
  attempt.set(current);
}

/** After its rental has ended, so that the next try starts a new one. */
export function forgetAttempt() {
  current = null;
  attempt.clear();
}

// crypto.randomUUID exists on https and localhost only; this works on any address.
export function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
