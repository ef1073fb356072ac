"""Settings of the site. Every variable is described in docs/settings.md."""

from __future__ import annotations

from pathlib import Path

import django_stubs_ext

from timestep import conf
from timestep_site import log_filters

# Lets classes such as ModelAdmin be subscripted by their model, as the type checker wants them.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
# In a wheel the templates and styles lie inside this package.
ASSETS = BASE_DIR if (BASE_DIR / "templates").is_dir() else Path(__file__).resolve().parent
TIMESTEP_HOME = conf.home()

DEBUG = False
SECRET_KEY = conf.secret_key(TIMESTEP_HOME)
ROOT_URLCONF = "timestep_site.urls"
ASGI_APPLICATION = "timestep_site.asgi.application"

# Where people reach the site. Local names always work: health checks use them.
PUBLIC_URL = conf.public_url()
TIMESTEP_PUBLIC_URL = PUBLIC_URL.origin if PUBLIC_URL else ""
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS: list[str] = []
if PUBLIC_URL:
    ALLOWED_HOSTS.append(PUBLIC_URL.host)
    CSRF_TRUSTED_ORIGINS.append(PUBLIC_URL.origin)

SECURE = PUBLIC_URL is not None and PUBLIC_URL.secure
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_SECURE = SECURE
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if SECURE else 0
# What holds for the whole domain and its other hosts is for the domain's owner to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
X_FRAME_OPTIONS = "DENY"
TIMESTEP_TRUSTED_PROXY = conf.flag("TIMESTEP_TRUSTED_PROXY")
if TIMESTEP_TRUSTED_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "channels",
    "timestep",
    "approvals",
    "workflows",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "workflows.middleware.StaticFiles",
    "workflows.middleware.ContentSecurityPolicy",
    # Outside of all that answers: no page goes past it.
    "workflows.middleware.Masking",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "approvals.middleware.ClientAddress",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ASSETS / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": conf.database(TIMESTEP_HOME)}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = conf.time_zone()
USE_I18N = False
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [ASSETS / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_email = conf.email()
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _email["DEFAULT_FROM_EMAIL"]
EMAIL_HOST = _email.get("EMAIL_HOST", "")
EMAIL_PORT = _email.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = _email.get("EMAIL_TIMEOUT")

# Without this Django sends errors only to the people in ADMINS, that is, to nobody.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "timestep.masked_logs.MaskedFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "datefmt": "%Y-%m-%d %H:%M:%S",
            "style": "{",
        },
    },
    "filters": {
        # /readyz says 503 for as long as it takes, and is asked all the time.
        "not_unready": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", None) != 503,
        },
        # Anybody can send a wrong Host, as often as they like: one line each is enough.
        "without_traceback": {
            "()": "django.utils.log.CallbackFilter",
            "callback": log_filters.without_traceback,
        },
        "outages": {"()": log_filters.Outages},
    },
    "handlers": {
        "terminal": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["outages"],
        },
    },
    "root": {"handlers": ["terminal"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "propagate": True, "level": "INFO"},
        # A page that is not there is no event of the server's.
        "django.request": {
            "handlers": [],
            "propagate": True,
            "level": "ERROR",
            "filters": ["not_unready"],
        },
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
        "daphne": {"level": "WARNING"},
        # It prints by itself, in another form, where nobody else does.
        "dbos": {"handlers": ["terminal"], "propagate": False},
    },
}

TIMESTEP_APPROVAL_GATE = "approvals.gate.RecordingGate"
TIMESTEP_DEFINITIONS = "workflows.definitions.KeptDefinitions"
TIMESTEP_CLOCKS = [
    "timestep.services.ticking.fire_due",
    "timestep.services.failures.pause_failing",
    "approvals.services.expiry.expire_due",
    "approvals.services.deliveries.deliver_due",
]
TIMESTEP_AUDIT_TRAIL = "approvals.services.audit.append"
TIMESTEP_AFTER_MIGRATE = ["approvals.services.roles.keep_roles"]
TIMESTEP_TOOLS = conf.tool_modules()
TIMESTEP_DRAIN_SECONDS = conf.drain_seconds()
# What the specs of scripts' agents may name beyond that.
TIMESTEP_CODE = conf.code_modules()
TIMESTEP_MCP = conf.mcp_servers()
# Beside what looks like a secret by itself.
TIMESTEP_MASKED_FIELDS = conf.words("TIMESTEP_MASKED_FIELDS")
