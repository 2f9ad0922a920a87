"""What the columns of hospital tables are called, in French and English. Standard library only."""

from __future__ import annotations

import re
import unicodedata

from ml.algorithms.haemorrhage.mapping.fields import DATE, LOSS, MOTHER, SEVERE
from ml.contracts import Text


def plain(name: str) -> str:
    """Return a name in lower-case words without accents: ``"Hémoglobine (g/L)"`` is ``"hemoglobine g l"``."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("œ", "oe").replace("Œ", "oe"))
    bare = unicodedata.normalize("NFKD", spaced).encode("ascii", "ignore").decode("ascii").lower()
    return " ".join(re.findall(r"[a-z]+|[0-9]+", bare))


# Said of an earlier pregnancy or birth: such a column is history, whatever else its name says.
EARLIER = re.compile(
    r"\b(atcd|antecedents?|anterieur(e|s|es)?|previous|prior|prev|past|history|hx|ant|precedent(e|es)?|"
    r"former)\b"
)

# Known only after admission, under the names exports give it.
LEAKS: tuple[tuple[Text, str], ...] = (
    (
        Text("how long labour or the birth took", "la durée du travail ou de l’accouchement"),
        r"\b(duree|duration|length)\b.*\b(travail|labou?r|expulsion|stage|efforts?|delivery|"
        r"oxytocin\w*|ocytocin\w*)\b|\b(labou?r|stage|travail|expulsion|oxytocin\w*|"
        r"ocytocin\w*)\b.*\b(duree|duration|minutes?|min|hours?|heures?)\b|\b(second|third|"
        r"first) stage\b|\bpartogram\w*\b|\bdilatation\b|\bdilation\b",
    ),
    (
        Text("oxytocin given in labour or after", "l’ocytocine reçue pendant ou après le travail"),
        r"\b(ocytocin\w*|oxytocin\w*|syntocinon|direction du travail|augmentation)\b",
    ),
    (
        Text("the weight or state of the newborn", "le poids ou l’état du nouveau-né"),
        r"\b(birth ?weight|birth ?wt|poids (de |a la |du )?(naissance|naiss|nne?|nouveau ne|enfant|"
        r"bebe)|pdn|neonatal weight|newborn|nouveau ne|apgar|ph (arteriel|cordon|au cordon)|umbilical|"
        r"cord ph|neonwt)\b",
    ),
    (
        Text("the way the birth went", "la voie d’accouchement"),
        r"\b(mode|voie|route|type|issue)\b.*\b(accouchement|acc|delivery|birth|voie basse)\b|"
        r"\bdelivery (mode|type|route|method)\b|\b(forceps|ventouse|vacuum|spatules?|instrumental\w*|"
        r"extraction)\b|\bvoie (basse|haute)\b|\bvaginal (delivery|birth)\b|\b(emergency|unplanned|"
        r"urgences?|urgente?|en urgence|intrapartum|pendant le travail)\b.*\b(caesarean|cesarean|section|"
        r"cesarienne)\b|\b(caesarean|cesarean|cesarienne)\b.*\b(emergency|unplanned|urgences?|urgente?|"
        r"en urgence|intrapartum|cours de travail|pendant le travail)\b|^(mode|delivery|cesarienne|"
        r"caesarean|cesarean|c section)$",
    ),
    (
        Text("the perineum", "le périnée"),
        r"\b(episio\w*|dechirures?|tears?|laceration\w*|perinee|perine(al|um)|suture)\b",
    ),
    (
        Text("transfusion", "la transfusion"),
        r"\b(transfus\w*|transf|cgr|culots?|rbc|red cells?|pfc|ffp|packed cells?|"
        r"concentres? (globulaires?|erythrocytaires?))\b",
    ),
    (
        Text("blood loss or the haemorrhage itself", "les pertes sanguines ou l’hémorragie elle-même"),
        r"\b(pertes?( sanguines?| de sang)?|blood ?loss|ebl|qbl|mbl|saignements?( (totale?|total|"
        r"post\w*))?|hpp\w*|pph|hemorragie( grave| severe)?( du)? post ?partum|"
        r"postpartum h(a)?emorrhage|h(a)?emorrhage severe|atonie|atony|bilan sanguin)\b",
    ),
    (
        Text("treatment of a haemorrhage", "le traitement d’une hémorragie"),
        r"\b(sulproston\w*|nalador|carboprost|misoprostol post\w*|tranexami\w*|exacyl|txa|"
        r"embolisation|embolization|ballon(net)? de bakri|bakri|tamponn\w*|tamponade|ligature|"
        r"capitonnage|b lynch|hysterectom\w*|revision uterine|delivrance (artificielle|manuelle)|"
        r"delivrance|da ru|manual removal|retained placenta|retention placentaire|massage uterin)\b",
    ),
    (
        Text("a result from after the birth", "un résultat d’après l’accouchement"),
        r"\b(hb|hemoglobin\w*|haemoglobin\w*|plaquettes|platelets|fibrinogen\w*|hematocrit\w*|"
        r"ht)\b.*\b(post\w*|apres|after|j ?[1-9]|sortie|discharge|minim\w*|nadir|lowest|"
        r"suites? de couches)\b|\b(post ?partum|apres (l )?accouchement|after birth|delta)\b.*\b(hb|"
        r"hemoglobin\w*|haemoglobin\w*)\b|\bdelta hb\b|\bhb post\b",
    ),
    (
        Text("what happened after the birth", "ce qui s’est passé après l’accouchement"),
        r"\b(duree (de |du )?sejour|length of stay|los|reanimation|transfert (en )?rea\w*|icu|"
        r"intensive care|date (de )?sortie|discharge|deces|maternal death|rehospitali\w*|readmission|"
        r"infection (du )?post ?partum|endometrite)\b",
    ),
)
_LEAKS = tuple((words, re.compile(pattern)) for words, pattern in LEAKS)
# Estimated before the birth, or planned: not what the words of a birth otherwise mean.
BEFORE_BIRTH = re.compile(
    r"\b(estime\w*|estimated|epf|efw|prevue?|planned|programmee?|elective|avant travail|refus\w*|antepartum|"
    r"ante partum|"
    r"debut (du |de )?travail|onset)\b"
)


def leak(name: str) -> Text | None:
    """Return in words what a column holds that admission cannot know, ``None`` for any other column."""
    words = plain(name)
    if EARLIER.search(words) or BEFORE_BIRTH.search(words):
        return None
    return next((what for what, pattern in _LEAKS if pattern.search(words)), None)


# Which field a column probably holds: the first pattern that fits wins, so the narrow ones stand first.
NAMES: tuple[tuple[str, str], ...] = (
    (MOTHER, r"^(id|ipp|nip|num\w*|no|numero|identifiant|pseudo\w*|code)?\s*(de la |du |of )?(mere|"
            r"mother|maman|patiente?|femme|woman)( (id|no|num\w*|number|identifier))?$|^(ipp|nip|"
            r"mother ?id|patient ?id|pseudonym\w*)$|\bid (mere|mother|patiente?)\b"),
    ("birth_date", r"^(ddn|dob|date ?naiss?(ance)?|datenais\w*|date (de )?naiss?(ance)?)( (de la )?(mere|"
            r"mother|patiente?|maternelle))?$|\b(mother|maternal|mere|patiente?) (birth ?date|"
            r"date of birth|dob)\b|^(birth ?date|date of birth)$"),
    (DATE, r"\b(date|dt)\b.*\b(admission|adm|entree|accouchement|acc|delivery|birth|arrivee|"
            r"hospitalisation)\b|\b(admission|delivery|accouchement|arrival)\b.*\b(date|at|"
            r"time)\b|^(dateacc\w*|admission|date)$"),
    ("previous_pph", r"\b(atcd|antecedents?|previous|prior|history|hx|prev)\b.*\b(hpp|pph|hemorragie|"
            r"haemorrhage|hemorrhage)\b"),
    ("previous_caesareans", r"\b(atcd|antecedents?|previous|prior|history|prev|nb|nombre|"
            r"number)\b.*\b(cesariennes?|caesareans?|cesareans?|cs|sections?|cicatri\w*)\b|"
            r"\b(cesariennes?|caesareans?|cesareans?)\b.*\b(anterieur\w*|previous|prior|ant)\b|"
            r"\buterus cicatri\w*\b|^prev ?cs$"),
    ("antepartum_bleeding",
            r"\b(antepartum|ante partum|metrorragies?|hrp|abruptio\w*|hematome retro ?placentaire|"
            r"aph)\b"),
    (LOSS, r"\b(pertes?|blood ?loss|ebl|qbl|mbl|saignements?)\b"),
    (SEVERE, r"\b(hpp|pph|hemorragie du post ?partum|postpartum h(a)?emorrhage)\w*\b"),
    ("estimated_fetal_weight_g",
            r"\b(epf|efw)\b|\b(poids|weight)\b.*\b(estime\w*|estimated|foetal|fetal|foetus)\b|"
            r"\b(estime\w*|estimated|foetal|fetal)\b.*\b(poids|weight)\b"),
    ("severe_preeclampsia", r"\bhellp\b|\b(pre ?eclampsi[ae]|pe)\b.*\b(sev\w*|grave)\b|"
            r"\bsev\w*\b.*\bpre ?eclampsi[ae]\b"),
    ("preeclampsia", r"\bpre ?eclampsi[ae]\b|^pe$"),
    ("gestational_hypertension", r"\bhtag\b|\b(hta|hypertension|htn|hypertensive)\b"),
    ("gestational_diabetes", r"\b(diabete\w*|diabetes|dg|gdm|diab)\b"),
    ("polyhydramnios", r"\b(poly)?hydramnios\b"),
    ("fibroids", r"\b(fibrome\w*|fibroids?|myome\w*|myomas?|leiomyoma\w*)\b"),
    ("anticoagulant", r"\b(anti ?coag\w*|hbpm|lmwh|heparin\w*)\b"),
    ("bleeding_disorder",
            r"\b(hemostase|coagulopath\w*|bleeding disorder|willebrand|hemophili\w*|haemophili\w*|"
            r"trouble (de )?coag\w*)\b"),
    ("chorioamnionitis", r"\bchorio\w*\b"),
    ("fetal_death", r"\b(mfiu|mort (foetale|in utero)|fetal death|foetal death|stillb\w*|iufd)\b"),
    ("art", r"\b(amp|pma|fiv|ivf|icsi|art|assisted reproduction|procreation)\b"),
    ("placenta", r"\b(placenta|praevia|previa|accreta)\b"),
    ("induction_method", r"\b(methode|method|mode)\b.*\b(declenchement|induction)\b|\binduction method\b"),
    ("onset", r"\b(debut|onset|entree|mise)\b.*\b(travail|labou?r)\b|\b(declench\w*|induction|"
            r"induced|iol)\b|\bmode (de )?debut\b"),
    ("presentation", r"\bpresentation\b"),
    ("haemoglobin", r"\b(hb|hgb|hemoglobin\w*|haemoglobin\w*)\b"),
    ("platelets", r"\b(plaquettes?|platelets?|plq|plt|thrombocyt\w*)\b"),
    ("fibrinogen", r"\bfibrinogen\w*\b"),
    ("aptt_ratio", r"\b(tca|aptt|ptt)\b"),
    ("refuses_transfusion", r"\b(refus\w*|jehovah)\b.*\b(transfusion)?\b"),
    ("gestation_days", r"\b(jours|days)\b.*\b(terme|gestation\w*|sa|ag)\b|\b(sa|terme|gestation) (jours|"
            r"days)\b"),
    ("gestation_weeks", r"\b(sa|terme|gestation\w*|ga|ag|age gestationnel|semaines|weeks|amenorrhee)\b"),
    ("gravidity", r"\b(gestite|gravid\w*|geste)\b|^g$"),
    ("parity", r"\b(parite|parity|pare)\b|^p$"),
    ("bmi", r"\b(imc|bmi|body mass index)\b"),
    ("height_cm", r"\b(taille|height|stature)\b"),
    ("weight_kg", r"\b(poids|weight)\b"),
    ("fetuses", r"\b(foetus|fetus|fetuses|foetuses|gemell\w*|jumeaux|twins?|multiple|singleton|"
            r"plurality|nb enfants|grossesse multiple)\b"),
    ("age", r"\b(age|ages)\b"),
)  # fmt: skip
PATTERNS = tuple((field, re.compile(pattern)) for field, pattern in NAMES)


def field_of(name: str) -> str:
    """Return the field a column probably holds by its name, empty where the name says nothing."""
    words = plain(name)
    return next((field for field, pattern in PATTERNS if pattern.search(words)), "")
