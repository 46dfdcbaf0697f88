"""Every route of the product, one line per room."""

from django.contrib import admin
from django.urls import include, path

from config.help import help_page
from config.styleguide import styleguide

handler500 = "config.failing.server_error"

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("config.health_urls")),
    path("admin/", admin.site.urls),
    path("api/", include("config.api_urls")),
    path("", include("bookings.urls")),
    path("", include("sellers.urls")),
    path("", include("notifications.urls")),
    path("help/", help_page, name="help"),
    path("styleguide/", styleguide, name="styleguide"),
]
