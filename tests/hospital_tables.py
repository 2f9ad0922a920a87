"""A hospital's table for tests: simulated births, and what can be done to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ml.algorithms.haemorrhage import simulate, simulated_csv
from ml.algorithms.haemorrhage.mapping import Mapping


class Table:
    """A CSV file with its mapping; cells are strings, as in the file."""

    def __init__(self, folder: Path, n: int, *, language: str = "en", **births: Any) -> None:
        self.path = folder / "births.csv"
        written = simulated_csv.write(simulate.births(n, **births), self.path, language=language)
        self.mapping: dict[str, Any] = yaml.safe_load(written.read_text("utf-8"))
        self.separator = ";" if language == "fr" else ","
        self.cells = pd.read_csv(
            self.path, sep=self.separator, dtype=object, keep_default_na=False, encoding="utf-8"
        )

    def column(self, field: str) -> str:
        """Return the name of a field's column."""
        return self.mapping["columns"][field]["column"]

    def month(self, wanted: str) -> pd.Series:
        """Return which rows are of a month, ``"2025-03"``."""
        return self.cells[self.column("admission_at")].str.startswith(wanted)

    def write(self, path: Path, encoding: str = "utf-8") -> Path:
        """Write the table as it is now."""
        self.cells.to_csv(path, index=False, sep=self.separator, encoding=encoding)
        return path

    def columns(self) -> Mapping:
        """Return the mapping as it is now."""
        return Mapping.from_mapping(self.mapping)

    def copy(self) -> Table:
        """Return a table that can be changed without changing this one."""
        other = object.__new__(Table)
        other.path, other.separator = self.path, self.separator
        other.cells = self.cells.copy()
        other.mapping = yaml.safe_load(yaml.safe_dump(self.mapping))
        return other
