"""What kind of thing an action is: what auditors filter by, and what says how long its details are kept."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.audit.models import Action


class ActionClass(models.TextChoices):
    """Kinds of actions."""

    READ = "read", _("reading")
    CHANGE = "change", _("changing")
    ANALYSIS = "analysis", _("analysis")
    SIGNATURE = "signature", _("review and signature")
    ENTRANCE = "entrance", _("logging in and refusals")
    EMERGENCY = "emergency", _("emergency access")
    GOVERNANCE = "governance", _("administration and data protection")
    MODELS = "models", _("models")


CLASSES: Mapping[ActionClass, tuple[Action, ...]] = {
    ActionClass.READ: (Action.SEARCH, Action.VIEW, Action.DOWNLOAD, Action.EXPORT),
    ActionClass.CHANGE: (Action.CREATE, Action.UPDATE, Action.SUBMIT, Action.RETRY, Action.DISCARD),
    ActionClass.ANALYSIS: (Action.PREDICT, Action.EXPLAIN, Action.REFUSE_INPUT, Action.FAIL),
    ActionClass.SIGNATURE: (Action.REVIEW, Action.SIGN, Action.AMEND),
    ActionClass.ENTRANCE: (
        Action.LOGIN, Action.LOGOUT, Action.LOGIN_FAILED, Action.REFUSED, Action.REAUTHENTICATE, Action.LOCK,
        Action.ISSUE, Action.REVOKE,
    ),
    ActionClass.EMERGENCY: (Action.BREAK_GLASS, Action.END_ACCESS),
    ActionClass.GOVERNANCE: (
        Action.ADMIN, Action.HOLD, Action.RELEASE, Action.REQUEST, Action.APPROVE, Action.DECLINE,
        Action.ERASE, Action.BACK_UP, Action.RESTORE,
    ),
    ActionClass.MODELS: (
        Action.UPLOAD, Action.TRAIN, Action.ACCEPT, Action.REJECT, Action.SERVE, Action.ROLL_BACK,
        Action.DEPLOY, Action.WITHDRAW, Action.REPLAY,
    ),
}  # fmt: skip

CLASS_OF: Mapping[str, ActionClass] = {
    action.value: kind for kind, actions in CLASSES.items() for action in actions
}
