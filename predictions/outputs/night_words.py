"""The fixed words of the report of a night, in both languages."""

from __future__ import annotations

from ml.contracts import Text

TITLE = Text("Polysomnography: report of the night", "Polysomnographie : compte rendu de la nuit")
SIMULATED = Text("SIMULATED RECORDING. ", "ENREGISTREMENT SIMULÉ. ")
DRAFT = Text("Draft staging by the AI, to be checked. ", "Brouillon de l’IA, à vérifier. ")
UNDER_WAY = Text(
    "A scoring by {who} is under way and is not in this document. ",
    "Un scorage par {who} est en cours et ne figure pas dans ce document. ",
)
SLEPT = Text("{tst} of sleep in {trt}, efficiency {se}.", "{tst} de sommeil sur {trt}, efficacité {se}.")
NO_SLEEP = Text("No sleep in {trt} of recording.", "Aucun sommeil sur {trt} d’enregistrement.")
NOTHING_SCORED = Text(
    "None of the {trt} of recording is staged.", "Aucune des époques ({trt} d’enregistrement) n’est cotée."
)

RECORDED = Text("Recorded", "Enregistrement")
FROM_TO = Text("{day}, from {start} to {end} ({length})", "{day}, de {start} à {end} ({length})")
NO_START = Text(
    "{length}; the file does not say when it began", "{length} ; le fichier n’indique pas l’heure de début"
)
LIGHTS = Text("Lights", "Lumières")
LIGHTS_SAID = Text("off {off}, on {on}", "extinction {off}, rallumage {on}")
NOT_ENTERED = Text("not entered", "non saisie")
WHOLE = Text(
    "not entered: figures are over the whole recording",
    "non saisies : les chiffres portent sur tout l’enregistrement",
)
HYPNOGRAM = Text("Reported hypnogram", "Hypnogramme retenu")
SCORED_BY = Text(
    "scored by {who}: {changed} of {epochs} epochs changed from the AI draft ({share})",
    "scoré par {who} : {changed} époques sur {epochs} modifiées par rapport au brouillon de l’IA ({share})",
)
SCORED_AS_IS = Text(
    "scored by {who}, who changed no epoch of the AI draft",
    "scoré par {who}, sans modifier aucune époque du brouillon de l’IA",
)
UNTOUCHED = Text(
    "the AI draft; no epoch was changed by hand; {uncertain} of {epochs} epochs are uncertain",
    "le brouillon de l’IA ; aucune époque modifiée à la main ; {uncertain} époques sur {epochs} incertaines",
)
UNSCORED = Text("{count} epochs are unscored ({length})", "{count} époques non cotées ({length})")
CHANNELS = Text("Channels used by the AI", "Voies utilisées par l’IA")
NETWORKS = Text("Networks of the AI", "Réseaux de l’IA")
DERIVATIONS = Text("Derivations that voted", "Dérivations qui ont voté")

ALT = Text(
    "Hypnogram over the clock: {said} The AI draft, the probabilities of the stages and, where recorded, "
    "oxygen saturation stand below it on the same clock; the figures are in the tables.",
    "Hypnogramme au fil de l’heure : {said} Le brouillon de l’IA, les probabilités des stades et, si elle a "
    "été enregistrée, la saturation en oxygène figurent au-dessous à la même échelle ; les chiffres sont "
    "dans les tableaux.",
)
VERDICT_ON_DRAFT = Text("Verdict on the AI draft", "Avis sur le brouillon de l’IA")
EVENTS = Text("Arousals and artefacts", "Micro-éveils et artéfacts")
AROUSALS = Text("Arousals scored", "Micro-éveils scorés")
ARTEFACTS = Text("Epochs marked as artefact", "Époques marquées comme artéfact")
NOT_SCORED = Text("not scored", "non scorés")

DRAFT_AGREES = Text("AI draft with the reported hypnogram", "Brouillon de l’IA et hypnogramme retenu")
WITH_REPORTED = Text("{name} and reported hypnogram", "{name} et hypnogramme retenu")
SCORERS_AGREE = Text("{first} with {second}", "{first} et {second}")
APART = Text("scored apart", "scorages indépendants")
KAPPA = Text(
    "κ {value}{interval}, {accuracy} of {epochs} epochs alike",
    "κ {value}{interval}, {accuracy} des {epochs} époques identiques",
)
INTERVAL = Text(" (95 % interval {low} to {high})", " (intervalle à 95 % : {low} à {high})")
UNDEFINED = Text("undefined", "non défini")
SIGNAL = Text("Signal: epochs with a defect", "Signal : époques avec défaut")
REASONS = {
    "flat": Text("flat", "plat"),
    "clipped": Text("clipped", "écrêté"),
    "mains": Text("50 Hz mains", "secteur 50 Hz"),
    "detached": Text("electrode detached", "électrode détachée"),
    "artefact": Text("artefact", "artéfact"),
    "no_usable_eeg": Text("no usable EEG", "aucun EEG exploitable"),
}
OF_EPOCHS = Text("{count} epochs ({share})", "{count} époques ({share})")
COMMENT_AT = Text("{clock}, epoch {number}", "{clock}, époque {number}")
# What night.typ writes itself.
WORDS = {
    "statistics": Text("Sleep statistics", "Statistiques du sommeil"),
    "figure": Text("Figure", "Mesure"),
    "value": Text("Value", "Valeur"),
    "formula": Text("How it is computed", "Mode de calcul"),
    "stages": Text("Time in each stage", "Temps dans chaque stade"),
    "stage": Text("Stage", "Stade"),
    "time": Text("Time", "Durée"),
    "of_tst": Text("% of TST", "% du TST"),
    "of_spt": Text("% of SPT", "% du SPT"),
    "draft_time": Text("AI draft", "Brouillon de l’IA"),
    "comments": Text("Comments of the scorer", "Commentaires du scoreur"),
    "when": Text("When", "Heure"),
    "said": Text("Comment", "Commentaire"),
    "other": Text("other definition:", "autre définition :"),
    "agreement": Text("Agreement", "Concordance"),
    "this_night": Text(
        "Intervals are of this night alone, by resampled stretches of ten minutes; unscored epochs are left "
        "out.",
        "Intervalles propres à cette nuit, par rééchantillonnage de plages de dix minutes ; époques non "
        "cotées exclues.",
    ),
    "counted": Text("Counted", "Compte"),
    "density": Text("Density", "Densité"),
    "mean_duration": Text("Mean duration", "Durée moyenne"),
    "mean_frequency": Text("Mean frequency", "Fréquence moyenne"),
    "mean_amplitude": Text("Mean amplitude", "Amplitude moyenne"),
}
