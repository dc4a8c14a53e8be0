// @ts-check
/**
 * Changes of the transcript, each with the revision that the page saw.
 *
 * Where somebody else has changed what an edit touches, the page shows the transcript of now and asks which of the two
 * is to stay. Where they changed something else, the edit is made and the page shows theirs too.
 */

import { announce } from "../announce.js";
import { ask, notice, Problem } from "../api.js";
import { said } from "./transcript.js";

/** @typedef {{revision: number, edit: object | null, changes: import("./transcript.js").Change[], speakers: import("./people.js").Person[] | null}} Edited */

const texts = /** @type {HTMLTemplateElement} */ (document.getElementById("words")).dataset;

export class Editing {
  /**
   * @param {string} session
   * @param {import("./transcript.js").Transcript} transcript
   * @param {import("./people.js").People} people
   * @param {() => void} onReplaced Called when the page has the whole transcript anew.
   */
  constructor(session, transcript, people, onReplaced) {
    this.path = `/v1/sessions/${session}`;
    this.console = `/console/sessions/${session}`;
    this.transcript = transcript;
    this.people = people;
    this.onReplaced = onReplaced;
    this.busy = false;
    this.hasSaved = false;
    /** Called when something begins to be saved, and when it has ended. */
    this.onState = () => {};
  }

  /** @param {HTMLElement} segment @param {string} text @returns {Promise<boolean>} Whether the segment says so now. */
  rewrite(segment, text) {
    return this.#change(segment, "PATCH", "", { text }, text, (now) => said(now).textContent ?? "");
  }

  /** @param {HTMLElement} segment @param {number | null} speaker */
  reassign(segment, speaker) {
    const theirs = (/** @type {HTMLElement} */ now) => now.querySelector(".who")?.textContent ?? "";
    return this.#change(segment, "PATCH", "", { speaker }, this.people.nameOf(speaker), theirs);
  }

  /** @param {HTMLElement} segment @param {number} at A character, counted in code points. */
  split(segment, at) {
    return this.#change(segment, "POST", "/split", { at });
  }

  /** @param {HTMLElement} segment */
  merge(segment) {
    if (this.transcript.segments.at(-1) !== segment) return this.#change(segment, "POST", "/merge", { count: 2 });
    notice(texts.noNext ?? "");
    return Promise.resolve(false);
  }

  /** @param {HTMLElement} segment */
  remove(segment) {
    return this.#change(segment, "DELETE", "");
  }

  /** @param {import("./people.js").Person[]} speakers */
  name(speakers) {
    return this.#guarded(() => this.#send("PUT", "/speakers", { speakers }));
  }

  undo() {
    return this.#guarded(() => this.#send("POST", "/transcript/undo"), texts.nothingUndo);
  }

  redo() {
    return this.#guarded(() => this.#send("POST", "/transcript/redo"), texts.nothingRedo);
  }

  /**
   * Change one segment; `mine` and `theirs` word the two sides of a conflict.
   * @param {HTMLElement} segment
   * @param {string} method
   * @param {string} what
   * @param {object} [json]
   * @param {string} [mine]
   * @param {(now: HTMLElement) => string} [theirs]
   */
  #change(segment, method, what, json, mine, theirs) {
    const middle = (Number(segment.dataset.start) + Number(segment.dataset.end)) / 2;
    const path = (/** @type {HTMLElement} */ each) => `/segments/${this.transcript.numberOf(each)}${what}`;
    const again = async () => {
      const now = this.transcript.at(middle);
      if (!now || mine === undefined || !theirs) return false;
      const chosen = theirs(now) === mine ? "theirs" : await choice(theirs(now), mine);
      return chosen === "mine" && this.#guarded(() => this.#send(method, path(now), json));
    };
    return this.#guarded(() => this.#send(method, path(segment), json), undefined, again);
  }

  /**
   * Do one thing at a time, and say what stood in its way.
   * @param {() => Promise<void>} task
   * @param {string} [impossible] What to say where there is nothing to do.
   * @param {() => Promise<boolean>} [again] What to do after the page shows what others did.
   * @returns {Promise<boolean>}
   */
  async #guarded(task, impossible, again) {
    if (this.busy) return false;
    this.busy = true;
    this.onState();
    try {
      await task();
      this.hasSaved = true;
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 412) return await this.#overtaken(again);
      notice(error.status === 0 ? texts.offline ?? "" : error.code === "conflict" && impossible ? impossible : error.message);
      return false;
    } finally {
      this.busy = false;
      setTimeout(this.onState); // when the editor is closed
    }
  }

  /** @param {() => Promise<boolean>} [again] */
  async #overtaken(again) {
    await this.reload();
    this.busy = false;
    if (again && (await again())) return true;
    notice(texts.overtaken ?? "");
    return false;
  }

  /** @param {string} method @param {string} path @param {object} [json] */
  async #send(method, path, json) {
    const seen = this.transcript.revision;
    const headers = { "If-Match": `"${seen}"` };
    const answer = await ask(method, this.path + path, { json, headers });
    /** @type {Edited} */
    const edited = await answer.json();
    if (edited.revision > seen + 1) return this.reload(); // somebody else was here too
    this.transcript.revision = edited.revision;
    if (edited.speakers) this.people.take(edited.speakers);
    this.transcript.apply(edited.changes);
    if (edited.speakers) this.transcript.rename();
    announce((texts.changed ?? "").replace("#", String(edited.revision)));
    document.body.dispatchEvent(new Event("transcript-changed"));
  }

  /** Show the transcript as it is now. */
  async reload() {
    const page = await ask("GET", `${this.console}/segments`, { headers: { Accept: "text/html" } });
    const speakers = await (await ask("GET", `${this.path}/speakers`)).json();
    const list = new DOMParser().parseFromString(await page.text(), "text/html").getElementById("transcript");
    if (!list) return;
    this.transcript.list.replaceWith(list);
    this.transcript.take(list);
    this.people.take(speakers.speakers);
    this.onReplaced();
    document.body.dispatchEvent(new Event("transcript-changed"));
  }
}

/** Ask which of two versions is to stay. @param {string} theirs @param {string} mine @returns {Promise<string>} */
function choice(theirs, mine) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("conflict"));
  /** @type {HTMLElement} */ (document.getElementById("theirs")).textContent = theirs;
  /** @type {HTMLElement} */ (document.getElementById("mine")).textContent = mine;
  dialog.returnValue = "theirs";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}
