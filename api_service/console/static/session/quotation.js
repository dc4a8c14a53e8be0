// @ts-check
/** A quotation for one's notes: what was said, by whom, in which session, when. */

import { notice } from "../api.js";
import { clock } from "../times.js";
import { said } from "./transcript.js";

const texts = /** @type {HTMLTemplateElement} */ (document.getElementById("words")).dataset;

/** Browsers give pages the clipboard over TLS and on the machine itself. */
export const canCopy = navigator.clipboard !== undefined;

/** Copy what is marked in a segment, or all of it. @param {HTMLElement} segment */
export async function copy(segment) {
  /** @type {Record<string, string>} */
  const parts = {
    text: marked(segment) || (said(segment).textContent ?? ""),
    name: segment.querySelector(".who")?.textContent ?? "",
    title: document.getElementById("title")?.textContent ?? "",
    at: clock(Number(segment.dataset.start)),
  };
  await navigator.clipboard.writeText((texts.quotation ?? "").replace(/\{(\w+)\}/g, (_, name) => parts[name] ?? ""));
  notice(texts.copied ?? "", "done");
}

/** @param {HTMLElement} segment @returns {string} What of its text is marked. */
function marked(segment) {
  const selection = getSelection();
  const inside = selection && !selection.isCollapsed && said(segment).contains(selection.anchorNode) && said(segment).contains(selection.focusNode);
  return inside ? selection.toString().trim() : "";
}
