"""Run versions beside the ones in service: list, start, approve, decline, end."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError

from clinic.accounts.models import Unit, User
from ml import registry
from ml.contracts import Refused
from predictions.deployments import services
from predictions.deployments.models import Deployment, Mode


class Command(BaseCommand):
    """What the pages do, for whoever works at a terminal; each act is somebody's and on record."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand per act."""
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="what runs, waits or is over, latest first")
        start = acts.add_parser("start", help="start a shadow, or propose what a second person approves")
        start.add_argument(
            "algorithm", choices=[contract.name for contract in registry.contracts(clinical=True)]
        )
        start.add_argument("version")
        start.add_argument("--mode", choices=Mode.values, required=True)
        start.add_argument("--share", type=int, help="of the patients in per cent, for a canary")
        start.add_argument("--reason", required=True)
        for name in ("approve", "decline", "end"):
            act = acts.add_parser(name)
            act.add_argument("deployment", type=UUID)
            act.add_argument("--reason", default="")
            if name == "approve":
                act.add_argument(
                    "--threshold", default="", help="of a canary: its operating point, written out"
                )
        for act in acts.choices.values():
            if not act.prog.endswith("list"):
                act.add_argument("--as", dest="person", required=True, metavar="USERNAME")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        """Do it as somebody; what is refused is said in words."""
        if act == "list":
            for one in Deployment.objects.select_related("unit"):
                self.stdout.write(_line(one))
            return
        person = User.objects.filter(username=options["person"], is_active=True).first()
        if person is None:
            raise CommandError(f"there is nobody called {options['person']!r} who may log in")
        try:
            self.stdout.write(
                _line(_start(person, options) if act == "start" else _decide(act, person, options))
            )
        except PermissionDenied as error:
            raise CommandError(f"{person.username} may not do that") from error
        except Refused as refusal:
            raise CommandError("\n".join(problem.message.en for problem in refusal.problems)) from refusal


def _start(person: User, options: dict[str, Any]) -> Deployment:
    return services.propose(
        user=person,
        algorithm=options["algorithm"],
        unit=Unit.objects.filter(code=registry.contract(options["algorithm"]).unit).first(),
        version=options["version"],
        mode=options["mode"],
        share=options["share"],
        reason=options["reason"],
    )


def _decide(act: str, person: User, options: dict[str, Any]) -> Deployment:
    found = Deployment.objects.filter(pk=options["deployment"]).first()
    if found is None:
        raise CommandError(f"there is no deployment {options['deployment']}")
    decide = {"approve": services.approve, "decline": services.decline, "end": services.end}[act]
    written = {"threshold": options["threshold"]} if act == "approve" else {}
    decide(user=person, deployment=found, reason=options["reason"], **written)
    found.refresh_from_db()
    return found


def _line(one: Deployment) -> str:
    mode = f"{one.mode} {one.share}%" if one.mode == Mode.CANARY else one.mode
    return f"{one.pk} {one.standing} {mode} {one.algorithm} {one.version} {one.unit.code}"
