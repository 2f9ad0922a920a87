"""Which algorithms there are, and which package of each serves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Scope
from clinic.rules import STAFF
from ml import package as packages
from ml import registry
from ml.contracts import Contract, InputKind
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.api.serializers import AlgorithmSerializer


class AlgorithmsView(ApiView):
    """``/api/algorithms``."""

    doors = {"GET": Door(STAFF, Scope.READ)}

    @extend_schema(operation_id="algorithms_list", responses={200: AlgorithmSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """List the algorithms with their input fields and serving package."""
        return Response([_described(contract) for contract in registry.contracts()])


def _described(contract: Contract) -> dict[str, Any]:
    try:
        package = packages.load(contract.name)
        version, sha256 = package.version, package.sha256
    except packages.BrokenPackage:
        version = sha256 = ""
    return {
        "name": contract.name,
        "title": contract.title.as_json(),
        "purpose": contract.purpose.as_json(),
        "input_kind": contract.input_kind,
        "unit": contract.unit,
        "queue": contract.queue,
        "submit_roles": contract.submit_roles,
        "sign_roles": contract.sign_roles,
        "suffixes": contract.suffixes,
        "upload_bytes": contract.limits.upload_bytes,
        "study_bytes": contract.limits.request_bytes,
        "max_files": contract.max_files if contract.input_kind is InputKind.FILE else 0,
        "version": version,
        "sha256": sha256,
        "form": [asdict(field) for field in contract.fields],
    }
