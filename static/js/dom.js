/** Building and finding elements. Text only ever becomes text nodes, never markup. */

/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {any}
 */
export const $ = (selector, root = document) => root.querySelector(selector);

/**
 * @param {string} tag
 * @param {Record<string, any>} [attributes]  Functions become event listeners by name;
 *   false and null are left out.
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {any} The element, of the class that goes with `tag`.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...present(children));
  return element;
}

/**
 * @param {Element} parent
 * @param {...(Node|string|number|null|undefined|false)} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...present(children));
}

/** @param {(Node|string|number|null|undefined|false)[]} children */
function present(children) {
  return children
    .filter((child) => child != null && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * Says a change to people who cannot see it. Every page that calls this has `<p id="live" role="status">`.
 * @param {string} text
 */
export function announce(text) {
  $("#live").textContent = text;
}

/** Widths in px that a photograph is kept in besides its own, of 1600: `name-480.jpg`. */
const WIDTHS = [480, 960];

/**
 * A picture of a collectible, or null when its address is not one of the site's own.
 * @param {string} url
 * @param {{eager?: boolean, sizes?: string}} [options]  `sizes`: how wide it is shown, as in HTML.
 */
export function picture(url, { eager = true, sizes = "22rem" } = {}) {
  if (!/^\/images\/[\w.-]+$/.test(url)) return null;
  const [, stem, type] = url.match(/^(.*)(\.(?:jpe?g|png|webp))$/i) ?? [];
  const smaller = WIDTHS.map((width) => `${stem}-${width}${type} ${width}w`);
  return h("img", {
    sizes: type ? sizes : null,
    srcset: type ? [...smaller, `${url} 1600w`].join(", ") : null,
    src: url,
    alt: "",
    width: 480,
    height: 360,
    loading: eager ? null : "lazy",
    error: ({ target }) => (target.srcset ? target.removeAttribute("srcset") : target.remove()),
  });
}
