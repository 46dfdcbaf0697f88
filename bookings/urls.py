from django.urls import path

from bookings import views
from bookings import views_audit as audit
from bookings import views_brief as brief
from bookings import views_charts as charts
from bookings import views_compare as compare
from bookings import views_confirmation as confirmation
from bookings import views_line_edit as line_edit
from bookings import views_operations as ops
from bookings import views_search as search
from bookings import views_together as together
from bookings import views_what_if as what_if
from bookings import views_work as work
from bookings.client_view import pages as client
from bookings.client_view import shared_pages
from bookings.drafts import views as drafts
from bookings.drafts import views_import as imports

urlpatterns = [
    path("", views.home, name="home"),
    path("work/", work.work, name="work"),
    path("work/news/", work.work_news, name="work-news"),
    path("work/decide/", work.work_decide, name="work-decide"),
    path("work/views/", work.work_keep_view, name="work-keep-view"),
    path("work/views/<uuid:pk>/remove/", work.work_drop_view, name="work-drop-view"),
    path("campaigns/", views.campaigns, name="campaigns"),
    path("campaigns/new/", brief.campaign_new, name="campaign-new"),
    path("campaigns/new/json/", imports.campaign_new_json, name="campaign-new-json"),
    path("campaigns/new/drafts/", drafts.draft_list, name="brief-drafts"),
    path("campaigns/new/sample.csv", imports.sample_csv, name="brief-sample"),
    path("campaigns/new/check/", drafts.brief_check, name="brief-check"),
    path("campaigns/new/session/", drafts.brief_session, name="brief-session"),
    path("campaigns/new/templates/", drafts.template_keep, name="brief-template-keep"),
    path("campaigns/new/templates/<uuid:pk>/remove/", drafts.template_drop, name="brief-template-drop"),
    path("campaigns/new/<uuid:pk>/", brief.campaign_draft, name="campaign-draft"),
    path("campaigns/new/<uuid:pk>/save/", drafts.draft_save, name="brief-draft-save"),
    path("campaigns/new/<uuid:pk>/discard/", drafts.draft_discard, name="brief-draft-discard"),
    path("campaigns/<uuid:pk>/", views.campaign, name="campaign"),
    path("campaigns/<uuid:pk>/live/", views.campaign_live, name="campaign-live"),
    path("campaigns/<uuid:pk>/client/", client.campaign_client, name="campaign-client"),
    path("campaigns/<uuid:pk>/client/live/", client.campaign_client_live, name="campaign-client-live"),
    path("campaigns/<uuid:pk>/client/answer/", client.campaign_client_answer, name="campaign-client-answer"),
    path(
        "campaigns/<uuid:pk>/client/comment/", client.campaign_client_comment, name="campaign-client-comment"
    ),
    path(
        "campaigns/<uuid:pk>/client/confirmation/",
        client.campaign_client_confirmation,
        name="campaign-client-confirmation",
    ),
    path("campaigns/<uuid:pk>/client/links/", client.campaign_client_link, name="campaign-client-link"),
    path(
        "campaigns/<uuid:pk>/client/links/<uuid:link_id>/revoke/",
        client.campaign_client_revoke,
        name="campaign-client-revoke",
    ),
    path("shared/<str:token>/", shared_pages.shared, name="shared"),
    path("shared/<str:token>/confirmation/", shared_pages.shared_confirmation, name="shared-confirmation"),
    path("campaigns/<uuid:pk>/events/", views.campaign_events, name="campaign-events"),
    path("campaigns/<uuid:pk>/decide/", views.campaign_decide, name="campaign-decide"),
    path("campaigns/<uuid:pk>/decisions/<uuid:decision_id>/undo/", views.campaign_undo, name="campaign-undo"),
    path(
        "campaigns/<uuid:pk>/confirmation/", confirmation.campaign_confirmation, name="campaign-confirmation"
    ),
    path(
        "campaigns/<uuid:pk>/confirmation/csv/",
        confirmation.campaign_confirmation_csv,
        name="campaign-confirmation-csv",
    ),
    path("campaigns/<uuid:pk>/stop-research/", views.campaign_stop_research, name="campaign-stop-research"),
    path("campaigns/<uuid:pk>/charts/", charts.campaign_charts, name="campaign-charts"),
    path("campaigns/table/", compare.plan_view, name="plan-view"),
    path("campaigns/<uuid:pk>/compare/", compare.campaign_compare, name="campaign-compare"),
    path("campaigns/<uuid:pk>/lines/<uuid:line_id>/why/", compare.line_why, name="campaign-line-why"),
    path("campaigns/<uuid:pk>/lines/<uuid:line_id>/edit/", line_edit.line_edit, name="campaign-line-edit"),
    path("campaigns/<uuid:pk>/what-if/", what_if.campaign_what_if, name="campaign-what-if"),
    path("campaigns/<uuid:pk>/revise/", what_if.campaign_revise, name="campaign-revise"),
    path("campaigns/<uuid:pk>/ask-seller/", what_if.campaign_ask_seller, name="campaign-ask-seller"),
    path("campaigns/<uuid:pk>/requote/", what_if.campaign_requote, name="campaign-requote"),
    path("campaigns/<uuid:pk>/ask/", together.campaign_ask, name="campaign-ask"),
    path("campaigns/<uuid:pk>/here/", together.campaign_here, name="campaign-here"),
    path("campaigns/<uuid:pk>/cancel/", views.campaign_cancel, name="campaign-cancel"),
    path("campaigns/<uuid:pk>/rest/", views.campaign_rest, name="campaign-rest"),
    path("campaigns/<uuid:pk>/lines/<uuid:line_id>/check/", views.line_check, name="line-check"),
    path("search/", search.search, name="search"),
    path("audit/", audit.audit_trail, name="audit"),
    path("audit/export/", audit.audit_export, name="audit-export"),
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
