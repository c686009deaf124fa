/**
 * Who is signed in, and requests in their name.
 *
 * The tokens are in this tab's storage: they survive a reload and end with the tab, so that nobody
 * finds the desk open on a shared device the next morning. What the page loads comes from the site
 * alone and none of it is markup from outside (Content-Security-Policy), so no other script can
 * read them.
 */

import { request } from "../api.js";
import { deskSession } from "../storage.js";

/**
 * @typedef {{id_token: string, refresh_token: string, expires_in: number, name: string,
 *   stores: string[], is_manager: boolean}} Session
 */

const SESSION = "/api/desk/session";
/** Refreshed so long before it expires. */
const MARGIN_MS = 60_000;

// In memory too, for browsers without storage.
/** @type {Session & {good_until: number}|null} */
let current = deskSession.get();

export const session = () => current;

export const isManager = () => current?.is_manager === true;

/** @param {Session} answer */
function keep(answer) {
  current = { ...answer, good_until: Date.now() + answer.expires_in * 1000 };
  deskSession.set(current);
}

function forget() {
  current = null;
  deskSession.clear();
}

/**
 * @param {string} email
 * @param {string} password
 * @param {string} newPassword  Empty, unless the API asks for one (NEW_PASSWORD_REQUIRED).
 * @throws {ApiError}
 */
export async function signIn(email, password, newPassword) {
  const body = { email, password, ...(newPassword && { new_password: newPassword }) };
  keep((await request(SESSION, { body })).data);
}

export async function signOut() {
  const refresh_token = current?.refresh_token;
  forget();
  // Signed out here whether it is heard or not.
  await request("/api/desk/sign-out", { body: { refresh_token } }).catch(() => {});
}

/** @type {Promise<void>|null} */
let refreshing = null;

/** @throws {ApiError} */
async function refresh() {
  const body = { refresh_token: current?.refresh_token };
  refreshing ??= request(SESSION, { body })
    .then(({ data }) => keep(data))
    .finally(() => (refreshing = null));
  await refreshing;
}

/**
 * Ask the desk's API.
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 * @throws {ApiError} 401 when somebody must sign in anew
 */
export async function ask(path, body) {
  if ((current?.good_until ?? 0) - MARGIN_MS < Date.now()) await refresh();
  const send = async () => {
    const headers = { Authorization: current?.id_token ?? "" };
    return (await request(`/api/desk/${path}`, { body, headers })).data;
  };
  try {
    return await send();
  } catch (error) {
    if (error.code !== "NOT_SIGNED_IN") throw error;
    await refresh(); // the device's clock is wrong, or it slept
    return await send();
  }
}
