"""Words that people read in more than one place: section titles and reasons, in plain language."""

from __future__ import annotations

from assistant.records import HoldReason, SectionName

SECTION_TITLES: dict[SectionName, str] = {
    "matters": "What matters to me",
    "strength": "What I did",
    "hard": "What is hard",
    "helps": "What helps",
    "next_step": "What I want to do next",
    "support": "People and places that help",
    "ask": "What I asked for",
    "together": "What we did together",
}

HOLD_REASONS: dict[HoldReason, str] = {
    "asked_not_to_record": "asked to leave out",
    "safety": "for a person to look at first",
    "third_party": "about somebody else",
    "small_talk": "small talk",
    "joke": "a joke",
    "hypothetical": "a what-if",
    "reported_speech": "what somebody else said",
    "social_reply": "short replies",
    "past_only": "from long ago",
    "unclear": "not clear by itself",
    "length": "the note is full",
    "check_failed": "could not be checked",
    "other_language": "in another language",
    "instruction": "a command to the software",
}
