"""What the web process knows of the chest X-ray: who may use it, and cheap checks on a file's head."""

from __future__ import annotations

from ml.algorithms.chest_xray.reading import READING
from ml.contracts import Contract, InputKind, Limits, Problem, Text

MEBIBYTE = 1024**2
UPLOAD_BYTES = 64 * MEBIBYTE
STUDY_BYTES = 256 * MEBIBYTE
MAX_FILES = 8

MAX_PIXELS = 40_000_000
"""Pixels decoded at most: the largest flat panels give about 18 million."""
MAX_SIDE = 12_000
"""Pixels on one side at most."""

CONTRACT = Contract(
    name="chest_xray",
    title=Text("Chest X-ray: pneumonia in children", "Radiographie du thorax : pneumonie de l’enfant"),
    purpose=Text(
        "Probability of pneumonia on a frontal chest X-ray of a child aged 1 to 5 years, with a map of "
        "the regions that moved it. Research use, not a medical device.",
        "Probabilité de pneumonie sur une radiographie thoracique de face d’un enfant de 1 à 5 ans, avec "
        "une carte des régions qui l’ont fait varier. Usage de recherche, pas un dispositif médical.",
    ),
    input_kind=InputKind.FILE,
    queue="imaging",
    limits=Limits(seconds=120, memory_bytes=3 * 1024**3, upload_bytes=UPLOAD_BYTES, study_bytes=STUDY_BYTES),
    unit="radiology",
    submit_roles=("radiologist", "physician"),
    sign_roles=("radiologist",),
    suffixes=(".jpg", ".jpeg", ".png", ".dcm"),
    any_name=True,
    max_files=MAX_FILES,
    blind_first=True,
    reading=READING,
    order_by="probability",
)

JPEG_MAGIC = b"\xff\xd8\xff"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
DICOM_MAGIC = b"DICM"
DICOM_PREAMBLE = 128

# The 128 free bytes before "DICM" can make one file both a DICOM object and a program.
EXECUTABLE_MAGICS = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xca\xfe\xba\xbe",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xfe\xed\xfa",
    b"\x00asm",
    b"dex\n",
    b"L\x00\x00\x00\x01\x14\x02\x00",
    b"@echo",
    b"ITSF",
)
DOCUMENT_MAGICS = (b"%PDF", b"%!PS", b"<", b"{\\rtf", b"\xd0\xcf\x11\xe0")
ARCHIVE_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"MSCF")
# In the file header: element (0002,0002), MediaStorageSOPClassUID, of the Media Storage Directory.
DIRECTORY_CLASS = b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"
# A data set written without its file header starts with a tag of group 0002 or 0008.
HEADLESS_DICOM = (b"\x02\x00", b"\x08\x00", b"\x00\x08")

EMPTY = Text(
    "The file is empty. Export the image again and send it once more.",
    "Le fichier est vide. Exportez de nouveau l’image et renvoyez-la.",
)
TOO_LARGE = Text(
    "The file is larger than {limit} MiB. Send the images of the study, each as a file of its own.",
    "Le fichier dépasse {limit} Mio. Envoyez les images de l’examen, chacune dans son propre fichier.",
)
UNKNOWN_FORMAT = Text(
    "This is not a JPEG, PNG or DICOM file, whatever its name says. Export the X-ray as one of these.",
    "Ce n’est pas un fichier JPEG, PNG ou DICOM, quel que soit son nom. Exportez la radiographie dans "
    "l’un de ces formats.",
)
ARCHIVE = Text(
    "This is an archive (ZIP or the like). Unpack it and choose the images in it, up to {files} a study.",
    "C’est une archive (ZIP ou semblable). Décompressez-la et choisissez les images qu’elle contient, "
    "{files} au plus par étude.",
)
DIRECTORY = Text(
    "This is a DICOMDIR, the table of contents of a disc, without any image. Choose the image files of the "
    "disc that it lists, up to {files} a study.",
    "C’est un DICOMDIR, le sommaire d’un disque, sans aucune image. Choisissez les fichiers d’images du "
    "disque qu’il répertorie, {files} au plus par étude.",
)
NO_PREAMBLE = Text(
    "This looks like a DICOM data set without its file header (128 bytes and “DICM”). Export it as a DICOM "
    "Part 10 file.",
    "Il semble s’agir de données DICOM sans leur en-tête de fichier (128 octets puis « DICM »). Exportez-les "
    "comme fichier DICOM (partie 10).",
)
EXECUTABLE_PREAMBLE = Text(
    "The first bytes of this DICOM file are those of a program, an archive or a document. It was not opened; "
    "tell your IT security team and export the image again from its source.",
    "Les premiers octets de ce fichier DICOM sont ceux d’un programme, d’une archive ou d’un document. Il "
    "n’a pas été ouvert ; prévenez la sécurité informatique et exportez de nouveau l’image depuis sa source.",
)
TOO_MANY_PIXELS = Text(
    "The image says it is {width} × {height} pixels, more than any X-ray detector gives (limit: {side} "
    "pixels a side, {millions} million in all). Send the original X-ray.",
    "L’image annonce {width} × {height} pixels, plus qu’aucun détecteur de radiologie (limite : "
    "{side} pixels par côté, {millions} millions au total). Envoyez la radiographie d’origine.",
)
DAMAGED = Text(
    "The image is damaged or incomplete and cannot be read. Export it again.",
    "L’image est endommagée ou incomplète et ne peut être lue. Exportez-la de nouveau.",
)


def screen(head: bytes, size: int) -> list[Problem]:
    """Check an upload by its first bytes, before anything parses it.

    Parameters
    ----------
    head
        The first 4 KiB of the file, or all of it when it is shorter.
    size
        Size of the whole file in bytes.

    Returns
    -------
    list of Problem
        Every reason to refuse it; empty when it may go to a worker.
    """
    if size == 0 or not head:
        return [Problem("empty_file", EMPTY)]
    problems = []
    if size > UPLOAD_BYTES:
        problems.append(Problem("file_too_large", TOO_LARGE.format(limit=UPLOAD_BYTES // MEBIBYTE)))
    if head.startswith(PNG_MAGIC):
        problems += _screen_png(head)
    elif is_dicom(head):
        problems += _screen_preamble(head)
    elif not head.startswith(JPEG_MAGIC):
        problems.append(_screen_unknown(head))
    return problems


def is_dicom(head: bytes) -> bool:
    """Whether a file's head carries the DICOM file header."""
    return head[DICOM_PREAMBLE : DICOM_PREAMBLE + 4] == DICOM_MAGIC


def too_many_pixels(width: int, height: int) -> Problem | None:
    """Return the problem of an image too large to decode, ``None`` when it may be decoded."""
    if width <= MAX_SIDE and height <= MAX_SIDE and width * height <= MAX_PIXELS:
        return None
    message = TOO_MANY_PIXELS.format(
        width=width, height=height, side=MAX_SIDE, millions=MAX_PIXELS // 1_000_000
    )
    return Problem("too_many_pixels", message)


def _screen_png(head: bytes) -> list[Problem]:
    if len(head) < 24 or head[12:16] != b"IHDR":
        return [Problem("image_damaged", DAMAGED)]
    width, height = (int.from_bytes(head[at : at + 4], "big") for at in (16, 20))
    if not width or not height:
        return [Problem("image_damaged", DAMAGED)]
    problem = too_many_pixels(width, height)
    return [problem] if problem else []


def _screen_preamble(head: bytes) -> list[Problem]:
    if head.startswith(EXECUTABLE_MAGICS + ARCHIVE_MAGICS + DOCUMENT_MAGICS):
        return [Problem("dicom_preamble_executable", EXECUTABLE_PREAMBLE)]
    if DIRECTORY_CLASS in head:
        return [Problem("dicomdir", DIRECTORY.format(files=MAX_FILES))]
    return []


def _screen_unknown(head: bytes) -> Problem:
    if head.startswith(ARCHIVE_MAGICS):
        return Problem("archive", ARCHIVE.format(files=MAX_FILES))
    if head.startswith(HEADLESS_DICOM):
        return Problem("dicom_without_preamble", NO_PREAMBLE)
    return Problem("unknown_format", UNKNOWN_FORMAT)
