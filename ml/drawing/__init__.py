"""The curves of a model package as SVG: standard library only, the same bytes for the same numbers.

Every mark has a class, which the pages colour for both themes, and presentation attributes, which draw
the file where no style sheet is (a browser opening it alone, MLflow). No ``style`` attribute: the content
security policy of the pages forbids it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ml.drawing import learning, monitoring
from ml.drawing.canvas import HEIGHT, LOOKS, WIDTH, Canvas
from ml.drawing.captions import TITLES, caption, title
from ml.drawing.charts import CHARTS, Curves

__all__ = ["Curves", "caption", "history", "kinds", "losses", "spread", "svg", "title"]

FONT = "system-ui, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"


def kinds(curves: Curves) -> tuple[str, ...]:
    """Return the kinds of drawing that these curves allow, in the order shown."""
    return tuple(kind for kind in TITLES if kind in curves)


def svg(kind: str, curves: Curves, language: str) -> str:
    """Return one drawing.

    Parameters
    ----------
    kind
        One of :func:`kinds`.
    curves
        As made by ``ml.training.curves.curves``.
    language
        ``"en"`` or ``"fr"`` (anything else is English).

    Raises
    ------
    ValueError
        For a kind that does not exist or that the curves do not hold.
    """
    if kind not in kinds(curves):
        raise ValueError(f"no drawing {kind!r}; these curves allow: {', '.join(kinds(curves))}")
    canvas = Canvas(language)
    CHARTS[kind](canvas, curves[kind], curves)
    name = f"chart-{kind.replace('_', '-')}"
    return _document(canvas, name, title(kind, language), caption(kind, curves, language))


def losses(found: learning.Losses, language: str, name: str) -> tuple[str, str]:
    """Return the drawing of a network's losses per epoch, and what it says in words.

    Parameters
    ----------
    found
        Per fold and epoch: the loss on images learned from, held back, and held back under shift.
    name
        Of the network, in letters, digits and hyphens: a page may show several.
    """
    canvas = Canvas(language)
    learning.draw(canvas, found)
    said = learning.caption(found, language)
    return _document(canvas, f"chart-losses-{name}", learning.TITLE.to(language), said), said


def spread(
    name: str,
    heading: str,
    said: str,
    parts: Sequence[monitoring.Part],
    language: str,
    *,
    unit: str = "",
) -> str:
    """Return the drawing of how a field spreads in a reference and in a window.

    Parameters
    ----------
    name
        Of the field, in letters, digits and hyphens: a page shows several.
    said
        What it shows, in words.
    """
    canvas = Canvas(language)
    monitoring.spread(canvas, parts, unit)
    return _document(canvas, f"chart-spread-{name}", heading, said)


def history(
    name: str,
    heading: str,
    said: str,
    points: Sequence[monitoring.Point | None],
    days: Sequence[str],
    language: str,
    *,
    bars: Sequence[float] = (),
    counted: bool = False,
) -> str:
    """Return the drawing of a figure over the windows, with the bars it may reach; see :func:`spread`."""
    canvas = Canvas(language)
    monitoring.history(canvas, points, days, label=heading, bars=bars, counted=counted)
    return _document(canvas, f"chart-history-{name}", heading, said)


def _document(canvas: Canvas, name: str, heading: str, said: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-labelledby="{name}" font-family="{FONT}">'
        f'<title id="{name}">{escape(heading)}</title>'
        f"<desc>{escape(said)}</desc>"
        f'<rect class="chart-paper" width="{WIDTH}" height="{HEIGHT}" {LOOKS["chart-paper"]}/>'
        f"{''.join(canvas.marks)}</svg>"
    )
