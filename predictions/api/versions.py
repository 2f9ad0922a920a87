"""The versions through the API: which there are, propose one, follow a proposal, decide on it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts import confirm
from clinic.accounts.roles import Scope
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from predictions.api.serializers import ProblemsSerializer
from predictions.stewardship.reasons import LONGEST_REASON
from predictions.versions import proposals, selectors
from predictions.versions.access import DECISIONS, PROPOSALS, VERSIONS
from predictions.versions.models import Proposal

APPROVE, DECLINE = "approve", "decline"
ERRORS = {404: ProblemsSerializer, 422: ProblemsSerializer}


class VersionSerializer(serializers.Serializer):
    """A version of a model."""

    version = serializers.CharField()
    package_sha256 = serializers.CharField(help_text="What a prediction pins")
    aliases = serializers.ListField(
        child=serializers.CharField(),
        help_text="champion serves, challenger is proposed; beside the champion a shadow runs unseen, a "
        "canary answers a share of the patients; what is silent answers unseen until the signature",
    )
    origin = serializers.CharField(help_text="shipped or site; empty before it is registered")
    serves = serializers.BooleanField(help_text="Whether it may answer studies at all")
    broken = serializers.CharField(help_text="Why its package cannot be used; empty for a whole one")
    metrics = serializers.JSONField(help_text="Figures with data, n, interval and command")


class NewProposalSerializer(serializers.Serializer):
    """Which version should serve, and why."""

    version = serializers.CharField(max_length=100)
    reason = serializers.CharField(max_length=LONGEST_REASON)


class ProposalDecisionSerializer(serializers.Serializer):
    """The second person's answer."""

    decision = serializers.CharField(help_text=f"{APPROVE} or {DECLINE}")
    threshold = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text="To approve: the operating point, with its four decimals",
    )
    reason = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=LONGEST_REASON, help_text="Needed to decline"
    )

    def validate_decision(self, value: str) -> str:
        """Take one of the two answers."""
        if value not in (APPROVE, DECLINE):
            raise serializers.ValidationError(f"{APPROVE} or {DECLINE}")
        return value


class ProposalSerializer(serializers.ModelSerializer):
    """A proposal, what the gate found, and who decided."""

    stage = serializers.SerializerMethodField(
        help_text="judging, refused, failed, open, approved, declined or withdrawn"
    )
    proposed_by = serializers.SerializerMethodField()
    answered_by = serializers.SerializerMethodField()

    class Meta:
        model = Proposal
        fields = (
            "id", "algorithm", "number", "version", "package_sha256", "serving_version", "reason", "stage",
            "proposed_by", "queued_at", "verdict", "point", "shadow", "problems", "answered_by",
            "answered_at", "answer_reason", "confirmed_threshold",
        )  # fmt: skip

    def get_stage(self, proposal: Proposal) -> str:
        """Return where it is."""
        return str(proposal.stage)

    @extend_schema_field(serializers.CharField())
    def get_proposed_by(self, proposal: Proposal) -> str:
        """Return who proposed it."""
        return proposal.proposed_by.label

    @extend_schema_field(serializers.CharField())
    def get_answered_by(self, proposal: Proposal) -> str:
        """Return who decided; empty before."""
        return proposal.answered_by.label if proposal.answered_by else ""


class VersionsView(ApiView):
    """``/api/algorithms/<algorithm>/versions``."""

    doors = {"GET": Door(VERSIONS, Scope.READ)}

    @extend_schema(
        operation_id="versions_list", responses={200: VersionSerializer(many=True), 404: ProblemsSerializer}
    )
    def get(self, request: Request, algorithm: str) -> Response:
        """List the versions of a model, newest first."""
        return Response([_as_json(listed) for listed in selectors.listed(algorithm, request.user)])


class ProposalsView(ApiView):
    """``/api/algorithms/<algorithm>/proposals``."""

    doors = {"POST": Door(PROPOSALS, Scope.SUBMIT)}

    @extend_schema(
        operation_id="proposals_create",
        request=NewProposalSerializer,
        responses={202: ProposalSerializer, 400: ProblemsSerializer, 403: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, algorithm: str) -> Response:
        """Propose a version; a worker judges it before anybody is asked."""
        sent = NewProposalSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        confirm.demand(request, request.data)
        made = proposals.propose(user=request.user, algorithm=algorithm, **sent.validated_data)
        return Response(ProposalSerializer(made).data, status=status.HTTP_202_ACCEPTED)


class ProposalView(ApiView):
    """``/api/algorithms/<algorithm>/proposals/<id>``."""

    doors = {"GET": Door(VERSIONS, Scope.READ), "POST": Door(DECISIONS, Scope.SIGN)}

    @extend_schema(
        operation_id="proposals_retrieve", responses={200: ProposalSerializer, 404: ProblemsSerializer}
    )
    def get(self, request: Request, algorithm: str, proposal_id: UUID) -> Response:
        """Tell where a proposal is, and what the gate found."""
        return Response(ProposalSerializer(selectors.get_or_404(algorithm, proposal_id)).data)

    @extend_schema(
        operation_id="proposals_decide",
        request=ProposalDecisionSerializer,
        responses={200: ProposalSerializer, 400: ProblemsSerializer, 403: ProblemsSerializer, **ERRORS},
    )
    def post(self, request: Request, algorithm: str, proposal_id: UUID) -> Response:
        """Approve, which puts the version into service, or decline, as the second person."""
        sent = ProposalDecisionSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        found = selectors.get_or_404(algorithm, proposal_id)
        confirm.demand(request, request.data)
        given = dict(sent.validated_data)
        if given.pop("decision") == APPROVE:
            proposals.approve(user=request.user, proposal=found, **given)
        else:
            proposals.decline(user=request.user, proposal=found, reason=given["reason"])
        return Response(ProposalSerializer(found).data)


def _as_json(listed: selectors.Listed) -> dict[str, Any]:
    return {
        "version": listed.version,
        "package_sha256": listed.sha256,
        "aliases": sorted(listed.aliases),
        "origin": listed.row.origin if listed.row else "",
        "serves": bool(listed.package and listed.package.serves),
        "broken": listed.broken,
        "metrics": list(listed.package.manifest["metrics"]) if listed.package else [],
    }
