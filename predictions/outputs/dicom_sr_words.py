"""The coded concepts of the structured report: DICOM's and LOINC's where checked, ours elsewhere.

A code of ours keeps its value in both languages; only its meaning is written in that of the document. None
is longer than what fits into CodeValue: readers that know no LongCodeValue would show nothing. That is why
some are shorter here than in FHIR.
"""

from __future__ import annotations

import highdicom as hd

from ml.contracts import Text
from predictions import verdicts
from predictions.models import Confidence, Impression, Reason, Verdict

SCHEME = "99VIGIE"
LONGEST_MEANING = 64

CHEST_ONE_VIEW = hd.sr.CodedConcept("36554-4", "LN", "XR Chest Single view")
LANGUAGES = {
    "en": hd.sr.CodedConcept("en", "RFC5646", "English"),
    "fr": hd.sr.CodedConcept("fr", "RFC5646", "Français"),
}

CONCEPTS = {
    "chest-xray-views": Text("XR chest, several views", "Radiographie du thorax, plusieurs incidences"),
    "pneumonia-prob": Text("Probability of pneumonia", "Probabilité de pneumonie"),
    "operating-point": Text("Operating point", "Seuil de décision"),
    "prevalence": Text("Prevalence that both are stated for", "Prévalence pour laquelle ils sont donnés"),
    "pneumonia-class": Text("Class at the operating point", "Classe à ce seuil de décision"),
    "ai-pneumonia": Text("Suggests pneumonia", "En faveur d’une pneumonie"),
    "ai-normal": Text("Does not suggest pneumonia", "Pas d’argument pour une pneumonie"),
    "strongest-zone": Text("Where the score was raised most", "Où le score a été le plus élevé"),
    "signer-verdict": Text("Verdict of the signer on the result", "Avis du signataire sur le résultat"),
    "agrees": Text("Agrees with the result", "D’accord avec le résultat"),
    "disagrees": Text("Disagrees with the result", "Pas d’accord avec le résultat"),
    "cannot-assess": Text("Cannot assess the result", "Ne peut pas évaluer le résultat"),
    "not-seen": Text(
        "Signed in a silent evaluation, without sight of it",
        "Signé en évaluation silencieuse, sans l’avoir vu",
    ),
    "signer-reason": Text("Reason of the verdict", "Motif de l’avis"),
    "reason-clinical": Text(
        "Clinical information the model does not have", "Informations cliniques inconnues du modèle"
    ),
    "reason-input": Text("Poor input", "Entrée de mauvaise qualité"),
    "reason-false-pos": Text("Known false positive", "Faux positif connu"),
    "reason-patient": Text("Patient preference", "Préférence du patient"),
    "reason-other": Text("Other", "Autre"),
    "signer-comment": Text("Comment of the signer", "Commentaire du signataire"),
    "first-read": Text("First read, before the algorithm’s answer", "Première lecture, avant l’algorithme"),
    "first-impression": Text("First impression", "Première impression"),
    "saw-normal": Text("Normal", "Normal"),
    "saw-pneumonia": Text("Pneumonia", "Pneumonie"),
    "saw-other": Text("Other abnormality", "Autre anomalie"),
    "saw-unclear": Text("Cannot assess", "Impossible à évaluer"),
    "confidence": Text("Confidence of the reader", "Degré de certitude du lecteur"),
    "sure-yes": Text("Sure", "Sûr"),
    "sure-fairly": Text("Fairly sure", "Assez sûr"),
    "sure-no": Text("Unsure", "Peu sûr"),
}
CLASSES = {"PNEUMONIA": "ai-pneumonia", "NORMAL": "ai-normal"}
VERDICTS = {
    Verdict.AGREE: "agrees",
    Verdict.DISAGREE: "disagrees",
    Verdict.CANNOT_ASSESS: "cannot-assess",
    verdicts.NOT_SEEN: "not-seen",
}
REASONS = {
    Reason.CLINICAL: "reason-clinical",
    Reason.POOR_INPUT: "reason-input",
    Reason.FALSE_POSITIVE: "reason-false-pos",
    Reason.PREFERENCE: "reason-patient",
    Reason.OTHER: "reason-other",
}
IMPRESSIONS = {
    Impression.NORMAL: "saw-normal",
    Impression.PNEUMONIA: "saw-pneumonia",
    Impression.OTHER: "saw-other",
    Impression.CANNOT_ASSESS: "saw-unclear",
}
CONFIDENCES = {
    Confidence.SURE: "sure-yes",
    Confidence.FAIRLY: "sure-fairly",
    Confidence.UNSURE: "sure-no",
}


def concept(code: str, language: str) -> hd.sr.CodedConcept:
    """Return a concept of our own."""
    return coded(code, CONCEPTS[code], language)


def coded(code: str, meaning: Text, language: str) -> hd.sr.CodedConcept:
    """Return a code of our own with a meaning from elsewhere, such as the label of a field."""
    return hd.sr.CodedConcept(code, SCHEME, meaning.to(language)[:LONGEST_MEANING])
