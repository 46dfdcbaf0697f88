"""`python -m simulator --dialect seller-agent --port 8801 --state var/seller.sqlite3`"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from simulator.identity import Buyer, parse_key
from simulator.options import DIALECTS, SellerOptions
from simulator.server import serve


def _key(text: str) -> tuple[str, Buyer]:
    try:
        return parse_key(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float | None:
    return None if text == "never" else float(text)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="simulator", description="A simulated seller on loopback.")
    made.add_argument("--dialect", required=True, choices=DIALECTS)
    made.add_argument("--port", required=True, type=int, help="0 = any free port, printed at start")
    made.add_argument("--state", required=True, type=Path, help="SQLite file, created if new")
    made.add_argument("--name", default="")
    made.add_argument(
        "--key",
        dest="keys",
        type=_key,
        action="append",
        default=[],
        metavar="KEY=TIER[:FIELD=VALUE,...]",
        help="tier public|seat|agency|advertiser; fields seat, agency, advertiser, account",
    )
    made.add_argument("--rtt", type=float, default=0.0, metavar="MS", help="delay of every request")
    made.add_argument("--confirm-after", type=_seconds, default=None, metavar="S", help="or `never`")
    made.add_argument("--async-after", type=_seconds, default=None, metavar="S", help="or `never`: at once")
    made.add_argument("--quote-ttl", type=float, default=86_400.0, metavar="S")
    made.add_argument("--malformed", type=int, default=0, help="unreadable catalogue rows, at most 3")
    made.add_argument("--stale", type=int, default=0, help="listed products that are gone, at most 2")
    made.add_argument("--catalogue", choices=("full", "reference"), default="full")
    made.add_argument("--no-control", action="store_true", help="do not serve /_sim")
    made.add_argument("--exit-with-parent", action="store_true")
    return made


def main() -> None:
    args = parser().parse_args()
    logging.basicConfig(level=logging.ERROR)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # cut connections are meant
    options = SellerOptions(
        dialect=args.dialect,
        state=args.state,
        name=args.name,
        keys=dict(args.keys),
        catalogue=args.catalogue,
        malformed=args.malformed,
        stale=args.stale,
        control=not args.no_control,
        rtt=args.rtt / 1000,
        confirm_after=args.confirm_after,
        async_after=args.async_after,
        quote_ttl=args.quote_ttl,
    )
    serve(options, args.port, exit_with_parent=args.exit_with_parent)


if __name__ == "__main__":
    main()
