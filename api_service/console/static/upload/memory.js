// @ts-check
/** Uploads that were begun and not ended, so that the page can go on with them after it was closed. */

/** Each tenant's own: who signs in next in the same browser does not see what others began. */
const KEY = `console.uploads.${/** @type {HTMLElement} */ (document.getElementById("upload")).dataset.tenant}`;
const KEPT_MS = 7 * 86_400_000; // the service keeps the bytes for a day or so, by its settings

/**
 * `sealed`: where a bucket takes it, as only the service can read it.
 * @typedef {{upload: string, sealed?: string | null, name: string, size: number, changed: number, title: string, at: number}} Begun
 */

/** @returns {Begun[]} */
export function begun() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => each.at > Date.now() - KEPT_MS) : [];
  } catch {
    return [];
  }
}

/** @param {Begun} upload */
export function keep(upload) {
  const others = begun().filter((each) => each.upload !== upload.upload);
  localStorage.setItem(KEY, JSON.stringify([...others, upload]));
}

/** @param {string | null} upload */
export function forget(upload) {
  localStorage.setItem(KEY, JSON.stringify(begun().filter((each) => each.upload !== upload)));
}

/** @param {File} file @returns {Begun | undefined} The upload of this very file. */
export function of(file) {
  return begun().find((each) => each.name === file.name && each.size === file.size && each.changed === file.lastModified);
}
