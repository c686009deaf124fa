/** Addresses: reading our own, and checking those that the API hands out. */

/** @param {string} name */
const parameter = (name) => new URLSearchParams(window.location.search).get(name);

/** The rental this page is about, or null when the address names none. */
export function rentalIdFromUrl() {
  const id = parameter("rental_id") ?? "";
  return isRentalId(id) ? id.toLowerCase() : null;
}

/** The access key that a redirect of ours put where no server sees it. */
export function keyFromUrl() {
  const key = new URLSearchParams(window.location.hash.slice(1)).get("key");
  return isAccessKey(key) ? key : null;
}

/**
 * @param {unknown} key
 * @returns {key is string}
 */
export function isAccessKey(key) {
  return typeof key === "string" && /^[0-9a-f]{64}$/.test(key);
}

/** @param {unknown} id */
export function isRentalId(id) {
  return typeof id === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
}

/** @returns {{collectibleId: string|null, storeId: string|null, duration: string|null}} */
export function wishFromUrl() {
  return {
    collectibleId: parameter("collectible_id"),
    storeId: parameter("store_id"),
    duration: parameter("duration"),
  };
}

/**
 * @param {string} collectibleId
 * @param {string} [storeId]
 * @param {number} [duration]  In days.
 */
export function rentUrl(collectibleId, storeId, duration) {
  const query = new URLSearchParams({ collectible_id: collectibleId });
  if (storeId) query.set("store_id", storeId);
  if (duration) query.set("duration", String(duration));
  return `/rent.html?${query}`;
}

/** @param {string} id */
export const collectibleUrl = (id) => `/collectibles/${encodeURIComponent(id)}`;

/**
 * @param {"rental"|"success"|"failed"} page
 * @param {string} rentalId
 */
export const rentalUrl = (page, rentalId) =>
  `/${page}.html?rental_id=${encodeURIComponent(rentalId)}`;

/**
 * The payment page's address, or null when it is not a web address.
 * @param {string|null|undefined} url
 */
export function safePaymentUrl(url) {
  try {
    const { protocol, href } = new URL(url ?? "");
    return protocol === "https:" || protocol === "http:" ? href : null;
  } catch {
    return null;
  }
}

/** @param {string} phone */
export const phoneUrl = (phone) => `tel:${phone.replace(/[^0-9+]/g, "")}`;

/**
 * A search for the store's address, which phones open in their maps.
 * @param {{address: string}} store
 */
export const mapUrl = ({ address }) =>
  `https://www.google.com/maps/search/?${new URLSearchParams({ api: "1", query: address })}`;
