// What the peer's screens need beside Gradio. Nothing here decides, keeps or sends anything:
// presses are typed into a hidden box that the server listens to, and the server asks its gate.
"use strict";
(() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const beside = matchMedia("(min-width: 64rem)");
  const PAUSE_MS = 2000; // a pause in typing after which a change is kept
  let count = 0;

  document.documentElement.lang = location.pathname.startsWith("/peer/es") ? "es" : "en";

  const typeInto = (box, value) => {
    const kind = box instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(box, value);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const field = (id) => document.querySelector(`#${id} textarea, #${id} input`);
  const number = (element, prefix) => {
    const name = [...element.classList].find((one) => one.startsWith(prefix));
    return name ? name.slice(prefix.length) : "";
  };

  // ---------------------------------------------------------------- where a sentence comes from

  const mark = (turns) => {
    for (const one of document.querySelectorAll(".ow-turn.ow-source-turn")) one.classList.remove("ow-source-turn");
    const found = turns.map((turn) => document.getElementById(`turn-${turn}`)).filter(Boolean);
    for (const one of found) one.classList.add("ow-source-turn");
    return found[0];
  };
  const bringIntoView = (turn) => {
    const list = document.getElementById("ow-conversation");
    if (!turn || !list || !beside.matches) return; // below one another, scrolling would lose the place
    const top = turn.offsetTop - list.offsetTop - list.clientHeight / 3;
    list.scrollTo({ top, behavior: calm.matches ? "auto" : "smooth" });
  };
  document.addEventListener("focusin", (event) => {
    const sentence = event.target.closest?.(".ow-sentence");
    if (!sentence) return;
    const turns = [...sentence.classList].filter((one) => one.startsWith("ow-from-")).map((one) => one.slice(8));
    bringIntoView(mark(turns));
  });
  const goTo = (turn) => {
    const found = mark([turn]);
    if (!found) return;
    found.scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
    found.focus({ preventScroll: true });
  };

  // ---------------------------------------------------------------- hide and show

  const wordAt = (x, y) => {
    const chosen = String(getSelection()).trim();
    if (chosen && chosen.length <= 100) return chosen;
    const caret = document.caretPositionFromPoint?.(x, y);
    const range = caret ? null : document.caretRangeFromPoint?.(x, y);
    const node = caret ? caret.offsetNode : range?.startContainer;
    const at = caret ? caret.offset : range?.startOffset ?? 0;
    if (node?.nodeType !== Node.TEXT_NODE) return "";
    const before = node.data.slice(0, at).match(/[\p{L}\p{N}'’-]*$/u)[0];
    const after = node.data.slice(at).match(/^[\p{L}\p{N}'’-]*/u)[0];
    return (before + after).replace(/^['’-]+|['’-]+$/g, "");
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a");
    if (link && link.getAttribute("href")?.startsWith("#")) {
      event.preventDefault();
      const turn = number(link, "ow-to-");
      if (turn) goTo(turn);
      else {
        const place = document.querySelector(link.getAttribute("href"));
        place?.setAttribute("tabindex", "-1");
        place?.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
        place?.focus({ preventScroll: true });
      }
      return;
    }
    const pick = event.target.closest?.(".ow-pick");
    if (pick) {
      const box = field("ow-command");
      count += 1;
      if (box) typeInto(box, JSON.stringify({ pick: number(pick, "ow-at-"), n: count }));
      return;
    }
    if (!event.target.closest?.(".ow-said")) return;
    const word = wordAt(event.clientX, event.clientY);
    const box = field("ow-hide-word");
    if (!word || !box) return;
    typeInto(box, word);
    document.getElementById("ow-hide-button")?.focus();
  });

  // ---------------------------------------------------------------- focus stays near

  let last = null;
  let home = "";
  document.addEventListener("focusin", (event) => {
    last = event.target;
    home = last.closest("#ow-note, #ow-flags, #ow-safety, #ow-talk")?.id ?? "";
  });
  const findFocus = () => {
    // A part that is drawn anew takes the focus with it; without this, Tab begins at the top again.
    if (!last || last.isConnected || document.activeElement !== document.body) return;
    const place = document.getElementById(home) ?? document.querySelector("h1");
    if (!place) return;
    place.setAttribute("tabindex", "-1");
    place.focus({ preventScroll: true });
  };

  // ---------------------------------------------------------------- what happened, put away

  const status = () => document.getElementById("ow-status");
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") status()?.classList.add("ow-away");
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#ow-status") && !event.target.closest("a")) status().classList.add("ow-away");
  });

  // ---------------------------------------------------------------- nothing typed is lost

  let waiting = 0;
  const keep = (box) => box.dispatchEvent(new FocusEvent("blur"));
  document.addEventListener("input", (event) => {
    const box = event.target;
    if (!event.isTrusted || !box.closest?.(".ow-autosave")) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => keep(box), PAUSE_MS);
  });
  document.addEventListener("visibilitychange", () => {
    const box = document.activeElement;
    if (document.visibilityState === "hidden" && box?.closest?.(".ow-autosave")) keep(box);
  });
  const plainFetch = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await plainFetch(...asked);
    const where = String(asked[0]?.url ?? asked[0]);
    if (answer.status === 401 && where.includes("/gradio_api/")) document.documentElement.classList.add("ow-signed-out");
    return answer;
  };

  // ---------------------------------------------------------------- what Gradio leaves out

  let groups = 0;
  const finish = () => {
    for (const link of document.querySelectorAll('.ow a[target="_blank"]')) link.removeAttribute("target");
    for (const part of document.querySelectorAll(".ow-live:not([aria-live])")) part.setAttribute("aria-live", "polite");
    const place = status();
    if (place && !place.hasAttribute("role")) {
      place.setAttribute("role", "status");
      new MutationObserver(() => place.classList.remove("ow-away")).observe(place, { childList: true, subtree: true, characterData: true });
    }
    for (const box of document.querySelectorAll('textarea[dir="ltr"], input[type="text"][dir="ltr"]')) box.setAttribute("dir", "auto");
    for (const box of document.querySelectorAll('.ow-date input[type="text"]')) box.type = "date";
    for (const box of document.querySelectorAll('.ow-time input[type="text"]')) box.type = "time";
    const talk = document.getElementById("ow-conversation");
    if (talk && !talk.hasAttribute("tabindex")) {
      talk.setAttribute("tabindex", "0");
      talk.setAttribute("role", "region");
      talk.setAttribute("aria-labelledby", "ow-talk-title");
    }
    for (const set of document.querySelectorAll("fieldset:not([aria-labelledby])")) {
      const radios = set.querySelectorAll('input[type="radio"]');
      const title = set.querySelector('[data-testid="block-info"]');
      if (!title) continue;
      groups += 1;
      title.id = `ow-group-${groups}`;
      set.setAttribute("aria-labelledby", title.id);
      for (const radio of radios) radio.name = `ow-group-${groups}`; // one group: arrow keys move in it
    }
    for (const head of document.querySelectorAll("button.label-wrap")) {
      head.setAttribute("aria-expanded", String(head.classList.contains("open")));
      head.querySelector(".icon")?.setAttribute("aria-hidden", "true");
    }
    const go = document.querySelector("a.ow-go:not(.ow-gone)");
    if (go) {
      go.classList.add("ow-gone");
      location.assign(go.href);
    }
  };
  let asked = false;
  new MutationObserver(() => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      finish();
      findFocus();
    });
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
  finish();
})();
