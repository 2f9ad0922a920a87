"""What the viewer's script writes on the screen, in the language of the page."""

from __future__ import annotations

from django.utils.translation import gettext as _

from clinic.templatetags.vigie import colon


def words() -> dict[str, str]:
    """Return the viewer's words by the names its script has for them."""
    return {
        "loading": _("Loading the full depth…"),
        "screen_only": _("Shown is the 8-bit picture: the full depth is not available."),
        "no_picture": _("The picture could not be loaded. Load the page again."),
        "sent": _("As sent"),
        "lungs": _("Dark parts (lungs)"),
        "bone": _("Bright parts (bone)"),
        "full": _("Full range"),
        "centre": _("C"),
        "width": _("W"),
        "value": _("value"),
        "grey": _("grey"),
        "table": _("lookup table"),
        "colon": colon(""),
        "mirrored": _("Mirrored"),
        "upended": _("Mirrored top to bottom"),
        "turned": _("Turned"),
        "inverted": _("Inverted"),
        "patient": _("in the patient"),
        "detector": _("at the detector, shorter in the patient"),
        "prior_on": _("Earlier image beside"),
        "prior_off": _("Earlier image put away"),
        "linked": _("Both images move together"),
        "unlinked": _("Each image moves by itself"),
    }


def map_words() -> dict[str, str]:
    """Return what it says of maps: nothing of them is on a page before the first impression."""
    return {
        "opacity": _("Opacity"),
        "map_on": _("Map on"),
        "map_off": _("Map off"),
        "map_missing": _("The map could not be loaded."),
    }
