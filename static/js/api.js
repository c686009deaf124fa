/** The HTTP API, with every failure turned into one ApiError. */

/**
 * @typedef {{id: string, name: string, description: string, size: "Small"|"Medium"|"Large",
 *   image_url: string, daily_rate: number, special_daily_rate: number, stock: number,
 *   eta: number|null, next_expected: string|null, category: string, pictures: string[],
 *   availability?: {store_id: string, stock: number, eta: number|null}[]}} Collectible  Rates in
 *   pesos; eta in days.
 * @typedef {{id: string, name: string, address: string, phone: string, hours: string}} Store
 *   All but id and name may be empty.
 * @typedef {{collectible_id: string, store_id: string, duration: number, daily_rate: number,
 *   total_fee: number, is_special_rate: boolean, stock: number, eta: number|null,
 *   next_expected: string|null, ready_by: string|null, due_at: string|null, due_rule: string,
 *   deposit: number, deposit_online_with: string[]}} Quote  The deposit is paid online with these
 *   methods, at the counter with others.
 * @typedef {{charge_id: string, kind: "extension"|"late"|"damage"|"loss", amount: number,
 *   outstanding: number, from_deposit: number, status: "open"|"paying"|"paid"|"waived"|"expired",
 *   reason: string, days: number|null, payment_url: string|null, created_at: string,
 *   paid_at: string|null}} Charge  Pesos.
 * @typedef {{refund: string, amount: number, purpose: string|null, reason: string,
 *   status: string, at: string}} Refund  Pesos; `at` may be empty.
 * @typedef {{rental_id: string, number: string, status: string, reason: string|null, collectible_id: string,
 *   collectible_name: string, store_id: string, duration: number, daily_rate: number|null,
 *   total_fee: number|null, eta: number|null, fulfillment_status: string|null,
 *   closed_reason: string|null, is_overdue: boolean, completed_at: string|null,
 *   ready_by: string|null, arrived_at: string|null, collect_by: string|null,
 *   picked_up_at: string|null, due_at: string|null, returned_at: string|null,
 *   closed_at: string|null, payment_method: string, payment_url: string|null,
 *   hold_expires_at: string|null, declined_attempts: number,
 *   max_payment_attempts: number, refund_status: string|null, created_at: string,
 *   updated_at: string, deposit: number, counter_deposit: number, amount_due: number|null,
 *   deposit_held: number, deposit_kept: number, charges: Charge[], outstanding: number,
 *   refunds: Refund[], given_back: number, refund_if_cancelled: number|null,
 *   late_fee_per_day: number, late_fee_now: number}} Rental
 * @typedef {{field: string, message: string}} FieldError
 */

export class ApiError extends Error {
  /**
   * @param {string} code  The API's code, or NETWORK, TIMEOUT, HTTP_<status>.
   * @param {number} status  0 when no answer arrived.
   * @param {FieldError[]} errors
   * @param {string} said  The API's own sentence, for staff; customers get the site's words.
   */
  constructor(code, status, errors = [], said = "") {
    super(code);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.errors = errors;
    this.said = said;
  }

  /** Worth asking again without the customer doing anything. */
  get isTransient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const READ_TIMEOUT_MS = 12_000;
// The API answers a checkout within about 8 s; API Gateway gives up after 29 s.
const CHECKOUT_TIMEOUT_MS = 30_000;

/**
 * @param {string} path
 * @param {{body?: object, headers?: Record<string, string>, signal?: AbortSignal,
 *   timeout?: number}} [options]
 * @returns {Promise<{data: any, date: string|null}>}
 * @throws {ApiError} and AbortError when `signal` aborts.
 */
export async function request(
  path,
  { body, headers = {}, signal, timeout = READ_TIMEOUT_MS } = {},
) {
  const deadline = AbortSignal.timeout(timeout);
  let response;
  let envelope = null;
  try {
    response = await fetch(path, {
      method: body ? "POST" : "GET",
      headers: body ? { "Content-Type": "application/json", ...headers } : headers,
      body: body ? JSON.stringify(body) : undefined,
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
    envelope = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (deadline.aborted) throw new ApiError("TIMEOUT", 0);
    if (!response) throw new ApiError("NETWORK", 0);
    // Not JSON: a gateway's own error page, or an answer cut short.
    throw new ApiError(`HTTP_${response.status}`, response.ok ? 0 : response.status);
  }
  if (!response.ok || envelope?.success !== true) {
    const errors = Array.isArray(envelope?.errors) ? envelope.errors : [];
    const code = envelope?.code ?? `HTTP_${response.status}`;
    throw new ApiError(code, response.status, errors, envelope?.error ?? "");
  }
  return { data: envelope.data, date: response.headers.get("Date") };
}

/** @returns {Promise<Store[]>} */
export async function getStores() {
  return (await request("/api/stores")).data;
}

/**
 * @param {string} [storeId]  Without it, no `eta`. An unknown store counts as none.
 * @returns {Promise<Collectible[]>}
 */
export async function getCollectibles(storeId) {
  try {
    const query = storeId ? `?store_id=${encodeURIComponent(storeId)}` : "";
    return (await request(`/api/collectibles${query}`)).data;
  } catch (error) {
    if (storeId && error.code === "STORE_NOT_FOUND") return getCollectibles();
    throw error;
  }
}

/**
 * @param {string} id
 * @returns {Promise<Collectible>}  With `availability`.
 */
export async function getCollectible(id) {
  return (await request(`/api/collectibles?collectible_id=${encodeURIComponent(id)}`)).data[0];
}

/**
 * Has somebody told once, by mail, when a collectible is back; or told no more.
 * @param {string} collectibleId
 * @param {string} email
 * @param {boolean} isWanted
 */
export async function waitFor(collectibleId, email, isWanted) {
  const body = { collectible_id: collectibleId, email, is_wanted: isWanted };
  await request("/api/waiting-list", { body });
}

/**
 * Has the link of a rental mailed, if there is one of this number and address.
 * @param {string} number
 * @param {string} email
 */
export async function findRental(number, email) {
  await request("/api/rentals/find", { body: { number, email } });
}

/**
 * @param {{collectible_id: string, store_id: string, duration: number}} wish
 * @param {AbortSignal} signal
 * @returns {Promise<Quote>}
 */
export async function getQuote(wish, signal) {
  return (await request("/api/rentals/quote", { body: wish, signal })).data;
}

/**
 * @param {object} body
 * @param {string} idempotencyKey
 * @returns {Promise<Rental & {access_key: string}>}  Without `payment_url` (202): poll getRental. With it (200), when
 *   this request was sent before.
 */
export async function checkout(body, idempotencyKey) {
  // Asking for the 202 at once lets the page show what is really happening.
  const headers = { "Idempotency-Key": idempotencyKey, Prefer: "respond-async" };
  const timeout = CHECKOUT_TIMEOUT_MS;
  return (await request("/api/rentals/checkout", { body, headers, timeout })).data;
}

/** @param {string} rentalId */
const rentalPath = (rentalId) => `/api/rentals/${encodeURIComponent(rentalId)}`;

/** @param {string|undefined} key  The rental's access key. */
const keyHeader = (key) => (key ? { "X-Rental-Key": key } : {});

/**
 * Cancels a rental, unless it was paid.
 * @param {string} rentalId
 * @param {string|undefined} key
 * @returns {Promise<boolean>} whether it was paid
 * @throws {ApiError}
 */
export async function cancelRental(rentalId, key) {
  const options = { body: {}, headers: keyHeader(key), timeout: CHECKOUT_TIMEOUT_MS };
  return (await request(`${rentalPath(rentalId)}/cancel`, options)).data.is_paid;
}

/**
 * Cancels a paid rental for what the customer was shown: `refund` pesos go back.
 * @param {string} rentalId
 * @param {string|undefined} key
 * @param {number} refund
 * @throws {ApiError} REFUND_CHANGED when another sum would go back
 */
export async function cancelPaidRental(rentalId, key, refund) {
  const options = { body: {}, headers: keyHeader(key), timeout: CHECKOUT_TIMEOUT_MS };
  await request(`${rentalPath(rentalId)}/cancel?refund=${refund}`, options);
}

/**
 * @param {string} rentalId
 * @param {number} days
 * @param {AbortSignal} signal
 * @returns {Promise<{days: number, amount: number, due_at: string}>}  What more days cost, pesos.
 */
export async function getExtension(rentalId, days, signal) {
  return (await request(`${rentalPath(rentalId)}/extension?days=${days}`, { signal })).data;
}

/**
 * @param {string} rentalId
 * @param {string|undefined} key
 * @param {number} days
 * @returns {Promise<Charge>}  With the page to pay it on.
 */
export async function startExtension(rentalId, key, days) {
  const options = { body: {}, headers: keyHeader(key), timeout: CHECKOUT_TIMEOUT_MS };
  return (await request(`${rentalPath(rentalId)}/extension?days=${days}`, options)).data;
}

/**
 * @param {string} rentalId
 * @param {string|undefined} key
 * @param {string} chargeId
 * @returns {Promise<Charge>}  With the page to pay it on.
 */
export async function payCharge(rentalId, key, chargeId) {
  const path = `${rentalPath(rentalId)}/charges/${encodeURIComponent(chargeId)}/payment`;
  const options = { body: {}, headers: keyHeader(key), timeout: CHECKOUT_TIMEOUT_MS };
  return (await request(path, options)).data;
}

/** Milliseconds that the server's clock is ahead of this device's. */
let clockSkew = 0;

/** Now by the server's clock, in ms: a hold must not look longer on a slow phone clock. */
export function serverNow() {
  return Date.now() + clockSkew;
}

/**
 * @param {string} rentalId
 * @param {string} [key]  Without it, no `payment_url`.
 * @returns {Promise<Rental>}
 */
export async function getRental(rentalId, key) {
  const { data, date } = await request(rentalPath(rentalId), { headers: keyHeader(key) });
  const skew = date ? Date.parse(date) - Date.now() : 0;
  // The header has whole seconds; below that it would only add noise.
  clockSkew = Math.abs(skew) > 2000 ? skew : 0;
  return data;
}
