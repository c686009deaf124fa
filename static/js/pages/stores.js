/** stores.html: where customers pick up and bring back. */

import { getStores } from "../api.js";
import { $, announce, fill, h } from "../dom.js";
import { mapUrl, phoneUrl } from "../links.js";
import { troubleWords } from "../words.js";

const list = $("#stores");

async function load() {
  $("#load-problem").hidden = true;
  list.setAttribute("aria-busy", "true");
  try {
    fill(list, ...(await getStores()).map(row));
  } catch (error) {
    $("#load-problem-text").textContent = troubleWords(error);
    $("#load-problem").hidden = false;
    announce(`The stores could not be loaded. ${troubleWords(error)}`);
  } finally {
    list.setAttribute("aria-busy", "false");
  }
}

/** @param {import("../api.js").Store} store */
function row(store) {
  const { name, address, phone, hours } = store;
  return h(
    "li",
    { class: "panel" },
    h("h2", {}, name),
    address && h("p", {}, address),
    hours && h("p", {}, hours),
    phone && h("p", {}, h("a", { href: phoneUrl(phone) }, phone)),
    address &&
      h(
        "a",
        { class: "button button-quiet", href: mapUrl(store), rel: "noreferrer" },
        "Open the map",
        h("span", { class: "visually-hidden" }, ` of ${name}`),
      ),
  );
}

$("#retry").addEventListener("click", load);
load();
