// @ts-check
/** The keyboard: one key a thing to do, off where somebody types, and off for those who switch it off in the help. */

const OFF = "console.keys-off";

/**
 * @param {import("./player.js").Player} player
 * @param {import("./tools.js").Tools} tools
 * @param {import("./following.js").Following} following
 * @param {import("./editing.js").Editing} editing
 * @param {(step: number) => void} nextWord
 */
export function listen(player, tools, following, editing, nextWord) {
  const by = (/** @type {number} */ seconds) => () => player.jump(player.ms + seconds * 1000);
  const help = /** @type {HTMLDialogElement} */ (document.getElementById("help"));
  /** @type {Record<string, () => unknown>} */
  const actions = {
    " ": () => player.toggle(),
    k: () => player.toggle(),
    j: by(-10),
    l: by(10),
    ArrowLeft: by(-5),
    ArrowRight: by(5),
    "Shift+ArrowLeft": () => nextWord(-1),
    "Shift+ArrowRight": () => nextWord(1),
    ArrowUp: () => tools.move(-1),
    ArrowDown: () => tools.move(1),
    Enter: () => tools.hear(),
    c: () => tools.copy(),
    "<": () => player.changeSpeed(-1),
    ">": () => player.changeSpeed(1),
    f: () => following.set(!following.on),
    "?": () => help.showModal(),
  };
  if (tools.writes) {
    actions.e = () => tools.edit();
    actions.m = () => tools.merge();
    actions.u = () => editing.undo();
    actions.r = () => editing.redo();
    for (let n = 1; n <= 8; n += 1) actions[String(n)] = () => tools.giveTo(String(n));
  }
  const box = /** @type {HTMLInputElement} */ (document.getElementById("keys-on"));
  box.checked = localStorage.getItem(OFF) === null;
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "yes");
  });
  document.addEventListener("keydown", (event) => {
    const arrow = event.shiftKey && event.key.startsWith("Arrow");
    const action = actions[(arrow ? "Shift+" : "") + event.key];
    if (!action || !box.checked || isElsewhere(event)) return;
    event.preventDefault();
    action();
  });
}

/** @param {KeyboardEvent} event @returns {boolean} Whether the key is for what has the focus, or for the browser. */
function isElsewhere(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return true;
  // A dialog that was closed keeps the focus until the next frame: what cannot be seen is not typed into.
  const field = target.closest("input, select, textarea");
  if (document.querySelector("dialog[open]") || field?.checkVisibility()) return true;
  return [" ", "Enter"].includes(event.key) && target.closest("button, a, summary") !== null;
}
