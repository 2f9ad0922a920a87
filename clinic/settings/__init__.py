"""Settings: typed values from the environment; production has no default secret.

``VIGIE_ENV`` is ``demo`` (the default: one machine, plain HTTP on localhost, demo staff allowed)
or ``production`` (everything must be said, nothing is guessed).
"""

from __future__ import annotations

import os
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from clinic.logs import logging_config
from clinic.settings import storage_key
from clinic.settings.demo_key import kept_key, known_key
from clinic.settings.given import secret, with_password
from clinic.settings.production import Given, refusals

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()

ENVIRONMENT = env.str("VIGIE_ENV", "demo")
if ENVIRONMENT not in ("demo", "production"):
    raise ImproperlyConfigured(f"VIGIE_ENV is {ENVIRONMENT!r}; it must be 'demo' or 'production'")
PRODUCTION = ENVIRONMENT == "production"
if PRODUCTION:
    # Whatever a process of ours writes, nobody else on its machine may read: database, uploads, logs.
    os.umask(0o077)

DATA_DIR = Path(env.str("VIGIE_DATA_DIR", str(BASE_DIR / "var")))
DEBUG = env.bool("VIGIE_DEBUG", False)
SECRET_KEY = secret("VIGIE_SECRET_KEY")
if not PRODUCTION:
    SECRET_KEY = SECRET_KEY or kept_key(DATA_DIR / "demo-secret-key")
# Keys of before still open the sessions signed with them: a new key sends nobody away.
SECRET_KEY_FALLBACKS = secret("VIGIE_OLD_SECRET_KEYS").split()

LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.list("VIGIE_ALLOWED_HOSTS", default=[] if PRODUCTION else LOCAL_HOSTS)
CSRF_TRUSTED_ORIGINS = env.list("VIGIE_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "clinic.apps.ClinicConfig",
    "clinic.audit",
    "clinic.accounts",
    "patients",
    "predictions",
    "predictions.stewardship",
    "predictions.versions",
    "predictions.agreement",
    "predictions.feedback",
    "predictions.deployments",
    "predictions.metrics",
    "predictions.testbench",
    "predictions.monitoring",
    "predictions.batches",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
]

MIDDLEWARE = [
    "clinic.middleware.RequestIdMiddleware",
    # Above whatever answers by itself: redirects, static files and errors carry the headers too.
    "clinic.middleware.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "clinic.middleware.PlainHttpMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "clinic.accounts.middleware.LanguageMiddleware",
    "clinic.accounts.middleware.TemporaryPasswordMiddleware",
    "clinic.accounts.middleware.SecondFactorMiddleware",
    "clinic.audit.middleware.AuditContextMiddleware",
    "clinic.accounts.middleware.SessionLimitsMiddleware",
    "clinic.middleware.MethodNotAllowedMiddleware",
    "predictions.middleware.DamagedFileMiddleware",
    # The last to look before a view: whatever led elsewhere before did so for everybody.
    "clinic.rules.RuleMiddleware",
]

ROOT_URLCONF = "clinic.urls"
WSGI_APPLICATION = "clinic.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "clinic.context_processors.shell",
            ],
        },
    }
]

# --- database -------------------------------------------------------------------------------
DATABASES = {
    "default": env.db_url("DATABASE_URL", f"sqlite:///{DATA_DIR / 'vigie.sqlite3'}"),
}
if password := secret("DATABASE_PASSWORD"):
    DATABASES["default"]["PASSWORD"] = password
SQLITE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if SQLITE:
    # Several processes write: WAL lets readers pass, IMMEDIATE takes the write lock at BEGIN, where
    # SQLite honours the busy timeout, instead of failing at the first write of a read transaction.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["clinic.accounts.backends.StaffBackend"]
PASSWORD_HASHERS = [
    "clinic.accounts.passwords.Argon2id",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "clinic.accounts.passwords.BreachedPasswordValidator"},
]
# "Pwned Passwords" of Have I Been Pwned ordered by hash, or any file of the same lines; searched, not loaded.
BREACHED_PASSWORDS = env.str("VIGIE_BREACHED_PASSWORDS", "")
ACCOUNT_ADAPTER = "clinic.accounts.adapter.StaffAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
# Limits are counted in the database (clinic.accounts.lockout), not in the memory of one process.
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
ACCOUNT_FORMS = {"change_password": "clinic.accounts.password_form.NewPasswordForm"}
MFA_ADAPTER = "clinic.accounts.factors.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "activate_totp": "clinic.accounts.factors.ActivateForm",
    "authenticate": "clinic.accounts.factors.CodeForm",
    "login_webauthn": "clinic.accounts.factors.PasskeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # a fingerprint or PIN: a key somebody finds opens nothing
MFA_TOTP_ISSUER = "Vigie"
MFA_TOTP_TOLERANCE = 1  # steps of 30 s on either side: phones go wrong, and nobody types in no time
REQUIRE_MFA = env.bool("VIGIE_REQUIRE_MFA", PRODUCTION)
USERSESSIONS_TRACK_ACTIVITY = False
USERSESSIONS_ADAPTER = "clinic.accounts.other_sessions.SessionsAdapter"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "worklist"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
SESSION_COOKIE_AGE = env.int("VIGIE_SESSION_SECONDS", 12 * 3600)  # a shift; nothing makes it longer
IDLE_SECONDS = env.int("VIGIE_IDLE_SECONDS", 15 * 60)
IDLE_WARNING_SECONDS = env.int("VIGIE_IDLE_WARNING_SECONDS", 2 * 60)
CONFIRM_SECONDS = env.int("VIGIE_CONFIRM_SECONDS", 15 * 60)
# A browser takes a cookie of this prefix only over TLS, for this host alone, with path / and no domain.
COOKIE_PREFIX = "__Host-" if PRODUCTION else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
SESSION_COOKIE_HTTPONLY = True
# Lax, not Strict: a link to a study in the hospital's own record opens it for whoever is logged in.
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_USE_SESSIONS = False
THEME_COOKIE_NAME = f"{COOKIE_PREFIX}vigie_theme"
DEVICE_COOKIE_NAME = f"{COOKIE_PREFIX}vigie_device"
# A message may name a patient: it waits in the database, not in a cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "clinic.errors.csrf_failure"

# --- transport ------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION and env.bool("VIGIE_SSL_REDIRECT", True)
# Programs are refused instead (PlainHttpMiddleware): redirected, they would go on sending tokens openly.
PROGRAM_ADDRESSES = ("/api/", "/health", "/metrics", "/model-info", "/predict")
SECURE_REDIRECT_EXEMPT = [f"^{address.lstrip('/')}" for address in PROGRAM_ADDRESSES]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.bool("VIGIE_BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}

# --- language -------------------------------------------------------------------------------
LANGUAGE_CODE = env.str("VIGIE_LANGUAGE", "fr")
LANGUAGES = [("fr", _("French")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}django_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = PRODUCTION
USE_I18N = True
TIME_ZONE = env.str("VIGIE_TIME_ZONE", "Europe/Paris")
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

# --- files ----------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("VIGIE_STATIC_DIR", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "predictions.storage.PrivateStorage"},
    # Written while an image is built, by another account than the one that serves them; uploads stay 0600.
    "staticfiles": {
        "BACKEND": "clinic.staticfiles.VersionedStaticFiles",
        "OPTIONS": {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755},
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
PRIVATE_ROOT = DATA_DIR / "private"
# Plaintext of a file that is being analysed, without a name; by default below PRIVATE_ROOT.
SCRATCH_ROOT = env.str("VIGIE_SCRATCH_DIR", "")
# With a key, de-identified exports of one patient can be told to belong together; without, by nobody.
RESEARCH_KEY = secret("VIGIE_RESEARCH_KEY")
RESEARCH_DATES = env.str("VIGIE_RESEARCH_DATES", "removed")
if RESEARCH_DATES not in ("removed", "shifted"):
    raise ImproperlyConfigured("VIGIE_RESEARCH_DATES must be 'removed' or 'shifted'")
STORAGE_KEYS = tuple(env.list("VIGIE_STORAGE_KEYS", default=[]))
STORAGE_KEY_FILE = (
    Path(env.str("VIGIE_STORAGE_KEY_FILE")) if "VIGIE_STORAGE_KEY_FILE" in env.ENVIRON else None
)
# A demo makes its own with the first file it keeps: where a restore looks for the former one, there is none.
DEMO_STORAGE_KEY = not (PRODUCTION or STORAGE_KEYS or STORAGE_KEY_FILE)
if DEMO_STORAGE_KEY:
    STORAGE_KEY_FILE = DATA_DIR / storage_key.DEMO
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_HANDLERS = ["predictions.storage.StreamingUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 160  # more than any study or batch takes: how many is said in words
BATCH_DAYS = env.int("VIGIE_BATCH_DAYS", 30)  # how long a batch is kept with its result

# --- audit ----------------------------------------------------------------------------------
# Reads are recorded like everything else; no setting turns that off. What is kept can only be kept longer.
AUDIT_FOLDER = DATA_DIR.resolve() / "audit"
# Erasures that were carried out, to repeat them after a restore.
ERASURE_LIST = AUDIT_FOLDER / "erasures.jsonl"
AUDIT_ANCHORS = env.list("VIGIE_AUDIT_ANCHORS", default=[f"file:{AUDIT_FOLDER / 'anchors.jsonl'}"])
AUDIT_ANCHOR_SECONDS = env.float("VIGIE_AUDIT_ANCHOR_SECONDS", 60.0)
AUDIT_KEY_FILE = Path(env.str("VIGIE_AUDIT_KEY_FILE", str(AUDIT_FOLDER / "key.pem")))
AUDIT_FORMER_KEYS = env.list("VIGIE_AUDIT_FORMER_KEYS", default=[])
AUDIT_WEBHOOK_TOKEN = secret("VIGIE_AUDIT_WEBHOOK_TOKEN")
# Says that whoever runs it accepts anchors that lie beside the database alone.
AUDIT_LOCAL_ANCHORS_ACCEPTED = env.bool("VIGIE_ALLOW_LOCAL_ANCHORS", False)
# With it monitoring reads /metrics and the details of /health; without one nobody but administrators does.
MONITORING_TOKEN = secret("VIGIE_MONITORING_TOKEN")
AUDIT_KEEP_DAYS = env.dict("VIGIE_AUDIT_KEEP_DAYS", cast={"value": int}, default={})

# --- broker and workers ---------------------------------------------------------------------
REDIS_URL = with_password(env.str("REDIS_URL", ""), secret("REDIS_PASSWORD"))
# As this process was started: MLflow itself writes the address it uses into the environment.
MLFLOW_SERVER = env.str("MLFLOW_TRACKING_URI", "")
STUDY_LEASE_SECONDS = env.int("VIGIE_STUDY_LEASE_SECONDS", 60)
STUDY_MAX_DEATHS = 2
INQUIRY_SECONDS = 10  # how long a person or program waits for the answer to a question
STUDY_RESEND_SECONDS = env.int("VIGIE_STUDY_RESEND_SECONDS", 30)
REAP_SECONDS = env.float("VIGIE_REAP_SECONDS", 5.0)

# --- worklist -------------------------------------------------------------------------------
# "off"; "after_first_read" lets a reader order what they may see; "all" also moves what is read blind,
# whose place in the list then tells something of an answer that the page does not show.
ALGORITHM_ORDER = env.str("VIGIE_ALGORITHM_ORDER", "off")
ALGORITHM_ORDERS = ("off", "after_first_read", "all")
if ALGORITHM_ORDER not in ALGORITHM_ORDERS:
    raise ImproperlyConfigured(
        f"VIGIE_ALGORITHM_ORDER is {ALGORITHM_ORDER!r}; it must be one of {', '.join(ALGORITHM_ORDERS)}"
    )

# --- API ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    # Nobody is known, and nobody let in, by a view that does not say how: ours are predictions.api.base.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["predictions.api.permissions.Closed"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "predictions.api.errors.sentence",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vigie",
    "DESCRIPTION": "Submit studies, follow them, read results. Research use, not a medical device.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "SleepStageEnum": "predictions.workspaces.sleep.checking.VALUES",
        "JobStateEnum": "predictions.models.JobState",
        "BatchRowStateEnum": "predictions.batches.models.ItemState",
    },
}

# --- logs -----------------------------------------------------------------------------------
LOGGING = logging_config(level=env.str("LOG_LEVEL", "INFO"), form=env.str("LOG_FORMAT", "text"))

# --- what production refuses ------------------------------------------------------------------
if PRODUCTION and (
    reasons := refusals(
        Given(
            debug=DEBUG,
            data_dir=DATA_DIR,
            secret_key=SECRET_KEY,
            demo_key=known_key(DATA_DIR / "demo-secret-key"),
            allowed_hosts=ALLOWED_HOSTS,
            trusted_origins=CSRF_TRUSTED_ORIGINS,
            sqlite=SQLITE,
            sqlite_allowed=env.bool("VIGIE_ALLOW_SQLITE", False),
            database_password=DATABASES["default"].get("PASSWORD", ""),
            redis_url=REDIS_URL,
            storage=storage_key.refusal(STORAGE_KEYS, STORAGE_KEY_FILE),
            second_factor=REQUIRE_MFA,
            second_factor_waived=env.bool("VIGIE_ALLOW_SINGLE_FACTOR", False),
            lasting={
                "VIGIE_IDLE_SECONDS": IDLE_SECONDS,
                "VIGIE_SESSION_SECONDS": SESSION_COOKIE_AGE,
                "VIGIE_CONFIRM_SECONDS": CONFIRM_SECONDS,
            },
            monitoring_token=MONITORING_TOKEN,
        )
    )
):
    raise ImproperlyConfigured("Vigie cannot start in production.\n" + "\n".join(f"- {r}" for r in reasons))
