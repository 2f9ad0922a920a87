"""Whether what was learned may serve: judged on later births of other mothers, against what serves now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.algorithms.haemorrhage.hospital.births import Births
from ml.algorithms.haemorrhage.parsing import written
from ml.contracts import Text
from ml.training.bootstrap import Interval, interval
from ml.training.evaluation import Question, Sampled, sampled_figures

HELD_OUT = 0.25
SLOPES = (0.8, 1.2)
LEAST_EVENTS = 5
REPEATS = 1000
CANDIDATE, CURRENT, NULL, ALL, NONE = "candidate", "current", "null", "treat_all", "treat_none"
OF_MODELS = (
    "roc_auc", "brier", "calibration_slope", "calibration_intercept", "net_benefit", "recall", "precision",
    "flagged_rate",
)  # fmt: skip
# A rule that says the same of everybody has no more than this.
OF_RULES = {NULL: ("brier", "net_benefit"), ALL: ("net_benefit",), NONE: ("net_benefit",)}
WORDS = {
    NULL: Text("giving every woman the same risk", "donner le même risque à toutes"),
    ALL: Text("flagging everybody", "signaler toutes les femmes"),
    NONE: Text("flagging nobody", "ne signaler personne"),
    CURRENT: Text("the model in service", "le modèle en service"),
}
# The point estimate decides; a sentence may not be surer than the interval.
UNDECIDED = Text(
    ", as far as these births can tell (undecided)",
    ", pour autant que ces accouchements permettent d’en juger (indécis)",
)
SURELY = {"above": Text("", ""), "below": Text("", ""), "at_least": UNDECIDED, "at_most": UNDECIDED}


@dataclass(frozen=True, slots=True)
class Split:
    """Births to learn from, and later births to judge by.

    Parameters
    ----------
    earlier, later
        Row numbers; no mother is in both.
    left_out
        Later births of mothers whose earlier births are learned from: in neither part.
    """

    earlier: np.ndarray
    later: np.ndarray
    left_out: int


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing a candidate has to be.

    Parameters
    ----------
    figure
        What was measured, with its 95 % interval; the point estimate decides, the interval says how
        surely.
    sentence
        What was asked and found, for a criterion met as well as for one that is not.
    """

    code: str
    met: bool
    figure: Interval | None
    sentence: Text

    def as_json(self) -> dict[str, Any]:
        """Return the stored form."""
        figure = None if self.figure is None else figure_json(self.figure)
        return {"code": self.code, "met": self.met, "figure": figure, "sentence": self.sentence.as_json()}


@dataclass(frozen=True)
class Verdict:
    """How a candidate did on the later births.

    Parameters
    ----------
    figures
        Name of the model or rule → figure → value with interval.
    """

    threshold: float
    births: int
    events: int
    figures: Mapping[str, Mapping[str, Interval]]
    criteria: tuple[Criterion, ...]

    @property
    def accepted(self) -> bool:
        """Whether every criterion is met."""
        return all(criterion.met for criterion in self.criteria)

    @property
    def reasons(self) -> list[Text]:
        """One sentence per criterion that is not met."""
        return [criterion.sentence for criterion in self.criteria if not criterion.met]


def figure_json(figure: Interval) -> dict[str, float | None]:
    """Return a figure with its interval."""
    return {"value": figure.value, "low": figure.low, "high": figure.high}


def split(births: Births, share: float = HELD_OUT) -> Split:
    """Hold out the births from the day on by which 1 − ``share`` of all have happened.

    A mother with births on both sides stays in the earlier part only: her later births are left out, because
    whoever judges must not know the mothers learned from.
    """
    first_day = births.day[int(len(births) * (1 - share))]
    before = births.day < first_day
    known = np.isin(births.mother, births.mother[before])
    return Split(np.flatnonzero(before), np.flatnonzero(~before & ~known), int((~before & known).sum()))


def judge(
    later: Births, probabilities: Mapping[str, np.ndarray], *, rate: float, threshold: float, seed: int
) -> Verdict:
    """Judge a candidate by calibration, by the Brier score, and by what acting on it is worth.

    Parameters
    ----------
    later
        Births held out.
    probabilities
        Risk of every birth held out, by ``candidate`` and ``current``.
    rate
        Incidence in the earlier part: what the null model would say of everybody.
    threshold
        Risk from which the ward flags a woman, the same for everyone compared.
    """
    y = later.outcome
    rules = {NULL: np.full(len(y), rate), ALL: np.ones(len(y)), NONE: np.zeros(len(y))}
    sampled = sampled_figures(
        y, {**probabilities, **rules}, Question(threshold), later.mother, repeats=REPEATS, seed=seed
    )
    figures = {
        name: {
            figure: one.interval(figure) for figure in OF_RULES.get(name, OF_MODELS) if figure in one.values
        }
        for name, one in sampled.items()
    }
    enough = later.events >= LEAST_EVENTS
    criteria = _criteria(sampled, threshold) if enough else (_too_few(later.events),)
    return Verdict(threshold, len(y), later.events, figures, criteria)


def difference(sampled: Mapping[str, Sampled], one: str, other: str, figure: str) -> Interval:
    """Return the paired difference of a figure, over the same bootstrap samples."""
    a, b = sampled[one], sampled[other]
    return interval(a.values[figure] - b.values[figure], a.samples[figure] - b.samples[figure])


def _criteria(sampled: Mapping[str, Sampled], threshold: float) -> tuple[Criterion, ...]:
    return (
        _slope(sampled[CANDIDATE]),
        brier(difference(sampled, CANDIDATE, NULL, "brier")),
        *(
            worth(difference(sampled, CANDIDATE, name, "net_benefit"), name, threshold)
            for name in (ALL, NONE, CURRENT)
        ),
    )


def _slope(candidate: Sampled) -> Criterion:
    if "calibration_slope" not in candidate.values:
        return Criterion(
            "calibration_slope",
            False,
            None,
            Text(
                "The calibration slope cannot be computed on the later births.",
                "La pente de calibration ne peut pas être calculée sur les accouchements récents.",
            ),
        )
    slope = candidate.interval("calibration_slope")
    met = SLOPES[0] <= slope.value <= SLOPES[1]
    said = _with_interval(slope, 2)
    verdict = Text("within", "dans l’intervalle") if met else Text("outside", "hors de l’intervalle")
    return Criterion(
        "calibration_slope",
        met,
        slope,
        Text(
            f"The calibration slope on the later births is {said.en}, {verdict.en} 0.8 to 1.2: "
            + (
                "risks are spread as they should be."
                if met
                else "risks are spread too far or not far enough."
            ),
            f"La pente de calibration sur les accouchements récents est de {said.fr}, {verdict.fr} 0,8 à "
            "1,2 : "
            + (
                "les risques sont étalés comme il faut."
                if met
                else "les risques sont trop étalés, ou pas assez."
            ),
        ),
    )


def brier(found: Interval) -> Criterion:
    """Return the criterion of the Brier score, from its difference to one risk for all."""
    said, standing = _with_interval(found, 5), _standing(found, less_is_better=True)
    how = {
        "above": Text("does better than", "fait mieux que"),
        "below": Text("does worse than", "fait moins bien que"),
        "at_least": Text("does no worse than", "ne fait pas moins bien que"),
        "at_most": Text("does no better than", "ne fait pas mieux que"),
    }[standing]
    surely = SURELY[standing]
    return Criterion(
        "brier",
        found.value < 0,
        found,
        Text(
            f"On the later births the candidate {how.en} {WORDS[NULL].en}{surely.en}: Brier score difference "
            f"{said.en} (below 0 is better).",
            f"Sur les accouchements récents, le candidat {how.fr} {WORDS[NULL].fr}{surely.fr} : différence "
            f"de score de Brier {said.fr} (inférieure à 0 : mieux).",
        ),
    )


def worth(found: Interval, name: str, threshold: float) -> Criterion:
    """Return the criterion of the net benefit, from its difference to a model or rule of :data:`WORDS`."""
    said, from_risk = _with_interval(found, 5), written(100 * threshold, 1)
    standing = _standing(found)
    how = {
        "above": Text("is worth more than", "vaut mieux que"),
        "below": Text("is worth less than", "vaut moins que"),
        "at_least": Text("is worth no less than", "ne vaut pas moins que"),
        "at_most": Text("is worth no more than", "ne vaut pas mieux que"),
    }[standing]
    surely = SURELY[standing]
    return Criterion(
        f"net_benefit_{name}",
        found.value > 0,
        found,
        Text(
            f"Flagging from a risk of {from_risk.en} %, the candidate {how.en} {WORDS[name].en}{surely.en}: "
            f"net benefit difference {said.en}.",
            f"En signalant à partir d’un risque de {from_risk.fr} %, le candidat {how.fr} "
            f"{WORDS[name].fr}{surely.fr} : différence de bénéfice net {said.fr}.",
        ),
    )


def _standing(found: Interval, *, less_is_better: bool = False) -> str:
    """Return what may be said of a difference: "above" and "below" only when the interval excludes zero."""
    good = found.value < 0 if less_is_better else found.value > 0
    if found.low is None or found.high is None or found.low <= 0 <= found.high:
        return "at_least" if good else "at_most"
    return "above" if good else "below"


def _too_few(events: int) -> Criterion:
    return Criterion(
        "too_few_later_events",
        False,
        None,
        Text(
            f"Only {events} severe haemorrhages among the later births: nothing can be judged by them. "
            "Export a longer period.",
            f"Seulement {events} hémorragies sévères parmi les accouchements récents : on ne peut rien en "
            "conclure. Exportez une période plus longue.",
        ),
    )


def _with_interval(figure: Interval, decimals: int) -> Text:
    value = _number(figure.value, decimals)
    if figure.low is None or figure.high is None:
        return value
    low, high = _number(figure.low, decimals), _number(figure.high, decimals)
    return Text(
        f"{value.en} (95 % interval {low.en} to {high.en})",
        f"{value.fr} (intervalle à 95 % : {low.fr} à {high.fr})",
    )


def _number(value: float, decimals: int) -> Text:
    """Write a number with a minus sign, which a hyphen is not."""
    plain = written(value, decimals)
    return Text(plain.en.replace("-", "−"), plain.fr.replace("-", "−"))
