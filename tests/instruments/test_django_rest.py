"""Django REST framework: viewsets and views under the routes that their routers made."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import include, path
from werkzeug.test import Client

URLS = ModuleType("fanlight_shop_rest")


@pytest.fixture
def client(monkeypatch: Any) -> Any:
    """Answer a client of a project whose addresses are a router's.

    The library reads the settings when it is imported.
    """
    bare = {
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    }
    monkeypatch.setattr(settings, "REST_FRAMEWORK", bare, raising=False)
    from rest_framework.decorators import action, api_view
    from rest_framework.exceptions import APIException
    from rest_framework.response import Response
    from rest_framework.routers import SimpleRouter
    from rest_framework.viewsets import ViewSet

    class Orders(ViewSet):
        def list(self, request: Any) -> Any:
            return Response([])

        def retrieve(self, request: Any, pk: str) -> Any:
            return Response(pk)

        @action(detail=True, methods=["post"])
        def pay(self, request: Any, pk: str) -> Any:
            raise APIException("no money")

    @api_view(["GET"])
    def health(request: Any, name: str) -> Any:
        return Response("ok")

    router = SimpleRouter()
    router.register("orders", Orders, basename="order")
    URLS.urlpatterns = [path("api/", include(router.urls)), path("health/<slug:name>/", health)]

    monkeypatch.setitem(sys.modules, URLS.__name__, URLS)
    with override_settings(ROOT_URLCONF=URLS.__name__, MIDDLEWARE=[]):
        yield Client(WSGIHandler())


def test_each_of_a_viewsets_actions_is_an_endpoint(client: Any, seen: Any) -> None:
    for method, address in (
        ("GET", "/api/orders/"),
        ("GET", "/api/orders/hunter2/"),
        ("POST", "/api/orders/hunter2/pay/"),
        ("DELETE", "/api/orders/hunter2/"),
        ("GET", "/health/hunter2/"),
        ("GET", "/api/hunter2/"),
    ):
        client.open(address, method=method).close()
    assert seen.endpoints() == [
        ("GET /api/orders/", 200),
        ("GET /api/orders/<pk>/", 200),
        ("POST /api/orders/<pk>/pay/", 500),
        ("DELETE /api/orders/<pk>/", 405),
        ("GET /health/<slug:name>/", 200),
        ("<unmatched>", 404),
    ]
