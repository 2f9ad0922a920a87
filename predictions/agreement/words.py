"""What the parts of a report are called, and what each of them is not."""

from __future__ import annotations

from ml.contracts import Text

LEAST_PATIENTS = 10
"""Patients from which on intervals are drawn from them; of fewer they say more of the few than of others."""

TITLES = {
    "signed": Text("What was signed and the draft", "Hypnogrammes signés et brouillons"),
    "signed_unseen": Text(
        "Signed without sight of the answer, and the algorithm", "Signé sans voir la réponse, et algorithme"
    ),
    "scored": Text("Scorers and the draft they began with", "Scoreurs et brouillon de départ"),
    "scorers_apart": Text(
        "Two scorers of one night, working apart", "Deux scoreurs d’une même nuit, séparément"
    ),
    "scorers_dependent": Text(
        "Two scorers of one night, not independent", "Deux scoreurs d’une même nuit, non indépendants"
    ),
    "blind": Text("Blind first reads and the algorithm", "Premières lectures à l’aveugle et algorithme"),
    "final": Text("Signed readings and the algorithm", "Lectures signées et algorithme"),
    "minds": Text("Before and after the answer was shown", "Avant et après la réponse"),
    "readers": Text("Two blind readers of one image", "Deux lecteurs à l’aveugle d’une même image"),
    "reasons": Text("Opinions, and the reasons given", "Avis, et motifs donnés"),
    "verdicts": Text("What staff say of the figure", "Avis des soignants sur le chiffre"),
    "two_people": Text("Two people on one figure", "Deux personnes sur un même chiffre"),
    "births": Text("What was flagged and what the births came to", "Signalements et issue des accouchements"),
    "verdicts_births": Text("Opinions and what the births came to", "Avis et issue des accouchements"),
}
OF_TWO = (Text("one of the two", "l’un des deux"), Text("the other", "l’autre"))
SIDES = {
    "signed_unseen": (Text("signed", "signé"), Text("algorithm", "algorithme")),
    "signed": (Text("signed", "signé"), Text("draft", "brouillon")),
    "scored": (Text("scorer", "scoreur"), Text("draft", "brouillon")),
    "scorers_apart": OF_TWO,
    "scorers_dependent": OF_TWO,
    "blind": (Text("reader, blind", "lecteur, à l’aveugle"), Text("algorithm", "algorithme")),
    "final": (Text("signed", "signé"), Text("algorithm", "algorithme")),
    "minds": (Text("first read", "première lecture"), Text("last opinion", "dernier avis")),
    "readers": OF_TWO,
    "reasons": (Text("opinion", "avis"), Text("reason", "motif")),
    "verdicts": (Text("role", "fonction"), Text("opinion", "avis")),
    "two_people": OF_TWO,
    "births": (Text("blood loss", "pertes sanguines"), Text("figure", "chiffre")),
    "verdicts_births": (Text("blood loss", "pertes sanguines"), Text("opinion", "avis")),
}
ANCHORED = Text(
    "The person saw the draft first, and a draft pulls people along: this says how much of it stood, not how "
    "right it was, and it cannot be held against the agreement of people who work without a draft.",
    "La personne avait le brouillon sous les yeux, et un brouillon influence : ces chiffres disent ce qui en "
    "est resté, non s’il était juste, et ne se comparent pas à l’accord de personnes travaillant sans "
    "brouillon.",
)
NOT_RIGHT = Text(
    "Agreement is not correctness: both sides may be wrong together.",
    "L’accord n’est pas l’exactitude : les deux côtés peuvent se tromper ensemble.",
)
PAIRS = Text(
    " One person of a pair is always on the same side. A study of three people counts once for each pair of "
    "them; κ is then the mean of the pairs’ own (Light), never that of the table.",
    " Une personne d’une paire est toujours du même côté. Une étude de trois personnes compte une fois pour "
    "chaque paire ; κ est alors la moyenne de ceux des paires (Light), jamais celui du tableau.",
)
NOTES = {
    "signed_unseen": Text(
        "Signed in a silent evaluation, before anything of the algorithm was shown: free of its pull, and "
        "the fairest comparison there is. The signer is no gold standard.",
        "Signé en évaluation silencieuse, avant toute réponse de l’algorithme : sans son influence, la "
        "comparaison la plus juste. Le signataire n’est pas une référence absolue.",
    ),
    "signed": ANCHORED,
    "scored": ANCHORED,
    "scorers_apart": Text(
        "Neither saw the other’s scoring, but unless the night was in a silent evaluation both began with "
        "the same draft: they agree more than two people would who began with an empty page.",
        "Aucun n’a vu le scorage de l’autre, mais sauf en évaluation silencieuse tous deux sont partis du "
        "même brouillon : leur accord est plus grand que celui de deux personnes parties d’une page vide.",
    ),
    "scorers_dependent": Text(
        "One of the two saw or continued the other’s work: no measure of how well people agree.",
        "L’un des deux a vu ou repris le travail de l’autre : ce n’est pas une mesure de l’accord entre "
        "personnes.",
    ),
    "blind": Text(
        "Said before anything of the algorithm was shown: free of its pull. The reader is no gold standard, "
        "and “another abnormality” counts here as no pneumonia.",
        "Lecture faite avant toute réponse de l’algorithme : sans son influence. Le lecteur n’est pas une "
        "référence absolue, et « autre anomalie » compte ici comme absence de pneumonie.",
    ),
    "final": Text(
        "Sensitivity and specificity of the algorithm against what was signed. Whoever signed had read the "
        "answer, which flatters it; “disagree” is counted as the opposite answer.",
        "Sensibilité et spécificité de l’algorithme par rapport à ce qui a été signé. Le signataire avait lu "
        "la réponse, ce qui la flatte ; « pas d’accord » compte comme la réponse contraire.",
    ),
    "minds": Text(
        "How often an answer changed minds. Whether that was for the better is not known from this.",
        "Combien de fois la réponse a fait changer d’avis. Si c’était à raison, cela ne le dit pas.",
    ),
    "readers": Text(
        "Two readings made apart, before the answer: what people agree on among themselves, as a yardstick.",
        "Deux lectures séparées, avant la réponse : l’accord entre personnes, comme point de repère.",
    ),
    "reasons": Text(
        "The last opinion of each person on each answer. Who agrees is not asked why.",
        "Le dernier avis de chaque personne sur chaque réponse. L’accord ne demande pas de motif.",
    ),
    "verdicts": Text(
        "Whether staff found the figure fitting when they read it, not whether it was right. Who gave no "
        "opinion is not in it.",
        "Si les soignants ont trouvé le chiffre adapté à sa lecture, non s’il était juste. Qui n’a pas donné "
        "d’avis n’y figure pas.",
    ),
    "two_people": Text(
        "Who came later may have read the other’s opinion: no independent judgements.",
        "Qui est venu ensuite a pu lire l’avis de l’autre : ces jugements ne sont pas indépendants.",
    ),
    "births": Text(
        "The last figure before the birth against 1000 mL or more. Care that followed a high figure may have "
        "prevented what it predicted, which makes the figure look worse than it was.",
        "Le dernier chiffre avant l’accouchement, face à 1000 mL ou plus. Les soins donnés après un chiffre "
        "élevé ont pu prévenir ce qu’il annonçait, ce qui le fait paraître moins bon qu’il n’était.",
    ),
    "verdicts_births": Text(
        "Of the births, how many were severe by what staff had said of the figure. Few births carry an "
        "opinion: no comparison of people.",
        "Part des accouchements avec pertes sévères selon l’avis donné sur le chiffre. Peu d’accouchements "
        "portent un avis : ce n’est pas une comparaison de personnes.",
    ),
}
ANSWERS = {
    "normal": Text("no pneumonia", "pas de pneumonie"),
    "pneumonia": Text("pneumonia", "pneumonie"),
    "differed": Text("differed from it", "en différait"),
    "same": Text("said the same", "disait la même chose"),
    "differs": Text("differs from it", "en diffère"),
    "midwife": Text("midwife", "sage-femme"),
    "physician": Text("physician", "médecin"),
    "agree": Text("agree", "d’accord"),
    "disagree": Text("disagree", "pas d’accord"),
    "cannot_assess": Text("cannot assess", "ne peut pas évaluer"),
    "not_severe": Text("below 1000 mL", "moins de 1000 mL"),
    "severe": Text("1000 mL or more", "1000 mL ou plus"),
    "not_flagged": Text("not flagged", "non signalé"),
    "flagged": Text("flagged", "signalé"),
    "no_reason": Text("none", "aucun"),
    "clinical": Text("clinical information", "contexte clinique"),
    "poor_input": Text("poor input", "données de mauvaise qualité"),
    "false_positive": Text("known false positive", "faux positif connu"),
    "preference": Text("patient preference", "préférence du patient"),
    "other": Text("other", "autre"),
    "unseen": Text("signed unseen", "signé sans voir la réponse"),
}
STAGE_FOUND = Text(
    "of {stage}, {stage} on the other side too", "du stade {stage}, {stage} aussi de l’autre côté"
)
STAGE_BOTH = Text(
    "of {stage} said by either, said by both", "du stade {stage} dit par l’un ou l’autre, dit par les deux"
)
NO_INTERVAL = {
    "few_patients": Text(
        f"Fewer than {LEAST_PATIENTS} patients: no interval is drawn from so few.",
        f"Moins de {LEAST_PATIENTS} patients : pas d’intervalle à partir de si peu.",
    ),
    "no_spread": Text(
        "No interval for κ: the patients are too alike, or too many draws of them have none.",
        "Pas d’intervalle pour κ : les patients se ressemblent trop, ou trop de tirages n’en ont pas.",
    ),
}
SHARES = {
    "alike": Text("said the same", "même réponse"),
    "sensitivity": Text("sensitivity", "sensibilité"),
    "specificity": Text("specificity", "spécificité"),
    "said_agree": Text("agreed", "d’accord"),
    "said_disagree": Text("disagreed", "pas d’accord"),
    "said_cannot_assess": Text("could not assess", "n’ont pas pu évaluer"),
    "towards": Text("of those who differed, went over to the answer", "ralliés à la réponse après désaccord"),
    "away": Text("of those who said the same, left it", "ayant quitté la réponse après accord"),
    "severe_agree": Text("severe where somebody agreed", "sévères là où l’avis était d’accord"),
    "severe_disagree": Text("severe where somebody disagreed", "sévères là où l’avis était contraire"),
    "severe_cannot_assess": Text(
        "severe where somebody could not assess", "sévères là où l’avis était impossible"
    ),
    **{
        f"{verdict}_{role}": Text(f"{who.en}: {said.en}", f"{who.fr} : {said.fr}")
        for role, who in (("midwife", ANSWERS["midwife"]), ("physician", ANSWERS["physician"]))
        for verdict, said in ((code, ANSWERS[code]) for code in ("agree", "disagree", "cannot_assess"))
    },
}
LEFT_OUT = {
    "cannot_assess": Text("could not assess", "évaluation impossible"),
    "other_grid": Text(
        "of different lengths, or without an epoch both scored",
        "longueurs différentes, ou aucune époque commune",
    ),
    "draft_untouched": Text("signed as the draft stood", "signés tels que le brouillon"),
    "not_judged": Text("no opinion after the answer", "sans avis après la réponse"),
    "other_role": Text("by other roles", "par d’autres fonctions"),
    "other_version": Text("answered by another version", "réponse d’une autre version"),
    "no_operating_point": Text("without an operating point", "sans point de fonctionnement"),
    "no_outcome": Text("blood loss not recorded", "pertes sanguines non saisies"),
    "being_amended": Text("being amended", "en cours de rectification"),
    "unseen": Text(
        "signed without sight of the answer, no opinion of it",
        "signés sans voir la réponse, donc sans avis sur elle",
    ),
}

# Where the words of one differ from those of several.
ONE_LEFT_OUT = {
    "draft_untouched": Text("signed as the draft stood", "signé tel que le brouillon"),
    "unseen": Text(
        "signed without sight of the answer, no opinion of it",
        "signé sans voir la réponse, donc sans avis sur elle",
    ),
}


def left_out(why: str, n: int) -> Text:
    """Return why ``n`` were not counted."""
    return ONE_LEFT_OUT[why] if n == 1 and why in ONE_LEFT_OUT else LEFT_OUT[why]


def note(code: str, *, pairs: bool) -> Text:
    """Return what a part is not; of pairs of people also how they are counted."""
    said = NOTES[code]
    return Text(said.en + PAIRS.en, said.fr + PAIRS.fr) if pairs else said


def answer(code: str) -> Text:
    """Return what one side may say; stages are the same in both languages."""
    return ANSWERS.get(code, Text(code, code))


def share(name: str) -> Text:
    """Return the name of a share."""
    if name.startswith("found_"):
        return STAGE_FOUND.format(stage=name.removeprefix("found_"))
    if name.startswith("both_"):
        return STAGE_BOTH.format(stage=name.removeprefix("both_"))
    return SHARES[name]
