"""The product's own settings, with the points of the fault harness switched on."""

import os

from config.settings import *  # noqa: F403
from config.settings import DATABASES, INSTALLED_APPS, LOGGING

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.points.PointsConfig"]
# A real hash takes half a second on purpose; the harness signs nobody in.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Connections that a fault has cut are no news here.
LOGGING["loggers"]["psycopg.pool"] = {"level": "ERROR"}
if "FAULTS_DIR" not in os.environ:
    # The harness itself: its threads come and go, and would not give a pool its connections back.
    DATABASES["default"]["OPTIONS"].pop("pool", None)
