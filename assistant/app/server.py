"""One server: the guard in front, then each kind of user's own screens."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Mount

from assistant.app import admin, entrance, peer_files, person, supervisor
from assistant.app.catalogue import load_catalogue
from assistant.app.extras import has_oidc, has_passkeys
from assistant.app.guard import Guard
from assistant.app.house import House
from assistant.app.pages import STATIC, NotTheirFormError, house_of, render
from assistant.errors import (
    DecisionError,
    InputError,
    OwnWordsError,
    Refused,
    StoreBusy,
    StoreError,
    StoreFull,
)

_N_THREADS = 6  # for requests; Gradio has its own
_STATIC_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def build_app(house: House, *, with_gradio: bool = True) -> Any:  # noqa: ANN401 - an ASGI app
    """Return the ASGI app of a running installation.

    `with_gradio=False` leaves the two Gradio mounts out; loading them takes seconds.
    """
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan, title="Own Words"
    )
    app.state.house = house
    app.add_exception_handler(OwnWordsError, _show_error)
    app.add_exception_handler(HTTPException, _show_http_error)
    app.add_exception_handler(Exception, _show_unforeseen)
    app.add_api_route("/static/{name}", _send_static, methods=["GET", "HEAD"])
    app.add_api_route("/favicon.ico", _send_mark, methods=["GET", "HEAD"])
    app.add_api_route("/health", _health, methods=["GET", "HEAD"])
    for module in (entrance, person, supervisor, admin, peer_files):
        app.include_router(module.router)
    if has_passkeys():
        from assistant.app import passkeys

        app.include_router(passkeys.router)
    if has_oidc(house.settings):
        from assistant.app import oidc

        app.include_router(oidc.router)
    if with_gradio:
        _mount_gradio(app, house)
    return Guard(app, house=house)


def _mount_gradio(app: FastAPI, house: House) -> None:
    # Set before the import: the library reads them once.
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", GRADIO_RUN_HISTORY="False",
        GRADIO_SSR_MODE="False", HF_HUB_DISABLE_TELEMETRY="1",
        MPLBACKEND="agg",  # where matplotlib is installed, Gradio asks for it at every event
    )  # fmt: skip
    from assistant.app.governance import mount_governance
    from assistant.app.peer import mount_peer

    async def mount() -> None:
        mount_peer(app, house)
        mount_governance(app, house)

    # Without a running loop Gradio makes a new one for each lock, and closes none of them.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(mount())
    else:
        mount_peer(app, house)
        mount_governance(app, house)
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.add_exception_handler(KeyError, _was_drawn_anew)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    # The vault serves one at a time and answers in the order of asking only while few wait at its
    # lock; whoever waits longer waits here, where the order is kept.
    to_thread.current_default_thread_limiter().total_tokens = _N_THREADS
    # Half a million objects of libraries live as long as the server; looking through them for
    # garbage would stop every page for half a second.
    gc.freeze()
    house: House = app.state.house
    if house.worker is not None:
        house.worker.start()
    try:
        yield
    finally:
        if house.worker is not None:
            house.worker.stop()


def _send_static(name: str) -> Response:
    path = STATIC / name
    is_ours = name in {entry.name for entry in STATIC.iterdir()}
    if not is_ours or path.suffix not in _STATIC_TYPES:
        raise HTTPException(404)
    return FileResponse(
        path, media_type=_STATIC_TYPES[path.suffix], headers={"Cache-Control": "max-age=86400"}
    )


def _send_mark() -> Response:
    return _send_static("mark.svg")


def _health() -> Response:
    return Response("ok", media_type="text/plain")


def _show_error(request: Request, error: Exception) -> Response:
    """Turn an error into a page: what happened and what to do, nobody's words.

    What is refused and what is not there look the same, so that nothing tells whether it exists.
    """
    if isinstance(error, Refused):
        return render(request, "not_here.html", status=404)
    if isinstance(error, NotTheirFormError):
        house_of(request).workspace.log_refusal("not-their-form")
        return render(request, "problem.html", status=403, message=str(error))
    if isinstance(error, InputError | DecisionError):
        return render(request, "problem.html", status=400, message=str(error))
    if isinstance(error, StoreFull | StoreBusy):
        return render(request, "problem.html", status=503, message=str(error))
    if isinstance(error, StoreError):
        house_of(request).workspace.log_refusal("not-there")
        return render(request, "not_here.html", status=404)
    return render(request, "problem.html", status=500, message=str(error))


def _show_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        return render(request, "not_here.html", status=405)
    return render(request, "not_here.html", status=404 if status < 500 else status)


def _was_drawn_anew(request: Request, _error: Exception) -> Response:
    """Answer a press on a part of a Gradio screen that was drawn anew meanwhile.

    Gradio looks the button up and finds it gone. Nothing was done, so a second press is safe;
    Gradio shows the sentence.
    """
    language = "es" if "/es/" in request.url.path else "en"
    return JSONResponse({"detail": load_catalogue(language)("common.drawn_anew")}, status_code=409)


def _show_unforeseen(request: Request, _error: Exception) -> Response:
    return render(request, "unforeseen.html", status=500)
