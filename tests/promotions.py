"""Promotions for tests: a version proposed, judged in this process, approved by a second person."""

from __future__ import annotations

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml import registry
from ml.package import Package
from predictions import jobs
from predictions.stewardship.models import ServingDecision
from predictions.versions import proposals
from predictions.versions.models import Proposal
from tests import factories


def proposed(by: User, package: Package, *, reason: str = "fits our births") -> Proposal:
    """Propose a version and do the worker's part here."""
    made = proposals.propose(user=by, algorithm=package.algorithm, version=package.version, reason=reason)
    jobs.work(proposals.KIND, made.pk)
    made.refresh_from_db()
    return made


def confirmation(proposal: Proposal) -> str:
    """Return what the second person writes to confirm the operating point."""
    return f"{proposal.operating_point.value:.4f}"


def served(steward: User, package: Package, *, reason: str = "fits our births") -> ServingDecision:
    """Have a version proposed, judged and approved by a physician of its unit."""
    proposal = proposed(steward, package, reason=reason)
    assert proposal.found.passed, proposal.found.failed
    decider = signer(package.algorithm)
    proposals.approve(user=decider, proposal=proposal, threshold=confirmation(proposal))
    return proposal.serving_decision


def signer(algorithm: str) -> User:
    """Return somebody who signs the studies of an algorithm in its unit."""
    contract = registry.contract(algorithm)
    name = f"signer-{algorithm.replace('_', '-')}"
    found = User.objects.filter(username=name).first()
    role = Role(contract.sign_roles[0])
    return found or factories.staff(name, role, factories.unit(contract.unit), password=factories.PASSWORD)
