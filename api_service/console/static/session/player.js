// @ts-check
/** Plays the recording: tells where it is, sixty times a second while it plays; remembers the speed. */

import { clock } from "../times.js";

const SPEED = "console.speed";
const STEP_MS = 10_000;

export class Player extends EventTarget {
  /** @param {HTMLAudioElement} audio @param {number} length Milliseconds, as the worker measured them. */
  constructor(audio, length) {
    super();
    this.audio = audio;
    this.length = length;
    this.button = /** @type {HTMLButtonElement} */ (document.getElementById("play"));
    this.clock = /** @type {HTMLElement} */ (document.getElementById("clock"));
    this.speeds = /** @type {HTMLSelectElement} */ (document.getElementById("speed"));
    /** @type {number | null} A place that was asked for before the recording was there. */
    this.wanted = null;
    this.button.addEventListener("click", () => this.toggle());
    this.speeds.addEventListener("change", () => this.setSpeed(this.speeds.value));
    for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, () => this.#told());
    for (const name of ["seeked", "timeupdate"]) audio.addEventListener(name, () => this.#tell());
    audio.addEventListener("loadedmetadata", () => this.#arrive());
    audio.addEventListener("error", () => this.dispatchEvent(new Event("missing")));
    for (const each of document.querySelectorAll("[data-jump]")) {
      each.addEventListener("click", () => this.jump(this.ms + Number(/** @type {HTMLElement} */ (each).dataset.jump)));
    }
    this.#tellDevice();
    this.setSpeed(localStorage.getItem(SPEED) ?? "1");
  }

  /** @returns {number} Milliseconds. */
  get ms() {
    return this.wanted ?? Math.round(this.audio.currentTime * 1000);
  }

  get playing() {
    return !this.audio.paused;
  }

  toggle() {
    if (this.playing) this.audio.pause();
    else this.play();
  }

  play() {
    this.audio.play().catch(() => {}); // a click that comes too soon, or no recording: `missing` tells
  }

  /** @param {number} ms */
  seek(ms) {
    const place = Math.max(0, Math.min(ms, this.length));
    if (this.audio.readyState === 0) this.wanted = place;
    else this.audio.currentTime = place / 1000;
    this.#tell();
  }

  /** Go where nobody has looked at the text yet. @param {number} ms */
  jump(ms) {
    this.seek(ms);
    this.dispatchEvent(new Event("jumped"));
  }

  /** @param {number} ms */
  hear(ms) {
    this.seek(ms);
    this.play();
  }

  /** @param {string} speed */
  setSpeed(speed) {
    const known = Array.from(this.speeds.options, (each) => each.value);
    if (!known.includes(speed)) return;
    this.speeds.value = speed;
    this.audio.defaultPlaybackRate = this.audio.playbackRate = Number(speed);
    localStorage.setItem(SPEED, speed);
  }

  /** @param {number} step 1: faster, -1: slower. */
  changeSpeed(step) {
    const next = this.speeds.options[this.speeds.selectedIndex + step];
    if (next) this.setSpeed(next.value);
  }

  /** What a locked phone and a keyboard's own keys show and do. */
  #tellDevice() {
    if (!("mediaSession" in navigator)) return;
    const title = document.getElementById("title")?.textContent ?? "";
    navigator.mediaSession.metadata = new MediaMetadata({ title });
    navigator.mediaSession.setActionHandler("seekbackward", () => this.jump(this.ms - STEP_MS));
    navigator.mediaSession.setActionHandler("seekforward", () => this.jump(this.ms + STEP_MS));
  }

  #arrive() {
    if (this.wanted === null) return;
    this.audio.currentTime = this.wanted / 1000;
    this.wanted = null;
    this.#tell();
  }

  #told() {
    const { play = "", pause = "" } = this.button.dataset;
    this.button.textContent = this.playing ? pause : play;
    this.#tell();
    if (this.playing) requestAnimationFrame(() => this.#frame());
  }

  #frame() {
    if (!this.playing) return;
    this.#tell();
    requestAnimationFrame(() => this.#frame());
  }

  #tell() {
    const now = clock(this.ms);
    if (this.clock.textContent !== now) this.clock.textContent = now;
    this.dispatchEvent(new Event("moved"));
  }
}
