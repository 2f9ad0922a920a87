"""Words of a French or English hospital on which people build a password: whoever guesses tries them first.

The list that Django ships is that of the English-speaking internet. These are written as
:func:`clinic.accounts.passwords.letters` leaves them: small letters without accents.
"""

from __future__ import annotations

PLACES = """
hopital hopitaux hosto chu chr clinique maternite maternites matern radio radiologie imagerie sommeil
urgence urgences bloc reanimation rea pediatrie neonatologie neonat obstetrique gynecologie gyneco
chirurgie cardiologie neurologie pneumologie polysomnographie service unite salle naissance naissances
accouchement consultation pharmacie laboratoire labo accueil secretariat garde astreinte ward hospital
maternity radiology emergency clinic theatre nightshift
"""
PEOPLE = """
administrateur administratrice administrator admin administration utilisateur utilisatrice user sage
femme sages femmes midwife midwives medecin medecins docteur doctor physician interne externe infirmier
infirmiere infirmieres nurse aide soignant soignante soignants radiologue radiologist manipulateur
manipulatrice technicien technicienne technician technologist cadre chef patient patiente patients maman
papa bebe bebes enfant famille directeur directrice secretaire steward
"""
THINGS = """
hemorragie hemorragies hemorrhagie hemorrhagies haemorrhage hemorrhage saignement grossesse delivrance
pneumonie pneumonia thorax poumon poumons sante health soin soins vie coeur sang blood baby sleep apnee
stage staging
"""
ENTRY = """
bienvenue bienvenu welcome bonjour bonsoir salut coucou motdepasse mdp mot passe password pass secret
code acces access connexion connecter login ouverture session changer changez changeme provisoire
temporaire temporary nouveau nouvelle nouveaux test tests essai demo formation stagiaire azerty
azertyuiop qsdfgh qsdfghjklm wxcvbn uiop qwerty qwertyuiop asdfgh asdfghjkl zxcvbn ordinateur
informatique france
"""
TIMES = """
janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre lundi mardi mercredi
jeudi vendredi samedi dimanche printemps ete automne hiver annee noel vacances january february march
april june july august september october november december monday tuesday wednesday thursday friday
saturday sunday spring summer autumn winter
"""
CITIES = """
paris marseille lyon toulouse nice nantes montpellier strasbourg bordeaux lille rennes reims toulon
grenoble dijon angers nimes brest tours amiens limoges metz besancon orleans rouen mulhouse caen nancy
poitiers
"""
FAVOURITES = """
soleil chocolat loulou doudou nounou chouchou princesse licorne papillon amour jetaime marseillais psg
"""
WORDS = frozenset(" ".join((PLACES, PEOPLE, THINGS, ENTRY, TIMES, CITIES, FAVOURITES)).split())
