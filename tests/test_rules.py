"""What has no rule is closed: pages and views of the API alike, before anything of them runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic import rules, urls
from clinic.accounts.models import User
from clinic.accounts.roles import Role, Scope
from clinic.audit.models import Action, Event
from predictions.api.base import ApiView
from predictions.api.permissions import Door
from tests import factories

pytestmark = pytest.mark.django_db


def forgotten(request: HttpRequest, **_: Any) -> HttpResponse:
    """Answer whoever gets as far as this."""
    return HttpResponse("patients")


@rules.under(rules.STAFF)
def named(request: HttpRequest) -> HttpResponse:
    """Answer staff."""
    return HttpResponse("page")


def hide(user: Any, **parts: Any) -> None:
    """Refuse odd numbers as if there were none."""
    if parts["number"] % 2:
        raise Http404


@rules.under(rules.Rule("even numbers", hide))
def even(request: HttpRequest, number: int) -> HttpResponse:
    """Answer about a number."""
    return HttpResponse("even")


class Forgotten(ApiView):
    """Names no door at all."""

    def get(self, request: Request) -> Response:
        """Answer whoever gets as far as this."""
        return Response({"patients": 1})


class HalfForgotten(ApiView):
    """Names the door of one method of two."""

    doors = {"GET": Door(rules.STAFF, Scope.READ)}

    def get(self, request: Request) -> Response:
        """Answer staff."""
        return Response({})

    def post(self, request: Request) -> Response:
        """Answer whoever gets as far as this."""
        return Response({"written": 1})


class Foreign(APIView):
    """A view of the framework, not one of ours."""

    def get(self, request: Request) -> Response:
        """Answer whoever gets as far as this."""
        return Response({"patients": 1})


@pytest.fixture
def addresses(settings: Any) -> Iterator[None]:
    """Add the addresses of this file to the product's."""
    module = ModuleType("addresses_without_rules")
    module.urlpatterns = [
        *urls.urlpatterns,
        path("forgotten/", forgotten, name="forgotten"),
        path("named/", named, name="named"),
        path("even/<int:number>/", even, name="even"),
        path("api/forgotten", Forgotten.as_view(), name="api-forgotten"),
        path("api/half", HalfForgotten.as_view(), name="api-half"),
        path("api/foreign", Foreign.as_view(), name="api-foreign"),
    ]
    module.handler403, module.handler404 = urls.handler403, urls.handler404
    sys.modules[module.__name__] = module
    settings.ROOT_URLCONF = module.__name__
    yield
    del sys.modules[module.__name__]


def visitor(role: Role) -> Client:
    client = Client()
    client.force_login(factories.staff(f"a.{role}", role, factories.unit(), password=factories.PASSWORD))
    return client


@pytest.mark.parametrize("role", Role)
def test_a_page_without_a_rule_is_refused_to_every_role_on_record(addresses: None, role: Role) -> None:
    client = visitor(role)
    assert client.get("/named/").status_code == 200
    assert client.get("/forgotten/").status_code == 403
    assert Event.objects.filter(action=Action.REFUSED).exists()


@pytest.mark.parametrize("address", ["/api/forgotten", "/api/foreign"])
def test_a_view_of_the_api_without_doors_is_refused_to_sessions_and_tokens(
    addresses: None, address: str, bob: User
) -> None:
    assert visitor(Role.ADMIN).get(address).status_code == 403
    token = {"Authorization": f"Token {factories.token(bob)}"}
    assert Client().get(address, headers=token).status_code == 403
    assert Client().get(address).status_code in (401, 403)


def test_a_method_without_a_door_is_refused_and_one_that_is_not_there_is_said_to_be(
    addresses: None, bob: User
) -> None:
    token = {"Authorization": f"Token {factories.token(bob)}"}
    assert Client().get("/api/half", headers=token).status_code == 200
    assert Client().head("/api/half", headers=token).status_code == 200
    assert Client().post("/api/half", headers=token).status_code == 403
    assert Client().put("/api/half", headers=token).status_code == 405
    assert Client().options("/api/half", headers=token).status_code == 405
    assert Client().post("/api/half").status_code == 401


def test_a_rule_knows_the_parts_of_the_address(addresses: None) -> None:
    client = visitor(Role.MIDWIFE)
    assert client.get("/even/2/").status_code == 200
    assert client.get("/even/3/").status_code == 404


def test_a_library_page_is_named_by_its_address() -> None:
    assert rules.rule_of(forgotten, "mfa_index") is rules.STAFF
    assert rules.rule_of(forgotten, "mfa_something_new") is rules.CLOSED
