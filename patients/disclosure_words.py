"""Plain words for patients: who, in what role, and what was done with a record."""

from __future__ import annotations

from collections.abc import Mapping

from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import COMMAND_LINE, WORKER
from ml.contracts import Text

UNNAMED = Text("nobody who was logged in", "personne non connectée")
ANYTHING = {
    WORKER: Text("Vigie, automatically", "Vigie, automatiquement"),
    COMMAND_LINE: Text("the technical team", "l’équipe technique"),
}
ROLES: Mapping[str, Text] = {
    Role.MIDWIFE: Text("midwife", "sage-femme"),
    Role.RADIOLOGIST: Text("radiologist", "radiologue"),
    Role.TECHNICIAN: Text("sleep technician", "technicien du sommeil"),
    Role.PHYSICIAN: Text("physician", "médecin"),
    Role.ADMIN: Text("administrator", "administrateur"),
    Role.STEWARD: Text("in charge of the algorithms", "responsable des algorithmes"),
}

BY_ACTION: Mapping[Action, Text] = {
    Action.LOGIN: Text("Logged in", "S’est connecté"),
    Action.LOGOUT: Text("Logged out", "S’est déconnecté"),
    Action.LOGIN_FAILED: Text("Failed to log in", "N’a pas réussi à se connecter"),
    Action.REFUSED: Text(
        "Tried to open your record and was refused", "A tenté d’ouvrir votre dossier ; l’accès a été refusé"
    ),
    Action.SEARCH: Text("Found you in a search", "Vous a trouvé par une recherche"),
    Action.CREATE: Text("Added to your record", "A ajouté un élément à votre dossier"),
    Action.VIEW: Text("Looked at your record", "A consulté votre dossier"),
    Action.UPDATE: Text("Changed your record", "A modifié votre dossier"),
    Action.DOWNLOAD: Text("Took out a document", "A téléchargé un document"),
    Action.SUBMIT: Text("Sent an examination for analysis", "A envoyé un examen pour analyse"),
    Action.RETRY: Text("Sent an examination again", "A renvoyé un examen pour analyse"),
    Action.PREDICT: Text("Analysed an examination", "A analysé un examen"),
    Action.EXPLAIN: Text("Worked out the reasons for a result", "A calculé l’explication d’un résultat"),
    Action.REFUSE_INPUT: Text("Could not use what was sent", "N’a pas pu utiliser les données envoyées"),
    Action.FAIL: Text("Failed to analyse an examination", "N’a pas pu analyser un examen"),
    Action.REVIEW: Text("Gave an opinion on a result", "A donné un avis sur un résultat"),
    Action.SIGN: Text("Signed a result", "A signé un résultat"),
    Action.AMEND: Text("Corrected a signed result", "A rectifié un résultat signé"),
    Action.UPLOAD: Text("Sent a file", "A envoyé un fichier"),
    Action.TRAIN: Text("Used figures for a training", "A utilisé des chiffres pour un apprentissage"),
    Action.ACCEPT: Text("Accepted", "A accepté"),
    Action.REJECT: Text("Did not accept", "N’a pas accepté"),
    Action.SERVE: Text("Put into service", "A mis en service"),
    Action.ROLL_BACK: Text("Returned to an earlier version", "Est revenu à une version antérieure"),
    Action.DISCARD: Text("Deleted something", "A supprimé un élément"),
    Action.BREAK_GLASS: Text(
        "Opened your record in an emergency, giving a reason",
        "A ouvert votre dossier en urgence, en indiquant un motif",
    ),
    Action.END_ACCESS: Text("Ended the emergency access", "A mis fin à l’accès en urgence"),
    Action.REAUTHENTICATE: Text("Confirmed who they are", "A confirmé son identité"),
    Action.LOCK: Text("Was locked out", "A vu son accès bloqué"),
    Action.EXPORT: Text("Took data out of the record", "A extrait des données de votre dossier"),
    Action.HOLD: Text("Protected your record from erasure", "A protégé votre dossier contre l’effacement"),
    Action.RELEASE: Text("Ended that protection", "A levé cette protection"),
    Action.REQUEST: Text("Asked for an erasure", "A demandé un effacement"),
    Action.APPROVE: Text("Approved an erasure", "A approuvé un effacement"),
    Action.DECLINE: Text("Declined an erasure", "A refusé un effacement"),
    Action.ERASE: Text("Erased data", "A effacé des données"),
    Action.ISSUE: Text("Issued an access key", "A délivré une clé d’accès"),
    Action.REVOKE: Text("Withdrew an access key", "A retiré une clé d’accès"),
    Action.DEPLOY: Text("Let a version run beside", "A fait tourner une version à côté"),
    Action.WITHDRAW: Text("Took something back", "A retiré un élément"),
    Action.REPLAY: Text("Computed a result again", "A recalculé un résultat"),
    Action.BACK_UP: Text("Made a backup", "A fait une sauvegarde"),
    Action.RESTORE: Text("Restored a backup", "A restauré une sauvegarde"),
    Action.ADMIN: Text("Administered", "A administré"),
}

BY_KIND: Mapping[tuple[Action, str], Text] = {
    (Action.VIEW, "study"): Text("Looked at a result", "A consulté un résultat"),
    (Action.VIEW, "artefact"): Text("Looked at an image or a curve", "A consulté une image ou un tracé"),
    (Action.VIEW, "signals"): Text("Looked at a recording", "A consulté un enregistrement"),
    (Action.VIEW, "scoring_room"): Text(
        "Looked at a sleep recording", "A consulté un enregistrement du sommeil"
    ),
    (Action.VIEW, "scoring_comparison"): Text(
        "Compared readings of a sleep recording", "A comparé des lectures d’un enregistrement du sommeil"
    ),
    (Action.VIEW, "form"): Text("Opened the form of an examination", "A ouvert le formulaire d’un examen"),
    (Action.VIEW, "what_if"): Text(
        "Tried other values on a form", "A essayé d’autres valeurs d’un formulaire"
    ),
    (Action.VIEW, "worklist"): Text(
        "Saw you in a list of examinations", "Vous a vu dans une liste d’examens"
    ),
    (Action.VIEW, "audit"): Text(
        "Looked up who opened your record", "A consulté la liste des accès à votre dossier"
    ),
    (Action.DOWNLOAD, "audit"): Text(
        "Took out the list of who opened your record", "A téléchargé la liste des accès à votre dossier"
    ),
    (Action.CREATE, "disclosure"): Text(
        "Had this list written", "A fait établir la liste des accès à votre dossier"
    ),
    (Action.DOWNLOAD, "disclosure"): Text(
        "Took out the list of who opened your record", "A téléchargé la liste des accès à votre dossier"
    ),
    (Action.EXPORT, "audit"): Text(
        "Took out the log of your record", "A extrait le journal de votre dossier"
    ),
    (Action.SEARCH, "study"): Text("Saw you in a list of examinations", "Vous a vu dans une liste d’examens"),
    (Action.CREATE, "patient"): Text("Opened a record for you", "A créé votre dossier"),
    (Action.UPDATE, "patient"): Text("Corrected who you are", "A corrigé votre identité"),
    (Action.CREATE, "encounter"): Text("Entered a stay", "A saisi une venue"),
    (Action.UPDATE, "encounter"): Text("Changed a stay", "A modifié une venue"),
    (Action.CREATE, "blood_loss"): Text("Entered a blood loss", "A saisi des pertes sanguines"),
    (Action.UPDATE, "blood_loss"): Text("Corrected a blood loss", "A corrigé des pertes sanguines"),
    (Action.CREATE, "document"): Text("Had a document written", "A fait établir un document"),
    (Action.CREATE, "export"): Text("Had an anonymised copy made", "A fait établir une copie anonymisée"),
    (Action.DOWNLOAD, "export"): Text("Took out an anonymised copy", "A téléchargé une copie anonymisée"),
    (Action.DOWNLOAD, "births"): Text(
        "Took out figures of births for a training",
        "A extrait des chiffres d’accouchements pour un apprentissage",
    ),
    (Action.EXPORT, "training_set"): Text(
        "Used your data, without your name, to train an algorithm",
        "A utilisé vos données, sans votre nom, pour entraîner un algorithme",
    ),
    (Action.UPDATE, "research"): Text(
        "Recorded what you say about the use of your data for research",
        "A noté ce que vous dites de l’utilisation de vos données pour la recherche",
    ),
    (Action.CREATE, "scoring"): Text("Began to score a night", "A commencé à coter une nuit"),
    (Action.UPDATE, "scoring"): Text("Scored a night", "A coté une nuit"),
    (Action.ERASE, "payload"): Text("Erased details of this log", "A effacé des détails de ce journal"),
}
