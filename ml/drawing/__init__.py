"""The curves of a model package as SVG: standard library only, the same bytes for the same numbers.

Every mark has a class, which the pages colour for both themes, and presentation attributes, which draw
the file where no style sheet is (a browser opening it alone, MLflow). No ``style`` attribute: the content
security policy of the pages forbids it.
"""

from __future__ import annotations

from html import escape

from ml.drawing.canvas import HEIGHT, LOOKS, WIDTH, Canvas
from ml.drawing.captions import TITLES, caption, title
from ml.drawing.charts import CHARTS, Curves

__all__ = ["Curves", "caption", "kinds", "svg", "title"]

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
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-labelledby="{name}" font-family="{FONT}">'
        f'<title id="{name}">{escape(title(kind, language))}</title>'
        f"<desc>{escape(caption(kind, curves, language))}</desc>"
        f'<rect class="chart-paper" width="{WIDTH}" height="{HEIGHT}" {LOOKS["chart-paper"]}/>'
        f"{''.join(canvas.marks)}</svg>"
    )
