"""Is the process at this address well? For container health checks: ends with 0 or 1.

Asks under the first name in FLIGHTDECK_HOSTS, since the product answers to no other.
"""

import os
import sys
import urllib.error
import urllib.request


def main(url: str) -> int:
    request = urllib.request.Request(url)  # noqa: S310  an address on this machine, given by the operator
    if hosts := os.environ.get("FLIGHTDECK_HOSTS"):
        request.add_header("Host", hosts.split(",")[0].strip().lstrip("."))
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
