"""Addresses of one's own profile and of the administration of staff."""

from django.urls import path

from clinic.accounts import views

urlpatterns = [
    path("", views.staff_list, name="staff_list"),
    path("new/", views.staff_new, name="staff_new"),
    path("<int:pk>/", views.staff_edit, name="staff_edit"),
    path("<int:pk>/password/", views.staff_password, name="staff_password"),
    path("<int:pk>/sessions/", views.staff_sessions, name="staff_sessions"),
    path("<int:pk>/second-factor/", views.staff_second_factor, name="staff_second_factor"),
    path("profile/", views.profile, name="profile"),
]
