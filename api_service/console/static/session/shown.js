// @ts-check
/** Whose words are shown: everyone's, or one speaker's alone. */

const texts = /** @type {HTMLTemplateElement} */ (document.getElementById("words")).dataset;

export class Shown {
  /** @param {import("./transcript.js").Transcript} transcript @param {import("./people.js").People} people */
  constructor(transcript, people) {
    this.transcript = transcript;
    this.people = people;
    this.choice = /** @type {HTMLSelectElement} */ (document.getElementById("only"));
    this.choice.addEventListener("change", () => transcript.showOnly(this.choice.value));
    this.refresh();
  }

  /** Offer the speakers as they are called now, and show the same one as before. */
  refresh() {
    const { people } = this.people;
    const before = this.choice.value;
    const options = people.map(({ number, name }) => new Option((texts.only ?? "").replace("#", name), String(number)));
    this.choice.replaceChildren(new Option(texts.everyone ?? "", ""), ...options);
    this.choice.value = people.some(({ number }) => String(number) === before) ? before : "";
    this.transcript.showOnly(this.choice.value);
    /** @type {HTMLElement} */ (document.getElementById("only-of")).hidden = people.length < 2;
  }
}
