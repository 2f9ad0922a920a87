"""The description of the API, and a page to try it, both for logged-in staff."""

from __future__ import annotations

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from predictions.api.permissions import Staff


class SchemaView(SpectacularAPIView):
    """``/api/schema``."""

    permission_classes = (Staff,)


class DocsView(SpectacularSwaggerSplitView):
    """``/api/docs``: Swagger UI from our own server, without inline script or style."""

    permission_classes = (Staff,)
    template_name = "predictions/api_docs.html"
    url_name = "api-schema"
