"""What every peer screen shares: the language, who acts, and what happens when something fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import gradio as gr

from assistant.app.catalogue import Catalogue
from assistant.app.house import STAFF_COOKIE, House
from assistant.app.peer.html import block, escape
from assistant.errors import (
    InputError,
    OwnWordsError,
    Refused,
    StoreBusy,
    StoreFull,
)
from assistant.policy import Actor
from assistant.workspace import Workspace

Result = TypeVar("Result")
# For every listener: nothing of ours stands in an API, and no spinner covers what people read.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# A button that is pressed twice acts once; a box that is left while its last words are still being
# saved is saved again, so that nothing typed is lost.
ONCE: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
LAST: dict[str, Any] = {**QUIET, "trigger_mode": "always_last", "concurrency_limit": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One language of the peer screens. Everything in it is shared by all who look."""

    house: House
    say: Catalogue
    path: str  # "/peer" or "/peer/es"

    @property
    def workspace(self) -> Workspace:
        return self.house.workspace

    @property
    def words_language(self) -> Literal["en"] | None:
        """Set on words that stay English while the page is in another language."""
        return None if self.say.language == "en" else "en"

    def t(self, name: str, /, **values: object) -> str:
        return self.say(f"peer.{name}", **values)

    def actor(self, request: gr.Request) -> Actor:
        """Return the peer who acts now. Raises `Refused` for anybody else."""
        who = self.house.who(request.cookies.get(STAFF_COOKIE))
        if who is None or who.actor.role != "peer":
            raise Refused(rule="not-signed-in", action="open", reason="no peer is signed in here")
        return who.actor

    def attempt(
        self, request: gr.Request, do: Callable[[Actor], Result], *, done: str = ""
    ) -> tuple[str, Result | None]:
        """Do something as whoever is signed in; return what to say about it, and what came of it.

        Errors of ours become a sentence on the screen; what was typed stays where it is.
        """
        try:
            result = do(self.actor(request))
        except OwnWordsError as error:
            return self.trouble(error), None
        return self.done(done) if done else "", result

    def done(self, sentence: str) -> str:
        return block("div", f"<p>{escape(sentence)}</p>", class_="ow-done")

    def problem(self, sentence: str) -> str:
        return block("div", f"<p>{escape(sentence)}</p>", class_="ow-problem")

    def trouble(self, error: OwnWordsError) -> str:
        """Say what happened. Sentences of errors are in English."""
        if isinstance(error, Refused):
            name = "signed_out" if error.rule == "not-signed-in" else "not_allowed"
            return self.problem(self.t(name))
        if isinstance(error, StoreFull | StoreBusy):
            return self.problem(self.t("busy"))
        if isinstance(error, SaidError):
            return self.problem(str(error))
        words = f'<p lang="en">{escape(str(error))}</p>'
        if self.words_language:
            words = f"<p>{escape(self.t('not_done'))}</p>{words}"
        return block("div", words, class_="ow-problem")

    def session_link(self, session_id: str) -> str:
        return f"{self.path}/?session={session_id}"


class SaidError(InputError):
    """A problem whose sentence comes from the catalogue, in the language of the page."""


def bump(version: int) -> int:
    """Return the next version of a part of the screen: whatever depends on it is drawn anew."""
    return version + 1


def markdown(value: str = "", **options: Any) -> gr.Markdown:  # noqa: ANN401 - Gradio's options
    """Return a place for HTML of ours. Gradio runs no script of ours and evaluates no template."""
    return gr.Markdown(value, sanitize_html=True, latex_delimiters=[], container=False, **options)
