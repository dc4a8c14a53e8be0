// What changes by itself waits while it would be in the way: while a question is open, while a request of somebody's is
// under way, while something is chosen (a checked box with data-holds), and between the press and the release of a
// button: a link that is exchanged in between is never clicked. It is made up for as soon as that is over, or by the
// next look of what looks again and again.

const held = new Map();
const changes = new Set();
let pressed = false;

const busy = () => pressed || changes.size > 0 || document.querySelector("dialog[open], [data-holds]:checked") !== null;
const causeOf = (event) => event.detail.requestConfig?.triggeringEvent?.type ?? "";
const looksAgain = (event) => event.detail.requestConfig?.elt?.getAttribute("hx-trigger")?.startsWith("every ") ?? false;
const isLive = (event) => causeOf(event).startsWith("sse:") || looksAgain(event);
const hold = (event) => { if (!looksAgain(event)) held.set(event.detail.requestConfig.elt, causeOf(event)); };

/** Fetch what was held back, if nothing is in the way any more. */
export function release() {
  if (busy()) return;
  for (const [element, cause] of [...held]) {
    held.delete(element);
    if (element.isConnected) window.htmx.trigger(element, cause);
  }
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isLive(event) || !busy()) return;
  event.preventDefault();
  hold(event);
});

// It was asked for before, and comes now.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!isLive(event) || !busy()) return;
  event.detail.shouldSwap = false;
  hold(event);
});

// What somebody asked for, a filter's list too: its answer goes to the element that was there when it was sent.
// Told by the request itself: an element that went away meanwhile tells nobody any more.
document.addEventListener("htmx:beforeSend", (event) => {
  if (isLive(event)) return;
  const { xhr } = event.detail;
  changes.add(xhr);
  xhr.addEventListener("loadend", () => {
    changes.delete(xhr);
    release();
  });
});
document.addEventListener("pointerdown", () => { pressed = true; }, true);
for (const name of ["pointerup", "pointercancel"]) {
  document.addEventListener(name, () => setTimeout(() => { pressed = false; release(); }), true);  // after the click
}
document.addEventListener("close", release, true);
document.addEventListener("change", release);
