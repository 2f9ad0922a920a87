"""Whether a candidate package may take the place of the one that serves: written bars, one verdict.

The bars stand in ``params.yaml`` under ``promotion``, per algorithm. Light: the page that compares two
versions asks here too. What has to be run for it is :mod:`ml.smoke`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from ml.contracts import Text
from ml.package import Metric, Package

HERE, FORMER = "holdout_", "holdout_former_"
"""How a version trained here names its figures, and those of the version that it was held against."""


@dataclass(frozen=True, slots=True)
class ShadowFigures:
    """What running a version in the shadow of the serving one on live studies has shown; counts only.

    Parameters
    ----------
    since, until
        First and last study of them; ``None`` without any.
    studies
        Live studies that both versions finished, answered or refused.
    failed
        Studies that the serving version finished and the shadow did not.
    same
        Of ``studies``: how often both said the same (the same decision at each one's own operating point,
        the same refusal; for a night, stages alike in at least as many epochs as two scorers agree on).
    signed
        Of ``studies``: those with an outcome signed by a reader.
    right, serving_right
        Of ``signed``: how often the shadow's answer, and the serving version's, is what was signed.
    median_ms, serving_median_ms
        Median milliseconds per study of both; ``None`` without any.
    """

    since: datetime | None
    until: datetime | None
    studies: int
    failed: int
    same: int
    signed: int
    right: int
    serving_right: int
    median_ms: float | None = None
    serving_median_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure of a version beside that of another one on the same data.

    Parameters
    ----------
    name
        Of the metric.
    one, other
        ``None`` where that version was not measured on these data.
    """

    name: str
    data: str
    one: Metric
    other: Metric | None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing a candidate has to be.

    Parameters
    ----------
    code
        Stable, such as ``"floor:kappa"``.
    figure, bar
        What was found and what was asked; ``None`` where the criterion is no number.
    sentence
        What was asked and found, met or not.
    """

    code: str
    passed: bool
    sentence: Text
    figure: float | None = None
    bar: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "code": self.code,
            "passed": self.passed,
            "sentence": self.sentence.as_json(),
            "figure": self.figure,
            "bar": self.bar,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Criterion:
        """Rebuild a criterion stored by :meth:`as_json`."""
        return cls(
            value["code"], value["passed"], Text.from_json(value["sentence"]), value["figure"], value["bar"]
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a candidate."""

    criteria: tuple[Criterion, ...]

    @property
    def passed(self) -> bool:
        """Whether every criterion is met; ``False`` without any."""
        return bool(self.criteria) and all(criterion.passed for criterion in self.criteria)

    @property
    def failed(self) -> tuple[Criterion, ...]:
        """The criteria that are not met."""
        return tuple(criterion for criterion in self.criteria if not criterion.passed)

    def as_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return {"passed": self.passed, "criteria": [criterion.as_json() for criterion in self.criteria]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """Rebuild a verdict stored by :meth:`as_json`."""
        return cls(tuple(Criterion.from_json(one) for one in value["criteria"]))


def read_bars(params: Path, algorithm: str) -> Mapping[str, Any]:
    """Return the bars of an algorithm from ``params.yaml``; ``LookupError`` when it has none."""
    written = yaml.safe_load(params.read_text("utf-8")).get("promotion") or {}
    if algorithm not in written:
        raise LookupError(f"{params} has no bars for {algorithm!r} under promotion: write them, then propose")
    return written[algorithm]


def judge(
    candidate: Package,
    serving: Package,
    bars: Mapping[str, Any],
    shadow: ShadowFigures | None = None,
    *,
    run: Sequence[Criterion] = (),
) -> Verdict:
    """Hold a candidate against the bars and against the version that serves.

    Parameters
    ----------
    candidate, serving
        Both verified.
    bars
        The algorithm's part of ``promotion`` in ``params.yaml``: ``figures`` (of a version trained on a
        hospital's own table ``figures_here``), each with ``metric``, ``data`` (a part of the words for
        it), ``en`` and ``fr`` (what people call it), ``least``, ``most``, and ``drop`` or ``rise``: how
        much worse than the serving version's on the same data; and ``shadow``.
    shadow
        What a shadow run has shown; ``None`` when none ran.
    run
        What running it has shown, see :func:`ml.smoke.try_out`.
    """
    asked = bars["figures_here" if trained_here(candidate) else "figures"]
    pairs = paired(candidate, serving)
    return Verdict(
        (
            _answers_studies(candidate),
            _another(candidate, serving),
            *run,
            *(criterion for bar in asked for criterion in _figure(bar, pairs, serving)),
            *_shadow(bars.get("shadow") or {}, shadow),
        )
    )


def trained_here(package: Package) -> bool:
    """Return whether a package was learned from a hospital's own table."""
    return package.manifest["training"].get("kind") == "hospital"


def paired(one: Package, other: Package | None) -> list[Pair]:
    """Return the figures of a version, each beside the other version's on the same data.

    Two versions share data when their manifests name the same metric on the same data, or when the one was
    held against the other on the births that it had not learned from.
    """
    if other is not None and _held_against(other, one):
        return [
            Pair(pair.name, pair.data, pair.other, pair.one)
            for pair in paired(other, one)
            if pair.other is not None
        ]
    known = {(metric.name, metric.data): metric for metric in (other.metrics if other else ())}
    former = {metric.name: metric for metric in one.metrics if metric.name.startswith(FORMER)}
    comparable = other is not None and _held_against(one, other)
    pairs = []
    for metric in one.metrics:
        if metric.name in former:
            continue
        beside = known.get((metric.name, metric.data))
        if comparable and metric.name.startswith(HERE):
            beside = former.get(FORMER + metric.name.removeprefix(HERE))
        pairs.append(Pair(metric.name, metric.data, metric, beside))
    return pairs


def _held_against(one: Package, other: Package) -> bool:
    """Return whether the figures of ``one`` were measured beside those of ``other``."""
    return one.manifest["training"].get("replaces", {}).get("sha256") == other.sha256


def _answers_studies(candidate: Package) -> Criterion:
    said = (
        Text("It is a version made to answer studies.", "Cette version est faite pour répondre à des études.")
        if candidate.serves
        else Text(
            "It was trained to be compared with and may answer no study.",
            "Elle a été entraînée à titre de comparaison et ne doit répondre à aucune étude.",
        )
    )
    return Criterion("serves", candidate.serves, said)


def _another(candidate: Package, serving: Package) -> Criterion:
    other = candidate.sha256 != serving.sha256
    said = (
        Text(
            f"It is another version than {serving.version}, which serves.",
            f"C’est une autre version que {serving.version}, en service.",
        )
        if other
        else Text(
            f"It is {serving.version} itself, which serves already.",
            f"C’est {serving.version} elle-même, déjà en service.",
        )
    )
    return Criterion("another", other, said)


def _figure(bar: Mapping[str, Any], pairs: Sequence[Pair], serving: Package) -> Iterator[Criterion]:
    name, data = bar["metric"], bar.get("data", "")
    code = f"{name} ({data})" if data else name
    label = Text(bar.get("en", code), bar.get("fr", code))
    pair = next((pair for pair in pairs if pair.name == name and data in pair.data), None)
    if pair is None:
        said = Text(
            f"{label.en}: its package carries no such figure ({name}). Evaluate it, then propose it again.",
            f"{label.fr}\u00a0: son paquet ne porte pas ce chiffre ({name}). Évaluez-la, puis proposez-la de "
            "nouveau.",
        )
        yield Criterion(f"measured:{code}", False, said)
        return
    if "least" in bar:
        yield _bound(f"floor:{code}", label, pair.one, bar["least"], least=True)
    if "most" in bar:
        yield _bound(f"ceiling:{code}", label, pair.one, bar["most"], least=False)
    if "drop" in bar or "rise" in bar:
        yield _not_worse(f"worse:{code}", label, bar, pair, serving)


def _bound(code: str, label: Text, found: Metric, bar: float, *, least: bool) -> Criterion:
    asked = Text("at least", "au moins") if least else Text("at most", "au plus")
    said = Text(
        f"{label.en}: {_written(found, 'en')}; asked: {asked.en} {_number(bar, 'en')}.",
        f"{label.fr}\u00a0: {_written(found, 'fr')}\u00a0; exigé\u00a0: {asked.fr} {_number(bar, 'fr')}.",
    )
    return Criterion(code, found.value >= bar if least else found.value <= bar, said, found.value, bar)


def _not_worse(code: str, label: Text, bar: Mapping[str, Any], pair: Pair, serving: Package) -> Criterion:
    if pair.other is None:
        said = Text(
            f"{label.en}: never measured beside {serving.version}, which serves, on the same data.",
            f"{label.fr}\u00a0: jamais mesuré à côté de {serving.version}, en service, sur ces données.",
        )
        return Criterion(code, False, said)
    up = "drop" in bar
    allowed = bar["drop"] if up else bar["rise"]
    worse = pair.other.value - pair.one.value if up else pair.one.value - pair.other.value
    said = Text(
        f"{label.en}: {_written(pair.one, 'en')}, against {_written(pair.other, 'en')} of {serving.version} "
        f"on the same data; it may be worse by {_number(allowed, 'en')} at most.",
        f"{label.fr}\u00a0: {_written(pair.one, 'fr')}, contre {_written(pair.other, 'fr')} pour "
        f"{serving.version} sur les mêmes données\u00a0; l’écart défavorable peut être de "
        f"{_number(allowed, 'fr')} au plus.",
    )
    # Figures are written with nine decimals: what lies below is no difference.
    return Criterion(code, worse <= allowed + 1e-9, said, pair.one.value, allowed)


def _shadow(bars: Mapping[str, Any], shadow: ShadowFigures | None) -> Iterator[Criterion]:
    if not bars or shadow is None:
        return
    enough = shadow.studies >= bars["studies"]
    yield Criterion(
        "shadow:studies",
        enough,
        Text(
            f"In the shadow it finished {shadow.studies} live studies; asked: at least {bars['studies']}.",
            f"Dans l’ombre, elle a mené à terme {shadow.studies} études réelles\u00a0; exigé\u00a0: au moins "
            f"{bars['studies']}.",
        ),
        shadow.studies,
        bars["studies"],
    )
    tried = shadow.studies + shadow.failed
    if tried:
        share = shadow.failed / tried
        yield Criterion(
            "shadow:failed",
            share <= bars["failed"],
            Text(
                f"It failed {shadow.failed} of {tried} live studies; asked: at most "
                f"{_number(100 * bars['failed'], 'en')} in 100.",
                f"Elle a échoué sur {shadow.failed} des {tried} études réelles\u00a0; exigé\u00a0: au plus "
                f"{_number(100 * bars['failed'], 'fr')} sur 100.",
            ),
            share,
            bars["failed"],
        )
    if shadow.signed >= bars["signed"]:
        less = (shadow.serving_right - shadow.right) / shadow.signed
        yield Criterion(
            "shadow:right",
            less <= bars["right_less"],
            Text(
                f"Of {shadow.signed} signed studies it was right in {shadow.right}, the serving version in "
                f"{shadow.serving_right}; it may be right in {_number(100 * bars['right_less'], 'en')} of "
                "100 fewer at most.",
                f"Sur {shadow.signed} études signées, elle avait raison pour {shadow.right}, la version en "
                f"service pour {shadow.serving_right}\u00a0; l’écart défavorable peut être de "
                f"{_number(100 * bars['right_less'], 'fr')} sur 100 au plus.",
            ),
            less,
            bars["right_less"],
        )


def _written(metric: Metric, language: str) -> str:
    """Write a figure with its interval, all to as many decimals: 0.70 (0.69 to 0.71)."""
    if metric.low is None or metric.high is None:
        return _number(metric.value, language)
    ends = metric.value, metric.low, metric.high
    decimals = max(len(_number(end, "en").partition(".")[2]) for end in ends)
    value, low, high = (_number(end, language, decimals) for end in ends)
    to = "to" if language == "en" else "à"
    return f"{value} ({low} {to} {high})"


def _number(value: float, language: str, decimals: int = 0) -> str:
    """Write a number to four decimals at most and ``decimals`` at least."""
    whole, _, part = f"{value:.4f}".partition(".")
    part = part.rstrip("0").ljust(decimals, "0")
    written = f"{whole}.{part}" if part else whole
    written = written.removeprefix("-") if float(written) == 0 else written.replace("-", "\u2212")
    return written if language == "en" else written.replace(".", ",")
