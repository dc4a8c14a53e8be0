// @ts-check
/** Where somebody stopped listening, so that the player goes on from there the next time. */

const KEY = "console.places";
const MOST = 100; // sessions that are remembered
const EDGE_MS = 5_000; // so near to the beginning or the end there is nothing to go on with
const EVERY_MS = 5_000;

/** @typedef {Record<string, {ms: number, at: number}>} Places */

/** @returns {Places} */
function places() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

/** @param {Places} kept */
function write(kept) {
  const newest = Object.entries(kept).sort(([, a], [, b]) => b.at - a.at).slice(0, MOST);
  localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(newest)));
}

/** @param {string} session */
export function forget(session) {
  const { [session]: _, ...others } = places();
  write(others);
}

/** Go where it was left, and remember where it is. @param {string} session @param {import("./player.js").Player} player */
export function remember(session, player) {
  const left = places()[session]?.ms ?? 0;
  if (left > EDGE_MS && left < player.length - EDGE_MS) player.seek(left);
  let kept = player.ms;
  const keep = () => {
    if (Math.abs(player.ms - kept) < 1) return;
    kept = player.ms;
    write({ ...places(), [session]: { ms: kept, at: Date.now() } });
  };
  player.addEventListener("moved", () => {
    if (!player.playing || Math.abs(player.ms - kept) >= EVERY_MS) keep();
  });
  addEventListener("pagehide", keep);
}
