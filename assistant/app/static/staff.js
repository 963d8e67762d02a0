// Staff pages work without this. With it, the welcome address has a button that copies it.
"use strict";
for (const place of document.querySelectorAll("[data-copy-from]")) {
  // Browsers offer the clipboard over TLS and on this machine only.
  if (!navigator.clipboard) continue;
  const field = document.getElementById(place.dataset.copyFrom);
  const said = document.querySelector("[data-copied]");
  place.hidden = false;
  place.querySelector("button").addEventListener("click", async () => {
    field.select();
    await navigator.clipboard.writeText(field.value);
    said.textContent = said.dataset.copied;
  });
}
