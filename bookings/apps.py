from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "bookings"

    def ready(self) -> None:
        from bookings import flow, late_truth  # noqa: F401  registers the steps
        from bookings.comparing import run  # noqa: F401
