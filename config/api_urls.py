"""Routes under /api/. Anything else there answers as a problem document, not as a page."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from bookings import api as bookings
from bookings import api_ask
from bookings import api_decisions as decisions
from bookings import api_operations as operations
from bookings import api_what_if as what_if
from bookings.client_view import api as client
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
    path("bookings/<uuid:job_id>/what-if", what_if.WhatIf.as_view(), name="api-what-if"),
    path("bookings/<uuid:job_id>/revise", what_if.Revise.as_view(), name="api-revise"),
    path("bookings/<uuid:job_id>/ask-seller", what_if.AskSeller.as_view(), name="api-ask-seller"),
    path("bookings/<uuid:job_id>/ask", api_ask.Ask.as_view(), name="api-ask"),
    path("bookings/<uuid:job_id>/undo", decisions.Undo.as_view(), name="api-undo"),
    path("bookings/<uuid:job_id>/cancel", decisions.Cancel.as_view(), name="api-cancel"),
    path("bookings/<uuid:job_id>/rest", bookings.Rest.as_view(), name="api-rest"),
    path("bookings/<uuid:job_id>/events", bookings.Events.as_view(), name="api-events"),
    path("bookings/<uuid:job_id>/client-view", client.View.as_view(), name="api-client-view"),
    path("bookings/<uuid:job_id>/client-view/answer", client.Answer.as_view(), name="api-client-answer"),
    path(
        "bookings/<uuid:job_id>/client-view/comments", client.Comments.as_view(), name="api-client-comments"
    ),
    path("bookings/<uuid:job_id>/client-view/links", client.Links.as_view(), name="api-client-links"),
    path(
        "bookings/<uuid:job_id>/client-view/links/<uuid:link_id>/revoke",
        client.RevokeLink.as_view(),
        name="api-client-link-revoke",
    ),
    path("operations", operations.Operations.as_view(), name="api-operations"),
    path("operations/comparisons", operations.Comparisons.as_view(), name="api-comparisons"),
    path("operations/claims/<uuid:claim_id>/check", operations.CheckClaim.as_view(), name="api-claim-check"),
    path(
        "operations/claims/<uuid:claim_id>/declare-not-booked",
        operations.DeclareClaim.as_view(),
        name="api-claim-declare",
    ),
    path("operations/claims/<uuid:claim_id>/adopt", operations.AdoptClaim.as_view(), name="api-claim-adopt"),
    path(
        "operations/lines/<uuid:line_id>/cancel-again",
        operations.CancelLineAgain.as_view(),
        name="api-line-cancel-again",
    ),
    path(
        "operations/discrepancies/<uuid:discrepancy_id>/resolve",
        operations.ResolveDiscrepancy.as_view(),
        name="api-discrepancy-resolve",
    ),
    path(
        "operations/steps/<uuid:step_id>/run-again",
        operations.RunStepAgain.as_view(),
        name="api-step-run-again",
    ),
    path("products/search", ProductSearch.as_view(), name="api-products-search"),
    path("", include("sellers.api_urls")),
    re_path(r"^.*$", api_not_found),
]
