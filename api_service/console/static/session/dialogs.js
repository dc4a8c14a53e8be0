// @ts-check
/** What is done with the session as a whole: another title, another transcription, erased, exported, cancelled. */

import { ask, newKey, shown } from "../api.js";
import { order } from "../order.js";
import { forget } from "./place.js";

const offline = document.getElementById("offline")?.textContent ?? "";

/**
 * Do something when a dialog is answered with yes.
 * @param {string} id
 * @param {(form: HTMLFormElement) => Promise<void>} act
 */
function onYes(id, act) {
  const form = document.getElementById(id)?.querySelector("form");
  form?.addEventListener("submit", () => shown(() => act(form), offline));
}

/** @param {string} session */
export function listen(session) {
  const path = `/v1/sessions/${session}`;
  onYes("rename", async () => {
    const title = /** @type {HTMLInputElement} */ (document.getElementById("new-title")).value;
    const renamed = await (await ask("PATCH", path, { json: { title } })).json();
    /** @type {HTMLElement} */ (document.getElementById("title")).textContent = renamed.title;
    document.title = document.title.replace(/^.* · /, () => `${renamed.title} · `);
  });
  onYes("erase", async () => {
    await ask("DELETE", path);
    forget(session);
    location.assign("/console/sessions");
  });
  onYes("again", async (form) => {
    await ask("POST", `${path}/jobs`, { json: order(form), headers: { "Idempotency-Key": newKey() } });
    location.reload();
  });
  const exporting = document.getElementById("export");
  exporting?.addEventListener("submit", () => prepareExport(/** @type {HTMLDialogElement} */ (exporting)));
  document.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("[data-cancel-job], [data-retry-job]");
    if (button instanceof HTMLElement) shown(() => step(button), offline);
  });
}

/** @param {HTMLElement} button */
async function step(button) {
  const { cancelJob, retryJob } = button.dataset;
  if (cancelJob) await ask("POST", `/v1/jobs/${cancelJob}/cancel`);
  if (retryJob) await ask("POST", `/v1/jobs/${retryJob}/retry`, { headers: { "Idempotency-Key": newKey() } });
  location.reload();
}

/** Put the boxes into the one parameter that the API takes, then let the browser fetch the file. @param {HTMLDialogElement} dialog */
function prepareExport(dialog) {
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const boxes = form.querySelectorAll("[data-redact]:checked");
  const kinds = Array.from(boxes, (box) => /** @type {HTMLElement} */ (box).dataset.redact);
  /** @type {HTMLInputElement} */ (form.elements.namedItem("redact")).value = kinds.join(",");
  const words = /** @type {HTMLInputElement} */ (form.elements.namedItem("words"));
  words.value = String(words.checked);
  words.checked = true;
  setTimeout(() => {
    words.checked = words.value === "true";
    dialog.close();
  });
}

