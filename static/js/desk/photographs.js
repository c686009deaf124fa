/** Photographs of a thing's condition: taken with the phone's own camera, and shown. */

import { h } from "../dom.js";
import { dayAndTime } from "../format.js";
import { addPhotograph } from "./api.js";
import { STAGES } from "./words.js";

/** Enough to see a scratch, small enough for mobile data. */
const LONGEST_SIDE = 1600;
const QUALITY = 0.85;

/**
 * @param {import("./api.js").Details} rental
 * @param {import("./rental.js").Changed} changed
 */
export function photographs(rental, changed) {
  const input = h("input", {
    id: "photograph",
    type: "file",
    accept: "image/*",
    capture: "environment",
    class: "visually-hidden",
    change: () => take(input, rental.rental_id, changed),
  });
  return h(
    "section",
    { "aria-labelledby": "photographs-title", class: "desk-photographs" },
    h("h2", { id: "photographs-title" }, "Photographs"),
    h(
      "ul",
      {},
      ...rental.photographs.map(photograph),
    ),
    h("label", { class: "button button-quiet", for: "photograph" }, "Take a photograph"),
    input,
  );
}

/** @param {import("./api.js").Photograph} photograph */
function photograph({ url, taken_at, stage }) {
  const when = dayAndTime(taken_at);
  const picture = h("img", { src: url, alt: `Taken ${when}`, width: 160, height: 120 });
  return h(
    "li",
    {},
    h("a", { href: url, target: "_blank", rel: "noreferrer" }, picture),
    h("small", {}, STAGES[stage]),
    h("small", {}, when),
  );
}

/**
 * @param {HTMLInputElement} input
 * @param {string} rentalId
 * @param {import("./rental.js").Changed} changed
 */
async function take(input, rentalId, changed) {
  const [file] = input.files ?? [];
  if (!file) return;
  try {
    await addPhotograph(rentalId, await smaller(file));
    changed("The photograph is stored.");
  } catch {
    changed("The photograph could not be stored. Please try again.", "problem");
  }
}

/**
 * The picture as a JPEG of a moderate size, without what phones write into it (where it was taken).
 * @param {File} file
 * @returns {Promise<Blob>}
 */
async function smaller(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = h("canvas", {
    width: Math.round(bitmap.width * scale),
    height: Math.round(bitmap.height * scale),
  });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject()), "image/jpeg", QUALITY),
  );
}
