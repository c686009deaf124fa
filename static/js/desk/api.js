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
 *   condition: string|null, note: string|null, amount: number|null}} Entry
 * @typedef {{url: string, taken_at: string, stage: Stage}} Photograph
 * @typedef {Line & {unit_id: string|null, duration: number, picked_up_at: string|null,
 *   customer: {name: string, email: string, phone: string}, money: Money, log: Entry[],
 *   next: Action[], photographs: Photograph[]}} Details
 * @typedef {{charge_id: string, kind: keyof typeof import("./words.js").CHARGES.kind,
 *   amount: number, outstanding: number, from_deposit: number, reason: string,
 *   status: keyof typeof import("./words.js").CHARGES.status, created_at: string}} Charge
 * @typedef {{refund: string, amount: number, reason: string, at: string,
 *   status: keyof typeof import("./words.js").REFUNDS}} Refund
 * @typedef {{deposit_held: number, counter_deposit: number, late_fee_now: number,
 *   outstanding: number, charges: Charge[], refunds: Refund[]}} Money  Pesos.
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
 *   id_seen?: boolean, amount?: number, receipt?: string}} what
 * @returns {Promise<{rental: Line, is_new: boolean}>}
 */
export const act = (rentalId, what) => ask(`${pathOf(rentalId)}/actions`, what);

/**
 * Charges, takes, waives or gives back money.
 * @param {string} rentalId
 * @param {{action: import("./words.js").MoneyAction, store_id: string}} what
 */
export const moveMoney = (rentalId, what) => ask(`${pathOf(rentalId)}/money`, what);

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
