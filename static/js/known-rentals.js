/** The rentals that were made in this browser, so that none gets lost, and their keys. */

import { getRental } from "./api.js";
import { isAccessKey, isRentalId } from "./links.js";
import { rentalList } from "./storage.js";

/** @typedef {import("./api.js").Rental} Rental */
/**
 * @typedef {{id: string, open: boolean, key?: string}} Known  `open`: not seen to have ended.
 *   `key`: the right to pay and cancel it; older entries have none.
 */

/** More than anybody looks through; each costs a request on the page that lists them. */
const MOST = 20;

/** @returns {Known[]} the newest first */
export function knownRentals() {
  const list = rentalList.get();
  return Array.isArray(list) ? list.filter((each) => isRentalId(each?.id)) : [];
}

// In memory too, for browsers without storage.
/** @type {Map<string, string>} */
const keys = new Map();

/**
 * @param {string} id
 * @returns {string|undefined}
 */
export function keyOf(id) {
  const key = keys.get(id) ?? known(id)?.key;
  return isAccessKey(key) ? key : undefined;
}

/** @param {string} id */
const known = (id) => knownRentals().find((each) => each.id === id);

/**
 * Remembers a rental of this browser's customer.
 * @param {string} id
 * @param {string} key
 */
export function noteRental(id, key) {
  keys.set(id, key);
  note({ id, open: true, key });
}

/** @param {Known} entry */
function note(entry) {
  const list = knownRentals();
  const index = list.findIndex((each) => each.id === entry.id);
  if (index >= 0) list[index] = entry;
  else list.unshift(entry);
  rentalList.set(list.slice(0, MOST));
}

/** @param {string} id */
export function forgetRental(id) {
  keys.delete(id);
  rentalList.set(knownRentals().filter((each) => each.id !== id));
}

export function forgetAllRentals() {
  keys.clear();
  rentalList.clear();
}

/**
 * Reads a rental, and remembers how it stands when it is one of this browser's. Another one, which
 * somebody sent a link to, is only shown.
 * @param {string} id
 * @returns {Promise<Rental>}
 * @throws {import("./api.js").ApiError}
 */
export async function readRental(id) {
  const key = keyOf(id);
  try {
    const rental = await getRental(id, key);
    if (key || known(id)) note({ id, open: rental.status === "pending", key });
    return rental;
  } catch (error) {
    if (error.code === "RENTAL_NOT_FOUND") forgetRental(id);
    if (error.code !== "INVALID_ACCESS_KEY") throw error;
    // Keys are changed when they have leaked; PayMongo's page leads back with the new one.
    keys.delete(id);
    note({ id, open: true });
    return getRental(id);
  }
}

/**
 * The rentals that were open when last seen, as they are now; those that cannot be read are left
 * out.
 * @param {string|null} [also]  The id of another one to read.
 * @returns {Promise<Rental[]>}
 */
export async function openRentals(also = null) {
  const ids = knownRentals()
    .filter(({ open }) => open)
    .map(({ id }) => id);
  if (isRentalId(also) && !ids.includes(also)) ids.push(also);
  const rentals = await Promise.all(ids.map((id) => readRental(id).catch(() => null)));
  return rentals.filter((rental) => rental !== null);
}
