"""What can be wrong with a stored file, in words."""

from __future__ import annotations

from ml.contracts import Problem, Refused, Text

DAMAGED = Problem(
    "stored_file_damaged",
    Text(
        "A stored file of this study is damaged or was changed, so it is not shown or analysed. Tell IT: it "
        "can be restored from a backup. If the original is at hand, send it again.",
        "Un fichier conservé de cette étude est abîmé ou a été modifié : il n’est ni montré ni analysé. "
        "Prévenez le service informatique, qui peut le restaurer d’une sauvegarde. Si l’original est "
        "disponible, envoyez-le de nouveau.",
    ),
)
MISSING = Problem(
    "stored_file_missing",
    Text(
        "A stored file of this study is not there any more. Tell IT: it can be restored from a backup. If "
        "the original is at hand, send it again.",
        "Un fichier conservé de cette étude n’est plus là. Prévenez le service informatique, qui peut le "
        "restaurer d’une sauvegarde. Si l’original est disponible, envoyez-le de nouveau.",
    ),
)
NO_KEY = Problem(
    "storage_key_missing",
    Text(
        "A stored file of this study is encrypted under a key that this installation does not have. Tell IT: "
        "the former key has to be put back.",
        "Un fichier conservé de cette étude est chiffré avec une clé que cette installation ne possède pas. "
        "Prévenez le service informatique : l’ancienne clé doit être remise en place.",
    ),
)
NOT_ENCRYPTED = Problem(
    "stored_file_not_encrypted",
    Text(
        "A stored file of this study is not encrypted as it should be, so it is not opened. Tell IT: files "
        "of before the upgrade are encrypted by the command encrypt_storage.",
        "Un fichier conservé de cette étude n’est pas chiffré comme il devrait l’être : il n’est pas ouvert. "
        "Prévenez le service informatique : la commande encrypt_storage chiffre les fichiers d’avant la mise "
        "à niveau.",
    ),
)
NO_KEY_TO_KEEP = Problem(
    "no_key_to_keep",
    Text(
        "The file cannot be kept: the key that encrypts it cannot be read. Tell IT, then send it again.",
        "Le fichier ne peut pas être conservé : la clé qui le chiffre est illisible. Prévenez le service "
        "informatique, puis renvoyez-le.",
    ),
)
WRONG_KEY_TO_KEEP = Problem(
    "wrong_key_to_keep",
    Text(
        "The file cannot be kept: the key that is here is not the one of the files that are stored already. "
        "Tell IT, then send it again.",
        "Le fichier ne peut pas être conservé : la clé en place n’est pas celle des fichiers déjà conservés. "
        "Prévenez le service informatique, puis renvoyez-le.",
    ),
)


class Damaged(Refused):
    """A stored file that cannot be opened or is not what was stored; its problem says which."""
