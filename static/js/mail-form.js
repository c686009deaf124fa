/** A form that asks for a mail: checks what was typed, sends it, says what comes of it. */

import { $, announce } from "./dom.js";
import { cleanText, problemWith } from "./validation.js";
import { mailTroubleWords } from "./words.js";

/**
 * @param {HTMLFormElement} form  Its fields are named as the API names them; `.field-error` and
 *   `.said` are where it answers.
 * @param {(values: Record<string, string>) => Promise<string>} send  Answers what to say.
 */
export function mailForm(form, send) {
  const error = $(".field-error", form);
  const said = $(".said", form);
  const email = form.elements.namedItem("email");
  const show = (/** @type {string|null} */ problem) => {
    error.textContent = problem ?? "";
    error.hidden = problem === null;
    if (problem) email.setAttribute("aria-invalid", "true");
    else email.removeAttribute("aria-invalid");
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = "";
    const values = Object.fromEntries(
      [...new FormData(form)].map(([name, value]) => [name, cleanText(String(value))]),
    );
    const problem = problemWith("customer.email", values.email);
    show(problem);
    if (problem) {
      email.focus();
      return;
    }
    const button = $("button", form);
    button.disabled = true;
    try {
      said.textContent = await send(values);
    } catch (trouble) {
      said.textContent = mailTroubleWords(trouble);
    }
    button.disabled = false;
    announce(said.textContent);
  });
}
