"""The admin's pages: accounts, the agency's own texts, a lost code, upkeep.

An admin sees no notes, no sessions and no people who use services; nothing here asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, get_args

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from assistant.app.extras import has_oidc
from assistant.app.pages import actor_of, field, fields, go_to, house_of, read_form, render
from assistant.errors import AuditError, InputError, StoreError
from assistant.policy import Actor
from assistant.store import AccountRole, AccountRow

router = APIRouter(prefix="/admin")
Admin = Annotated[Actor, Depends(actor_of)]
ROLES: tuple[AccountRole, ...] = get_args(AccountRole)
MAX_AGENCY_NAME_CHARS = 80  # one line, as at the first set-up
MAX_TEXT_CHARS = 4_000  # what the workspace keeps of each of the agency's texts


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck:
    """What a check of the audit log found; `problem` is empty for a log that is whole."""

    n_entries: int = 0
    problem: str = ""


@router.get("/")
def show_overview(request: Request, admin: Admin) -> Response:
    workspace = house_of(request).workspace
    accounts = workspace.accounts(admin)
    return render(request, "admin/overview.html", to_do=to_do(accounts, agency=workspace.agency()))


def to_do(accounts: Sequence[AccountRow], *, agency: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what is still to set up: the name of a message, and the page to do it on."""
    roles = [row.role for row in accounts if row.disabled_at is None]
    checks = (
        ("peer" not in roles, "no_peer", "/admin/accounts"),
        (roles.count("admin") < 2, "one_admin", "/admin/accounts"),
        (not agency["protocol"], "no_protocol", "/admin/agency"),
        (not agency["supervisor_contact"], "no_contact", "/admin/agency"),
        (not agency["crisis_options"], "no_options", "/admin/agency"),
    )
    return tuple((name, page) for is_missing, name, page in checks if is_missing)


# ---------------------------------------------------------------- accounts


@router.get("/accounts")
def show_accounts(request: Request, admin: Admin) -> Response:
    return _accounts_page(request, admin)


@router.post("/accounts")
async def do_add_account(request: Request, admin: Admin) -> Response:
    form = await read_form(request)
    given = {name: field(form, name) for name in ("role", "login", "display")}
    role = next((one for one in ROLES if one == given["role"]), None)
    if role is None:
        return _accounts_page(request, admin, problem="admin.choose_role", status=400, **given)
    try:
        token = house_of(request).workspace.invite(
            admin, role=role, login=given["login"], display=given["display"]
        )
    except InputError:
        return _accounts_page(request, admin, problem="admin.type_names", status=400, **given)
    except StoreError as error:
        _let_pass(error)
        return _accounts_page(request, admin, problem="admin.name_taken", status=400, **given)
    return _invitation_page(request, token)


@router.get("/accounts/{account_id}")
def show_account(request: Request, admin: Admin, account_id: str, done: str = "") -> Response:
    return _account_page(request, admin, account_id, done=done)


@router.post("/accounts/{account_id}/invitation")
async def do_invite_again(request: Request, admin: Admin, account_id: str) -> Response:
    house = house_of(request)
    await read_form(request)
    token = house.workspace.invite_again(admin, account_id)
    house.recent.forget_all()
    return _invitation_page(request, token)


@router.post("/accounts/{account_id}/open")
async def do_open_or_close(request: Request, admin: Admin, account_id: str) -> Response:
    house = house_of(request)
    form = await read_form(request)
    is_disabled = field(form, "open") != "yes"
    try:
        house.workspace.set_disabled(admin, account_id, is_disabled=is_disabled)
    except InputError:
        problem = "admin.only_admin"
        return _account_page(request, admin, account_id, problem=problem, status=400)
    house.recent.forget_all()
    return go_to(f"/admin/accounts/{account_id}?done={'closed' if is_disabled else 'opened'}")


@router.post("/accounts/{account_id}/supervisors")
async def do_set_supervisors(request: Request, admin: Admin, account_id: str) -> Response:
    house = house_of(request)
    form = await read_form(request)
    chosen = frozenset(fields(form, "supervisor"))
    try:
        house.workspace.set_supervisors(admin, account_id, supervisor_ids=chosen)
    except InputError:
        problem = "admin.choose_supervisors"
        return _account_page(request, admin, account_id, problem=problem, status=400)
    return go_to(f"/admin/accounts/{account_id}?done=supervisors")


@router.post("/accounts/{account_id}/subject")
async def do_tie_subject(request: Request, admin: Admin, account_id: str) -> Response:
    house = house_of(request)
    form = await read_form(request)
    subject = field(form, "subject").strip()
    tied = house.workspace.account_for_subject(subject)
    if tied is not None and tied.account_id != account_id:
        problem = "admin.subject_taken"
        return _account_page(request, admin, account_id, problem=problem, status=400)
    house.workspace.tie_subject(admin, account_id, subject=subject)
    return go_to(f"/admin/accounts/{account_id}?done=subject")


def _accounts_page(
    request: Request,
    admin: Actor,
    *,
    problem: str = "",
    status: int = 200,
    role: str = "",
    login: str = "",
    display: str = "",
) -> Response:
    return render(
        request, "admin/accounts.html", status=status, problem=problem, roles=ROLES, role=role,
        login=login, display=display, accounts=house_of(request).workspace.accounts(admin),
    )  # fmt: skip


def _account_page(
    request: Request,
    admin: Actor,
    account_id: str,
    *,
    done: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    house = house_of(request)
    accounts = house.workspace.accounts(admin)
    account = next((row for row in accounts if row.account_id == account_id), None)
    if account is None:
        raise StoreError(f"There is no account {account_id} here.")
    chosen = house.workspace.supervisors(account_id)
    return render(
        request,
        "admin/account.html",
        status=status,
        done=done,
        problem=problem,
        account=account,
        is_own=account_id == admin.actor_id,
        chosen=chosen,
        # A closed account that still supervises is shown, so that saving does not drop it unseen.
        supervisors=tuple(
            row
            for row in accounts
            if row.role == "supervisor" and (row.disabled_at is None or row.account_id in chosen)
        ),
        has_oidc=has_oidc(house.settings),
    )


def _invitation_page(request: Request, token: str) -> Response:
    """Show a welcome address in the answer to the POST itself: it is kept nowhere to show again."""
    house = house_of(request)
    base = house.settings.public_url or str(request.base_url)
    return render(
        request, "admin/invitation.html", account=house.workspace.invited(token),
        address=f"{base.rstrip('/')}/welcome/{token}",
    )  # fmt: skip


# ---------------------------------------------------------------- the agency's own texts


@router.get("/agency")
def show_agency(request: Request, admin: Admin, done: str = "") -> Response:
    workspace = house_of(request).workspace
    workspace.may(admin, "change_settings")
    return _agency_page(request, workspace.agency(), done=done)


@router.post("/agency")
async def do_set_agency(request: Request, admin: Admin) -> Response:
    workspace = house_of(request).workspace
    form = await read_form(request)
    # Browsers send two characters for a new line and count it as one.
    given = {name: field(form, name).replace("\r\n", "\n") for name in workspace.agency()}
    given["name"] = " ".join(given["name"].split())
    if not 1 <= len(given["name"]) <= MAX_AGENCY_NAME_CHARS:
        return _agency_page(request, given, problem="admin.agency_name_needed", status=400)
    try:
        workspace.set_agency(admin, **given)
    except InputError:
        return _agency_page(request, given, problem="admin.text_too_long", status=400)
    return go_to("/admin/agency?done=saved")


def _agency_page(
    request: Request,
    agency: dict[str, str],
    *,
    done: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    return render(
        request, "admin/agency.html", status=status, done=done, problem=problem, agency=agency,
        max_name=MAX_AGENCY_NAME_CHARS, max_text=MAX_TEXT_CHARS,
    )  # fmt: skip


# ---------------------------------------------------------------- a person's lost code


@router.get("/code")
def show_code(request: Request, admin: Admin, done: str = "") -> Response:
    house_of(request).workspace.may(admin, "manage_accounts")
    return render(request, "admin/code.html", done=done, problem="", session_id="")


@router.post("/code")
async def do_drop_code(request: Request, admin: Admin) -> Response:
    house = house_of(request)
    form = await read_form(request)
    session_id = field(form, "session").strip()
    try:
        house.workspace.drop_code(admin, session_id)
    except StoreError as error:
        _let_pass(error)
        return render(
            request, "admin/code.html", status=400, done="", problem="admin.no_session",
            session_id=session_id,
        )  # fmt: skip
    house.recent.forget_all()
    return go_to("/admin/code?done=dropped")


# ---------------------------------------------------------------- upkeep


@router.get("/upkeep")
def show_upkeep(request: Request, admin: Admin) -> Response:
    house_of(request).workspace.may(admin, "run_retention")
    return _upkeep_page(request)


# Both show what they found in the answer itself: in an address, a figure could be made up.
@router.post("/upkeep/retention")
async def do_run_retention(request: Request, admin: Admin) -> Response:
    house = house_of(request)
    await read_form(request)
    n_deleted = await to_thread.run_sync(house.workspace.run_retention, admin)
    return _upkeep_page(request, n_deleted=n_deleted)


@router.post("/upkeep/audit")
async def do_check_audit(request: Request, admin: Admin) -> Response:
    house = house_of(request)
    await read_form(request)
    try:
        check = AuditCheck(n_entries=await to_thread.run_sync(house.workspace.check_audit, admin))
    except AuditError as error:
        check = AuditCheck(problem=str(error))
    return _upkeep_page(request, check=check)


def _upkeep_page(
    request: Request, *, n_deleted: int | None = None, check: AuditCheck | None = None
) -> Response:
    return render(
        request, "admin/upkeep.html", n_deleted=n_deleted, check=check,
        undecided_days=house_of(request).settings.undecided_days,
    )  # fmt: skip


def _let_pass(error: StoreError) -> None:
    """Raise a full, busy or damaged vault again; a row that is taken or missing is for the page."""
    if type(error) is not StoreError:
        raise error
