// The list of jobs: choosing several, and what is done with them.

import { release } from "./live.js";

const boxes = (which = "") => document.querySelectorAll(`#jobs input[name="ids"]${which}`);

function tellChosen() {
  const actions = document.getElementById("with-chosen");
  if (actions) actions.hidden = boxes(":checked").length === 0;
}

document.addEventListener("change", (event) => {
  if (event.target.id === "all") for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.closest?.("#jobs")) tellChosen();
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful || !event.detail.elt.closest?.("#with-chosen")) return;
  for (const box of document.querySelectorAll("#jobs input:checked")) box.checked = false;
  tellChosen();
  release();
});
