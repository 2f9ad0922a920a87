"""Why the winner won, in sentences that are computed from the figures and say no more than they."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ml.algorithms.chest_xray.bench.comparison import Tables
from ml.algorithms.chest_xray.bench.judging import PLAIN, SHIFTED, Judged, area, table
from ml.algorithms.chest_xray.bench.settings import Bench
from ml.algorithms.chest_xray.bench.stages import Found
from ml.algorithms.chest_xray.bench.training import CURVES
from ml.contracts import LANGUAGES, Text
from ml.drawing.numbers import number, short
from ml.training.bootstrap import Interval
from ml.training.comparison import Comparison, Difference, Row

AREA, DIGITS = "roc_auc", 3
VERDICTS = {
    "better": Text("better", "meilleure"),
    "worse": Text("worse", "moins bonne"),
    "undecided": Text("undecided", "indécis"),
}
WINNER = Text(
    "The shifted validation chooses “{winner}”: AUC {own}, against {base} of the seed’s recipe; the "
    "difference is {difference}: {verdict}. Before recalibration, folds pooled as they come: {raw} against "
    "{base_raw}.",
    "La validation sur images altérées choisit «\u00a0{winner}\u00a0»\u00a0: AUC {own}, contre {base} pour "
    "la recette de départ\u202f; la différence est {difference}\u00a0: {verdict}. Avant recalibration, plis "
    "réunis tels quels\u00a0: {raw} contre {base_raw}.",
)
REFERENCE_WINS = Text(
    "The shifted validation chooses the seed’s recipe itself, “{winner}”: AUC {own}.",
    "La validation sur images altérées choisit la recette de départ elle-même, «\u00a0{winner}\u00a0»\u00a0: "
    "AUC {own}.",
)
VERDICT_LISTS = {
    "candidates": Text(
        "Under shift, {n} other candidates against the seed’s recipe, by AUC. Better: {better}. Worse: "
        "{worse}. "
        "Undecided: {undecided}.",
        "Sur images altérées, {n} autres candidats face à la recette de départ, par l’AUC. Meilleurs\u00a0: "
        "{better}. "
        "Moins bons\u00a0: {worse}. Indécis\u00a0: {undecided}.",
    ),
    "challengers": Text(
        "Of the chosen candidate “{chosen}” {n} things were changed, one at a time. Better: {better}. Worse: "
        "{worse}. Undecided: {undecided}.",
        "Du candidat retenu «\u00a0{chosen}\u00a0», {n} éléments ont été changés, un à la fois. "
        "Meilleur\u00a0: {better}. Moins bon\u00a0: {worse}. Indécis\u00a0: {undecided}.",
    ),
}
NONE = Text("none", "aucun")
SEMICOLON = Text("; ", "\u202f; ")
FALL = Text(
    "From images as they are to shifted ones the winner’s AUC falls by {own}, that of the seed’s recipe by "
    "{base}.",
    "Des images telles quelles aux images altérées, l’AUC du vainqueur perd {own}, celle de la recette de "
    "départ "
    "{base}.",
)
LEARNING = Text(
    "At its best epoch the winner’s loss is {train} on the images it learned from and {stop} on other "
    "patients’ "
    "shifted images; for the seed’s recipe {base_train} and {base_stop}.",
    "À sa meilleure époque, la perte du vainqueur est {train} sur les images apprises et {stop} sur les "
    "images "
    "altérées d’autres patients\u202f; pour la recette de départ, {base_train} et {base_stop}.",
)
UNFINISHED = Text(
    "Still getting better at the last epoch, in most folds: {names}. More epochs might change their places.",
    "Encore en progrès à la dernière époque, pour la plupart des plis\u00a0: {names}. Davantage d’époques "
    "pourrait changer leur rang.",
)
SAME_CHOICE = Text(
    "The plain validation would have chosen the same: on these images choosing under shift bought nothing.",
    "La validation simple aurait choisi la même chose\u00a0: sur ces images, choisir sur images altérées "
    "n’a rien rapporté.",
)
OTHER_CHOICE = Text(
    "The plain validation would have chosen “{plain}” (AUC {plain_plain} as they are). Choosing under shift "
    "bought {bought} of AUC under shift ({verdict}), for {price} on images as they are.",
    "La validation simple aurait choisi «\u00a0{plain}\u00a0» (AUC {plain_plain} sur images telles quelles). "
    "Choisir sur images altérées a rapporté {bought} d’AUC sur images altérées ({verdict}), pour {price} "
    "sur images telles quelles.",
)
STRANGERS = Text(
    "With look-alikes held out and under shift: {each}.",
    "Avec des groupes semblables mis de côté, sur images altérées\u00a0: {each}.",
)
RANDOM = Text(
    "From random weights AUC under shift is {own} with running statistics of batch normalisation of momentum "
    "{fast}, and {flat} with momentum {slow}: in training each batch is normalised by itself, in use each "
    "layer "
    "divides by a running variance that begins at 1. After {steps} batches {share} % of that beginning is "
    "left, "
    "and where the true variance is far smaller the layers flatten every image into the same answer.",
    "Avec des poids aléatoires, l’AUC sur images altérées est {own} avec des statistiques mobiles de "
    "normalisation d’inertie {fast}, et {flat} avec une inertie {slow}\u00a0: à l’apprentissage, chaque lot "
    "est normalisé par lui-même\u202f; à l’usage, chaque couche divise par une variance mobile qui part "
    "de 1. Après {steps} lots, il reste {share}\u00a0% de ce départ, et là où la vraie variance est bien "
    "plus petite, les couches aplatissent toutes les images en une même réponse.",
)
CAUTION = Text(
    "{n} images of {patients} patients of the training split; the official test plays no part. The network "
    "of each fold is recalibrated on other patients it has not seen, because networks speak on scales of "
    "their own and pooling them as they come costs area. The 95 % intervals of differences hold jointly for "
    "all differences of their table, those of single figures each for itself. All are over patients: how a "
    "network would end from another seed is not in them, and the best of many is flattered.",
    "{n} images de {patients} patients de la partie d’entraînement\u202f; le test officiel n’y joue aucun "
    "rôle. Le réseau de chaque pli est recalibré sur d’autres patients qu’il n’a pas vus\u00a0: chaque "
    "réseau a sa propre échelle, et les réunir tels quels coûte de l’aire. Les intervalles à 95\u00a0% des "
    "différences valent conjointement pour toutes celles de leur tableau, ceux des autres chiffres chacun "
    "pour soi. Tous portent sur les patients\u00a0: ils ne disent pas où un réseau finirait avec une autre "
    "graine, et le meilleur de beaucoup est flatté.",
)


def sentences(found: Found, judged: Tables, bench: Bench) -> list[Text]:
    """Return why the winner won, what choosing under shift bought, and what random weights did."""
    winner, y = found.winner(SHIFTED), found.shop.copies.images.y
    reference = next(run for run in found.candidates if run.name == bench.reference)
    said = [_winner(winner, judged, reference, y)]
    said += [_verdicts(kind, getattr(judged, kind), found) for kind in VERDICT_LISTS if getattr(judged, kind)]
    if winner is not reference:
        said += [_fall(winner, reference, y), _learning(winner, reference)]
    said += [*_bought(found, winner, bench), *_strangers(judged), *_random(found, y), *_unfinished(found)]
    images = found.shop.copies.images
    return [*said, _text(CAUTION, n=len(y), patients=len(np.unique(images.patients)))]


def _winner(winner: Judged, judged: Tables, reference: Judged, y: np.ndarray) -> Text:
    if winner.name == reference.name:
        return _text(REFERENCE_WINS, winner=winner.label, own=area(winner, SHIFTED, y))
    final = judged.final[SHIFTED]
    rows = [_row(final, run.name) for run in (winner, reference)]
    own, base = (row.calibrated[AREA] for row in rows)
    raw, base_raw = (row.raw[AREA].value for row in rows)
    found = rows[0].differences[AREA]
    return _text(
        WINNER, winner=winner.label, own=own, base=base, difference=found, verdict=VERDICTS[found.verdict],
        raw=raw, base_raw=base_raw,
    )  # fmt: skip


def _verdicts(kind: str, by_validation: Mapping[str, Comparison], found: Found) -> Text:
    rows = [row for row in by_validation[SHIFTED].rows if row.differences]
    lists = {
        verdict: _listed(row for row in rows if row.differences[AREA].verdict == verdict)
        for verdict in VERDICTS
    }
    chosen = next(run.label for run in found.candidates if run.name == found.chosen)
    return _text(VERDICT_LISTS[kind], n=len(rows), chosen=chosen, **lists)


def _listed(rows: Iterable[Row]) -> Text:
    said = [(row.label, row.differences[AREA].value) for row in rows]
    if not said:
        return NONE
    return Text(
        *(
            SEMICOLON.to(to).join(f"{label.to(to)} ({_signed(by, to)})" for label, by in said)
            for to in LANGUAGES
        )
    )


def _fall(winner: Judged, reference: Judged, y: np.ndarray) -> Text:
    own, base = (area(run, PLAIN, y) - area(run, SHIFTED, y) for run in (winner, reference))
    return _text(FALL, own=own, base=base)


def _learning(winner: Judged, reference: Judged) -> Text:
    train, stop = _at_best(winner.result.curves)
    base_train, base_stop = _at_best(reference.result.curves)
    return _text(LEARNING, train=train, stop=stop, base_train=base_train, base_stop=base_stop)


def _at_best(curves: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the training loss and the loss under shift of the epoch kept, averaged over folds."""
    train, stop = CURVES.index("loss"), CURVES.index("stopping_shifted")
    kept = np.array([curve[np.argmin(curve[:, stop])] for curve in curves])
    return float(kept[:, train].mean()), float(kept[:, stop].mean())


def _bought(found: Found, winner: Judged, bench: Bench) -> list[Text]:
    plain, images = found.winner(PLAIN), found.shop.copies.images
    if plain.name == winner.name:
        return [SAME_CHOICE]
    gained = {
        which: _row(
            table([plain, winner], which, images, bench, reference=plain.name, title=NONE, held_out=NONE),
            winner.name,
        ).differences[AREA]
        for which in (PLAIN, SHIFTED)
    }
    return [
        _text(
            OTHER_CHOICE, plain=plain.label, plain_plain=area(plain, PLAIN, images.y), bought=gained[SHIFTED],
            verdict=VERDICTS[gained[SHIFTED].verdict], price=gained[PLAIN],
        )
    ]  # fmt: skip


def _strangers(judged: Tables) -> list[Text]:
    if SHIFTED not in judged.clusters:
        return []
    rows = judged.clusters[SHIFTED].rows
    each = Text(
        *(
            SEMICOLON.to(to).join(f"{row.label.to(to)} {_said(row.calibrated[AREA], to)}" for row in rows)
            for to in LANGUAGES
        )
    )
    return [_text(STRANGERS, each=each)]


def _random(found: Found, y: np.ndarray) -> list[Text]:
    """Say what running statistics that lag behind did to random weights, where two momenta were run."""
    runs = [run for run in found.candidates if run.result.settings.weights == "random"]
    by_momentum = sorted(
        ((run.result.settings.momentum, run) for run in runs if run.result.settings.momentum),
        key=lambda pair: pair[0],
    )
    if len(by_momentum) < 2:
        return []
    (fast, moved), (slow, flat) = by_momentum[0], by_momentum[-1]
    batches = max(1, len(found.shop.folds[0].train) // flat.result.settings.batch)
    steps = batches * (1 + int(np.argmin(flat.result.curves[0][:, CURVES.index("stopping_shifted")])))
    return [
        _text(
            RANDOM, own=area(moved, SHIFTED, y), flat=area(flat, SHIFTED, y), steps=steps,
            fast=_plain(fast), slow=_plain(slow), share=round(100 * slow**steps),
        )
    ]  # fmt: skip


def _plain(value: float) -> Text:
    return Text(*(short(value, to) for to in LANGUAGES))


def _unfinished(found: Found) -> list[Text]:
    """Name the runs that patience did not stop, and whose last epoch was their best."""
    watched = CURVES.index("stopping_shifted")
    names = [
        run.label
        for run in found.everybody()
        if np.mean([np.argmin(c[:, watched]) == run.result.settings.epochs - 1 for c in run.result.curves])
        > 0.5
    ]
    said = Text(*(SEMICOLON.to(to).join(label.to(to) for label in names) for to in LANGUAGES))
    return [_text(UNFINISHED, names=said)] if names else []


def _row(comparison: Comparison, name: str) -> Row:
    return next(row for row in comparison.rows if row.name == name)


def _signed(value: float, language: str) -> str:
    said = number(value, DIGITS, language)
    return said if value < 0 or not float(f"{value:.{DIGITS}f}") else f"+{said}"


def _text(words: Text, **given: object) -> Text:
    return Text(
        *(
            words.to(to).format(**{name: _said(value, to) for name, value in given.items()})
            for to in LANGUAGES
        )
    )


def _said(value: object, language: str) -> str:
    if isinstance(value, Text):
        return value.to(language)
    if isinstance(value, float):
        return number(value, DIGITS, language)
    if isinstance(value, Difference):
        ends = [_signed(end, language) for end in (value.low, value.high)]
        return f"{_signed(value.value, language)} ({_range(ends, language)})"
    if isinstance(value, Interval) and value.low is not None and value.high is not None:
        ends = [number(end, DIGITS, language) for end in (value.low, value.high)]
        return f"{number(value.value, DIGITS, language)} ({_range(ends, language)})"
    return number(value.value, DIGITS, language) if isinstance(value, Interval) else str(value)


def _range(ends: Sequence[str], language: str) -> str:
    return f" {Text('to', 'à').to(language)} ".join(ends)
