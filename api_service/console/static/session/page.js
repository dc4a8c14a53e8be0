// @ts-check
/** The page of a session: puts its parts together. */

import { announce } from "../announce.js";
import { Problem } from "../api.js";
import { listen as listenToDialogs } from "./dialogs.js";

const root = /** @type {HTMLElement} */ (document.getElementById("session"));
const session = root.dataset.id ?? "";
listenToDialogs(session);
if (matchMedia("(max-width: 68rem)").matches) document.getElementById("beside")?.removeAttribute("open"); // the text first
document.body.addEventListener("htmx:afterSwap", () => announce(document.querySelector(".steps .now b")?.textContent));
if (document.getElementById("transcript")) await start();

async function start() {
  const [{ Transcript }, { Words, clickedCharacter }, { Player }, { Drawing }, { Wave, shareOf }, { People }, { Editing }, { Tools }, { Following }, { Shown }, places, saved, keys] =
    await Promise.all([
      import("./transcript.js"), import("./words.js"), import("./player.js"), import("./drawing.js"), import("./wave.js"), import("./people.js"),
      import("./editing.js"), import("./tools.js"), import("./following.js"), import("./shown.js"), import("./place.js"), import("./saved.js"), import("./keys.js"),
    ]);
  const people = new People(/** @type {HTMLFormElement} */ (document.getElementById("speakers")));
  const list = /** @type {HTMLElement} */ (document.getElementById("transcript"));
  const transcript = new Transcript(list, (number) => people.nameOf(number));
  const words = new Words(session);
  transcript.onNew = (element, segment) => words.note(element, segment);
  const player = new Player(/** @type {HTMLAudioElement} */ (document.getElementById("audio")), Number(root.dataset.length));
  const drawing = new Drawing(transcript, player.length);
  const wave = new Wave(/** @type {HTMLElement} */ (document.getElementById("wave")), player, drawing);
  const editing = new Editing(session, transcript, people, () => {
    tools.forget();
    shown.refresh();
    loadWords();
    following.refresh();
  });
  const tools = new Tools(transcript, editing, people, player);
  const following = new Following(transcript, words, player, tools);
  const shown = new Shown(transcript, people);
  people.onWish = (wished) => editing.name(wished);

  function loadWords() {
    words.load(transcript).then(() => following.refresh()).catch((error) => {
      if (!(error instanceof Problem)) throw error; // without them segments are still heard
    });
  }

  /** One word on, or back. @param {number} step */
  function nextWord(step) {
    const segment = transcript.at(player.ms);
    if (!segment) return;
    const known = words.of(segment);
    const next = known[known.findLastIndex((word) => word[2] <= player.ms) + step];
    if (next) player.seek(next[2]);
    else if (step > 0) player.seek(transcript.starts[transcript.numberOf(segment) + 1] ?? player.ms);
    else player.seek((transcript.starts[transcript.numberOf(segment)] ?? 1) - 1);
  }

  const place = /** @type {HTMLElement} */ (document.querySelector(".said-of"));
  place.addEventListener("focusin", (event) => tools.choose(segmentOf(event)));
  place.addEventListener("dblclick", (event) => {
    if (/** @type {HTMLElement} */ (event.target).closest(".said")) tools.edit();
  });
  place.addEventListener("click", (event) => {
    const segment = segmentOf(event);
    const target = /** @type {HTMLElement} */ (event.target);
    if (!segment || target.closest(".tools, .editor")) return;
    tools.choose(segment);
    const link = target.closest(".at");
    if (link && (event.ctrlKey || event.metaKey || event.shiftKey)) return; // another tab
    if (link) event.preventDefault();
    const start = Number(segment.dataset.start);
    if (link) player.hear(start);
    else if (target.closest(".said") && getSelection()?.isCollapsed) {
      player.hear(words.startOf(segment, clickedCharacter(event) ?? 0) ?? start);
    }
  });
  for (const [id, act] of /** @type {const} */ ([["undo", () => editing.undo()], ["redo", () => editing.redo()]])) {
    document.getElementById(id)?.addEventListener("click", act);
  }
  player.addEventListener("missing", () => {
    /** @type {HTMLElement} */ (document.getElementById("no-audio")).hidden = false;
  });
  document.body.addEventListener("transcript-changed", () => {
    wave.draw();
    shown.refresh();
    following.refresh();
  });
  document.getElementById("beside")?.addEventListener("click", (event) => hearFrom(event));
  saved.watch(root, editing, tools, people);
  keys.listen(player, tools, following, editing, nextWord);
  if ("drawn" in root.dataset) drawing.load(session).then(() => wave.draw());
  loadWords();
  const at = new URLSearchParams(location.search).get("at");
  const asked = at !== null && /^\d+$/.test(at);
  places.remember(session, player);
  if (asked) arrive(Number(at));

  /** The longest pause, or a column of the plot: hear what is there. @param {MouseEvent} event */
  function hearFrom(event) {
    const target = /** @type {Element} */ (event.target);
    const link = /** @type {HTMLElement | null} */ (target.closest("[data-hear]"));
    const plot = target.closest(".columns");
    if (!link && !plot) return;
    event.preventDefault();
    if (link) player.hear(Number(link.dataset.hear));
    else if (plot) player.hear(shareOf(plot, event) * player.length);
    following.set(true);
    player.dispatchEvent(new Event("jumped"));
  }

  /** @param {number} ms */
  function arrive(ms) {
    player.seek(ms);
    const segment = transcript.at(ms);
    segment?.classList.add("found");
    segment?.scrollIntoView({ block: "center" });
    tools.choose(segment ?? undefined);
  }
  root.dataset.ready = "";
}

/** @param {Event} event @returns {HTMLElement | undefined} */
function segmentOf(event) {
  return /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest(".segment")) ?? undefined;
}
