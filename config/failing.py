"""What a reader sees when something fails on our side: 503 while the database is away or overloaded, else 500.

A restart of PostgreSQL, a full disk or a lock that nobody lets go is over some time: whoever asked may ask again, and
a repeated request with the same Idempotency-Key does nothing twice.
"""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

# No free connection in the pool (`PoolTimeout`) arrives as OperationalError too.
DATABASE_AWAY = (OperationalError, InterfaceError)
RETRY_AFTER = "5"  # seconds
# Whether the last commit was done may be unknown, so no promise is made here that nothing happened.
TRY_AGAIN = (
    "The database cannot be reached right now. Repeat this in a moment, with the same Idempotency-Key."
)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of what nobody caught; the middleware makes a problem document of it under /api/."""
    if isinstance(sys.exc_info()[1], DATABASE_AWAY):
        page = render_to_string("503.html", {"request": request})
        return HttpResponse(page, status=503, headers={"Retry-After": RETRY_AFTER})
    return HttpResponse(render_to_string("500.html", {"request": request}), status=500)
