"""Review: wording and scope are flagged, safety topics are surfaced. Nothing is edited or scored.

flag_language(text, voice=, own_words=, rules=)      wording worth a second look
surface_topics(deidentified, rules=, encoder=None)   passages a human should look at
review_draft(draft, deidentified=, rules=, safety=)  both, for a whole draft
"""

from __future__ import annotations

from assistant.review.drafted import review_draft
from assistant.review.rules import (
    LanguageRules,
    flag_language,
    language_rules_in_use,
    load_language_review,
    load_language_rules,
    visible_flags,
)
from assistant.review.safety import surface_topics
from assistant.review.safety_list import SafetyRules, load_safety_rules
from assistant.review.safety_state import (
    SafetyAction,
    SafetyState,
    is_settled,
    next_safety_state,
)
from assistant.review.scope import flag_scope, needs_safety_workflow, scope_kind

__all__ = [
    "LanguageRules",
    "SafetyAction",
    "SafetyRules",
    "SafetyState",
    "flag_language",
    "flag_scope",
    "is_settled",
    "language_rules_in_use",
    "load_language_review",
    "load_language_rules",
    "load_safety_rules",
    "needs_safety_workflow",
    "next_safety_state",
    "review_draft",
    "scope_kind",
    "surface_topics",
    "visible_flags",
]
