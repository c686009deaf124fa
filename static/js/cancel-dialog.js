/** Asks before a rental is cancelled. */

import { h } from "./dom.js";

/**
 * @param {{
 *   text: () => string,
 *   yes: () => string,
 *   cancel: () => Promise<void>,
 *   explain: (error: any) => Promise<string>,
 * }} words  What is asked and what the button says, both also after a failure; what it does, which
 *   leaves the page; why that failed.
 * @returns {HTMLDialogElement}
 */
export function cancelDialog({ text, yes, cancel, explain }) {
  const problem = h("p", { class: "note note-problem", role: "alert", hidden: true });
  const question = h("p", { id: "cancel-text" }, text());
  const confirm = h(
    "button",
    { type: "button", class: "button", id: "cancel-confirm", click: () => act() },
    yes(),
  );
  const busy = (/** @type {boolean} */ on) => {
    confirm.setAttribute("aria-disabled", String(on));
    confirm.classList.toggle("is-busy", on);
    confirm.textContent = on ? "Cancelling…" : yes();
  };

  async function act() {
    if (confirm.getAttribute("aria-disabled") === "true") return;
    busy(true);
    problem.hidden = true;
    try {
      await cancel();
    } catch (error) {
      problem.textContent = await explain(error);
      question.textContent = text();
      busy(false);
      problem.hidden = false;
    }
  }

  return h(
    "dialog",
    { id: "cancel-dialog", "aria-labelledby": "cancel-title", "aria-describedby": "cancel-text" },
    h("h2", { id: "cancel-title" }, "Cancel this rental?"),
    question,
    problem,
    h(
      "form",
      { method: "dialog", class: "actions" },
      confirm,
      h("button", { class: "button button-quiet", id: "cancel-keep", autofocus: true }, "Keep it"),
    ),
  );
}

/** @param {HTMLDialogElement} dialog */
export const cancelButton = (dialog) =>
  h(
    "button",
    {
      type: "button",
      class: "button button-quiet",
      id: "cancel-rental",
      click: () => dialog.showModal(),
    },
    "Cancel this rental",
  );
