"""What each invented input is, and what the algorithm should say of it."""

from __future__ import annotations

from dataclasses import dataclass

from ml import registry
from ml.contracts import Contract, Text
from predictions.testbench.models import ALGORITHMS, Sample


@dataclass(frozen=True, slots=True)
class Words:
    """One input as the page offers it."""

    code: str
    label: str
    what: Text
    expected: Text

    @property
    def contract(self) -> Contract:
        """The contract of the algorithm it goes to."""
        return registry.contract(ALGORITHMS[Sample(self.code)])


_ANSWER = Text("Expected: an answer.", "Attendu : une réponse.")
_SAID = {
    Sample.NIGHT: (
        Text(
            "A whole night of simulated signals. The stages it was made of stand beside the answer.",
            "Une nuit entière de signaux simulés. Les stades d’origine figurent à côté de la réponse.",
        ),
        _ANSWER,
    ),
    Sample.NOISE: (
        Text("An hour of noise on every channel.", "Une heure de bruit sur chaque voie."),
        Text(
            "Expected: an answer with the warning that derivations, staged alone, see quite another night "
            "than the draft.",
            "Attendu : une réponse, avec l’avertissement que des dérivations, analysées seules, montrent une "
            "tout autre nuit que le brouillon.",
        ),
    ),
    Sample.FILM: (
        Text(
            "A drawn frontal film as DICOM. The score says nothing: nobody was X-rayed.",
            "Un cliché de face dessiné, en DICOM. Le score ne dit rien : personne n’a été radiographié.",
        ),
        _ANSWER,
    ),
    Sample.PHANTOM: (
        Text(
            "The test object with which a detector is checked: no chest.",
            "L’objet de contrôle d’un détecteur : pas de thorax.",
        ),
        Text(
            "Expected: refused at the gate as no frontal chest X-ray.",
            "Attendu : refusé à l’entrée, car ce n’est pas un thorax de face.",
        ),
    ),
    Sample.ADMISSION: (
        Text(
            "One of six invented women, as another one might have come, admitted now.",
            "L’une de six patientes fictives, telle qu’une autre aurait pu se présenter, admise à l’instant.",
        ),
        _ANSWER,
    ),
    Sample.CREDIT: (
        Text("One invented row of the reference task.", "Une ligne fictive de la tâche de référence."),
        _ANSWER,
    ),
    Sample.ACCIDENT: (
        Text("One invented row of the reference task.", "Une ligne fictive de la tâche de référence."),
        _ANSWER,
    ),
}


def samples() -> list[Words]:
    """Return every input that can be sent, in the order shown."""
    return [Words(sample.value, str(sample.label), *_SAID[sample]) for sample in Sample]
