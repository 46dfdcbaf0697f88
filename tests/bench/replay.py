"""The calls of one planned campaign once more, by a bare client: what the wire and the sellers cost without us."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence

from simulator.journal import Entry
from simulator.testing import RunningSeller
from tests.bench.openloop import Lines

Wave = Sequence[Entry]


async def replay(sellers: Mapping[str, RunningSeller], asked: Mapping[str, Sequence[Wave]]) -> float:
    """Seconds for the waves of every seller: each but the last follows the seller's own one before it; the last, the
    binding prices of a plan, begins when all sellers have been heard."""
    lines = {slug: Lines(sellers[slug].port) for slug in asked}
    began = time.perf_counter()
    await asyncio.gather(
        *(_one_after_the_other(lines[slug], sellers[slug], waves[:-1]) for slug, waves in asked.items())
    )
    await asyncio.gather(
        *(_side_by_side(lines[slug], sellers[slug], waves[-1]) for slug, waves in asked.items())
    )
    took = time.perf_counter() - began
    for open_lines in lines.values():
        open_lines.close()
    return took


async def _one_after_the_other(lines: Lines, seller: RunningSeller, waves: Iterable[Wave]) -> None:
    for wave in waves:
        await _side_by_side(lines, seller, wave)


async def _side_by_side(lines: Lines, seller: RunningSeller, wave: Wave) -> None:
    named = "AccessToken" if seller.options.dialect == "opendirect" else "x-api-key"
    headers = [(named, seller.client_key)]

    async def ask(entry: Entry) -> None:
        said = entry.data
        path = said["path"] + (f"?{said['query']}" if said["query"] else "")
        status = (await lines.ask(said["method"], path, headers, said["body"].encode())).status
        if status >= 500 or status in (401, 403):
            raise RuntimeError(f"{said['method']} {path} was answered {status}")

    await asyncio.gather(*(ask(entry) for entry in wave))
