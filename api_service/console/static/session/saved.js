// @ts-check
/** Tells whether all that was written is saved, and asks before the page is left while it is not. */

const texts = /** @type {HTMLTemplateElement} */ (document.getElementById("words")).dataset;

/**
 * @param {HTMLElement} root
 * @param {import("./editing.js").Editing} editing
 * @param {import("./tools.js").Tools} tools
 * @param {import("./people.js").People} people
 */
export function watch(root, editing, tools, people) {
  const place = document.getElementById("saved");
  const isOpen = () => tools.isChanged || people.isChanged;
  const tell = () => {
    const text = editing.busy ? texts.saving : isOpen() ? texts.unsaved : editing.hasSaved ? texts.saved : "";
    if (place && place.textContent !== text) place.textContent = text ?? "";
    place?.classList.toggle("waits", isOpen());
  };
  editing.onState = tell;
  for (const name of ["input", "click", "keyup"]) root.addEventListener(name, () => setTimeout(tell));
  addEventListener("beforeunload", (event) => {
    if (editing.busy || isOpen()) event.preventDefault();
  });
}
