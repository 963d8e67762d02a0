"""First paint of the screens and checks while typing, warm, on loopback, in real Chromium.

    python -m evals.screens [--runs 15] [--out FILE]

Method. `ownwords serve` runs as a process of its own; the first opening of each screen is not
counted. First paint is Chromium's first-contentful-paint, measured from the start of the
navigation; "ready" is when the heading of the screen is there, which Gradio draws with scripts.
A typed sentence is timed inside the process that checks it (`Checks.check_sentence`, wording and
support), on the demo session, after it was read once. Medians, with the largest value beside them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from evals.load import CODE, PASSWORD, prepare_vault, running_server

_PAINT = """() => new Promise(done => {
    const first = () => performance.getEntriesByName("first-contentful-paint")[0];
    const look = () => first() ? done(first().startTime) : setTimeout(look, 10);
    look();
})"""
_TYPED = (
    "I want to call the housing office on Friday.",
    "I never want to see that office again.",
    "I felt hopeless about all of it.",
    "I kept going, and I will keep going next week.",
)


def measure_screens(*, n_runs: int) -> dict[str, Any]:
    """Return first paints and readiness in milliseconds."""
    from playwright.sync_api import sync_playwright

    folder = Path(tempfile.mkdtemp(prefix="ownwords-screens-"))
    try:
        prepared = prepare_vault(folder, n_peers=1, n_people=1, n_notes=1)
        link, _word = prepared.people[0][0]
        with running_server(folder) as (address, _process), sync_playwright() as playwright:
            time.sleep(20)  # what the server loads behind the screens
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            person = browser.new_context(viewport={"width": 360, "height": 740}).new_page()
            person.goto(f"{address}/note/open/{link}")
            person.locator("input[name=code]").fill(CODE)
            person.locator("input[name=code]").press("Enter")
            person.wait_for_url("**/note/*/")
            home = person.url
            peer = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            peer.goto(f"{address}/sign-in")
            peer.locator("input[name=login]").fill("peer0")
            peer.locator("input[name=password]").fill(PASSWORD.get_secret_value())
            peer.locator("input[name=password]").press("Enter")
            peer.wait_for_url("**/peer/")
            return {
                "peer_list": _paints(peer, f"{address}/peer/", n_runs),
                "person_ready": _paints(person, home, n_runs),
                "person_part": _paints(person, f"{home}part/matters", n_runs),
                "person_decide": _paints(person, f"{home}decide", n_runs),
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _paints(page: Any, address: str, n_runs: int) -> dict[str, float]:
    paints, ready = [], []
    for run in range(n_runs + 1):
        began = time.perf_counter()
        page.goto(address)
        page.locator("h1").first.wait_for()
        ready_ms = (time.perf_counter() - began) * 1000
        paint_ms = float(page.evaluate(_PAINT))
        if run:
            paints.append(paint_ms)
            ready.append(ready_ms)
    return {
        "n": n_runs,
        "paint_median_ms": round(median(paints)),
        "paint_max_ms": round(max(paints)),
        "ready_median_ms": round(median(ready)),
        "ready_max_ms": round(max(ready)),
    }


def measure_typing(*, n_runs: int) -> dict[str, float]:
    """Return how long a check of one typed sentence takes, in milliseconds."""
    from assistant.app.checking import Checks, load_check_parts
    from assistant.ingest import read_transcript
    from assistant.pipeline import load_parts, prepare
    from assistant.policy import load_gate, preview_request
    from assistant.resources import resource_path
    from assistant.settings import load_settings

    settings = load_settings()
    said = read_transcript(
        resource_path("assistant/data/demo_session.txt"), settings=settings,
        person="Senait", peer="Dana",
    )  # fmt: skip
    prepared = prepare(
        said, gate=load_gate(), request=preview_request(),
        parts=load_parts(settings, with_model=False, with_details=False), voice="exact",
    )  # fmt: skip

    class OneSession:
        def view_deidentified(self, _actor: object, _session_id: str) -> object:
            return prepared.deidentified

    checks = Checks(OneSession(), make_parts=lambda: load_check_parts(settings))  # type: ignore[arg-type]
    checks.warm_up()
    while not checks.is_ready():
        time.sleep(0.1)
    times = []
    for run in range(n_runs * len(_TYPED) + len(_TYPED)):
        began = time.perf_counter()
        checks.check_sentence(None, "demo", text=_TYPED[run % 4], section="next_step")  # type: ignore[arg-type]
        times.append((time.perf_counter() - began) * 1000)
    warm = times[len(_TYPED) :]
    return {"n": len(warm), "median_ms": round(median(warm), 1), "max_ms": round(max(warm), 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m evals.screens")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "screens": measure_screens(n_runs=options.runs),
        "typed_sentence": measure_typing(n_runs=options.runs),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
