"""Names of points that are the same in every run."""

from __future__ import annotations

import re
from types import FrameType

ROOMS = ("accounts", "approvals", "bookings", "flows", "sellers")
OWN_ID = re.compile(r"^(?=.*[\d])(?!v\d+$)|^.{24,}$")  # in our own routes
SELLER_ID = re.compile(r"^(?=.*[\d-])(?!v\d+$)")  # in a seller's


def opener(frame: FrameType | None) -> str:
    """The product function that opened the transaction; for a step's commit the function that made its record."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] in ROOMS:
            record = frame.f_locals.get("record")
            if module == "flows.work" and callable(record):
                return _short(record.__module__, record.__qualname__)
            return _short(module, frame.f_code.co_qualname)
        frame = frame.f_back
    return "elsewhere"


def _short(module: str, qualname: str) -> str:
    inner = qualname.replace(".<locals>", "").removesuffix(".record").removesuffix(".<lambda>")
    return f"{module.rpartition('.')[2]}.{inner}"


def path_class(path: str, ids: re.Pattern[str]) -> str:
    return "/".join("*" if ids.search(part) else part for part in path.split("/"))


def verb(query: str) -> str:
    return f"?{query}" if query.isalpha() else ""
