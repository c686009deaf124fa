/** The rentals that were made or opened in this browser, so that none gets lost. */

import { getRental } from "./api.js";
import { isRentalId } from "./links.js";
import { rentalList } from "./storage.js";

/** @typedef {import("./api.js").Rental} Rental */
/** @typedef {{id: string, open: boolean}} Known  `open`: not seen to have ended. */

/** More than anybody looks through; each costs a request on the page that lists them. */
const MOST = 20;

/** @returns {Known[]} the newest first */
export function knownRentals() {
  const list = rentalList.get();
  return Array.isArray(list) ? list.filter((each) => isRentalId(each?.id)) : [];
}

/** @param {{rental_id?: string, status?: string}} rental */
export function noteRental({ rental_id: id, status }) {
  if (!isRentalId(id)) return;
  const list = knownRentals();
  const entry = { id, open: status === "pending" };
  const index = list.findIndex((each) => each.id === id);
  if (index >= 0) list[index] = entry;
  else list.unshift(entry);
  rentalList.set(list.slice(0, MOST));
}

/** @param {string} id */
export function forgetRental(id) {
  rentalList.set(knownRentals().filter((each) => each.id !== id));
}

export function forgetAllRentals() {
  rentalList.clear();
}

/**
 * Reads a rental and remembers how it stands.
 * @param {string} id
 * @returns {Promise<Rental>}
 * @throws {import("./api.js").ApiError}
 */
export async function readRental(id) {
  try {
    const rental = await getRental(id);
    noteRental(rental);
    return rental;
  } catch (error) {
    if (error.code === "RENTAL_NOT_FOUND") forgetRental(id);
    throw error;
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
