from django.urls import path

from bookings import views
from bookings import views_operations as ops

urlpatterns = [
    path("", views.home, name="home"),
    path("decisions/", views.decisions, name="decisions"),
    path("campaigns/", views.campaigns, name="campaigns"),
    path("campaigns/new/", views.campaign_new, name="campaign-new"),
    path("campaigns/new/json/", views.campaign_new_json, name="campaign-new-json"),
    path("campaigns/<uuid:pk>/", views.campaign, name="campaign"),
    path("campaigns/<uuid:pk>/live/", views.campaign_live, name="campaign-live"),
    path("campaigns/<uuid:pk>/events/", views.campaign_events, name="campaign-events"),
    path("campaigns/<uuid:pk>/decide/", views.campaign_decide, name="campaign-decide"),
    path("campaigns/<uuid:pk>/cancel/", views.campaign_cancel, name="campaign-cancel"),
    path("campaigns/<uuid:pk>/rest/", views.campaign_rest, name="campaign-rest"),
    path("campaigns/<uuid:pk>/lines/<uuid:line_id>/check/", views.line_check, name="line-check"),
    path("operations/", ops.operations_list, name="operations"),
    path("operations/news/", ops.operations_news, name="operations-news"),
    path("operations/compare/", ops.compare_now, name="operations-compare"),
    path("operations/claims/<uuid:pk>/check/", ops.claim_check, name="claim-check"),
    path("operations/claims/<uuid:pk>/declare/", ops.claim_declare, name="claim-declare"),
    path("operations/claims/<uuid:pk>/adopt/", ops.claim_adopt, name="claim-adopt"),
    path("operations/lines/<uuid:pk>/cancel-again/", ops.line_cancel_again, name="line-cancel-again"),
    path("operations/discrepancies/<uuid:pk>/resolve/", ops.discrepancy_resolve, name="discrepancy-resolve"),
    path("operations/steps/<uuid:pk>/run-again/", ops.step_run_again, name="step-run-again"),
]
