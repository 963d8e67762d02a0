"""Whose turn is whose: the person the note is about, their peer, anybody else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from assistant.errors import TranscriptError
from assistant.ingest.labels import fold_name
from assistant.ingest.lines import UNKNOWN_SPEAKER, Utterance
from assistant.records import Role, Turn


def assign_roles(
    utterances: Sequence[Utterance], *, file: str, person: str = "", peer: str = ""
) -> tuple[Turn, ...]:
    """Number the utterances and give each its role.

    A label fits a name if both are equal without case and spare spaces, or share the first name
    and do not differ in the last. Without `peer`, the other one of exactly two speakers is the
    peer. Raises `TranscriptError` if a given name fits no speaker or several.
    """
    speakers = tuple(dict.fromkeys(fold_name(item.speaker) for item in utterances))
    roles: dict[str, Role] = {}
    if peer.strip():
        roles[_find(peer, speakers, file=file, option="peer")] = "peer"
    if person.strip():
        label = _find(person, speakers, file=file, option="person")
        if label in roles:
            raise TranscriptError(
                file=file,
                line=0,
                problem="the names given for the person and the peer fit the same speaker",
                remedy="Give each name as it stands in the file.",
            )
        roles[label] = "person"
        others = [name for name in speakers if name not in (label, fold_name(UNKNOWN_SPEAKER))]
        if not peer.strip() and len(others) == 1:
            roles[others[0]] = "peer"
    return tuple(
        Turn(
            number=number,
            speaker=item.speaker,
            text=item.text,
            role=roles.get(fold_name(item.speaker), "other"),
            start_s=item.start_s,
            end_s=item.end_s,
            said_at=item.said_at,
        )
        for number, item in enumerate(utterances, start=1)
    )


def fits_name(label: str, name: str) -> bool:
    """Whether two folded names can be the same human being's."""
    ours, theirs = _in_order(label).split(), _in_order(name).split()
    if not ours or not theirs or ours[0] != theirs[0]:
        return False
    if len(ours) == 1 or len(theirs) == 1:
        return True
    short, long = sorted((ours[-1].rstrip("."), theirs[-1].rstrip(".")), key=len)
    return short == long or (len(short) == 1 and long.startswith(short))  # "Ana R."


def _find(name: str, speakers: Collection[str], *, file: str, option: str) -> str:
    wanted = fold_name(name)
    if wanted in speakers:
        return wanted
    fitting = [speaker for speaker in speakers if fits_name(speaker, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    n_speakers = len(speakers)
    if fitting:
        problem = (
            f"the name given for the {option} fits {len(fitting)} of {n_speakers} speaker labels"
        )
    else:
        problem = (
            f"none of its {n_speakers} speaker labels fits the name given for the {option}"
            if n_speakers > 1
            else f"its one speaker label does not fit the name given for the {option}"
        )
    raise TranscriptError(
        file=file,
        line=0,
        problem=problem,
        remedy=f"Give the {option}'s name exactly as it stands before their words in the file.",
    )


def _in_order(name: str) -> str:
    """`reyes, ana` -> `ana reyes`."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma else name
