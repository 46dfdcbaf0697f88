from django.urls import path

from accounts.views import Login, Logout
from accounts.views_times import times_settings

urlpatterns = [
    path("login/", Login.as_view(), name="login"),
    path("logout/", Logout.as_view(), name="logout"),
    path("settings/times/", times_settings, name="times-settings"),
]
