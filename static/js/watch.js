/** Asking again and again, more slowly each time. */

/** The window event that ends every wait. */
export const WAKE = "mc:wake";

/** While nobody looks: often enough to change the tab's title, too seldom to be a burden. */
const HIDDEN_MS = 30_000;

/** Ends the current wait of every watch, for when something is known to have changed. */
export function wake() {
  window.dispatchEvent(new Event(WAKE));
}

/**
 * Reads until `onValue` returns false. Coming back to the tab, or online, asks at once.
 * @template T
 * @param {() => Promise<T>} read
 * @param {(value: T) => boolean} onValue  Whether to go on.
 * @param {(error: import("./api.js").ApiError) => boolean} onTrouble  After a failure that may
 *   pass: whether to go on.
 * @param {{first?: number, factor?: number, cap?: number}} [pace]  Waits in ms.
 * @throws {import("./api.js").ApiError} what asking again cannot cure.
 */
export async function watch(read, onValue, onTrouble, pace = {}) {
  const { first = 800, factor = 1.5, cap = 8000 } = pace;
  let delay = first;
  for (;;) {
    try {
      if (!onValue(await read())) return;
    } catch (error) {
      if (!error.isTransient) throw error;
      if (!onTrouble(error)) return;
    }
    const hidden = document.visibilityState === "hidden";
    const woken = await wait(hidden ? HIDDEN_MS : delay);
    delay = woken ? first : Math.min(delay * factor, cap);
  }
}

/**
 * @param {number} delay
 * @returns {Promise<boolean>} whether it ended early
 */
function wait(delay) {
  return new Promise((resolve) => {
    const listeners = new AbortController();
    const finish = (/** @type {boolean} */ woken) => {
      clearTimeout(timer);
      listeners.abort();
      resolve(woken);
    };
    const timer = setTimeout(() => finish(false), delay);
    const onWake = () => document.visibilityState === "visible" && finish(true);
    for (const type of [WAKE, "pageshow", "online"]) {
      window.addEventListener(type, onWake, { signal: listeners.signal });
    }
    document.addEventListener("visibilitychange", onWake, { signal: listeners.signal });
  });
}
