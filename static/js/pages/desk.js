/** desk/: the store desk. Signs in, then shows the day, a search or one rental, by the address. */

import { getStores } from "../api.js";
import { act, details, find, moveMoney, today } from "../desk/api.js";
import { rentalView } from "../desk/rental.js";
import { session, signIn, signOut } from "../desk/session.js";
import { foundView, hashOf, todayView } from "../desk/today.js";
import { ACTIONS, MONEY, stageWords } from "../desk/words.js";
import { $, announce, fill, h } from "../dom.js";
import { deskStore } from "../storage.js";
import { troubleWords } from "../words.js";

/** @typedef {import("../api.js").Store} Store */

const view = $("#view");
const words = $("#words");
const storeField = $("#store");
/** On a phone the focus would bring up the keyboard. */
const hasKeyboard = window.matchMedia("(pointer: fine)");

/** @type {Store[]} */
let stores = [];

// --- signing in ---

/** @param {string|null} [problem] */
function showSignIn(problem = null) {
  $("#desk").hidden = true;
  $("#who").hidden = true;
  $("#sign-in").hidden = false;
  tell($("#sign-in-problem"), problem);
  $("#email").focus();
}

/**
 * @param {HTMLElement} note
 * @param {string|null} text
 */
function tell(note, text) {
  note.textContent = text ?? "";
  note.hidden = !text;
}

$("#sign-in").addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const { email, password, new_password } = event.currentTarget.elements;
  try {
    await signIn(email.value.trim(), password.value, new_password.value);
    event.target.reset();
    needNewPassword(false);
    await open();
  } catch (error) {
    if (error.code === "NEW_PASSWORD_REQUIRED") needNewPassword(true);
    else tell($("#sign-in-problem"), said(error));
  }
});

/** @param {boolean} isNeeded */
function needNewPassword(isNeeded) {
  $("#new-password-field").hidden = !isNeeded;
  tell($("#sign-in-problem"), null);
  $("#sign-in-lead").textContent = isNeeded
    ? "This is your first time. Choose a password of your own."
    : "For the staff of our stores.";
  if (isNeeded) $("#new-password").focus();
}

$("#sign-out").addEventListener("click", async () => {
  await signOut();
  window.location.hash = "";
  showSignIn();
});

/**
 * Why something did not work, in the API's words where it has some.
 * @param {import("../api.js").ApiError} error
 */
function said(error) {
  const fields = error.errors.map(({ message }) => message).join("; ");
  if (fields) return sentence(fields);
  return error.status >= 400 && error.status < 500 && error.said
    ? sentence(error.said)
    : troubleWords(error);
}

/** @param {string} text */
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

// --- the desk ---

async function open() {
  const { name, stores: mine, is_manager } = session();
  $("#sign-in").hidden = true;
  $("#desk").hidden = false;
  $("#who").hidden = false;
  $("#name").textContent = name;
  stores = await getStores();
  const here = stores.filter(({ id }) => is_manager || mine.includes(id));
  fill(storeField, ...here.map((store) => h("option", { value: store.id }, store.name)));
  storeField.value = here.find(({ id }) => id === deskStore.get())?.id ?? here[0]?.id;
  await show();
}

storeField.addEventListener("change", () => {
  deskStore.set(storeField.value);
  show();
});

$("#find").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const text = words.value.trim();
  const hash = text && `#find=${encodeURIComponent(text)}`;
  if (window.location.hash === hash) show();
  else window.location.hash = hash;
});

window.addEventListener("hashchange", () => {
  fill($("#notice"));
  show();
});

let asked = 0;

/** Shows what the address names, unless something else was asked for meanwhile. */
async function show() {
  const mine = ++asked;
  view.setAttribute("aria-busy", "true");
  try {
    const { content, spoken, rentalId } = await read(window.location.hash);
    if (mine !== asked) return;
    if (rentalId) history.replaceState(null, "", hashOf(rentalId));
    fill(view, ...content);
    announce(spoken);
  } catch (error) {
    if (mine === asked) onTrouble(error);
  }
  view.setAttribute("aria-busy", "false");
  readyForTheNext();
}

/**
 * @typedef {{content: (Node|false)[], spoken: string, rentalId?: string}} Seen  What to show and
 *   to say, and of which rental.
 */

/**
 * What an address names.
 * @param {string} hash
 * @returns {Promise<Seen>}
 */
async function read(hash) {
  const address = new URLSearchParams(hash.slice(1));
  const [rentalId, text] = [address.get("rental"), address.get("find")];
  if (rentalId) return readRental(rentalId);
  if (!text) return { content: todayView(await today(storeField.value)), spoken: "Today" };
  const found = await find(text, storeField.value);
  if (found.length === 1) return readRental(found[0].rental_id);
  return { content: foundView(text, found), spoken: `${found.length} found` };
}

/**
 * @param {string} rentalId
 * @returns {Promise<Seen>}
 */
async function readRental(rentalId) {
  const rental = await details(rentalId);
  const content = rentalView(rental, stores, {
    act: (what) =>
      perform(async () => {
        const { is_new } = await act(rentalId, { ...what, store_id: storeField.value });
        return { text: `${rental.number}: ${ACTIONS[what.action].done}`, is_new };
      }),
    move: (what) =>
      perform(async () => {
        await moveMoney(rentalId, { ...what, store_id: storeField.value });
        return { text: `${rental.number}: ${MONEY[what.action].done}`, is_new: true };
      }),
    changed: async (text, tone = "good") => {
      await show();
      notice(tone, `${rental.number}: ${text}`);
    },
  });
  return { content, spoken: `${rental.collectible_name}, ${stageWords(rental)}`, rentalId };
}

/** A scanner types the next number and presses Enter, whatever was done before. */
function readyForTheNext() {
  if (hasKeyboard.matches && !$("dialog[open]")) words.select();
}

let isActing = false;

/**
 * Does something with a rental or with its money, once at a time.
 * @param {() => Promise<{text: string, is_new: boolean}>} work  What was done.
 */
async function perform(work) {
  if (isActing) return;
  isActing = true;
  view.setAttribute("aria-busy", "true");
  try {
    const { text, is_new } = await work();
    await show();
    if (is_new) notice("good", `${text}.`);
    else notice("warning", `${text} already. Nothing was changed.`);
  } catch (error) {
    onTrouble(error, error.isTransient ? "You can safely do it again." : "Nothing was changed.");
  }
  isActing = false;
  view.setAttribute("aria-busy", "false");
  readyForTheNext();
}

/**
 * @param {"good"|"warning"|"problem"} tone
 * @param {string} text
 */
function notice(tone, text) {
  fill($("#notice"), h("p", { class: `note note-${tone}` }, text));
}

/**
 * @param {import("../api.js").ApiError} error
 * @param {string} [more]  What that means for what was asked.
 */
function onTrouble(error, more = "") {
  if (error.status === 401 && ["NOT_SIGNED_IN", "SIGN_IN_FAILED"].includes(error.code)) {
    showSignIn("Please sign in again.");
    return;
  }
  notice("problem", `${said(error)} ${more}`);
}

if (session()) open().catch(onTrouble);
else showSignIn();
