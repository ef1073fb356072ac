// Small manners of every page: fresh times, copying, two-press buttons, the keyboard.
(() => {
  "use strict";
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- times -----------------------------------------------------------------------------------
  const span = (seconds) => {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    if (s < 86400) {
      const minutes = Math.floor((s % 3600) / 60);
      return `${Math.floor(s / 3600)} h${minutes ? ` ${minutes} min` : ""}`;
    }
    const days = Math.floor(s / 86400);
    const hours = Math.floor((s % 86400) / 3600);
    return `${days} d${hours && days < 10 ? ` ${hours} h` : ""}`;
  };
  // In the viewer's own zone, which only the browser knows: Mon 2026-03-30 07:00.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const format = new Intl.DateTimeFormat("en-GB", {
    weekday: "short", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
  });
  const here = (moment) => {
    const of = Object.fromEntries(format.formatToParts(moment).map((part) => [part.type, part.value]));
    const time = `${of.hour}:${of.minute}${of.second === "00" ? "" : `:${of.second}`}`;
    return `${of.weekday} ${of.year}-${of.month}-${of.day} ${time} ${of.timeZoneName}`;
  };
  // Browsers know some zones by names that the form refuses: Asia/Calcutta is Asia/Kolkata now.
  const named = (one) => [...(one.list?.options ?? [])].find((option) =>
    option.value === zone || option.dataset.old?.split(" ").includes(zone))?.value;
  for (const one of $$("[data-zone-here]")) one.value = named(one) ?? one.value;
  const refresh = () => {
    for (const one of $$("[data-here-name]")) one.textContent = `(${zone})`;
    for (const one of $$("time[data-time]")) {
      const seconds = (Date.now() - Date.parse(one.dateTime)) / 1000;
      const left = (new Date(one.dateTime) - Date.now()) / 1000;
      const ahead = left >= 1 ? `in ${span(left)}` : "now";
      const text = { ago: `${span(seconds)} ago`, since: span(seconds), in: ahead }[one.dataset.time];
      if (text && one.textContent !== text) one.textContent = text;
      if (one.dataset.time === "here" && !one.dataset.local) {
        one.textContent = here(new Date(one.dateTime));
      }
      if (!one.dataset.local) {
        one.dataset.local = "1";
        one.title = `${new Date(one.dateTime).toLocaleString()} local\n${one.title}`;
      }
    }
  };
  refresh();
  setInterval(refresh, 1000);
  document.addEventListener("timestep:fresh", refresh);
  document.addEventListener("htmx:afterSwap", refresh);

  // --- the timeline's bars: time to scale, with the time in which nothing ran left out ------------
  const bars = () => {
    const rows = $$("svg.bar[data-from]").map((svg) => ({
      rect: svg.firstElementChild,
      from: Number(svg.dataset.from),
      to: Number(svg.dataset.to) || (svg.classList.contains("s-bar-running") ? Date.now() : 0),
    }));
    const timed = rows.filter((row) => row.from && row.to);
    const busy = [];
    for (const { from, to } of [...timed].sort((a, b) => a.from - b.from)) {
      const last = busy[busy.length - 1];
      if (last && from <= last.to) last.to = Math.max(last.to, to);
      else busy.push({ from, to });
    }
    const at = (moment) =>
      busy.reduce((sum, one) => sum + Math.max(0, Math.min(moment, one.to) - one.from), 0);
    const total = at(Infinity) || 1;
    for (const { rect, from, to } of timed) {
      const start = (100 * at(from)) / total;
      rect.setAttribute("x", `${Math.min(start, 98)}%`);
      rect.setAttribute("width", `${Math.max(2, (100 * at(to)) / total - start)}%`);
    }
  };
  bars();
  document.addEventListener("timestep:fresh", bars);
  if (document.getElementById("timeline")) setInterval(bars, 1000);

  // --- copying ---------------------------------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    event.preventDefault();
    const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
    try {
      await navigator.clipboard.writeText(from ? from.textContent : button.dataset.copy);
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 1200);
    } catch {
      button.title = "The browser does not allow copying here";
    }
  });

  // --- what cannot be undone: the first press arms, the second sends ---------------------------------
  const disarm = (button) => {
    button.removeAttribute("data-armed");
    button.querySelector("[data-label]").textContent = button.dataset.idle;
  };
  // Without this the server asks once more: that is how it is without JavaScript.
  const confirmed = (form) => {
    if (!form || form.elements.namedItem("confirmed")) return;
    const said = Object.assign(document.createElement("input"), { type: "hidden", name: "confirmed", value: "1" });
    form.append(said);
  };
  const disarmAll = (but) => $$("button[data-armed]").filter((b) => b !== but).forEach(disarm);
  const arm = (button) => {
    disarmAll(button);
    const label = button.querySelector("[data-label]");
    button.dataset.idle = label.textContent;
    button.dataset.armed = String(Date.now());
    label.textContent = button.dataset.arm;
    setTimeout(() => button.hasAttribute("data-armed") && disarm(button), 8000);
  };
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest("button[data-arm]");
      if (!button) return disarmAll();
      if (button.hasAttribute("data-armed")) {
        // A double click is one press: nobody reads within a third of a second.
        if (Date.now() - Number(button.dataset.armed) > 350) return confirmed(button.form);
        event.preventDefault();
        return event.stopPropagation();
      }
      event.preventDefault();
      event.stopPropagation();
      arm(button);
    },
    true,
  );
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button) button.classList.add("busy");
  });
  window.addEventListener("pageshow", () => $$(".busy").forEach((one) => one.classList.remove("busy")));

  // --- menus close when the reader goes elsewhere ------------------------------------------------------
  document.addEventListener("click", (event) => {
    $$("details.menu[open]").filter((menu) => !menu.contains(event.target)).forEach((menu) => (menu.open = false));
  });

  // --- keyboard --------------------------------------------------------------------------------------------
  const sheet = document.getElementById("keys");
  const items = () => $$("[data-item]").filter((item) => item.offsetParent);
  const current = () => document.querySelector('[data-item][aria-selected="true"]');
  const inView = (item) => {
    const box = item.getBoundingClientRect();
    return box.top >= 48 && box.bottom <= innerHeight;
  };
  const choose = (step) => {
    const all = items();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    all.forEach((item) => item.removeAttribute("aria-selected"));
    next.setAttribute("aria-selected", "true");
    next.scrollIntoView({ block: "nearest" });
  };
  const decide = (what) => {
    const scope = current() || (items().length > 1 ? choose(1) : document);
    const control = scope?.querySelector(`[data-key-${what}]`);
    if (!control) return;
    // What is not in view is not pressed; to open a form decides nothing.
    const seen = inView(control);
    if (!seen) control.scrollIntoView({ block: "center" });
    if (control.matches("summary")) {
      control.parentElement.open = true;
      control.parentElement.querySelector("textarea, select, input:not([type=hidden])")?.focus();
    } else if (seen) {
      control.click();
      control.focus();
    }
  };
  const acts = {
    "/": () => document.getElementById("search")?.focus(),
    "?": () => sheet?.showModal(),
    j: () => choose(1),
    k: () => choose(-1),
    a: () => decide("approve"),
    d: () => decide("reject"),
    e: () => decide("edit"),
    x: () => current()?.querySelector("[data-pick]")?.click(),
    Enter: () => current()?.querySelector("a[data-open]")?.click(),
    Escape: () => disarmAll(),
  };
  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key === "k") {
      event.preventDefault();
      return acts["/"]();
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing) return event.key === "Escape" ? typing.blur() : undefined;
    if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    const act = acts[event.key];
    if (!act) return;
    if (event.key !== "Escape") event.preventDefault();
    act();
  });
  document.addEventListener("click", (event) => event.target.closest("[data-keys]") && sheet?.showModal());
})();
