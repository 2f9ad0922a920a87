"""Oxygen, breathing, spindles and slow waves of a night as shown, each figure with its formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from ml.algorithms.sleep import indices
from predictions.workspaces.sleep.scoring import Hypnogram

Row = dict[str, Any]


def sections(hypnogram: Hypnogram) -> list[dict[str, Any]]:
    """Return what was screened for in a night, over the sleep of ``hypnogram``.

    Returns
    -------
    list of dict
        ``title``, ``label`` of the channel, ``rows`` (``label``, ``value``, ``unit``, ``digits``,
        ``formula``), ``reasons`` (texts) why it is to be read with care, ``screening`` whether it is
        called so. Nothing for what was not recorded.
    """
    result = hypnogram.prediction.result
    lights = {"lights_off": hypnogram.lights_off, "lights_on": hypnogram.lights_on}
    made = []
    if found := result.get("oxygen"):
        figures = indices.oxygen(found, hypnogram.stages, **lights)
        made.append(_section(_("Oxygen"), found, _oxygen(figures), found["gate"]["reasons"]))
    if found := result.get("breathing"):
        figures = indices.breathing(found, hypnogram.stages, **lights)
        made.append(_section(_("Breathing"), found, _breathing(figures), found["gate"]["reasons"]))
    if found := result.get("microstructure"):
        figures = indices.microstructure(found, hypnogram.stages, **lights)
        rows = [*_waves(_("Spindles"), figures["spindles"]), *_waves(_("Slow waves"), figures["slow_waves"])]
        made.append(_section(_("Spindles and slow waves"), found, rows, found["reasons"]))
    return made


def _section(title: str, found: Mapping[str, Any], rows: list[Row], reasons: list[Any]) -> dict[str, Any]:
    return {"title": title, "label": found.get("label", ""), "rows": rows, "reasons": reasons}


def _row(label: str, value: float | None, unit: str, digits: int, formula: str) -> Row:
    return {"label": label, "value": value, "unit": unit, "digits": digits, "formula": formula}


def _oxygen(found: Mapping[str, Any]) -> list[Row]:
    over = _("per hour of sleep") if found["of"] == "sleep" else _("per hour of recording")
    time = (
        _("of the time asleep with a reading") if found["of"] == "sleep" else _("of the time with a reading")
    )
    fall = _("falls of at least {n} points / hours: {over}")
    reading = _("per hour with a reading")
    return [
        _row("ODI 3 %", found["odi3"]["per_hour"], "/h", 1, fall.format(n=3, over=over)),
        _row("", found["odi3_of_reading"], "/h", 1, fall.format(n=3, over=reading)),
        _row("ODI 4 %", found["odi4"]["per_hour"], "/h", 1, fall.format(n=4, over=over)),
        _row("", found["odi4_of_reading"], "/h", 1, fall.format(n=4, over=reading)),
        _row("T90", found["t90_percent"], "%", 1, _("time below 90 %, share {time}").format(time=time)),
        _row("", found["t90_minutes"], "min", 1, _("time below 90 %, in minutes")),
        _row(_("Mean saturation"), found["mean"], "%", 1, _("mean {time}").format(time=time)),
        _row(_("Lowest saturation"), found["nadir"], "%", 0, _("lowest {time}").format(time=time)),
    ]


def _breathing(found: Mapping[str, Any]) -> list[Row]:
    over = _("per hour of sleep") if found["of"] == "sleep" else _("per hour of recording")
    return [
        _row(
            _("Flow events"),
            found["per_hour"],
            "/h",
            1,
            _("(apnoeas + hypopnoeas) / hours: {over}").format(over=over),
        ),
        _row(_("Apnoeas"), found["apnoeas"], "", 0, _("flow reduced by at least 90 % for at least 10 s")),
        _row("", found["without_effort"], "", 0, _("of them without effort of chest or belly")),
        _row(
            _("Hypopnoeas"),
            found["hypopnoeas"],
            "",
            0,
            _("flow reduced by at least 30 % for at least 10 s, with a fall of at least 3 points"),
        ),
        _row(_("Longest"), found["longest_s"], "s", 0, _("longest event that is counted")),
        _row(
            _("Hypoxic burden"),
            found["burden"],
            _("%·min/h"),
            1,
            _("area of the falls that belong to events / hours of sleep (Azarbarzin 2019)"),
        ),
    ]


def _waves(name: str, found: Mapping[str, Mapping[str, float | None]]) -> list[Row]:
    both = found["n2_n3"]
    rows = [
        _row(
            f"{name}, {stage}",
            found[key]["per_minute"],
            "/min",
            2,
            _("count / minutes of the stage searched"),
        )
        for key, stage in (("n2", "N2"), ("n3", "N3"))
    ]
    means = (
        ("duration", _("mean duration"), "s", 2),
        ("frequency", _("mean frequency"), "Hz", 1),
        ("amplitude", _("mean amplitude"), "µV", 0),
    )
    return rows + [
        _row("", both[key], unit, digits, f"{label}, N2 + N3")
        for key, label, unit, digits in means
        if both[key] is not None
    ]
