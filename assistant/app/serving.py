"""`ownwords serve`: open the vault, say where the screens are, serve until stopped."""

from __future__ import annotations

import secrets
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING

from assistant.app.house import House
from assistant.errors import SettingError
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.workspace import Workspace


def serve_app(settings: Settings, workspace: Workspace) -> None:
    """Serve the screens until interrupted.

    Raises `SettingError` if the address reaches beyond this machine without TLS.
    """
    import uvicorn

    from assistant.app.server import build_app

    require_safe_address(settings)
    house = open_house(settings, workspace)
    scheme = "https" if settings.tls_certificate else "http"
    # By its name, because passkeys are tied to names and not to numbers.
    host = "localhost" if settings.host == "127.0.0.1" else settings.host
    address = settings.public_url or f"{scheme}://{host}:{settings.port}/"
    _say(f"Own Words is starting at {address}")
    if house.set_up_code:
        _say("There is no account yet. Open that address in a browser on this machine.")
        _say(f"One-time code for the first set-up: {house.set_up_code}")
    if settings.oidc_issuer:
        _say(f"Sign-in by the agency asks {settings.oidc_issuer}; no words go there.")
    _say("Stop it with Ctrl-C. Nothing that people say leaves this machine.")
    config = uvicorn.Config(
        build_app(house),
        host=settings.host,
        port=settings.port,
        ssl_certfile=str(settings.tls_certificate) if settings.tls_certificate else None,
        ssl_keyfile=str(settings.tls_key) if settings.tls_key else None,
        access_log=False,  # addresses hold the tokens of links
        log_level="warning",
        server_header=False,
        date_header=True,
        ws="none",
        timeout_graceful_shutdown=5,
        proxy_headers=False,
    )
    uvicorn.Server(config).run()


def open_house(settings: Settings, workspace: Workspace) -> House:
    """Return what the screens share, with the drafting worker and the checks behind them."""
    from assistant.app.checking import Checks, load_check_parts
    from assistant.app.worker import ChildDrafter, DraftWorker

    code = f"{secrets.randbelow(10**8):08d}" if workspace.needs_set_up() else ""
    checks = Checks(workspace, make_parts=lambda: load_check_parts(settings))
    checks.warm_up()
    return House(
        workspace=workspace,
        settings=settings,
        worker=DraftWorker(workspace, drafter=ChildDrafter(settings)),
        checks=checks,
        set_up_code=code,
    )


def require_safe_address(settings: Settings) -> None:
    """Raise `SettingError` unless the server stays on this machine or speaks TLS."""
    has_tls = settings.tls_certificate is not None and settings.tls_key is not None
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise SettingError(
            "TLS needs both OWNWORDS_TLS_CERTIFICATE and OWNWORDS_TLS_KEY. Set both, or neither."
        )
    if not has_tls and not _is_this_machine(settings.host):
        raise SettingError(
            f"The address {settings.host} can be reached from other machines, so words would cross "
            "the network in the clear. Set OWNWORDS_TLS_CERTIFICATE and OWNWORDS_TLS_KEY, or use "
            "127.0.0.1."
        )
    for path in (settings.tls_certificate, settings.tls_key):
        if path is not None and not path.is_file():
            raise SettingError(f"{path.name} is not there. Check the TLS settings.")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
