"""What the figures of a package were computed on, in French: manifests say it in English alone."""

from __future__ import annotations

import re

from django import template
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


@register.filter
def data_words(said: str) -> str:
    """Return a manifest's phrase in the language of the page; marked as English where only that is known."""
    if not (get_language() or "en").startswith("fr"):
        return said
    if french := _french(said):
        return french
    return format_html('<span lang="en">{}</span>', said)


def _french(said: str) -> str:
    """Return a phrase in French, its parts too; empty when it is not known."""
    for pattern, french in FRENCH.items():
        if found := re.fullmatch(pattern, said):
            parts = [part if part.isdecimal() else _french(part) for part in found.groups()]
            if all(parts):
                return french.format(*parts)
    return ""
