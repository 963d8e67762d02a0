// Comfort on the person's pages. Everything works without this file.
"use strict";
(() => {
  const root = document.documentElement;
  const leave = document.getElementById("leave");
  const cover = document.getElementById("cover");
  const speech = "speechSynthesis" in window ? window.speechSynthesis : null;

  // Leaving: Escape three times within two seconds. The page is blank before anything is sent.
  let presses = [];
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") {
      presses = [];
      return;
    }
    const now = performance.now();
    presses = [...presses.filter((at) => now - at < 2000), now];
    if (presses.length >= 3 && leave) {
      blank();
      leave.submit();
    }
  });
  if (leave) leave.addEventListener("submit", blank);
  function blank() {
    root.classList.add("blank");
    document.title = "";
    if (speech) speech.cancel();
  }
  // A page kept for the Back button would show what was left behind.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      root.classList.add("blank");
      location.reload();
    }
  });

  // Covering: as soon as somebody looks at something else, until they ask to see it again.
  const behind = document.querySelectorAll(".skip, .product, .languages, main, footer");
  function setCovered(isCovered) {
    if (!cover || cover.hidden !== isCovered) return;
    cover.hidden = !isCovered;
    for (const part of behind) part.inert = isCovered;
    if (isCovered && speech) stopReading();
    if (isCovered) cover.querySelector("button").focus({ preventScroll: true });
    else document.getElementById("main").focus({ preventScroll: true });
  }
  if (cover) {
    window.addEventListener("blur", () => setCovered(true));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) setCovered(true);
    });
    cover.querySelector("button").addEventListener("click", () => setCovered(false));
  }

  for (const button of document.querySelectorAll("[data-show]")) {
    const field = document.getElementById(button.dataset.show);
    button.hidden = false;
    button.addEventListener("click", () => {
      field.type = field.type === "password" ? "text" : "password";
      [button.textContent, button.dataset.other] = [button.dataset.other, button.textContent];
    });
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // Reading aloud: only with a voice that is on this device, so that no word leaves it.
  const aloud = document.getElementById("aloud");
  const texts = [...document.querySelectorAll("main .said")];
  if (!speech || !aloud || !texts.length) return;
  const part = (name) => aloud.querySelector(`[data-aloud="${name}"]`);
  const asking = document.getElementById("aloud-ask");
  const voiceFor = (lang) =>
    speech.getVoices().find((voice) => voice.localService && voice.lang.slice(0, 2) === lang);
  const langOf = (text) => text.closest("[lang]").lang.slice(0, 2);
  function offer() {
    aloud.hidden = !texts.some((text) => voiceFor(langOf(text)));
  }
  offer();
  speech.addEventListener("voiceschanged", offer);
  part("ask").addEventListener("click", () => {
    asking.hidden = false;
    part("start").focus();
  });
  part("start").addEventListener("click", () => {
    asking.hidden = true;
    part("ask").hidden = true;
    part("stop").hidden = false;
    part("stop").focus();
    // What is folded stays unread until it is opened.
    const open = texts.filter((text) => !text.closest("details:not([open])"));
    open.forEach((text, place) => {
      const words = new SpeechSynthesisUtterance(text.textContent);
      words.voice = voiceFor(langOf(text));
      if (!words.voice) return;
      words.lang = words.voice.lang;
      if (place === open.length - 1) words.addEventListener("end", stopReading);
      speech.speak(words);
    });
  });
  part("stop").addEventListener("click", stopReading);
  window.addEventListener("pagehide", () => speech.cancel());
  function stopReading() {
    if (!aloud || aloud.hidden) return;
    speech.cancel();
    part("stop").hidden = true;
    part("ask").hidden = false;
  }
})();
