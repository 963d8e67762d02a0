"""Names that were hidden once, hidden again in what people type."""

from __future__ import annotations

import re

from assistant.records import SurrogateMap


def hide_known_names(text: str, *, surrogates: SurrogateMap) -> str:
    """Replace every surface of the map in `text` by its surrogate, whole words, the longest first.

    Case is ignored. Names the map does not hold stay: nothing is guessed here.
    """
    known = {mention.surface.casefold(): mention.surrogate for mention in surrogates.mentions}
    known.pop("", None)
    if not known:
        return text
    longest_first = sorted(known, key=len, reverse=True)
    pattern = re.compile(
        r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)", re.IGNORECASE
    )
    # A letter that only folds to a known surface (ß, ſ) is left for the eye, never dropped.
    return pattern.sub(lambda match: known.get(match[0].casefold(), match[0]), text)
