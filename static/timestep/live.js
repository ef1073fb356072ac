// What live fragments need beyond htmx: resuming where the socket broke, replacing a row that is
// already there instead of adding it twice, and lists whose rows keep their place.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);

  // Reconnecting asks for what came after the last event on the page.
  const resumed = (address) => {
    const url = new URL(address, location.href);
    const seq = byId(url.pathname === "/ws/approvals/" ? "approvals-live" : "run-seq");
    if (seq && url.searchParams.has("after")) url.searchParams.set("after", seq.dataset.seq);
    return url.href;
  };
  const connect = () => {
    if (!window.htmx) return;
    htmx.createWebSocket = (url) => new WebSocket(resumed(url));
    // Soon at first, then every few seconds, and never all viewers at once.
    htmx.config.wsReconnectDelay = (tries) => Math.min(4000, 300 * 2 ** tries) * (0.5 + Math.random() / 2);
  };
  connect();

  const keepOpen = (before, after) => {
    const open = new Set([...before.querySelectorAll("details[open][data-key]")].map((d) => d.dataset.key));
    for (const one of after.querySelectorAll("details[data-key]")) {
      if (open.has(one.dataset.key)) one.open = true;
    }
  };

  // What an agent used as a tool does stands below its call, after all that is there already.
  const under = (fresh) => {
    const parent = byId(fresh.dataset.parent);
    if (!parent) return;
    const depth = Number(parent.dataset.depth);
    let last = parent;
    while (Number(last.nextElementSibling?.dataset.depth) > depth) last = last.nextElementSibling;
    fresh.dataset.depth = depth + 1;
    last.after(fresh);
    htmx.process(fresh);
  };

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    for (const fresh of [...fragment.children]) {
      const there = fresh.id && byId(fresh.id);
      if (!there && fresh.dataset?.parent) under(fresh);
      if (!there) continue;
      if (there.dataset.depth) fresh.dataset.depth = there.dataset.depth;
      keepOpen(there, fresh);
      if (there !== target) {
        there.replaceWith(fresh);
        htmx.process(fresh);
      }
    }
    const panel = byId("output-body");
    if (panel?.contains(target)) pinned = atEnd(panel);
  });

  // Text keeps its end in sight while the reader is at the end.
  let pinned = false;
  const atEnd = (panel) => panel.scrollHeight - panel.scrollTop - panel.clientHeight < 40;
  document.addEventListener("htmx:wsAfterMessage", () => {
    const panel = byId("output-body");
    if (panel && pinned) panel.scrollTop = panel.scrollHeight;
    document.dispatchEvent(new Event("timestep:fresh"));
  });

  // A lost connection says so, once it has lasted.
  let lost;
  const say = (text) => {
    const line = byId("live-state");
    if (line) line.textContent = text;
  };
  document.addEventListener("htmx:wsOpen", () => {
    clearTimeout(lost);
    say("");
  });
  document.addEventListener("htmx:wsClose", () => {
    clearTimeout(lost);
    lost = setTimeout(() => say("Connection lost; trying again…"), 2500);
  });

  // Figures follow the lists, twice a second at most.
  let waiting;
  const changed = () => {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      document.dispatchEvent(new Event("timestep:changed"));
    }, 500);
  };

  // Lists: rows on the page change in place, unknown ones are only counted.
  const unseen = new Set();
  const wanted = (row, list) =>
    Object.entries(JSON.parse(list.dataset.filters || "{}")).every(([name, value]) => row.dataset[name] === value);
  document.addEventListener("htmx:wsBeforeMessage", (event) => {
    const list = event.target.closest("[data-live-list]");
    if (!list) return;
    event.preventDefault();
    const box = document.createElement("template");
    box.innerHTML = event.detail.message;
    for (const fresh of box.content.querySelectorAll("tr[id]")) {
      const there = byId(fresh.id);
      fresh.removeAttribute("hx-swap-oob");
      if (there) {
        if (there.getAttribute("aria-selected")) fresh.setAttribute("aria-selected", "true");
        there.replaceWith(fresh);
        htmx.process(fresh);
      } else if (Number(fresh.dataset.created) > Number(list.dataset.newest) && wanted(fresh, list)) {
        unseen.add(fresh.id);
      }
    }
    changed();
    const notice = byId("new-runs");
    if (notice && unseen.size) {
      notice.hidden = false;
      notice.querySelector("[data-count]").textContent = unseen.size === 1 ? "1 new run" : `${unseen.size} new runs`;
    }
    document.dispatchEvent(new Event("timestep:fresh"));
  });
})();
