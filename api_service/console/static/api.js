// @ts-check
/** Asks the JSON API from a page: with the page's token, and with refusals as errors that people can read. */

/** The answer that says no: a problem document, or a connection that failed (`status` 0). */
export class Problem extends Error {
  /** @param {number} status @param {Record<string, any>} body */
  constructor(status, body) {
    super(worded(String(body.code ?? ""), body.detail ?? ""));
    this.status = status;
    this.code = String(body.code ?? "");
    this.body = body;
  }
}

/** @type {Record<string, [string, string]>} By code: words of the page's language, and the API's own that they replace. */
const WORDS = JSON.parse(document.getElementById("error-words")?.textContent ?? "{}");

/** @param {string} code @param {string} detail */
function worded(code, detail) {
  const [words, usual] = WORDS[code] ?? ["", ""];
  return [words, detail === usual && words ? "" : detail].filter(Boolean).join(" ");
}

/** @returns {Record<string, string>} The headers that prove that a request comes from this page. */
export function proof() {
  return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
}

/**
 * Send a request; what is given as `json` goes as JSON.
 * @param {string} method
 * @param {string} path
 * @param {{json?: unknown, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<Response>} Of a status below 400; else Problem is thrown.
 */
export async function ask(method, path, { json, headers = {}, signal } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  /** @type {Record<string, string>} */
  const kind = json === undefined ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(path, { method, body, signal, headers: { Accept: "application/json", ...proof(), ...kind, ...headers } });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, { code: "offline" });
  }
  if (answer.ok || answer.status === 304) return answer;
  if (answer.status === 401) signIn();
  throw await problemOf(answer);
}

/** @param {Response} answer */
async function problemOf(answer) {
  try {
    return new Problem(answer.status, await answer.json());
  } catch {
    return new Problem(answer.status, { detail: answer.statusText });
  }
}

function signIn() {
  const here = location.pathname + location.search;
  location.assign(`/console/sign-in?next=${encodeURIComponent(here)}`);
}

/** @returns {string} An id that no other request has; also where the page came over plain HTTP. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Show what went wrong, or what was done, in the corner where the console shows such things.
 * @param {string} text
 * @param {"wrong" | "done"} kind
 */
export function notice(text, kind = "wrong") {
  const shown = document.createElement("div");
  shown.className = `notice ${kind}`;
  const words = document.createElement("p");
  words.textContent = text;
  shown.append(words);
  document.getElementById("notices")?.replaceChildren(shown);
  setTimeout(() => shown.remove(), kind === "done" ? 4000 : 12000);
}

/**
 * Do something; what goes wrong is shown.
 * @template T
 * @param {() => Promise<T>} task
 * @param {string} offline What to say of a lost connection.
 * @returns {Promise<T | undefined>}
 */
export async function shown(task, offline) {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    notice(error.status === 0 ? offline : error.message);
    return undefined;
  }
}
