"""The request and response shapes of the two seed projects, kept for the programs that know them.

Answered by a worker: the web process only stores the question and waits for the row.
"""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text
from predictions import access, inquiries
from predictions.api.base import ApiView
from predictions.api.errors import LONGEST_SHOWN, NOT_AN_OBJECT, Unreadable, shown
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer
from predictions.models import InquiryKind

MOST_SAMPLES = 30 * 2000
MOST_APPLICATIONS = 100
NO_SAMPLE = Text(
    "Sample {place} of the signal, counted from 0, is {value}. Send a list of finite numbers, in microvolts.",
    "L’échantillon {place} du signal, compté à partir de 0, est {value}. Envoyez une liste de nombres finis, "
    "en microvolts.",
)
ERRORS = {422: ProblemsSerializer, 503: ProblemsSerializer}


class SignalField(serializers.ListField):
    """Samples; of several that are none the first alone is named, where the framework would name each."""

    child = serializers.FloatField()

    def run_child_validation(self, data: list[Any]) -> list[float]:
        """Return the samples.

        Raises
        ------
        ml.contracts.Refused
            For the first that is no JSON number, or one too large to be a float.
        """
        samples = []
        for place, value in enumerate(data):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _no_sample(self.field_name, place, value)
            try:
                samples.append(float(value))
            except OverflowError as error:
                raise _no_sample(self.field_name, place, value) from error
        return samples


def _no_sample(field: str, place: int, value: Any) -> Refused:
    said = json.dumps(value, ensure_ascii=False)[:LONGEST_SHOWN]
    return Refused(Problem("signal_values", NO_SAMPLE.format(place=place, value=said), f"{field}.{place}"))


class EpochSerializer(serializers.Serializer):
    """One 30 s epoch of an EEG channel."""

    signal = SignalField(min_length=1, max_length=MOST_SAMPLES, help_text="µV")
    sampling_rate = serializers.FloatField(min_value=1, max_value=2000, help_text="Hz")


class StageSerializer(serializers.Serializer):
    """Its stage, in the words of the seed."""

    prediction = serializers.ChoiceField(choices=["Wake", "N1", "N2", "N3", "REM"])
    confidence = serializers.FloatField()
    probabilities = serializers.DictField(child=serializers.FloatField())
    processing_time_ms = serializers.FloatField()


class CreditBatchSerializer(serializers.Serializer):
    """Several applications."""

    data = serializers.ListField(child=serializers.DictField(), max_length=MOST_APPLICATIONS)


class AskingView(ApiView):
    """Base of the views that put a question to a worker."""

    def ask(self, kind: InquiryKind, question: dict[str, Any]) -> Any:
        """Return the worker's answer; who asked what kind of question is recorded, its content is not."""
        record(Action.PREDICT, actor=self.request.user, kind=kind)
        return inquiries.ask(kind, user=self.request.user, question=question)

    def handle_exception(self, exc: Exception) -> Response:
        """Say in words that no worker answered."""
        if isinstance(exc, inquiries.NoAnswer):
            return Response(shown([inquiries.NOBODY_ANSWERS]), status=status.HTTP_503_SERVICE_UNAVAILABLE)
        return super().handle_exception(exc)


class SleepEpochView(AskingView):
    """``/predict`` of the sleep seed."""

    doors = {"POST": Door(access.SLEEP_LABORATORY, Scope.SUBMIT)}

    @extend_schema(
        operation_id="sleep_predict", request=EpochSerializer, responses={200: StageSerializer, **ERRORS}
    )
    def post(self, request: Request) -> Response:
        """Stage one 30 s epoch of raw EEG with the compatibility package; not for reading nights."""
        start = perf_counter()
        sent = EpochSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        answer = self.ask(InquiryKind.SLEEP_EPOCH, dict(sent.validated_data))
        elapsed = round((perf_counter() - start) * 1000, 1)
        return Response({**answer, "processing_time_ms": elapsed})


class SleepModelView(AskingView):
    """``/model-info`` of the sleep seed."""

    doors = {"GET": Door(access.SLEEP_LABORATORY, Scope.READ)}

    @extend_schema(operation_id="sleep_model_info", responses={200: dict, **ERRORS})
    def get(self, request: Request) -> Response:
        """Describe the compatibility package with its own figures."""
        return Response(self.ask(InquiryKind.SLEEP_MODEL, {}))


class CreditView(AskingView):
    """``/api/credit/predict`` of the credit seed."""

    doors = {"POST": Door(access.STEWARDS, Scope.SUBMIT)}

    @extend_schema(operation_id="credit_predict", request=dict, responses={200: dict, **ERRORS})
    def post(self, request: Request) -> Response:
        """Score one application; missing fields are imputed and named."""
        (answer,) = self.ask(InquiryKind.CREDIT, {"data": [_application(request.data)]})
        if answer["status"] != "ok":
            raise Refused(*(Problem.from_json(problem) for problem in answer["problems"]))
        return Response(_shown(answer))


class CreditBatchView(AskingView):
    """``/api/credit/predict/batch`` of the credit seed."""

    doors = {"POST": Door(access.STEWARDS, Scope.SUBMIT)}

    @extend_schema(
        operation_id="credit_predict_batch", request=CreditBatchSerializer, responses={200: dict, **ERRORS}
    )
    def post(self, request: Request) -> Response:
        """Score up to a hundred applications, each with its own status, in order."""
        sent = CreditBatchSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        answers = self.ask(InquiryKind.CREDIT, {"data": sent.validated_data["data"]})
        return Response({"predictions": [_shown(answer) for answer in answers]})


def _application(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Unreadable(NOT_AN_OBJECT)
    return dict(data)


def _shown(answer: dict[str, Any]) -> dict[str, Any]:
    problems = [Problem.from_json(problem) for problem in answer["problems"]]
    return {**answer, **shown(problems)}
