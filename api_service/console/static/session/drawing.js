// @ts-check
/** Draws a stretch of the recording: how loud it is, in the colour of who speaks. */

import { ask, Problem } from "../api.js";
import { speakerOf } from "./transcript.js";

const FULL = 255;
const STEPS_PER_DECIBEL = 4;
const QUIET = 0.06; // how high a bar is at least
const UNKNOWN = 0.35; // how high all are where nobody has measured it
const MARGIN = 8; // pixels above and below, together
const HEARD = 75; // a byte of the waveform: -45 dBFS, where speech begins
const ROOM = 2.5; // how much louder than its speech usually is a recording may get before it is cut off
const OVERLAP = 3; // segments that may reach into the one after them

/** What the bytes of a waveform stand for: full scale is 1. */
const AMPLITUDES = Float32Array.from({ length: FULL + 1 }, (_, level) =>
  level ? 10 ** ((level - FULL) / STEPS_PER_DECIBEL / 20) : 0);

const BAR = 3; // pixels from one bar to the next

export class Drawing {
  /** @param {import("./transcript.js").Transcript} transcript @param {number} length Milliseconds. */
  constructor(transcript, length) {
    this.transcript = transcript;
    this.length = length;
    /** @type {Uint8Array | null} */
    this.peaks = null;
    this.msPerPeak = 0;
    this.full = 1;
    /** @type {Map<number | null | undefined, string>} */
    this.palette = new Map();
  }

  /** @param {string} session */
  async load(session) {
    try {
      const answer = await (await ask("GET", `/v1/sessions/${session}/waveform`)).json();
      this.msPerPeak = answer.ms_per_peak;
      this.peaks = Uint8Array.from(atob(answer.peaks), (character) => character.charCodeAt(0));
      this.full = ROOM * usual(this.peaks);
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // without it one sees who speaks when
    }
  }

  /** Read the colours again: the page has become light or dark. */
  forgetColours() {
    this.palette.clear();
  }

  /** @param {HTMLCanvasElement} canvas @param {number} from Milliseconds. @param {number} to */
  paint(canvas, from, to) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const context = canvas.getContext("2d");
    if (!context || !width) return;
    const scale = devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const step = ((to - from) / width) * BAR;
    const first = Math.floor(from / step); // bars stand on a grid of the recording, so that they do not shimmer
    context.setTransform(scale, 0, 0, scale, (first * step - from) * (scale * width) / (to - from), 0);
    const bars = Math.ceil(width / BAR) + 1;
    const colours = this.#colours(first * step, step, bars);
    for (let n = 0; n < bars; n += 1) {
      const start = (first + n) * step;
      if (start < 0 || start >= this.length) continue;
      const high = Math.max(1, this.#height(start, step) * (height - MARGIN));
      context.fillStyle = colours[n];
      context.fillRect(n * BAR, (height - high) / 2, BAR - 1, high);
    }
  }

  /** @param {number} start @param {number} step @returns {number} How loud it is on average, from 0 to 1. */
  #height(start, step) {
    if (!this.peaks) return UNKNOWN;
    const first = Math.floor(start / this.msPerPeak);
    const end = Math.min(this.peaks.length, Math.max(first + 1, Math.floor((start + step) / this.msPerPeak)));
    let sum = 0;
    for (let n = first; n < end; n += 1) sum += AMPLITUDES[this.peaks[n]];
    const mean = sum / Math.max(1, end - first);
    return Math.max(QUIET, Math.min(1, Math.sqrt(mean / this.full)));
  }

  /** @param {number} from @param {number} step @param {number} bars @returns {string[]} Whose voice each bar is. */
  #colours(from, step, bars) {
    const { segments, starts } = this.transcript;
    const colours = Array(bars).fill(this.#colour(undefined));
    const to = from + step * bars;
    for (let n = Math.max(0, this.transcript.indexAt(from) - OVERLAP); n < segments.length && starts[n] < to; n += 1) {
      const end = Number(segments[n].dataset.end);
      const first = Math.max(0, Math.floor((starts[n] - from) / step));
      const last = Math.ceil((end - from) / step);
      if (last > 0) colours.fill(this.#colour(speakerOf(segments[n])), first, last);
    }
    return colours;
  }

  /** @param {number | null | undefined} speaker Null: somebody unknown; undefined: nobody. */
  #colour(speaker) {
    const known = this.palette.get(speaker);
    if (known) return known;
    const name = speaker === undefined ? "--line-strong" : `--speaker-${speaker ?? 0}`;
    const colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    this.palette.set(speaker, colour);
    return colour;
  }
}

/** @param {Uint8Array} peaks @returns {number} The mean amplitude of what is heard. */
function usual(peaks) {
  const heard = peaks.filter((level) => level > HEARD);
  return heard.reduce((sum, level) => sum + AMPLITUDES[level], 0) / heard.length || 1;
}
