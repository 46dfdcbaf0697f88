"""Everything at once on this machine: database, people, two simulated sellers, server and worker, and a first brief
that waits for your decision. Ctrl-C stops it; the next start finds everything as it was left."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Any

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

BRIEF = "examples/briefs/spring-launch.json"
PATIENCE = 120.0


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        from config import demo
        from config.management.commands.up import serve

        port = options["port"]
        self._refuse_taken_port(port)
        self.started = time.monotonic()
        settings.FLIGHTDECK_DEMO = True
        allowed = [*settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS, *demo.origins(port)]
        settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = allowed
        os.environ["FLIGHTDECK_ALLOWED_PRIVATE_SELLERS"] = ",".join(allowed)
        self._say("Starting two simulated sellers")
        sellers = demo.start_sellers(port)
        try:
            self._say("Preparing the database")
            call_command("migrate", verbosity=0)
            demo.seed(port)
            demo.wait_for_sellers(port)
            self._say(f"Starting the server and its worker on port {port}")
            threading.Thread(target=self._guide, args=(port,), daemon=True).start()
            serve("127.0.0.1", port)
        finally:
            for seller in sellers:
                seller.terminate()
            for seller in sellers:
                seller.wait(timeout=5)
        self.stdout.write("Stopped. Everything is kept; start again with the same command.")

    def _refuse_taken_port(self, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise CommandError(f"Port {port} is in use. Choose another: make run PORT=8010") from error

    def _guide(self, port: int) -> None:
        """Once the server answers: submit the first brief as the demo client, wait for the plan, say where to go."""
        from config import demo

        base = f"http://127.0.0.1:{port}"
        try:
            self._wait_until_up(base)
            client = httpx.Client(
                base_url=base,
                headers={"Authorization": f"Bearer {demo.client_key()}"},
                timeout=30,
                trust_env=False,
            )
            with client:
                job = self._first_job(client)
                self._report(client, base, job)
            demo.probe_new_sellers()
        except Exception as error:  # the server goes on without the tour
            self.stderr.write(f"The tour stopped: {error}")

    def _wait_until_up(self, base: str) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                if httpx.get(f"{base}/health/ready", timeout=2, trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise TimeoutError("the server did not become ready")

    def _first_job(self, client: httpx.Client) -> dict[str, Any]:
        known = client.get("/api/bookings", params={"page_size": 1}).raise_for_status().json()["results"]
        if known:
            return dict(known[0])
        self._say(f"Submitting {BRIEF}")
        brief = (settings.BASE_DIR / BRIEF).read_bytes()
        answer = client.post(
            "/api/bookings",
            content=brief,
            headers={"Content-Type": "application/json", "Idempotency-Key": "demo-spring-launch"},
        )
        return dict(answer.raise_for_status().json())

    def _report(self, client: httpx.Client, base: str, job: dict[str, Any]) -> None:
        until, said = time.monotonic() + PATIENCE, ""
        while time.monotonic() < until:
            job = client.get(f"/api/bookings/{job['job_id']}").raise_for_status().json()
            if job["status"] != said:
                said = job["status"]
                self._say(f"  {job['name']}: {said.replace('_', ' ')}")
            if said not in ("pending", "brief_received", "budget_allocated", "researching"):
                break
            time.sleep(0.1)
        self._show_doors(base, job)

    def _show_doors(self, base: str, job: dict[str, Any]) -> None:
        from config import demo

        waiting = job["status"] == "awaiting_approval"
        lines = [
            "",
            "The plan waits for your decision:" if waiting else "The newest campaign:",
            f"    {base}/campaigns/{job['job_id']}/",
            "",
            f"Sign in at {base}/login/ (password of all: {settings.FLIGHTDECK_DEMO_PASSWORD})",
            *(f"    {name:<10} {person}, {role.label}" for name, person, role in demo.PEOPLE),
            "",
            f"Operations  {base}/admin/    API  {base}/api/docs/ (sign in first)",
            f"API keys    {os.path.relpath(demo.demo_dir() / 'keys.json')}",
            "Stop with Ctrl-C.",
            "",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()

    def _say(self, text: str) -> None:
        self.stdout.write(f"[{time.monotonic() - self.started:5.1f} s] {text}")
        self.stdout.flush()
