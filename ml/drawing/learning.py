"""How a network learned: its losses per epoch, one line per fold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

from ml.contracts import Text
from ml.drawing.canvas import Canvas, Frame, round_up
from ml.drawing.numbers import number

LOOKS = ("chart-model", "chart-second", "chart-first")
NAMES = (
    Text("learned from", "apprises"),
    Text("held back", "mises de côté"),
    Text("under shift", "altérées"),
)
EPOCH, LOSS = Text("Epoch", "Époque"), Text("Loss", "Perte")
TITLE = Text("Losses per epoch", "Pertes par époque")
CAPTION = Text(
    "Loss at the last epoch, first fold: {learned} on the images learned from, {held} on those held back, "
    "{shifted} on these under shift. Best epochs of the folds: {best}.",
    "Perte à la dernière époque du premier pli : {learned} sur les images apprises, {held} sur celles "
    "mises de "
    "côté, {shifted} sur celles-ci altérées. Meilleures époques des plis : {best}.",
)
CUT = Text(
    " The scale ends at {top}; the highest loss, {highest}, lies above it.",
    " L’échelle s’arrête à {top}\u202f; la perte la plus élevée, {highest}, la dépasse.",
)
DIGITS = 2
MOST = 0.9
"""Share of the losses that the scale is made for: the first epochs of an untrained head would flatten it."""

Losses = Sequence[Sequence[Sequence[float]]]
"""Per fold and epoch: the loss on images learned from, held back, and held back under shift."""


def draw(canvas: Canvas, losses: Losses) -> None:
    """Draw the losses of every fold."""
    to = canvas.language
    epochs = max(map(len, losses))
    frame = Frame(canvas, (1, max(2, epochs)), (0, _top(losses)))
    frame.axes(EPOCH.to(to), LOSS.to(to), x_factor=1, y_factor=1, x_whole=True)
    for fold in losses:
        for look, loss in zip(LOOKS, zip(*fold, strict=True), strict=True):
            frame.line(range(1, len(fold) + 1), loss, look)
        frame.point(1 + _best(fold), fold[_best(fold)][-1])
    canvas.legend(*((look, name.to(to)) for look, name in zip(LOOKS, NAMES, strict=True)))


def caption(losses: Losses, language: str) -> str:
    """Return what the drawing says, in words."""
    learned, held, shifted = (number(loss, DIGITS, language) for loss in losses[0][-1])
    best = ", ".join(str(1 + _best(fold)) for fold in losses)
    said = CAPTION.to(language).format(learned=learned, held=held, shifted=shifted, best=best)
    top, highest = _top(losses), _all(losses)[-1]
    if highest <= top:
        return said
    cut = {"top": number(top, DIGITS, language), "highest": number(highest, DIGITS, language)}
    return said + CUT.to(language).format(**cut)


def _all(losses: Losses) -> list[float]:
    """Return every loss, the least first."""
    return sorted(chain.from_iterable(chain.from_iterable(losses)))


def _top(losses: Losses) -> float:
    """Return where the scale ends."""
    everything = _all(losses)
    return round_up(everything[math.ceil(MOST * len(everything)) - 1], top=math.inf)


def _best(fold: Sequence[Sequence[float]]) -> int:
    """Return the epoch of least loss under shift, the one that was kept."""
    return min(range(len(fold)), key=lambda epoch: fold[epoch][-1])
