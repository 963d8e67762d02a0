"""Passkeys: staff sign in with their device instead of a password (extra `passkeys`).

WebAuthn Level 3, sections 7.1 and 7.2, with py_webauthn. A passkey always asks the device to check
who holds it (its own PIN, face or finger; that stays on the device), and is found by the device
itself, so that nothing here tells which accounts exist. People whose notes these are do not need
one: they come by a link.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from assistant.app.entrance import signed_in_response
from assistant.app.extras import Pending, address_of, origin_of
from assistant.app.house import FORM_COOKIE, STAFF_COOKIE, House
from assistant.app.pages import catalogue_of, house_of
from assistant.errors import Refused, StoreError
from assistant.workspace import SignedIn

router = APIRouter()
_ASKED_S = 300.0
_MAX_BODY_BYTES = 64_000  # an answer with a long key and its proof is about 5 kB
_CHALLENGES: Pending[bytes] = Pending(lasts_s=_ASKED_S)


# ---------------------------------------------------------------- adding one


@router.post("/account/passkey/options")
def offer_passkey(request: Request) -> Response:
    """Say what a device needs to make a passkey for the account that is signed in."""
    house, who = house_of(request), _staff(request)
    problem = _problem(request, house)
    if problem is not None or who is None:
        return problem or _refuse(request, house, "extras.passkey_not_saved")
    from webauthn import base64url_to_bytes, generate_registration_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers import structs as wanted

    account_id = who.actor.actor_id
    # What the device shows in its list. The sign-in name stays here.
    display = house.workspace.display_names().get(account_id) or account_id
    options = generate_registration_options(
        rp_id=_name_of(request, house),
        rp_name=catalogue_of(request)("common.product"),
        user_id=account_id.encode(),
        user_name=display,
        timeout=int(_ASKED_S * 1000),
        authenticator_selection=wanted.AuthenticatorSelectionCriteria(
            resident_key=wanted.ResidentKeyRequirement.REQUIRED,
            user_verification=wanted.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            wanted.PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.credential_id))
            for row in house.workspace.passkeys(account_id)
        ],
    )
    _CHALLENGES.keep(_browser(request), f"add {account_id}", options.challenge)
    return _ask(request, options_to_json_dict(options), "extras.passkey_stopped_adding")


@router.post("/account/passkey")
async def add_passkey(request: Request) -> Response:
    """Keep a new passkey for the account that is signed in, and for no other."""
    house, who = house_of(request), _staff(request)
    problem = _problem(request, house)
    if problem is not None or who is None:
        return problem or _refuse(request, house, "extras.passkey_not_saved")
    account_id = who.actor.actor_id
    challenge = _CHALLENGES.take(_browser(request), f"add {account_id}")
    answer = await _read_body(request)
    is_kept = challenge is not None and _keep_passkey(
        house, who, answer, challenge=challenge, origin=origin_of(request, house)
    )
    if not is_kept:
        return _refuse(request, house, "extras.passkey_not_saved", actor=account_id)
    return _say(request, "extras.passkey_saved")


def _keep_passkey(
    house: House, who: SignedIn, answer: str, *, challenge: bytes, origin: str
) -> bool:
    """Check what the device made and keep it; False if it does not hold."""
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url

    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=urlsplit(origin).hostname or "",
            expected_origin=origin,
            require_user_verification=True,
        )
    except Exception:  # for what it cannot read the library raises errors of many kinds
        return False
    credential_id = bytes_to_base64url(made.credential_id)
    if house.workspace.passkey(credential_id) is not None:  # 7.1, step 26: it has an owner
        return False
    try:
        house.workspace.add_passkey(
            who.actor, credential_id=credential_id, public_key=made.credential_public_key,
            sign_count=made.sign_count,
        )  # fmt: skip
    except StoreError:
        return False
    return True


# ---------------------------------------------------------------- signing in with one


@router.post("/sign-in/passkey/options")
def offer_sign_in(request: Request) -> Response:
    """Say what a device needs to sign somebody in; it finds the account itself."""
    house = house_of(request)
    problem = _problem(request, house)
    if problem is not None:
        return problem
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=_name_of(request, house),
        timeout=int(_ASKED_S * 1000),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    _CHALLENGES.keep(_browser(request), "sign in", options.challenge)
    return _ask(request, options_to_json_dict(options), "extras.passkey_stopped")


@router.post("/sign-in/passkey")
async def sign_in_with_passkey(request: Request) -> Response:
    house = house_of(request)
    problem = _problem(request, house)
    if problem is not None:
        return problem
    challenge = _CHALLENGES.take(_browser(request), "sign in")
    answer = await _read_body(request)
    # Nothing waits from here to the new count, so two answers cannot be checked against one count.
    account_id = ""
    if challenge is not None:
        origin = origin_of(request, house)
        account_id = _account_of(house, answer, challenge=challenge, origin=origin)
    if not account_id:
        return _refuse(request, house, "extras.passkey_refused")
    try:
        token = house.workspace.sign_in_account(account_id, rule="passkey")
    except Refused:  # a closed account; the workspace wrote it down
        house.failures.add(address_of(request))
        return _say(request, "extras.passkey_refused", status=400)
    return signed_in_response(request, token)


def _account_of(house: House, answer: str, *, challenge: bytes, origin: str) -> str:
    """Return whose passkey signed the challenge, or "" if the answer does not hold.

    A count that did not grow means that a copy of the passkey is in use somewhere; devices that
    do not count always say zero.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers import bytes_to_base64url, parse_authentication_credential_json

    try:
        given = parse_authentication_credential_json(answer)
        row = house.workspace.passkey(bytes_to_base64url(given.raw_id))
        # 7.2, step 6: a device that found the account itself says whose it is.
        if row is None or given.response.user_handle != row.account_id.encode():
            return ""
        checked = verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=urlsplit(origin).hostname or "",
            expected_origin=origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except StoreError:
        raise
    except Exception:  # for what it cannot read the library raises errors of many kinds
        return ""
    house.workspace.count_passkey_use(row.credential_id, sign_count=checked.new_sign_count)
    return row.account_id


# ---------------------------------------------------------------- what they share


def _problem(request: Request, house: House) -> Response | None:
    """Return the answer to a request that may not go on, or None."""
    token = request.headers.get("x-form-token", "")
    if not house.is_own_form(request.cookies.get(FORM_COOKIE), token):
        house.workspace.log_refusal("not-their-form")
        return _say(request, "extras.passkey_old_page", status=403)
    if house.failures.is_too_many(address_of(request)):
        house.workspace.log_refusal("too-many-tries")
        return _say(request, "common.too_many", status=429)
    return None


def _refuse(request: Request, house: House, name: str, *, actor: str = "software") -> Response:
    """Say that it did not work, not why: whoever tries learns nothing."""
    house.failures.add(address_of(request))
    house.workspace.log_refusal("passkey-refused", actor=actor)
    return _say(request, name, status=400)


def _ask(request: Request, options: object, stopped: str) -> Response:
    say = catalogue_of(request)
    words = {"stopped": say(stopped), "already": say("extras.passkey_already")}
    return _json({"options": options, "words": words})


def _say(request: Request, name: str, *, status: int = 200) -> Response:
    return _json({"message": catalogue_of(request)(name)}, status=status)


def _json(content: object, *, status: int = 200) -> Response:
    return JSONResponse(content, status_code=status, headers={"Cache-Control": "no-store"})


def _staff(request: Request) -> SignedIn | None:
    who = house_of(request).who(request.cookies.get(STAFF_COOKIE))
    return who if who is not None and who.actor.role != "person" else None


def _browser(request: Request) -> str:
    return request.cookies.get(FORM_COOKIE, "")


def _name_of(request: Request, house: House) -> str:
    return urlsplit(origin_of(request, house)).hostname or ""


async def _read_body(request: Request) -> str:
    """Return the body, or "" if it is longer than any answer of a device."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            return ""
    return body.decode("utf-8", "replace")
