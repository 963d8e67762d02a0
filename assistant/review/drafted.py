"""The review of a whole draft: a flag for every phrase that is not the person's own.

    verbatim from the person   own words, never flagged
    rewritten                  words the person said in that order are theirs; the rest is checked
    written (by a human)       checked like anyone's
    together (peer's turns)    checked as the peer's voice; only the person's own clauses are exempt

The label of a sentence is not believed: a sentence called verbatim that the cited turns do not
hold word for word is checked like a rewritten one.
"""

from __future__ import annotations

from assistant.records import (
    Deidentified,
    Draft,
    Flag,
    ReviewedDraft,
    SafetyPrompt,
    Section,
    Sentence,
    SentenceFlag,
)
from assistant.review.alignment import is_covered, shared_runs
from assistant.review.matching import find_hits, keep_strongest
from assistant.review.rules import (
    LanguageRules,
    entries_for,
    flag_language,
    make_flag,
    settle_by_reader,
)


def review_draft(
    draft: Draft,
    *,
    deidentified: Deidentified,
    rules: LanguageRules,
    safety: tuple[SafetyPrompt, ...],
) -> ReviewedDraft:
    """Flag the draft's wording and hand the safety prompts on; nothing is changed.

    A flag's offsets point into the text of its sentence. `safety` comes from `surface_topics`,
    called before drafting so that what it surfaces could be held out of the draft.
    """
    said = {turn.number: turn.text for turn in deidentified.turns if turn.role == "person"}
    flags = tuple(
        SentenceFlag(section=section.name, sentence=index, flag=flag)
        for section in draft.sections
        for index, sentence in enumerate(section.sentences)
        for flag in _flag_sentence(section, sentence, said, rules)
    )
    return ReviewedDraft(draft=draft, flags=flags, safety=safety)


def _flag_sentence(
    section: Section, sentence: Sentence, said: dict[int, str], rules: LanguageRules
) -> tuple[Flag, ...]:
    cited = tuple(said[e.turn] for e in sentence.evidence if e.turn in said)
    if section.name == "together":
        return flag_language(sentence.text, voice="peer", own_words=cited, rules=rules)
    if sentence.origin == "written":
        return flag_language(sentence.text, voice="person", rules=rules)
    if sentence.origin == "verbatim" and any(sentence.text.strip() in turn for turn in cited):
        return ()
    return _flag_added_words(sentence.text, cited, rules)


def _flag_added_words(text: str, cited: tuple[str, ...], rules: LanguageRules) -> tuple[Flag, ...]:
    """Flags of a first-person sentence, without those that lie wholly in the person's words."""
    hits = find_hits(
        text,
        entries=entries_for(rules, "person"),
        own_words=(),
        writer_is_person=True,
        masking=rules.listed.masking,
        sentences=rules.sentences,
        settle=settle_by_reader(rules, "person"),
    )
    runs = tuple(
        run
        for turn in cited
        for run in shared_runs(text, turn, fillers=rules.listed.masking.fillers)
    )
    added = [hit for hit in hits if not is_covered((hit.start, hit.end), runs)]
    return tuple(make_flag(text, hit, rules) for hit in keep_strongest(added))
