"""What the script of the scoring room says, in the language of the page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _


def words() -> dict[str, Any]:
    """Return every word by its name; ``{n}`` and the like are filled in by the script."""
    return {
        "epoch": _("Epoch"),
        "draft": _("draft"),
        "uncertain": _("uncertain"),
        "gap": _("not recorded"),
        "lights_off": _("Lights off"),
        "lights_on": _("Lights on"),
        "no_lights": _("Over the whole recording: lights off and lights on were not entered."),
        "arousal": _("Arousal"),
        "artefact": _("Artefact"),
        "poor": _("Recording:"),
        "nothing": _("There is nothing to take back."),
        "nothing_again": _("There is nothing to put back."),
        "taken_back": _("Taken back: {what}."),
        "put_back": _("Put back: {what}."),
        "of_epoch": _("{what} of epoch {n}"),
        "looks_the_same": _("Done; the night looks as before."),
        "low": _("from, Hz"),
        "high": _("to, Hz"),
        "open": _("open"),
        "inverted": _("inverted"),
        "as_recorded": _("as recorded"),
        "change_key": _("Change"),
        "press_key": _("Press the key for “{action}”; Esc leaves it as it was."),
        "key_taken": _("{key} is the key of “{other}”: swap it with that of “{action}”?"),
        "no_key": _("no key"),
        **_saving(),
        **_standing(),
        **_opinions(),
        "quality": _quality(),
        "screened": {"apnoea": _("apnoea"), "hypopnoea": _("hypopnoea"), "reduction": _("reduction")},
        "kinds": _kinds(),
        "actions": _actions(),
    }


def _saving() -> dict[str, str]:
    return {
        "saved": _("saved"),
        "unsent": _("{n} not sent yet"),
        "offline": _("No connection: they are kept in this browser and sent as soon as there is one."),
        "login": _("{n} not sent yet: log in again in another window, nothing is lost."),
        "refused": _("Not taken:"),
        "loading": _("Reading the signals…"),
        "no_signals": _("The signals cannot be read at the moment; it is tried again."),
        "login_signals": _("You are no longer logged in: log in again to see the signals."),
        "no_state": _("What was scored so far cannot be read at the moment; it is tried again."),
    }


def _standing() -> dict[str, str]:
    return {
        "read_only": _("This night cannot be changed here."),
        "not_yet": _("One moment: what was scored so far is being read. Press the key again."),
        "signed": _("This night is signed: it can be looked at, not changed."),
        "no_role": _("You may look at this night. Technicians and physicians of its unit score it."),
        "closed": _("This scoring is finished. Go on scoring to change it."),
        "superseded": _(
            "This scoring belongs to an earlier analysis with other epochs; it is not shown here."
        ),
        "shows_draft": _("This is the draft."),
        "shows_scoring": _("This is the finished scoring of {who}."),
        "shows_signed": _("This is what was signed."),
        "scored_by": _("Scored by {who}."),
        "first_key": _("You have changed nothing yet: your first key begins your scoring with it."),
        "began_with_scoring": _("It began with the finished scoring of {who}."),
        "began_with_signed": _("It began with what was signed."),
        "begin_draft": _("Begin with the draft"),
        "begin_scoring": _("Begin with the scoring of {who}"),
        "no_begin": _("The scoring cannot be begun at the moment. Try again."),
        "scoring_of": _("Scoring of {who}."),
        "apart": _("Others score apart: you see theirs when both are finished."),
        "other_open": _("is scoring"),
        "other_closed": _("has finished"),
    }


def _opinions() -> dict[str, str]:
    return {
        "why_reading": _("Reading why…"),
        "why_offline": _("Not available without a connection."),
        "jury": _("Votes:"),
        "disagreement": _("disagreement {n}%"),
        "boosted": _("Second opinion (boosted trees):"),
        "opinion": _("Opinion of {name}:"),
        "differs": _("differs from the draft"),
        "no_uncertain": _("No epoch is uncertain."),
        "budget": _("Check these {n} epochs first: the draft is least sure of them."),
        "budget_count": _("{done} of {n} looked at"),
        "budget_kappa": _("Expected agreement with a scorer afterwards: κ {kappa} ({low} to {high})."),
        "budget_done": _("Everything that was to be checked first has been looked at."),
    }


def _quality() -> dict[str, str]:
    return {
        "flat": _("flat"),
        "clipped": _("clipped"),
        "mains": _("mains hum"),
        "detached": _("electrode detached"),
        "artefact": _("artefact"),
    }


def _kinds() -> dict[str, str]:
    return {"eeg": _("EEG"), "eog": _("EOG"), "emg": _("Chin EMG"), "ecg": _("ECG"), "leg": _("Legs")}


def _actions() -> dict[str, str]:
    return {
        "W": _("Wake"),
        "N1": "N1",
        "N2": "N2",
        "N3": "N3",
        "R": _("REM sleep"),
        "unscored": _("Unscored"),
        "accept": _("Accept the stage as it is"),
        "arousal": _("Arousal"),
        "artefact": _("Artefact"),
        "comment": _("Comment"),
        "undo": _("Undo"),
        "redo": _("Redo"),
        "next": _("Next epoch"),
        "previous": _("Previous epoch"),
        "forward": _("Ten epochs forward"),
        "back": _("Ten epochs back"),
        "transition": _("Next change of stage"),
        "transitionBack": _("Previous change of stage"),
        "first": _("First epoch"),
        "last": _("Last epoch"),
        "pageDown": _("Next page"),
        "pageUp": _("Previous page"),
        "uncertain": _("Next uncertain"),
        "budget": _("Next to check"),
        "lightsOff": _("Lights off"),
        "lightsOn": _("Lights on"),
        "larger": _("Larger"),
        "smaller": _("Smaller"),
        "filters": _("Filters on and off"),
        "mains": _("Notch: off, 50, 60 Hz"),
        "guides": _("Guides at ±37.5 µV"),
        "negativeUp": _("Negative up or down"),
        "shorter": _("Shorter page"),
        "longer": _("Longer page"),
        "measure": _("Ruler by the arrow keys"),
        "help": _("These keys"),
    }
