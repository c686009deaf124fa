/** Money, dates and numbers as people in the Philippines read them. */

const pesoFormat = new Intl.NumberFormat("en-PH", {
  style: "currency",
  currency: "PHP",
  currencyDisplay: "narrowSymbol",
  minimumFractionDigits: 0,
  maximumFractionDigits: 0,
});
const centavoFormat = new Intl.NumberFormat("en-PH", {
  style: "currency",
  currency: "PHP",
  currencyDisplay: "narrowSymbol",
});
// For its parts: the order is ours, the same as in functions/rentals/dates.py.
const dayFormat = new Intl.DateTimeFormat("en-US", {
  timeZone: "Asia/Manila",
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
});
const timeFormat = new Intl.DateTimeFormat("en-PH", {
  timeZone: "Asia/Manila",
  hour: "numeric",
  minute: "2-digit",
});
const exactTimeFormat = new Intl.DateTimeFormat("en-PH", {
  timeZone: "Asia/Manila",
  timeStyle: "medium",
  hourCycle: "h23",
});
const DAY_MS = 86_400_000;
const MANILA_MS = 28_800_000;

/** @param {number} amount  In pesos. */
export const pesos = (amount) =>
  (Number.isInteger(amount) ? pesoFormat : centavoFormat).format(amount);

/** @param {number} count */
export const days = (count) => (count === 1 ? "1 day" : `${count} days`);

/**
 * `Sat 28 Nov` in Manila, with the year when it is not this one. It does not break across lines.
 * @param {number|string} moment  Milliseconds, or ISO 8601.
 */
export function day(moment) {
  const { weekday, day, month, year } = dayParts(moment);
  const words = [weekday, day, month];
  if (year !== dayParts(Date.now()).year) words.push(year);
  return words.join("\u00a0");
}

/** @param {number|string} moment */
const dayParts = (moment) =>
  Object.fromEntries(
    dayFormat.formatToParts(new Date(moment)).map(({ type, value }) => [type, value]),
  );

/**
 * A day by the time it ends; with the time where days are shorter than a day (DAY_SECONDS).
 * @param {string} end  ISO 8601.
 */
export function lastDay(end) {
  const sinceMidnight = (Date.parse(end) + MANILA_MS) % DAY_MS;
  const endsAtMidnight = sinceMidnight >= DAY_MS - 1000;
  return endsAtMidnight ? day(end) : `${day(end)}, ${exactTimeFormat.format(new Date(end))}`;
}

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
