"""What the rows of a CSV are called: one label for every path of a stored result, in both languages.

A ``#`` in a path stands for a position in a list, ``{n}`` in its label for that position counted from 1.
"""

from __future__ import annotations

import re

from ml.contracts import Text

POSITION = re.compile(r"\.(\d+)(?=\.|$)")

LABELS = {
    "risk": Text("Risk of severe postpartum haemorrhage, 0 to 1", "Risque d’HPP sévère, de 0 à 1"),
    "interval.0": Text("95 % interval, lower bound", "Intervalle à 95 %, borne basse"),
    "interval.1": Text("95 % interval, upper bound", "Intervalle à 95 %, borne haute"),
    "incidence": Text("Incidence of the ward, 0 to 1", "Incidence du service, de 0 à 1"),
    "threshold": Text("Operating point, 0 to 1", "Seuil de décision, de 0 à 1"),
    "flagged": Text("Flagged at the operating point", "Signalée à ce seuil"),
    "per_100.risk": Text("Women like her, of 100", "Femmes comme elle, sur 100"),
    "per_100.low": Text("Likely range, lower bound, of 100", "Fourchette probable, borne basse, sur 100"),
    "per_100.high": Text("Likely range, upper bound, of 100", "Fourchette probable, borne haute, sur 100"),
    "per_100.ward": Text("Average of the ward, of 100", "Moyenne du service, sur 100"),
    "per_100.one_in": Text("One woman like her in so many", "Une femme comme elle sur tant"),
    "per_100.ward_one_in": Text("One woman of the ward in so many", "Une femme du service sur tant"),
    "known.0": Text("Questions answered", "Questions renseignées"),
    "known.1": Text("Questions asked", "Questions posées"),
    "unknown.#": Text("Unknown answer {n}", "Réponse inconnue {n}"),
    "unknown_widening.factor": Text(
        "How many times as wide unknown answers make the range",
        "Élargissement de la fourchette par les réponses inconnues, facteur",
    ),
    "unknown_widening.interval_coefficients_only.0": Text(
        "95 % interval without what is unknown, lower bound",
        "Intervalle à 95 % hors réponses inconnues, borne basse",
    ),
    "unknown_widening.interval_coefficients_only.1": Text(
        "95 % interval without what is unknown, upper bound",
        "Intervalle à 95 % hors réponses inconnues, borne haute",
    ),
    "rule_class.class": Text("Class of the published rule (CMQCC)", "Classe de la règle publiée (CMQCC)"),
    "rule_class.criteria.#.code": Text("Criterion of the rule {n}", "Critère de la règle {n}"),
    "rule_class.criteria.#.class": Text("Class of criterion {n}", "Classe du critère {n}"),
    "rule_class.unanswered.#": Text("Criterion not answered {n}", "Critère sans réponse {n}"),
    "disagreement": Text("Rule and figure disagree", "Désaccord entre règle et chiffre"),
    "as_high_share": Text(
        "Share of the ward with such a figure or a higher one, 0 to 1",
        "Part du service avec un tel chiffre ou plus élevé, de 0 à 1",
    ),
    "changeable.#": Text("Answer that may still change {n}", "Réponse qui peut encore changer {n}"),
    "age": Text("Age, years", "Âge, ans"),
    "bmi": Text("BMI, kg/m²", "IMC, kg/m²"),
    "warnings.#.code": Text("Warning {n}", "Avertissement {n}"),
    "warnings.#.field": Text("Question of warning {n}", "Question de l’avertissement {n}"),
    "warnings.#.severity": Text("Severity of warning {n}", "Gravité de l’avertissement {n}"),
    "decision_curve.#.threshold": Text(
        "Decision curve {n}: threshold, 0 to 1", "Courbe de décision {n} : seuil, de 0 à 1"
    ),
    "decision_curve.#.model": Text(
        "Decision curve {n}: net benefit of the figure", "Courbe de décision {n} : bénéfice net du chiffre"
    ),
    "decision_curve.#.everybody": Text(
        "Decision curve {n}: net benefit of flagging everybody",
        "Courbe de décision {n} : bénéfice net si toutes sont signalées",
    ),
    "outcome.blood_loss_ml": Text("Blood loss within 24 hours, mL", "Pertes sanguines en 24 heures, mL"),
    "outcome.method": Text("How it was measured", "Mode de mesure"),
    "outcome.measured_at": Text("Time of the measurement", "Heure de la mesure"),
    "about.status": Text("Status", "Statut"),
    "about.version": Text("Signed version", "Version signée"),
    "about.verdict": Text("Verdict of the signer", "Avis du signataire"),
    "about.reason": Text("Reason of the verdict", "Motif de l’avis"),
    "about.comment": Text("Comment of the signer", "Commentaire du signataire"),
    "about.study": Text("Study", "Étude"),
    "about.package": Text("Model package", "Paquet du modèle"),
    "about.package_sha256": Text("SHA-256 of the package", "SHA-256 du paquet"),
    "about.headline": Text("Result in words", "Résultat en mots"),
    "about.notice": Text("Notice", "Mention"),
}
# One operating point: the ward's own, and the others beside it.
POINT = {
    "flag_share": Text("share to flag, 0 to 1", "part à signaler, de 0 à 1"),
    "threshold": Text("flagged from a figure of, 0 to 1", "signalée à partir d’un chiffre de, de 0 à 1"),
    "flagged_share": Text("share flagged, 0 to 1", "part signalée, de 0 à 1"),
    "true_per_100_flagged": Text(
        "severe haemorrhages of 100 flagged", "hémorragies sévères sur 100 signalées"
    ),
    "found_share": Text(
        "share of severe haemorrhages flagged, 0 to 1", "part des hémorragies sévères signalées, de 0 à 1"
    ),
    "flagged": Text("she is flagged", "elle est signalée"),
}
POINTS = {
    "operating_point": Text("The ward’s own point", "Point choisi par le service"),
    "workloads.#": Text("Operating point {n}", "Point de fonctionnement {n}"),
}
LABELS |= {
    f"{path}.{name}": Text(f"{point.en}: {said.en}", f"{point.fr} : {said.fr}")
    for path, point in POINTS.items()
    for name, said in POINT.items()
}

# The columns of an X-ray, in order: one row per image.
IMAGE_COLUMNS = (
    Text("layout", "format"),
    Text("image", "image"),
    Text("role", "rôle"),
    Text("view", "incidence"),
    Text("scored", "score calculé"),
    Text("probability", "probabilité"),
    Text("class", "classe"),
    Text("operating point", "seuil de décision"),
    Text("prevalence", "prévalence"),
    Text("reasons", "motifs de refus"),
    Text("first impression", "première lecture"),
    Text("first confidence", "certitude de la première lecture"),
    Text("verdict", "avis"),
    Text("reason", "motif de l’avis"),
    Text("comment", "commentaire"),
    Text("impression", "conclusion"),
    Text("status", "statut"),
    Text("study", "étude"),
    Text("package", "paquet du modèle"),
    Text("SHA-256 of the package", "SHA-256 du paquet"),
    Text("notice", "mention"),
)


def label(code: str) -> Text:
    """Return what a row is called; the path itself for a figure nobody has named yet."""
    if code in LABELS:
        return LABELS[code]
    positions = POSITION.findall(code)
    named = LABELS.get(POSITION.sub(".#", code))
    if named is None:
        return Text(code, code)
    return named.format(n=int(positions[-1]) + 1)
