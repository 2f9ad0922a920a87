"""The codes of the FHIR bundle: LOINC and SNOMED CT where checked, a code system of our own elsewhere.

A guessed code is worse than a local one: a receiver can map what it knows to be local.
"""

from __future__ import annotations

from typing import Any

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
SECURITY = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
# FHIR's own name for identifiers of DICOM, DICOM's for its codes, and that of any URI.
DICOM_UID = "urn:dicom:uid"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
URI = "urn:ietf:rfc:3986"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
# The domain "invalid" belongs to nobody and never will: these names cannot clash with anybody's.
LOCAL = "https://vigie.invalid/fhir/CodeSystem/measures"
RECORD_NUMBER = "https://vigie.invalid/fhir/NamingSystem/record-number"
STAFF = "https://vigie.invalid/fhir/NamingSystem/staff"
STUDY = "https://vigie.invalid/fhir/NamingSystem/study"
PACKAGE = "https://vigie.invalid/fhir/NamingSystem/package-sha256"
SIGNED_CONTENT = "https://vigie.invalid/fhir/NamingSystem/signed-content-sha256"

CHECKED_LOINC = {
    "28633-6", "90568-7", "93832-4", "93829-0", "93830-8", "93831-6", "103213-5", "103211-9", "103215-0",
    "11996-6", "11977-6", "11884-4", "36554-4", "18782-3",
}  # fmt: skip

REPORTS = {
    "haemorrhage": ("", "Severe postpartum haemorrhage risk at admission"),
    "chest_xray": ("36554-4", "Chest X-ray"),
    "sleep": ("28633-6", "Polysomnography"),
}

# Local code and display of what a signer thinks of a result, and why; one for each the review form offers;
# a silent signature has no opinion of a result that it was kept from.
VERDICTS = {
    "agree": ("agrees", "Agrees with the result"),
    "disagree": ("disagrees", "Disagrees with the result"),
    "cannot_assess": ("cannot-assess", "Cannot assess the result"),
    "not_seen": ("not-seen", "Signed in a silent evaluation, without sight of the result"),
}
REASONS = {
    "clinical": ("reason-clinical", "Clinical information the model does not have"),
    "poor_input": ("reason-poor-input", "Poor input"),
    "false_positive": ("reason-false-positive", "Known false positive"),
    "preference": ("reason-preference", "Patient preference"),
    "other": ("reason-other", "Other"),
}

# Class of an X-ray at the operating point, and what a reader said before it.
CLASSES = {
    "PNEUMONIA": ("ai-pneumonia", "Suggests pneumonia"),
    "NORMAL": ("ai-normal", "Does not suggest pneumonia"),
}
IMPRESSIONS = {
    "normal": ("saw-normal", "Normal"),
    "pneumonia": ("saw-pneumonia", "Pneumonia"),
    "other": ("saw-other", "Other abnormality"),
    "cannot_assess": ("saw-unclear", "Cannot assess"),
}
CONFIDENCES = {
    "sure": ("sure-yes", "Sure"),
    "fairly": ("sure-fairly", "Fairly sure"),
    "unsure": ("sure-no", "Unsure"),
}

# Key of the night's statistics: LOINC where checked, display, UCUM unit. Light sleep is N1 and N2 together.
# TRT spans the whole recording where nobody entered the lights, and then has no code for the time in bed.
TIME_IN_BED = "103213-5"
SLEEP = {
    "tst": ("93832-4", "Sleep duration (TST)", "min"),
    "r": ("93829-0", "REM sleep duration", "min"),
    "light": ("93830-8", "Light sleep duration (N1 + N2)", "min"),
    "n3": ("93831-6", "Deep sleep duration (N3)", "min"),
    "waso": ("103215-0", "Wake after sleep onset, AASM (TRT - SOL - TST)", "min"),
    "awakenings": ("103211-9", "Awakenings between first and last sleep", "{count}"),
    "trt": ("", "Total recording time (TRT)", "min"),
    "spt": ("", "Sleep period, first to last sleep (SPT)", "min"),
    "sol": ("", "Sleep onset latency (SOL)", "min"),
    "rem_latency": ("", "REM latency from sleep onset", "min"),
    "se": ("", "Sleep efficiency, TST / TRT", "%"),
    "sme": ("", "Sleep maintenance, TST / SPT", "%"),
    "n1": ("", "N1 duration", "min"),
    "n2": ("", "N2 duration", "min"),
    "wake": ("", "Wake from lights off to lights on", "min"),
    "wake_in_sleep_period": ("", "Wake between first and last sleep", "min"),
    "wake_after_sleep": ("", "Wake after the last sleep", "min"),
    "unscored": ("", "Unscored time", "min"),
    "rem_latency_from_lights_off": ("", "REM latency from lights off", "min"),
    "n1_percent": ("", "N1, share of TST", "%"),
    "n2_percent": ("", "N2, share of TST", "%"),
    "n3_percent": ("", "N3, share of TST", "%"),
    "r_percent": ("", "REM sleep, share of TST", "%"),
    "stage_shifts": ("", "Stage shifts", "{count}"),
    "shifts_per_hour": ("", "Stage shifts per hour of sleep", "/h"),
    "fragmentation": ("", "Sleep fragmentation index", "/h"),
    "arousals": ("", "Arousals", "{count}"),
    "arousal_index": ("", "Arousal index", "/h"),
}


def concept(local: str, display: str, *, loinc: str = "") -> dict[str, Any]:
    """Return a CodeableConcept: the checked LOINC code first when there is one, always the local code."""
    codings = [{"system": LOINC, "code": loinc}] if loinc in CHECKED_LOINC else []
    codings.append({"system": LOCAL, "code": local, "display": display})
    return {"coding": codings, "text": display}


def quantity(value: float, unit: str) -> dict[str, Any]:
    """Return a Quantity in a UCUM unit."""
    return {"value": round(value, 3), "unit": unit, "system": UCUM, "code": unit}
