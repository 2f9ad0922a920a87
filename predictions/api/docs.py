"""The description of the API, and a page to try it, both for logged-in staff."""

from __future__ import annotations

from django.utils import translation
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from clinic.accounts.roles import Scope
from clinic.rules import STAFF
from predictions.api.base import ApiView
from predictions.api.permissions import ByDoor, Door


class SchemaView(SpectacularAPIView):
    """``/api/schema``."""

    permission_classes = (ByDoor,)
    authentication_classes = ApiView.authentication_classes
    http_method_names = ApiView.http_method_names
    doors = {"GET": Door(STAFF, Scope.READ)}

    def _get_schema_response(self, request: Request) -> Response:
        """Describe in English, whoever reads: the descriptions are, and the names of choices follow."""
        with translation.override("en"):
            return super()._get_schema_response(request)


class DocsView(SpectacularSwaggerSplitView):
    """``/api/docs``: Swagger UI from our own server, without inline script or style."""

    permission_classes = (ByDoor,)
    authentication_classes = ApiView.authentication_classes
    http_method_names = ApiView.http_method_names
    doors = {"GET": Door(STAFF, Scope.READ)}
    template_name = "predictions/api_docs.html"
    url_name = "api-schema"
