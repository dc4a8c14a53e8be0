// @ts-check
/**
 * When each word was said, and the mark on the one that is being spoken.
 *
 * No word is an element: the mark is a range (CSS Custom Highlight API), so three hours of speech are as light as their
 * paragraphs. A browser without it marks the segment alone.
 */

import { ask } from "../api.js";
import { said } from "./transcript.js";

/** A word: its characters in the segment's text, and its milliseconds. @typedef {[from: number, to: number, start: number, end: number]} Placed */

const mark = "Highlight" in window ? new Highlight() : null;
if (mark) CSS.highlights.set("spoken", mark);

export class Words {
  /** @param {string} session */
  constructor(session) {
    this.path = `/console/sessions/${session}/words`;
    /** @type {WeakMap<HTMLElement, (string | number)[]>} */
    this.heard = new WeakMap();
    /** @type {WeakMap<HTMLElement, Placed[]>} */
    this.placed = new WeakMap();
    /** @type {Placed | null} */
    this.marked = null;
  }

  /** Load all words, once. @param {import("./transcript.js").Transcript} transcript */
  async load(transcript) {
    const revision = transcript.revision;
    const answer = await (await ask("GET", this.path)).json();
    if (answer.revision !== revision || transcript.revision !== revision) return;
    transcript.segments.forEach((segment, n) => this.heard.set(segment, answer.segments[n] ?? []));
  }

  /** Note the words of a segment that an edit made. @param {HTMLElement} element @param {import("./transcript.js").Segment} segment */
  note(element, segment) {
    this.heard.set(element, (segment.words ?? []).flatMap((word) => [word.text, word.start_ms, word.end_ms]));
  }

  /** @param {HTMLElement} segment @returns {Placed[]} */
  of(segment) {
    const known = this.placed.get(segment);
    const heard = this.heard.get(segment);
    if (known || !heard) return known ?? [];
    const found = place(said(segment).textContent ?? "", heard);
    this.placed.set(segment, found);
    return found;
  }

  /** @param {HTMLElement} segment @param {number} ms @returns {Placed | undefined} The word that is spoken then, or was last. */
  at(segment, ms) {
    return this.of(segment).findLast((word) => word[2] <= ms);
  }

  /** @param {HTMLElement} segment @param {number} offset @returns {number | null} When the word around a character was said. */
  startOf(segment, offset) {
    const word = this.of(segment).findLast((each) => each[0] <= offset);
    return word ? word[2] : null;
  }

  /** Mark a word; null: none. @param {HTMLElement | null} segment @param {Placed | undefined} word */
  show(segment, word) {
    if (!mark || word === this.marked) return;
    this.marked = word ?? null;
    mark.clear();
    const text = segment && word ? said(segment).firstChild : null;
    if (!text || !word) return;
    const range = new Range();
    range.setStart(text, word[0]);
    range.setEnd(text, word[1]);
    mark.add(range);
  }
}

/** Find the words in the text, one after the other; what a person changed has no words. @param {string} text @param {(string | number)[]} heard */
function place(text, heard) {
  /** @type {Placed[]} */
  const placed = [];
  let reached = 0;
  for (let n = 0; n < heard.length; n += 3) {
    const word = String(heard[n]);
    const from = text.indexOf(word, reached);
    if (from < 0) break;
    reached = from + word.length;
    placed.push([from, reached, Number(heard[n + 1]), Number(heard[n + 2])]);
  }
  return placed;
}

/** @param {MouseEvent} event @returns {number | null} The character of the text that was clicked. */
export function clickedCharacter(event) {
  if (document.caretPositionFromPoint) return document.caretPositionFromPoint(event.clientX, event.clientY)?.offset ?? null;
  return document.caretRangeFromPoint?.(event.clientX, event.clientY)?.startOffset ?? null;
}
