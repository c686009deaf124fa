// Keeps what is marked as live up to date: the page is asked for again, and the parts that have
// changed are put in the place of the old ones. Without this script, reload the page.

const TIMEOUT_SECONDS = 30;
const MISSED_BEFORE_TELLING = 3;

const live = document.getElementById("live");
const loadedAt = performance.now();
const lastAsked = new Map();
let missed = 0;

function due(now) {
  return [...document.querySelectorAll("[data-live]")].filter(
    (part) => now - (lastAsked.get(part.id) ?? loadedAt) >= Number(part.dataset.live) * 1000,
  );
}

function comparable(part) {
  const copy = part.cloneNode(true);
  for (const each of copy.querySelectorAll("details[open]")) each.removeAttribute("open");
  return copy.outerHTML;
}

function replace(old, fresh) {
  if (comparable(old) === comparable(fresh)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  for (const each of old.querySelectorAll("details[open][id]")) {
    fresh.querySelector(`#${CSS.escape(each.id)}`)?.setAttribute("open", "");
  }
  const { scrollLeft } = old;
  old.replaceWith(fresh);
  fresh.scrollLeft = scrollLeft;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

function statusOf(page) {
  return page.querySelector("#head .status")?.textContent ?? "";
}

// The browser parses what it gets: no text becomes markup here.
function askAgain() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.timeout = TIMEOUT_SECONDS * 1000;
    request.onload = () => (request.status === 200 ? resolve(request.response) : reject());
    request.onerror = request.ontimeout = reject;
    request.open("GET", location.href);
    request.send();
  });
}

async function refresh(parts) {
  const page = await askAgain();
  const before = statusOf(document);
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    if (fresh && part.isConnected) replace(part, document.adoptNode(fresh));
  }
  const after = statusOf(document);
  if (after !== before) live.textContent = `The execution has changed: ${after}`;
}

async function tick() {
  const now = performance.now();
  const parts = document.hidden ? [] : due(now);
  if (parts.length) {
    for (const part of parts) lastAsked.set(part.id, now);
    try {
      await refresh(parts);
      document.body.classList.remove("is-stale");
      missed = 0;
    } catch {
      missed += 1;
      if (missed === MISSED_BEFORE_TELLING) {
        document.body.classList.add("is-stale");
        live.textContent = "The stack does not answer: what you see may be old.";
      }
    }
  }
  setTimeout(tick, 500);
}

// Choosing a status is asking for it.
document.querySelector(".find fieldset")?.addEventListener("change", (event) => {
  event.target.form.requestSubmit();
});

if (document.querySelector("[data-live]")) setTimeout(tick, 500);
