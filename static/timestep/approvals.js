// Approvals, live on every page: the count in the navigation and in the title, cards that change
// where they stand, and the inbox, in which new requests appear and decided ones leave.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const live = byId("approvals-live");
  if (!live || !window.htmx) return;
  const list = byId("approvals-list");
  const phone = matchMedia("(max-width: 760px)");
  const cardOf = (id) => byId(`approval-${id}`);
  const cards = () => (list ? [...list.querySelectorAll("article[data-approval]")] : []);

  // --- the count -------------------------------------------------------------------------------
  const title = document.title;
  const showCount = (count) => {
    const badge = byId("waiting-count");
    badge.textContent = count;
    badge.hidden = !count;
    for (const one of document.querySelectorAll("[data-for-you]")) one.textContent = count || 0;
    document.title = count ? `(${count}) ${title}` : title;
  };
  showCount(byId("waiting-count").textContent.trim());
  const refreshCount = async () => {
    const answer = await fetch(live.dataset.countUrl, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const { count, all } = await answer.json();
    showCount(count);
    for (const one of document.querySelectorAll("[data-all-waiting]")) one.textContent = all || 0;
  };

  // --- what others change ------------------------------------------------------------------------
  // A card in which somebody types or has armed a button is not taken away from under their hands.
  const inUse = (card) =>
    card.querySelector("[data-armed], .busy") ||
    card.querySelector("details.decide-edit[open]") ||
    [...card.querySelectorAll("textarea")].some((one) => one.value.trim()) ||
    (card.contains(document.activeElement) && document.activeElement.matches("textarea, input:not([type=checkbox]), select"));
  const fetchCard = async (id, place) => {
    const query = new URLSearchParams(list && place === "list" ? list.dataset.query : "");
    query.set("in", place);
    if (place === "list") {
      query.set("live", "1");
      if (list.dataset.show) query.set("show", list.dataset.show);
    }
    const answer = await fetch(`/approvals/${encodeURIComponent(id)}/?${query}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer || !answer.ok || answer.redirected) return answer && [403, 404].includes(answer.status) ? "gone" : null;
    return answer.status === 204 ? "gone" : answer.text();
  };
  const made = (html) => {
    const box = document.createElement("template");
    box.innerHTML = html.trim();
    return box.content.firstElementChild;
  };
  const settle = (card) => {
    htmx.process(card);
    document.dispatchEvent(new Event("timestep:fresh"));
  };

  const notice = (card, fresh) => {
    let bar = card.querySelector(".changed-note");
    if (!bar) {
      bar = document.createElement("button");
      bar.type = "button";
      bar.className = "note note-warning changed-note";
      bar.dir = "auto";
      card.prepend(bar);
    }
    const verdict = fresh.querySelector(".verdict")?.textContent.replace(/\s+/g, " ").trim();
    bar.textContent = verdict ? `Meanwhile: ${verdict} — show` : "This request changed meanwhile — show";
    bar.onclick = () => replace(card, fresh);
  };
  const replace = (card, fresh) => {
    if (card.getAttribute("aria-selected")) fresh.setAttribute("aria-selected", "true");
    const picked = card.querySelector("[data-pick]")?.checked;
    card.replaceWith(fresh);
    const pick = fresh.querySelector("[data-pick]");
    if (pick && picked) pick.checked = true;
    settle(fresh);
    if (!fresh.classList.contains("pending")) leave(fresh);
    countPicked();
  };
  const update = async (id) => {
    const card = cardOf(id);
    if (card) {
      const html = await fetchCard(id, card.dataset.where);
      if (html === null || !card.isConnected) return;
      if (html === "gone") return inUse(card) ? undefined : remove(card);
      const fresh = made(html);
      return inUse(card) ? notice(card, fresh) : replace(card, fresh);
    }
    if (list && list.dataset.show !== "decided" && !list.hasAttribute("data-deep")) await appear(id);
  };

  // --- the inbox -----------------------------------------------------------------------------------
  const nothing = () => {
    const empty = byId("approvals-nothing");
    if (empty) empty.hidden = cards().length > 0;
  };
  const remove = (card) => {
    card.remove();
    countPicked();
    nothing();
  };
  // A decided card says what was decided, and leaves the inbox a little later.
  const leave = (card) => {
    if (card.dataset.where !== "list" || list?.dataset.show === "decided") return;
    card.classList.add("leaving");
    card.removeAttribute("data-item");
    setTimeout(() => card.isConnected && remove(card), 6000);
  };
  const order = (card) => [Number(card.dataset.due) || Infinity, Number(card.dataset.asked), card.dataset.approval];
  const before = (one, other) => {
    const [a, b] = [order(one), order(other)];
    const at = a.findIndex((value, index) => value !== b[index]);
    return at >= 0 && a[at] < b[at];
  };
  const kept = new Map();
  const place = (fresh) => {
    const next = cards().find((card) => before(fresh, card));
    if (next) next.before(fresh);
    else list.append(fresh);
    settle(fresh);
    nothing();
  };
  // Nothing moves under the reader's eyes: what belongs above is announced, what belongs below appears.
  const appear = async (id) => {
    const html = await fetchCard(id, "list");
    if (!html || html === "gone" || cardOf(id)) return;
    const fresh = made(html);
    if (!fresh.classList.contains("pending")) return;
    const next = cards().find((card) => before(fresh, card));
    if (!next && list.hasAttribute("data-more")) return; // It belongs to a later page.
    if (!next || next.getBoundingClientRect().top > innerHeight) return place(fresh);
    kept.set(id, fresh);
    announce();
  };
  const announce = () => {
    const bar = byId("new-approvals");
    bar.hidden = !kept.size;
    bar.querySelector("[data-count]").textContent =
      kept.size === 1 ? "1 new request with a nearer deadline" : `${kept.size} new requests with nearer deadlines`;
  };
  byId("new-approvals")?.addEventListener("click", () => {
    for (const fresh of kept.values()) if (!cardOf(fresh.dataset.approval)) place(fresh);
    kept.clear();
    announce();
    scrollTo({ top: 0 });
  });

  // --- the socket ------------------------------------------------------------------------------------
  let waiting = new Set();
  let everything = false;
  let soon;
  const work = async () => {
    soon = undefined;
    const ids = [...waiting];
    waiting = new Set();
    // More than are told one by one: read the page again, unless somebody is in the middle of something.
    if (everything && list && !cards().some(inUse)) return location.reload();
    everything = false;
    refreshCount();
    for (const id of ids.slice(0, 50)) {
      if (kept.delete(id)) announce();
      await update(id);
    }
  };
  document.addEventListener("htmx:wsBeforeMessage", (event) => {
    if (event.target !== live && event.detail?.elt !== live) return;
    event.preventDefault();
    const { seq, changed, holds, away } = JSON.parse(event.detail.message);
    if (away !== undefined) return document.dispatchEvent(new CustomEvent("timestep:away", { detail: away }));
    live.dataset.seq = seq;
    // What is stopped is said in the bar of every page, and on the cards.
    if (holds) document.body.dispatchEvent(new Event("timestep:holds"));
    if (holds) document.querySelectorAll("article[data-approval].pending").forEach((card) => waiting.add(card.dataset.approval));
    if (changed?.length === 0 && !waiting.size) return;
    everything ||= changed === null;
    for (const id of changed || []) waiting.add(id);
    // Pages with cards at once; the others when it suits, and never all of them together.
    const hurry = document.querySelector("article[data-approval]") || list;
    soon ??= setTimeout(work, hurry ? 120 : 300 + 700 * Math.random());
  });

  // --- after one's own decision -------------------------------------------------------------------------
  document.addEventListener("htmx:afterSwap", (event) => {
    const card = event.detail.target?.id && byId(event.detail.target.id);
    if (!card?.matches("article[data-approval]")) return;
    document.dispatchEvent(new Event("timestep:fresh"));
    if (card.classList.contains("pending") || card.dataset.where !== "list") return;
    const rest = cards().filter((one) => one.classList.contains("pending"));
    const next = rest.find((one) => card.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) || rest[0];
    leave(card);
    cards().forEach((one) => one.removeAttribute("aria-selected"));
    next?.setAttribute("aria-selected", "true");
    if (next && phone.matches) setTimeout(() => next.scrollIntoView({ behavior: "smooth", block: "start" }), 1600);
  });

  // --- selecting several -----------------------------------------------------------------------------------
  const countPicked = () => {
    const picked = document.querySelectorAll("[data-pick]:checked").length;
    byId("batch")?.classList.toggle("any", picked > 0);
    for (const one of document.querySelectorAll("[data-picked]")) one.textContent = picked || "selected";
    const send = document.querySelector("#batch [data-arm]");
    if (send) send.dataset.arm = `Approve ${picked} ${picked === 1 ? "call" : "calls"} as shown — press again`;
  };
  document.addEventListener("change", (event) => event.target.matches("[data-pick]") && countPicked());
  countPicked();
  byId("batch")?.addEventListener("htmx:afterRequest", () => {
    for (const one of document.querySelectorAll("[data-pick]:checked")) one.checked = false;
    countPicked();
    byId("batch-results").scrollIntoView({ block: "nearest" });
  });
})();
