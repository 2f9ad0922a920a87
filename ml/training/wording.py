"""What a recipe is called, in words, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from ml.contracts import Text
from ml.training.pipeline import Recipe

MEMBERS: Mapping[str, Text] = {
    "logistic": Text("logistic regression", "régression logistique"),
    "random_forest": Text("random forest", "forêt aléatoire"),
    "gradient_boosting": Text("gradient boosting", "gradient boosting"),
    "xgboost": Text("XGBoost", "XGBoost"),
    "svm": Text("support vector machine", "machine à vecteurs de support"),
    "network": Text("neural network", "réseau de neurones"),
}
RESAMPLED: Mapping[str, Text] = {
    "class_weights": Text("class weights", "classes pondérées"),
    "undersampling": Text("under-sampling", "sous-échantillonnage"),
    "smote": Text("SMOTE", "SMOTE"),
    "smotenc": Text("SMOTENC", "SMOTENC"),
    "smoteenn": Text("SMOTEENN", "SMOTEENN"),
}
VOTE = Text("soft vote of ", "vote pondéré de ")
KEPT = Text("{n} features", "{n} variables")


def label(recipe: Recipe) -> Text:
    """Return a name such as "Logistic regression, SMOTE, 25 features"."""
    members = [MEMBERS[name] for name in recipe.members]
    parts = [members[0] if len(members) == 1 else _vote(members)]
    if recipe.resampler in RESAMPLED:
        parts.append(RESAMPLED[recipe.resampler])
    if recipe.selection is not None:
        parts.append(KEPT.format(n=recipe.selection.keep))
    return Text(*(_sentence([part.to(language) for part in parts]) for language in ("en", "fr")))


def _vote(members: list[Text]) -> Text:
    return Text(
        *(VOTE.to(language) + " + ".join(m.to(language) for m in members) for language in ("en", "fr"))
    )


def _sentence(parts: list[str]) -> str:
    words = ", ".join(parts)
    return words[0].upper() + words[1:]
