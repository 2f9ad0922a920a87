"""What runs beside the versions in service, through the API: as its reader sees it on the page."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Role, Scope
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer
from predictions.deployments import access, figures
from predictions.deployments.answering import ENDED
from predictions.deployments.models import Allocation, Deployment, Mode

MOST_LISTED = 100


class DeploymentSerializer(serializers.ModelSerializer):
    """One version in one unit, under one mode, from its proposal to its end."""

    unit = serializers.SlugRelatedField(slug_field="code", read_only=True)
    mode = serializers.CharField(help_text="shadow, silent or canary")
    standing = serializers.CharField(help_text="proposed, running, declined, withdrawn or ended")
    proposed_by = serializers.SerializerMethodField()
    decided_by = serializers.SerializerMethodField(help_text="Empty before, and for a shadow")
    ended_by = serializers.SerializerMethodField(help_text="Empty before")

    class Meta:
        model = Deployment
        fields = (
            "id", "algorithm", "unit", "version", "package_sha256", "mode", "share", "standing", "reason",
            "proposed_by", "proposed_at", "decided_by", "decided_at", "decision_reason",
            "confirmed_threshold", "started_at", "ended_by", "ended_at", "end_reason",
        )  # fmt: skip

    @extend_schema_field(serializers.CharField())
    def get_proposed_by(self, deployment: Deployment) -> str:
        """Return who proposed it."""
        return deployment.proposed_by.label

    @extend_schema_field(serializers.CharField())
    def get_decided_by(self, deployment: Deployment) -> str:
        """Return who decided on it."""
        return deployment.decided_by.label if deployment.decided_by else ""

    @extend_schema_field(serializers.CharField())
    def get_ended_by(self, deployment: Deployment) -> str:
        """Return who ended it."""
        return deployment.ended_by.label if deployment.ended_by else ""


class DeploymentFiguresSerializer(DeploymentSerializer):
    """A deployment with what it came to."""

    allocated = serializers.IntegerField(help_text="Studies it was drawn to answer")
    fell_back = serializers.IntegerField(help_text="Of these, answered by the version in service instead")
    comparisons = serializers.ListField(
        child=serializers.DictField(),
        help_text="Of a shadow, for stewards: beside each version that answered the studies it followed",
    )

    class Meta(DeploymentSerializer.Meta):
        fields = (*DeploymentSerializer.Meta.fields, "allocated", "fell_back", "comparisons")


class DeploymentsView(ApiView):
    """``/api/deployments``."""

    doors = {"GET": Door(access.DEPLOYMENTS, Scope.READ)}

    @extend_schema(operation_id="deployments_list", responses={200: DeploymentSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """List the latest deployments; whoever signs in a unit learns of those that answer there."""
        found = access.for_user(request.user)[:MOST_LISTED]
        return Response(DeploymentSerializer(found, many=True).data)


class DeploymentView(ApiView):
    """``/api/deployments/<id>``."""

    doors = {"GET": Door(access.DEPLOYMENT, Scope.READ)}

    @extend_schema(
        operation_id="deployments_retrieve",
        responses={200: DeploymentFiguresSerializer, 404: ProblemsSerializer},
    )
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """Read one deployment and how many studies it got."""
        found = access.get_or_404(request.user, deployment_id)
        return Response(DeploymentSerializer(found).data | _figures(request, found))


def _figures(request: Request, found: Deployment) -> dict[str, Any]:
    allocated = Allocation.objects.filter(deployment=found)
    shadow = request.user.role == Role.STEWARD and found.mode == Mode.SHADOW
    return {
        "allocated": allocated.count(),
        "fell_back": allocated.exclude(fell_back__in=("", ENDED)).count(),
        "comparisons": [asdict(one) for one in figures.comparisons(found)] if shadow else [],
    }
