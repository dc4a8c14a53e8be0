// @ts-check
/** The speakers beside the transcript: who they are called and what they are; new ones, other names, roles swapped. */

/** @typedef {{number: number, name: string, role: string}} Person */

const texts = /** @type {HTMLTemplateElement} */ (document.getElementById("words")).dataset;

/** @type {Record<string, string>} */
const OTHER = { coach: "client", client: "coach" };

export class People {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.list = /** @type {HTMLUListElement} */ (form.querySelector("ul"));
    this.save = document.getElementById("save-speakers");
    this.swap = document.getElementById("swap");
    /** @type {(people: Person[]) => void} Called with what a person wants. */
    this.onWish = () => {};
    this.people = this.#read();
    form.addEventListener("change", (event) => this.#complete(event));
    form.addEventListener("input", () => this.#offer());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.onWish(this.#read());
    });
    document.getElementById("add-speaker")?.addEventListener("click", () => this.#add());
    this.swap?.addEventListener("click", () => this.onWish(this.#swapped()));
    this.#offer();
  }

  get isChanged() {
    return this.save !== null && !this.save.hidden;
  }

  /** Where two speak, and one is the coach, the other is the client, unless somebody said so before. @param {Event} event */
  #complete(event) {
    const roles = Array.from(this.list.querySelectorAll("select"));
    const chosen = roles.find((each) => each === event.target);
    const other = roles.find((each) => each !== event.target);
    if (!chosen || !other || roles.length !== 2 || other.value !== "unknown") return;
    other.value = OTHER[chosen.value] ?? other.value;
    this.#offer();
  }

  /** @param {number | null} number @returns {string} */
  nameOf(number) {
    if (number === null) return texts.nobody ?? "";
    const known = this.people.find((each) => each.number === number);
    return known?.name ?? (texts.speaker ?? "").replace("#", String(number));
  }

  /** Show what the speakers are now. @param {Person[]} people */
  take(people) {
    this.people = people.map(({ number, name, role }) => ({ number, name, role }));
    this.list.replaceChildren(...this.people.map((each) => this.#row(each)));
    this.#offer();
  }

  /** @returns {Person[]} What the form says. */
  #read() {
    return Array.from(this.list.children, (row) => ({
      number: Number(/** @type {HTMLElement} */ (row).dataset.number),
      name: /** @type {HTMLInputElement} */ (row.querySelector("input")).value.trim(),
      role: /** @type {HTMLSelectElement} */ (row.querySelector("select")).value,
    }));
  }

  #swapped() {
    return this.people.map((each) => ({ ...each, role: OTHER[each.role] ?? each.role }));
  }

  #offer() {
    const roles = this.people.map((each) => each.role);
    const one = (/** @type {string} */ role) => roles.filter((each) => each === role).length === 1;
    if (this.swap) this.swap.hidden = !(one("coach") && one("client"));
    if (this.save) this.save.hidden = JSON.stringify(this.#read()) === JSON.stringify(this.people);
  }

  #add() {
    const number = Math.max(0, ...this.#read().map((each) => each.number)) + 1;
    const row = this.#row({ number, name: (texts.speaker ?? "").replace("#", String(number)), role: "unknown" });
    this.list.append(row);
    row.querySelector("input")?.select();
    this.#offer();
  }

  /** @param {Person} person */
  #row({ number, name, role }) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("new-speaker"));
    const row = /** @type {HTMLLIElement} */ (template.content.firstElementChild?.cloneNode(true));
    row.dataset.number = String(number);
    row.querySelector(".voice")?.classList.add(`speaker-${number}`);
    for (const field of row.querySelectorAll("input, select")) {
      field.setAttribute("aria-label", (field.getAttribute("data-label") ?? "").replace("#", String(number)));
    }
    /** @type {HTMLInputElement} */ (row.querySelector("input")).value = name;
    /** @type {HTMLSelectElement} */ (row.querySelector("select")).value = role;
    return row;
  }
}
