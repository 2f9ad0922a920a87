"""What the model is for and where it fails, in both languages, for manifest, card and report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.contracts import Text

INTENDED_USE = Text(
    "To show midwives and physicians, at admission for birth, how the risk of losing 1000 mL of blood or "
    "more within 24 hours compares with the ward’s average, and why. Research use, not a medical device.",
    "Montrer aux sages-femmes et aux médecins, à l’admission pour accouchement, comment le risque de perdre "
    "1000 mL de sang ou plus en 24 heures se compare à la moyenne du service, et pourquoi. "
    "Usage de recherche, n’est pas un dispositif médical.",
)
STANDARD_PREVENTION = Text(
    "A low figure never removes standard prevention: many haemorrhages happen to women without a known "
    "risk factor.",
    "Un chiffre bas ne dispense jamais de la prévention habituelle : bien des hémorragies surviennent "
    "chez des femmes sans facteur de risque connu.",
)
NO_ORDER = Text(
    "The figure orders no treatment; it describes a group of women like her, not her own fate.",
    "Ce chiffre ne prescrit aucun traitement ; il décrit un groupe de femmes comparables, "
    "non le sort de cette patiente.",
)
RESEARCH_USE = Text(
    "Research use, not a medical device.",
    "Usage de recherche, n’est pas un dispositif médical.",
)
MODEL_IMPLIED = Text(
    "Computed from this model and this ward’s incidence, as if the model were right; "
    "not a measured performance.",
    "Calculé à partir de ce modèle et de l’incidence de ce service, comme si le modèle était exact ; "
    "ce n’est pas une performance mesurée.",
)
JUDGEMENT = Text(
    "Odds ratios are judgement values shaded down from studies of other countries and outcomes; "
    "prevalences are estimates for France, not checked.",
    "Les odds ratios sont des valeurs de jugement, en retrait d’études menées dans d’autres pays et pour "
    "d’autres critères ; les prévalences sont des estimations pour la France, non vérifiées.",
)
LIMITS = (
    RESEARCH_USE,
    STANDARD_PREVENTION,
    NO_ORDER,
    Text(
        "Admission factors separate women only weakly: on births in Zurich the AUC was about 0.6.",
        "Les facteurs connus à l’admission ne séparent que faiblement les femmes : "
        "sur des accouchements à Zurich, l’AUC était d’environ 0,6.",
    ),
    JUDGEMENT,
    Text(
        "Factors are added as if independent; combinations such as praevia after a caesarean may be "
        "underestimated.",
        "Les facteurs s’ajoutent comme s’ils étaient indépendants ; des associations telles qu’un placenta "
        "prævia après césarienne peuvent être sous-estimées.",
    ),
    Text(
        "Fibrinogen, aPTT, presentation and refusal of transfusion are recorded but not in the figure; for a "
        "previous haemorrhage of 500 to 999 mL no published odds ratio was found.",
        "Le fibrinogène, le TCA, la présentation et le refus de transfusion sont enregistrés mais n’entrent "
        "pas dans le calcul ; pour un antécédent d’hémorragie de 500 à 999 mL, aucun odds ratio publié n’a "
        "été trouvé.",
    ),
    Text(
        "Known at admission only: what happens in labour changes the risk and calls for a new assessment.",
        "Établi à l’admission seulement : le déroulement du travail modifie le risque et appelle "
        "une nouvelle évaluation.",
    ),
)
DATA = {
    "training": "none: published odds ratios, see sources in coefficients.json",
    "external_checks": [
        "zurich_blood_loss: Haslinger 2020, doi 10.1111/jth.14795, through R package TH.data (GPL-3)",
        "us_natality_2014_100k: CDC public-use file",
    ],
}
PUBLISHED = Text("published odds ratios", "odds ratios publiés")
SIMULATED = Text(" (learned from simulated births)", " (appris sur des naissances simulées)")


def model_words(manifest: Mapping[str, Any]) -> Text:
    """Return what kind of model a package holds: published, or learned from births of this hospital."""
    learned = manifest["training"].get("tier_words")
    if learned is None:
        return PUBLISHED
    words = Text.from_json(learned)
    if not manifest["data"].get("synthetic"):
        return words
    return Text(words.en + SIMULATED.en, words.fr + SIMULATED.fr)
