from django.urls import path

from bookings import drafts_views as drafts
from bookings import views
from bookings import views_audit as audit
from bookings import views_brief as brief
from bookings import views_charts as charts
from bookings import views_compare as compare
from bookings import views_confirmation as confirmation
from bookings import views_operations as ops
from bookings import views_search as search
from bookings import views_what_if as what_if
from bookings import views_work as work

urlpatterns = [
    path("", views.home, name="home"),
    path("work/", work.work, name="work"),
    path("work/news/", work.work_news, name="work-news"),
    path("work/decide/", work.work_decide, name="work-decide"),
    path("work/views/", work.work_keep_view, name="work-keep-view"),
    path("work/views/<uuid:pk>/remove/", work.work_drop_view, name="work-drop-view"),
    path("campaigns/", views.campaigns, name="campaigns"),
    path("campaigns/new/", brief.campaign_new, name="campaign-new"),
    path("campaigns/new/json/", brief.campaign_new_json, name="campaign-new-json"),
    path("campaigns/new/check/", drafts.brief_check, name="brief-check"),
    path("campaigns/new/session/", drafts.brief_session, name="brief-session"),
    path("campaigns/new/templates/", drafts.template_keep, name="brief-template-keep"),
    path("campaigns/new/templates/<uuid:pk>/remove/", drafts.template_drop, name="brief-template-drop"),
    path("campaigns/new/<uuid:pk>/", brief.campaign_draft, name="campaign-draft"),
    path("campaigns/new/<uuid:pk>/save/", drafts.draft_save, name="brief-draft-save"),
    path("campaigns/new/<uuid:pk>/discard/", drafts.draft_discard, name="brief-draft-discard"),
    path("campaigns/<uuid:pk>/", views.campaign, name="campaign"),
    path("campaigns/<uuid:pk>/live/", views.campaign_live, name="campaign-live"),
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
    path("campaigns/<uuid:pk>/compare/", compare.campaign_compare, name="campaign-compare"),
    path("campaigns/<uuid:pk>/lines/<uuid:line_id>/why/", compare.line_why, name="campaign-line-why"),
    path("campaigns/<uuid:pk>/what-if/", what_if.campaign_what_if, name="campaign-what-if"),
    path("campaigns/<uuid:pk>/revise/", what_if.campaign_revise, name="campaign-revise"),
    path("campaigns/<uuid:pk>/requote/", what_if.campaign_requote, name="campaign-requote"),
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
