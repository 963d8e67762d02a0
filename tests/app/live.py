"""A real server on loopback and a real Chromium, for tests of the screens as people meet them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from assistant.app.house import House
from assistant.app.server import build_app

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "reports" / "screens"  # kept by the test run, to look at
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--mute-audio", "--no-pings",
    "--disable-features=MediaRouter,OptimizationHints,Translate",
]  # fmt: skip
SIZES = {"desktop": (1280, 800), "phone": (360, 740)}


def require_chromium() -> None:
    """Skip without Chromium; in continuous integration that would hide something, so fail."""
    if Path(CHROMIUM).exists():
        return
    if os.environ.get("CI"):
        pytest.fail("Chromium is not installed; .ci/run installs it.")
    pytest.skip("Chromium is not installed (Debian package chromium)")


@contextmanager
def live_server(house: House, *, with_gradio: bool = True) -> Iterator[str]:
    """Serve a house from a thread; yields its address without a slash at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = uvicorn.Config(
        build_app(house, with_gradio=with_gradio), host="127.0.0.1", port=port, ws="none",
        log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@dataclass
class Watched:
    """A page, and what it asked for and said on its console."""

    page: Any
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def outside(self, address: str) -> list[str]:
        """Requests that did not go to the server under test."""
        own = (address, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]


@contextmanager
def open_browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    require_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


def open_page(
    browser: Any, *, size: str = "desktop", language: str = "en", scripts: bool = True
) -> Watched:
    """Open a page in a browser of its own: no cookies of any other."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale={"en": "en-US", "es": "es-MX"}[language],
        java_script_enabled=scripts,
        reduced_motion="reduce",
        has_touch=size == "phone",
    )
    context.set_default_timeout(45_000)
    page = context.new_page()
    watched = Watched(page=page)
    context.on("request", lambda request: watched.requests.append(request.url))
    page.on("console", lambda message: watched.messages.append(message.text))
    page.on("pageerror", lambda error: watched.messages.append(f"error: {error}"))
    return watched


def keep_screen(page: Any, name: str) -> None:
    """Keep a picture of a screen under `reports/screens/`."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(SCREENS / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.png"),
                    full_page=True)  # fmt: skip


def axe_problems(page: Any) -> list[str]:
    """Return what axe finds wrong, each with the places; empty is good."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): "
        + "; ".join(str(node["target"]) for node in one["nodes"][:4])
        for one in found
    ]


def sign_in(page: Any, address: str, login: str) -> None:
    """Sign a member of `tests.app.staff` in, as they would."""
    from tests.app.staff import PASSWORD

    page.goto(f"{address}/sign-in")
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill(PASSWORD.get_secret_value())
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(re.compile(r".*/(peer|supervisor|governance|admin)/$"))
