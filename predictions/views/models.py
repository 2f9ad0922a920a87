"""The models: what each is for, where it fails, and its figures with everything needed to believe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from clinic.accounts.roles import Role
from clinic.rules import STAFF, under
from ml import comparisons, drawing, package, registry
from ml.contracts import Contract
from ml.package import BrokenPackage, Package
from predictions import first_read_counts
from predictions.stewardship import outcomes
from predictions.versions import beside, page
from predictions.versions.beside import Beside
from predictions.views import same_cases

# The card's own raw HTML stays text: html is off, and links may lead nowhere but the web.
CARDS = MarkdownIt("commonmark", {"html": False}).enable("table")

CURVES = "curves.json"
COMPARISON = "bench/COMPARISON.md"
"""What a card calls the comparison of its bench, which has a page."""


@dataclass(frozen=True, slots=True)
class Model:
    """An algorithm with its serving package, or why there is none, and what answers beside it."""

    contract: Contract
    package: Package | None
    broken: str
    beside: Sequence[Beside] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """One curve of a package, drawn, and what it says."""

    title: str
    svg: SafeString
    caption: str


@under(STAFF)
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """List the algorithms in the care of patients; to those who run them, the reference tasks after them."""
    runs = request.user.role in (Role.STEWARD, Role.ADMIN)
    listed = [contract for contract in registry.contracts() if contract.clinical or runs]
    everything = [_model(contract) for contract in listed]
    return render(
        request,
        "models/list.html",
        {
            "clinical": [model for model in everything if model.contract.clinical],
            "reference": [model for model in everything if not model.contract.clinical],
        },
    )


@under(STAFF)
@require_safe
def model(request: HttpRequest, algorithm: str) -> HttpResponse:
    """Show one algorithm: its manifest, its curves and its card; of one trained here, a card of its own."""
    if algorithm not in registry.names():
        raise Http404
    contract = registry.contract(algorithm)
    found = _model(contract)
    steward, compared = request.user.role == Role.STEWARD, comparisons.exist(algorithm, found.package)
    context = {
        "model": found,
        "contract": contract,
        "package": found.package,
        "card": _card(algorithm, compared=compared and steward),
        "compared": compared,
        "site": outcomes.card(found.package.manifest) if found.package else None,
        "same_cases": same_cases.shown(algorithm),
        "counts_first_reads": contract.blind_first and steward,
    }
    if found.package:
        context |= page.compared(found.package) | page.curves(found.package)
        context["drawings"] = drawings(context["curves"]) if context["curves"] else []
    if context["counts_first_reads"]:
        context["first_reads"] = first_read_counts.by_unit(algorithm)
    return render(request, "models/page.html", context)


def _model(contract: Contract) -> Model:
    try:
        return Model(contract, package.load(contract.name), "", beside.of(contract.name))
    except BrokenPackage as error:
        return Model(contract, None, str(error))


def drawings(curves: drawing.Curves, *kinds: str) -> list[Drawing]:
    """Draw the curves of a package in the language of the page, all of them or only some kinds."""
    language = get_language() or "en"
    return [
        Drawing(
            drawing.title(kind, language),
            mark_safe(drawing.svg(kind, curves, language)),  # noqa: S308 (every text in it is escaped)
            drawing.caption(kind, curves, language),
        )
        for kind in drawing.kinds(curves)
        if not kinds or kind in kinds
    ]


def _card(algorithm: str, *, compared: bool) -> SafeString:
    path = package.ROOT.parent / "algorithms" / algorithm / "CARD.md"
    if not path.exists():
        return mark_safe("")
    tokens = CARDS.parse(path.read_text("utf-8"))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"  # the page has its own first heading
        if token.type == "table_open":
            token.attrSet("tabindex", "0")  # wide ones scroll, also by keyboard
        if token.children:
            pages = {COMPARISON: reverse("model_comparison", args=[algorithm])} if compared else {}
            token.children = _led_somewhere(token.children, pages)
    html = CARDS.renderer.render(tokens, CARDS.options, {})
    return mark_safe(html)  # noqa: S308 (raw HTML in the card is escaped: html is off)


def _led_somewhere(tokens: list[Token], pages: Mapping[str, str]) -> list[Token]:
    """Return a card's inline tokens without links that lead nowhere from its page.

    A card's relative links lead to files of the repository: to the page that shows such a file where
    there is one, else only their words stay.

    Parameters
    ----------
    pages
        Addresses by relative link.
    """
    kept, dropped = [], False
    for token in tokens:
        if token.type == "link_open":
            target = str(token.attrGet("href"))
            dropped = target not in pages and not target.startswith(("https:", "http:", "mailto:", "#"))
            token.attrSet("href", pages.get(target, target))
        if not (dropped and token.type in ("link_open", "link_close")):
            kept.append(token)
    return kept
