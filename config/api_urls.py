"""Routes under /api/. Anything else there answers as a problem document, not as a page."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from bookings import api as bookings
from bookings import api_decisions as decisions
from config.api_root import ApiRoot
from config.problems import api_not_found
from sellers.search_api import ProductSearch

urlpatterns = [
    path("", ApiRoot.as_view(), name="api-root"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    path("bookings", bookings.Bookings.as_view(), name="api-bookings"),
    path("bookings/<uuid:job_id>", bookings.Booking.as_view(), name="api-booking"),
    path("bookings/<uuid:job_id>/approve", decisions.Approve.as_view(), name="api-approve"),
    path("bookings/<uuid:job_id>/approve-all", decisions.ApproveAll.as_view(), name="api-approve-all"),
    path("bookings/<uuid:job_id>/reject", decisions.Reject.as_view(), name="api-reject"),
    path("bookings/<uuid:job_id>/cancel", decisions.Cancel.as_view(), name="api-cancel"),
    path("bookings/<uuid:job_id>/rest", bookings.Rest.as_view(), name="api-rest"),
    path("bookings/<uuid:job_id>/events", bookings.Events.as_view(), name="api-events"),
    path("products/search", ProductSearch.as_view(), name="api-products-search"),
    path("", include("sellers.api_urls")),
    re_path(r"^.*$", api_not_found),
]
