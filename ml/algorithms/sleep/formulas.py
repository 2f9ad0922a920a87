"""What each figure of a night means: its formula, where the definition comes from, and the other usage.

Standard library only. Result page, PDF, CSV and report write from this one table.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml.contracts import Text

AASM = Text("AASM manual", "manuel de l’AASM")


@dataclass(frozen=True, slots=True)
class Other:
    """A second definition in use of the same figure.

    Parameters
    ----------
    key
        Its key in ``statistics.statistics``.
    """

    key: str
    formula: Text
    source: Text


@dataclass(frozen=True, slots=True)
class Formula:
    """One figure of the night.

    Parameters
    ----------
    key
        Its key in ``statistics.statistics``.
    kind
        ``"time"`` minutes written as hours and minutes, ``"minutes"``, ``"percent"``, ``"count"`` or
        ``"per_hour"``.
    formula, source
        How it is computed and who defines it so.
    others
        Other definitions in use, most common first.
    """

    key: str
    kind: str
    label: Text
    formula: Text
    source: Text = AASM
    others: tuple[Other, ...] = ()


FORMULAS: tuple[Formula, ...] = (
    Formula(
        "trt", "time",
        Text("Recording time (TRT)", "Temps d’enregistrement (TRT)"),
        Text("lights on − lights off", "rallumage − extinction"),
    ),
    Formula(
        "tst", "time",
        Text("Total sleep time (TST)", "Temps total de sommeil (TST)"),
        Text("N1 + N2 + N3 + R", "N1 + N2 + N3 + R"),
    ),
    Formula(
        "se", "percent",
        Text("Sleep efficiency (SE)", "Efficacité du sommeil (SE)"),
        Text("100 · TST / TRT", "100 · TST / TRT"),
        others=(
            Other(
                "se_scored",
                Text("100 · TST / scored time (without the unscored epochs)",
                     "100 · TST / temps coté (sans les époques non cotées)"),
                Text("where parts of the night are unscored",
                     "quand des parties de la nuit ne sont pas cotées"),
            ),
        ),
    ),
    Formula(
        "sme", "percent",
        Text("Sleep maintenance (SME)", "Maintien du sommeil (SME)"),
        Text("100 · TST / SPT", "100 · TST / SPT"),
        source=Text("YASA", "YASA"),
    ),
    Formula(
        "sol", "minutes",
        Text("Sleep onset latency (SOL)", "Latence d’endormissement (SOL)"),
        Text("first epoch of any sleep − lights off", "première époque de sommeil − extinction"),
        others=(
            Other(
                "sol_persistent",
                Text("first 10 min of uninterrupted sleep − lights off",
                     "10 premières minutes de sommeil ininterrompu − extinction"),
                Text("latency to persistent sleep (LPS), drug trials",
                     "latence du sommeil persistant (LPS), essais de médicaments"),
            ),
        ),
    ),
    Formula(
        "spt", "time",
        Text("Sleep period (SPT)", "Période de sommeil (SPT)"),
        Text("from the first to the last epoch of sleep", "de la première à la dernière époque de sommeil"),
        source=Text("YASA", "YASA"),
    ),
    Formula(
        "waso", "minutes",
        Text("Wake after sleep onset (WASO)", "Éveil après l’endormissement (WASO)"),
        Text("TRT − SOL − TST (wake after the last sleep and unscored time count)",
             "TRT − SOL − TST (l’éveil après le dernier sommeil et le temps non coté comptent)"),
        others=(
            Other(
                "wake_in_sleep_period",
                Text("wake between the first and the last sleep",
                     "éveil entre le premier et le dernier sommeil"),
                Text("YASA", "YASA"),
            ),
        ),
    ),
    Formula(
        "wake_after_sleep", "minutes",
        Text("Wake after the last sleep", "Éveil après le dernier sommeil"),
        Text("wake from the last sleep to lights on", "éveil du dernier sommeil au rallumage"),
        source=Text("terminal wakefulness (TWAK)", "éveil terminal (TWAK)"),
    ),
    Formula(
        "rem_latency", "minutes",
        Text("REM latency", "Latence du sommeil paradoxal"),
        Text("first R − first epoch of any sleep", "premier R − première époque de sommeil"),
        others=(
            Other(
                "rem_latency_from_lights_off",
                Text("first R − lights off", "premier R − extinction"),
                Text("YASA, where the recording begins at lights off",
                     "YASA, quand l’enregistrement commence à l’extinction"),
            ),
        ),
    ),
    Formula(
        "n2_latency", "minutes",
        Text("N2 latency", "Latence du N2"),
        Text("first N2 − first epoch of any sleep", "premier N2 − première époque de sommeil"),
        source=Text("usage", "usage"),
    ),
    Formula(
        "n3_latency", "minutes",
        Text("N3 latency", "Latence du N3"),
        Text("first N3 − first epoch of any sleep", "premier N3 − première époque de sommeil"),
        source=Text("usage", "usage"),
    ),
    Formula(
        "awakenings", "count",
        Text("Awakenings", "Éveils"),
        Text("runs of wake between the first and the last sleep",
             "plages d’éveil entre le premier et le dernier sommeil"),
        source=Text("usage", "usage"),
    ),
    Formula(
        "stage_shifts", "count",
        Text("Stage shifts", "Changements de stade"),
        Text("changes from one epoch to the next between the first and the last sleep",
             "changements d’une époque à la suivante entre le premier et le dernier sommeil"),
        source=Text("usage", "usage"),
    ),
    Formula(
        "shifts_per_hour", "per_hour",
        Text("Stage shifts per hour", "Changements de stade par heure"),
        Text("stage shifts / TST (h)", "changements de stade / TST (h)"),
        source=Text("usage", "usage"),
    ),
    Formula(
        "fragmentation", "per_hour",
        Text("Sleep fragmentation index (SFI)", "Indice de fragmentation du sommeil (SFI)"),
        Text("(awakenings + shifts between stages of sleep) / TST (h)",
             "(éveils + changements entre stades de sommeil) / TST (h)"),
        source=Text("Haba-Rubio 2004", "Haba-Rubio 2004"),
        others=(
            Other(
                "fragmentation_n1",
                Text("(awakenings + shifts to N1) / TST (h)", "(éveils + passages en N1) / TST (h)"),
                Text("Morrell 2000", "Morrell 2000"),
            ),
        ),
    ),
    Formula(
        "arousal_index", "per_hour",
        Text("Arousal index", "Indice de micro-éveils"),
        Text("scored arousals from lights off to lights on / TST (h)",
             "micro-éveils cotés de l’extinction au rallumage / TST (h)"),
    ),
)  # fmt: skip
"""Figures of ``statistics.statistics`` in the order shown."""

STAGE_SHARE = Formula(
    "percent", "percent",
    Text("Share of the stage", "Part du stade"),
    Text("100 · time in the stage / TST", "100 · temps dans le stade / TST"),
    others=(
        Other(
            "percent_of_spt",
            Text("100 · time in the stage / SPT", "100 · temps dans le stade / SPT"),
            Text("Rechtschaffen and Kales 1968", "Rechtschaffen et Kales 1968"),
        ),
    ),
)  # fmt: skip
"""Of each stage of sleep: ``n1_percent`` ... ``r_percent``, and ``n1_percent_of_spt`` ..."""
