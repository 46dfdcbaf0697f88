"""A process of its own that calls a seller: `python -m tests.sellers.caller URL THREADS CALLS`.

Waits for a line on its standard input, then prints one line of JSON: how many calls ended in which way.
"""

from __future__ import annotations

import asyncio
import collections
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from sellers.dialects.base import Connection  # noqa: E402
from sellers.http import CallFailed, SellerHttp  # noqa: E402


def one(url: str) -> str:
    async def hold() -> str:
        connection = Connection(slug="seller", name="A seller", base_url=url, dialect="seller-agent")
        async with SellerHttp(connection, call_seconds=60, total_seconds=60) as http:
            try:
                reply = await http.write("POST", "/x")
            except CallFailed as failed:
                return failed.code
        return f"http_{reply.status}"

    return asyncio.run(hold())


def main(url: str, threads: int, calls: int) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps(collections.Counter(pool.map(one, [url] * calls))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
