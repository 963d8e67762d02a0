"""Where the data files of the project lie: the packaged copy, else the checkout."""

from __future__ import annotations

from pathlib import Path

from assistant.errors import SettingError

_PACKAGE = Path(__file__).resolve().parent
_PACKAGED = _PACKAGE / "_packaged"  # filled by the wheel (pyproject, force-include)
_CHECKOUT = _PACKAGE.parent


def resource_path(relative: str) -> Path:
    """Return the path of a data file such as `policies/language.yaml`.

    Raises `SettingError` if neither the package nor the checkout holds it.
    """
    for root in (_PACKAGED, _CHECKOUT):
        candidate = root / relative
        if candidate.exists():
            return candidate
    raise SettingError(f"{relative} is missing from this installation. Install Own Words again.")
