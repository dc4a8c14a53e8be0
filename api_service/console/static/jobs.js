// The list of jobs: choosing several, and keeping the choice while the list would change.

const picked = () => document.querySelectorAll('#jobs input[name="ids"]:checked');

function tellChosen() {
  const actions = document.getElementById("with-chosen");
  if (actions) actions.hidden = picked().length === 0;
}

document.addEventListener("change", (event) => {
  const all = event.target.dataset?.all;
  if (all) for (const box of document.querySelectorAll(`#jobs input[name="${all}"]`)) box.checked = event.target.checked;
  if (all || event.target.name === "ids") tellChosen();
});

// What was chosen would be forgotten by a new list: it waits until nothing is chosen, or something was done with it.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, requestConfig } = event.detail;
  if (elt.id === "jobs" && requestConfig.triggeringEvent?.type?.startsWith("sse:") && picked().length) event.preventDefault();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful || !event.detail.elt.closest?.("#with-chosen")) return;
  for (const box of document.querySelectorAll("#jobs input:checked")) box.checked = false;
  tellChosen();
  window.htmx.trigger("#jobs", "sse:jobs");
});
