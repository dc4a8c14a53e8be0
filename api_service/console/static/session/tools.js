// @ts-check
/** The segment that is chosen: its tools, and the editor in its place. One segment is a stop of the Tab key, not all. */

import { notice } from "../api.js";
import { canCopy, copy } from "./quotation.js";
import { said, speakerOf } from "./transcript.js";

const texts = /** @type {HTMLTemplateElement} */ (document.getElementById("words")).dataset;

/** @param {string} id @returns {HTMLElement} */
function copyOf(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
}

export class Tools {
  /**
   * @param {import("./transcript.js").Transcript} transcript
   * @param {import("./editing.js").Editing} editing
   * @param {import("./people.js").People} people
   * @param {import("./player.js").Player} player
   */
  constructor(transcript, editing, people, player) {
    this.transcript = transcript;
    this.editing = editing;
    this.people = people;
    this.player = player;
    this.bar = copyOf("tools-blank");
    this.speaker = /** @type {HTMLSelectElement | null} */ (this.bar.querySelector("select"));
    /** @type {HTMLElement | null} */
    this.chosen = null;
    /** @type {HTMLElement | null} */
    this.editor = null;
    if (!canCopy) this.bar.querySelector("[data-do=copy]")?.remove();
    this.bar.addEventListener("click", (event) => this.#clicked(event));
    this.speaker?.addEventListener("change", () => this.giveTo(this.speaker?.value ?? ""));
    this.#stop(transcript.segments[0]);
  }

  get writes() {
    return this.speaker !== null;
  }

  /** Whether the editor has what is not saved. */
  get isChanged() {
    const area = this.editor?.querySelector("textarea");
    return area !== undefined && area !== null && this.chosen !== null && area.value !== said(this.chosen).textContent;
  }

  /** Choose a segment. @param {HTMLElement | undefined} segment @param {{focus?: boolean}} [options] */
  choose(segment, { focus = false } = {}) {
    if (!segment) return;
    if (segment !== this.chosen && !this.editor) {
      this.#stop(segment);
      this.#show(segment);
      this.#fill(segment);
    }
    if (focus && !this.editor) {
      segment.focus({ preventScroll: true });
      segment.scrollIntoView({ block: "nearest" });
    }
  }

  /** @param {HTMLElement} segment */
  #show(segment) {
    this.chosen?.classList.remove("chosen");
    this.chosen = segment;
    segment.classList.add("chosen");
    segment.querySelector(".by")?.after(this.bar);
  }

  /** Choose another after the page was made anew. */
  forget() {
    this.editor = null;
    this.chosen = null;
    this.#stop(this.transcript.segments[0]);
  }

  /** Choose the one before or after; the first time, the one that is being spoken. @param {number} step */
  move(step) {
    const { segments } = this.transcript;
    let n = this.chosen?.isConnected
      ? this.transcript.numberOf(this.chosen) + step
      : Math.max(0, this.transcript.indexAt(this.player.ms));
    while (segments[n] && !this.transcript.shows(segments[n])) n += step;
    this.choose(segments[n] ?? this.chosen ?? undefined, { focus: true });
  }

  async copy() {
    if (this.chosen && canCopy) await copy(this.chosen);
  }

  hear() {
    if (this.chosen) this.player.hear(Number(this.chosen.dataset.start));
  }

  edit() {
    const segment = this.chosen;
    if (!segment || !this.writes || this.editor) return;
    this.player.audio.pause();
    const editor = copyOf("editor-blank");
    const area = /** @type {HTMLTextAreaElement} */ (editor.querySelector("textarea"));
    area.value = said(segment).textContent ?? "";
    said(segment).hidden = true;
    this.bar.remove();
    segment.append(editor);
    this.editor = editor;
    area.focus();
    area.setSelectionRange(0, 0);
    editor.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(segment, area);
    });
    editor.addEventListener("keydown", (event) => this.#typed(event, segment, area));
    editor.querySelector("[data-do=split]")?.addEventListener("click", () => this.#split(segment, area));
    editor.querySelector("[data-do=cancel]")?.addEventListener("click", () => this.#close(segment));
  }

  /** @param {string} speaker A number; empty: nobody. */
  async giveTo(speaker) {
    const segment = this.chosen;
    if (!segment || !this.writes) return;
    const number = speaker ? Number(speaker) : null;
    if (number !== null && !this.people.people.some((each) => each.number === number)) return;
    await this.#then(segment, () => this.editing.reassign(segment, number));
  }

  async merge() {
    const segment = this.chosen;
    const all = !("only" in this.transcript.list.dataset); // else the next one may be out of sight
    if (segment && this.writes && all) await this.#then(segment, () => this.editing.merge(segment));
  }

  /** @param {MouseEvent} event */
  async #clicked(event) {
    const action = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset.do;
    const segment = this.chosen;
    if (!segment) return;
    if (action === "play") this.hear();
    if (action === "copy") await this.copy();
    if (action === "edit") this.edit();
    if (action === "merge") await this.merge();
    if (action === "remove") await this.#then(segment, () => this.editing.remove(segment));
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} segment @param {HTMLTextAreaElement} area */
  #typed(event, segment, area) {
    if (event.isComposing) return; // Enter chooses a character there
    if (event.key === "Escape") this.#close(segment);
    else if (event.key === "Enter" && event.target === area) {
      event.preventDefault();
      if (event.shiftKey) this.#split(segment, area);
      else this.#save(segment, area);
    }
  }

  /** @param {HTMLElement} segment @param {HTMLTextAreaElement} area */
  async #save(segment, area) {
    const text = area.value;
    if (text === said(segment).textContent) {
      this.#close(segment);
      return true;
    }
    const place = this.transcript.numberOf(segment);
    const saved = await this.editing.rewrite(segment, text);
    if (saved || !segment.isConnected) this.#closed(place);
    return saved;
  }

  /** @param {HTMLElement} segment @param {HTMLTextAreaElement} area */
  async #split(segment, area) {
    const before = area.value.slice(0, area.selectionStart).replace(/\s+/gu, " ").trimStart();
    const rest = area.value.slice(area.selectionStart).trim();
    if (!before.trim() || !rest) {
      notice(texts.splitWhere ?? "");
      return;
    }
    const place = this.transcript.numberOf(segment);
    if (!(await this.#save(segment, area))) return;
    await this.editing.split(this.transcript.segments[place], [...before].length);
    this.#closed(place);
  }

  /** Do it, then choose what is there now. @param {HTMLElement} segment @param {() => Promise<boolean>} task */
  async #then(segment, task) {
    const place = this.transcript.numberOf(segment);
    await task();
    this.#closed(place);
  }

  /** @param {HTMLElement} segment */
  #close(segment) {
    this.editor?.remove();
    this.editor = null;
    said(segment).hidden = false;
    this.#show(segment);
    segment.focus({ preventScroll: true });
  }

  /** @param {number} place */
  #closed(place) {
    this.editor?.remove();
    this.editor = null;
    const { segments } = this.transcript;
    const segment = segments[Math.min(place, segments.length - 1)];
    this.chosen = null;
    if (!segment) return;
    said(segment).hidden = false;
    this.choose(segment, { focus: true });
  }

  /** Have the Tab key stop here, and at no other segment. @param {HTMLElement | undefined} segment */
  #stop(segment) {
    if (this.stop) this.stop.tabIndex = -1;
    if (segment) segment.tabIndex = 0;
    this.stop = segment;
  }

  /** @param {HTMLElement} segment */
  #fill(segment) {
    if (!this.speaker) return;
    const options = this.people.people.map(({ number, name }) => new Option(name, String(number)));
    this.speaker.replaceChildren(...options, new Option(texts.nobody ?? "", ""));
    this.speaker.value = String(speakerOf(segment) ?? "");
  }
}
