"""The fixed words of the PDF report, in both languages."""

from __future__ import annotations

from ml.contracts import Text

WORDS = {
    "patient": Text("Patient", "Patient"),
    "born": Text("born", "né(e) le"),
    "record_number": Text("record number", "numéro de dossier"),
    "sex": Text("sex", "sexe"),
    "invented": Text("Invented patient (demonstration)", "Patient inventé (démonstration)"),
    "result": Text("Result of the algorithm", "Résultat de l’algorithme"),
    "warnings": Text("Warnings", "Avertissements"),
    "why": Text("Why the model says so", "Pourquoi le modèle dit cela"),
    "no_explanation": Text(
        "No explanation was computed for this result.",
        "Aucune explication n’a été calculée pour ce résultat.",
    ),
    "quality": Text("Data quality", "Qualité des données"),
    "birth": Text("Course of this birth", "Suivi de cet accouchement"),
    "this_report": Text("this report", "ce compte rendu"),
    "changed": Text("Changed", "Modifié"),
    "severe": Text("severe haemorrhage", "hémorragie sévère"),
    "not_severe": Text("no severe haemorrhage", "pas d’hémorragie sévère"),
    "review": Text("Review", "Relecture"),
    "verdict": Text("Verdict", "Avis"),
    "reason": Text("Reason", "Motif"),
    "comment": Text("Comment", "Commentaire"),
    "amendment": Text("Reason for the amendment", "Motif de la rectification"),
    "limits": Text("Limits", "Limites"),
    "origin": Text("What it is based on", "Sur quoi cela repose"),
    "item": Text("Item", "Élément"),
    "value": Text("Value", "Valeur"),
    "study": Text("Study", "Étude"),
    "submitted": Text("Submitted", "Envoyée"),
    "analysed": Text("Analysed", "Analysée"),
    "file_sha256": Text("SHA-256 of the file", "SHA-256 du fichier"),
    "package": Text("Model package", "Paquet du modèle"),
    "package_sha256": Text("SHA-256 of the package", "SHA-256 du paquet"),
    "content_sha256": Text("SHA-256 of the signed content", "SHA-256 du contenu signé"),
    "written": Text("Document written", "Document rédigé"),
    "page": Text("page", "page"),
    "of": Text("of", "sur"),
    "first_read": Text("First read, before the algorithm’s answer", "Première lecture, avant l’algorithme"),
    "confidence": Text("confidence", "certitude"),
    "reading": Text("Report of the radiologist", "Compte rendu du radiologue"),
    "image": Text("Image without a map", "Image sans carte"),
    "image_read": Text("Image as the reader saw it first", "Image telle que le lecteur l’a vue d’abord"),
    "map_means": Text(
        "A map lies over the image: it shows where the model found evidence, not where a lesion is.",
        "La carte est posée sur l’image : elle montre où le modèle a trouvé des indices, et non où est une "
        "lésion.",
    ),
    "image_alt": Text("Chest radiograph that was sent.", "Radiographie thoracique envoyée."),
    "heat_map_alt": Text(
        "The same radiograph under the map; the strongest zone is named in the text.",
        "La même radiographie sous la carte ; la zone la plus forte est nommée dans le texte.",
    ),
    "icons_alt": Text(
        "One hundred squares, one for each woman; those expected to bleed are filled.",
        "Cent carrés, un par femme ; ceux des femmes attendues avec hémorragie sont pleins.",
    ),
    "icons": Text(
        "Each square is one woman of 100 like her. Filled: expected severe haemorrhage. Dashed: up to the "
        "upper bound of the likely range.",
        "Chaque carré est une femme sur 100 comme elle. Plein : hémorragie sévère attendue. Tireté : jusqu’à "
        "la borne haute de la fourchette probable.",
    ),
    "attention": Text("Attention", "Attention"),
}
