"""What the figures of a package were computed on, in French: manifests say it in English alone."""

from __future__ import annotations

import re

from django import template
from django.utils import formats
from django.utils.html import format_html
from django.utils.translation import get_language

register = template.Library()

# Patterns of whole phrases; the groups are numbers, which the French template takes over.
FRENCH = {
    r"Kermany 2018: training images, each altered by a family its head never met, out of fold": (
        "Kermany 2018\u00a0: images d’entraînement, chacune altérée par une famille que sa tête n’avait "
        "jamais rencontrée, hors pli"
    ),
    r"Kermany 2018: labelled half of the official test split": (
        "Kermany 2018\u00a0: moitié étiquetée de la partie de test officielle"
    ),
    r"NIH ChestX-ray14 sample: adults \(>= 18 y\) of the gate-test half": (
        "Échantillon NIH ChestX-ray14\u00a0: adultes (≥\u00a018\u00a0ans) de la moitié réservée au test du "
        "filtre"
    ),
    r"images that pydicom carries \(CT, MR, colour, \.\.\.\) and scikit-learn's flower\.jpg": (
        "images fournies avec pydicom (scanner, IRM, couleur…) et flower.jpg de scikit-learn"
    ),
    r"NIH ChestX-ray14 sample, gate-test half: women": (
        "NIH ChestX-ray14, moitié de test du filtre\u00a0: femmes"
    ),
    r"NIH ChestX-ray14 sample, gate-test half: men": (
        "NIH ChestX-ray14, moitié de test du filtre\u00a0: hommes"
    ),
    r"NIH ChestX-ray14 sample, gate-test half: (\d+) to (\d+)": (
        "NIH ChestX-ray14, moitié de test du filtre\u00a0: {0} à {1}\u00a0ans"
    ),
    r"NIH ChestX-ray14 sample, gate-test half: (\d+) and over": (
        "NIH ChestX-ray14, moitié de test du filtre\u00a0: {0}\u00a0ans et plus"
    ),
    r"(zurich_blood_loss|us_natality_2014_100k): mothers under (\d+) years": (
        "{0}\u00a0: mères de moins de {1}\u00a0ans"
    ),
    r"(zurich_blood_loss|us_natality_2014_100k): mothers (\d+) to (\d+) years": (
        "{0}\u00a0: mères de {1} à {2}\u00a0ans"
    ),
    r"(zurich_blood_loss|us_natality_2014_100k): mothers (\d+) years and over": (
        "{0}\u00a0: mères de {1}\u00a0ans et plus"
    ),
    r"zurich_blood_loss: 1,309 births, Zurich 2015–16, blood loss measured, 1000 mL or more; columns known "
    r"at admission only": (
        "zurich_blood_loss\u00a0: 1309\u00a0accouchements, Zurich 2015-2016, pertes mesurées, 1000\u00a0mL "
        "ou plus\u202f; seulement les colonnes connues à l’admission"
    ),
    r"us_natality_2014_100k: US births of 2014 with the outcome reported; composite of maternal transfusion, "
    r"ruptured uterus, unplanned hysterectomy, intensive care; (.+)": (
        "us_natality_2014_100k\u00a0: naissances de 2014 aux États-Unis dont l’issue est renseignée\u202f; "
        "critère composite\u00a0: transfusion maternelle, rupture utérine, hystérectomie non programmée, "
        "soins intensifs\u202f; {0}"
    ),
    r"fields known at admission": "champs connus à l’admission",
    r"a caesarean without induction taken as planned, a stillbirth as known before; not admission-only, an "
    r"upper reading": (
        "une césarienne sans déclenchement tenue pour programmée, une mort fœtale pour connue avant\u202f; "
        "pas seulement l’admission, une lecture haute"
    ),
    r"(\d+) with the outcome; untrained; incidence set to the cohort's own": (
        "{0} avec l’événement\u202f; sans apprentissage\u202f; incidence réglée sur celle de la cohorte"
    ),
    r"(\d+) with the outcome; untrained; incidence set to the cohort's own; under-reported label": (
        "{0} avec l’événement\u202f; sans apprentissage\u202f; incidence réglée sur celle de la cohorte"
        "\u202f; événement sous-déclaré"
    ),
    r"zurich_blood_loss": "zurich_blood_loss",
    r"us_natality_2014_100k": "us_natality_2014_100k",
    r"Chicago crashes, June 2019, held-out 20 %, stratified": (
        "accidents de Chicago, juin 2019, 20\u00a0% réservés au test, stratifiés"
    ),
    r"at threshold 0\.(\d+), chosen for F1 out of fold on the other 80 %": (
        "au seuil 0,{0}, choisi pour le F1 hors pli sur les 80\u00a0% restants"
    ),
    r"baseline: random forest of 100 trees, scikit-learn's defaults, same features": (
        "point de comparaison\u00a0: forêt aléatoire de 100\u00a0arbres, réglages par défaut de "
        "scikit-learn, mêmes variables"
    ),
    r"Statlog German credit, nested cross-validation 5-fold × 5": (
        "Statlog German credit, validation croisée imbriquée, 5\u00a0plis × 5"
    ),
    r"(\d+) epochs \(W (\d+), N3 (\d+)\); intervals over patients": (
        "{0} époques (W {1}, N3 {2})\u202f; intervalles sur les patients"
    ),
    r"(\d+) patients resampled whole": "rééchantillonnage de {0} patients entiers",
    r"(\d+) patients resampled whole; scored whatever the gate says": (
        "rééchantillonnage de {0} patients entiers\u202f; score calculé quel que soit l’avis du filtre"
    ),
    r"no age given to the gate; patients split before training; the gate may recognise the source": (
        "âge non communiqué au filtre\u202f; patients séparés avant l’entraînement\u202f; le filtre peut "
        "reconnaître la provenance"
    ),
    r"the score outside its population, as if the gate did not exist": (
        "le score hors de sa population, comme si le filtre n’existait pas"
    ),
    r"by appearance alone: DICOM headers, size and colour would refuse most of them already": (
        "d’après l’aspect seul\u00a0: l’en-tête DICOM, la taille et la couleur en refuseraient déjà la "
        "plupart"
    ),
    r"Sleep-EDF cassette band powers, subject-wise 5-fold, ([a-zA-Z +]+)": (
        "Puissances de bandes Sleep-EDF cassette, validation croisée par sujet en 5\u00a0plis, {0}"
    ),
    r"Sleep-EDF cassette band powers, subject-wise 5-fold, one frontal EEG, excerpts (\w+)": (
        "Puissances de bandes Sleep-EDF cassette, validation croisée par sujet en 5\u00a0plis, un EEG "
        "frontal, extraits {0}"
    ),
    r"UCDDB ucddb018, raw C3-A2 by the position rule, never trained on": (
        "UCDDB ucddb018, C3-A2 brut selon la règle de position, jamais utilisé à l’entraînement"
    ),
    r"UCDDB, five recordings with only their wake and N3 epochs, gaps closed": (
        "UCDDB, cinq enregistrements réduits à leurs époques d’éveil et de N3, sans interruption"
    ),
    r"UCDDB, five recordings with only their wake and N3 epochs, gaps closed; each staged by the networks "
    r"that learned from the others": (
        "UCDDB, cinq enregistrements réduits à leurs époques d’éveil et de N3, sans interruption\u202f; "
        "chacun stadé par les réseaux qui ont appris des autres"
    ),
    r"UCDDB wake and N3": "UCDDB, éveil et N3",
    r"Sleep-EDF, one frontal EEG": "Sleep-EDF, un EEG frontal",
    r"Sleep-EDF, one frontal EEG, naps of 30 to 120 min": (
        "Sleep-EDF, un EEG frontal, siestes de 30 à 120 min"
    ),
    r"sleep_edf_bandpower, one frontal EEG in the colour of a UCDDB recording, (\w+)": (
        "Puissances de bandes Sleep-EDF, un EEG frontal aux couleurs d’un enregistrement UCDDB, {0}"
    ),
    r"by networks that have seen neither the subject nor the patient; intervals over subjects": (
        "par des réseaux qui n’ont vu ni le sujet ni le patient\u202f; intervalles sur les sujets"
    ),
    r"each by the gate fitted without its subject or patient": (
        "chacun par l’aiguillage ajusté sans son sujet ni son patient"
    ),
    r"(\d+) epochs; intervals over patients; context is broken by the gaps": (
        "{0} époques\u202f; intervalles sur les patients\u202f; les interruptions rompent le contexte"
    ),
    r"(\d+) epochs; intervals over blocks of ten minutes of this one recording": (
        "{0} époques\u202f; intervalles sur des blocs de dix minutes de ce seul enregistrement"
    ),
    r"raw recordings, each staged by a model trained without its patient": (
        "enregistrements bruts, chacun coté par un modèle entraîné sans son patient"
    ),
    r"(\d+) epochs; intervals over subjects": "{0} époques\u202f; intervalles sur les sujets",
    r"(\d+) epochs of (\d+) nights; intervals over subjects": (
        "{0} époques de {1} nuits\u202f; intervalles sur les sujets"
    ),
    r"(\d+) epochs; context is broken by the gaps": (
        "{0} époques\u202f; les interruptions rompent le contexte"
    ),
    r"(\d+) epochs; intervals over blocks of ten minutes of this one night, they say nothing of other "
    r"patients": (
        "{0} époques\u202f; intervalles sur des blocs de dix minutes de cette seule nuit, qui ne disent rien "
        "d’autres patients"
    ),
    r"three channels": "trois voies",
    r"one frontal EEG": "un EEG frontal",
    r"frontal EEG \+ EOG": "EEG frontal et EOG",
    r"two EEG": "deux EEG",
    r"one posterior EEG": "un EEG postérieur",
    r"some_stages": "avec quelques stades",
    r"nap": "de sieste",
    r"night": "nuit",
    r"no_rem": "sans sommeil paradoxal",
    r"no_n3": "sans N3",
    r"wake_n2": "d’éveil et de N2",
    r"wake_n3": "d’éveil et de N3",
    r"crashes": "accidents",
    r"images": "images",
    r"applicants": "demandeurs",
    r"births": "naissances",
    r"subjects": "sujets",
    r"nights": "nuits",
    r"recordings": "enregistrements",
    r"naps": "siestes",
    r"patients": "patients",
}

# A thing of each unit, in English and in French.
ONE = {
    "crashes": ("crash", "accident"),
    "images": ("image", "image"),
    "applicants": ("applicant", "demandeur"),
    "births": ("birth", "naissance"),
    "subjects": ("subject", "sujet"),
    "nights": ("night", "nuit"),
    "recordings": ("recording", "enregistrement"),
    "naps": ("nap", "sieste"),
    "patients": ("patient", "patient"),
}
EPOCHS = re.compile(r"\b\d{4,}(?= (?:epochs|époques))")


@register.filter
def data_words(said: str) -> str:
    """Return a manifest's phrase in the language of the page; marked as English where only that is known."""
    if not (get_language() or "en").startswith("fr"):
        return _grouped(said)
    if french := _french(said):
        return _grouped(french)
    return format_html('<span lang="en">{}</span>', said)


@register.filter
def counted(unit: str, n: int) -> str:
    """Return what was counted, such as ``nights``, as it stands behind the number ``n``."""
    french = (get_language() or "en").startswith("fr")
    if unit in ONE and n == 1:
        return ONE[unit][french]
    return data_words(unit)


def _grouped(said: str) -> str:
    """Set the thousands of the epochs in a phrase apart, as the language does."""
    return EPOCHS.sub(lambda found: formats.number_format(int(found[0]), decimal_pos=0), said)


def _french(said: str) -> str:
    """Return a phrase in French, its parts too; empty when it is not known."""
    for pattern, french in FRENCH.items():
        if found := re.fullmatch(pattern, said):
            parts = [part if part.isdecimal() else _french(part) for part in found.groups()]
            if all(parts):
                return french.format(*parts)
    return ""
