// What changes by itself waits while it would be in the way: while a question is open, while a change is under way, and
// while something is chosen (a checked box with data-holds). It is made up for as soon as that is over.

const held = new Map();
let changes = 0;

const busy = () => changes > 0 || document.querySelector("dialog[open], [data-holds]:checked") !== null;
const causeOf = (event) => event.detail.requestConfig?.triggeringEvent?.type ?? "";
const isLive = (event) => causeOf(event).startsWith("sse:");

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
  held.set(event.detail.elt, causeOf(event));
});

// It was asked for before, and comes now.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!isLive(event) || !busy()) return;
  event.detail.shouldSwap = false;
  held.set(event.detail.requestConfig.elt, causeOf(event));
});

const isChange = (event) => event.detail.requestConfig?.verb !== "get";
document.addEventListener("htmx:beforeSend", (event) => {
  if (isChange(event)) changes += 1;
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (!isChange(event) || !event.detail.xhr) return;
  changes = Math.max(changes - 1, 0);
  release();
});
document.addEventListener("close", release, true);
document.addEventListener("change", release);
