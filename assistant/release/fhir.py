"""FHIR R4: a DocumentReference with the note, the Consent it rests on, and its Provenance.

Built with fhir.resources' R4B models, whose three resources used here are those of R4, so what
leaves has been validated. People appear by local identifier only. Element rules: hl7.org/fhir/R4,
documentreference, consent, provenance. Labels: HL7 v3 Confidentiality and ActCode.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import datetime
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.consent import Consent as FhirConsent
from fhir.resources.R4B.documentreference import DocumentReference
from fhir.resources.R4B.provenance import Provenance

from assistant.canonical import note_digest
from assistant.records import ApprovedNote, Consent, ServiceRecord
from assistant.release.blocks import PART2_NOTICE, note_blocks
from assistant.release.markdown import write_markdown

_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_LOINC = "http://loinc.org"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_LOCAL = "urn:ownwords:id"  # ids mean nothing outside this installation
_NAMESPACE = uuid.UUID("6f8f0c5a-2f43-4f7c-9d0f-0d5a1b9a7c11")  # ours; makes entry ids stable


def write_fhir(
    approved: ApprovedNote, *, consent: Consent, to: str, service: ServiceRecord, now: datetime
) -> bytes:
    """Return a FHIR R4 Bundle (JSON, UTF-8) of the three resources."""
    note_id = approved.note.note_id
    urls = {name: _url(note_id, name) for name in ("document", "consent", "provenance")}
    resources: dict[str, Any] = {
        "document": DocumentReference(
            **_document(approved, consent=consent, to=to, service=service, now=now)
        ),
        "consent": FhirConsent(**_consent(consent, to=to)),
        "provenance": Provenance(**_provenance(approved, service=service, urls=urls, now=now)),
    }
    bundle = Bundle(
        type="collection",
        timestamp=now,
        entry=[{"fullUrl": urls[name], "resource": resources[name]} for name in resources],
    )
    return (str(bundle.model_dump_json(indent=2)) + "\n").encode()


def _document(
    approved: ApprovedNote, *, consent: Consent, to: str, service: ServiceRecord, now: datetime
) -> dict[str, Any]:
    text = write_markdown(note_blocks(approved, service=service, to=to, consent=consent))
    note = approved.note
    return {
        "status": "current",
        "docStatus": "final",
        "identifier": [_identifier(note.note_id)],
        # LOINC 34109-9 "Note": nothing more clinical is claimed for a peer's note
        "type": _concept(_LOINC, "34109-9", "Note"),
        "subject": _person(note.person_id),
        "date": now,
        "author": [_person(note.person_id), _peer(service.peer_id)],
        "description": PART2_NOTICE,
        "securityLabel": [
            _concept(_CONFIDENTIALITY, "R", "restricted"),
            _concept(_ACT_CODE, "PSY", "psychiatry disorder information sensitivity"),
            _concept(_ACT_CODE, "42CFRPart2", "42 CFR Part 2"),
        ],
        "content": [
            {
                "attachment": {
                    "contentType": "text/markdown; charset=utf-8",
                    "language": "en",
                    "data": base64.b64encode(text).decode(),
                    "size": len(text),
                    # R4 defines this element as a SHA-1; the approval itself rests on SHA-256
                    "hash": base64.b64encode(
                        hashlib.sha1(text, usedforsecurity=False).digest()
                    ).decode(),
                }
            }
        ],
    }


def _consent(consent: Consent, *, to: str) -> dict[str, Any]:
    period: dict[str, Any] = {"start": consent.signed_at}
    if consent.expires_at is not None:
        period["end"] = consent.expires_at
    return {
        "status": "active",
        "identifier": [_identifier(consent.consent_id)],
        "scope": _concept(
            "http://terminology.hl7.org/CodeSystem/consentscope",
            "patient-privacy",
            "Privacy Consent",
        ),
        "category": [_concept(_LOINC, "59284-0", "Consent Document")],
        "patient": _person(consent.person_id),
        "dateTime": consent.signed_at,
        "policyRule": _concept(_ACT_CODE, "42CFRPart2", "42 CFR Part 2"),
        "provision": {
            "type": "permit",
            "period": period,
            "actor": [
                {
                    "role": _concept(
                        "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                        "IRCP",
                        "information recipient",
                    ),
                    "reference": {"display": to},
                }
            ],
            "purpose": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                    "code": "PATRQT",
                    "display": "patient requested",
                }
            ],
        },
    }


def _provenance(
    approved: ApprovedNote, *, service: ServiceRecord, urls: dict[str, str], now: datetime
) -> dict[str, Any]:
    return {
        "target": [{"reference": urls["document"]}],
        "recorded": now,
        "occurredDateTime": approved.decision.decided_at,
        "policy": [f"urn:ownwords:approval:sha256:{note_digest(approved.note)}"],
        "agent": [
            {
                "type": _concept(_PARTICIPATION, "attester", "Attester"),
                "who": _person(approved.note.person_id),
            },
            {
                "type": _concept(_PARTICIPATION, "author", "Author"),
                "who": _peer(service.peer_id),
            },
            {
                "type": _concept(_PARTICIPATION, "assembler", "Assembler"),
                "who": {"display": "Own Words"},
            },
        ],
        "entity": [{"role": "source", "what": {"reference": urls["consent"]}}],
    }


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _identifier(value: str) -> dict[str, str]:
    return {"system": _LOCAL, "value": value}


def _person(person_id: str) -> dict[str, Any]:
    return {"type": "Patient", "identifier": _identifier(person_id)}


def _peer(peer_id: str) -> dict[str, Any]:
    return {"type": "Practitioner", "identifier": _identifier(peer_id)}


def _url(note_id: str, name: str) -> str:
    return uuid.uuid5(_NAMESPACE, f"{note_id}/{name}").urn
