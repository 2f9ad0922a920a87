"""``manage.py versions``: which versions there are, and the steps of a promotion, by the person named."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.accounts.access import may_enter
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml import package as packages
from ml import registry
from ml.contracts import Refused
from ml.package import BrokenPackage
from predictions.stewardship import serving
from predictions.versions import access, proposals, selectors, services
from predictions.versions.models import Proposal, Stage


class Command(BaseCommand):
    """What the steward's pages do, from a terminal: the same services, rules and audit."""

    help = "List the versions of the models, and take each step of a promotion."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a step, what it is about, and who takes it."""
        steps = parser.add_subparsers(dest="step", required=True, parser_class=argparse.ArgumentParser)
        steps.add_parser("list", help="every version, what it is called, what is proposed")
        sync = steps.add_parser("sync", help="register the packages on disk that are not known yet")
        sync.add_argument("--mlflow", action="store_true", help="have a worker tell MLflow's registry too")
        self._step(steps, "propose", ("version", "reason"), "propose that a version should serve")
        self._step(steps, "approve", ("threshold",), "approve as the second person, with the operating point")
        steps.choices["approve"].add_argument("--reason", default="", help="further words, kept with it")
        self._step(steps, "decline", ("reason",), "decline as the second person")
        self._step(steps, "withdraw", (), "take a proposal back")
        self._step(steps, "rollback", ("reason",), "return to the former version")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take the step; what is refused ends with its reason and exit 1."""
        steps: dict[str, Callable[..., str]] = {
            "list": self._list, "sync": self._sync, "propose": self._propose, "approve": self._approve,
            "decline": self._decline, "withdraw": self._withdraw, "rollback": self._roll_back,
        }  # fmt: skip
        try:
            self.stdout.write(steps[options["step"]](options))
        except Refused as refusal:
            raise CommandError("; ".join(problem.message.en for problem in refusal.problems)) from refusal
        except BrokenPackage as error:
            raise CommandError(str(error)) from error

    def _step(self, steps: Any, name: str, needed: tuple[str, ...], words: str) -> None:
        step = steps.add_parser(name, help=words)
        step.add_argument("algorithm", choices=registry.names())
        for option in needed:
            step.add_argument(f"--{option}", required=True)
        step.add_argument("--as", dest="person", required=True, metavar="USERNAME")

    def _list(self, options: dict[str, Any]) -> str:
        lines = []
        for model in selectors.models():
            for listed in model.versions:
                named = ", ".join(sorted(listed.aliases))
                told = listed.broken or (listed.package.sha256[:8] if listed.package else "")
                lines.append(f"{model.contract.name} {listed.version} {told} {named}".rstrip())
            if model.open:
                lines.append(
                    f"{model.contract.name} proposed: {model.open.version}, {model.open.stage.value}"
                )
        return "\n".join(lines)

    def _sync(self, options: dict[str, Any]) -> str:
        made = services.register_all()
        for algorithm in registry.names() if options["mlflow"] else ():
            services.mirror_now(algorithm)
        return "\n".join(f"{row.algorithm} {row.version} registered" for row in made) or "nothing new"

    def _propose(self, options: dict[str, Any]) -> str:
        user = self._person(options, lambda person: person.role == Role.STEWARD)
        made = proposals.propose(
            user=user,
            algorithm=options["algorithm"],
            version=options["version"],
            reason=options["reason"],
        )
        return f"proposal {made.number} of {made.algorithm}: {made.version} waits for the gate"

    def _approve(self, options: dict[str, Any]) -> str:
        user = self._decider(options)
        made = proposals.approve(
            user=user,
            proposal=self._open(options),
            threshold=options["threshold"],
            reason=options["reason"],
        )
        return f"{made.algorithm} {made.version} serves"

    def _decline(self, options: dict[str, Any]) -> str:
        user = self._decider(options)
        made = proposals.decline(user=user, proposal=self._open(options), reason=options["reason"])
        return f"{made.algorithm} {made.version} was declined"

    def _withdraw(self, options: dict[str, Any]) -> str:
        user = self._person(options, lambda person: person.role == Role.STEWARD)
        made = proposals.withdraw(user=user, proposal=self._open(options))
        return f"{made.algorithm} {made.version} was withdrawn"

    def _roll_back(self, options: dict[str, Any]) -> str:
        algorithm = options["algorithm"]
        user = self._person(options, lambda person: access.may_return(person, algorithm))
        replacing = packages.champion_version(algorithm)
        made = serving.roll_back(
            user=user, algorithm=algorithm, reason=options["reason"], replacing=replacing
        )
        return f"{algorithm} {made.version if made else replacing} serves"

    def _decider(self, options: dict[str, Any]) -> User:
        return self._person(options, lambda person: access.may_decide(person, options["algorithm"]))

    def _person(self, options: dict[str, Any], entitled: Callable[[User], bool]) -> User:
        person = User.objects.filter(username=options["person"]).first()
        if person is None or not may_enter(person):
            raise CommandError(f"there is nobody called {options['person']!r} who may log in")
        if not entitled(person):
            raise CommandError(f"{person.username} may not do that: {person.get_role_display()}")
        return person

    def _open(self, options: dict[str, Any]) -> Proposal:
        found = selectors.open_proposal(options["algorithm"])
        if found is None:
            raise CommandError(f"nothing of {options['algorithm']} is proposed")
        if found.stage == Stage.JUDGING and options["step"] != "withdraw":
            raise CommandError(f"{found.version} is still being judged")
        return found
