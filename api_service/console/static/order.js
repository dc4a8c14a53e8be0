// @ts-check
/** What a form says of how to transcribe, as the API takes it; an empty language is to be detected. */

/** @param {HTMLFormElement} form @returns {{language: string | null, speakers?: number, engine?: string}} */
export function order(form) {
  const fields = new FormData(form);
  const text = (/** @type {string} */ name) => String(fields.get(name) ?? "").trim();
  return {
    language: text("language") || null,
    ...(text("speakers") ? { speakers: Number(text("speakers")) } : {}),
    ...(text("engine") ? { engine: text("engine") } : {}),
  };
}
