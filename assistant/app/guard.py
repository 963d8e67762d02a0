"""What stands in front of every screen, before any of them sees a request.

1. the host is one this server answers to (a page elsewhere cannot reach it by a made-up name)
2. whatever changes something comes from a page of this server
3. the screens of a role open for that role alone; the gate says so, and a refusal is logged
4. of Gradio's many routes only those the screens use are there
5. every answer carries the security headers; scripts run only from this server

To whoever is refused, a screen that is not theirs looks like one that is not there.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.app.house import HOUSE, STAFF_COOKIE, House
from assistant.errors import OwnWordsError, Refused
from assistant.policy import Action
from assistant.workspace import SignedIn

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_JOIN_BYTES = 2_000_000  # a pasted transcript of two hours is about 150 kB


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The screens of one role."""

    prefix: str
    role: str
    action: Action
    is_gradio: bool


AREAS = (
    Area(prefix="/peer", role="peer", action="open_peer_screens", is_gradio=True),
    Area(prefix="/governance", role="governance", action="open_governance_screens", is_gradio=True),
    Area(
        prefix="/supervisor", role="supervisor", action="open_supervisor_screens", is_gradio=False
    ),
    Area(prefix="/admin", role="admin", action="open_admin_screens", is_gradio=False),
)
# What a Gradio screen needs, after its mount (and its language). Nothing else of Gradio answers:
# not uploads, files, proxies, api pages, run history, monitoring, logins.
_GRADIO = re.compile(
    r"(?:/es)?(?:/|/config/?|/theme\.css|/assets/[\w.-]+|/static/[\w./-]+|/favicon\.ico"
    r"|/gradio_api/(?:startup-events|queue/join|queue/data|heartbeat/\w+|theme\.css))"
)
_GRADIO_PAGES = frozenset({"/peer", "/peer/es", "/governance", "/governance/es"})
_OWN = re.compile(r"/own(?:/.*)?")  # our own routes below an area, declared before the mount

_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
# Gradio sets styles on elements and starts from inline scripts: those get a nonce, nothing is
# evaluated from text, and everything comes from this server.
_GRADIO_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'self'; object-src 'none'"
)
_SCRIPT = re.compile(rb"<script(?=[\s>])")


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, *, house: House) -> None:
        self.app = app
        self.house = house
        self.streams = StreamOwners()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks over web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        scope[HOUSE] = self.house
        nonce = secrets.token_urlsafe(16)
        area = area_of(scope["path"])
        is_gradio = area is not None and area.is_gradio and not _is_own(scope["path"], area)
        policy = _GRADIO_POLICY.format(nonce=nonce) if is_gradio else _PAGE_POLICY
        headers = self._headers(policy)
        wants_nonce = is_gradio and scope["path"].rstrip("/") in _GRADIO_PAGES
        answer = _NonceSender(send, headers, nonce if wants_nonce else "")
        problem, response = self._problem_of_origin(scope)
        if response is None and area is not None:
            problem, response, receive = await self._enter(area, scope, receive)
        if response is not None:
            if problem:
                await to_thread.run_sync(self._log, problem, scope)
            await response(scope, receive, answer)
            return
        await self.app(scope, receive, answer)

    def _headers(self, policy: str) -> dict[str, str]:
        headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            # With no-referrer browsers would send `Origin: null` with our own forms.
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
            "X-Robots-Tag": "noindex, nofollow, noarchive",
        }
        if self.house.is_secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return headers

    # ------------------------------------------------------------ 1 and 2

    def _problem_of_origin(self, scope: Scope) -> tuple[str, Response | None]:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own_host(host):
            return "unknown-host", _plain(400, "This server does not answer to that name.")
        if scope["method"] in _SAFE:
            return "", None
        origin = headers.get("origin")
        if origin is not None and not self._is_own_origin(origin, host):
            return "cross-site-request", _not_here()
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "cross-site-request", _not_here()
        return "", None

    def _is_own_host(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        own = urlsplit(self.house.settings.public_url).hostname
        if name in {"localhost", own, self.house.settings.host} and name:
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        # Addresses cannot be re-pointed the way names can.
        return address.is_loopback or not self.house.settings.host.startswith("127.")

    def _is_own_origin(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc == host

    # ------------------------------------------------------------ 3 and 4

    async def _enter(
        self, area: Area, scope: Scope, receive: Receive
    ) -> tuple[str, Response | None, Receive]:
        path = scope["path"]
        rest = path[len(area.prefix) :]
        token = _cookie(scope, STAFF_COOKIE)
        who = await to_thread.run_sync(self.house.who, token)
        if who is None:
            wants_page = scope["method"] == "GET" and "text/html" in Headers(scope=scope).get(
                "accept", ""
            )
            response: Response = _not_here(401)
            if wants_page:
                response = RedirectResponse("/sign-in", status_code=303)
            return "not-signed-in", response, receive
        rule = await to_thread.run_sync(self._refused_rule, area, who)
        if rule:
            return "", _not_here(), receive
        if not area.is_gradio or _is_own(path, area):
            return "", None, receive
        if rest == "":
            return "", RedirectResponse(f"{area.prefix}/", status_code=307), receive
        if not _GRADIO.fullmatch(rest):
            return "gradio-route-closed", _not_here(), receive
        if "/gradio_api/" in rest:
            receive, stream = await _stream_of(scope, rest, receive)
            if stream is None or not self.streams.is_owner(stream, who.token_hash):
                return "not-their-stream", _not_here(), receive
        return "", None, receive

    def _refused_rule(self, area: Area, who: SignedIn) -> str:
        """Ask the gate whether these screens open for whoever is signed in; it logs a no."""
        try:
            if not self.house.workspace.may_quietly(who.actor, area.action):
                self.house.workspace.may(who.actor, area.action)
        except Refused as refused:
            return refused.rule
        return ""

    def _log(self, rule: str, scope: Scope) -> None:
        # Somebody who is not signed in opens pages all day long; only tries to do count.
        if rule == "not-signed-in" and scope["method"] in _SAFE:
            return
        try:
            self.house.workspace.log_refusal(rule)
        except OwnWordsError:  # a full disk must not open a door
            return


class StreamOwners:
    """Whose each Gradio event stream is: the sign-in that used its name first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: OrderedDict[str, str] = OrderedDict()

    def is_owner(self, stream: str, token_hash: str) -> bool:
        if not stream:  # startup-events and theme.css belong to nobody
            return True
        with self._lock:
            owner = self._owners.setdefault(stream, token_hash)
            self._owners.move_to_end(stream)
            while len(self._owners) > 10_000:
                self._owners.popitem(last=False)
            return owner == token_hash


class _NonceSender:
    """Adds the headers, and puts the nonce on the scripts of a Gradio page."""

    def __init__(self, send: Send, headers: dict[str, str], nonce: str) -> None:
        self._send = send
        self._headers = headers
        self._nonce = nonce
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers[name] = value
            if "server" in headers:
                del headers["server"]
            is_page = headers.get("content-type", "").startswith("text/html")
            if self._nonce and is_page:
                headers["Cache-Control"] = "no-store"
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = _SCRIPT.sub(f'<script nonce="{self._nonce}"'.encode(), self._body)
            body = body.replace(b'<link rel="manifest" href="/manifest.json" />', b"")
            body = _OUTSIDE_META.sub(b"", body)
            MutableHeaders(scope=self._start)["Content-Length"] = str(len(body))
            await self._send(self._start)
            self._start = None
            await self._send({"type": "http.response.body", "body": body})
            return
        await self._send(message)


# Addresses of the library's own pictures and pages: nobody fetches them, but they do not belong.
_OUTSIDE_META = re.compile(rb'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>')


def area_of(path: str) -> Area | None:
    for area in AREAS:
        if path == area.prefix or path.startswith(area.prefix + "/"):
            return area
    return None


def _is_own(path: str, area: Area) -> bool:
    return _OWN.fullmatch(path[len(area.prefix) :]) is not None


async def _stream_of(scope: Scope, rest: str, receive: Receive) -> tuple[Receive, str | None]:
    """Return the name of the event stream a Gradio request is about ("" for none at all).

    The body of a join is read here and handed on unchanged; None if it cannot be read.
    """
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    if "/heartbeat/" in rest:
        return receive, rest.rsplit("/", 1)[1]
    if not rest.endswith("/queue/join"):
        return receive, query.get("session_hash", [""])[0]
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return receive, None
        body += message.get("body", b"")
        more = bool(message.get("more_body"))
        if len(body) > _MAX_JOIN_BYTES:
            return receive, None
    try:
        stream = json.loads(body)["session_hash"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return receive, None
    is_sent = False

    async def again() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again, stream if isinstance(stream, str) and stream else None


def _cookie(scope: Scope, name: str) -> str | None:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return None
    return jar[name].value if name in jar else None


def _not_here(status: int = 404) -> PlainTextResponse:
    return _plain(status, "There is nothing here for you.")


def _plain(status: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(text, status_code=status, headers={"Cache-Control": "no-store"})
