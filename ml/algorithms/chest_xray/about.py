"""What the model is for and where it fails: for the manifest, the report and the page."""

from __future__ import annotations

from ml.contracts import Text

RESEARCH_USE = Text(
    "Research use, not a medical device. The reading and the decision are the radiologist's.",
    "Usage de recherche, pas un dispositif médical. L’interprétation et la décision reviennent au "
    "radiologue.",
)

INTENDED_USE = Text(
    "A second look at a frontal chest X-ray of a child aged 1 to 5 years in whom pneumonia is suspected, "
    "after the reader's own first impression. Research use, not a medical device.",
    "Un second regard sur une radiographie thoracique de face d’un enfant de 1 à 5 ans suspect de pneumonie, "
    "après la première impression du lecteur. Usage de recherche, pas un dispositif médical.",
)

LIMITS = (
    RESEARCH_USE,
    Text(
        "Made from the children of one hospital in Guangzhou; elsewhere expect a worse figure than on the "
        "card.",
        "Issu des enfants d’un seul hôpital de Canton ; ailleurs, attendez-vous à de moins bons chiffres que "
        "ceux de la fiche.",
    ),
    Text(
        "No better than chance in adults, who are refused by their age in the file, or by appearance when "
        "the file gives none; the appearance check may recognise the source of an image rather than the age.",
        "Ne vaut pas mieux que le hasard chez l’adulte, refusé d’après l’âge du fichier ou, à défaut, "
        "d’après l’aspect ; ce contrôle peut reconnaître la provenance de l’image plutôt que l’âge.",
    ),
    Text(
        "It answers one question, pneumonia or not; it does not look for effusion, pneumothorax, fracture, "
        "foreign body or the position of a tube. A low figure excludes none of them.",
        "Il répond à une seule question, pneumonie ou non ; il ne cherche ni épanchement, ni pneumothorax, "
        "ni fracture, ni corps étranger, ni la position d’une sonde. Un chiffre bas n’en exclut aucun.",
    ),
    Text(
        "The probability is stated for a group in which every second child has pneumonia; where it is rarer, "
        "the same image means less.",
        "La probabilité vaut pour un groupe où un enfant sur deux a une pneumonie ; là où elle est plus "
        "rare, la même image a moins de poids.",
    ),
    Text(
        "Lateral views are refused only when the DICOM header names the view; no lateral image was at hand "
        "to learn or test their appearance.",
        "Les clichés de profil ne sont refusés que si l’en-tête DICOM nomme l’incidence ; aucun cliché de "
        "profil n’était disponible pour en apprendre ou en tester l’aspect.",
    ),
)
