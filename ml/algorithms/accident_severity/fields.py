"""What a crash report says before anybody counts the injured: fields, labels, wordings.

Left out beside the columns that leak: street names and police beats (too many for the data), the
secondary cause (a second judgement of the same officer), and columns that say nothing here (month, alignment,
road defect). Causes named by fewer than forty reports are together "other".
"""

from __future__ import annotations

from ml.contracts import Choice, Field, FieldKind, Section, Text
from ml.tabular.checking import fold

SECTIONS = (
    Section("crash", Text("Crash", "Accident")),
    Section("place", Text("Place", "Lieu")),
    Section("conditions", Text("Conditions", "Conditions")),
)

Row = tuple[str, str, str, tuple[str, ...]]

# code, English, French, wordings of the public table
COLLISIONS: tuple[Row, ...] = (
    ("parked", "Parked motor vehicle", "Véhicule en stationnement", ("PARKED MOTOR VEHICLE",)),
    ("rear_end", "Rear end", "Par l’arrière", ("REAR END",)),
    ("sideswipe_same", "Sideswipe, same direction", "Accrochage, même sens", ("SIDESWIPE SAME DIRECTION",)),
    (
        "sideswipe_opposite",
        "Sideswipe, opposite direction",
        "Accrochage, sens opposés",
        ("SIDESWIPE OPPOSITE DIRECTION",),
    ),
    ("turning", "Turning", "En tournant", ("TURNING",)),
    ("angle", "At an angle", "Choc latéral", ("ANGLE",)),
    ("head_on", "Head on", "Choc frontal", ("HEAD ON",)),
    ("fixed_object", "Fixed object", "Objet fixe", ("FIXED OBJECT",)),
    ("pedestrian", "Pedestrian", "Piéton", ("PEDESTRIAN",)),
    ("cyclist", "Cyclist", "Cycliste", ("PEDALCYCLIST",)),
    ("backing", "Backing", "En marche arrière", ("REAR TO FRONT", "REAR TO SIDE", "REAR TO REAR")),
    ("other", "Other", "Autre", ("OTHER OBJECT", "OTHER NONCOLLISION", "ANIMAL", "OVERTURNED", "TRAIN")),
)
CONTROLS: tuple[Row, ...] = (
    ("none", "None", "Aucune", ("NO CONTROLS",)),
    ("signal", "Traffic signal", "Feux", ("TRAFFIC SIGNAL", "FLASHING CONTROL SIGNAL")),
    ("stop", "Stop sign or flasher", "Stop", ("STOP SIGN/FLASHER",)),
    ("not_known", "Unknown", "Inconnue", ("UNKNOWN",)),
    (
        "other",
        "Other",
        "Autre",
        (
            "OTHER",
            "YIELD",
            "PEDESTRIAN CROSSING SIGN",
            "OTHER WARNING SIGN",
            "POLICE/FLAGMAN",
            "OTHER REG. SIGN",
            "DELINEATORS",
            "RR CROSSING SIGN",
            "BICYCLE CROSSING SIGN",
            "RAILROAD CROSSING GATE",
            "SCHOOL ZONE",
            "OTHER RAILROAD CROSSING",
        ),
    ),
)
TRAFFICWAYS: tuple[Row, ...] = (
    ("not_divided", "Not divided", "Sans séparation", ("NOT DIVIDED",)),
    ("median", "Divided by a median", "Terre-plein", ("DIVIDED - W/MEDIAN (NOT RAISED)", "CENTER TURN LANE")),
    ("barrier", "Divided by a barrier", "Séparateur", ("DIVIDED - W/MEDIAN BARRIER",)),
    ("one_way", "One way", "Sens unique", ("ONE-WAY",)),
    (
        "parking",
        "Car park, alley or driveway",
        "Parking, ruelle ou accès",
        ("PARKING LOT", "ALLEY", "DRIVEWAY"),
    ),
    (
        "intersection",
        "Intersection",
        "Carrefour",
        (
            "FOUR WAY",
            "T-INTERSECTION",
            "Y-INTERSECTION",
            "L-INTERSECTION",
            "FIVE POINT, OR MORE",
            "UNKNOWN INTERSECTION TYPE",
            "ROUNDABOUT",
        ),
    ),
    (
        "other",
        "Other or unknown",
        "Autre ou inconnue",
        ("OTHER", "UNKNOWN", "RAMP", "TRAFFIC ROUTE", "NOT REPORTED"),
    ),
)
WEATHERS: tuple[Row, ...] = (
    ("clear", "Clear", "Clair", ("CLEAR",)),
    ("rain", "Rain", "Pluie", ("RAIN", "FREEZING RAIN/DRIZZLE")),
    ("cloudy", "Cloudy", "Couvert", ("CLOUDY/OVERCAST",)),
    ("not_known", "Unknown", "Inconnu", ("UNKNOWN",)),
    (
        "other",
        "Other",
        "Autre",
        (
            "FOG/SMOKE/HAZE",
            "OTHER",
            "SNOW",
            "SEVERE CROSS WIND GATE",
            "SLEET/HAIL",
            "BLOWING SNOW",
            "BLOWING SAND, SOIL, DIRT",
        ),
    ),
)
LIGHTS: tuple[Row, ...] = (
    ("daylight", "Daylight", "Jour", ("DAYLIGHT",)),
    ("lit_night", "Darkness, lit road", "Nuit, route éclairée", ("DARKNESS, LIGHTED ROAD",)),
    ("night", "Darkness", "Nuit", ("DARKNESS",)),
    ("dusk_dawn", "Dusk or dawn", "Crépuscule ou aube", ("DUSK", "DAWN")),
    ("not_known", "Unknown", "Inconnue", ("UNKNOWN",)),
)
SURFACES: tuple[Row, ...] = (
    ("dry", "Dry", "Sèche", ("DRY",)),
    ("wet", "Wet", "Mouillée", ("WET",)),
    ("not_known", "Unknown", "Inconnue", ("UNKNOWN",)),
    ("other", "Other", "Autre", ("OTHER", "SNOW OR SLUSH", "SAND, MUD, DIRT", "ICE")),
)
CAUSES: tuple[Row, ...] = (
    ("undetermined", "Undetermined", "Indéterminée", ("UNABLE TO DETERMINE",)),
    ("not_applicable", "Not applicable", "Sans objet", ("NOT APPLICABLE",)),
    ("right_of_way", "Failing to yield", "Refus de priorité", ("FAILING TO YIELD RIGHT-OF-WAY",)),
    ("too_close", "Following too closely", "Distance insuffisante", ("FOLLOWING TOO CLOSELY",)),
    ("overtaking", "Improper overtaking", "Dépassement dangereux", ("IMPROPER OVERTAKING/PASSING",)),
    ("backing", "Improper backing", "Marche arrière dangereuse", ("IMPROPER BACKING",)),
    ("speed", "Failing to slow down", "Vitesse non réduite", ("FAILING TO REDUCE SPEED TO AVOID CRASH",)),
    ("lane", "Improper lane use", "Mauvaise voie", ("IMPROPER LANE USAGE",)),
    ("turn", "Improper turn", "Changement de direction dangereux", ("IMPROPER TURNING/NO SIGNAL",)),
    ("skill", "Driving skill", "Maîtrise insuffisante", ("DRIVING SKILLS/KNOWLEDGE/EXPERIENCE",)),
    ("signal", "Running a light", "Feu non respecté", ("DISREGARDING TRAFFIC SIGNALS",)),
    ("stop", "Running a stop sign", "Stop non respecté", ("DISREGARDING STOP SIGN",)),
    (
        "reckless",
        "Reckless driving",
        "Conduite dangereuse",
        ("OPERATING VEHICLE IN ERRATIC, RECKLESS, CARELESS, NEGLIGENT OR AGGRESSIVE MANNER",),
    ),
    (
        "distraction",
        "Distraction",
        "Distraction",
        (
            "DISTRACTION - FROM INSIDE VEHICLE",
            "DISTRACTION - FROM OUTSIDE VEHICLE",
            "CELL PHONE USE OTHER THAN TEXTING",
            "TEXTING",
            "DISTRACTION - OTHER ELECTRONIC DEVICE (NAVIGATION DEVICE, DVD PLAYER, ETC.)",
        ),
    ),
    ("vehicle", "Condition of the vehicle", "État du véhicule", ("EQUIPMENT - VEHICLE CONDITION",)),
    (
        "driver",
        "Condition of the driver, alcohol or drugs",
        "État du conducteur, alcool ou drogue",
        (
            "PHYSICAL CONDITION OF DRIVER",
            "UNDER THE INFLUENCE OF ALCOHOL/DRUGS (USE WHEN ARREST IS EFFECTED)",
            "HAD BEEN DRINKING (USE WHEN ARREST IS NOT MADE)",
        ),
    ),
    (
        "surroundings",
        "Weather, view or road",
        "Météo, visibilité ou chaussée",
        (
            "WEATHER",
            "VISION OBSCURED (SIGNS, TREE LIMBS, BUILDINGS, ETC.)",
            "ROAD ENGINEERING/SURFACE/MARKING DEFECTS",
            "ROAD CONSTRUCTION/MAINTENANCE",
        ),
    ),
    ("wrong_side", "Wrong side or wrong way", "Contresens", ("DRIVING ON WRONG SIDE/WRONG WAY",)),
    (
        "other",
        "Other",
        "Autre",
        (
            "DISREGARDING OTHER TRAFFIC SIGNS",
            "DISREGARDING ROAD MARKINGS",
            "DISREGARDING YIELD SIGN",
            "EVASIVE ACTION DUE TO ANIMAL, OBJECT, NONMOTORIST",
            "ANIMAL",
            "TURNING RIGHT ON RED",
            "RELATED TO BUS STOP",
            "OBSTRUCTED CROSSWALKS",
            "PASSING STOPPED SCHOOL BUS",
            "MOTORCYCLE ADVANCING LEGALLY ON RED LIGHT",
            "BICYCLE ADVANCING LEGALLY ON RED LIGHT",
            "EXCEEDING AUTHORIZED SPEED LIMIT",
            "EXCEEDING SAFE SPEED FOR CONDITIONS",
        ),
    ),
)
INTERSECTION: tuple[Row, ...] = (
    ("yes", "Yes", "Oui", ("Y",)),
    ("no", "No", "Non", ("N",)),
    ("not_recorded", "Not recorded", "Non précisé", ()),
)
DAYS: tuple[Row, ...] = tuple(
    (f"d{i}", en, fr, (str(i), en))
    for i, (en, fr) in enumerate(
        (("Sunday", "Dimanche"), ("Monday", "Lundi"), ("Tuesday", "Mardi"), ("Wednesday", "Mercredi"),
         ("Thursday", "Jeudi"), ("Friday", "Vendredi"), ("Saturday", "Samedi")), start=1,
    )
)  # fmt: skip

_CHOICES: dict[str, tuple[Row, ...]] = {
    "collision": COLLISIONS,
    "cause": CAUSES,
    "day_of_week": DAYS,
    "traffic_control": CONTROLS,
    "trafficway": TRAFFICWAYS,
    "intersection": INTERSECTION,
    "weather": WEATHERS,
    "lighting": LIGHTS,
    "surface": SURFACES,
}

WORDINGS = {
    name: {fold(word): code for code, _, _, words in rows for word in words}
    for name, rows in _CHOICES.items()
}


def _choice(name: str, section: str, en: str, fr: str) -> Field:
    offered = tuple(Choice(code, Text(en, fr)) for code, en, fr, _ in _CHOICES[name])
    return Field(name, FieldKind.CHOICE, Text(en, fr), section, choices=offered, counted=True)


FIELDS = (
    _choice("collision", "crash", "First collision", "Première collision"),
    _choice("cause", "crash", "Primary cause", "Cause principale"),
    Field(
        "units", FieldKind.INTEGER, Text("Vehicles and persons involved", "Véhicules et personnes impliqués"),
        "crash", minimum=1, maximum=50, warn_above=10, counted=True,
    ),
    Field(
        "hour", FieldKind.INTEGER, Text("Hour", "Heure"), "crash", "h", minimum=0, maximum=23, counted=True
    ),
    _choice("day_of_week", "crash", "Day", "Jour"),
    Field(
        "speed_limit", FieldKind.INTEGER, Text("Posted speed limit", "Vitesse autorisée"), "place", "mph",
        minimum=0, maximum=99, warn_above=70, counted=True,
    ),
    _choice("traffic_control", "place", "Traffic control", "Signalisation"),
    _choice("trafficway", "place", "Road", "Voie"),
    _choice("intersection", "place", "Intersection related", "Lié à un carrefour"),
    Field(
        "latitude", FieldKind.NUMBER, Text("Latitude (Chicago)", "Latitude (Chicago)"), "place", "°",
        minimum=41.6, maximum=42.1, counted=True,
    ),
    Field(
        "longitude", FieldKind.NUMBER, Text("Longitude (Chicago)", "Longitude (Chicago)"), "place", "°",
        minimum=-88.0, maximum=-87.5, counted=True,
    ),
    _choice("weather", "conditions", "Weather", "Météo"),
    _choice("lighting", "conditions", "Lighting", "Luminosité"),
    _choice("surface", "conditions", "Road surface", "Chaussée"),
)  # fmt: skip

# Folded column name of the public table → field.
COLUMNS = {
    "first_crash_type": "collision",
    "prim_contributory_cause": "cause",
    "num_units": "units",
    "crash_hour": "hour",
    "crash_day_of_week": "day_of_week",
    "posted_speed_limit": "speed_limit",
    "traffic_control_device": "traffic_control",
    "trafficway_type": "trafficway",
    "intersection_related_i": "intersection",
    "weather_condition": "weather",
    "lighting_condition": "lighting",
    "roadway_surface_cond": "surface",
}
