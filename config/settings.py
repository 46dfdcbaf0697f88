"""One settings file; everything that differs between machines is read from the environment.

Defaults are the embedded set-up of `make run`: SQLite, in-process worker, in-memory broker and channel layer.
`DATABASE_URL` and `REDIS_URL` turn on the distributed one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import environ
from django.core.management.utils import get_random_secret_key

from config import stores

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("FLIGHTDECK_VAR", str(BASE_DIR / "var")))


def _kept_secret(name: str, make: Callable[[], str]) -> str:
    """A secret from the environment, else one that this installation makes once and keeps under `var/`."""
    given = env.str(name, "")
    if given:
        return given
    kept = VAR_DIR / "secrets" / name.lower()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.write_text(make())
        fresh.chmod(0o600)
        with contextlib.suppress(FileExistsError):  # of two first starts one wins, and both read the same
            os.link(fresh, kept)
        fresh.unlink()
    return kept.read_text().strip()


def _fernet_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


SECRET_KEY = _kept_secret("FLIGHTDECK_SECRET_KEY", get_random_secret_key)
FLIGHTDECK_ENCRYPTION_KEYS = _kept_secret("FLIGHTDECK_ENCRYPTION_KEYS", _fernet_key).split(",")

DEBUG = env.bool("FLIGHTDECK_DEBUG", False)
ALLOWED_HOSTS = env.list("FLIGHTDECK_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("FLIGHTDECK_TRUSTED_ORIGINS", default=[])
HTTPS = env.bool("FLIGHTDECK_HTTPS", False)

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_fsm",
    "flows",
    "accounts",
    "crm",
    "approvals",
    "sellers",
    "bookings",
    "notifications",
    "config.apps.ConfigApp",
]

MIDDLEWARE = [
    "config.watching.requests.WatchRequests",
    "config.problems.ApiProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.security.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.SessionEnds",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

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
                "config.navigation.navigation",
                "config.socket_address.socket_address",
                "notifications.bell.bell",
            ],
        },
    },
]

# --- where state lives ----------------------------------------------------------------------------------------

FLIGHTDECK_WORKER_THREADS = env.int("FLIGHTDECK_WORKER_THREADS", 8)
DATABASE_URL = env.str("DATABASE_URL", "")
REDIS_URL = env.str("REDIS_URL", "")

DATABASES = {"default": stores.database(DATABASE_URL, VAR_DIR, FLIGHTDECK_WORKER_THREADS)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CELERY_BROKER_URL = stores.broker(REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = stores.broker_options(REDIS_URL)
CHANNEL_LAYERS = {"default": stores.channel_layer(REDIS_URL)}
CACHES = {"default": stores.cache(REDIS_URL)}
FLIGHTDECK_SELLER_STATE_URL = stores.seller_state(REDIS_URL)

# --- tasks and live feed --------------------------------------------------------------------------------------

CELERY_BROKER_POOL_LIMIT = 10
CELERY_TASK_TIME_LIMIT = 110  # prefork only; below the visibility timeout
# A request does not wait for a broker that is away: it fails at once, and the sweep rings later.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_TIMEOUT = 2.0
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "compare": {"task": "bookings.tasks.start_comparisons", "schedule": 300.0, "options": {"expires": 200}},
    "sweep": {"task": "flows.tasks.sweep", "schedule": 1.0, "options": {"expires": 5}},
    "prune": {"task": "flows.tasks.prune", "schedule": 3600.0, "options": {"expires": 600}},
    "prune-accounts": {"task": "accounts.tasks.prune", "schedule": 3600.0, "options": {"expires": 600}},
    "prune-drafts": {"task": "bookings.tasks.prune_drafts", "schedule": 3600.0, "options": {"expires": 600}},
    "prune-exchanges": {"task": "sellers.tasks.prune", "schedule": 3600.0, "options": {"expires": 600}},
    "notice": {"task": "notifications.tasks.look", "schedule": 2.0, "options": {"expires": 5}},
    "notice-deadlines": {
        "task": "notifications.tasks.look_at_the_clock",
        "schedule": 30.0,
        "options": {"expires": 20},
    },
    "prune-notices": {"task": "notifications.tasks.prune", "schedule": 3600.0, "options": {"expires": 600}},
    "note-outages": {"task": "sellers.tasks.note_outages", "schedule": 5.0, "options": {"expires": 5}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")  # when what ran last; may be lost at any time
# Asked to end, a worker lets its steps end for so long; what still runs is given back and another worker takes it.
FLIGHTDECK_STOP_SECONDS = env.float("FLIGHTDECK_STOP_SECONDS", 25.0)
FLIGHTDECK_LEASE_SECONDS = env.float("FLIGHTDECK_LEASE_SECONDS", 10.0)
FLIGHTDECK_UNDO_SECONDS = env.int(
    "FLIGHTDECK_UNDO_SECONDS", 10
)  # after an approval nothing is sent for so long
FLIGHTDECK_STEP_ATTEMPTS = env.int("FLIGHTDECK_STEP_ATTEMPTS", 5)
# Workers that die without a word are mostly killed, not poisoned: more patience than with failures.
FLIGHTDECK_STEP_DEATHS = env.int("FLIGHTDECK_STEP_DEATHS", 30)

# Where the pages' sockets are served when not under the pages' own address: `wss://live.example`, or `:8001` for
# another port of the same host. Empty: same address, as in the embedded set-up or behind a proxy that routes /ws/.
FLIGHTDECK_SOCKETS_URL = env.str("FLIGHTDECK_SOCKETS_URL", "")

# --- people ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health(/|$)", r"^metrics$"]  # asked from inside, where there is no TLS
SESSION_COOKIE_NAME = "__Host-flightdeck" if HTTPS else "flightdeck"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("FLIGHTDECK_BEHIND_PROXY", False) else None
)
X_FRAME_OPTIONS = "DENY"

# --- REST -----------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["config.problems.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "config.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.rate.CountedUserRate"],
    "DEFAULT_THROTTLE_RATES": {"user": env.str("FLIGHTDECK_API_RATE", "1200/min")},
    "EXCEPTION_HANDLER": "config.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Flightdeck",
    "VERSION": "1",
    "DESCRIPTION": (
        "Plans and books advertising from seller agents. "
        "No commitment leaves without a person's recorded decision."
    ),
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.describe_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "JobStatus": "bookings.api_schema.JOB_STATUSES",
        "FirstStatus": "bookings.api_schema.FIRST_STATUS",
        "SearchState": "sellers.search_api.SEARCH_STATES",
        "SellerStatus": "sellers.api_schema.SELLER_STATUSES",
        "ReportState": "bookings.states.ReportState",
        "ChannelState": "bookings.states.ChannelState",
        "LineStatus": "bookings.states.LineStatus",
        "RecommendationState": "bookings.states.RecommendationState",
        "ApproveStatus": "bookings.api_schema.APPROVE_STATUSES",
        "Channel": "planning.types.CHANNELS",
        "Dialect": "sellers.models.Dialect",
        "PlacementState": "bookings.client_view.api_schema.PLACEMENT_STATES",
        "StepState": "bookings.client_view.api_schema.STEP_STATES",
        "LinkState": "bookings.client_view.api_schema.LINK_STATES",
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 262_144

# --- sellers --------------------------------------------------------------------------------------------------

# Private and loopback sellers are refused unless whoever runs the process names them here, as host:port.
FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = env.list("FLIGHTDECK_ALLOWED_PRIVATE_SELLERS", default=[])
FLIGHTDECK_SELLER_DEADLINE_SECONDS = env.float("FLIGHTDECK_SELLER_DEADLINE_SECONDS", 20.0)
# From this hour (UTC) on, what each seller holds for us is compared with our records, once a day.
FLIGHTDECK_COMPARE_HOUR_UTC = env.int("FLIGHTDECK_COMPARE_HOUR_UTC", 2)
FLIGHTDECK_CALL_DEADLINE_SECONDS = env.float("FLIGHTDECK_CALL_DEADLINE_SECONDS", 10.0)
# Calls at once to one seller, over all campaigns and, with Redis, over all processes; a seller may have its own number.
FLIGHTDECK_SELLER_CONCURRENCY = env.int("FLIGHTDECK_SELLER_CONCURRENCY", 32)
FLIGHTDECK_EXCHANGE_DAYS = env.int("FLIGHTDECK_EXCHANGE_DAYS", 90)  # records of calls are kept for so long

# --- notifications --------------------------------------------------------------------------------------------

# The start of every link in a message.
FLIGHTDECK_URL = env.str("FLIGHTDECK_URL", f"http://localhost:{env.str('PORT', '8000')}")
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("FLIGHTDECK_MAIL_FROM", "Flightdeck <flightdeck@localhost>")
FLIGHTDECK_WEBHOOK_URL = env.str("FLIGHTDECK_WEBHOOK_URL", "")
FLIGHTDECK_WEBHOOK_SECRET = env.str("FLIGHTDECK_WEBHOOK_SECRET", "")
FLIGHTDECK_ALLOWED_PRIVATE_HOOKS = env.list("FLIGHTDECK_ALLOWED_PRIVATE_HOOKS", default=[])

# --- the rest -------------------------------------------------------------------------------------------------

FLIGHTDECK_DEMO = env.bool("FLIGHTDECK_DEMO", False)
FLIGHTDECK_DEMO_PASSWORD = "flightdeck-demo"  # noqa: S105  shown on the login page of the demo, used nowhere else
FLIGHTDECK_AGENCY = env.str("FLIGHTDECK_AGENCY", "Your agency")  # the name beside the logo
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("FLIGHTDECK_STATIC_ROOT", str(VAR_DIR / "static")))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns at every start where it is missing
STATICFILES_DIRS = [BASE_DIR / "static"]
# Not collected: served from where they lie, which saves a step at the first start. Collected: names carry a hash, so
# that browsers may keep files for ever, and any web server can hand them out.
STATIC_COLLECTED = env.bool("FLIGHTDECK_STATIC_COLLECTED", False)
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "config.static_files.HashedFiles"
            if STATIC_COLLECTED
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# --- watching -------------------------------------------------------------------------------------------------

# Whoever may read /metrics; without a token only this machine, and nobody behind a proxy.
FLIGHTDECK_METRICS_TOKEN = env.str("FLIGHTDECK_METRICS_TOKEN", "")
# A worker that serves no pages gives its numbers at http://host:port/metrics, under the same rule.
FLIGHTDECK_METRICS_ADDRESS = env.str("FLIGHTDECK_METRICS_ADDRESS", "")
SENTRY_DSN = env.str("SENTRY_DSN", "")
if PROMETHEUS_MULTIPROC_DIR := env.str("PROMETHEUS_MULTIPROC_DIR", ""):
    Path(PROMETHEUS_MULTIPROC_DIR).mkdir(parents=True, exist_ok=True)  # before prometheus_client is imported

FLIGHTDECK_LOG_FORMAT = env.str("FLIGHTDECK_LOG_FORMAT", "json" if REDIS_URL else "line")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"watching": {"()": "config.watching.logs.formatter", "shape": FLIGHTDECK_LOG_FORMAT}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "watching"}},
    "root": {"handlers": ["console"], "level": env.str("FLIGHTDECK_LOG", "WARNING")},
    "loggers": {
        "flows": {"level": "INFO"},
        "flightdeck.request": {"level": "INFO"},
        # Each request is logged by us, once; Django tells only what went wrong inside.
        "django.request": {"level": "ERROR"},
        "django": {"handlers": [], "level": env.str("FLIGHTDECK_LOG", "WARNING"), "propagate": True},
        "httpx": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
    },
}

UNFOLD = {
    "SITE_TITLE": "Flightdeck operations",
    "SITE_HEADER": "Flightdeck",
    "SITE_SUBHEADER": "Operations",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
}
