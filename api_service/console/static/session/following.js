// @ts-check
/** Follows along: marks what is being said and keeps it in sight, until the reader scrolls. */

export class Following {
  /**
   * @param {import("./transcript.js").Transcript} transcript
   * @param {import("./words.js").Words} words
   * @param {import("./player.js").Player} player
   * @param {import("./tools.js").Tools} tools
   */
  constructor(transcript, words, player, tools) {
    this.transcript = transcript;
    this.words = words;
    this.player = player;
    this.tools = tools;
    this.button = /** @type {HTMLButtonElement} */ (document.getElementById("follow"));
    /** @type {HTMLElement | null} */
    this.now = null;
    this.button.addEventListener("click", () => this.set(!this.on));
    player.addEventListener("moved", () => this.#move());
    player.addEventListener("jumped", () => this.on && this.#scroll());
    for (const name of ["wheel", "touchmove"]) addEventListener(name, () => this.set(false), { passive: true });
    addEventListener("keydown", (event) => {
      const elsewhere = /** @type {HTMLElement} */ (event.target).closest("input, textarea, select, [role=slider]");
      if (["PageUp", "PageDown", "Home", "End"].includes(event.key) && !elsewhere) this.set(false);
    });
    addEventListener("pointerdown", (event) => {
      if (event.clientX >= document.documentElement.clientWidth) this.set(false); // the scrollbar
    });
  }

  get on() {
    return this.button.getAttribute("aria-pressed") === "true";
  }

  /** @param {boolean} on */
  set(on) {
    if (on === this.on) return;
    this.button.setAttribute("aria-pressed", String(on));
    if (on) this.#scroll();
  }

  /** Show where the recording is, though the page was made anew. */
  refresh() {
    this.now = null;
    this.#move();
  }

  #move() {
    const segment = this.transcript.at(this.player.ms);
    if (segment !== this.now) {
      this.now?.classList.remove("now");
      this.now?.removeAttribute("aria-current");
      this.now = segment;
      if (segment) {
        segment.classList.add("now");
        segment.setAttribute("aria-current", "true");
        if (this.on && this.player.playing) this.#scroll();
      }
    }
    this.words.show(segment, segment ? this.words.at(segment, this.player.ms) : undefined);
  }

  #scroll() {
    if (!this.now || this.tools.editor) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.now.scrollIntoView({ block: "center", behavior: calm ? "instant" : "smooth" });
  }
}
