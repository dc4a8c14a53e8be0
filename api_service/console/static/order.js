// @ts-check
/** What a form says of how to transcribe, as the API takes it; what was left empty is left out. */

/** @param {HTMLFormElement} form @returns {{language?: string, speakers?: number, engine?: string}} */
export function order(form) {
  const fields = new FormData(form);
  const text = (/** @type {string} */ name) => String(fields.get(name) ?? "").trim();
  return {
    ...(text("language") ? { language: text("language") } : {}),
    ...(text("speakers") ? { speakers: Number(text("speakers")) } : {}),
    ...(text("engine") ? { engine: text("engine") } : {}),
  };
}
