"""Which networks staged a night, in words: for pages and documents, without anything that analyses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.contracts import Text

KEY = "networks"
_RAW = Text(
    "Staged by the networks for raw single-channel recordings: the signal looks unfiltered "
    "(log odds {figure}; above 0 is raw).",
    "Stades proposés par les réseaux destinés aux enregistrements bruts à une voie\u00a0: le signal paraît "
    "non filtré (logarithme de la cote {figure}\u00a0; brut au-dessus de 0).",
)
_USUAL = Text(
    "Staged by the ordinary networks: the single EEG looks like the cleaned nights they learned from "
    "(log odds of a raw one {figure}; above 0 is raw).",
    "Stades proposés par les réseaux ordinaires\u00a0: l’unique EEG ressemble aux nuits nettoyées de leur "
    "apprentissage (logarithme de la cote d’un signal brut {figure}\u00a0; brut au-dessus de 0).",
)


def said(result: Mapping[str, Any]) -> Text | None:
    """Say which networks staged a night and why.

    Parameters
    ----------
    result
        From ``predict.predict``, of any release.

    Returns
    -------
    Text or None
        ``None`` where there was nothing to choose: several channels, a package with one kind of networks, or
        a result of before it was written down.
    """
    chosen = result.get(KEY)
    if not chosen or chosen["log_odds"] is None:
        return None
    figure = f"{chosen['log_odds']:+.2f}".replace("-", "\u2212")
    text = _RAW if chosen["raw"] else _USUAL
    return Text(text.en.format(figure=figure), text.fr.format(figure=figure.replace(".", ",")))
