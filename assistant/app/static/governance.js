// Gradio says every page is English; a screen reader would read Spanish with English sounds.
(() => {
  const found = /^\/governance\/([a-z]{2})(?:\/|$)/.exec(window.location.pathname);
  const language = found ? found[1] : "en";
  const set = () => {
    if (document.documentElement.lang !== language) document.documentElement.lang = language;
  };
  set();
  new MutationObserver(set).observe(document.documentElement, { attributeFilter: ["lang"] });
})();
