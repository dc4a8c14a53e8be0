// @ts-check
/** Times and sizes as the pages write them. */

/**
 * @param {number} ms
 * @returns {string} `0:05`, `12:34`, `1:02:03`
 */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/**
 * @param {number} ms From a second on.
 * @returns {string} A length of time: `4.2 s`, `3:07`
 */
export function duration(ms) {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : clock(Math.round(ms / 1000) * 1000);
}

/**
 * @param {number} bytes
 * @returns {string} `12 kB`, `3.4 MB`
 */
export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
