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
    "repeated": Text(
        "of files that were analysed again: the last one signed is in it",
        "de fichiers réanalysés : la dernière étude signée y est",
    ),
    "draft_untouched": Text("nights signed as the draft stood", "nuits signées telles que le brouillon"),
}

# Where the words of one differ from those of several.
ONE_LEFT_OUT = {
    "not_asked": Text("of a patient whom nobody asked", "d’un patient à qui personne n’a demandé"),
    "refused": Text("of a patient who refuses", "d’un patient qui s’oppose"),
    "erasure_open": Text("of a patient who is being erased", "d’un patient en cours d’effacement"),
    "legal_hold": Text("of a patient under a legal hold", "d’un patient sous conservation légale"),
    "invented": Text("of an invented patient of the demo", "d’un patient inventé de la démonstration"),
    "not_signed": Text(
        "birth whose assessment is not signed", "accouchement dont l’évaluation n’est pas signée"
    ),
    "being_amended": Text("signed, but being amended", "signé, mais en cours de rectification"),
    "cannot_assess": Text("that could not be assessed", "impossible à évaluer"),
    "not_scored": Text("image that was not scored", "image sans score"),
    "lettering": Text("image with lettering, or not searched for it", "image avec du texte, ou non vérifiée"),
    "burned_in_annotation": Text("image with text burnt in", "image avec du texte incrusté"),
    "image_not_alone": Text("file with more than one image in it", "fichier contenant plus d’une image"),
    "draft_untouched": Text("night signed as the draft stood", "nuit signée telle que le brouillon"),
}


def left_out(why: str, n: int) -> Text:
    """Return why ``n`` were left out, in words; whatever a file was refused for keeps its code."""
    if n == 1 and why in ONE_LEFT_OUT:
        return ONE_LEFT_OUT[why]
    return LEFT_OUT.get(why, Text(f"refused: {why}", f"refusé : {why}" if n == 1 else f"refusés : {why}"))
