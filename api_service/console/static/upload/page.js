// @ts-check
/** The page that sends recordings in: takes files, sends two at a time, and tells what it will cost. */

import { notice } from "../api.js";
import { order } from "../order.js";
import { clock, size } from "../times.js";
import { filled, Item } from "./item.js";
import * as memory from "./memory.js";

const AT_ONCE = 2;
const SENDING = ["sending", "retrying", "finishing"];
const GOING_ON = ["waiting", ...SENDING];
const root = /** @type {HTMLElement} */ (document.getElementById("upload"));
const texts = /** @type {HTMLTemplateElement} */ (document.getElementById("words")).dataset;
const drop = /** @type {HTMLElement} */ (document.getElementById("drop"));
const input = /** @type {HTMLInputElement} */ (document.getElementById("files"));
const form = /** @type {HTMLFormElement} */ (document.getElementById("order"));
const queue = /** @type {HTMLElement} */ (document.getElementById("queue"));
const list = /** @type {HTMLElement} */ (document.getElementById("items"));
const send = /** @type {HTMLButtonElement} */ (document.getElementById("send"));
const all = /** @type {HTMLAnchorElement} */ (document.getElementById("all"));
const most = Number(root.dataset.max);
/** @type {Item[]} */
let items = [];
/** @type {Item | null} The one whose file is asked for again. */
let asked = null;

input.addEventListener("change", () => {
  take(Array.from(input.files ?? []));
  input.value = "";
});
for (const name of ["dragenter", "dragover"]) addEventListener(name, (event) => over(/** @type {DragEvent} */ (event), true));
for (const name of ["dragleave", "drop"]) addEventListener(name, (event) => over(/** @type {DragEvent} */ (event), false));
addEventListener("drop", (event) => take(Array.from(/** @type {DragEvent} */ (event).dataTransfer?.files ?? [])));
addEventListener("beforeunload", (event) => {
  if (items.some((each) => GOING_ON.includes(each.state))) event.preventDefault();
});
send.addEventListener("click", () => {
  if (!form.reportValidity()) return;
  for (const each of items) if (each.state === "ready") each.show("waiting");
  next();
});
form.addEventListener("input", () => refresh());
form.addEventListener("submit", (event) => event.preventDefault());
for (const each of memory.begun()) add(new Item(null, each));
root.dataset.ready = "";

/** Files are dropped anywhere on the page; a text that is dragged is none of ours. @param {DragEvent} event @param {boolean} on */
function over(event, on) {
  if (event.dataTransfer && !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  if (event.type === "dragleave" && event.relatedTarget) return; // from one element to the next
  drop.classList.toggle("over", on);
  show(on);
}

/** On the list of sessions it shows while there is something to send, or to be dropped. @param {boolean} wanted */
function show(wanted) {
  root.hidden = "comesUp" in root.dataset && !wanted && items.length === 0;
}

/** @param {File[]} files */
function take(files) {
  for (const file of files) {
    const waiting = asked ?? items.find((each) => isOf(each, file));
    if (waiting) goOn(waiting, file);
    else if (file.size > most) notice(`${file.name}: ${filled(texts.tooLarge ?? "", { most: size(most) })}`);
    else add(new Item(file, memory.of(file)));
    asked = null;
  }
}

/** @param {Item} item @param {File} file */
function isOf(item, file) {
  return item.state === "orphan" && item.begun?.name === file.name && item.begun.size === file.size;
}

/** @param {Item} item @param {File} file */
function goOn(item, file) {
  if (!isOf(item, file)) {
    notice(texts.otherFile ?? "");
    return;
  }
  item.take(file);
  item.show("waiting");
  next();
}

/** @param {Item} item */
function add(item) {
  items.push(item);
  list.append(item.element);
  item.addEventListener("changed", () => refresh());
  item.addEventListener("again", () => {
    item.show("waiting");
    next();
  });
  item.addEventListener("choose", () => {
    asked = item;
    input.click();
  });
  refresh();
}

/** Send what waits, as long as there is room. */
function next() {
  const room = AT_ONCE - items.filter((each) => SENDING.includes(each.state)).length;
  for (const item of items.filter((each) => each.state === "waiting").slice(0, Math.max(0, room))) {
    item.send(order(form)).finally(() => next());
  }
}

function refresh() {
  items = items.filter((each) => each.state !== "cancelled");
  queue.hidden = items.length === 0;
  show(false);
  send.hidden = !items.some((each) => each.state === "ready");
  const done = items.filter((each) => each.state === "done").length;
  all.hidden = done === 0 || items.some((each) => GOING_ON.includes(each.state)) || !send.hidden;
  const many = { n: String(done), all: String(items.length) };
  /** @type {HTMLElement} */ (document.getElementById("tally")).textContent = items.length > 1 ? filled(texts.tally ?? "", many) : "";
  /** @type {HTMLElement} */ (document.getElementById("estimate")).textContent = estimate();
}

/** @returns {string} What the recordings that are not done will cost. */
function estimate() {
  const waiting = items.filter((each) => !["done", "refused", "orphan"].includes(each.state));
  if (!waiting.length) return "";
  const engine = /** @type {HTMLSelectElement | null} */ (form.elements.namedItem("engine"));
  const chosen = engine ? engine.selectedOptions[0] : /** @type {HTMLElement} */ (form.querySelector(".options"));
  if (!("paid" in chosen.dataset)) return texts.free ?? "";
  if (!chosen.dataset.minute) return texts.unknownPrice ?? "";
  const known = waiting.flatMap((each) => (each.length === null ? [] : [each.length]));
  const ms = known.reduce((sum, each) => sum + each, 0);
  const sum = (ms / 60_000) * Number(chosen.dataset.minute);
  const parts = [filled(texts.estimate ?? "", { length: clock(ms), sum: dollars(sum) })];
  if (known.length < waiting.length) parts.push(texts.unknownLength ?? "");
  const left = root.dataset.left;
  if (left !== undefined && sum > Number(left)) parts.push(filled(texts.overBudget ?? "", { sum: dollars(Number(left)) }));
  return parts.join(" ");
}

/** @param {number} micro */
function dollars(micro) {
  return `$${(micro / 1e6).toFixed(2)}`;
}
