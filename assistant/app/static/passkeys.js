// Passkeys on the sign-in page (#use-passkey) and on one's own account (#add-passkey).
// Both buttons stay hidden where the browser has no passkeys; the password works everywhere.
(() => {
  "use strict";

  const bytesOf = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

  const textOf = (buffer) => {
    let raw = "";
    for (const byte of new Uint8Array(buffer)) raw += String.fromCharCode(byte);
    return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };

  const withBytes = (list) => (list || []).map((one) => ({ ...one, id: bytesOf(one.id) }));

  const make = async (options) => {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytesOf(options.challenge),
        user: { ...options.user, id: bytesOf(options.user.id) },
        excludeCredentials: withBytes(options.excludeCredentials),
      },
    });
    return {
      id: made.id,
      rawId: textOf(made.rawId),
      type: made.type,
      response: {
        clientDataJSON: textOf(made.response.clientDataJSON),
        attestationObject: textOf(made.response.attestationObject),
      },
    };
  };

  const use = async (options) => {
    const found = await navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytesOf(options.challenge),
        allowCredentials: withBytes(options.allowCredentials),
      },
    });
    const handle = found.response.userHandle;
    return {
      id: found.id,
      rawId: textOf(found.rawId),
      type: found.type,
      response: {
        clientDataJSON: textOf(found.response.clientDataJSON),
        authenticatorData: textOf(found.response.authenticatorData),
        signature: textOf(found.response.signature),
        userHandle: handle ? textOf(handle) : null,
      },
    };
  };

  const post = (path, body) => {
    const field = document.querySelector('input[name="form_token"]');
    return fetch(path, {
      method: "POST",
      redirect: "manual", // a sign-in answers with a redirect; the page below follows it itself
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-Form-Token": field ? field.value : "" },
      body: JSON.stringify(body),
    });
  };

  const messageOf = async (answer) => {
    try {
      return (await answer.json()).message || "";
    } catch {
      return "";
    }
  };

  const connect = (button, path, ask) => {
    const line = document.createElement("p"); // there before it speaks, so that it is read out
    line.setAttribute("role", "status");
    line.setAttribute("aria-live", "polite");
    (button.closest(".row") || button).after(line);

    const say = (kind, text) => {
      const own = button.textContent.trim();
      line.className = kind === "failed" ? "problem" : "done"; // stopping is not a fault
      line.textContent = button.dataset[kind] || text || button.dataset.failed || own;
    };

    const run = async () => {
      const asked = await post(`${path}/options`, {});
      if (!asked.ok) return say("failed", await messageOf(asked));
      const { options, words } = await asked.json();
      let given;
      try {
        given = await ask(options);
      } catch (error) {
        // Stopped by hand, out of time, or this device has one already: never an alarm.
        const kind = error.name === "InvalidStateError" ? "already" : "stopped";
        return say(kind, words[kind]);
      }
      const answer = await post(path, given);
      if (answer.type === "opaqueredirect") return location.assign("/");
      if (answer.ok) document.getElementById("n-passkeys")?.remove(); // it counts one too few now
      return say(answer.ok ? "done" : "failed", await messageOf(answer));
    };

    let isBusy = false;
    button.addEventListener("click", async () => {
      if (isBusy) return;
      isBusy = true;
      line.className = "";
      line.textContent = "";
      try {
        await run();
      } catch {
        say("failed", ""); // the server did not answer
      } finally {
        isBusy = false;
      }
    });
    button.hidden = false;
    const around = button.closest("[hidden]"); // what a page hides together with the button
    if (around) around.hidden = false;
  };

  // A passkey belongs to a name: at a bare address like 127.0.0.1 browsers refuse it.
  const isAddress = /^[\d.]+$|:/.test(location.hostname);
  if (!window.PublicKeyCredential || isAddress) return;
  const useButton = document.getElementById("use-passkey");
  const addButton = document.getElementById("add-passkey");
  if (useButton) connect(useButton, "/sign-in/passkey", use);
  if (addButton) connect(addButton, "/account/passkey", make);
})();
