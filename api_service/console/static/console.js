// What every page has: the menu, light and dark, our own question before a change, times in the reader's zone, and
// the strip that tells of a lost connection. Pages with more to do load a module of their own.

import "./live.js";

/** Like `fetch`, with the token that proves that the request comes from a page of ours. */
export function call(address, options = {}) {
  const { "X-Console-Token": token } = JSON.parse(document.body.getAttribute("hx-headers"));
  return fetch(address, { ...options, headers: { ...options.headers, "X-Console-Token": token } });
}

const zone = { dateStyle: "medium", timeStyle: "medium" };

function tellTimes(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, zone);
    time.removeAttribute("data-local");
  }
}

function toggleMenu(button) {
  const menu = document.getElementById(button.dataset.toggles);
  const open = menu.classList.toggle("open");
  button.setAttribute("aria-expanded", String(open));
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.dispatchEvent(new CustomEvent("console:theme"));
  window.htmx.ajax("POST", "/console/theme", { values: { theme: root.dataset.theme }, swap: "none" });
}

// A page that came over plain HTTP may not write to the clipboard: then the text is selected, to be copied by hand.
async function copy(button) {
  const text = document.getElementById(button.dataset.copies);
  window.getSelection().selectAllChildren(text);
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = button.dataset.copied;
  } catch {
    button.hidden = true;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toggles], [data-theme-toggle], [data-closes], [data-opens], [data-cancels], [data-copies]");
  if (!button) return;
  if ("toggles" in button.dataset) toggleMenu(button);
  else if ("themeToggle" in button.dataset) toggleTheme();
  else if ("opens" in button.dataset) document.getElementById(button.dataset.opens).showModal();
  else if ("copies" in button.dataset) copy(button);
  else if ("cancels" in button.dataset) button.closest("dialog").close();
  else button.closest(".notice").remove();
});

// hx-confirm asks in a dialog of ours. data-confirm-title, data-confirm-yes and data-confirm-danger word it.
document.addEventListener("htmx:confirm", (event) => {
  const { question, elt, issueRequest } = event.detail;
  if (!question) return;
  event.preventDefault();
  const dialog = document.getElementById("confirm");
  const yes = document.getElementById("confirm-yes");
  yes.dataset.usual ??= yes.textContent;
  document.getElementById("confirm-title").textContent = elt.dataset.confirmTitle ?? "";
  document.getElementById("confirm-text").textContent = question;
  yes.textContent = elt.dataset.confirmYes ?? yes.dataset.usual;
  yes.classList.toggle("danger", "confirmDanger" in elt.dataset);
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && issueRequest(true), { once: true });
  dialog.showModal();
});

// A form in a dialog that was sent, and well received, closes its dialog; what only looks, such as the history, does not.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.requestConfig.verb !== "get") event.detail.elt.closest?.("dialog[open]")?.close();
});

// What a form leaves empty does not stand in the address.
document.addEventListener("htmx:configRequest", (event) => {
  const { verb, parameters } = event.detail;
  if (verb !== "get") return;
  for (const name of [...new Set(Object.keys(parameters))]) if (parameters[name] === "") delete parameters[name];
});

const offline = document.getElementById("offline");
const lost = () => { offline.hidden = false; };
const found = () => { offline.hidden = true; };
for (const name of ["htmx:sendError", "htmx:sseError"]) document.addEventListener(name, lost);
for (const name of ["htmx:sseOpen", "htmx:afterOnLoad"]) document.addEventListener(name, found);
// A stream does not say why it was refused. A page does, and leads to the sign-in where the key has ended.
document.addEventListener("htmx:sseError", () => {
  const look = window.htmx.ajax("GET", window.location.href, { swap: "none" });
  look.catch(() => {});  // the service is away, which the strip tells: the stream is tried again
});
window.addEventListener("offline", lost);
window.addEventListener("online", found);

document.addEventListener("htmx:load", (event) => tellTimes(event.detail.elt));
tellTimes(document);
