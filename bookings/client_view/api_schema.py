"""Request and response shapes of the client's view."""

from __future__ import annotations

from rest_framework import serializers

from bookings.client_view.models import LONGEST_NOTE, LONGEST_TEXT, Answer, Side
from bookings.client_view.plan import STATES
from bookings.client_view.sharing import DEFAULT_DAYS, LONGEST_DAYS, SHORTEST_DAYS
from planning.types import CHANNELS
from sellers.api_schema import StrictSerializer

PLACEMENT_STATES = list(STATES)
STEP_STATES = ["done", "current", "waiting", "failed", "skipped", "todo"]
LINK_STATES = ["active", "expired", "revoked"]


class AnswerBody(StrictSerializer):
    answer = serializers.ChoiceField(Answer.values)
    text = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=LONGEST_TEXT,
        help_text="The reason of an objection, at least 5 characters; or a comment",
    )
    plan = serializers.CharField(
        max_length=64, help_text="`plan` as read; refused with 409 when the plan has changed since"
    )


class CommentBody(StrictSerializer):
    text = serializers.CharField(max_length=LONGEST_TEXT, help_text="Plain text")


class LinkBody(StrictSerializer):
    days = serializers.IntegerField(
        min_value=SHORTEST_DAYS, max_value=LONGEST_DAYS, default=DEFAULT_DAYS, help_text="Until it expires"
    )
    note = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=LONGEST_NOTE, help_text="For whom"
    )


class Step(serializers.Serializer):
    label = serializers.CharField()  # type: ignore[assignment]
    state = serializers.ChoiceField(STEP_STATES)


class PlacementShown(serializers.Serializer):
    placement_id = serializers.UUIDField()
    name = serializers.CharField()
    format = serializers.CharField(allow_null=True)
    start_date = serializers.DateField()
    end_date = serializers.DateField()
    impressions = serializers.IntegerField()
    guaranteed = serializers.BooleanField()
    terms = serializers.CharField(help_text="What is guaranteed, in words")
    state = serializers.ChoiceField(PLACEMENT_STATES)
    confirmed_at = serializers.DateTimeField(allow_null=True)


class ChannelShown(serializers.Serializer):
    channel = serializers.ChoiceField(CHANNELS)
    share_percent = serializers.IntegerField(
        allow_null=True, help_text="Of the budget, as it was allocated; null where it has not been split"
    )
    impressions = serializers.IntegerField()
    placements = PlacementShown(many=True)


class ClientTotals(serializers.Serializer):
    placements = serializers.IntegerField()
    impressions = serializers.IntegerField()
    guaranteed_impressions = serializers.IntegerField()
    confirmed_placements = serializers.IntegerField()
    confirmed_impressions = serializers.IntegerField()
    budget_allocated = serializers.CharField(allow_null=True)


class AnswerShown(serializers.Serializer):
    by = serializers.CharField()
    answer = serializers.ChoiceField(Answer.values)
    text = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()
    current = serializers.BooleanField(help_text="Of exactly the plan that is shown")
    at = serializers.DateTimeField()


class ClientViewAnswer(serializers.Serializer):
    """A campaign as its client sees it: no seller prices, costs, fees or references."""

    job_id = serializers.UUIDField()
    name = serializers.CharField()
    client = serializers.CharField()
    timezone = serializers.CharField(help_text="IANA name; the flight dates are days there")
    start_date = serializers.DateField()
    end_date = serializers.DateField()
    budget = serializers.CharField()
    currency = serializers.CharField()
    standing = serializers.CharField(help_text="Where the campaign stands, in one sentence")
    steps = Step(many=True)
    version = serializers.IntegerField()
    plan = serializers.CharField(
        allow_null=True, help_text="Stands for the exact plan that waits; null while none does"
    )
    channels = ChannelShown(many=True)
    totals = ClientTotals()
    answers = AnswerShown(many=True)


class CommentShown(serializers.Serializer):
    comment_id = serializers.UUIDField()
    by = serializers.CharField()
    side = serializers.ChoiceField(Side.values)
    text = serializers.CharField()
    at = serializers.DateTimeField()


class CommentList(serializers.Serializer):
    comments = CommentShown(many=True)


class LinkShown(serializers.Serializer):
    link_id = serializers.UUIDField()
    note = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(LINK_STATES)
    made_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    opened = serializers.IntegerField()
    last_opened_at = serializers.DateTimeField(allow_null=True)


class FreshLink(LinkShown):
    url = serializers.CharField(help_text="Shown this once; only a hash is kept")


class LinkList(serializers.Serializer):
    links = LinkShown(many=True)
