"""The whole bench, stage after stage, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

from ml.algorithms.chest_xray.bench import stages
from ml.algorithms.chest_xray.bench.comparison import as_json, tables
from ml.algorithms.chest_xray.bench.reasons import sentences
from ml.algorithms.chest_xray.bench.report import markdown
from ml.algorithms.chest_xray.bench.settings import Bench
from ml.algorithms.chest_xray.bench.stages import Found
from ml.algorithms.chest_xray.bench.tuning import tune
from ml.training.comparison import FILE

REPORT = "COMPARISON.md"
HERE = Path(__file__).parent


def run(
    asked: Bench, data: Path, folder: Path, *, candidates_only: bool, trials: int, publish: bool
) -> Path:  # fmt: skip
    """Run the stages asked for and write the comparison; return where it can be read.

    Parameters
    ----------
    folder
        Keeps every run and what it needs; a bench that was stopped goes on there.
    trials
        Of the search from the chosen candidate; 0: none.
    publish
        Write the comparison beside the code, not into the folder.

    Raises
    ------
    ml.algorithms.chest_xray.bench.settings.WrongSetting, ml.training.data.DataMissing
        Before anything is trained.
    """
    stages.check(asked, data)
    found = stages.candidates(asked, stages.workshop(asked, data, folder))
    if not candidates_only:
        found = stages.challengers(asked, found)
        if trials:
            found = tune(asked, found, trials)
        found = stages.finalists(asked, found)
    return _write(HERE if publish else folder, found, asked)


def _write(folder: Path, found: Found, asked: Bench) -> Path:
    judged = tables(found, asked)
    document = as_json(found, judged, sentences(found, judged, asked))
    (folder / FILE).write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
    report = folder / REPORT
    report.write_text(markdown(document), "utf-8")
    return report
