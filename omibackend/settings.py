"""All settings, in sections. `.env.example` lists what the environment may set."""

import os
import re
import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF, UNSAFE_EVAL
from django.core.exceptions import ImproperlyConfigured

from omibackend import env, unfold
from omibackend.core import logging as core_logging
from omibackend.core import machine

BASE_DIR = env.ROOT
VERSION = "0.1.0"

# --- server -----------------------------------------------------------------
DEBUG = env.flag("DEBUG", default=False)
PORT = env.number("PORT", 8000, least=1, most=65535)
HOST = env.text("HOST", "127.0.0.1")
# Less than 1.5 GB of memory: as few processes as there can be.
IS_SMALL = machine.is_small()
# About 16 commits at a time fill a disk's flushes; in few threads per process, for the GIL,
# and with a core left for PostgreSQL.
_workers = 1 if IS_SMALL else max(2, min(4, (os.cpu_count() or 2) - 1))
WEB_WORKERS = env.number("WEB_WORKERS", _workers, least=1, most=64)
WEB_THREADS = env.number("WEB_THREADS", max(2, 16 // WEB_WORKERS), least=1, most=64)
PUBLIC_URL = f"http://{'127.0.0.1' if HOST in ('0.0.0.0', '::') else HOST}:{PORT}"  # noqa: S104
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", 0, least=0, most=10)
REQUEST_TIMEOUT_MS = env.number("REQUEST_TIMEOUT", 30_000, least=1000, most=600_000)
MAX_C3D_SIZE_BYTES = env.size_bytes("MAX_C3D_SIZE", "200mb")
MAX_REQUEST_SIZE_BYTES = env.size_bytes("MAX_REQUEST_SIZE", "10mb")
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_REQUEST_SIZE_BYTES
VAR_DIR = Path(env.text("VAR_DIR") or BASE_DIR / "var")


def _secret_key() -> str:
    """The key from the environment, or one made at the first start and kept in `VAR_DIR`."""
    key = env.text("SECRET_KEY") or env.text("SESSION_SECRET")
    if key:
        if len(key) < 32:
            raise ImproperlyConfigured("SECRET_KEY must be at least 32 characters long.")
        return key
    kept = VAR_DIR / "secret_key"
    try:
        return kept.read_text()
    except FileNotFoundError:
        VAR_DIR.mkdir(parents=True, exist_ok=True)
    fresh = kept.with_name(f"secret_key.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(64))
    try:  # several processes may start at once: the first link wins
        kept.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return kept.read_text()


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ROOT_URLCONF = "omibackend.urls"
WSGI_APPLICATION = "omibackend.wsgi.application"

# HTTPS is the proxy's work; with one in front the cookies and redirects follow it.
BEHIND_TLS = TRUSTED_PROXY_COUNT > 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
SECURE_HSTS_PRELOAD = BEHIND_TLS
SESSION_COOKIE_SECURE = BEHIND_TLS
CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_NAME = "omi_session"
CSRF_COOKIE_NAME = "omi_csrf"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_REDIRECT_EXEMPT = [r"^health", r"^metrics$"]
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # Alpine, which unfold's sidebar and dialogs run on, compiles its expressions.
        "script-src": [SELF, UNSAFE_EVAL],
        # The colours that unfold prints into the page.
        "style-src": [SELF, f"'{unfold.THEME_HASH}'"],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- applications -----------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_rq",
    "csp",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "omibackend.core",
    "omibackend.accounts",
    "memories",
    "emg",
    "conversations",
    "omibackend.prompts",
    "webhooks",
    "omibackend.ops",
]

# Between PagesOnly and PagesEnd stands what a sender's request skips.
WEBHOOK_PATHS = re.compile(
    r"/webhooks/(?!storage/status/)|/omi-webhook/?$|/storage/c3d-upload(-optimized)?/?$"
)
MIDDLEWARE = [
    "omibackend.core.http.middleware.RequestTrail",
    "omibackend.core.http.middleware.Failures",
    "django.middleware.security.SecurityMiddleware",
    "webhooks.inbox.fast_path.handler.PagesOnly",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
    "webhooks.inbox.fast_path.handler.PagesEnd",
]
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
            ],
        },
    }
]

# --- stores -----------------------------------------------------------------
REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix"))
CACHE_URL = env.url("CACHE_URL", ("redis", "rediss", "unix"), REDIS_URL)


def _database(*, statement_timeout_ms: int) -> dict[str, object]:
    found = env.database("DATABASE_URL") if env.text("DATABASE_URL") else {}
    options = dict(found.get("OPTIONS", {}))  # type: ignore[call-overload]
    options["connect_timeout"] = 2
    options["options"] = (
        f"-c statement_timeout={statement_timeout_ms} -c idle_in_transaction_session_timeout=60000"
        " -c lock_timeout=20000 -c timezone=UTC"
    )
    return {
        "ENGINE": "django.db.backends.postgresql",
        **found,
        "OPTIONS": options,
        "CONN_MAX_AGE": None,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


DATABASES = {
    # A kept connection may have died with a restart of PostgreSQL: asked once a request. The
    # acknowledgement tries again instead, which costs nothing while all is well.
    "default": {
        **_database(statement_timeout_ms=REQUEST_TIMEOUT_MS),
        "CONN_HEALTH_CHECKS": True,
    },
    # The acknowledgement's own connection: it must answer within 2.5 s or say 503.
    "ingest": {
        **_database(statement_timeout_ms=2000),
        "TEST": {"MIRROR": "default"},
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_cache: dict[str, object] = {
    "BACKEND": "omibackend.core.redis.cache.HintCache",
    "LOCATION": CACHE_URL,
    "KEY_PREFIX": "cache",
}
CACHES = {"default": _cache}
if urlsplit(CACHE_URL).scheme:
    _cache["OPTIONS"] = {"socket_timeout": 1, "socket_connect_timeout": 1}
MEDIA_ROOT = Path(env.text("MEDIA_ROOT") or VAR_DIR / "media")
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "omibackend" / "static"]
# Recordings: folders below MEDIA_ROOT, or an S3-compatible store once any of these is set.
STORAGE_S3 = {
    "access_key": env.text("STORAGE_S3_ACCESS_KEY"),
    "secret_key": env.text("STORAGE_S3_SECRET_KEY"),
    "endpoint_url": env.url("STORAGE_S3_ENDPOINT_URL", ("https", "http")),
    "region_name": env.text("STORAGE_S3_REGION"),
}
# Only these buckets; unset: any that the store has.
STORAGE_BUCKETS = env.words("STORAGE_BUCKETS")
STORAGES: dict[str, dict[str, object]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "recordings": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if any(STORAGE_S3.values()):
    given = {name: value for name, value in STORAGE_S3.items() if value}
    STORAGES["recordings"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {**given, "addressing_style": "path", "signature_version": "s3v4"},
    }

# --- accounts ---------------------------------------------------------------
ENABLE_USER_SYSTEM = env.flag("ENABLE_USER_SYSTEM", default=True)
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
SESSION_ENGINE = "omibackend.accounts.sessions"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# A device that signed in stays so for a month of silence at most.
KNOX_TOKEN_MODEL = "accounts.Token"  # noqa: S105 (a model's name)
MIGRATION_MODULES = {"knox": None}  # they would make the table that ours stands for
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": timedelta(days=30),
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
    "AUTO_REFRESH": True,
    "MIN_REFRESH_INTERVAL": 24 * 3600,
}
# Wrong passwords lock a name out at an address, for the API and the admin alike.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "omibackend.accounts.lockout.name_tried"
AXES_CLIENT_IP_CALLABLE = "omibackend.core.http.addresses.counted_address"
AXES_LOCKOUT_CALLABLE = "omibackend.accounts.lockout.locked_out"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "admin:index"

# Sign-in by OpenID Connect: on when all four are set.
OIDC = env.together("OIDC_ISSUER_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_NAME")
env.url("OIDC_ISSUER_URL", ("https", "http"))
ACCOUNT_ADAPTER = "omibackend.accounts.oidc.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_ADAPTER = "omibackend.accounts.oidc.SocialAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
# A plain link: a browser would hold the policy's form-action against a redirect to the issuer.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "sso",
                "name": OIDC["OIDC_NAME"],
                "client_id": OIDC["OIDC_CLIENT_ID"],
                "secret": OIDC["OIDC_CLIENT_SECRET"],
                "settings": {"server_url": OIDC["OIDC_ISSUER_URL"].rstrip("/")},
            }
        ],
    }
    if OIDC
    else {}
}

# --- background work --------------------------------------------------------
ENABLE_BACKGROUND_JOBS = env.flag(
    "ENABLE_BACKGROUND_JOBS", default=env.flag("ENABLE_BACKGROUND_QUEUE", default=True)
)
QUEUE_BATCH_SIZE = env.number("QUEUE_BATCH_SIZE", 50, least=1, most=1000)
_jobs = 4 if IS_SMALL else 10
QUEUE_MAX_CONCURRENT_JOBS = env.number("QUEUE_MAX_CONCURRENT_JOBS", _jobs, least=2, most=200)
QUEUE_MAX_RETRIES = env.number("QUEUE_MAX_RETRIES", 6, least=0, most=20)
SWEEP_S = 2
# One for each lane: the apps name them, and so they are filled in once these are loaded.
RQ_QUEUES: dict[str, dict[str, object]] = {}
RQ_SHOW_ADMIN_LINK = False

# --- voice ------------------------------------------------------------------
SESSION_GAP_SECONDS = env.number("SESSION_GAP_SECONDS", 120, least=1, most=86_400)
SESSION_CACHE_TTL_SECONDS = env.number("SESSION_CACHE_TTL_SECONDS", 300, least=1, most=86_400)
MEMORY_DEDUP_HOURS = env.number("MEMORY_DEDUP_HOURS", 12, least=0, most=8760)
ENABLE_CONTEXT_ACTIVATION = env.flag("ENABLE_CONTEXT_ACTIVATION", default=True)
OMI_REPLY_BUDGET_MS = env.number("OMI_REPLY_BUDGET_MS", 8000, least=0, most=25_000)
OMI_REPLY_SLOTS = env.number("OMI_REPLY_SLOTS", 4, least=0, most=64)
OMI_API_URL = env.url("OMI_API_URL", ("https", "http"), "https://api.omi.me")
OMI_APP_ID = env.text("OMI_APP_ID")
OMI_APP_SECRET = env.text("OMI_APP_SECRET")

# --- model ------------------------------------------------------------------
OPENAI_API_KEY = env.text("OPENAI_API_KEY")
OPENAI_BASE_URL = env.url("OPENAI_BASE_URL", ("https", "http"), "https://api.openai.com/v1")
OPENAI_MODEL = env.text("OPENAI_MODEL", "gpt-5-mini-2025-08-07")
EMBEDDINGS_MODEL = env.text("EMBEDDINGS_MODEL")
EMBEDDINGS_DIMENSIONS = env.number("EMBEDDINGS_DIMENSIONS", 0, least=0, most=16_000)
if EMBEDDINGS_MODEL:
    INSTALLED_APPS.append("memories.semantic")
OPENAI_TIMEOUT_MS = env.number("OPENAI_TIMEOUT", 20_000, least=100, most=300_000)
# US dollars for a million tokens. Unset: a run's cost is shown in tokens.
OPENAI_PRICE_IN = env.price("OPENAI_PRICE_IN")
OPENAI_PRICE_OUT = env.price("OPENAI_PRICE_OUT")
ENABLE_PROMPT_WORKERS = env.flag("ENABLE_PROMPT_WORKERS", default=True)

# --- retention: days, 0 keeps for ever --------------------------------------
RETENTION_RAW_BODIES_DAYS = env.number("RETENTION_RAW_BODIES_DAYS", 30, least=0, most=36_500)
RETENTION_DEAD_LETTERS_DAYS = env.number("RETENTION_DEAD_LETTERS_DAYS", 90, least=0, most=36_500)
RETENTION_TRANSCRIPTS_DAYS = env.number("RETENTION_TRANSCRIPTS_DAYS", 0, least=0, most=36_500)
RETENTION_MEMORIES_DAYS = env.number("RETENTION_MEMORIES_DAYS", 0, least=0, most=36_500)
RETENTION_RECORDINGS_DAYS = env.number("RETENTION_RECORDINGS_DAYS", 0, least=0, most=36_500)
RETENTION_LOGS_DAYS = env.number("RETENTION_LOGS_DAYS", 30, least=0, most=36_500)

# --- logging ----------------------------------------------------------------
SLOW_REQUEST_THRESHOLD_MS = env.number("SLOW_REQUEST_THRESHOLD", 1000, least=1, most=600_000)
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_DIR = Path(env.text("LOG_DIR") or VAR_DIR / "logs")
LOGGING = core_logging.config(
    level=LOG_LEVEL,
    folder=LOG_DIR if env.flag("ENABLE_FILE_LOGGING", default=False) else None,
    readable=DEBUG,
    sql=env.flag("DB_ENABLE_LOGGING", default=False),
)

# --- REST API ---------------------------------------------------------------
REST_FRAMEWORK: dict[str, object] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "omibackend.accounts.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["omibackend.accounts.api.permissions.InScope"],
    "DEFAULT_PAGINATION_CLASS": "omibackend.core.api.pages.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["omibackend.core.http.throttles.Throttle"],
    # A view names its own by `throttle_scope`: per person, or per address before the sign-in.
    "DEFAULT_THROTTLE_RATES": {
        "register": "20/hour",
        "login": "30/minute",
        "account": "60/minute",
        "export": "60/minute",
        "chat": "30/minute",
        "link_start": "5/minute",
        "link_confirm": "10/minute",
    },
    "DEFAULT_SCHEMA_CLASS": "omibackend.core.api.openapi.Schema",
    # /openapi.json tells what a route takes; OPTIONS would tell it again, and less.
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    # `format` is a parameter of exports.
    "URL_FORMAT_OVERRIDE": None,
    "NUM_PROXIES": TRUSTED_PROXY_COUNT,
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "omibackend.core.api.errors.KnownErrors",
    "EXCEPTION_FORMATTER_CLASS": "omibackend.core.api.errors.ErrorFormatter",
    "ERROR_SCHEMAS": dict.fromkeys(
        ("400", "401", "403", "404", "405", "406", "415", "429", "500"),
        "omibackend.core.api.serializers.ErrorsSerializer",
    ),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "omibackend",
    "DESCRIPTION": "Webhooks in, nothing lost.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "PREPROCESSING_HOOKS": ["omibackend.core.api.schema.without_last_slash"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "StoreStateEnum": ["ok", "down"],
        "SpaceEnum": "conversations.models.Space",
        "RecordingStatusEnum": "emg.models.Status",
        "MvcSourceEnum": ["given", "stored", "estimated", "none"],
        "MemoryKindEnum": "memories.models.MemoryKind",
        "ConversationKindEnum": "conversations.models.Conversation.Kind",
    },
}

# --- language and time ------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "omibackend.formats"

# --- admin ------------------------------------------------------------------
UNFOLD = unfold.SHELL
