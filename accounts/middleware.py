"""Sessions end: after half an hour without a request, and twelve hours after the login whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

IDLE = 30 * 60  # seconds
ABSOLUTE = 12 * 3600
TOUCH_EVERY = 60

SIGNED_IN, SEEN = "signed_in_at", "seen_at"


@receiver(user_logged_in)
def note_login(request: HttpRequest | None, **_: object) -> None:
    if request is not None:
        request.session[SIGNED_IN] = request.session[SEEN] = int(time.time())


class SessionEnds:
    """Belongs right behind `AuthenticationMiddleware`. Writes the session at most once a minute."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        seen = request.session.get(SEEN)
        if seen is not None:
            instant = int(time.time())
            if instant - seen > IDLE or instant - request.session.get(SIGNED_IN, 0) > ABSOLUTE:
                logout(request)
            elif instant - seen >= TOUCH_EVERY:
                request.session[SEEN] = instant
        return self.get_response(request)
