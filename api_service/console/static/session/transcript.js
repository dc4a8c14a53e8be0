// @ts-check
/** The transcript in the page: which segment is where, which is spoken when, and what an edit makes of them. */

import { clock, duration } from "../times.js";

/**
 * A segment as the API gives it.
 * @typedef {{start_ms: number, end_ms: number, speaker: number | null, text: string,
 *   words?: {text: string, start_ms: number, end_ms: number}[]}} Segment
 * What an edit did: at segment `at`, as it was counted before, `removed` made way for `segments`.
 * @typedef {{at: number, removed: number, segments: Segment[]}} Change
 */

const texts = /** @type {HTMLTemplateElement} */ (document.getElementById("words")).dataset;
const blank = /** @type {HTMLTemplateElement} */ (document.getElementById("blank"));

export class Transcript {
  /** @param {HTMLElement} list @param {(number: number | null) => string} nameOf */
  constructor(list, nameOf) {
    this.nameOf = nameOf;
    /** @type {(element: HTMLElement, segment: Segment) => void} */
    this.onNew = () => {};
    this.list = list;
    this.revision = 0;
    /** @type {HTMLElement[]} */
    this.segments = [];
    /** @type {number[]} Milliseconds, one a segment. */
    this.starts = [];
    this.take(list);
  }

  /** Read what the page has; its elements are the segments. @param {HTMLElement} list */
  take(list) {
    this.list = list;
    this.revision = Number(list.dataset.revision);
    this.#count();
  }

  #count() {
    this.segments = Array.from(this.list.querySelectorAll(".segment"));
    this.starts = this.segments.map((each) => Number(each.dataset.start));
  }

  /** @param {HTMLElement} segment @returns {number} Its number, as the API counts. */
  numberOf(segment) {
    const near = this.indexAt(Number(segment.dataset.start));
    return this.segments[near] === segment ? near : this.segments.indexOf(segment);
  }

  /** @param {number} ms @returns {number} The last segment that begins no later; -1 before all. */
  indexAt(ms) {
    let [low, high] = [0, this.starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= ms) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** @param {number} ms @returns {HTMLElement | null} The segment that is spoken then. */
  at(ms) {
    return this.segments[this.indexAt(ms)] ?? null;
  }

  /** Make the page what the transcript is after an edit. @param {Change[]} changes */
  apply(changes) {
    for (const change of [...changes].reverse()) {
      const made = change.segments.map((each) => this.#element(each));
      const next = this.segments[change.at];
      if (next) next.before(...made);
      else this.#last().append(...made);
      for (const each of this.segments.slice(change.at, change.at + change.removed)) each.remove();
      this.#count();
      for (let n = change.at; n <= change.at + made.length; n += 1) this.#noteSilence(n);
    }
  }

  /** Note before a segment how long nobody spoke, where that was long. @param {number} n */
  #noteSilence(n) {
    const [before, segment] = [this.segments[n - 1], this.segments[n]];
    if (!segment) return;
    segment.querySelector(".silence")?.remove();
    const silence = before ? Number(segment.dataset.start) - Number(before.dataset.end) : 0;
    if (silence < Number(this.list.dataset.silence)) return;
    const note = document.createElement("p");
    note.className = "silence";
    note.lang = document.documentElement.lang;
    note.textContent = (texts.silence ?? "").replace("#", duration(silence));
    segment.prepend(note);
  }

  /** Show one speaker's words alone; empty: everyone's. @param {string} speaker */
  showOnly(speaker) {
    if (speaker) this.list.dataset.only = speaker;
    else delete this.list.dataset.only;
  }

  /** @param {HTMLElement | undefined} segment @returns {boolean} Whether it is among those that are shown. */
  shows(segment) {
    const { only } = this.list.dataset;
    return segment !== undefined && (only === undefined || segment.dataset.speaker === only);
  }

  /** @returns {Element} Where a segment goes that comes after all others. */
  #last() {
    return this.segments.at(-1)?.parentElement ?? this.list.lastElementChild ?? this.list;
  }

  /** Write every name anew. */
  rename() {
    for (const each of this.segments) who(each).textContent = this.nameOf(speakerOf(each));
  }

  /** @param {Segment} segment */
  #element(segment) {
    const element = /** @type {HTMLElement} */ (blank.content.firstElementChild?.cloneNode(true));
    element.dataset.start = String(segment.start_ms);
    element.dataset.end = String(segment.end_ms);
    if (segment.speaker !== null) element.dataset.speaker = String(segment.speaker);
    who(element).textContent = this.nameOf(segment.speaker);
    const at = /** @type {HTMLAnchorElement} */ (element.querySelector(".at"));
    at.textContent = clock(segment.start_ms);
    at.href = `?at=${segment.start_ms}`;
    said(element).textContent = segment.text;
    this.onNew(element, segment);
    return element;
  }
}

/** @param {HTMLElement} segment */
export const said = (segment) => /** @type {HTMLElement} */ (segment.querySelector(".said"));
/** @param {HTMLElement} segment */
const who = (segment) => /** @type {HTMLElement} */ (segment.querySelector(".who"));
/** @param {HTMLElement} segment @returns {number | null} */
export const speakerOf = (segment) => (segment.dataset.speaker ? Number(segment.dataset.speaker) : null);
