"""The peer's screens, in Gradio: one set for each language, Spanish below `/peer/es`.

A session is found by its address (`/peer/?session=...`), and where it stands by the vault, so that
a closed browser loses nothing that was saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request

from assistant.app.house import STAFF_COOKIE, House

if TYPE_CHECKING:
    import gradio as gr

_HEAD = (
    '<link rel="stylesheet" href="/static/peer.css?{version}">'
    '<script src="/static/peer.js?{version}" defer></script>'
    '<link rel="icon" href="/static/mark.svg">'
)
# (language, path): the longer path first, or the shorter one would answer for it.
_MOUNTS = (("es", "/peer/es"), ("en", "/peer"))


def mount_peer(app: FastAPI, house: House) -> None:
    """Add the peer's screens to the app. Switch Gradio's telemetry off before the first import."""
    import gradio as gr

    from assistant.app.catalogue import load_catalogue
    from assistant.app.pages import STATIC
    from assistant.app.peer.look import make_theme
    from assistant.app.peer.page import Page
    from assistant.app.peer.screens import build_screens

    changed = (STATIC / name for name in ("peer.css", "peer.js"))
    version = format(max(path.stat().st_mtime_ns for path in changed), "x")[-8:]

    def peer_of(request: Request) -> str | None:
        who = house.who(request.cookies.get(STAFF_COOKIE))
        return who.actor.actor_id if who is not None and who.actor.role == "peer" else None

    for language, path in _MOUNTS:
        page = Page(house=house, say=load_catalogue(language), path=path)
        screens = build_screens(page)
        _close_api(screens)
        gr.mount_gradio_app(
            app, screens, path=path, auth_dependency=peer_of,
            head=_HEAD.format(version=version),
            theme=make_theme(), run_history=False, footer_links=[], ssr_mode=False, pwa=False,
            show_error=False, enable_monitoring=False, mcp_server=False, allowed_paths=[],
        )  # fmt: skip


def _close_api(screens: gr.Blocks) -> None:
    """Keep even the listeners that Gradio adds by itself (drawing anew) out of its API."""
    for listener in screens.fns.values():
        listener.api_visibility = "private"


__all__ = ["mount_peer"]
