// @ts-check
/** Tells people who do not see the page what has changed on it; the same thing twice in a row once. */

const region = document.getElementById("said");

/** @param {string | null | undefined} text */
export function announce(text) {
  const said = text?.trim();
  if (region && said && region.textContent !== said) region.textContent = said;
}
