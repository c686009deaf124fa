/** A button that leads to a payment page on which something more is paid. */

import { h } from "./dom.js";
import { safePaymentUrl } from "./links.js";
import { wake } from "./watch.js";
import { troubleWords } from "./words.js";

/**
 * @param {string} id
 * @param {string} text
 * @param {() => Promise<import("./api.js").Charge>} open  Opens the page.
 * @param {string} refused  What to say when it cannot be paid any more.
 * @returns {[HTMLButtonElement, HTMLElement]}  The button, and where it says why it did nothing.
 */
export function payButton(id, text, open, refused) {
  const problem = h("p", { class: "note note-problem", role: "alert", hidden: true });
  const button = h("button", { type: "button", class: "button", id, click: () => pay() }, text);

  async function pay() {
    // Not `disabled`: that would throw the focus away.
    if (button.getAttribute("aria-disabled") === "true") return;
    busy(true);
    problem.hidden = true;
    try {
      const url = safePaymentUrl((await open()).payment_url);
      if (url) return window.location.assign(url);
      problem.textContent = "The payment page could not be opened. Please try again in a minute.";
    } catch (error) {
      problem.textContent = problemWords(error, refused);
      if (error.code === "NOT_POSSIBLE_NOW") wake(); // the page says how it stands now
    }
    busy(false);
    problem.hidden = false;
  }

  const busy = (/** @type {boolean} */ on) => {
    button.setAttribute("aria-disabled", String(on));
    button.classList.toggle("is-busy", on);
  };
  return [button, problem];
}

/**
 * @param {any} error
 * @param {string} refused
 */
export function problemWords(error, refused) {
  if (error.code === "NOT_POSSIBLE_NOW") return refused;
  if (error.code === "PAYMENT_PROVIDER_UNAVAILABLE") {
    return "The payment page could not be opened. Our payment partner did not answer. You have not paid anything. Please try again in a minute.";
  }
  if (error.code === "INVALID_ACCESS_KEY") {
    return "This browser may only look at the rental. Please open it by the link in our mails.";
  }
  return `${troubleWords(error)} You have not paid anything. Please try again.`;
}
