"""A reading room: windows in which X-rays are read, and what can be seen and done in them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset

from clinic.accounts.models import User
from ml.algorithms.chest_xray.voi import window
from patients.models import Patient
from predictions.models import Study
from tests.browser.visiting import Visit, until
from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg

SPACING = 0.2
WEDGE = 8
PATCH = 60
EDGE = 40
DRAWN_MS = 20_000
SMALL = (1000, 560)
"""A small window: what is seen is read pixel by pixel."""


@dataclass
class Room:
    """A radiologist, a child, and windows to read in."""

    url: str
    charlie: User
    child: Patient
    open_window: Any

    def read(self, study: Study, **look: Any) -> Reader:
        """Open a study and wait until it is drawn at its full depth."""
        visit = self.open_window(**look)
        visit.go(reverse("study", args=[study.pk]))
        expect(visit.page.locator("canvas.film").first).to_be_visible()
        expect(visit.page.locator("[data-status]").first).to_have_text("")
        reader = Reader(visit)
        reader.settle()
        return reader


@dataclass
class Reader:
    """Somebody in front of an open study."""

    visit: Visit

    @property
    def page(self) -> Page:
        """The page."""
        return self.visit.page

    @property
    def stage(self) -> Locator:
        """The main image."""
        return self.page.locator("[data-stage]").first

    def press(self, *keys: str) -> None:
        """Press keys with the focus on the image."""
        self.stage.focus()
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def settle(self) -> None:
        """Wait for the next drawing."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def corner(self, name: str, pane: int = 0) -> Locator:
        """Return a corner of an image: level, zoom, flags, title, readout, said."""
        return self.page.locator(f"[data-{name}]").nth(pane)

    def says(self, name: str, pane: int = 0) -> str:
        """Return what stands in a corner of the image at this moment."""
        return self.corner(name, pane).text_content() or ""

    def drag(
        self, dx: int, dy: int, *, button: str = "left", start: tuple[float, float] = (0.5, 0.5)
    ) -> None:
        """Drag over the image from a place given in shares of it."""
        box = self.stage.bounding_box()
        x, y = box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"]
        self.page.mouse.move(x, y)
        self.page.mouse.down(button=button)
        self.page.mouse.move(x + dx / 2, y + dy / 2)
        self.page.mouse.move(x + dx, y + dy)
        self.page.mouse.up(button=button)
        self.settle()

    def seen(self, pane: int = 0) -> np.ndarray:
        """Return what is on the screen where an image is, (height, width, 3)."""
        shot = self.page.locator("canvas.film").nth(pane).screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def inside(self, pane: int = 0) -> np.ndarray:
        """Return the same without the border, where something is written."""
        return self.seen(pane)[EDGE:-EDGE, EDGE:-EDGE]

    def coloured(self, pane: int = 0) -> bool:
        """Return whether there is any colour over an image."""
        return bool(np.ptp(self.inside(pane), axis=2).max() > 5)

    def becomes_coloured(self, pane: int = 0) -> bool:
        """Return whether colour comes over an image; a map is fetched when it is first asked for."""
        return until(self.page, lambda: self.coloured(pane))

    def draws(self, seen: Callable[[], np.ndarray], expected: np.ndarray, tolerance: float) -> None:
        """Wait until a part of the screen is as expected, and say how far it is from that otherwise."""
        until(self.page, lambda: np.allclose(seen(), expected, rtol=0, atol=tolerance), DRAWN_MS)
        np.testing.assert_allclose(seen(), expected, rtol=0, atol=tolerance)

    def at(self, x: float, y: float) -> np.ndarray:
        """Return the colour at a share of an image that fits the pane upright."""
        seen, film = self.seen(), self.page.evaluate("document.querySelector('xray-viewer').main.film.info")
        scale = min(seen.shape[1] / film["width"], seen.shape[0] / film["height"])
        column = seen.shape[1] / 2 + (x - 0.5) * film["width"] * scale
        row = seen.shape[0] / 2 + (y - 0.5) * film["height"] * scale
        return seen[int(row), int(column)]


def chest(**about: Any) -> Dataset:
    """Return a small film with a spacing at the detector."""
    dataset = dx_from_jpeg(phantom(480, 560), bits=12, **about)
    dataset.ImagerPixelSpacing = [SPACING, SPACING]
    return dataset


def wedge(**change: Any) -> Dataset:
    """Return a film of 64 patches from black to white, with a window that clips at both ends."""
    steps = np.linspace(0, 255, WEDGE * WEDGE).reshape(WEDGE, WEDGE)
    dataset = dx_from_jpeg(np.kron(steps, np.ones((PATCH, PATCH))), bits=12)
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 2, -1000, "US"
    dataset.WindowCenter, dataset.WindowWidth = 2500, 3001
    for keyword, value in change.items():
        setattr(dataset, keyword, value)
    return dataset


def grey_of(dataset: Dataset, function: str, **shown: float) -> np.ndarray:
    """Return the grey level of each patch by the analyser's own formula."""
    stored = dataset.pixel_array[PATCH // 2 :: PATCH, PATCH // 2 :: PATCH].astype(float)
    grey = window(stored * 2 - 1000, function=function, **shown)
    return 255 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


def patches(reader: Reader) -> np.ndarray:
    """Return the grey level of each patch on the screen."""
    seen = reader.seen()
    side = min(seen.shape[:2])
    top, left = (seen.shape[0] - side) / 2, (seen.shape[1] - side) / 2
    middle = (np.arange(WEDGE) + 0.5) * side / WEDGE
    return seen[(top + middle).astype(int)][:, (left + middle).astype(int), 0]
