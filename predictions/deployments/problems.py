"""Why a deployment is refused, each in a sentence."""

from __future__ import annotations

from ml.contracts import Problem, Text

NO_UNIT = Problem(
    "unit_missing",
    Text(
        "No unit works with this model, so it has no live studies.",
        "Aucun service n’utilise ce modèle : il ne reçoit aucune étude réelle.",
    ),
    field="unit",
)
NO_MODE = Problem(
    "mode_missing",
    Text("Choose shadow, silent or canary.", "Choisissez ombre, silencieux ou canari."),
    field="mode",
)
NO_SHARE = Problem(
    "share_missing",
    Text(
        "Write the share of the patients as a whole number of per cent, from 1 to 100.",
        "Indiquez la part des patients par un nombre entier de pour cent, de 1 à 100.",
    ),
    field="share",
)
NO_PACKAGE = Problem(
    "package_broken",
    Text(
        "There is no whole package of this version that can serve. Choose another version, or train again.",
        "Il n’existe aucun paquet intact de cette version qui puisse servir. Choisissez une autre version, "
        "ou relancez un entraînement.",
    ),
    field="version",
)
SERVES_ALREADY = Problem(
    "serves_already",
    Text(
        "This version is in service already: beside itself it would show nothing. Choose another one, or "
        "silent mode.",
        "Cette version est déjà en service : à côté d’elle-même, elle ne montrerait rien. Choisissez-en une "
        "autre, ou le mode silencieux.",
    ),
    field="version",
)
NOT_JUDGED = Problem(
    "not_judged",
    Text(
        "Readers lean on a canary, so it has to pass the gate: nobody judged this version against the one in "
        "service. Propose it for service first; while that waits for its answer it may run as a canary.",
        "Les lecteurs s’appuient sur un canari : il doit satisfaire aux critères, et cette version n’a "
        "pas été évaluée face à celle en service. Proposez-la d’abord à la mise en service ; tant que la "
        "réponse est attendue, elle peut tourner en canari.",
    ),
    field="version",
)
GATE_REFUSED = Text(
    "The gate refused this version: {why}",
    "Cette version ne remplit pas les critères : {why}",
)
TAKEN = Problem(
    "unit_taken",
    Text(
        "Such a deployment runs or is proposed in this unit already. End it, or take it back, first.",
        "Un tel déploiement est déjà en cours ou proposé dans ce service. Mettez-y d’abord fin, ou "
        "retirez-le.",
    ),
)
ANSWERS_THERE = Problem(
    "answers_there",
    Text(
        "This version answers the studies of this unit itself just now: a shadow of it would be compared "
        "with nothing.",
        "Cette version répond elle-même, en ce moment, aux études de ce service : son ombre ne serait "
        "comparée à rien.",
    ),
    field="version",
)
NO_SHARE_ASKED = Problem(
    "share_not_asked",
    Text(
        "Only a canary takes a share of the patients; the other modes take all. Leave the share out.",
        "Seul un canari prend une part des patients ; les autres modes les prennent tous. N’indiquez pas "
        "de part.",
    ),
    field="share",
)
PROPOSER_LEFT = Problem(
    "proposer_left",
    Text(
        "The account of whoever proposed this was closed since: two people have to stand behind it. Have "
        "another steward propose it.",
        "Le compte de la personne qui l’a proposé a été fermé depuis : deux personnes doivent en répondre. "
        "Faites-le proposer par un autre responsable des modèles.",
    ),
)
SERVING_BROKEN = Problem(
    "serving_broken",
    Text(
        "The package of the version in service is missing or damaged: nothing can run beside it. Return to "
        "the former version, or have the package put back.",
        "Le paquet de la version en service est absent ou altéré : rien ne peut tourner à côté. Rétablissez "
        "la version antérieure, ou faites remettre le paquet.",
    ),
    field="version",
)
PACKAGE_CHANGED = Problem(
    "package_changed",
    Text(
        "The package is missing or is not the one that was proposed, so nothing was started. Propose it "
        "again.",
        "Le paquet est absent ou n’est pas celui qui a été proposé : rien n’a été lancé. Proposez-le de "
        "nouveau.",
    ),
)
DECIDED = Problem(
    "decided_meanwhile",
    Text(
        "This was decided meanwhile; the page shows how it stands now.",
        "La décision a été prise entre-temps ; la page montre où elle en est.",
    ),
)
