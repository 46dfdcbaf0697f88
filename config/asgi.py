"""Two ASGI applications. `application` serves everything from one process (`manage.py serve`) and, in the embedded
set-up, holds the worker too. `sockets` serves live connections and health only, beside WSGI processes for the rest."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  Django must be set up first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from config.embedded import Lifespan  # noqa: E402
from config.only_health import OnlyHealth  # noqa: E402
from config.sockets import socket_routes  # noqa: E402

live = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(socket_routes)))

application = ProtocolTypeRouter({"http": http_application, "websocket": live, "lifespan": Lifespan()})
sockets = ProtocolTypeRouter({"http": OnlyHealth(http_application), "websocket": live})
