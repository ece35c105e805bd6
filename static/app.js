/* Throughline progressive enhancement. Every page works without this file.
   No framework, no inline handlers: behaviour hangs on data-* attributes and survives swapped-in HTML
   because all listeners sit on document. */
(() => {
  "use strict";
  const root = document.documentElement;
  const $ = (sel, el = document) => el.querySelector(sel);
  const $$ = (sel, el = document) => [...el.querySelectorAll(sel)];

  /* Theme. The server keeps the choice in a cookie and writes data-theme on <html>, so nothing flashes.
     The buttons are a form that works without this file; here the choice shows at once and is sent beside. */
  const applyTheme = (t) => {
    t === "system" ? root.removeAttribute("data-theme") : root.setAttribute("data-theme", t);
    $$("[data-theme-set]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.themeSet === t)));
  };
  const keepTheme = (form, theme) => fetch(form.action, { method: "POST", body: new URLSearchParams({ theme, next: "/" }), redirect: "manual" });

  /* Polite announcements and toasts */
  const toast = (text, undo) => {
    const box = $("[data-toasts]"); if (!box) return;
    const el = document.createElement("div"); el.className = "toast";
    const span = document.createElement("span"); span.textContent = text; el.append(span);
    if (undo) { const b = document.createElement("button"); b.type = "button"; b.textContent = "Undo"; b.addEventListener("click", () => { undo(); el.remove(); }); el.append(b); }
    box.append(el);
    let left = 8000, last = Date.now();           /* never expires while hovered or focused */
    const tick = () => { const now = Date.now(); if (!el.matches(":hover, :focus-within")) left -= now - last; last = now; left > 0 ? setTimeout(tick, 250) : el.remove(); };
    tick();
  };

  const syncBulk = (table) => {
    const boxes = $$("[data-row-check]", table), on = boxes.filter((b) => b.checked).length;
    const all = $("[data-check-all]", table); if (all) { all.checked = on > 0 && on === boxes.length; all.indeterminate = on > 0 && on < boxes.length; }
    boxes.forEach((b) => b.closest("tr").classList.toggle("is-selected", b.checked));
    const bar = document.getElementById(table.dataset.bulk); if (!bar) return;   /* shown by the style sheet while a row is ticked */
    const n = $("[data-bulk-count]", bar); if (n) n.textContent = `${on} selected`;
    $$("[data-bulk-n]").forEach((x) => { x.textContent = `${on} ${on === 1 ? table.dataset.bulkOne : table.dataset.bulkMany}`; });
  };
  $$("table[data-bulk]").forEach(syncBulk);

  document.addEventListener("change", (e) => {
    const t = e.target, table = t.closest && t.closest("table[data-bulk]");
    if (!table) return;
    if (t.matches("[data-check-all]")) $$("[data-row-check]", table).forEach((b) => { b.checked = t.checked; });
    syncBulk(table);
  });

  document.addEventListener("click", async (e) => {
    const el = e.target.closest("[data-theme-set],[data-copy],[data-dialog],[data-close],[data-toast],[data-reveal],[data-live],[data-unfold],[data-refresh]");
    $$("details.menu[open]").forEach((d) => { if (!d.contains(e.target)) d.open = false; });
    if (!el) return;
    if (el.dataset.themeSet) { e.preventDefault(); applyTheme(el.dataset.themeSet); keepTheme(el.form, el.dataset.themeSet); }
    else if (el.dataset.copy) { try { await navigator.clipboard.writeText(document.getElementById(el.dataset.copy).textContent); toast("Copied"); } catch { toast("Copy is blocked by the browser"); } }
    else if (el.dataset.dialog) { e.preventDefault(); document.getElementById(el.dataset.dialog).showModal(); }
    else if ("close" in el.dataset) { el.closest("dialog").close(); if (el.dataset.close) toast(el.dataset.close); }
    else if (el.dataset.toast) { e.preventDefault(); toast(el.dataset.toast); const d = el.closest("details.menu"); if (d) d.open = false; }
    else if (el.dataset.reveal) { const f = document.getElementById(el.dataset.reveal), show = f.type === "password"; f.type = show ? "text" : "password"; el.setAttribute("aria-pressed", String(show)); }
    else if (el.dataset.unfold) { const d = $("details", document.getElementById(el.dataset.unfold)); d.open = true; setTimeout(() => $("input, select, textarea", d)?.focus()); }
    else if ("live" in el.dataset) { const paused = el.getAttribute("aria-pressed") !== "true"; el.setAttribute("aria-pressed", String(paused)); root.toggleAttribute("data-paused", paused); tell(); if (!paused) refresh(); }
    else if ("refresh" in el.dataset) { e.preventDefault(); forced = true; refresh(); setTimeout(() => { forced = false; }, 2000); }
  });

  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") {
      const d = $("details.menu[open]"); if (d) { d.open = false; $("summary", d).focus(); return; }
      if (location.hash === "#nav") { location.hash = "main"; $(".nav-open")?.focus(); }
    }
    if (!isForKeys(e)) return;
    const act = keys[e.key];
    if (act && act() !== false) e.preventDefault();
  });

  /* Keys: one letter each, never with Ctrl, Alt or the command key, never in a field or over a dialog; the dialog that explains
     them can switch them off (WCAG 2.1.4). Moving puts the focus on a row's link, so that Enter opens it as ever. */
  const keysOff = () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } };
  const isForKeys = (e) => !e.ctrlKey && !e.altKey && !e.metaKey && !e.defaultPrevented && !e.isComposing && !keysOff() && !$("dialog[open]")
    && !e.target.closest("textarea,select,[contenteditable],input:not([type=checkbox])");
  const rows = () => $$("main tbody tr[id]").filter((r) => r.offsetParent);
  const here = () => document.activeElement?.closest("main tbody tr[id]");
  const move = (by) => {
    const all = rows(), at = all.indexOf(here()), next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
    if (!next) return false;
    const target = $("a", next) || $("input", next); if (!target) return false;
    target.focus(); next.scrollIntoView({ block: "nearest" });
  };
  const keys = {
    j: () => move(1), k: () => move(-1),
    x: () => { const box = here() && $("[data-row-check]", here()); if (!box) return false; box.click(); },
    Enter: () => { const a = document.activeElement; if (!a.matches("[data-row-check]")) return false; $("a", here())?.click(); },
    "/": () => { const s = $("[data-search]"); if (!s) return false; s.focus(); s.select(); },
    "?": () => { const d = document.getElementById("keys"); if (!d) return false; d.showModal(); },
  };
  const showScripted = () => $$("[data-needs-script]").forEach((el) => { el.hidden = false; });
  showScripted();
  $$("[data-keys-on]").forEach((box) => {
    box.checked = !keysOff();
    box.addEventListener("change", () => { try { box.checked ? localStorage.removeItem("keys") : localStorage.setItem("keys", "off"); } catch { /* then they stay on */ } });
  });

  /* Keep the current tab in view on narrow screens */
  $$(".tabs [aria-current]").forEach((a) => { const t = a.parentElement; t.scrollLeft = a.offsetLeft - t.offsetLeft - t.clientWidth / 2 + a.offsetWidth / 2; });

  /* Countdowns: <span data-seconds="462">7 min 42 s</span>, frozen while live updates are paused */
  const two = (n) => String(n).padStart(2, "0");
  setInterval(() => {
    if (root.hasAttribute("data-paused") || document.hidden) return;
    $$("[data-seconds]").forEach((t) => { const s = Math.max(0, Number(t.dataset.seconds) - 1); t.dataset.seconds = s; t.textContent = `${Math.floor(s / 60)}:${two(s % 60)}`; });
  }, 1000);

  /* Live regions: <div id data-live-region hx-get hx-trigger="leads from:body">. An event of the stream makes them fetch
     themselves again. Rows never move while someone points at them, has the focus in them or has selected one:
     then a button says how many are new. A change inside rows that stay where they are is shown at once. */
  const refresh = () => { if (window.htmx) htmx.trigger(document.body, "refresh"); };
  const rowIds = (el) => $$("tr[id], li[id]", el).map((r) => r.id);
  const isHeld = (region) => !!$("tbody tr:hover, tbody tr:focus-within, [data-row-check]:checked", region);
  const isTicked = (region) => !!$("[data-row-check]:checked", region);
  const more = (region) => $(`[data-live-more="${region.id}"]`);
  const known = new Map();   /* region id -> the rows it had: an attribute would not survive the morph */
  let forced = false;
  document.addEventListener("htmx:before:request", (e) => {
    const region = e.detail?.ctx?.sourceElement;
    if (region?.matches?.("[data-live-region]") && root.hasAttribute("data-paused") && !forced) e.preventDefault();
  });
  document.addEventListener("htmx:before:swap", (e) => {
    const { ctx } = e.detail || {}, region = ctx?.sourceElement;
    if (!region?.matches?.("[data-live-region]")) return;
    const fresh = new DOMParser().parseFromString(ctx.text, "text/html").getElementById(region.id);
    if (!fresh) { e.preventDefault(); return; }
    const before = rowIds(region), after = rowIds(fresh), note = more(region);
    const moves = before.join() !== after.join();
    if ((moves || isTicked(region)) && !forced && note && isHeld(region)) {
      e.preventDefault();
      const n = after.filter((id) => !before.includes(id)).length;
      $("button", note).textContent = n === 0 ? "The list has changed: show" : `${n} new: show`;
      note.hidden = false;
      return;
    }
    if (note) note.hidden = true;
    known.set(region.id, before);
  });
  document.addEventListener("htmx:after:swap", (e) => {
    const region = document.getElementById(e.detail?.ctx?.sourceElement?.id || "");
    const before = region && known.get(region.id);
    if (!before) return;
    fresh = Date.now();
    showScripted();
    $$("table[data-bulk]", region).forEach(syncBulk);
    known.delete(region.id);
    $$("tr[id], li[id]", region).forEach((r) => { if (!before.includes(r.id)) r.classList.add("is-new"); });
  });
  document.addEventListener("htmx:response:error", (e) => { if (e.detail?.ctx?.response?.status === 401) location.reload(); });
  document.addEventListener("click", (e) => {
    const note = e.target.closest("[data-live-more] button")?.parentElement;
    if (note) { forced = true; note.hidden = true; refresh(); setTimeout(() => { forced = false; }, 2000); }
  });
  setInterval(() => { $$("[data-live-more]:not([hidden])").forEach((n) => { const r = document.getElementById(n.dataset.liveMore); if (r && !isHeld(r)) { n.hidden = true; refresh(); } }); }, 1000);

  /* Whether the page is live: the stream beats every 15 s. It is stale when the stream has been gone for 8 s or silent for two
     beats; then the page says how old it is, and goes on trying. */
  const GONE_MS = 8000, SILENT_MS = 35000;
  let beat = Date.now(), fresh = Date.now(), lostAt = 0, isOpen = false, stale = false;
  const words = (ms) => { const s = Math.round(ms / 1000), m = Math.floor(s / 60); return s < 60 ? `${s} s` : m < 60 ? `${m} min` : `${Math.floor(m / 60)} h ${m % 60} min`; };
  const tell = () => {
    const isPaused = root.hasAttribute("data-paused");
    $$("[data-stale]").forEach((n) => { n.hidden = !stale || isPaused; });
    $$("[data-live]").forEach((b) => { b.classList.toggle("is-stale", stale && !isPaused); const word = isPaused ? "Paused" : stale ? "Not live" : isOpen ? "Live" : "Connecting"; $("[data-live-text]", b).textContent = word; b.setAttribute("aria-label", `${word}: pause live updates`); });
    if (stale) $$("[data-stale-age]").forEach((n) => { n.textContent = words(Date.now() - Math.max(beat, fresh)); });
  };
  const heard = (isBack) => { const was = stale; beat = Date.now(); lostAt = 0; isOpen = true; stale = false; tell(); if (was || isBack) refresh(); };
  const lost = () => { lostAt ||= Date.now(); };
  document.addEventListener("htmx:sse:after:message", () => heard(false));
  document.addEventListener("htmx:sse:after:connection", (e) => { if (e.detail?.connection?.status < 400) heard(e.detail.connection.attempt > 0); else lost(); });
  document.addEventListener("htmx:sse:before:connection", (e) => { if (e.detail?.connection?.attempt > 0) lost(); });
  document.addEventListener("htmx:sse:error", lost);
  setInterval(() => {
    if (!$("#stream")) return;
    if (document.hidden) { beat = Date.now(); lostAt = 0; return; }   /* streams rest in hidden tabs */
    stale = (lostAt > 0 && Date.now() - lostAt > GONE_MS) || Date.now() - beat > SILENT_MS;
    tell();
  }, 1000);
  tell();
})();
