"""Why something is not in a training set, in words."""

from __future__ import annotations

from ml.contracts import Text

LEFT_OUT = {
    "not_asked": Text("of patients whom nobody asked", "de patients à qui personne n’a demandé"),
    "refused": Text("of patients who refuse", "de patients qui s’opposent"),
    "erasure_open": Text("of patients who are being erased", "de patients en cours d’effacement"),
    "legal_hold": Text("of patients under a legal hold", "de patients sous conservation légale"),
    "invented": Text("of invented patients of the demo", "de patients inventés de la démonstration"),
    "no_assessment_before": Text(
        "without an assessment before the birth", "sans évaluation avant la naissance"
    ),
    "not_signed": Text(
        "births whose assessment is not signed", "accouchements dont l’évaluation n’est pas signée"
    ),
    "being_amended": Text("signed, but being amended", "signés, mais en cours de rectification"),
    "cannot_assess": Text("that could not be assessed", "impossibles à évaluer"),
    "other_abnormality": Text("with another abnormality", "avec une autre anomalie"),
    "not_scored": Text("images that were not scored", "images sans score"),
    "no_file": Text("whose file is not here", "dont le fichier manque"),
    "no_recording": Text("without a recording", "sans enregistrement"),
    "lettering": Text(
        "images with lettering, or not searched for it", "images avec du texte, ou non vérifiées"
    ),
    "burned_in_annotation": Text("images with text burnt in", "images avec du texte incrusté"),
    "image_not_alone": Text("files with more than one image in them", "fichiers contenant plus d’une image"),
    "draft_untouched": Text("nights signed as the draft stood", "nuits signées telles que le brouillon"),
}


def left_out(why: str) -> Text:
    """Return a reason in words; whatever a file was refused for keeps its code."""
    return LEFT_OUT.get(why, Text(f"refused: {why}", f"refusés : {why}"))
