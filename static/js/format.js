/** Money, dates and numbers as people in the Philippines read them. */

const pesoFormat = new Intl.NumberFormat("en-PH", {
  style: "currency",
  currency: "PHP",
  currencyDisplay: "narrowSymbol",
  minimumFractionDigits: 0,
  maximumFractionDigits: 0,
});
const dayFormat = new Intl.DateTimeFormat("en-PH", {
  timeZone: "Asia/Manila",
  weekday: "short",
  day: "numeric",
  month: "short",
});
const timeFormat = new Intl.DateTimeFormat("en-PH", {
  timeZone: "Asia/Manila",
  hour: "numeric",
  minute: "2-digit",
});
const DAY_MS = 86_400_000;

/** @param {number} amount  In pesos. */
export const pesos = (amount) => pesoFormat.format(amount);

/** @param {number} count */
export const days = (count) => (count === 1 ? "1 day" : `${count} days`);

/** @param {number|string} moment  Milliseconds, or ISO 8601. */
export const day = (moment) => dayFormat.format(new Date(moment));

/** @param {number|string} moment */
export const time = (moment) => timeFormat.format(new Date(moment));

/** @param {number|string} moment */
export const dayAndTime = (moment) => `${day(moment)}, ${time(moment)}`;

/**
 * The day an ETA falls on.
 * @param {number|string} from
 * @param {number} eta  In days.
 */
export const dayAfter = (from, eta) => day(new Date(from).getTime() + eta * DAY_MS);

/**
 * `m:ss`, or `h:mm:ss` from an hour on.
 * @param {number} milliseconds
 */
export function clock(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (/** @type {number} */ count) => String(count).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
