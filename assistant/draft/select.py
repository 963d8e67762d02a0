"""Chooses what is of note: a section and a weight for each statement, or the reason it stays out.

Meaning (similarity to the prototypes of `policies/sections.toml`) and cues (its patterns, and the
parse) are added up; the learned heads read these sums among other things, and where their weights
are there they have the say over what no rule settles. Nothing is lost silently: what is not chosen
comes back with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from assistant.draft.heads import (
    ANCHOR,
    HEAD_SECTIONS,
    Judged,
    blend,
    describe_statements,
    load_selector_heads,
)
from assistant.draft.requests import specific_lemmas
from assistant.draft.rules import Cues, DraftRules, plain
from assistant.draft.statements import Statement
from assistant.draft.words import FILLERS, PEOPLE, Word, count_words, word_set
from assistant.records import SECTION_NAMES, HoldReason, SectionName

Vectors = NDArray[np.float32]

_TOP = 3  # a statement is as close to a section as to its three nearest prototypes
_SECTION_FADE = 0.93  # each further statement of a section weighs a little less than the one before

# With the learned heads; chosen on the dev split of the practice corpus.
_READER_SAY = 0.7  # what the reader counts, beside the heads that see each statement by itself
_MIN_BELONGS = 0.60  # the heads' say, under which a statement is not of note
_MIN_AGAINST_RULE = 0.75  # the same where a rule found a reason to leave it out
_WORTH_A_LINE = 0.40  # what a statement worth a line counts beside one that would be missed
_BELONGS_SAY = 1.5  # how far doubt whether it is of note at all tells against it
_RULE_SAY = 0.3  # what the rules' score of a section counts beside the heads' logarithm
_TURN_FADE = 0.6  # a further statement of a turn weighs less than the one before
_DEAR = 0.3  # how far length tells against a statement: its words to this power
_SHORT = 6  # words under which nothing is gained by being shorter

_FIRST = word_set("i me my mine myself we us our ours i'm i'd i've i'll im ive id ill ima")
_THIRD = word_set("he she they him her them his their hers theirs")
# With these a chat message opens where speech would say "I" first.
_OPENING_VERBS = word_set(
    "didn didnt did don dont cant can couldn couldnt havent haven ain aint gon gonna wan wanna "
    "finna tryna want hoping been got going"
)
_SAYING = word_set("say tell go ask yell shout text write claim swear reckon")
_OTHER_TONGUES = word_set(
    "el la los las de del que y en un una por para con pero muy porque estoy soy es está esta está "
    "mi tu su nos le les se lo yo ella ellos cuando como más mas también todo siempre nunca quiero "
    "tengo je tu il elle nous vous ils et est pas ne le du des une dans pour avec mais très parce "
    "suis mon ma mes qui und ich nicht ist das der die mit auf für aber ein eine sehr tôi không là "
    "và của một cho với rất eu não você muito meu minha uma com mas para ako ang ng sa hindi ko "
    "na mga si ay po mo"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A statement of note. `also` are positions of statements that say the same."""

    position: int
    section: SectionName
    salience: float
    also: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What goes in, in note order, and the reason for every other statement."""

    chosen: tuple[Chosen, ...]
    reasons: Mapping[int, HoldReason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeness:
    """Similarity of every statement to each section and each reason, shape (n statements,)."""

    sections: Mapping[SectionName, Vectors]
    reasons: Mapping[HoldReason, Vectors]
    anchor: Vectors  # how this encoder places a known sentence, shape (384,)


def measure_closeness(vectors: Vectors, prototypes: Vectors, *, rules: DraftRules) -> Closeness:
    """Compare statements with the prototypes; the rows of `prototypes` are in file order."""
    at = 0
    sections: dict[SectionName, Vectors] = {}
    reasons: dict[HoldReason, Vectors] = {}
    for name, cues in rules.sections.items():
        sections[name] = _nearest(vectors, prototypes[at : at + len(cues.prototypes)])
        at += len(cues.prototypes)
    for reason, cues in rules.leave_out.items():
        reasons[reason] = _nearest(vectors, prototypes[at : at + len(cues.prototypes)])
        at += len(cues.prototypes)
    return Closeness(sections=sections, reasons=reasons, anchor=prototypes[at])


def list_prototypes(rules: DraftRules) -> list[str]:
    """What to encode for `measure_closeness`: the prototypes in file order, then the anchor."""
    every = [*rules.sections.values(), *rules.leave_out.values()]
    return [*(text for cues in every for text in cues.prototypes), ANCHOR]


def select_statements(
    statements: Sequence[Statement],
    *,
    held: Mapping[int, HoldReason],
    closeness: Closeness,
    vectors: Vectors,
    rules: DraftRules,
    max_words: int,
    read: Judged | None = None,
) -> Selection:
    """Choose statements up to `max_words`. `held` maps positions that stay out to their reasons;
    `read` is what the reader made of the whole conversation."""
    reasons: dict[int, HoldReason] = dict(held)
    weighed: list[Chosen] = []
    judged = judge_statements(statements, vectors=vectors, closeness=closeness, rules=rules)
    if judged is not None and read is not None:
        judged = blend(judged, read, say=_READER_SAY)
    for position, statement in enumerate(statements):
        if position in reasons:
            continue
        found = _weigh(statement, position, closeness=closeness, rules=rules, judged=judged)
        if isinstance(found, Chosen):
            weighed.append(found)
        else:
            reasons[position] = found
    _mark_jokes(statements, reasons, weighed)
    weighed = [chosen for chosen in weighed if chosen.position not in reasons]
    merged = _merge_duplicates(weighed, statements, vectors, duplicate=rules.scoring.duplicate)
    kept = _fit(merged, statements, max_words=max_words, is_learned=judged is not None)
    for chosen in merged:
        if chosen not in kept:
            for position in (chosen.position, *chosen.also):
                reasons[position] = "length"
    order = {name: i for i, name in enumerate(SECTION_NAMES)}
    kept.sort(key=lambda c: (order[c.section], statements[c.position].turn, c.position))
    return Selection(chosen=tuple(kept), reasons=reasons)


def judge_statements(
    statements: Sequence[Statement], *, vectors: Vectors, closeness: Closeness, rules: DraftRules
) -> Judged | None:
    """What the learned heads say; None without weights, or with another encoder than theirs."""
    heads = load_selector_heads()
    if heads is None or not statements or not heads.knows(closeness.anchor):
        return None
    rule_rows = describe_by_rules(statements, closeness=closeness, rules=rules)
    features = describe_statements(statements, vectors=vectors, rule_rows=rule_rows)
    return heads.judge(features) if heads.fits(features) else None


def section_scores(
    statement: Statement, position: int, *, closeness: Closeness, rules: DraftRules
) -> dict[SectionName, float]:
    """How well the statement fits each section: meaning, cues, and the question before it."""
    text, question = _with_subject(statement), plain(statement.question)
    scores: dict[SectionName, float] = {}
    for name, cues in rules.sections.items():
        score = float(closeness.sections[name][position])
        score += _cue_weight(text, cues, rules)
        if cues.questions and cues.questions.search(question):
            score += rules.scoring.question
        scores[name] = score
    return _settle(scores, statement, text, rules)


def describe_by_rules(
    statements: Sequence[Statement], *, closeness: Closeness, rules: DraftRules
) -> Vectors:
    """What the rules find in each statement, as numbers for the heads, shape (n, k)."""
    rows = [
        _rule_row(statement, position, closeness=closeness, rules=rules)
        for position, statement in enumerate(statements)
    ]
    return np.array(rows, dtype=np.float32)


def _rule_row(
    statement: Statement, position: int, *, closeness: Closeness, rules: DraftRules
) -> list[float]:
    text, question = _with_subject(statement), plain(statement.question)
    scores = section_scores(statement, position, closeness=closeness, rules=rules)
    reason = _reason_to_leave_out(
        statement, position, scores=scores, closeness=closeness, rules=rules
    )
    kind = _subject_kind(statement)
    best = max(scores.values())
    row = [*scores.values(), best, _salience(statement, best)]
    row += [float(values[position]) for values in closeness.sections.values()]
    row += [float(values[position]) for values in closeness.reasons.values()]
    row += [_cue_weight(text, cues, rules) for cues in rules.sections.values()]
    row += [
        float(bool(cues.questions and cues.questions.search(question)))
        for cues in rules.sections.values()
    ]
    row += [float(bool(c.strong and c.strong.search(text))) for c in rules.leave_out.values()]
    row += [float(reason == name) for name in (*rules.leave_out, "unclear", "other_language")]
    row += [float(kind == name) for name in ("self", "other", "thing")]
    row += [float(is_past(statement)), float(_leans_on_before(statement))]
    row += [float(_stands_alone(statement)), float(_says_no(statement))]
    return row


def find_instructions(texts: Mapping[int, str], *, rules: DraftRules) -> frozenset[int]:
    """Turn numbers whose words are addressed to the software; transcript text is only data."""
    return frozenset(n for n, text in texts.items() if rules.instruction.search(plain(text)))


# ---------------------------------------------------------------- scores


def _weigh(
    statement: Statement,
    position: int,
    *,
    closeness: Closeness,
    rules: DraftRules,
    judged: Judged | None,
) -> Chosen | HoldReason:
    """Its section and weight, or the reason to leave it out."""
    scores = section_scores(statement, position, closeness=closeness, rules=rules)
    reason = _reason_to_leave_out(
        statement, position, scores=scores, closeness=closeness, rules=rules
    )
    if judged is not None:
        return _weigh_learned(statement, position, scores=scores, reason=reason, judged=judged)
    if reason is not None:
        return reason
    section = max(scores, key=lambda name: scores[name])
    salience = _salience(statement, scores[section])
    if salience < rules.scoring.min_salience:
        return "unclear"
    return Chosen(position=position, section=section, salience=salience)


def _weigh_learned(
    statement: Statement,
    position: int,
    *,
    scores: Mapping[SectionName, float],
    reason: HoldReason | None,
    judged: Judged,
) -> Chosen | HoldReason:
    if reason == "other_language" or _is_social(statement):
        return reason or "social_reply"
    is_ruled_out = reason is not None and reason != "unclear"
    if judged.belongs(position) < (_MIN_AGAINST_RULE if is_ruled_out else _MIN_BELONGS):
        return reason if reason and is_ruled_out else judged.reason(position)
    likely = np.log(judged.classes[position, : len(HEAD_SECTIONS)] + 1e-4)
    section = max(
        HEAD_SECTIONS,
        key=lambda name: float(likely[HEAD_SECTIONS.index(name)]) + _RULE_SAY * scores[name],
    )
    worth_a_line, missed = judged.salience[position, 1:]
    salience = float(missed) + _WORTH_A_LINE * float(worth_a_line)
    salience *= judged.belongs(position) ** _BELONGS_SAY
    return Chosen(position=position, section=section, salience=salience)


def _with_subject(statement: Statement) -> str:
    """The text for the cues; where people leave out the "I" ("didn't drink"), it is put back."""
    text = plain(statement.text)
    return f"i {text}" if drops_subject(statement) else text


def drops_subject(statement: Statement) -> bool:
    """Whether the statement opens with a verb whose subject, the speaker, was left out."""
    words = [w for w in statement.words if w.kind != "mark" and w.form not in {"just", "still"}]
    if not words:
        return False
    return words[0].tag in {"VBD", "VBG", "VBN"} or words[0].form in _OPENING_VERBS


def _nearest(vectors: Vectors, prototypes: Vectors) -> Vectors:
    alike = np.sort(vectors @ prototypes.T, axis=1)[:, -_TOP:]
    best: Vectors = 0.6 * alike[:, -1] + 0.4 * alike.mean(axis=1)
    return best


def _cue_weight(text: str, cues: Cues, rules: DraftRules) -> float:
    if cues.strong and cues.strong.search(text):
        return rules.scoring.strong
    if cues.weak and cues.weak.search(text):
        return rules.scoring.weak
    return 0.0


def _settle(
    scores: dict[SectionName, float], statement: Statement, text: str, rules: DraftRules
) -> dict[SectionName, float]:
    """Where two sections share their cues, the form of the statement decides."""
    strong = {
        name for name, cues in rules.sections.items() if cues.strong and cues.strong.search(text)
    }
    settled = dict(scores)
    if "ask" in strong and not ({"i", "i'm", "i'll"} & {w.form for w in statement.words[:2]}):
        settled["ask"] += 0.15
    if "ask" not in strong and not statement.text.rstrip().endswith("?"):
        settled["ask"] -= 0.15
    if "next_step" not in strong and is_past(statement):
        settled["next_step"] -= 0.15
    if "next_step" in strong and "helps" not in strong:
        settled["next_step"] += 0.05
    if not is_past(statement) and "strength" not in strong:
        settled["strength"] -= 0.10
    if _subject_kind(statement) == "other" and "support" in strong:
        settled["support"] += 0.10
    return settled


def _salience(statement: Statement, score: float) -> float:
    lemmas = specific_lemmas(statement)
    salience = score
    if any(w.form in _FIRST for w in statement.words) or drops_subject(statement):
        salience += 0.08
    salience += 0.02 * min(len(lemmas), 5)
    if len(lemmas) < 2:
        salience -= 0.15
    if _leans_on_before(statement):
        salience -= 0.12
    return salience


def _leans_on_before(statement: Statement) -> bool:
    """Whether it opens with a word that points back ("that was good", "it did")."""
    words = [w for w in statement.words if w.kind != "mark"]
    opens = words[0].form in {"it", "that", "this", "those", "they", "which"}
    return opens and words[0].dep in {"nsubj", "nsubjpass", "expl"}


# ---------------------------------------------------------------- reasons to leave out


def _reason_to_leave_out(
    statement: Statement,
    position: int,
    *,
    scores: Mapping[SectionName, float],
    closeness: Closeness,
    rules: DraftRules,
) -> HoldReason | None:
    text = plain(statement.text)
    if is_other_language(statement):
        return "other_language"
    if _is_social(statement):
        return "social_reply"
    strong = {
        reason for reason, cues in rules.leave_out.items()
        if cues.strong and cues.strong.search(text)
    }  # fmt: skip
    for reason in ("social_reply", "joke", "hypothetical"):
        if reason in strong:
            return reason
    if "past_only" in strong and not _reaches_now(text):
        return "past_only"
    shape = _reason_in_shape(statement, text, rules)
    if shape:
        return shape
    best = max(scores.values())
    weights = {
        reason: float(values[position]) + (rules.scoring.strong if reason in strong else 0.0)
        for reason, values in closeness.reasons.items()
    }
    likely = max(weights, key=lambda reason: weights[reason])
    if weights[likely] > best + rules.scoring.leave_out_margin:
        return likely
    return None if _stands_alone(statement) else "unclear"


def _reason_in_shape(statement: Statement, text: str, rules: DraftRules) -> HoldReason | None:
    """What the parse tells: who the statement is about, and whether it is somebody else's words."""
    if _subject_kind(statement) == "other":
        support = rules.sections["support"].strong
        helps_person = support is not None and support.search(text) is not None
        about_person = any(w.form in {"me", "us", "my", "i", "i'm"} for w in statement.words[1:])
        root = statement.root()
        says = root.lemma in _SAYING or " like," in text or "was like" in text
        if helps_person:
            return None
        if says:
            return "reported_speech"
        if not about_person or (
            statement.words[0].form in {"my", "our"} and not _object_me(statement)
        ):
            return "third_party"
    question = statement.text.rstrip().endswith("?")
    ask = rules.sections["ask"].strong
    if question and not (ask and ask.search(text)):
        return "unclear"
    return None


def _object_me(statement: Statement) -> bool:
    return any(w.form in {"me", "us", "i", "i'm", "myself"} for w in statement.words)


def _subject_kind(statement: Statement) -> str:
    """Who the main clause is about: "self", "other" (another person) or "thing"."""
    subjects = [w for w in statement.words if w.dep in {"nsubj", "nsubjpass"}]
    root = statement.root()
    main = [w for w in statement.children(root) if w.dep in {"nsubj", "nsubjpass"}] or subjects[:1]
    if drops_subject(statement):
        return "self"
    if not main:
        return "self" if any(w.form in _FIRST for w in statement.words) else "thing"
    subject = main[0]
    if subject.form in _FIRST:
        return "self"
    if subject.form in _THIRD or subject.lemma in PEOPLE or _is_name(subject):
        return "other"
    return "thing"


def _is_name(word: Word) -> bool:
    return word.kind == "surrogate" and word.lemma.startswith(("<PERSON", "<NICKNAME", "PERSON"))


def is_past(statement: Statement) -> bool:
    root = statement.root()
    if root.tag in {"VBD", "VBN"}:
        return True
    verbs = [w for w in statement.words if w.pos in {"VERB", "AUX"}]
    return bool(verbs) and sum(w.tag == "VBD" for w in verbs) * 2 > len(verbs)


def _reaches_now(text: str) -> bool:
    words = set(text.replace(",", " ").replace(".", " ").split())
    return bool(words & {"now", "still", "anymore", "today", "nowadays", "since", "again"})


def _is_social(statement: Statement) -> bool:
    words = [w for w in statement.words if w.kind != "mark"]
    if not words:
        return True
    specific = [w for w in words if w.is_specific and w.pos != "INTJ"]
    return not specific and (len(words) <= 5 or all(w.form in FILLERS for w in words))


def _stands_alone(statement: Statement) -> bool:
    words = [w for w in statement.words if w.kind != "mark"]
    has_verb = any(w.pos in {"VERB", "AUX"} for w in words)
    specific = len(specific_lemmas(statement))
    if not has_verb:
        return specific >= 3 and bool(statement.question)
    return specific >= 1 and len(words) >= 4


def is_other_language(statement: Statement) -> bool:
    letters = [c for c in statement.text if c.isalpha()]
    if letters and sum(ord(c) > 0x24F for c in letters) > len(letters) * 0.3:
        return True
    forms = [w.form for w in statement.words if w.kind != "mark" and w.kind != "surrogate"]
    foreign = sum(form in _OTHER_TONGUES for form in forms)
    english = sum(w.kind == "function" for w in statement.words)
    return foreign >= 2 and foreign > english


def _mark_jokes(
    statements: Sequence[Statement], reasons: dict[int, HoldReason], weighed: Sequence[Chosen]
) -> None:
    """ "Maybe I'll rob a bank. Kidding.": the joke is the statement before, in the same turn."""
    for chosen in weighed:
        after = chosen.position + 1
        if after < len(statements) and reasons.get(after) == "joke":
            same_turn = statements[after].turn == statements[chosen.position].turn
            if same_turn and count_words(statements[after].text) <= 5:
                reasons[chosen.position] = "joke"


# ---------------------------------------------------------------- duplicates and length


def _merge_duplicates(
    weighed: Sequence[Chosen],
    statements: Sequence[Statement],
    vectors: Vectors,
    *,
    duplicate: float,
) -> list[Chosen]:
    """Keep the better of two statements that say the same, and cite both."""
    ordered = sorted(weighed, key=lambda c: (-c.salience, c.position))
    rows = vectors[[chosen.position for chosen in ordered]] if ordered else vectors[:0]
    says_no = np.array([_says_no(statements[chosen.position]) for chosen in ordered], dtype=bool)
    kept: dict[int, Chosen] = {}  # by row
    for row, chosen in enumerate(ordered):
        twins = [k for k in kept if says_no[k] == says_no[row]]
        alike = rows[twins] @ rows[row] if twins else np.zeros(0, dtype=np.float32)
        if len(alike) and float(alike.max()) >= duplicate:
            twin = twins[int(alike.argmax())]
            also = (*kept[twin].also, chosen.position)
            kept[twin] = replace(kept[twin], also=also)
        else:
            kept[row] = chosen
    return list(kept.values())


def _says_no(statement: Statement) -> bool:
    return any(w.dep == "neg" or w.form in {"no", "never", "nothing"} for w in statement.words)


def _fit(
    merged: Sequence[Chosen],
    statements: Sequence[Statement],
    *,
    max_words: int,
    is_learned: bool,
) -> list[Chosen]:
    """Take the weightiest statements first, a section's further ones a little later.

    With learned weights, new ground beats the rest of the same answer, and short beats long.
    """
    left = list(merged)
    kept: list[Chosen] = []
    used = 0
    taken: Counter[SectionName] = Counter()
    of_turn: Counter[int] = Counter()
    n_words = {c.position: count_words(statements[c.position].text) for c in merged}

    def weight(chosen: Chosen) -> float:
        value = chosen.salience * _SECTION_FADE ** taken[chosen.section]
        if not is_learned:
            return value
        value *= _TURN_FADE ** of_turn[statements[chosen.position].turn]
        return value / float(max(n_words[chosen.position], _SHORT) ** _DEAR)

    while left:
        best = max(left, key=lambda c: (weight(c), -c.position))
        left.remove(best)
        if used + n_words[best.position] > max_words:
            continue
        used += n_words[best.position]
        taken[best.section] += 1
        of_turn[statements[best.position].turn] += 1
        kept.append(best)
    return kept
