"""The test bench through the API: send an invented input, hear what came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Scope
from predictions.access import STEWARDS
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer
from predictions.testbench import selectors, services
from predictions.testbench.models import LARGEST_SEED, BenchRun, Sample


class NewBenchRunSerializer(serializers.Serializer):
    """What is to be sent."""

    sample = serializers.CharField(help_text=", ".join(Sample.values))
    seed = serializers.IntegerField(
        min_value=0, max_value=LARGEST_SEED, required=False, help_text="Drawn when left out"
    )


class BenchRunSerializer(serializers.Serializer):
    """A test and what came of it; never anything of a patient."""

    id = serializers.UUIDField()
    test = serializers.BooleanField(help_text="Always true: no patient stands behind it")
    sample = serializers.CharField()
    algorithm = serializers.CharField()
    seed = serializers.IntegerField()
    state = serializers.CharField(help_text="queued, running, done, refused or failed")
    queued_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    latencies_ms = serializers.DictField(
        child=serializers.FloatField(),
        help_text="wait, make, load, predict, explain; the network of chest_xray runs in load",
    )
    answered = serializers.CharField(help_text="ok, or refused; empty before an answer")
    as_expected = serializers.BooleanField(allow_null=True)
    package_version = serializers.CharField()
    package_sha256 = serializers.CharField()
    made = serializers.JSONField(help_text="What the input was made of")
    answer = serializers.JSONField()
    report = serializers.JSONField()
    problems = serializers.JSONField()


class BenchView(ApiView):
    """``/api/testbench``."""

    doors = {"GET": Door(STEWARDS, Scope.READ), "POST": Door(STEWARDS, Scope.SUBMIT)}

    @extend_schema(operation_id="testbench_list", responses={200: BenchRunSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """List the tests of the last week, latest first."""
        return Response([as_json(run) for run in selectors.runs()])

    @extend_schema(
        operation_id="testbench_send",
        request=NewBenchRunSerializer,
        responses={202: BenchRunSerializer, 400: ProblemsSerializer, 422: ProblemsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Have a worker make an input and send it through the live queue."""
        given = NewBenchRunSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = services.send(user=request.user, **given.validated_data)
        return Response(as_json(run), status=status.HTTP_202_ACCEPTED)


class BenchRunView(ApiView):
    """``/api/testbench/<id>``."""

    doors = {"GET": Door(STEWARDS, Scope.READ)}

    @extend_schema(
        operation_id="testbench_retrieve", responses={200: BenchRunSerializer, 404: ProblemsSerializer}
    )
    def get(self, request: Request, bench_run_id: UUID) -> Response:
        """Tell how one test went."""
        return Response(as_json(selectors.get_or_404(bench_run_id)))


def as_json(run: BenchRun) -> dict[str, Any]:
    """Return a test as the API and the command say it."""
    fields = {
        **{name: getattr(run, name) for name in _COPIED},
        "test": True,
        "latencies_ms": selectors.latencies(run),
        "as_expected": selectors.as_expected(run),
    }
    return dict(BenchRunSerializer(fields).data)


_COPIED = (
    "id", "sample", "algorithm", "seed", "state", "queued_at", "finished_at", "answered", "package_version",
    "package_sha256", "made", "answer", "report", "problems",
)  # fmt: skip
