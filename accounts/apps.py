from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import middleware, schema  # noqa: F401  one hears logins, one describes keys
