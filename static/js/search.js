/** Finding collectibles by the words that people type: plurals, sizes, kinds, and near misses. */

/** A word with fewer letters is not guessed at: too many others are near it. */
const GUESSED_FROM = 4;

/** @param {string} text */
const words = (text) =>
  text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
    .map(singular);

/** @param {string} word */
function singular(word) {
  if (word.length < GUESSED_FROM || word.endsWith("ss")) return word;
  if (word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  return word.replace(/(?<=s|x|z|ch|sh)es$|s$/, "");
}

/**
 * What is found for these words; if nothing has them all, what has words one letter off.
 * @template {{name: string, description: string, size: string, category: string}} T
 * @param {T[]} all
 * @param {string} typed
 * @returns {{found: Set<T>, isGuess: boolean}}
 */
export function search(all, typed) {
  const wanted = words(typed);
  const having = (/** @type {(word: string, wanted: string) => boolean} */ fits) =>
    new Set(
      all.filter((each) => {
        const { name, description, size, category } = each;
        const own = words([name, description, size, category].join(" "));
        return wanted.every((word) => own.some((other) => fits(other, word)));
      }),
    );
  const found = having((own, word) => own.includes(word));
  if (found.size > 0) return { found, isGuess: false };
  return { found: having(isNear), isGuess: true };
}

/**
 * Whether a word is another, or one letter of it is wrong, missing, too many or swapped.
 * @param {string} own
 * @param {string} word
 */
function isNear(own, word) {
  if (own.includes(word)) return true;
  if (word.length < GUESSED_FROM || Math.abs(own.length - word.length) > 1) return false;
  let start = 0;
  while (start < word.length && own[start] === word[start]) start += 1;
  const rest = (/** @type {number} */ a, /** @type {number} */ b) =>
    own.slice(start + a) === word.slice(start + b);
  const isSwapped = own[start] === word[start + 1] && own[start + 1] === word[start] && rest(2, 2);
  return rest(1, 1) || rest(1, 0) || rest(0, 1) || isSwapped;
}
