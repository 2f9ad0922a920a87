"""The parts of a radiologist's report on a chest X-ray, light enough for the web process."""

from __future__ import annotations

from ml.contracts import Field, FieldKind, Text

READING = (
    Field(
        "technique",
        FieldKind.TEXT,
        Text("Technique and quality", "Technique et qualité"),
        help=Text("Views, inspiration, rotation, exposure", "Incidences, inspiration, rotation, exposition"),
        normal=Text(
            "Frontal view in full inspiration, without rotation.",
            "Cliché de face en inspiration complète, sans rotation.",
        ),
    ),
    Field(
        "lungs",
        FieldKind.TEXT,
        Text("Lungs", "Poumons"),
        help=Text(
            "Opacities and their lobe or zone, air bronchogram, interstitial pattern, hyperinflation",
            "Opacités et leur siège (lobe ou champ), bronchogramme aérien, syndrome interstitiel, distension",
        ),
        normal=Text(
            "No focal opacity. Normal aeration on both sides.",
            "Pas de foyer. Transparence normale et symétrique.",
        ),
    ),
    Field(
        "pleura",
        FieldKind.TEXT,
        Text("Pleura", "Plèvre"),
        help=Text("Effusion, pneumothorax, thickening", "Épanchement, pneumothorax, épaississement"),
        normal=Text("No effusion, no pneumothorax.", "Pas d’épanchement, pas de pneumothorax."),
    ),
    Field(
        "heart",
        FieldKind.TEXT,
        Text("Heart and mediastinum", "Cœur et médiastin"),
        help=Text("Heart size, thymus, hila", "Taille du cœur, thymus, hiles"),
        normal=Text(
            "Heart, mediastinum and hila normal for age.",
            "Cœur, médiastin et hiles normaux pour l’âge.",
        ),
    ),
    Field(
        "devices",
        FieldKind.TEXT,
        Text("Devices", "Matériel"),
        help=Text(
            "Tubes, lines and drains, and where each ends",
            "Sondes, cathéters et drains, et la position de leur extrémité",
        ),
        normal=Text("None.", "Aucun."),
    ),
    Field(
        "comparison",
        FieldKind.TEXT,
        Text("Comparison", "Comparaison"),
        help=Text("With which earlier image, and what changed", "Avec quel cliché antérieur, et l’évolution"),
        normal=Text("No earlier image to compare with.", "Pas de cliché antérieur pour comparaison."),
    ),
    Field(
        "impression",
        FieldKind.TEXT,
        Text("Impression", "Conclusion"),
        required=True,
        help=Text("The answer to the question of whoever asked", "La réponse à la question du demandeur"),
        normal=Text("Normal chest X-ray.", "Radiographie du thorax normale."),
    ),
)
