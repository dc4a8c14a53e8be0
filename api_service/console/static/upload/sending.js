// @ts-check
/**
 * Sends one file by the resumable protocol (tus 1.0), or straight to the bucket where the API says how.
 *
 * What has arrived is never sent again: after a break it asks how far the upload is and goes on from there. Bytes go by
 * XMLHttpRequest, since fetch does not tell how much it has sent.
 */

import { ask, Problem, proof } from "../api.js";

const PIECE = 16 * 1024 * 1024; // how much a broken connection can lose of what the server has not confirmed
const TUS = { "Tus-Resumable": "1.0.0" };
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** @typedef {{onProgress: (sent: number) => void, onWaiting: (waiting: boolean) => void, onBegun: (upload: string, sealed: string | null) => void}} Listener */

export class Sending {
  /**
   * @param {File} file
   * @param {{upload: string, sealed?: string | null} | undefined} begun What was begun before.
   * @param {Listener} listener
   */
  constructor(file, begun, listener) {
    this.file = file;
    this.upload = begun?.upload ?? null;
    this.listener = listener;
    this.sent = 0;
    /** @type {string | null} Where the bucket takes it: a secret, so that beyond the page it is kept sealed. */
    this.session = null;
    this.sealed = begun?.sealed ?? null;
    this.stop = new AbortController();
  }

  /** Send until all of it is there; returns the upload's id. Problem where it is refused; AbortError after `pause`. */
  async run() {
    this.stop = new AbortController();
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      const before = this.sent;
      try {
        return await this.#send();
      } catch (error) {
        if (!(error instanceof Problem) || !passes(error)) throw error;
        if (this.sent > before) wait = FIRST_WAIT_MS;
        this.listener.onWaiting(true);
        await pause(wait, this.stop.signal);
        this.listener.onWaiting(false);
      }
    }
  }

  /** Send nothing more; what was sent stays. */
  pause() {
    this.stop.abort();
  }

  /** Give it up, and erase what was sent. */
  async cancel() {
    this.pause();
    if (this.upload) await ask("DELETE", `/v1/uploads/${this.upload}`, { headers: TUS }).catch(() => {});
  }

  async #send() {
    const begun = this.upload === null ? await this.#begin() : await this.#look();
    if (begun.direct && begun.received === 0 && (await this.#direct(begun.direct))) return begun.id;
    let offset = begun.received;
    while (offset < this.file.size) {
      this.#told(offset);
      offset = await this.#piece(begun.id, offset);
    }
    this.#told(offset);
    return begun.id;
  }

  async #begin() {
    const name = btoa(String.fromCharCode(...new TextEncoder().encode(this.file.name)));
    const headers = { ...TUS, "Upload-Length": String(this.file.size), "Upload-Metadata": `filename ${name}` };
    const begun = await (await ask("POST", "/v1/uploads", { headers, signal: this.stop.signal })).json();
    this.upload = begun.id;
    this.session = this.sealed = null;
    this.listener.onBegun(begun.id, null);
    return begun;
  }

  /** How far it is; what the service has given up begins anew. */
  async #look() {
    try {
      return await (await ask("GET", `/v1/uploads/${this.upload}`, { signal: this.stop.signal })).json();
    } catch (error) {
      if (!(error instanceof Problem) || ![404, 410].includes(error.status)) throw error;
      return this.#begin();
    }
  }

  /** @param {string} upload @param {number} offset @returns {Promise<number>} How much is there now. */
  async #piece(upload, offset) {
    const headers = { ...TUS, ...proof(), "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    const piece = this.file.slice(offset, offset + PIECE);
    const answer = await this.#put("PATCH", `/v1/uploads/${upload}`, headers, piece, offset);
    if (answer.status === 204) return Number(answer.getResponseHeader("Upload-Offset"));
    throw problemOf(answer);
  }

  /**
   * Send it to the bucket by Cloud Storage's resumable protocol; false where the bucket does not let this page do so.
   * @param {{method: string, url: string, headers: Record<string, string>}} start
   */
  async #direct(start) {
    const before = this.session ?? (await this.#opened());
    this.session = before ?? (await this.#beginDirect(start));
    if (!this.session) return false; // no CORS rule lets us: through the API then
    const offset = before ? await this.#sentDirect(before) : 0;
    this.#told(offset);
    if (offset === this.file.size) return true;
    const range = `bytes ${offset}-${this.file.size - 1}/${this.file.size}`;
    const answer = await this.#put("PUT", this.session, { "Content-Range": range }, this.file.slice(offset), offset);
    if (answer.status === 200 || answer.status === 201) return true;
    throw this.#lost(answer.status);
  }

  /** @returns {Promise<string | null>} Where the bucket took it before the page was closed; null: it begins anew. */
  async #opened() {
    if (!this.sealed) return null;
    try {
      return (await (await this.#ask("open", { sealed: this.sealed })).json()).address;
    } catch (error) {
      if (!(error instanceof Problem) || passes(error)) throw error;
      return null;
    }
  }

  /** @param {string} session */
  async #keep(session) {
    try {
      this.sealed = (await (await this.#ask("seal", { address: session })).json()).sealed;
      this.listener.onBegun(this.upload ?? "", this.sealed);
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // it is sent all the same
    }
  }

  /** @param {"seal" | "open"} what @param {object} json */
  #ask(what, json) {
    return ask("POST", `/console/upload/${this.upload}/${what}`, { json, signal: this.stop.signal });
  }

  /** @param {{method: string, url: string, headers: Record<string, string>}} start @returns {Promise<string | null>} */
  async #beginDirect(start) {
    const { signal } = this.stop;
    try {
      const answer = await fetch(start.url, { method: start.method, headers: start.headers, signal });
      const session = answer.ok ? answer.headers.get("Location") : null;
      if (session) await this.#keep(session);
      return session;
    } catch (error) {
      if (signal.aborted) throw error;
      return null;
    }
  }

  /** @param {string} session @returns {Promise<number>} How much of it the bucket has. */
  async #sentDirect(session) {
    const range = { "Content-Range": `bytes */${this.file.size}` };
    const answer = await this.#put("PUT", session, range, new Blob(), 0, false);
    if (answer.status === 200 || answer.status === 201) return this.file.size;
    if (answer.status !== 308) throw this.#lost(answer.status);
    return Number(answer.getResponseHeader("Range")?.split("-")[1] ?? -1) + 1;
  }

  /** @param {number} status */
  #lost(status) {
    if (status === 404 || status === 410) this.session = this.sealed = null; // it is gone: the next try begins another
    return new Problem(0, { code: "offline" });
  }

  /**
   * @param {string} method
   * @param {string} address
   * @param {Record<string, string>} headers
   * @param {Blob} body
   * @param {number} offset
   * @param {boolean} [told] Whether what is sent is progress.
   * @returns {Promise<XMLHttpRequest>}
   */
  #put(method, address, headers, body, offset, told = true) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const { signal } = this.stop;
      const abort = () => request.abort();
      request.open(method, address);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      if (told) request.upload.onprogress = (event) => this.#told(offset + event.loaded);
      request.onload = () => resolve(request);
      request.onerror = () => reject(new Problem(0, { code: "offline" }));
      request.onabort = () => reject(signal.reason);
      request.onloadend = () => signal.removeEventListener("abort", abort);
      signal.addEventListener("abort", abort);
      if (signal.aborted) reject(signal.reason);
      else request.send(body);
    });
  }

  /** @param {number} sent */
  #told(sent) {
    this.sent = sent;
    this.listener.onProgress(sent);
  }
}

/** @param {Problem} problem @returns {boolean} Whether it is worth trying again: nothing is wrong with the file. */
function passes(problem) {
  return problem.status === 0 || problem.status === 429 || problem.status >= 500 || problem.code === "upload_offset";
}

/** @param {XMLHttpRequest} request */
function problemOf(request) {
  try {
    return new Problem(request.status, JSON.parse(request.responseText));
  } catch {
    return new Problem(request.status, { detail: request.statusText });
  }
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} Sooner when the connection is back. */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
