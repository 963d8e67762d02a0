"""The gate: every case file, and that anything missing, unknown or odd is a no."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.decide import TRANSITIONS, SessionState
from assistant.errors import Refused, SettingError
from assistant.policy import (
    ACTIONS,
    GATE_UNCLEAR,
    Actor,
    ActorRole,
    Gate,
    Request,
    Store,
    Subject,
    active_purposes,
    load_gate,
    preview_request,
    record_recipients,
    share_recipients,
)
from assistant.policy import gate as gate_module
from assistant.records import Consent, IdentifierType, Purpose
from evals.gate import CASES, read_case

POLICIES = Path(__file__).parent.parent / "policies"
ALLOWED = [case for case in CASES if case.parent.name == "ALLOW"]
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
GATE = load_gate()
STATES = get_args(SessionState)


# ---------------------------------------------------------------- the case files


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_case_file_keeps_what_its_name_promises(path: Path) -> None:
    request, rule = read_case(path)
    verdict = GATE.ask(request)
    assert (verdict.allowed, verdict.rule) == (path.parent.name == "ALLOW", rule)
    assert verdict.reason.endswith(".")


def test_every_action_and_every_rule_has_a_case_on_each_side() -> None:
    cases = [(case.parent.name, *read_case(case)) for case in CASES]
    for side in ("ALLOW", "DENY"):
        assert {r.action for s, r, _ in cases if s == side and r.action in ACTIONS} == ACTIONS
    assert {rule for side, _, rule in cases if side == "ALLOW"} == set(GATE.rules)
    assert GATE_UNCLEAR in {rule for side, _, rule in cases if side == "DENY"}
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", case.stem) for case in CASES)


def test_rules_name_only_states_and_purposes_that_exist() -> None:
    # A misspelt state in a rule would silently never be met.
    text = "".join(file.read_text(encoding="utf-8") for file in POLICIES.glob("*.cedar"))
    lists = re.findall(r"\[([^\[\]]*)\]\.contains\(resource\.state\)", text)
    states = {name for row in lists for name in re.findall(r'"(\w+)"', row)}
    states |= set(re.findall(r'resource\.state == "(\w+)"', text))
    purposes = set(re.findall(r'active_purposes\.contains\("(\w+)"\)', text))
    assert lists
    assert states <= set(STATES)
    assert purposes <= set(get_args(Purpose))


# Ids that are never empty by the time Cedar is asked; a rule reads them to notice a missing entity.
ALWAYS_TRUE = {"principal.actor_id", "resource.session_id", "resource.store_id"}


def split_conditions(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of `a && b && c` (Cedar's JSON form, which nests them to the left)."""
    if "&&" not in body:
        return [body]
    return [*split_conditions(body["&&"]["left"]), *split_conditions(body["&&"]["right"])]


def is_always_true(condition: dict[str, Any]) -> bool:
    sides = condition.get("!=", {})
    read = sides.get("left", {}).get(".", {})
    name = f"{read.get('left', {}).get('Var')}.{read.get('attr')}"
    return name in ALWAYS_TRUE and sides["right"] == {"Value": ""}


def test_every_condition_of_every_rule_has_a_case_that_stands_on_it() -> None:
    # Take each condition away in turn: some DENY case must then be allowed.
    text = "\n".join(f.read_text(encoding="utf-8") for f in sorted(POLICIES.glob("*.cedar")))
    denied = [read_case(case) for case in CASES if case.parent.name == "DENY"]
    idle = []
    for policy in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values():
        rule_id, clause = policy["annotations"]["id"], policy["conditions"][0]
        conditions = split_conditions(clause["body"])
        asked = [request for request, rule in denied if rule == rule_id]
        for n, taken in enumerate(conditions):
            if is_always_true(taken):
                continue
            body: dict[str, Any] = {"Value": True}
            for condition in conditions[:n] + conditions[n + 1 :]:
                body = {"&&": {"left": body, "right": condition}}
            looser = {**policy, "conditions": [{"kind": "when", "body": body}]}
            rules = {"staticPolicies": {rule_id: looser}, "templates": {}, "templateLinks": []}
            gate = replace(GATE, policies=cedarpy.PolicySet.from_json_str(json.dumps(rules)))
            if not any(gate.ask(request).allowed for request in asked):
                idle.append(f"{rule_id}, condition {n + 1}")
    assert idle == []


# ---------------------------------------------------------------- anything missing is a no


@pytest.mark.parametrize("path", ALLOWED, ids=lambda p: p.stem)
@pytest.mark.parametrize("missing", [0, 1], ids=["actor", "subject"])
def test_missing_entity_is_a_no(path: Path, missing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gate_module.cedar_entities
    monkeypatch.setattr(gate_module, "cedar_entities", lambda r: [whole(r)[1 - missing]])
    verdict = GATE.ask(read_case(path)[0])
    assert (verdict.allowed, verdict.rule) == (False, GATE_UNCLEAR)


@pytest.mark.parametrize("path", ALLOWED, ids=lambda p: p.stem)
def test_any_missing_attribute_is_a_no(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request, _ = read_case(path)
    whole, asked = gate_module.cedar_entities(request), gate_module.cedar_request(request)
    for position, entity in enumerate(whole):
        for name in entity["attrs"]:
            cut = {**entity, "attrs": {k: v for k, v in entity["attrs"].items() if k != name}}
            entities = [cut if i == position else e for i, e in enumerate(whole)]
            monkeypatch.setattr(gate_module, "cedar_entities", lambda _, given=entities: given)
            assert GATE.ask(request).rule == GATE_UNCLEAR
    monkeypatch.undo()
    for name in asked["context"]:
        context = {k: v for k, v in asked["context"].items() if k != name}
        monkeypatch.setattr(
            gate_module, "cedar_request", lambda _, given=context: {**asked, "context": given}
        )
        assert GATE.ask(request).rule == GATE_UNCLEAR


# What reaches words, or writes down who a person is, needs a yes to that purpose; the two
# releases need either of theirs.
CONSENT_BOUND: dict[str, set[str]] = {
    "peer-imports-transcript": {"transcribe"},
    "peer-views-transcript": {"transcribe"},
    "peer-hides-identities": {"transcribe"},
    "peer-drafts-with-consent": {"ai_draft"},
    "peer-releases-approved-text": {"share", "save_note"},
    "person-releases-approved-text": {"share", "save_note"},
    "supervisor-views-shared-note": {"share"},
    "supervisor-co-signs-shared-note": {"share"},
    "person-says-own-groups": {"evaluation"},
    "peer-writes-down-groups": {"evaluation"},
    "peer-hides-word-for-everybody": {"transcribe"},
    "peer-proposes-showing-word": {"transcribe"},
}
BOUND = [case for case in ALLOWED if read_case(case)[1] in CONSENT_BOUND]


@given(path=st.sampled_from(BOUND), others=st.frozensets(st.sampled_from(get_args(Purpose))))
def test_missing_consent_is_a_no_whatever_else_was_agreed_to(
    path: Path, others: frozenset[Purpose]
) -> None:
    request, rule = read_case(path)
    assert isinstance(request.subject, Subject)
    without = replace(request.subject, active_purposes=others - CONSENT_BOUND[rule])
    verdict = GATE.ask(replace(request, subject=without))
    assert (verdict.allowed, verdict.rule) == (False, rule)


def engine_answer(decision: object, *, errors: list[str], reasons: list[str]) -> SimpleNamespace:
    return SimpleNamespace(
        decision=decision, diagnostics=SimpleNamespace(errors=errors, reasons=reasons)
    )


ALLOW, DENY, NO_DECISION = (
    cedarpy.Decision.Allow,
    cedarpy.Decision.Deny,
    cedarpy.Decision.NoDecision,
)


@pytest.mark.parametrize(
    "answer",
    [
        engine_answer(ALLOW, errors=["e"], reasons=["person-approves-exact-text"]),  # Allow + error
        engine_answer(NO_DECISION, errors=[], reasons=["person-approves-exact-text"]),
        engine_answer(ALLOW, errors=[], reasons=[]),  # an Allow by no rule
        engine_answer(ALLOW, errors=[], reasons=["peer-drafts-with-consent"]),  # by another rule
        engine_answer(ALLOW, errors=[], reasons=["policy6"]),  # by a rule without our id
        engine_answer("Allow", errors=[], reasons=["person-approves-exact-text"]),  # not the enum
        engine_answer(DENY, errors=["e"], reasons=[]),
        None,  # no answer at all
    ],
)
def test_odd_engine_answer_is_a_no(answer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    request, _ = read_case(POLICIES / "cases/ALLOW/a-person-approves-the-exact-text-they-saw.json")
    assert GATE.ask(request).allowed
    monkeypatch.setattr(cedarpy, "is_authorized", lambda *_: answer)
    verdict = GATE.ask(request)
    assert (verdict.allowed, verdict.rule) == (False, GATE_UNCLEAR)


def test_engine_failure_is_a_no_and_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("canary Riverside clinic")

    request, _ = read_case(POLICIES / "cases/ALLOW/a-person-approves-the-exact-text-they-saw.json")
    monkeypatch.setattr(cedarpy, "is_authorized", fail)
    with pytest.raises(Refused) as refused:
        GATE.require(request)
    assert refused.value.rule == GATE_UNCLEAR
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("schema", [None, cedarpy.Schema.from_str("entity Person;")])
def test_missing_or_other_schema_is_a_no(schema: object) -> None:
    request, _ = read_case(POLICIES / "cases/ALLOW/a-person-approves-the-exact-text-they-saw.json")
    bare = Gate(rules=GATE.rules, policies=GATE.policies, schema=schema)
    assert not bare.ask(request).allowed


def test_gate_without_rules_allows_nothing() -> None:
    bare = Gate(rules={}, policies=GATE.policies, schema=GATE.schema)
    assert [case.stem for case in ALLOWED if bare.ask(read_case(case)[0]).allowed] == []


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just([]), st.just("\ud800"), st.just({})
)


@given(path=st.sampled_from(ALLOWED), data=st.data())
def test_a_value_of_the_wrong_kind_never_raises_and_never_allows(
    path: Path, data: st.DataObject
) -> None:
    request, _ = read_case(path)
    if isinstance(request.subject, Store):
        return
    # Ids, sets, texts: anything but a count (safety_open), where None and integers are fine, and
    # part2, where booleans are.
    names = [f.name for f in fields(Subject) if f.name not in {"safety_open", "part2"}]
    name = data.draw(st.sampled_from(names))
    sets = {f.name for f in fields(Subject) if "frozenset" in str(f.type)}
    value = data.draw(ODD.filter(lambda odd: name not in sets or odd not in ([], {})))
    odd = replace(request, subject=replace(request.subject, **{name: value}))
    assert not GATE.ask(odd).allowed


@pytest.mark.parametrize("broken", [{"actor": None}, {"action": []}, {"subject": None}])
def test_a_broken_question_is_refused_not_raised(broken: dict[str, Any]) -> None:
    request, _ = read_case(POLICIES / "cases/ALLOW/a-person-refuses-the-note.json")
    with pytest.raises(Refused, match=GATE_UNCLEAR):
        GATE.require(replace(request, **broken))


# ---------------------------------------------------------------- what no rule may ever give


TEXTS = st.sampled_from(["", "digest-1", "digest-2", "ines", "tomas", "dana", "Riverside clinic"])
IDS = st.sampled_from(["ines", "tomas", "dana", "mara"])
SUBJECTS = st.builds(
    Subject,
    session_id=st.just("session-7"),
    person_id=IDS,
    peer_id=IDS,
    state=st.sampled_from(STATES),
    supervisor_ids=st.frozensets(IDS),
    active_purposes=st.frozensets(st.sampled_from(get_args(Purpose))),
    record_recipients=st.frozensets(TEXTS),
    share_recipients=st.frozensets(TEXTS),
    safety_open=st.one_of(st.none(), st.integers(0, 2)),
    digest=TEXTS,
    approved_digest=TEXTS,
    approved_by=TEXTS,
    names=st.sampled_from(["in", "out"]),
    part2=st.booleans(),
)
ANY_REQUEST = st.builds(
    Request,
    actor=st.builds(Actor, actor_id=IDS, role=st.sampled_from(get_args(ActorRole))),
    action=st.sampled_from(sorted(ACTIONS)),
    subject=st.one_of(SUBJECTS, st.builds(Store)),
    recipient=TEXTS,
    digest=TEXTS,
    names=st.sampled_from(["in", "out"]),
    part2_notice=st.booleans(),
)


@st.composite
def near_misses(draw: st.DrawFn) -> Request:
    """An allowed question with a few facts swapped: random ones alone are nearly always a no."""
    request, _ = read_case(draw(st.sampled_from(ALLOWED)))
    other = draw(ANY_REQUEST)
    asked = draw(st.sets(st.sampled_from(["actor", "recipient", "digest", "names"]), max_size=1))
    request = replace(request, **{name: getattr(other, name) for name in asked})
    if isinstance(request.subject, Subject):
        facts = [f.name for f in fields(Subject)]
        swapped, source = draw(st.sets(st.sampled_from(facts), max_size=2)), draw(SUBJECTS)
        about = replace(request.subject, **{name: getattr(source, name) for name in swapped})
        request = replace(request, subject=about)
    return request


REQUESTS = near_misses() | ANY_REQUEST
PERSON_ONLY = ["view_note_for_decision", "approve", "change", "leave_out", "disagree",
               "decide_later", "refuse", "withdraw", "export_own_copy"]  # fmt: skip
WORDS = {"view_transcript", "view_draft", "view_note_for_decision", "view_released_note",
         "reveal_names", "export_own_copy", "make_link", "co_sign"}  # fmt: skip


@given(request_=REQUESTS, action=st.sampled_from(PERSON_ONLY))
def test_nobody_decides_in_the_persons_place(request_: Request, action: Any) -> None:
    request = replace(request_, action=action)
    if GATE.ask(request).allowed:
        assert isinstance(request.subject, Subject)
        assert request.actor == Actor(actor_id=request.subject.person_id, role="person")


@settings(max_examples=500)
@given(request_=REQUESTS)
def test_release_is_only_of_the_approved_text_to_a_named_recipient(request_: Request) -> None:
    request = replace(request_, action="release") if request_.recipient else request_
    if request.action != "release":
        return
    subject = request.subject
    if GATE.ask(request).allowed:
        assert isinstance(subject, Subject)
        assert subject.digest == subject.approved_digest != ""
        assert subject.approved_by == subject.person_id
        assert subject.state in {"approved", "released", "amended"}
        named = subject.share_recipients | subject.record_recipients
        assert request.recipient in named
        assert {"share", "save_note"} & subject.active_purposes
        assert request.names == subject.names
        assert request.part2_notice or not subject.part2


@settings(max_examples=500)
@given(request_=REQUESTS)
def test_co_signing_is_only_of_the_exact_text_the_person_approved_and_shared(
    request_: Request,
) -> None:
    request = replace(request_, action="co_sign") if request_.digest else request_
    if request.action == "co_sign" and GATE.ask(request).allowed:
        subject, actor = request.subject, request.actor
        assert isinstance(subject, Subject)
        assert request.digest == subject.approved_digest != ""
        assert subject.approved_by == subject.person_id
        assert subject.state in {"released", "amending", "amended"}
        assert actor.role == "supervisor"
        assert actor.actor_id in subject.supervisor_ids & subject.share_recipients
        assert "share" in subject.active_purposes


@given(request_=REQUESTS, role=st.sampled_from(["admin", "governance", "software"]))
def test_admin_governance_and_software_reach_no_words(request_: Request, role: Any) -> None:
    for action in WORDS:
        request = replace(request_, action=action, actor=replace(request_.actor, role=role))
        assert not GATE.ask(request).allowed


@given(request_=REQUESTS)
def test_only_the_two_people_of_a_session_or_a_named_supervisor_reach_words(
    request_: Request,
) -> None:
    for action in WORDS:
        request = replace(request_, action=action)
        if GATE.ask(request).allowed:
            subject, actor = request.subject, request.actor
            assert isinstance(subject, Subject)
            assert (actor.role, actor.actor_id) in {
                ("person", subject.person_id),
                ("peer", subject.peer_id),
                *(("supervisor", s) for s in subject.supervisor_ids & subject.share_recipients),
            }
            assert subject.state not in {"refused", "withdrawing", "withdrawn"}


@given(request_=REQUESTS, type_=st.sampled_from([*get_args(IdentifierType), "SPEAKER", ""]))
def test_a_word_for_everybody_is_never_a_name_and_needs_all_that_a_correction_needs(
    request_: Request, type_: str
) -> None:
    if not isinstance(request_.subject, Subject):
        return
    request = replace(request_, subject=replace(request_.subject, word_type=type_))
    may_correct = GATE.ask(replace(request, action="correct_identifiers")).allowed
    may_hide = GATE.ask(replace(request, action="hide_for_everybody")).allowed
    may_ask = GATE.ask(replace(request, action="propose_showing")).allowed
    assert may_hide == (may_correct and type_ in {"ORG", "LOCATION"})
    assert may_ask == (may_correct and type_ in {"ORG", "LOCATION", "PERSON", "NICKNAME"})


@given(request_=REQUESTS)
def test_only_supervisors_see_or_answer_the_words_of_the_agency(request_: Request) -> None:
    for action in ("view_agency_words", "agree_to_word", "decline_word", "remove_word"):
        request = replace(request_, action=action)
        if GATE.ask(request).allowed:
            assert request.actor.role == "supervisor"
            assert isinstance(request.subject, Store)


@given(request_=REQUESTS)
def test_require_raises_exactly_where_ask_says_no(request_: Request) -> None:
    verdict = GATE.ask(request_)
    if verdict.allowed:
        assert GATE.require(request_) == verdict.rule
    else:
        with pytest.raises(Refused) as refused:
            GATE.require(request_)
        assert refused.value.rule == verdict.rule


@pytest.mark.parametrize("state", STATES)
def test_gate_and_transition_table_agree_on_every_move(state: SessionState) -> None:
    subject = Subject(
        session_id="session-7", person_id="ines", peer_id="tomas", state=state,
        active_purposes=frozenset(get_args(Purpose)), share_recipients=frozenset({"clinic"}),
        safety_open=0, digest="d", approved_digest="d", approved_by="ines", part2=False,
    )  # fmt: skip
    for event in {event for _, event in TRANSITIONS} & ACTIONS:
        actors = [Actor(actor_id="ines", role="person"), Actor(actor_id="tomas", role="peer")]
        allowed = any(
            GATE.ask(
                Request(actor=a, action=event, subject=subject, recipient="clinic", digest="d")
            ).allowed
            for a in actors
        )
        assert allowed == ((state, event) in TRANSITIONS), event


def test_preview_is_allowed_and_touches_no_session() -> None:
    assert GATE.require(preview_request()) == "peer-previews-draft"
    assert isinstance(preview_request().subject, Store)


# ---------------------------------------------------------------- reading the policy files


RULE = """
@id("one-rule") @sentence("One rule.")
permit (principal is Person, action == Action::"refuse", resource is Session)
when { principal.actor_id == resource.person_id };
"""


def policy_folder(tmp_path: Path, rules: str, *, schema: str | None = None) -> Path:
    (tmp_path / "rules.cedar").write_text(rules, encoding="utf-8")
    text = (POLICIES / "schema.cedarschema").read_text(encoding="utf-8")
    (tmp_path / "schema.cedarschema").write_text(schema or text, encoding="utf-8")
    return tmp_path


def test_one_good_rule_is_enough_to_start(tmp_path: Path) -> None:
    gate = load_gate(folder=policy_folder(tmp_path, RULE))
    assert list(gate.rules) == ["one-rule"]
    assert gate.rules["one-rule"].actions == {"refuse"}


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ("", "holds no rule"),
        ("// nothing but a remark", "holds no rule"),
        (RULE.replace('@id("one-rule")', ""), "needs an @id"),
        (RULE.replace("one-rule", ""), "needs an @id"),
        (RULE.replace("one-rule", "One rule!"), "needs an @id"),
        (RULE.replace("one-rule", GATE_UNCLEAR), "needs an @id"),  # kept for the gate itself
        (RULE.replace('@sentence("One rule.")', ""), "needs a @sentence"),
        (RULE.replace("One rule.", " "), "needs a @sentence"),
        (RULE + RULE, "used twice"),
        (RULE.replace("permit", "forbid"), "forbid that errors is skipped"),
        (RULE.replace("when {", "unless {"), "each of them a 'when'"),
        (RULE.split("when")[0] + ";", "needs conditions"),  # open to every person for every note
        (RULE.replace("principal is Person", "principal"), "for one role"),
        (RULE.replace("principal is Person", 'principal == Person::"ines"'), "for one role"),
        (RULE.replace("principal is Person", "principal is Guardian"), "for one role"),
        (RULE.replace('action == Action::"refuse"', "action"), "names its actions"),
        (RULE.replace('"refuse"', '"overrule"'), "names its actions"),
        # Met without looking at either side: a missing entity would not be noticed.
        (RULE.replace("principal.actor_id == resource.person_id", "true"), "reads an attribute"),
        (
            RULE.replace("principal.actor_id == resource.person_id", 'resource.state == "new"'),
            "reads an attribute",
        ),
        (RULE.replace("principal.actor_id ==", "principal has actor_id && "), "reads an attribute"),
        (RULE.replace("person_id", "persn_id"), "do not fit"),
        (RULE.replace("resource.person_id", "resource.safety_open"), "do not fit"),
        # The second lock: the schema lets nobody but a Person decide.
        (RULE.replace("is Person", "is Peer").replace("refuse", "approve"), "do not fit"),
        (RULE.replace("is Session", "is Store").replace("person_id", "store_id"), "do not fit"),
        ("permit (principal", "is not Cedar"),
        (RULE.replace("principal is Person", "principal == ?principal"), "holds a template"),
    ],
)
def test_rule_set_that_could_fail_open_stops_the_start(
    rules: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=problem):
        load_gate(folder=policy_folder(tmp_path, rules))


def test_broken_or_missing_schema_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="not a Cedar schema"):
        load_gate(folder=policy_folder(tmp_path, RULE, schema="entity ;"))
    (tmp_path / "schema.cedarschema").unlink()
    with pytest.raises(SettingError, match="cannot be read"):
        load_gate(folder=tmp_path)


def test_rules_stand_in_the_order_of_their_file(tmp_path: Path) -> None:
    rules = "".join(RULE.replace("one-rule", f"rule-{n}") for n in range(12))  # 10 sorts before 2
    gate = load_gate(folder=policy_folder(tmp_path, rules))
    assert list(gate.rules) == [f"rule-{n}" for n in range(12)]


def test_readme_lists_every_rule_with_its_sentence() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (.+?) \| (.+?) \| (.+?) \|$",
        (POLICIES / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert rows == [
        (r.rule_id, r.role, ", ".join(sorted(r.actions)), r.sentence) for r in GATE.rules.values()
    ]


# ---------------------------------------------------------------- consents


def consent(**changes: Any) -> Consent:
    whole: dict[str, Any] = {
        "consent_id": "c-1",
        "person_id": "ines",
        "purpose": "ai_draft",
        "given": True,
        "recipients": (),
        "information": "the transcript of this session",
        "discloser": "Riverside Peer Centre",
        "mode": "electronic",
        "signed_at": NOW - timedelta(days=1),
        "expires_at": NOW + timedelta(days=30),
        "text_version": "2026-02",
        "revocation_explained": True,
    }
    return Consent(**(whole | changes))


def test_complete_consent_holds() -> None:
    assert active_purposes([consent()], now=NOW) == {"ai_draft"}
    assert active_purposes([consent(expires_at=None)], now=NOW) == {"ai_draft"}
    assert active_purposes([consent(signed_at=NOW)], now=NOW) == {"ai_draft"}
    assert active_purposes([], now=NOW) == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"given": False},
        {"consent_id": ""},
        {"person_id": " "},
        {"information": ""},  # 2.31(a): what is disclosed
        {"discloser": ""},  # 2.31(a): who discloses
        {"text_version": ""},
        {"revocation_explained": False},
        {"signed_at": NOW + timedelta(seconds=1)},  # not signed yet
        {"signed_at": datetime(2026, 3, 1)},  # noqa: DTZ001 (no zone: whose midnight?)
        {"expires_at": datetime(2026, 4, 1)},  # noqa: DTZ001
        {"expires_at": NOW},  # ends at this moment
        {"withdrawn_at": NOW - timedelta(hours=1)},
        {"withdrawn_at": NOW + timedelta(hours=1)},  # a clock that runs ahead
        {"withdrawn_at": datetime(2026, 3, 1)},  # noqa: DTZ001
        {"purpose": "share"},  # 2.31(a): nobody named
        {"purpose": "share", "recipients": ("dana", " ")},
        {"purpose": "share", "recipients": "dana"},  # would be read as d, a, n, a
        {"given": 1},  # truthy is not a yes
    ],
)
def test_incomplete_consent_does_not_hold(changes: dict[str, Any]) -> None:
    assert active_purposes([consent(**changes)], now=NOW) == frozenset()
    assert share_recipients([consent(**changes)], now=NOW) == frozenset()


def test_naive_now_and_mixed_people_give_nothing() -> None:
    assert active_purposes([consent()], now=datetime(2026, 3, 2)) == frozenset()  # noqa: DTZ001
    both = [consent(), consent(consent_id="c-2", person_id="mara", purpose="share")]
    assert active_purposes(both, now=NOW) == frozenset()


@pytest.mark.parametrize(
    ("later", "holds"),
    [
        ({"given": False}, False),  # a later no
        ({"given": True}, True),
        ({"given": True, "discloser": ""}, False),  # a later form that lacks something
        ({"given": True, "expires_at": NOW - timedelta(minutes=1)}, False),
    ],
)
def test_the_latest_record_decides(later: dict[str, Any], holds: bool) -> None:
    records = [consent(), consent(consent_id="c-2", signed_at=NOW - timedelta(hours=1), **later)]
    for order in (records, records[::-1]):
        assert ("ai_draft" in active_purposes(order, now=NOW)) == holds


def test_a_no_signed_at_the_same_moment_as_a_yes_wins() -> None:
    assert active_purposes([consent(), consent(given=False)], now=NOW) == frozenset()


def test_withdrawal_after_the_latest_yes_ends_it_whichever_record_carries_it() -> None:
    first = consent(withdrawn_at=NOW - timedelta(hours=1))
    second = consent(consent_id="c-2", signed_at=NOW - timedelta(hours=2))
    again = consent(consent_id="c-3", signed_at=NOW - timedelta(minutes=5))
    assert active_purposes([first, second], now=NOW) == frozenset()
    assert active_purposes([first, second, again], now=NOW) == {"ai_draft"}


def test_recipients_come_from_the_latest_list_alone() -> None:
    first = consent(purpose="share", recipients=("dana", "Riverside clinic"))
    narrower = consent(purpose="share", recipients=("dana",), signed_at=NOW - timedelta(hours=1))
    save = consent(purpose="save_note", recipients=("agency record",))
    assert share_recipients([first, save], now=NOW) == {"dana", "Riverside clinic"}
    assert share_recipients([first, narrower, save], now=NOW) == {"dana"}
    assert record_recipients([first, save], now=NOW) == {"agency record"}
    assert record_recipients([consent(purpose="save_note")], now=NOW) == frozenset()


MOMENTS = st.integers(-5, 5).map(lambda hours: NOW + timedelta(hours=hours))
CONSENTS = st.builds(
    consent,
    purpose=st.sampled_from(["ai_draft", "share"]),
    given=st.booleans(),
    recipients=st.sampled_from([(), ("dana",), ("dana", "clinic")]),
    signed_at=MOMENTS,
    expires_at=st.one_of(st.none(), MOMENTS),
    withdrawn_at=st.one_of(st.none(), MOMENTS),
    revocation_explained=st.booleans(),
)


@given(st.lists(CONSENTS, max_size=5))
def test_a_purpose_holds_only_on_a_yes_and_never_after_another_no(records: list[Consent]) -> None:
    held = active_purposes(records, now=NOW)
    yes = {c.purpose for c in records if c.given and c.withdrawn_at is None}
    assert held <= yes
    no = consent(given=False, purpose="share", signed_at=NOW + timedelta(hours=6))
    assert active_purposes([*records, no], now=NOW) == held - {"share"}
    assert (share_recipients(records, now=NOW) != frozenset()) == ("share" in held)
