// Queues, workers, the emergency stop: parts of pages that look again by themselves, the bar of what
// is held, and the word that the database is away.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);

  // A part in which somebody types, has opened something or armed a button is left as it is.
  const inUse = (part) =>
    part.querySelector("details[open], [data-armed], .busy") ||
    (part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) ||
    [...part.querySelectorAll("input[name=why], input[name=priority]")].some((one) => one.value !== one.defaultValue) ||
    [...part.querySelectorAll("select")].some((one) => [...one.options].some((o) => o.selected !== o.defaultSelected));
  const refreshed = (element) => element?.closest?.("[data-refreshed]");
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = refreshed(event.detail.elt);
    if (part && event.detail.requestConfig.verb === "get" && (document.hidden || inUse(part))) event.preventDefault();
  });
  let chosen;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = refreshed(event.detail.target);
    if (!part) return;
    if (inUse(part)) event.detail.shouldSwap = false;
    chosen = part.querySelector('[data-item][aria-selected="true"][id]')?.id;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (chosen) byId(chosen)?.setAttribute("aria-selected", "true");
    chosen = undefined;
    if (refreshed(event.detail.target) || event.detail.target.id === "hold-banner") {
      document.dispatchEvent(new Event("timestep:fresh"));
    }
  });

  // --- the database is away: said once, and taken back by the first answer -------------------------
  const AWAY = "The database does not answer. What you see may be old; this page goes on by itself.";
  const line = byId("live-state");
  const away = (is) => {
    if (!line) return;
    if (is) line.textContent = AWAY;
    else if (line.textContent === AWAY) line.textContent = "";
  };
  document.addEventListener("timestep:away", (event) => away(event.detail));
  document.addEventListener("htmx:afterRequest", (event) => {
    const status = event.detail.xhr?.status;
    if (status) away(status === 503);
  });

  // --- the form of the emergency stop: typing a name chooses what it names ----------------------------
  document.addEventListener("input", (event) => {
    const kind = event.target.dataset?.picks;
    const radio = kind && event.target.form?.querySelector(`input[name=kind][value="${kind}"]`);
    if (radio) radio.checked = true;
  });
})();
