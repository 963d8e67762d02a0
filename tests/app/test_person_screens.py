"""The person's pages in a real browser: keys, covers, small screens, WCAG, no request outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.app.live import Watched, keep_screen, live_server, open_browser, open_page
from tests.app.person_scenery import CODE, NEXT, Case, Place, hand_over_draft, open_place, state_of

pytestmark = pytest.mark.slow
BLANK_MS = 200  # how fast leaving must empty the screen
PAGES = (
    "", "outline", "part/hard", "part/helps/0/change", "add", "disagree", "my-words", "who",
    "read?names=in", "decide", "help", "withdraw", "trail",
)  # fmt: skip
# Two voices, as a device has them: one on a server, one of its own. What is spoken is kept.
VOICES = """
window.spoken = [];
const voices = [{lang: "en-GB", localService: false, name: "far"},
                {lang: "en-US", localService: NEAR, name: "near"}];
const speech = {getVoices: () => voices, addEventListener: () => {}, cancel: () => {},
                speak: (words) => window.spoken.push([words.voice.name, words.text])};
Object.defineProperty(window, "speechSynthesis", {value: speech});
window.SpeechSynthesisUtterance = class {
  constructor(text) { this.text = text; }
  addEventListener() {}
};
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = open_place(tmp_path_factory.mktemp("screens") / "data")
    yield place
    place.workspace.close()


@pytest.fixture(scope="module")
def address(place: Place) -> Iterator[str]:
    with live_server(place.house, with_gradio=False) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with open_browser() as chromium:
        yield chromium


@pytest.fixture
def case(place: Place) -> Case:
    return hand_over_draft(place)


def sign_in(watched: Watched, address: str, case: Case) -> str:
    """Open the note as a person does; return the address of its pages."""
    page = watched.page
    page.goto(f"{address}/note/open/{case.link}")
    page.fill("#code", CODE)
    page.press("#code", "Enter")
    page.wait_for_url("**/note/*/")
    return str(page.url)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_every_page_passes_axe_and_asks_nobody_outside(
    chromium: Any, address: str, case: Case, size: str, language: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    watched = open_page(chromium, size=size, language=language)
    home = sign_in(watched, address, case)
    for name in PAGES:
        watched.page.goto(home + name)
        results = Axe().run(watched.page)
        assert results.violations_count == 0, (name, results.generate_report())
        keep_screen(watched.page, f"person {language} {size} {name}")
    watched.page.goto(home + "decide")
    watched.page.click("button[value=yes]")
    assert Axe().run(watched.page).violations_count == 0
    keep_screen(watched.page, f"person {language} {size} receipt")
    assert watched.outside(address) == []
    assert not [message for message in watched.messages if "Security Policy" in message]
    watched.page.context.close()


def test_pages_fit_a_small_screen_with_the_largest_text(
    chromium: Any, address: str, case: Case
) -> None:
    watched = open_page(chromium, size="phone", language="es")
    page = watched.page
    home = sign_in(watched, address, case)
    page.set_viewport_size({"width": 320, "height": 568})
    page.click("button[value=largest]")
    for name in PAGES:
        page.goto(home + name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
        for _ in range(40):  # what has the focus is never under the bar
            page.keyboard.press("Tab")
            assert page.evaluate(
                """() => {
                  const on = document.activeElement;
                  if (on === document.body || on.closest(".bar, .skip")) return true;
                  const bar = document.querySelector(".bar").getBoundingClientRect();
                  return on.getBoundingClientRect().top < bar.top;
                }"""
            ), name
    page.context.close()


def test_the_enter_key_gives_no_answer(
    chromium: Any, place: Place, address: str, case: Case
) -> None:
    watched = open_page(chromium)
    page = watched.page
    page.goto(sign_in(watched, address, case) + "decide")
    page.locator("main form summary").click()
    page.locator("input[name=reason]").first.check()
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert state_of(place, case) == "handed_over"
    boxes = [button.bounding_box() for button in page.locator(".five button").all()]
    assert len({(box["width"], box["height"]) for box in boxes}) == 1
    assert len(boxes) == 5
    assert all(box["height"] >= 44 for box in boxes)
    page.context.close()


def test_escape_three_times_blanks_the_page_at_once_and_signs_out(
    chromium: Any, address: str, case: Case
) -> None:
    watched = open_page(chromium)
    page = watched.page
    home = sign_in(watched, address, case)
    page.goto(home + "read")
    page.evaluate(
        """() => {
          let at = 0;
          document.addEventListener("keydown", () => { at = performance.now(); }, true);
          new MutationObserver(() => console.log(`blank ${performance.now() - at}`))
            .observe(document.documentElement, {attributes: true, attributeFilter: ["class"]});
        }"""
    )
    for _ in range(3):
        page.keyboard.press("Escape")
    page.wait_for_url("**/note/away")
    blank = [message for message in watched.messages if message.startswith("blank ")]
    assert float(blank[0].split()[1]) < BLANK_MS
    assert page.inner_text("body").strip() in ("", "New tab")
    page.go_back()
    page.wait_for_url("**/note/open/*")
    assert NEXT not in page.content()
    page.context.close()


def test_the_page_is_covered_when_somebody_looks_away(
    chromium: Any, address: str, case: Case
) -> None:
    watched = open_page(chromium, size="phone")
    page = watched.page
    page.goto(sign_in(watched, address, case) + "part/next_step")
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    assert page.is_visible("#cover")
    assert page.is_visible("#leave button")
    assert page.evaluate("document.querySelector('main').inert")
    page.click("#cover button")
    assert not page.is_visible("#cover")
    page.context.close()


@pytest.mark.parametrize("near", [True, False])
def test_only_a_voice_on_the_device_reads_aloud(
    chromium: Any, address: str, case: Case, near: bool
) -> None:
    watched = open_page(chromium)
    page = watched.page
    page.add_init_script(VOICES.replace("NEAR", str(near).lower()))
    page.goto(sign_in(watched, address, case) + "read")
    assert page.is_visible("#aloud") is near
    if near:
        page.click("[data-aloud=ask]")  # first the question about headphones
        assert page.evaluate("spoken") == []
        page.click("[data-aloud=start]")
        spoken = page.evaluate("spoken")
        assert {voice for voice, _text in spoken} == {"near"}
        assert NEXT in [text for _voice, text in spoken]
        assert not [text for _voice, text in spoken if "fire" in text]  # that part is folded
    page.context.close()


def test_everything_works_without_scripts(
    chromium: Any, place: Place, address: str, case: Case
) -> None:
    watched = open_page(chromium, size="phone", scripts=False)
    page = watched.page
    page.goto(sign_in(watched, address, case) + "part/next_step")
    assert not page.is_visible("#cover, #aloud, [data-print]")
    page.locator("button[formaction]").first.click()
    page.locator("form[action$='/undo'] button").click()
    page.locator("nav.way a").last.click()
    page.click("button[value=no]")
    assert state_of(place, case) == "refused"
    page.click("#leave button")
    page.wait_for_url("**/note/away")
    page.context.close()
