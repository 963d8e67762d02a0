"""The agency's own sign-in, against a small issuer on this machine."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pydantic import SecretStr

from assistant.app import extras, oidc, pages
from assistant.app.house import House
from assistant.settings import Settings
from tests.app.test_passkeys import (
    ADMIN,
    PEER,
    chromium,
    make_accounts,
    n_refused,
    served,
    small_app,
)
from tests.scenery import open_test_workspace

CLIENT, SECRET, SUBJECT = "ownwords", "between the two of us", "subject-7"
KEY, OTHER_KEY = RSAKey.generate_key(2048), RSAKey.generate_key(2048)


@dataclass(kw_only=True)
class Issuer:
    """An issuer that checks what it is given, and can be told to be wrong in one way."""

    address: str = ""
    about: dict[str, Any] = field(default_factory=dict)  # what its document says otherwise
    claims: dict[str, Any] = field(default_factory=dict)  # what its tokens say otherwise
    sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode({"alg": "RS256"}, claims, KEY)
    asked: dict[str, dict[str, str]] = field(default_factory=dict)  # by code
    token_status: int = 200
    n_tokens: int = 0

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.add_api_route("/.well-known/openid-configuration", self._describe)
        app.add_api_route("/authorize", self._authorize)
        app.add_api_route("/token", self._trade, methods=["POST"])
        app.add_api_route("/keys", lambda: JSONResponse({"keys": [KEY.as_dict(private=False)]}))
        return app

    def _describe(self) -> Response:
        about = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
        }
        return JSONResponse({**about, **self.about})

    def _authorize(self, request: Request) -> Response:
        """A page of another site with a link back, as after a password."""
        given = dict(request.query_params)
        assert given["code_challenge_method"] == "S256"
        assert (given["client_id"], given["scope"]) == (CLIENT, "openid")
        code = f"code-{len(self.asked)}"
        self.asked[code] = given
        back = f"{given['redirect_uri']}?{urlencode({'code': code, 'state': given['state']})}"
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(f'<title>issuer</title><a id="yes" href="{back}">Yes</a>')
        return RedirectResponse(back)

    async def _trade(self, request: Request) -> Response:
        given = dict(parse_qsl((await request.body()).decode()))
        scheme, _space, secret = request.headers["authorization"].partition(" ")
        asked = self.asked.pop(given["code"], None)
        proof = hashlib.sha256(given["code_verifier"].encode()).digest()
        is_right = (
            scheme == "Basic"
            and base64.b64decode(secret).decode() == f"{CLIENT}:{SECRET}"
            and asked is not None
            and base64.urlsafe_b64encode(proof).rstrip(b"=").decode() == asked["code_challenge"]
            and given["redirect_uri"] == asked["redirect_uri"]
        )
        if asked is None or not is_right:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        self.n_tokens += 1
        now = int(time.time())
        claims = {
            "iss": self.address, "sub": SUBJECT, "aud": CLIENT, "exp": now + 300, "iat": now,
            "nonce": asked["nonce"],
        }  # fmt: skip
        claims = {name: value for name, value in (claims | self.claims).items() if value != ""}
        token = {"access_token": "a", "token_type": "Bearer", "id_token": self.sign(claims)}
        return JSONResponse(token, status_code=self.token_status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    house: House
    ids: dict[str, str]
    port: int
    folder: Path
    issuer: Issuer

    def n_refused(self, rule: str = "oidc-refused") -> int:
        return n_refused(self.folder, rule)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder, issuer = tmp_path / "data", Issuer()
    with served(issuer.app()) as issuer_port, open_test_workspace(folder) as workspace:
        issuer.address = f"http://127.0.0.1:{issuer_port}"
        settings = Settings(
            data_dir=folder, oidc_issuer=issuer.address, oidc_client_id=CLIENT,
            oidc_client_secret=SecretStr(SECRET), _env_file=None,
        )  # fmt: skip
        house = House(workspace=workspace, settings=settings)
        ids = make_accounts(workspace)
        admin = pages.Actor(actor_id=ids[ADMIN], role="admin")
        workspace.tie_subject(admin, ids[PEER], subject=SUBJECT)
        with served(small_app(house)) as port:
            yield Place(house=house, ids=ids, port=port, folder=folder, issuer=issuer)


class Browser:
    """A browser without scripts that follows redirects one at a time."""

    def __init__(self, place: Place) -> None:
        self._address = f"http://127.0.0.1:{place.port}"
        self.http = httpx2.Client(
            limits=httpx2.Limits(max_keepalive_connections=0), trust_env=False
        )

    def get(self, path: str) -> httpx2.Response:
        return self.http.get(path if "://" in path else self._address + path)

    def start(self) -> str:
        """Go to the issuer and say yes there; return the address it sends back to."""
        sent = self.get("/sign-in/agency")
        assert sent.status_code == 303
        answer = self.http.get(sent.headers["location"])
        assert answer.status_code == 307
        back: str = answer.headers["location"]
        return back

    def is_signed_in(self) -> bool:
        return self.get("/account").status_code == 200


def is_refused(answer: httpx2.Response) -> bool:
    return answer.status_code == 400 and "That did not open an account." in answer.text


# ---------------------------------------------------------------- signing in


def test_the_agencys_sign_in_opens_the_tied_account(place: Place) -> None:
    browser = Browser(place)
    answer = browser.get(browser.start())
    assert answer.status_code == 200
    assert 'content="0;url=/peer/"' in answer.text
    assert browser.is_signed_in()
    assert '"rule":"oidc"' in (place.folder / "audit.jsonl").read_text("utf-8")
    assert place.n_refused() == 0


def test_the_cookie_of_the_way_back_is_lax_short_and_of_no_other_use(place: Place) -> None:
    browser = Browser(place)
    header = browser.get("/sign-in/agency").headers["set-cookie"]
    assert "SameSite=lax" in header
    assert "HttpOnly" in header
    assert "Path=/sign-in/agency" in header
    assert "Max-Age=600" in header
    assert not browser.is_signed_in()


def test_the_client_secret_and_verifier_stay_between_the_servers(place: Place) -> None:
    address = Browser(place).get("/sign-in/agency").headers["location"]
    given = dict(parse_qsl(urlsplit(address).query))
    assert "code_verifier" not in given
    assert SECRET not in address
    assert given["redirect_uri"] == f"http://127.0.0.1:{place.port}/sign-in/agency/back"


# ---------------------------------------------------------------- what is refused


def _with_none(claims: dict[str, Any]) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{head}.{jwt.encode({'alg': 'RS256'}, claims, KEY).split('.')[1]}."


def _with_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))


def _with_public_key(claims: dict[str, Any]) -> str:
    """The public key of the issuer, taken for a shared secret."""
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(KEY.as_pem(private=False)[11:]))


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": ""},  # left out
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"aud": ""},
        {"iss": "https://elsewhere.example"},
        {"iss": ""},
        {"exp": 1},
        {"exp": ""},
        {"iat": 4_000_000_000},
        {"at_hash": "wrong"},
        {"sub": "unknown"},
        {"sub": ""},
        {"sub": None},
        {"sub": [SUBJECT]},
    ],
)
def test_a_token_that_does_not_hold_signs_nobody_in(place: Place, claims: dict[str, Any]) -> None:
    place.issuer.claims = claims
    browser = Browser(place)
    assert is_refused(browser.get(browser.start()))
    assert (place.issuer.n_tokens, place.n_refused()) == (1, 1)
    assert not browser.is_signed_in()


@pytest.mark.parametrize(
    "sign",
    [
        lambda claims: jwt.encode({"alg": "RS256"}, claims, OTHER_KEY),
        lambda claims: jwt.encode({"alg": "RS256"}, claims, KEY)[:-8] + "AAAAAAAA",
        _with_none,
        _with_secret,
        _with_public_key,
        lambda claims: "not a token",
    ],
    ids=["another key", "changed", "no signature", "our secret", "its public key", "nonsense"],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # the weak keys made here
def test_a_signature_that_is_not_the_issuers_signs_nobody_in(
    place: Place, sign: Callable[[dict[str, Any]], str]
) -> None:
    place.issuer.sign = sign
    browser = Browser(place)
    assert is_refused(browser.get(browser.start()))
    assert place.n_refused() == 1
    assert not browser.is_signed_in()


def test_a_state_is_good_once(place: Place) -> None:
    browser = Browser(place)
    back = browser.start()
    cookie = browser.http.cookies[oidc.AGENCY_COOKIE]
    assert browser.get(back).status_code == 200
    browser.http.cookies.clear()
    browser.http.cookies.set(oidc.AGENCY_COOKIE, cookie)
    assert is_refused(browser.get(back))
    assert (place.issuer.n_tokens, place.n_refused()) == (1, 1)


def test_a_state_of_another_browser_is_refused(place: Place) -> None:
    theirs, without, other = Browser(place), Browser(place), Browser(place)
    back = theirs.start()
    other.start()
    assert is_refused(without.get(back))
    assert is_refused(other.get(back))
    assert place.n_refused() == 2
    assert place.issuer.n_tokens == 0  # the code was not even tried
    assert theirs.get(back).status_code == 200


def test_a_state_is_too_old_after_ten_minutes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    pending: extras.Pending[oidc.Asked] = extras.Pending(lasts_s=600, clock=lambda: now[0])
    monkeypatch.setattr(oidc, "_ASKED", pending)
    browser = Browser(place)
    back = browser.start()
    now[0] = 600.0
    assert is_refused(browser.get(back))


@pytest.mark.parametrize("query", ["error=access_denied", "code=", "code=made-up"])
def test_a_no_or_a_made_up_code_signs_nobody_in(place: Place, query: str) -> None:
    browser = Browser(place)
    state = dict(parse_qsl(urlsplit(browser.start()).query))["state"]
    assert is_refused(browser.get(f"/sign-in/agency/back?{query}&state={state}"))
    assert place.n_refused() == 1


def test_a_closed_account_has_no_way_in(place: Place) -> None:
    admin = pages.Actor(actor_id=place.ids[ADMIN], role="admin")
    place.house.workspace.set_disabled(admin, place.ids[PEER], is_disabled=True)
    browser = Browser(place)
    assert is_refused(browser.get(browser.start()))
    assert place.n_refused("sign-in-failed") == 1


def test_opened_by_hand_the_way_back_leads_to_the_sign_in_page(place: Place) -> None:
    answer = Browser(place).get("/sign-in/agency/back")
    assert answer.headers["location"] == "/sign-in"
    assert place.n_refused() == 0


# ---------------------------------------------------------------- the issuer itself


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://elsewhere.example"},
        {"issuer": None},
        {"authorization_endpoint": "http://elsewhere.example/authorize"},  # in the clear
        {"token_endpoint": "file:///etc/hostname"},
        {"jwks_uri": None},
    ],
)
def test_a_document_that_is_not_the_issuers_own_leads_nowhere(
    place: Place, about: dict[str, Any]
) -> None:
    place.issuer.about = about
    answer = Browser(place).get("/sign-in/agency")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert place.n_refused("oidc-issuer-away") == 1


def test_an_issuer_that_breaks_off_is_said_to_be_away(place: Place) -> None:
    browser = Browser(place)
    back = browser.start()
    place.issuer.token_status = 502
    assert browser.get(back).status_code == 503
    assert not browser.is_signed_in()


@pytest.mark.parametrize("issuer", ["http://issuer.example", "ftp://127.0.0.1", "issuer.example"])
def test_an_issuer_in_the_clear_is_refused(tmp_path: Path, issuer: str) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", oidc_issuer=issuer, oidc_client_id=CLIENT, _env_file=None
    )
    with open_test_workspace(tmp_path / "data") as workspace:
        make_accounts(workspace)
        house = House(workspace=workspace, settings=settings)
        with served(small_app(house)) as port:
            answer = httpx2.get(f"http://127.0.0.1:{port}/sign-in/agency", trust_env=False)
    assert answer.status_code == 400
    assert "OWNWORDS_OIDC_ISSUER" in answer.text


def test_without_the_library_or_an_issuer_no_page_speaks_of_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "/sign-in/agency" in Browser(place).get("/sign-in").text
    assert not extras.has_oidc(Settings(data_dir=place.folder, _env_file=None))
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert not extras.has_oidc(place.house.settings)
    assert "/sign-in/agency" not in Browser(place).get("/sign-in").text


# ---------------------------------------------------------------- in a browser


@pytest.mark.slow
def test_a_browser_that_comes_back_from_another_site_stays_signed_in(place: Place) -> None:
    # `localhost` and `127.0.0.1` are two sites, so strict cookies are left out on the way back.
    with chromium() as page:
        page.goto(f"http://localhost:{place.port}/sign-in")
        page.click("a[href='/sign-in/agency']")
        page.wait_for_selector("#yes")
        assert urlsplit(page.url).netloc == urlsplit(place.issuer.address).netloc
        page.click("#yes")
        page.wait_for_url(f"http://localhost:{place.port}/peer/")
        assert page.inner_text("h1") == "home"
        names = {cookie["name"] for cookie in page.context.cookies()}
        assert "ow_staff" in names
        assert oidc.AGENCY_COOKIE not in names
