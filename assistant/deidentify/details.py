"""Details that name nobody and together can point to one person.

    report = report_details(["I'm 52 and I was a beekeeper.", ...])

Names are gone by then; an age, a trade and an event may still say who it is. The report lists them,
estimates how many people fit all of them, and says what to say more generally. The kinds and their
shares are data (`policies/details.toml`), orders of magnitude and no count of anybody: the estimate
orders what to look at, and proves nothing. English only.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import prod
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.errors import SettingError
from assistant.records import DetailKind
from assistant.resources import resource_path

_FILE = "policies/details.toml"


class _Kind(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: DetailKind
    share: Annotated[float, Field(gt=0, le=1)]
    general_share: Annotated[float, Field(gt=0, le=1)]
    patterns: tuple[re.Pattern[str], ...]


class DetailRules(BaseModel):
    """`policies/details.toml`, checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    population: Annotated[int, Field(ge=100)]
    rare_below: Annotated[int, Field(ge=2)]
    detail: tuple[_Kind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One detail: which text (0-based), where in it, of which kind."""

    text: int
    start: int
    end: int
    kind: DetailKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailReport:
    """`fits`: about how many people fit every kind found; `fits_generally`: once each kind in
    `to_generalise` is said more generally. `is_rare`: fewer than the limit fit."""

    details: tuple[Detail, ...] = field(repr=False)
    fits: float
    is_rare: bool
    to_generalise: tuple[DetailKind, ...]
    fits_generally: float


@cache
def load_detail_rules(path: Path | None = None) -> DetailRules:
    """Raises `SettingError` naming the file and the key that is wrong."""
    file = path or resource_path(_FILE)
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
        for kind in found.get("detail", ()):
            kind["patterns"] = [re.compile(one, re.IGNORECASE) for one in kind["patterns"]]
        return DetailRules.model_validate(found)
    except (tomllib.TOMLDecodeError, re.error, KeyError, TypeError, AttributeError):
        raise SettingError(
            f"{file.name} is not valid TOML or holds a broken pattern. Correct it and start again."
        ) from None
    except ValidationError as error:
        keys = sorted({".".join(map(str, item["loc"])) for item in error.errors()})
        raise SettingError(
            f"{file.name}: {', '.join(keys)} is missing, unknown or of the wrong kind. "
            "Correct it and start again."
        ) from None


def report_details(
    texts: Sequence[str], *, found: Sequence[Detail] = (), rules: DetailRules | None = None
) -> DetailReport:
    """Look through what one person said, names hidden; `found` is what is known of it already."""
    known = rules or load_detail_rules()
    details = tuple(found) + tuple(
        Detail(text=number, start=match.start(), end=match.end(), kind=kind.kind)
        for number, text in enumerate(texts)
        for kind in known.detail
        for pattern in kind.patterns
        for match in pattern.finditer(text.replace("’", "'"))
    )
    kinds = [kind for kind in known.detail if any(one.kind == kind.kind for one in details)]
    fits = known.population * prod(kind.share for kind in kinds)
    generalised: list[DetailKind] = []
    shares = {kind.kind: kind.share for kind in kinds}
    # The rarest first, and no more than needed.
    for kind in sorted(kinds, key=lambda one: one.share):
        if known.population * prod(shares.values()) >= known.rare_below:
            break
        if kind.general_share > kind.share:
            generalised.append(kind.kind)
            shares[kind.kind] = kind.general_share
    return DetailReport(
        details=tuple(sorted(details, key=lambda one: (one.text, one.start))), fits=fits,
        is_rare=len(kinds) > 1 and fits < known.rare_below, to_generalise=tuple(generalised),
        fits_generally=known.population * prod(shares.values()),
    )  # fmt: skip
