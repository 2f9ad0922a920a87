"""Ours: exact risk, interval and Shapley values; and the whole way from the form to the report."""

from __future__ import annotations

from pathlib import Path

from bench.haemorrhage.rows import ROWS_PER_CALL, batch, loaded, sources
from bench.measuring import Samples, cpu_ms
from ml import package as packages
from ml import registry, runner
from ml.algorithms.haemorrhage.batch import risks


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per admission, and per batch of 10,000, warm."""
    package = packages.load("haemorrhage")
    predict = registry.door("haemorrhage", "predict").predict
    explain = registry.door("haemorrhage", "explain").explain
    admissions, forms, many = loaded(package), sources(), batch(folder)

    def figure_and_reasons() -> None:
        for admission in admissions:
            explain(package, admission, predict(package, admission))

    results = [predict(package, admission) for admission in admissions]

    def reasons_alone() -> None:
        for admission, result in zip(admissions, results, strict=True):
            explain(package, admission, result)

    def form_to_report() -> None:
        for form in forms:
            runner.run("haemorrhage", form)

    def ten_thousand() -> None:
        risks(package, many, explain=True)

    figure_and_reasons()
    ten_thousand()
    reasons_alone()
    form_to_report()
    return {
        "row_cpu_ms": [spent / ROWS_PER_CALL for spent in cpu_ms(figure_and_reasons, repeats)],
        "explain_row_cpu_ms": [spent / ROWS_PER_CALL for spent in cpu_ms(reasons_alone, repeats)],
        "batch_interval_cpu_ms": cpu_ms(ten_thousand, repeats),
        "whole_row_cpu_ms": [spent / ROWS_PER_CALL for spent in cpu_ms(form_to_report, repeats)],
    }
