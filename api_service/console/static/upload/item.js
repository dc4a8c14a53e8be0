// @ts-check
/** One recording on the page: what it is, how far it is, and what can be done with it. */

import { ask, newKey, Problem } from "../api.js";
import { clock, size } from "../times.js";
import * as memory from "./memory.js";
import { Sending } from "./sending.js";

const texts = /** @type {HTMLTemplateElement} */ (document.getElementById("words")).dataset;
const STATES = ["ready", "waiting", "sending", "paused", "retrying", "finishing", "done", "failed", "refused", "orphan"];

/** @param {string} text @param {Record<string, string>} values */
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export class Item extends EventTarget {
  /** @param {File | null} file Null: it was begun before the page was loaded. @param {memory.Begun | undefined} begun */
  constructor(file, begun) {
    super();
    const blank = /** @type {HTMLTemplateElement} */ (document.getElementById("item-blank"));
    this.element = /** @type {HTMLLIElement} */ (blank.content.firstElementChild?.cloneNode(true));
    this.title = /** @type {HTMLInputElement} */ (this.element.querySelector("[name=title]"));
    this.bar = /** @type {HTMLProgressElement} */ (this.element.querySelector("progress"));
    this.text = /** @type {HTMLElement} */ (this.element.querySelector(".state-text"));
    this.begun = begun;
    /** @type {number | null} Milliseconds, as the browser reads them. */
    this.length = null;
    this.state = "ready";
    this.size = 0;
    this.began = { at: 0, sent: 0 };
    /** @type {Sending | null} */
    this.sending = null;
    /** @type {File | null} */
    this.file = null;
    this.key = newKey();
    this.title.value = begun?.title ?? (file?.name ?? "").replace(/\.[^.]+$/, "").slice(0, this.title.maxLength);
    this.element.addEventListener("click", (event) => this.#clicked(event));
    this.take(file);
  }

  /** @param {File | null} file */
  take(file) {
    this.file = file;
    this.size = file?.size ?? this.begun?.size ?? 0;
    this.#facts();
    this.sending = file && new Sending(file, this.begun, {
      onProgress: (sent) => this.#progress(sent),
      onWaiting: (waiting) => this.show(waiting ? "retrying" : "sending"),
      onBegun: (upload, sealed) => this.#remember(upload, sealed),
    });
    this.show(file ? "ready" : "orphan", file ? texts.ready : texts.lost);
    if (file) measure(file).then((length) => this.#measured(length));
  }

  /** @param {string} state @param {string} [text] */
  show(state, text) {
    this.state = state;
    for (const each of STATES) this.element.classList.toggle(each, each === state);
    this.text.textContent = text ?? texts[state] ?? "";
    this.dispatchEvent(new Event("changed"));
  }

  /** Send the file and have it transcribed. @param {object} order */
  async send(order) {
    if (!this.sending) return;
    this.began = { at: performance.now(), sent: -1 };
    this.show("sending", "");
    try {
      const upload = await this.sending.run();
      this.show("finishing");
      const title = this.title.value.trim();
      const body = { upload_id: upload, ...(title ? { title } : {}), ...order };
      const answer = await ask("POST", "/v1/sessions", { json: body, headers: { "Idempotency-Key": this.key } });
      this.#done((await answer.json()).session.id);
    } catch (error) {
      this.#failed(error);
    }
  }

  pause() {
    this.sending?.pause();
  }

  /** @param {string} session */
  #done(session) {
    memory.forget(this.begun?.upload ?? null);
    this.bar.value = 100;
    this.title.readOnly = true;
    const link = /** @type {HTMLAnchorElement} */ (this.element.querySelector("[data-do=open]"));
    link.href = `/console/sessions/${session}`;
    this.show("done");
  }

  /** @param {unknown} error */
  #failed(error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      const sent = size(this.sending?.sent ?? 0);
      if (this.element.isConnected) this.show("paused", filled(texts.paused ?? "", { sent, size: size(this.size) }));
      return;
    }
    if (!(error instanceof Problem)) throw error;
    if (error.body.session_id) return this.#done(error.body.session_id); // an answer was lost: it was made before
    const refused = [413, 415].includes(error.status) || error.code === "upload_damaged";
    if (refused) this.#startAnew();
    this.show(refused ? "refused" : "failed", error.status === 0 ? texts.retrying : error.message);
  }

  #startAnew() {
    memory.forget(this.begun?.upload ?? null);
    this.begun = undefined;
    if (this.sending) this.sending.upload = this.sending.session = this.sending.sealed = null;
  }

  /** @param {number} sent */
  #progress(sent) {
    if (this.began.sent < 0) this.began.sent = sent;
    this.bar.value = (100 * sent) / this.size;
    const seconds = (performance.now() - this.began.at) / 1000;
    const rate = (sent - this.began.sent) / Math.max(seconds, 0.1);
    const left = seconds > 2 && rate > 0 ? clock(((this.size - sent) / rate) * 1000) : texts.left ?? "";
    this.text.textContent = filled(texts.sending ?? "", { sent: size(sent), size: size(this.size), left });
  }

  /** @param {string} upload @param {string | null} sealed */
  #remember(upload, sealed) {
    const { name = "", lastModified: changed = 0 } = this.file ?? {};
    this.begun = { upload, sealed, name, size: this.size, changed, title: this.title.value, at: Date.now() };
    memory.keep(this.begun);
  }

  /** @param {number | null} length */
  #measured(length) {
    this.length = length;
    this.#facts();
    this.dispatchEvent(new Event("changed"));
  }

  #facts() {
    const facts = [size(this.size), ...(this.length === null ? [] : [clock(this.length)])];
    /** @type {HTMLElement} */ (this.element.querySelector(".facts-of")).textContent = facts.join(", ");
  }

  /** @param {MouseEvent} event */
  async #clicked(event) {
    const action = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset.do;
    if (action === "pause") this.pause();
    if (action === "resume") this.dispatchEvent(new Event("again"));
    if (action === "choose") this.dispatchEvent(new Event("choose"));
    if (action === "cancel") await this.#cancel();
  }

  async #cancel() {
    this.element.remove();
    this.state = "cancelled";
    const upload = this.sending?.upload ?? this.begun?.upload ?? null;
    await new Sending(this.file ?? new File([], ""), upload ? { upload } : undefined, NOBODY).cancel();
    this.pause();
    memory.forget(upload);
    this.dispatchEvent(new Event("changed"));
  }
}

const NOBODY = { onProgress: () => {}, onWaiting: () => {}, onBegun: () => {} };

/** @param {File} file @returns {Promise<number | null>} How long it plays, where the browser can tell. */
function measure(file) {
  return new Promise((resolve) => {
    const audio = new Audio();
    const address = URL.createObjectURL(file);
    const end = (/** @type {number | null} */ length) => {
      URL.revokeObjectURL(address);
      resolve(length);
    };
    audio.preload = "metadata";
    audio.onloadedmetadata = () => end(Number.isFinite(audio.duration) ? Math.round(audio.duration * 1000) : null);
    audio.onerror = () => end(null);
    audio.src = address;
  });
}
