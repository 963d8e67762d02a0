"""The words the corpus is labelled with: one table per label, read by the compiler and the checker.

A session is written once in the source form (see `source`), with one-letter or one-word codes; the
tables here turn the codes into the names that stand in the JSON files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

CORPUS = Path(__file__).resolve().parent.parent / "data" / "corpus"

IDENTIFIER_TYPES = (
    "PERSON", "NICKNAME", "LOCATION", "ORG", "DATE", "AGE", "PHONE", "EMAIL", "ID", "URL",
    "HANDLE", "OTHER",
)  # fmt: skip

# A surface marked once is marked wherever it stands in the session. Numbers and dates are left to
# the writer: "93" may be an age in one line and a bus in the next.
MARKED_EVERYWHERE = frozenset(
    {"PERSON", "NICKNAME", "LOCATION", "ORG", "PHONE", "EMAIL", "ID", "URL", "HANDLE"}
)

SECTIONS = {
    "m": "matters",
    "s": "strength",
    "h": "hard",
    "w": "helps",  # what works
    "n": "next_step",
    "u": "support",  # us: the people around
    "a": "ask",
}
NONE = "none"
REASONS = {
    "talk": "small_talk",
    "joke": "joke",
    "if": "hypothetical",
    "other": "third_party",
    "said": "reported_speech",
    "off": "asked_not_to_record",
    "past": "past_only",
    "yes": "social_reply",
    "safe": "safety",
    "unclear": "unclear",
    "lang": "other_language",
}

SUPPORTED_KIND = "paraphrase"
CLAIM_KINDS = {
    "neg": "negation_flip",
    "who": "wrong_actor",
    "num": "wrong_number",
    "feel": "invented_feeling",
    "risk": "invented_risk_denial",
    "time": "wrong_time",
    "over": "overstated",
    "diag": "diagnosis",
    "quote": "invented_quote",
}

LANGUAGE_CATEGORIES = (
    "label", "blame", "deficit", "control", "doubt", "scope", "detail", "pity",
)  # fmt: skip

N_DOMAINS = 19  # the service activities of Chinman et al. 2016, numbered as in the guideline

SETTINGS = {
    "act": "assertive community treatment team",
    "reentry": "forensic re-entry",
    "moud": "medication for opioid use disorder",
    "hiv": "HIV navigation",
    "inpatient": "inpatient ward",
    "emergency": "emergency department",
    "youth": "youth and young adults",
    "veterans": "veterans",
    "family": "family and caregivers",
    "clinicians": "peers for clinicians",
    "community": "community recovery centre",
    "housing": "housing and shelter",
    "campus": "campus",
    "perinatal": "perinatal",
    "older": "older adults",
    "respite": "peer respite house",
}
REQUIRED_SETTINGS = (
    "act", "reentry", "moud", "hiv", "inpatient", "emergency", "youth", "veterans", "family",
    "clinicians",
)  # fmt: skip
MODALITIES = ("in_person", "phone", "video", "text_chat", "forum", "group")
FORMS = ("spoken", "raw_asr", "typed")  # edited speech, speech-recognition text, written
AGE_BANDS = ("16-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75+")
GENDERS = ("woman", "man", "nonbinary", "trans woman", "trans man")
GROUP_KEYS = ("dialect", "gender", "ethnicity", "age_band", "name_origin")
SPLITS: tuple[Literal["train", "dev", "test"], ...] = ("train", "dev", "test")

# What the whole corpus promises (README.md); `check` compares.
TARGETS = {
    "sessions": 80,
    "statements": 4000,
    "tidied": 1500,
    "claims": 1600,
    "over_100_lines": 15,
    "raw_asr": 10,
    "text_chat": 10,
    "group": 8,
    "asked_not_to_record": 15,
    "name_origins": 10,
    "per_setting": 3,
    "per_modality": 3,
}
MIN_LINES, MAX_LINES = 40, 140
