// @ts-check
/** The whole recording at a glance, to go anywhere in it; of a long one, the minute around the present place as well. */

import { clock } from "../times.js";

const NEAR_MS = 60_000; // what the strip below shows
const LONG_MS = 10 * 60_000; // recordings from here on have one

export class Wave {
  /**
   * @param {HTMLElement} slider
   * @param {import("./player.js").Player} player
   * @param {import("./drawing.js").Drawing} drawing
   */
  constructor(slider, player, drawing) {
    this.slider = slider;
    this.player = player;
    this.drawing = drawing;
    this.canvas = /** @type {HTMLCanvasElement} */ (slider.querySelector("canvas"));
    this.played = /** @type {HTMLElement} */ (slider.querySelector(".played"));
    this.head = /** @type {HTMLElement} */ (slider.querySelector(".head-of-play"));
    this.near = /** @type {HTMLElement} */ (document.getElementById("near"));
    this.near.hidden = player.length < LONG_MS;
    new ResizeObserver(() => this.draw()).observe(slider);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#recolour());
    document.addEventListener("console:theme", () => this.#recolour());
    player.addEventListener("moved", () => this.#follow());
    this.#listen();
  }

  draw() {
    this.drawing.paint(this.canvas, 0, this.player.length);
    this.#follow();
  }

  #recolour() {
    this.drawing.forgetColours();
    this.draw();
  }

  #follow() {
    const { ms, length } = this.player;
    const share = `${length ? (100 * ms) / length : 0}%`;
    this.played.style.width = share;
    this.head.style.left = share;
    if (!this.near.hidden) this.#paintNear(ms);
    const seconds = String(Math.floor(ms / 1000));
    if (this.slider.getAttribute("aria-valuenow") === seconds) return;
    this.slider.setAttribute("aria-valuenow", seconds);
    this.slider.setAttribute("aria-valuetext", clock(ms));
  }

  /** @param {number} ms */
  #paintNear(ms) {
    const canvas = /** @type {HTMLCanvasElement} */ (this.near.firstElementChild);
    this.drawing.paint(canvas, ms - NEAR_MS / 2, ms + NEAR_MS / 2);
  }

  #listen() {
    onDrag(this.slider, (share) => this.player.jump(share * this.player.length));
    this.near.addEventListener("click", (event) => {
      this.player.jump(this.player.ms + (shareOf(this.near, event) - 0.5) * NEAR_MS);
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

/** @param {Element} element @param {MouseEvent} event @returns {number} How far to the right, from 0 to 1. */
export function shareOf(element, event) {
  const { left, width } = element.getBoundingClientRect();
  return (event.clientX - left) / width;
}

/** @param {HTMLElement} element @param {(share: number) => void} go */
function onDrag(element, go) {
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    go(shareOf(element, event));
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) go(shareOf(element, event));
  });
}
