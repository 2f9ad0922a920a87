"""Synthetic births as the CSV file a hospital would export, with the mapping of its columns beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ml.algorithms.haemorrhage.simulate import Births
from ml.algorithms.haemorrhage.synthetic import LABEL
from ml.contracts import Text

MAPPING = "mapping.yaml"
SYNTHETIC = Text("synthetic", "synthetique")
GESTATION = "gestation_weeks"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: the field it fills, its heading in both languages, its unit."""

    field: str
    heading: Text
    unit: str = ""


COLUMNS = (
    Column("mother", Text("mother_id", "id_mere")),
    Column("admission_at", Text("admission_date", "date_admission")),
    Column("birth_date", Text("mother_birth_date", "date_naissance_mere")),
    Column("gravidity", Text("gravidity", "gestite")),
    Column("parity", Text("parity", "parite")),
    Column(GESTATION, Text("gestation", "terme"), "weeks+days"),
    Column("height_cm", Text("height_cm", "taille_cm"), "cm"),
    Column("weight_kg", Text("pre_pregnancy_weight_kg", "poids_avant_grossesse_kg"), "kg"),
    Column("fetuses", Text("fetuses", "nombre_foetus")),
    Column("estimated_fetal_weight_g", Text("estimated_fetal_weight_g", "poids_foetal_estime_g"), "g"),
    Column("previous_caesareans", Text("previous_caesareans", "cesariennes_anterieures")),
    Column("previous_pph", Text("previous_pph", "antecedent_hpp")),
    Column("placenta", Text("placenta", "placenta")),
    Column("antepartum_bleeding", Text("antepartum_bleeding", "hemorragie_antepartum")),
    Column("preeclampsia", Text("preeclampsia", "preeclampsie")),
    Column("severe_preeclampsia", Text("severe_preeclampsia_or_hellp", "preeclampsie_severe_ou_hellp")),
    Column("gestational_hypertension", Text("gestational_hypertension", "hta_gravidique")),
    Column("gestational_diabetes", Text("gestational_diabetes", "diabete_gestationnel")),
    Column("polyhydramnios", Text("polyhydramnios", "hydramnios")),
    Column("fibroids", Text("fibroids", "fibromes")),
    Column("anticoagulant", Text("anticoagulant", "anticoagulant")),
    Column("bleeding_disorder", Text("bleeding_disorder", "trouble_hemostase")),
    Column("chorioamnionitis", Text("chorioamnionitis", "chorioamniotite")),
    Column("fetal_death", Text("fetal_death", "mfiu")),
    Column("art", Text("art", "amp")),
    Column("onset", Text("onset_of_labour", "debut_travail")),
    Column("haemoglobin", Text("haemoglobin_g_dl", "hemoglobine_g_dl"), "g/dL"),
    Column("platelets", Text("platelets_g_l", "plaquettes_g_l"), "G/L"),
    Column("blood_loss_ml", Text("blood_loss_ml", "pertes_sanguines_ml"), "mL"),
)
FRENCH_WORDS = {
    "yes": "oui",
    "no": "non",
    "none": "aucune",
    "pph_500": ">=500",
    "pph_1000": ">=1000",
    "accreta": "suspicion d'accreta",
    "spontaneous": "spontané",
    "induced": "déclenché",
    "planned_caesarean": "césarienne programmée",
}


def write(births: Births, out: Path, *, language: str = "en", force: bool = False) -> Path:
    """Write the births to ``out`` and their mapping beside it.

    Parameters
    ----------
    language
        ``"en"``: comma and decimal point, ISO dates; ``"fr"``: semicolon and decimal comma, dd/mm/yyyy, as
        French spreadsheets write.
    force
        Write over another mapping beside ``out``.

    Returns
    -------
    Path
        The mapping's file.

    Raises
    ------
    FileExistsError
        When a mapping of other columns lies there, such as a hospital's own; nothing is written then.
    """
    french = language == "fr"
    table = _table(births.values, french=french)
    table[SYNTHETIC.to(language)] = "oui" if french else "yes"
    mapping = out.with_name(MAPPING)
    columns = yaml.safe_dump(mapping_of(language), allow_unicode=True, sort_keys=False)
    written = f"# {LABEL.en}\n# {LABEL.fr}\n{columns}".encode()
    if not force and mapping.exists() and mapping.read_bytes() != written:
        raise FileExistsError(
            f"{mapping} is there already and maps other columns: choose another folder, or write over it "
            "with --force"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(out, index=False, sep=";" if french else ",", encoding="utf-8")
    mapping.write_bytes(written)
    return mapping


def mapping_of(language: str) -> dict[str, Any]:
    """Return the mapping of the columns that :func:`write` writes."""
    columns: dict[str, Mapping[str, str]] = {}
    for column in COLUMNS:
        unit = {"unit": column.unit} if column.unit else {}
        columns[column.field] = {"column": column.heading.to(language), **unit}
    outcome = {"definition": LABEL.to(language), "window_hours": 24}
    return {"synthetic": True, "columns": columns, "outcome": outcome}


def _table(values: pd.DataFrame, *, french: bool) -> pd.DataFrame:
    written = values.assign(**{GESTATION: _gestation(values)})
    found = {}
    for column in COLUMNS:
        cells = written[column.field].map(lambda cell: _cell(cell, french=french), na_action="ignore")
        found[column.heading.fr if french else column.heading.en] = cells
    return pd.DataFrame(found)


def _gestation(values: pd.DataFrame) -> pd.Series:
    weeks, days = values["gestation_weeks"], values["gestation_days"]
    joined = weeks.astype(str) + days.map(lambda d: f"+{d}", na_action="ignore").fillna("")
    return joined.where(weeks.notna(), None)


def _cell(value: Any, *, french: bool) -> str:
    if hasattr(value, "strftime"):
        moment = hasattr(value, "hour")
        day = "%d/%m/%Y" if french else "%Y-%m-%d"
        return value.strftime(f"{day} %H:%M" if moment else day)
    if isinstance(value, str):
        return FRENCH_WORDS.get(value, value) if french else value
    return str(value).replace(".", ",") if french else str(value)
