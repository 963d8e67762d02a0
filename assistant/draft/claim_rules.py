"""Exact rules for what turns a true sentence into a false one; each looks for one kind of fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from assistant.draft.claim_evidence import (
    ENOUGH_WORDS,
    JOINS,
    LIGHT,
    MIN_MEANING,
    Claim,
    Match,
    words_said,
)
from assistant.draft.numerals import find_numbers
from assistant.draft.rules import ClaimRules, load_draft_rules, plain
from assistant.draft.session import ReadSession
from assistant.draft.words import NEGATIONS, PEOPLE, Word, split_forms, word_set

_ENOUGH_MEANING = 0.62  # a paraphrase may share few words
_PEER_MARGIN = 0.12  # how much better the peer's words must fit to call it the peer's

_PLANS = re.compile(
    r"\b(?:will|'ll|gonna|going to|finna|i'?mma|ima|shall|plan to|planning)\b|\bi'll\b"
)
_PERHAPS = re.compile(
    r"\b(?:might|maybe|perhaps|possibly|thinking (?:about|of)|could(?! you)|if i)\b"
)
_WISH = re.compile(
    r"\b(?:want|wants|wanna|wanted|hope|hoping|wish|would|i'd|like to|(?:can|could|will) you|"
    r"trying|tryna|goal|dream|aim\w*|need|should)\b"
)
_ONCE = re.compile(
    r"\b(?:used to|back then|back when|years ago|long ago|as a (?:kid|child)|when i was)\b"
)
_NOW = re.compile(r"\b(?:now|currently|these days|still|nowadays|at the moment|today)\b")
_WHEN = word_set(
    "monday tuesday wednesday thursday friday saturday sunday tomorrow yesterday tonight morning "
    "afternoon evening night weekend january february march april june july august september "
    "october november december spring summer autumn winter daily weekly"
)
_SELF = word_set("i me my we us our myself im ive id ill")
_OTHERS = word_set("he she they him her them his their")


def find_fault(
    claim: Claim, match: Match, *, session: ReadSession, rules: ClaimRules
) -> str | None:
    """The first rule that the claim breaks, the gravest first; None where it is supported."""
    said = plain(" ".join(t.text for t in session.turns if t.role == "person"))
    evidence = plain(" . ".join(s.text for s in match.statements))
    text = plain(claim.text)
    checks: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("quote", lambda: not _quotes_hold(claim.text, session)),
        ("diagnosis", lambda: bool((set(claim.forms) & rules.diagnoses) - set(split_forms(said)))),
        ("denial", lambda: _denies_unsaid(text, evidence, rules)),
        ("actor", lambda: match.peer_fit > max(match.fit + _PEER_MARGIN, JOINS)),
        ("not_said", lambda: match.meaning < MIN_MEANING and match.coverage < ENOUGH_WORDS),
        ("feeling", lambda: _feels_unsaid(claim, match, rules)),
        ("number", lambda: not _numbers_hold(claim, match, session)),
        ("negation", lambda: _flips(claim, match)),
        ("actor", lambda: _swaps_actor(claim, match)),
        ("time", lambda: _moves_in_time(claim, text, evidence, match)),
        ("modality", lambda: _changes_modality(claim, text, match)),
        ("overstated", lambda: _overstates(claim, match, rules)),
        ("name", lambda: _names_unsaid(claim, match, said)),
        ("added", lambda: not _is_covered(claim, match, rules)),
    )
    return next((name for name, breaks in checks if breaks()), None)


def _quotes_hold(text: str, session: ReadSession) -> bool:
    quotes = re.findall(r"[\"“]([^\"”]+)[\"”]|‘([^’]+)’(?!\w)", text)
    said = [_flat(t.text) for t in session.turns if t.role == "person"]
    wanted = [_flat(a or b).strip(" .,!?") for a, b in quotes]
    return all(any(quote in turn for turn in said) for quote in wanted)


def _flat(text: str) -> str:
    return " ".join(text.replace("’", "'").replace("“", '"').replace("”", '"').split())


def _denies_unsaid(text: str, evidence: str, rules: ClaimRules) -> bool:
    """A denial stands only where the evidence says no about the same thing."""
    match = rules.denials.search(text)
    if match is None:
        return False
    if "den" in match.group()[:4]:
        return True  # "I denied ..." is a clinician's verb, never a person's own
    key = [w for w in split_forms(match.group()) if len(w) > 3 and w not in NEGATIONS]
    told = set(split_forms(evidence))
    return not (told & NEGATIONS) or not any(w in told for w in key)


def _feels_unsaid(claim: Claim, match: Match, rules: ClaimRules) -> bool:
    before = ""
    for word in claim.read.words:
        names = next((key for key in (word.form, word.lemma) if key in rules.feelings), None)
        plain_word = word.form in rules.feelings_only_after_feel
        is_feeling = names is not None and not (plain_word and before not in {"feel", "be"})
        if is_feeling and not rules.feelings[names or ""] & match.nearby:
            return True
        if word.pos not in {"ADV", "DET", "PUNCT"}:
            before = word.lemma
    return False


def _numbers_hold(claim: Claim, match: Match, session: ReadSession) -> bool:
    """Whether each number was said in the turns of the evidence, or next to a word of the claim."""
    wanted = find_numbers(claim.forms) - {"1st", "1", "2nd"}
    told: set[str] = set()
    for statement in match.statements:
        told |= find_numbers(split_forms(session.by_number[statement.turn].text))
    if wanted <= told:
        return True
    named = claim.content - find_numbers(claim.forms)
    for statement in session.statements:
        if named & words_said(statement):
            told |= find_numbers([w.form for w in statement.words])
    return wanted <= told and match.coverage >= ENOUGH_WORDS


def _flips(claim: Claim, match: Match) -> bool:
    """Whether a shared predicate is negated on one side only."""
    ours = _polarity(claim.read.words)
    best = match.statements[0]
    theirs = _polarity(best.words)
    shared = [lemma for lemma in ours if lemma in theirs]
    if any(ours[lemma] == theirs[lemma] for lemma in shared):
        flipped = [x for x in shared if ours[x] != theirs[x]]
        return len(flipped) > len(shared) / 2
    if shared:
        return True
    all_forms = {w.form for s in match.statements for w in s.words}
    says_no = any(w.form.replace("'", "") in NEGATIONS for w in claim.read.words)
    told_no = any(form.replace("'", "") in NEGATIONS for form in all_forms)
    return says_no and not told_no


def _polarity(words: Sequence[Word]) -> dict[str, bool]:
    """For each predicate, whether a negation stands within its clause before it."""
    found: dict[str, bool] = {}
    for at, word in enumerate(words):
        if word.pos not in {"VERB", "ADJ"} or word.kind != "content":
            continue
        window = []
        for before in reversed(words[max(0, at - 5) : at]):
            if before.kind == "mark" or before.form in {"and", "but", "because", "so", "that"}:
                break
            window.append(before.form.replace("'", ""))
        after = [w.form for w in words[at + 1 : at + 3]]
        negated = any(form in NEGATIONS for form in window) or bool({"no", "nothing"} & set(after))
        found[word.lemma] = found.get(word.lemma, False) or negated
    return found


def _swaps_actor(claim: Claim, match: Match) -> bool:
    ours = _actors(claim.read.words)
    theirs: dict[str, set[str]] = {}
    for statement in match.statements:
        for lemma, who in _actors(statement.words, statement.first_word).items():
            theirs.setdefault(lemma, set()).update(who)
    for lemma, who in ours.items():
        told = theirs.get(lemma)
        if told and who and not who & told:
            return True
    return False


def _actors(words: Sequence[Word], first: int = 0) -> dict[str, set[str]]:
    """For each verb, who does it: "self" or "other"."""
    alike = load_draft_rules().claims.alike
    found: dict[str, set[str]] = {}
    for word in words:
        if word.dep not in {"nsubj", "nsubjpass"} or not 0 <= word.head - first < len(words):
            continue
        if word.form in _SELF:
            who = "self"
        elif word.form in _OTHERS or word.lemma in PEOPLE or word.pos == "PROPN":
            who = "other"
        else:
            continue
        for verb in _verbs_of(word.head, words, first):
            if verb.kind == "content" or verb.lemma in alike:
                found.setdefault(alike.get(verb.lemma, verb.lemma), set()).add(who)
    return found


def _verbs_of(head: int, words: Sequence[Word], first: int) -> list[Word]:
    """The verb at `head` and those that share its subject ("I want | to call")."""
    verbs, heads = [words[head - first]], {head}
    for at, word in enumerate(words, start=first):
        own = any(w.head == at and w.dep in {"nsubj", "nsubjpass"} for w in words)
        # "I ask | my sister to come": the one who is asked does it
        asked = word.dep == "xcomp" and any(
            w.head == word.head and w.dep in {"dobj", "dative"} for w in words
        )
        if word.dep in {"xcomp", "conj"} and word.head in heads and not own and not asked:
            verbs.append(word)
            heads.add(at)
    return verbs


def _moves_in_time(claim: Claim, text: str, evidence: str, match: Match) -> bool:
    if any(f in _WHEN and f not in match.nearby | match.context for f in claim.forms):
        return True
    if _ONCE.search(text) and not _ONCE.search(evidence) and "before" not in evidence:
        return True
    return bool(_NOW.search(text) and _ONCE.search(evidence) and not _NOW.search(evidence))


def _changes_modality(claim: Claim, text: str, match: Match) -> bool:
    """Whether the claim makes a plan of a wish, a deed of a plan, a perhaps of a decision..."""
    ours = _modality(text, claim.read.words)
    if ours in {_modality(plain(s.text), s.words) for s in match.statements[:2]}:
        return False
    best = match.statements[0]
    told = _modality(plain(best.text), best.words)
    # A present sentence can report a wish or a habit; only these pairs change what was said.
    return (ours, told) in {
        ("done", "plan"), ("done", "wish"), ("done", "perhaps"), ("plan", "done"),
        ("wish", "done"), ("perhaps", "done"), ("plan", "wish"), ("plan", "perhaps"),
        ("perhaps", "plan"), ("wish", "perhaps"), ("present", "perhaps"), ("perhaps", "present"),
    }  # fmt: skip


def _modality(text: str, words: Sequence[Word]) -> str:
    if _PERHAPS.search(text):
        return "perhaps"
    if _PLANS.search(text):
        return "plan"
    if _WISH.search(text):
        return "wish"
    ing = any(w.tag == "VBG" for w in words) and re.search(r"\bi(?:'m| am|m)\b", text)
    if ing and any(w.form in _WHEN for w in words):
        return "plan"
    verbs = [w for w in words if w.pos in {"VERB", "AUX"}]
    if any(w.tag == "VBD" for w in verbs) or any(w.form in {"'ve", "have", "been"} for w in verbs):
        return "done"
    return "present"


def _overstates(claim: Claim, match: Match, rules: ClaimRules) -> bool:
    strong = set(claim.forms) & rules.overstatements
    return any(word not in match.nearby and not _close_to(word, match.nearby) for word in strong)


def _close_to(word: str, nearby: frozenset[str]) -> bool:
    alike = {
        "always": {"any", "every", "all", "ever"}, "every": {"any", "all", "each", "always"},
        "never": {"not", "n't", "ain't", "no"}, "nothing": {"not", "n't", "anything"},
        "all": {"every", "whole", "any"}, "ever": {"never", "longest"},
        "nobody": {"no", "not", "n't"}, "everything": {"all"}, "everyone": {"everybody", "all"},
        "everybody": {"everyone", "all"},
        "worst": {"hard", "hate", "hardest"}, "best": {"better"}, "only": {"just"},
    }  # fmt: skip
    return bool(alike.get(word, set()) & nearby)


def _names_unsaid(claim: Claim, match: Match, said: str) -> bool:
    told = set(split_forms(said))
    has_hidden = any(w.kind == "surrogate" for s in match.statements for w in s.words)
    for word in claim.read.words:
        if word.kind == "surrogate" and word.lemma.lower() not in said:
            return True
        is_name = word.pos == "PROPN" and word.kind == "content" and word.start > 0
        if is_name and word.form not in told and word.form not in _WHEN and not has_hidden:
            return True
    return False


def _is_covered(claim: Claim, match: Match, rules: ClaimRules) -> bool:
    """Whether enough of the claim was said; what it is about to have happened must be among it."""
    if match.meaning >= _ENOUGH_MEANING and match.coverage >= 0.25:
        return True
    said = frozenset().union(*(words_said(s) for s in match.statements))
    verbs = {
        rules.alike.get(w.lemma, w.lemma)
        for w in claim.read.words
        if w.pos == "VERB" and w.kind == "content" and w.lemma not in LIGHT
    }
    if verbs and not verbs & said:
        return False
    return match.coverage >= ENOUGH_WORDS and match.meaning >= MIN_MEANING
