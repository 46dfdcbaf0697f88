import os, mimetypes
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
from urllib.parse import urlsplit
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import sync_playwright
from bookings.models import Campaign
from flows.models import Claim
from tests.bookings.test_saga import ALL, planned, refuse
from tests.driving import drive

def test_shots(desk):
    pages = {}
    pages["form"] = "/campaigns/new/"
    c0 = planned(desk, "agent", ALL)
    pages["decide"] = c0.get_absolute_url()
    c1 = planned(desk, "agent", ALL)
    refuse(desk, "agent", nth=3)
    desk.agent.faults(kind="status", method="POST", path="/api/v1/deals/bulk", status=503, count=4)
    desk.approve(c1)
    unclear = Claim.objects.filter(kind="cancel", state="unknown")
    drive(c1, until=lambda row: unclear.count() == 2)
    pages["unwinding"] = c1.get_absolute_url()
    desk.agent.clear_faults()
    c2 = planned(desk, "agent", ALL)
    refuse(desk, "agent", nth=3)
    desk.agent.faults({"kind": "status", "method": "POST", "path": "/api/v1/deals/bulk", "status": 200, "count": 1, "body": {"results": [{"success": False, "error": "Too late"}]}})
    desk.approve(c2)
    drive(c2)
    pages["stuck"] = c2.get_absolute_url()
    client = Client(); client.force_login(desk.agency.person("approver"))
    maker = Client(); maker.force_login(desk.agency.person("manager"))
    def serve(route):
        path = urlsplit(route.request.url)
        if path.path.startswith("/static/"):
            name = path.path.removeprefix("/static/")
            found = finders.find(name)
            if not found:
                # hashed name
                import re
                found = finders.find(re.sub(r"\.[0-9a-f]{12}\.", ".", name))
            if not found: return route.fulfill(status=404)
            return route.fulfill(path=found, content_type=mimetypes.guess_type(found)[0] or "text/plain")
        who = maker if path.path == "/campaigns/new/" else client
        answer = who.get(path.path)
        route.fulfill(status=answer.status_code, body=answer.content, headers={"Content-Type": answer.get("Content-Type", "text/html")})
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for theme in ("light", "dark"):
            for width in (360, 1440):
                ctx = b.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
                page = ctx.new_page(); page.route("**/*", serve)
                for name, path in pages.items():
                    page.goto("http://app.test" + path)
                    if name == "decide":
                        page.evaluate("document.querySelector('#ask-approve') && (document.querySelector('#ask-approve').open = true)")
                    page.wait_for_timeout(200)
                    h = page.evaluate("document.documentElement.scrollHeight")
                    page.set_viewport_size({"width": width, "height": max(900, h)})
                    page.screenshot(path=f"/tmp/h3shots/{name}-{theme}-{width}.png")
                    print("SHOT", name, theme, width, page.evaluate("document.documentElement.scrollWidth"))
                    page.set_viewport_size({"width": width, "height": 900})
                ctx.close()
        b.close()
