// Keys, and what a page says when it hears no more of the room. The words come with the page (data-…).
(() => {
  const KEYS = new Set("0123456789spkrclynwheuitvba+-[]qmfdgx?oz".split(""));
  const MOVES = { " ": "space", ArrowLeft: "left", ArrowRight: "right", Escape: "escape" };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target, tag = at.tagName;
    const key = MOVES[event.key] || event.key.toLowerCase();
    if (key === "escape") return emitEvent("room-key", key);
    if (document.querySelector(".dialog")) return;
    if (tag === "INPUT" || tag === "TEXTAREA" || tag === "SELECT") return;
    if (key === "space" && tag === "BUTTON") return;
    if (key === "enter" || !(KEYS.has(key) || Object.values(MOVES).includes(key))) return;
    event.preventDefault();
    emitEvent("room-key", key);
  });
  // The room moves a counter several times a second; a page on which it stands still shows what is old.
  let beat = null, since = performance.now();
  setInterval(() => {
    const now = performance.now(), at = document.getElementById("beat");
    if (at && at.textContent !== beat) { beat = at.textContent; since = now; }
    const age = (now - since) / 1000, stale = age > 1.5;
    document.body.classList.toggle("is-stale", stale);
    const said = document.getElementById("stale");
    if (said && stale) said.textContent = said.dataset.words.replace("{seconds}", Math.floor(age));
  }, 250);
  // A dialog takes the focus, and gives it back.
  let before = null;
  new MutationObserver(() => {
    const dialog = document.querySelector(".dialog"), first = document.querySelector("[data-takes-focus]:not([data-seen])");
    if (first && !dialog) { first.dataset.seen = "1"; first.focus(); }
    if (dialog && !dialog.dataset.seen) {
      dialog.dataset.seen = "1";
      before = document.activeElement;
      (dialog.querySelector("input, textarea, button") || dialog).focus();
    } else if (!dialog && before) { before.focus?.(); before = null; }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
