"""The page on which a steward says what each column of a table is."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml.contracts import Problem, Refused
from predictions.stewardship import columns, selectors, services, table
from predictions.stewardship.access import TRAININGS
from predictions.stewardship.models import Training
from predictions.stewardship.states import PREPARED, State
from predictions.storage import storage, takes
from predictions.uploads import NO_FILE

UNPROCESSABLE = 422


@under(TRAININGS)
@require_http_methods(["GET", "HEAD", "POST"])
def training_columns(request: HttpRequest, algorithm: str, training_id: uuid.UUID) -> HttpResponse:
    """Show and take what each column is; a complete answer sends the table to be read."""
    found = selectors.get_or_404(algorithm, training_id)
    if found.state not in PREPARED:
        return redirect("training", algorithm, found.pk)
    if request.method != "POST":
        record(Action.VIEW, actor=request.user, kind="training", object_id=str(found.pk))
        return _page(request, found, found.mapping, found.problem_list)
    mapping, problems = _posted(request, found)
    try:
        if problems:
            raise Refused(*problems)
        if found.state == State.CHECKED:
            services.rename(training=found)
        services.keep_mapping(training=found, mapping=mapping)
        services.describe(user=request.user, training=found, mapping=mapping)
    except Refused as refusal:
        return _page(request, found, mapping, refusal.problems, status=UNPROCESSABLE)
    return redirect("training", algorithm, found.pk)


@under(TRAININGS)
@require_POST
def training_columns_check(request: HttpRequest, algorithm: str, training_id: uuid.UUID) -> HttpResponse:
    """Keep the answers so far and say what is wrong with them, each thing at its column."""
    found = selectors.get_or_404(algorithm, training_id)
    if found.state not in PREPARED:
        raise Http404
    mapping, problems = _posted(request, found)
    services.keep_mapping(training=found, mapping=mapping)
    problems = problems or columns.check(algorithm, found.header, mapping)
    context = _context(found, mapping, problems)
    trigger = request.headers.get("HX-Trigger-Name", "")
    changed = trigger.removeprefix("f-")
    context["changed"] = int(changed) if trigger != changed and changed.isdecimal() else -1
    return render(request, "stewardship/columns_live.html", context)


@under(TRAININGS)
@require_safe
def training_mapping(request: HttpRequest, algorithm: str, training_id: uuid.UUID) -> HttpResponse:
    """Give out the mapping as a file, for the next export or the command line."""
    found = selectors.get_or_404(algorithm, training_id)
    response = HttpResponse(columns.as_yaml(found.mapping), content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="mapping.yaml"'
    return response


@under(TRAININGS)
@takes(columns.LARGEST_MAPPING)
@require_POST
def training_mapping_upload(request: HttpRequest, algorithm: str, training_id: uuid.UUID) -> HttpResponse:
    """Take a mapping written before."""
    found = selectors.get_or_404(algorithm, training_id)
    if found.state not in PREPARED:
        raise Http404
    try:
        mapping = columns.normal(algorithm, _uploaded(request))
        missing = columns.missing(found.header, mapping)
    except Refused as refusal:
        answers = _posted(request, found)[0] if "f-0" in request.POST else found.mapping
        services.keep_mapping(training=found, mapping=answers)
        return _page(request, found, answers, (), status=UNPROCESSABLE, file_problems=refusal.problems)
    if found.state == State.CHECKED:
        services.rename(training=found)
    services.keep_mapping(training=found, mapping=columns.marked(algorithm, _head(found), mapping))
    if missing is None:
        messages.success(request, _("The mapping was read. Look through the columns, then go on."))
    else:
        messages.warning(request, missing.message.to(get_language() or "en"))
    return redirect("training_columns", algorithm, found.pk)


def _posted(request: HttpRequest, found: Training) -> tuple[dict[str, Any], list[Problem]]:
    """Read the answers of the page; births that say they are simulated stay so."""
    mapping, problems = columns.posted(found.algorithm, found.header, request.POST)
    return columns.marked(found.algorithm, _head(found), mapping), problems


def _head(found: Training) -> table.Head:
    with storage.local(found.stored_name) as path:
        return table.read_head(found.algorithm, path)


def _uploaded(request: HttpRequest) -> dict[str, Any]:
    upload = request.FILES.get("file")
    if upload is None:
        raise Refused(NO_FILE)
    if upload.received.problem:
        raise Refused(upload.received.problem)
    with upload.received.reader() as stream:
        return columns.from_yaml(stream.read())


def _page(
    request: HttpRequest,
    found: Training,
    mapping: Mapping[str, Any],
    problems: Sequence[Problem],
    *,
    status: int = 200,
    file_problems: Sequence[Problem] = (),
) -> HttpResponse:
    problems = list(problems) or columns.check(found.algorithm, found.header, mapping)
    context = _context(found, mapping, problems)
    refused = status == UNPROCESSABLE and not file_problems
    context |= {"file_problems": file_problems, "refused": refused}
    if refused and not context["problems"]:
        # A long table: the browser goes to the first thing to correct.
        context["first"] = next((row.index for row in context["rows"] if row.problems), None)
    return render(request, "stewardship/columns.html", context, status=status)


def _context(found: Training, mapping: Mapping[str, Any], problems: Sequence[Problem]) -> dict[str, Any]:
    head = _head(found)
    rows = columns.rows(found.algorithm, head, mapping, problems)
    return {
        "training": found,
        "contract": found.contract,
        "rows": rows,
        "named": sum(bool(row.field) for row in rows),
        "choices": columns.choices(found.algorithm),
        "mapping": mapping,
        "marked": columns.door(found.algorithm).simulated(head.header, head.rows),
        "missing": "; ".join(mapping.get("missing") or ()),
        "problems": columns.unplaced(rows, problems),
        "count": len(problems),
    }
