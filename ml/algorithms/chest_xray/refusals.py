"""Every sentence with which an image is refused or doubted, in both languages.

None of them quotes the file: an attribute may hold a name where a code belongs.
"""

from __future__ import annotations

from ml.algorithms.chest_xray.contract import DAMAGED
from ml.contracts import Problem, Severity, Text

ADULT_YEARS = 18
INTENDED_YEARS = (1, 6)
"""From the first birthday to the day before the sixth: the children the model was trained on."""

SENTENCES = {
    "image_damaged": DAMAGED,
    "image_not_alone": Text(
        "The file holds something else behind its image, and was not opened. Export the image again from its "
        "source; if that happens again, tell your IT security team.",
        "Le fichier contient autre chose à la suite de son image et n’a pas été ouvert. Exportez de nouveau "
        "l’image depuis sa source ; si cela se reproduit, prévenez la sécurité informatique.",
    ),
    "too_many_scans": Text(
        "The JPEG says its image in more than {most} passes, which no device does, and was not opened. "
        "Export the image again as a plain (baseline) JPEG, PNG or DICOM.",
        "Le JPEG décrit son image en plus de {most} passages, ce qu’aucun appareil ne fait, et n’a pas été "
        "ouvert. Exportez de nouveau l’image en JPEG simple (« baseline »), PNG ou DICOM.",
    ),
    "dicom_damaged": Text(
        "The DICOM file is damaged or incomplete and cannot be read. Export it again from the PACS.",
        "Le fichier DICOM est endommagé ou incomplet et ne peut être lu. Exportez-le de nouveau depuis le "
        "PACS.",
    ),
    "dicom_crowded": Text(
        "The DICOM file holds more than {most} entries, or lists nested too deep; a radiograph has a few "
        "hundred. It was not opened. Export it again from the PACS.",
        "Le fichier DICOM contient plus de {most} éléments, ou des listes trop imbriquées ; une radiographie "
        "en compte quelques centaines. Il n’a pas été ouvert. Exportez-le de nouveau depuis le PACS.",
    ),
    "pixels_left_over": Text(
        "The DICOM file holds more pixels than its rows and columns say, so a part of the image would not be "
        "shown. Export it again from the PACS.",
        "Le fichier DICOM contient plus de pixels que n’en annoncent ses lignes et ses colonnes : une partie "
        "de l’image ne serait pas affichée. Exportez-le de nouveau depuis le PACS.",
    ),
    "dicom_deflated": Text(
        "The DICOM file uses the deflated transfer syntax, which is not opened because its size cannot be "
        "known beforehand. Export it with another transfer syntax.",
        "Le fichier DICOM utilise la syntaxe de transfert « deflated », qui n’est pas ouverte car sa taille "
        "ne peut être connue d’avance. Exportez-le avec une autre syntaxe de transfert.",
    ),
    "no_pixel_data": Text(
        "The DICOM file holds no image, or was cut off before it. Send the image object of the study.",
        "Le fichier DICOM ne contient pas d’image, ou a été tronqué avant elle. Envoyez l’objet image de "
        "l’examen.",
    ),
    "pixels_unreadable": Text(
        "The pixels of the DICOM file cannot be decoded: they are incomplete or in an encoding that is not "
        "supported. Export it uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE.",
        "Les pixels du fichier DICOM ne peuvent être décodés : ils sont incomplets ou dans un codage non "
        "pris en charge. Exportez-le sans compression, ou en JPEG, JPEG-LS, JPEG 2000 ou RLE.",
    ),
    "rescale_unusable": Text(
        "The rescale slope or intercept of the DICOM file is not a number that can be used, so its grey "
        "levels cannot be known. Export it again from the PACS.",
        "La pente ou l’ordonnée à l’origine (Rescale Slope, Rescale Intercept) du fichier DICOM n’est pas un "
        "nombre utilisable : ses niveaux de gris ne peuvent être connus. Exportez-le de nouveau depuis le "
        "PACS.",
    ),
    "high_bit": Text(
        "The DICOM file stores its pixels in bits that the standard no longer allows (HighBit), and would be "
        "shown wrong. Export it again from the PACS.",
        "Le fichier DICOM range ses pixels dans des bits que la norme n’admet plus (HighBit) et serait mal "
        "affiché. Exportez-le de nouveau depuis le PACS.",
    ),
    "multi_frame": Text(
        "The file holds several images. Send a single frontal image.",
        "Le fichier contient plusieurs images. Envoyez une seule image de face.",
    ),
    "colour_image": Text(
        "This is a colour image; an X-ray is grey. Send the X-ray itself, not a photograph or a screenshot.",
        "C’est une image en couleurs ; une radiographie est en niveaux de gris. Envoyez la radiographie "
        "elle-même, pas une photographie ni une capture d’écran.",
    ),
    "secondary_capture": Text(
        "The DICOM object is a Secondary Capture (a copy, a scan or a screenshot), not the detector's own "
        "image. Send the original CR or DX object.",
        "L’objet DICOM est une capture secondaire (une copie, une numérisation ou une capture d’écran), pas "
        "l’image du détecteur. Envoyez l’objet CR ou DX d’origine.",
    ),
    "modality": Text(
        "The modality of the DICOM object is not CR or DX. Send a projection radiograph of the chest.",
        "La modalité de l’objet DICOM n’est ni CR ni DX. Envoyez une radiographie standard du thorax.",
    ),
    "object_class": Text(
        "The DICOM object is not of a computed or digital radiography class. Send the CR or DX image object.",
        "L’objet DICOM n’est pas d’une classe de radiographie numérisée ou numérique. Envoyez l’objet image "
        "CR ou DX.",
    ),
    "for_processing": Text(
        "The DICOM object holds the detector's raw data (FOR PROCESSING). Send the image FOR PRESENTATION.",
        "L’objet DICOM contient les données brutes du détecteur (FOR PROCESSING). Envoyez l’image "
        "« FOR PRESENTATION ».",
    ),
    "not_frontal": Text(
        "The view position is not AP or PA. The model reads frontal images only.",
        "L’incidence n’est ni AP ni PA. Le modèle ne lit que les clichés de face.",
    ),
    "adult": Text(
        "The file gives an adult age. The model was made for children of 1 to 5 years and is no better than "
        "chance in adults.",
        "Le fichier indique un âge adulte. Le modèle est fait pour les enfants de 1 à 5 ans et ne vaut pas "
        "mieux que le hasard chez l’adulte.",
    ),
    "adult_appearance": Text(
        "By its appearance this is an adult's chest. The model was made for children of 1 to 5 years and is "
        "no better than chance in adults. If it is a child, send the DICOM object with its age.",
        "D’après son aspect, c’est le thorax d’un adulte. Le modèle est fait pour les enfants de 1 à 5 ans "
        "et ne vaut pas mieux que le hasard chez l’adulte. S’il s’agit d’un enfant, envoyez l’objet DICOM "
        "avec son âge.",
    ),
    "too_small": Text(
        "The image is too small: at least {side} pixels on each side are needed. Send the original image.",
        "L’image est trop petite : il faut au moins {side} pixels par côté. Envoyez l’image d’origine.",
    ),
    "shape": Text(
        "The image is much longer than wide, or wider than long: this is not a whole frontal chest X-ray.",
        "L’image est beaucoup plus longue que large, ou l’inverse : ce n’est pas une radiographie thoracique "
        "de face entière.",
    ),
    "blank": Text(
        "The image is blank or nearly so. Check the export and send it again.",
        "L’image est vide ou presque. Vérifiez l’export et renvoyez-la.",
    ),
    "clipped": Text(
        "A large part of the image is pure black or pure white: detail has been cut off by the window or the "
        "exposure. Export it with the full grey scale.",
        "Une grande partie de l’image est entièrement noire ou blanche : la fenêtre ou l’exposition a "
        "supprimé des détails. Exportez-la avec toute l’échelle de gris.",
    ),
    "burnt_over": Text(
        "There is writing over the lungs. Export the image without annotations and send it again.",
        "Du texte recouvre les poumons. Exportez l’image sans annotations et renvoyez-la.",
    ),
    "inverted": Text(
        "The grey scale looks inverted (air bright, bone dark). Export the image with bone bright.",
        "L’échelle de gris semble inversée (air clair, os sombre). Exportez l’image avec l’os en clair.",
    ),
    "rotated": Text(
        "The image looks turned on its side or upside down. Turn it upright and send it again.",
        "L’image semble couchée ou à l’envers. Redressez-la et renvoyez-la.",
    ),
    "not_chest_xray": Text(
        "This does not look like a frontal chest X-ray. Check that the right file was sent.",
        "Cette image ne ressemble pas à une radiographie thoracique de face. Vérifiez que c’est le bon "
        "fichier.",
    ),
    "older_child": Text(
        "The file gives an age of 6 to 17 years; the model was trained on children of 1 to 5 years. Read the "
        "score with particular caution.",
        "Le fichier indique un âge de 6 à 17 ans ; le modèle a été entraîné chez des enfants de 1 à 5 "
        "ans. Interprétez le score avec une prudence particulière.",
    ),
    "infant": Text(
        "The file gives an age under 1 year; the model was trained on children of 1 to 5 years. Read the "
        "score with particular caution.",
        "Le fichier indique un âge inférieur à 1 an ; le modèle a été entraîné chez des enfants de 1 à 5 "
        "ans. Interprétez le score avec une prudence particulière.",
    ),
    "age_unreadable": Text(
        "The age written in the file (PatientAge) cannot be read and was left aside. Check that this is a "
        "child of 1 to 5 years.",
        "L’âge inscrit dans le fichier (PatientAge) est illisible et n’a pas été pris en compte. Vérifiez "
        "qu’il s’agit d’un enfant de 1 à 5 ans.",
    ),
    "birth_date_unreadable": Text(
        "The date of birth in the file (PatientBirthDate) cannot be read and was compared with nothing. "
        "Check that the image is of this patient.",
        "La date de naissance du fichier (PatientBirthDate) est illisible et n’a été comparée à rien. "
        "Vérifiez que l’image est bien celle de ce patient.",
    ),
    "sex_unreadable": Text(
        "The sex in the file (PatientSex) cannot be read and was compared with nothing. Check that the image "
        "is of this patient.",
        "Le sexe indiqué dans le fichier (PatientSex) est illisible et n’a été comparé à rien. Vérifiez que "
        "l’image est bien celle de ce patient.",
    ),
    "window_unusable": Text(
        "The display window of the file cannot be used (width or centre): the image was read over its full "
        "range of grey. Check its contrast before relying on the score.",
        "La fenêtre d’affichage du fichier est inutilisable (largeur ou centre) : l’image a été lue sur "
        "toute son étendue de gris. Vérifiez son contraste avant de vous fier au score.",
    ),
    "taken_in_future": Text(
        "The day of the image in the file (StudyDate, AcquisitionDate) lies in the future: it is not used "
        "to tell earlier images from later ones. Check the clock of the device, and that this is the right "
        "image.",
        "La date du cliché dans le fichier (StudyDate, AcquisitionDate) est dans le futur : elle ne sert "
        "pas à ordonner les clichés. Vérifiez l’horloge de l’appareil, et qu’il s’agit du bon cliché.",
    ),
    "body_part": Text(
        "The file names another body part than the chest. Check that the right image was sent.",
        "Le fichier indique une autre région que le thorax. Vérifiez que c’est la bonne image.",
    ),
    "burnt_in_text": Text(
        "There seems to be writing or a bright overlay inside the image. Check that it hides nothing and "
        "that it names nobody.",
        "Il semble y avoir du texte ou un marquage clair dans l’image. Vérifiez qu’il ne cache rien et "
        "qu’il ne nomme personne.",
    ),
}


def refusal(code: str, **values: object) -> Problem:
    """Return the refusing problem of a code of :data:`SENTENCES`."""
    return Problem(code, SENTENCES[code].format(**values))


def warning(code: str) -> Problem:
    """Return the warning of a code of :data:`SENTENCES`."""
    return Problem(code, SENTENCES[code], severity=Severity.WARN)
