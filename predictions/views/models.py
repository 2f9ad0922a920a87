"""The models: what each is for, where it fails, and its figures with everything needed to believe them."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt

from clinic.accounts.roles import Role
from ml import comparisons, drawing, package, registry
from ml.contracts import Contract
from ml.package import BrokenPackage, Package
from predictions import first_read_counts
from predictions.stewardship import outcomes

# The card's own raw HTML stays text: html is off, and links may lead nowhere but the web.
CARDS = MarkdownIt("commonmark", {"html": False}).enable("table")

CURVES = "curves.json"


@dataclass(frozen=True, slots=True)
class Model:
    """An algorithm with its serving package, or why there is none."""

    contract: Contract
    package: Package | None
    broken: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """One curve of a package, drawn, and what it says."""

    title: str
    svg: SafeString
    caption: str


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """List every algorithm, the clinical ones first."""
    everything = [_model(contract) for contract in registry.contracts()]
    return render(
        request,
        "models/list.html",
        {
            "clinical": [model for model in everything if model.contract.clinical],
            "reference": [model for model in everything if not model.contract.clinical],
        },
    )


@require_safe
def model(request: HttpRequest, algorithm: str) -> HttpResponse:
    """Show one algorithm: its manifest, its curves and its card; of one trained here, a card of its own."""
    if algorithm not in registry.names():
        raise Http404
    contract = registry.contract(algorithm)
    found = _model(contract)
    files = found.package.manifest["files"] if found.package else {}
    curves = found.package.json(CURVES) if CURVES in files else None
    context = {
        "model": found,
        "contract": contract,
        "package": found.package,
        "card": _card(algorithm),
        "curves": curves,
        "drawings": drawings(curves) if curves else [],
        "compared": comparisons.exist(algorithm, found.package),
        "site": outcomes.card(found.package.manifest) if found.package else None,
        "counts_first_reads": contract.blind_first and request.user.role == Role.STEWARD,
    }
    if context["counts_first_reads"]:
        context["first_reads"] = first_read_counts.by_unit(algorithm)
    return render(request, "models/page.html", context)


def _model(contract: Contract) -> Model:
    try:
        return Model(contract, package.load(contract.name), "")
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


def _card(algorithm: str) -> SafeString:
    path = package.ROOT.parent / "algorithms" / algorithm / "CARD.md"
    if not path.exists():
        return mark_safe("")
    tokens = CARDS.parse(path.read_text("utf-8"))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"  # the page has its own first heading
        if token.type == "table_open":
            token.attrSet("tabindex", "0")  # wide ones scroll, also by keyboard
    html = CARDS.renderer.render(tokens, CARDS.options, {})
    return mark_safe(html)  # noqa: S308 (raw HTML in the card is escaped: html is off)
