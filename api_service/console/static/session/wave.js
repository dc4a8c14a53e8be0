// @ts-check
/** The recording at a glance: how loud it is, in the colour of who speaks; click or drag to go there. */

import { ask } from "../api.js";
import { clock } from "../times.js";
import { speakerOf } from "./transcript.js";

const FULL = 255;
const STEPS_PER_DECIBEL = 4;
const BAR = 3; // pixels from one bar to the next
const QUIET = 0.06; // how high a bar is of which nothing is known

export class Wave {
  /**
   * @param {HTMLElement} slider
   * @param {import("./player.js").Player} player
   * @param {import("./transcript.js").Transcript} transcript
   */
  constructor(slider, player, transcript) {
    this.slider = slider;
    this.player = player;
    this.transcript = transcript;
    this.canvas = /** @type {HTMLCanvasElement} */ (slider.querySelector("canvas"));
    this.played = /** @type {HTMLElement} */ (slider.querySelector(".played"));
    this.head = /** @type {HTMLElement} */ (slider.querySelector(".head-of-play"));
    /** @type {Uint8Array | null} */
    this.peaks = null;
    this.msPerPeak = 0;
    new ResizeObserver(() => this.draw()).observe(slider);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    document.addEventListener("console:theme", () => this.draw());
    player.addEventListener("moved", () => this.#follow());
    this.#listen();
  }

  /** @param {string} session A session without a waveform shows who speaks when, all as loud. */
  async load(session) {
    try {
      const answer = await (await ask("GET", `/v1/sessions/${session}/waveform`)).json();
      this.msPerPeak = answer.ms_per_peak;
      this.peaks = Uint8Array.from(atob(answer.peaks), (character) => character.charCodeAt(0));
    } catch {
      this.peaks = null;
    }
    this.draw();
  }

  draw() {
    const { width, height } = this.slider.getBoundingClientRect();
    const scale = devicePixelRatio || 1;
    const context = this.canvas.getContext("2d");
    if (!context || !width) return;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    context.scale(scale, scale);
    const bars = Math.floor(width / BAR);
    const heights = this.#heights(bars);
    const colours = this.#colours(bars);
    for (let n = 0; n < bars; n += 1) {
      const high = Math.max(1, heights[n] * (height - 8));
      context.fillStyle = colours[n];
      context.fillRect(n * BAR, (height - high) / 2, BAR - 1, high);
    }
    this.#follow();
  }

  /** @param {number} bars @returns {number[]} From 0 to 1; the loudest of the recording is 1. */
  #heights(bars) {
    const { peaks, msPerPeak } = this;
    if (!peaks) return Array(bars).fill(0.35);
    const loudest = amplitude(peaks.reduce((most, each) => Math.max(most, each), 1));
    const each = this.player.length / bars / msPerPeak;
    return Array.from({ length: bars }, (_, n) => {
      const part = peaks.subarray(Math.floor(n * each), Math.max(Math.floor((n + 1) * each), Math.floor(n * each) + 1));
      return Math.max(QUIET, Math.sqrt(amplitude(part.reduce((most, peak) => Math.max(most, peak), 0)) / loudest));
    });
  }

  /** @param {number} bars @returns {string[]} Whose voice each bar is. */
  #colours(bars) {
    const style = getComputedStyle(this.slider);
    const own = (/** @type {number | null} */ speaker) => style.getPropertyValue(`--speaker-${speaker ?? 0}`).trim();
    const silent = style.getPropertyValue("--line-strong").trim();
    const colours = Array(bars).fill(silent);
    const known = new Map();
    for (const segment of this.transcript.segments) {
      const speaker = speakerOf(segment);
      if (!known.has(speaker)) known.set(speaker, own(speaker));
      const [start, end] = [Number(segment.dataset.start), Number(segment.dataset.end)];
      const first = Math.floor((start / this.player.length) * bars);
      const last = Math.min(bars - 1, Math.floor((end / this.player.length) * bars));
      colours.fill(known.get(speaker), first, last + 1);
    }
    return colours;
  }

  #follow() {
    const { ms, length } = this.player;
    const share = `${length ? (100 * ms) / length : 0}%`;
    this.played.style.width = share;
    this.head.style.left = share;
    const seconds = String(Math.floor(ms / 1000));
    if (this.slider.getAttribute("aria-valuenow") === seconds) return;
    this.slider.setAttribute("aria-valuenow", seconds);
    this.slider.setAttribute("aria-valuetext", clock(ms));
  }

  #listen() {
    const go = (/** @type {PointerEvent} */ event) => {
      const { left, width } = this.slider.getBoundingClientRect();
      this.player.jump(((event.clientX - left) / width) * this.player.length);
    };
    this.slider.addEventListener("pointerdown", (event) => {
      this.slider.setPointerCapture(event.pointerId);
      go(event);
    });
    this.slider.addEventListener("pointermove", (event) => {
      if (this.slider.hasPointerCapture(event.pointerId)) go(event);
    });
    const steps = {
      Home: -Infinity, End: Infinity, PageUp: 60_000, PageDown: -60_000,
      ArrowLeft: -5_000, ArrowRight: 5_000, ArrowDown: -5_000, ArrowUp: 5_000,
    };
    this.slider.addEventListener("keydown", (event) => {
      const step = steps[/** @type {keyof steps} */ (event.key)];
      if (step === undefined || event.shiftKey) return;
      event.preventDefault();
      this.player.jump(this.player.ms + step);
    });
  }
}

/** @param {number} level A byte of the waveform. @returns {number} */
function amplitude(level) {
  return level ? 10 ** ((level - FULL) / STEPS_PER_DECIBEL / 20) : 0;
}
