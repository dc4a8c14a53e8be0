// @ts-check
/** Uploads that were begun and not ended, so that the page can go on with them after it was closed. */

const KEY = "console.uploads";

/** @typedef {{upload: string, name: string, size: number, changed: number, title: string}} Begun */

/** @returns {Begun[]} */
export function begun() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept : [];
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
