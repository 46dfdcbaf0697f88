from django.urls import path

from notifications import views, views_settings

urlpatterns = [
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/bell/", views.notifications_bell, name="notifications-bell"),
    path("notifications/read-all/", views.notifications_read_all, name="notifications-read-all"),
    path("notifications/<uuid:pk>/open/", views.notification_open, name="notification-open"),
    path("notifications/<uuid:pk>/read/", views.notification_read, name="notification-read"),
    path("settings/notifications/", views_settings.notification_settings, name="notification-settings"),
    path("settings/notifications/webhook/", views_settings.notification_webhook, name="notification-webhook"),
]
