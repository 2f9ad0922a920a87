"""What the sleep packages are for and where they fail, in the words the pages and reports use."""

from __future__ import annotations

from ml.contracts import Text

RESEARCH_USE = Text(
    "Research use, not a medical device.",
    "Usage de recherche, pas un dispositif médical.",
)
INTENDED_USE = Text(
    "A draft of the sleep stages of an adult's whole night, from one to two EEG channels and an EOG where "
    "there is one, for a person trained in scoring to check and correct before a physician signs. "
    + RESEARCH_USE.en,
    "Un brouillon des stades de sommeil d’une nuit entière chez l’adulte, à partir d’une ou deux voies "
    "EEG et "
    "d’un EOG s’il existe, qu’une personne formée à la lecture vérifie et corrige avant la signature d’un "
    "médecin. " + RESEARCH_USE.fr,
)
LIMITS = (
    Text(
        "Learned from 125 nights of 64 healthy adults recorded at home on one kind of device, and from the "
        "wake and deep sleep of five patients with suspected apnoea; not children, not narcolepsy, not a "
        "disturbed sleep under drugs.",
        "Appris sur 125 nuits de 64 adultes sains enregistrés à domicile avec un seul type d’appareil, et "
        "sur l’éveil et le sommeil profond de cinq patients suspects d’apnées ; ni enfants, ni narcolepsie, "
        "ni sommeil perturbé sous traitement.",
    ),
    Text(
        "N1 is the least reliable stage: about half of its epochs are called something else.",
        "N1 est le stade le moins fiable : environ la moitié de ses époques sont classées autrement.",
    ),
    Text(
        "Confidence was checked on the training device only; on another device it may be too high.",
        "La confiance n’a été vérifiée que sur l’appareil d’apprentissage ; sur un autre, elle peut être "
        "trop haute.",
    ),
    Text(
        "Needs most of a night: every epoch is judged against the rest of the recording.",
        "Il faut l’essentiel d’une nuit : chaque époque est jugée par rapport au reste de l’enregistrement.",
    ),
    Text(
        "The chin EMG is not used for staging; arousals, respiratory events and limb movements are not "
        "scored.",
        "L’EMG mentonnier n’est pas utilisé pour les stades ; micro-éveils, événements respiratoires et "
        "mouvements des membres ne sont pas cotés.",
    ),
    Text(
        "Statistics cover the whole recording until lights off and lights on are entered.",
        "Les statistiques portent sur tout l’enregistrement tant que l’extinction et le rallumage des "
        "lumières "
        "ne sont pas saisis.",
    ),
)
DATA = (
    "Sleep-EDF Expanded, sleep cassette study (PhysioNet; Kemp 2000, Goldberger 2000), ODC-By: band powers "
    "of 125 nights of 64 subjects; UCDDB (PhysioNet), ODC-By: the wake and N3 epochs of five raw recordings"
)
