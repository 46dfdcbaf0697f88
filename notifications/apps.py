from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import (  # noqa: F401  registers rules and steps
            flow,
            on_bookings,
            on_clients,
            on_decisions,
            on_sellers,
        )
