/** What a rental costs, from the catalogue alone: the API's rule (functions/rentals/pricing.py). */

import { SPECIAL_RATE_BELOW_DAYS } from "./validation.js";

/**
 * @param {import("./api.js").Collectible} item
 * @param {number} duration  In days.
 * @returns {{rate: number, total: number, isSpecial: boolean}}  In pesos.
 */
export function price(item, duration) {
  const isSpecial = duration < SPECIAL_RATE_BELOW_DAYS;
  const rate = isSpecial ? item.special_daily_rate : item.daily_rate;
  return { rate, total: rate * duration, isSpecial };
}
