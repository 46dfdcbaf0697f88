from django.urls import path

from sellers import views

urlpatterns = [
    path("sellers/", views.sellers, name="sellers"),
    path("sellers/<slug:slug>/probe/", views.probe, name="seller-probe"),
]
