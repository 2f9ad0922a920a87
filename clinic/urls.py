"""Every address of the product."""

from django.urls import include, path

urlpatterns = [
    path("", include("predictions.urls")),
    path("patients/", include("patients.urls")),
    path("erasures/", include("patients.erasure_urls")),
    path("staff/", include("clinic.accounts.urls")),
    path("units/", include("clinic.accounts.unit_urls")),
    path("tokens/", include("clinic.accounts.token_urls")),
    path("notices/", include("clinic.accounts.notice_urls")),
    path("audit/", include("clinic.audit.urls")),
    path("accounts/", include("clinic.accounts.entrance")),
    path("api/", include("predictions.api.urls")),
]
handler400 = "clinic.errors.bad_request"
handler404 = "clinic.errors.not_found"
handler403 = "clinic.errors.forbidden"
handler500 = "clinic.errors.server_error"
