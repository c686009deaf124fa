/** The desk's part of the HTTP API. */

import { ApiError } from "../api.js";
import { ask } from "./session.js";

/** @typedef {import("./words.js").Stage} Stage */
/** @typedef {import("./words.js").Action} Action */
/**
 * @typedef {{rental_id: string, number: string, collectible_name: string, store_id: string,
 *   customer_name: string, fulfillment_status: Stage|null, closed_reason: string|null,
 *   is_overdue: boolean, ready_by: string|null, arrived_at: string|null, due_at: string|null,
 *   returned_at: string|null}} Line  Times are ISO 8601.
 * @typedef {{count: number, rentals: Line[]}} List
 * @typedef {{store_id: string, late: List, to_inspect: List, to_hand_over: List, due_today: List,
 *   arriving: List}} Today
 * @typedef {{action: Action, at: string, by: string, store_id: string|null,
 *   condition: string|null, note: string|null}} Entry
 * @typedef {{url: string, taken_at: string, stage: Stage}} Photograph
 * @typedef {Line & {unit_id: string|null, duration: number, picked_up_at: string|null,
 *   customer: {name: string, email: string, phone: string}, log: Entry[], next: Action[],
 *   photographs: Photograph[]}} Details
 */

/**
 * @param {string} storeId
 * @returns {Promise<Today>}
 */
export const today = (storeId) => ask(`today?store_id=${encodeURIComponent(storeId)}`);

/**
 * @param {string} words
 * @param {string} storeId  Names are looked for at this store.
 * @returns {Promise<Line[]>}
 */
export const find = (words, storeId) =>
  ask(`rentals?${new URLSearchParams({ q: words, store_id: storeId })}`);

/** @param {string} rentalId */
const pathOf = (rentalId) => `rentals/${encodeURIComponent(rentalId)}`;

/**
 * @param {string} rentalId
 * @returns {Promise<Details>}
 */
export const details = (rentalId) => ask(pathOf(rentalId));

/**
 * @param {string} rentalId
 * @param {{action: Action, store_id: string, condition?: string, note?: string,
 *   id_seen?: boolean}} what
 * @returns {Promise<{rental: Line, is_new: boolean}>}
 */
export const act = (rentalId, what) => ask(`${pathOf(rentalId)}/actions`, what);

/**
 * Stores a photograph of how the thing is now.
 * @param {string} rentalId
 * @param {Blob} picture  A JPEG.
 * @throws {ApiError} also when it is not there afterwards
 */
export async function addPhotograph(rentalId, picture) {
  const { url, fields } = await ask(`${pathOf(rentalId)}/photographs`, {});
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("file", picture); // S3 reads nothing after it
  // The bucket shares no answers with pages, so that it needs no rules for them.
  await fetch(url, { method: "POST", body: form, mode: "no-cors" });
  const { photographs } = await details(rentalId);
  const isThere = photographs.some((each) => decodeURIComponent(each.url).includes(fields.key));
  if (!isThere) throw new ApiError("NOT_STORED", 0);
}
