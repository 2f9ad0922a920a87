"""The twenty Statlog attributes: codes, labels in both languages, wordings of the public table."""

from __future__ import annotations

from ml.contracts import Field, FieldKind, Section, Text
from ml.tabular.checking import choices, fold

SECTIONS = (
    Section("credit", Text("Credit", "Crédit")),
    Section("account", Text("Accounts", "Comptes")),
    Section("applicant", Text("Applicant", "Demandeur")),
)


def _choice(name: str, section: str, en: str, fr: str, *rows: tuple[str, str, str]) -> Field:
    return Field(name, FieldKind.CHOICE, Text(en, fr), section, choices=choices(*rows), counted=True)


FIELDS = (
    Field(
        "duration", FieldKind.INTEGER, Text("Duration in months", "Durée en mois"), "credit",
        minimum=1, maximum=120, warn_below=4, warn_above=72, counted=True,
    ),
    Field(
        "amount", FieldKind.NUMBER, Text("Amount", "Montant"), "credit", "DM",
        minimum=1, maximum=1_000_000, warn_below=250, warn_above=18_424, counted=True,
    ),
    _choice(
        "purpose", "credit", "Purpose", "Objet",
        ("a40", "New car", "Voiture neuve"),
        ("a41", "Used car", "Voiture d’occasion"),
        ("a42", "Furniture or equipment", "Mobilier ou équipement"),
        ("a43", "Radio or television", "Radio ou télévision"),
        ("a44", "Domestic appliances", "Électroménager"),
        ("a45", "Repairs", "Réparations"),
        ("a46", "Education", "Études"),
        ("a48", "Retraining", "Reconversion"),
        ("a49", "Business", "Activité professionnelle"),
        ("a410", "Other", "Autre"),
    ),
    Field(
        "installment_rate", FieldKind.INTEGER,
        Text("Instalment rate (% of disposable income, in four classes)",
             "Mensualité (% du revenu disponible, en quatre classes)"),
        "credit", minimum=1, maximum=4, counted=True,
    ),
    _choice(
        "other_debtors", "credit", "Other debtors", "Autres débiteurs",
        ("a101", "None", "Aucun"),
        ("a102", "Co-applicant", "Co-emprunteur"),
        ("a103", "Guarantor", "Garant"),
    ),
    _choice(
        "status", "account", "Checking account", "Compte courant",
        ("a11", "Below 0 DM", "Moins de 0 DM"),
        ("a12", "0 to 200 DM", "De 0 à 200 DM"),
        ("a13", "200 DM or more, or salary", "200 DM ou plus, ou salaire domicilié"),
        ("a14", "No checking account", "Pas de compte courant"),
    ),
    _choice(
        "credit_history", "account", "Credit history", "Antécédents de crédit",
        ("a30", "No credits taken, or all paid back duly", "Aucun crédit, ou tous remboursés à temps"),
        ("a31", "All credits at this bank paid back duly", "Tous les crédits ici remboursés à temps"),
        ("a32", "Existing credits paid back duly till now", "Crédits en cours remboursés à temps jusqu’ici"),
        ("a33", "Delay in paying off in the past", "Retards de remboursement par le passé"),
        ("a34", "Critical account or credits elsewhere", "Compte critique ou crédits ailleurs"),
    ),
    _choice(
        "savings", "account", "Savings", "Épargne",
        ("a61", "Below 100 DM", "Moins de 100 DM"),
        ("a62", "100 to 500 DM", "De 100 à 500 DM"),
        ("a63", "500 to 1000 DM", "De 500 à 1000 DM"),
        ("a64", "1000 DM or more", "1000 DM ou plus"),
        ("a65", "Unknown or none", "Inconnue ou aucune"),
    ),
    Field(
        "existing_credits", FieldKind.INTEGER,
        Text("Credits at this bank", "Crédits dans cette banque"),
        "account", minimum=0, maximum=20, warn_above=4, counted=True,
    ),
    _choice(
        "other_plans", "account", "Other instalment plans", "Autres achats à crédit",
        ("a141", "At a bank", "Dans une banque"),
        ("a142", "At shops", "En magasin"),
        ("a143", "None", "Aucun"),
    ),
    Field(
        "age", FieldKind.INTEGER, Text("Age in years", "Âge en années"), "applicant",
        minimum=18, maximum=110, warn_below=19, warn_above=75, counted=True,
    ),
    _choice(
        "employment", "applicant", "Present employment since", "Emploi actuel depuis",
        ("a71", "Unemployed", "Sans emploi"),
        ("a72", "Less than 1 year", "Moins de 1 an"),
        ("a73", "1 to 4 years", "1 à 4 ans"),
        ("a74", "4 to 7 years", "4 à 7 ans"),
        ("a75", "7 years or more", "7 ans ou plus"),
    ),
    _choice(
        "personal_status", "applicant", "Personal status and sex", "Situation familiale et sexe",
        ("a91", "Male, divorced or separated", "Homme, divorcé ou séparé"),
        ("a92", "Female, divorced, separated or married", "Femme, divorcée, séparée ou mariée"),
        ("a93", "Male, single", "Homme, célibataire"),
        ("a94", "Male, married or widowed", "Homme, marié ou veuf"),
        ("a95", "Female, single", "Femme, célibataire"),
    ),
    Field(
        "residence", FieldKind.INTEGER,
        Text("Years at the present residence (4 = 4 or more)", "Années au domicile actuel (4 = 4 ou plus)"),
        "applicant", minimum=1, maximum=4, counted=True,
    ),
    _choice(
        "property", "applicant", "Property", "Patrimoine",
        ("a121", "Real estate", "Immobilier"),
        ("a122", "Building savings or life insurance", "Épargne-logement ou assurance-vie"),
        ("a123", "Car or other", "Voiture ou autre"),
        ("a124", "Unknown or none", "Inconnu ou aucun"),
    ),
    _choice(
        "housing", "applicant", "Housing", "Logement",
        ("a151", "Rent", "Location"),
        ("a152", "Own", "Propriétaire"),
        ("a153", "For free", "À titre gratuit"),
    ),
    _choice(
        "job", "applicant", "Job", "Profession",
        ("a171", "Unemployed, or unskilled non-resident", "Sans emploi, ou non qualifié non résident"),
        ("a172", "Unskilled resident", "Non qualifié résident"),
        ("a173", "Skilled employee or official", "Employé qualifié ou fonctionnaire"),
        ("a174", "Manager, self-employed or highly qualified", "Cadre, indépendant ou très qualifié"),
    ),
    Field(
        "dependents", FieldKind.INTEGER,
        Text("Persons to maintain", "Personnes à charge"),
        "applicant", minimum=0, maximum=20, warn_above=2, counted=True,
    ),
    _choice(
        "telephone", "applicant", "Telephone", "Téléphone",
        ("a191", "None", "Aucun"),
        ("a192", "Registered under the customer’s name", "Enregistré au nom du client"),
    ),
    _choice(
        "foreign_worker", "applicant", "Foreign worker", "Travailleur étranger",
        ("a201", "Yes", "Oui"),
        ("a202", "No", "Non"),
    ),
)  # fmt: skip

# Folded column name of the public table → field.
COLUMNS = {
    "status_of_existing_checking_account": "status",
    "duration_in_month": "duration",
    "credit_amount": "amount",
    "savings_account_and_bonds": "savings",
    "present_employment_since": "employment",
    "installment_rate_in_percentage_of_disposable_income": "installment_rate",
    "personal_status_and_sex": "personal_status",
    "other_debtors_or_guarantors": "other_debtors",
    "present_residence_since": "residence",
    "age_in_years": "age",
    "other_installment_plans": "other_plans",
    "number_of_existing_credits_at_this_bank": "existing_credits",
    "number_of_people_being_liable_to_provide_maintenance_for": "dependents",
}

_WORDINGS = {
    "status": {
        "... < 0 DM": "a11",
        "0 <= ... < 200 DM": "a12",
        "... >= 200 DM / salary assignments for at least 1 year": "a13",
        "no checking account": "a14",
    },
    "credit_history": {
        "no credits taken/ all credits paid back duly": "a30",
        "all credits at this bank paid back duly": "a31",
        "existing credits paid back duly till now": "a32",
        "delay in paying off in the past": "a33",
        "critical account/ other credits existing (not at this bank)": "a34",
    },
    "purpose": {
        "car (new)": "a40",
        "car (used)": "a41",
        "furniture/equipment": "a42",
        "radio/television": "a43",
        "domestic appliances": "a44",
        "repairs": "a45",
        "education": "a46",
        "retraining": "a48",
        "business": "a49",
        "others": "a410",
    },
    "savings": {
        "... < 100 DM": "a61",
        "100 <= ... < 500 DM": "a62",
        "500 <= ... < 1000 DM": "a63",
        "... >= 1000 DM": "a64",
        "unknown/ no savings account": "a65",
    },
    "employment": {
        "unemployed": "a71",
        "... < 1 year": "a72",
        "1 <= ... < 4 years": "a73",
        "4 <= ... < 7 years": "a74",
        "... >= 7 years": "a75",
    },
    "personal_status": {
        "male : divorced/separated": "a91",
        "female : divorced/separated/married": "a92",
        "male : single": "a93",
        "male : married/widowed": "a94",
        "female : single": "a95",
    },
    "other_debtors": {"none": "a101", "co-applicant": "a102", "guarantor": "a103"},
    "property": {
        "real estate": "a121",
        "building society savings agreement/ life insurance": "a122",
        "car or other, not in attribute Savings account/bonds": "a123",
        "unknown / no property": "a124",
    },
    "other_plans": {"bank": "a141", "stores": "a142", "none": "a143"},
    "housing": {"rent": "a151", "own": "a152", "for free": "a153"},
    "job": {
        "unemployed/ unskilled - non-resident": "a171",
        "unskilled - resident": "a172",
        "skilled employee / official": "a173",
        "management/ self-employed/ highly qualified employee/ officer": "a174",
    },
    "telephone": {
        "none": "a191",
        "no": "a191",
        "yes": "a192",
        "yes, registered under the customers name": "a192",
    },
    "foreign_worker": {"yes": "a201", "no": "a202"},
}  # fmt: skip

WORDINGS = {name: {fold(word): code for word, code in words.items()} for name, words in _WORDINGS.items()}
