// Keeps what is marked as live up to date: the page is asked for again, and the parts that have
// changed are put in the place of the old ones. Without this script, reload the page.

const MISSED_BEFORE_TELLING = 3;

const live = document.getElementById("live");
const lastAsked = new Map();
let missed = 0;

function due(now) {
  return [...document.querySelectorAll("[data-live]")].filter(
    (part) => now - (lastAsked.get(part.id) ?? now0) >= Number(part.dataset.live) * 1000,
  );
}

const now0 = performance.now();

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

async function refresh(parts) {
  const answer = await fetch(location.href, { redirect: "error" });
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const before = statusOf(document);
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    if (fresh) replace(part, document.adoptNode(fresh));
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
