"""Routes of the registry, included under /api/."""

from django.urls import path

from sellers import api

urlpatterns = [
    path("sellers", api.Sellers.as_view(), name="api-sellers"),
    path("sellers/<slug:slug>", api.SellerDetail.as_view(), name="api-seller"),
    path("sellers/<slug:slug>/disable", api.Disable.as_view(), name="api-seller-disable"),
    path("sellers/<slug:slug>/enable", api.Enable.as_view(), name="api-seller-enable"),
    path("sellers/<slug:slug>/probe", api.Probe.as_view(), name="api-seller-probe"),
]
