from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import flow, on_bookings, on_decisions, on_sellers  # noqa: F401  registers rules and steps
