"""The product's own settings, with the points of the fault harness switched on."""

import os

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.points.PointsConfig"]
# A real hash takes half a second on purpose; the harness signs nobody in.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGGING_CONFIG = "logging.config.dictConfig" if os.environ.get("FAULTS_DIR") else None
