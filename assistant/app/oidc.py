"""Sign in with the agency's own accounts: OpenID Connect, code flow with PKCE (extra `oidc`).

This is the one place where the app talks to another host, and only if an admin set
`OWNWORDS_OIDC_ISSUER`: it reads the issuer's discovery document and keys and trades a code for an
ID token, at the moment somebody signs in that way. Nothing about anyone's notes goes there; what
comes back is one identifier, which an admin tied to an account before. No account is ever made.

The browser comes back from another site, which cannot send our strict cookies along, so a cookie
of its own, lax and short-lived, says that the same browser came back.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from html import escape
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from assistant.app.entrance import HOME
from assistant.app.extras import Pending, address_of, has_oidc, has_passkeys, origin_of
from assistant.app.house import STAFF_COOKIE, House
from assistant.app.pages import catalogue_of, go_to, house_of, render, set_cookie
from assistant.errors import OwnWordsError, Refused, SettingError

router = APIRouter()
AGENCY_COOKIE = "ow_agency"
_BACK = "/sign-in/agency/back"
_ASKED_S = 600
_TIMEOUT_S = 10.0
_LEEWAY_S = 60  # two clocks are never quite the same
# Signatures that only the issuer can make: never `none`, never one made with a shared secret.
_ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
)  # fmt: skip


class IssuerAwayError(OwnWordsError):
    """The agency's own sign-in does not answer, or not with what the standard asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one browser was sent to the issuer with."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


_ASKED: Pending[Asked] = Pending(lasts_s=_ASKED_S)


@router.get("/sign-in/agency")
def go_to_agency(request: Request) -> Response:
    """Send the browser to the agency's own sign-in."""
    house = _house(request)
    asked = Asked(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(64),
    )
    try:
        with _client(request, house) as client:
            about = _discover(client, house)
            address, _state = client.create_authorization_url(
                about["authorization_endpoint"], state=asked.state, nonce=asked.nonce,
                code_verifier=asked.verifier,
            )  # fmt: skip
    except IssuerAwayError:
        return _away(request, house)
    browser = secrets.token_urlsafe(32)
    _ASKED.keep(browser, asked.state, asked)
    response = RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})
    response.set_cookie(
        AGENCY_COOKIE, browser, path="/sign-in/agency", httponly=True, samesite="lax",
        secure=house.is_secure, max_age=_ASKED_S,
    )  # fmt: skip
    return response


@router.get(_BACK)
def come_back(request: Request, state: str = "", code: str = "") -> Response:
    """Sign in whoever comes back from the agency's sign-in with a code that holds."""
    house = _house(request)
    if not state and not code:  # opened by hand, or for another language
        return go_to("/sign-in")
    if house.failures.is_too_many(address_of(request)):
        house.workspace.log_refusal("too-many-tries")
        return render(request, "too_many.html", status=429)
    asked = _ASKED.take(request.cookies.get(AGENCY_COOKIE, ""), state)
    if asked is None or not code:  # unknown, used, too old, another browser's, or they said no
        return _not_right(request, house)
    try:
        subject = _subject_of(request, house, code=code, asked=asked)
    except IssuerAwayError:
        return _away(request, house)
    account = house.workspace.account_for_subject(subject) if subject else None
    if account is None:
        return _not_right(request, house)
    try:
        token = house.workspace.sign_in_account(account.account_id, rule="oidc")
    except Refused:  # a closed account; the workspace wrote it down
        return _not_right(request, house, is_logged=True)
    return _signed_in(request, house, token)


def _subject_of(request: Request, house: House, *, code: str, asked: Asked) -> str:
    """Trade the code for an ID token and check it (OpenID Connect Core 1.0, section 3.1.3.7).

    Returns the subject, or "" if anything about the token does not hold. Raises
    `IssuerAwayError` if the issuer cannot be asked.
    """
    import httpx2

    with _client(request, house) as client:
        about = _discover(client, house)
        client.token_endpoint_auth_method = _way_to_authenticate(about, house)
        try:
            given = client.fetch_token(
                about["token_endpoint"], grant_type="authorization_code", code=code,
                code_verifier=asked.verifier,
            )  # fmt: skip
        except httpx2.HTTPError:
            raise IssuerAwayError from None
        except Exception:  # the issuer says no, or answers what the library cannot read
            return ""
        keys = _read_json(client, about["jwks_uri"])
    try:
        return _checked_subject(
            given, keys, issuer=about["issuer"], client_id=house.settings.oidc_client_id,
            nonce=asked.nonce,
        )  # fmt: skip
    except Exception:  # a token may be wrong in more ways than the library has errors for
        return ""


def _checked_subject(
    given: dict[str, Any], keys: dict[str, Any], *, issuer: str, client_id: str, nonce: str
) -> str:
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.jwk import KeySet
    from joserfc.jws import JWSRegistry

    # Issuers put headers of their own into a token; what counts is the algorithm and the key.
    registry = JWSRegistry(algorithms=list(_ALGORITHMS), strict_check_header=False)
    known = KeySet.import_key_set(keys)  # type: ignore[arg-type]  # whatever the issuer sent
    token = jwt.decode(given["id_token"], known, registry=registry)
    claims = CodeIDToken(
        token.claims,
        token.header,
        {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
            "sub": {"essential": True},
            "exp": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        },
        {"nonce": nonce, "client_id": client_id, "access_token": given.get("access_token")},
    )
    claims.validate(leeway=_LEEWAY_S)
    return str(claims["sub"])


# ---------------------------------------------------------------- talking to the issuer


def _client(request: Request, house: House) -> Any:  # noqa: ANN401 - authlib has no types
    from authlib.integrations.httpx_client import OAuth2Client

    secret = house.settings.oidc_client_secret
    return OAuth2Client(
        client_id=house.settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        scope="openid",  # an identifier is all that is needed: no name, no e-mail
        redirect_uri=origin_of(request, house) + _BACK,
        code_challenge_method="S256",
        trust_env=False,  # proxies and .netrc of whoever started the server stay out of it
        follow_redirects=False,
        timeout=_TIMEOUT_S,
    )


def _discover(client: Any, house: House) -> dict[str, Any]:  # noqa: ANN401
    """Return the issuer's discovery document (OpenID Connect Discovery 1.0, section 4.3).

    Raises `SettingError` if the issuer's address is not safe, `IssuerAwayError` if it does not
    answer with a document about itself whose addresses are safe too.
    """
    from authlib.oidc.discovery import get_well_known_url

    issuer = house.settings.oidc_issuer
    if not _is_safe(issuer, may_be_loopback=True):
        raise SettingError(
            "The setting oidc_issuer must begin with https://. Correct it in the environment "
            "(OWNWORDS_OIDC_ISSUER) and start again."
        )
    about = _read_json(client, get_well_known_url(issuer, external=True))
    named = about.get("issuer")
    # The rest must be the same to the letter; a slash at the end is easily left out by hand.
    if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):
        raise IssuerAwayError
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        address = about.get(name)
        if not isinstance(address, str) or not _is_safe(
            address, may_be_loopback=_is_loopback(issuer)
        ):
            raise IssuerAwayError
    return about


def _read_json(client: Any, address: str) -> dict[str, Any]:  # noqa: ANN401
    import httpx2

    try:
        response = client.request("GET", address, withhold_token=True)
        found = response.raise_for_status().json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
        raise IssuerAwayError from None
    if not isinstance(found, dict):
        raise IssuerAwayError
    return found


def _way_to_authenticate(about: dict[str, Any], house: House) -> str:
    """Return how the token endpoint wants to know who asks; `basic` is the standard's default."""
    if house.settings.oidc_client_secret is None:
        return "none"
    ways = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"


def _is_safe(address: str, *, may_be_loopback: bool) -> bool:
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https"
        or (parts.scheme == "http" and may_be_loopback and _is_loopback(address))
    )


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# ---------------------------------------------------------------- what the browser gets


_ONWARD = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="0;url={home}">
<title>{title}</title>
<link rel="stylesheet" href="/static/app.css">
</head>
<body>
<main>
<h1>{title}</h1>
<p><a class="button" href="{home}">{go_on}</a></p>
</main>
</body>
</html>
"""


def _signed_in(request: Request, house: House, token: str) -> Response:
    """Give the browser its sign-in on a page of ours, which then opens its screens.

    A redirect would not do: it would still count as coming from the other site, and the browser
    would leave the strict cookie out that it just got.
    """
    who = house.workspace.signed_in(token)
    say = catalogue_of(request)
    page = _ONWARD.format(
        language=say.language,
        home=HOME.get(who.actor.role, "/sign-in") if who else "/sign-in",
        title=escape(say("extras.signed_in")),
        go_on=escape(say("extras.go_on")),
    )
    response = HTMLResponse(page, headers={"Cache-Control": "no-store"})
    set_cookie(response, house, STAFF_COOKIE, token, path="/")
    return _without_cookie(response)


def _not_right(request: Request, house: House, *, is_logged: bool = False) -> Response:
    """The same page as after a wrong password: it does not tell what was wrong."""
    house.failures.add(address_of(request))
    if not is_logged:
        house.workspace.log_refusal("oidc-refused")
    response = render(
        request, "sign_in.html", status=400, problem="entrance.not_right", login="", done="",
        has_passkeys=has_passkeys(), has_oidc=has_oidc(house.settings),
    )  # fmt: skip
    return _without_cookie(response)


def _away(request: Request, house: House) -> Response:
    house.workspace.log_refusal("oidc-issuer-away")
    message = catalogue_of(request)("extras.agency_away")
    return render(request, "problem.html", status=503, message=message)


def _without_cookie(response: Response) -> Response:
    response.delete_cookie(AGENCY_COOKIE, path="/sign-in/agency")
    return response


def _house(request: Request) -> House:
    """Return the house. Raises `Refused` where this way in is not set up."""
    house = house_of(request)
    if not has_oidc(house.settings):
        raise Refused(rule="oidc-not-set-up", action="sign_in", reason="no issuer is set")
    return house
