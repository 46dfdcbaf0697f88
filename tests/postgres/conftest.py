"""What PostgreSQL adds to the rules of the code: collected in the distributed lane only, where it can be true."""

from __future__ import annotations

from django.conf import settings

collect_ignore_glob = [] if settings.DATABASE_URL else ["test_*.py"]
