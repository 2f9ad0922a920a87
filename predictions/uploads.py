"""The files of a study as they come in: received one by one, and everything wrong with them by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.core.files.base import File

from ml import registry
from ml.contracts import Contract, InputKind, Problem, Text
from predictions import storage

NO_FILE = Problem(
    "file_missing",
    Text("No file came with the request. Choose one.", "Aucun fichier n’a été reçu. Choisissez-en un."),
    field="file",
)
TOO_MANY_FILES = Text(
    "{sent} files came, and one study takes {limit} at most. Send the others as a study of their own.",
    "{sent} fichiers ont été reçus et une étude en prend {limit} au plus. Envoyez les autres dans une étude "
    "à part.",
)
SAME_FILE = Text(
    "It is the same file as number {earlier}. Remove one of the two.",
    "C’est le même fichier que le numéro {earlier}. Retirez l’un des deux.",
)
OF_SEVERAL = Text("File {number}: {said}", "Fichier {number}\u00a0: {said}")


def listed(upload: File | Sequence[File] | None) -> list[File]:
    """Return one upload, several or none as a list."""
    if upload is None:
        return []
    return [upload] if isinstance(upload, File) else list(upload)


def received(contract: Contract, uploads: Sequence[File]) -> list[storage.Received]:
    """Return each upload streamed to disk; nothing where the contract takes a form."""
    if contract.input_kind is not InputKind.FILE:
        return []
    return [
        upload.received
        if isinstance(upload, storage.StreamedUpload)
        else storage.receive(upload, limit=contract.limits.upload_bytes)
        for upload in uploads
    ]


def check(contract: Contract, files: Sequence[storage.Received]) -> list[Problem]:
    """Return everything wrong with the files by their number, sizes and heads."""
    limits, sent = contract.limits, len(files)
    if not sent:
        return [NO_FILE]
    problems = []
    if sent > contract.max_files:
        message = TOO_MANY_FILES.format(sent=sent, limit=contract.max_files)
        problems.append(Problem("too_many_files", message, field="file"))
    # Said once of all files, whether the upload was cut short for it or is only now counted.
    cut = [file.problem for file in files if file.problem and file.problem.code == storage.TOGETHER]
    if cut or (sent > 1 and sum(file.size for file in files) > limits.request_bytes):
        problems.append(cut[0] if cut else storage.too_large_together(limits.request_bytes))
    first: dict[str, int] = {}
    for number, file in enumerate(files):
        earlier = first.setdefault(file.sha256, number)
        found = [] if file.problem in cut else _wrong(contract, file)
        if not found and earlier != number:
            found = [Problem("same_file_twice", SAME_FILE.format(earlier=earlier + 1))]
        problems += found if sent == 1 else [_of_several(problem, number) for problem in found]
    return problems


def _wrong(contract: Contract, file: storage.Received) -> list[Problem]:
    """Return what is wrong with one file, judged by its size and its head."""
    if file.problem:
        return [file.problem]
    if file.size > contract.limits.upload_bytes:
        return [storage.too_large(contract.limits.upload_bytes)]
    return registry.door(contract.name, "contract").screen(file.head, file.size)


def _of_several(problem: Problem, number: int) -> Problem:
    """Say of which file a problem is; the field lets the page add the name that its sender gave it."""
    said = problem.message
    message = Text(
        OF_SEVERAL.en.format(number=number + 1, said=said.en),
        OF_SEVERAL.fr.format(number=number + 1, said=said.fr),
    )
    return replace(problem, message=message, field=f"file[{number}]")
