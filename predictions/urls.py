"""Addresses of the worklist, the studies and the models."""

from __future__ import annotations

from django.urls import include, path

from predictions.views import (
    births,
    channels,
    comparison,
    disclosures,
    documents,
    models,
    preferences,
    reviewing,
    room,
    scoring,
    studies,
    submission,
    what_if,
    worklist,
)

urlpatterns = [
    path("", include("predictions.api.root_urls")),
    path("", worklist.worklist, name="worklist"),
    path("worklist/order/", worklist.worklist_order, name="worklist_order"),
    path("studies/new/<slug:algorithm>/<uuid:patient>/", submission.study_new, name="study_new"),
    path("studies/new/<slug:algorithm>/<uuid:patient>/draft/", submission.study_draft, name="study_draft"),
    path(
        "studies/new/<slug:algorithm>/<uuid:patient>/draft/discard/",
        submission.study_draft_discard,
        name="study_draft_discard",
    ),
    path(
        "studies/new/<slug:algorithm>/<uuid:patient>/stay/",
        submission.study_open_stay,
        name="study_open_stay",
    ),
    path(
        "studies/new/<slug:algorithm>/<uuid:patient>/channels/",
        channels.study_channels,
        name="study_channels",
    ),
    path("studies/<uuid:study_id>/", studies.study, name="study"),
    path("studies/<uuid:study_id>/state/", studies.study_state, name="study_state"),
    path("studies/<uuid:study_id>/epochs/<int:index>/", studies.study_epoch, name="study_epoch"),
    path("studies/<uuid:study_id>/artefacts/<str:name>", studies.study_artefact, name="study_artefact"),
    path("studies/<uuid:study_id>/what-if/", what_if.study_what_if, name="study_what_if"),
    path("studies/<uuid:study_id>/reassess/", submission.study_reassess, name="study_reassess"),
    path(
        "patients/<uuid:patient_id>/encounters/<uuid:encounter_id>/blood-loss/",
        births.blood_loss,
        name="blood_loss",
    ),
    path("studies/<uuid:study_id>/documents/", documents.study_documents, name="study_documents"),
    path(
        "studies/<uuid:study_id>/documents/order/",
        documents.study_document_order,
        name="study_document_order",
    ),
    path(
        "studies/<uuid:study_id>/documents/<uuid:document_id>",
        documents.study_document,
        name="study_document",
    ),
    path("studies/<uuid:study_id>/scoring/", room.scoring_room, name="scoring_room"),
    path("studies/<uuid:study_id>/scoring/signals/", room.scoring_signals, name="scoring_signals"),
    path("studies/<uuid:study_id>/scoring/pyramid.bin", room.scoring_pyramid, name="scoring_pyramid"),
    path("studies/<uuid:study_id>/scoring/comparison/", room.scoring_comparison, name="scoring_comparison"),
    path("studies/<uuid:study_id>/scoring/state/", scoring.scoring_state, name="scoring_state"),
    path("studies/<uuid:study_id>/scoring/begin/", scoring.scoring_begin, name="scoring_begin"),
    path("studies/<uuid:study_id>/scoring/events/", scoring.scoring_events, name="scoring_events"),
    path("studies/<uuid:study_id>/scoring/compare/", scoring.scoring_compare, name="scoring_compare"),
    path("studies/<uuid:study_id>/first-read/", reviewing.study_first_read, name="study_first_read"),
    path("studies/<uuid:study_id>/report/", reviewing.study_reading, name="study_reading"),
    path("studies/<uuid:study_id>/review/", reviewing.study_review, name="study_review"),
    path("studies/<uuid:study_id>/sign/", reviewing.study_sign, name="study_sign"),
    path("studies/<uuid:study_id>/amend/", reviewing.study_amend, name="study_amend"),
    path("studies/<uuid:study_id>/retry/", reviewing.study_retry, name="study_retry"),
    path("studies/<uuid:study_id>/repeat/", reviewing.study_repeat, name="study_repeat"),
    path("audit/patients/<uuid:patient_id>/list/", disclosures.disclosure_page, name="disclosure"),
    path(
        "audit/patients/<uuid:patient_id>/list/files/", disclosures.disclosure_files, name="disclosure_files"
    ),
    path(
        "audit/patients/<uuid:patient_id>/list/order/", disclosures.disclosure_order, name="disclosure_order"
    ),
    path("audit/patients/<uuid:patient_id>/list/table/", disclosures.disclosure_csv, name="disclosure_csv"),
    path(
        "audit/patients/<uuid:patient_id>/list/<uuid:disclosure_id>",
        disclosures.disclosure_file,
        name="disclosure_file",
    ),
    path("models/", models.models, name="models"),
    path("", include("predictions.versions.urls")),
    path("", include("predictions.stewardship.urls")),
    path("", include("predictions.batches.urls")),
    path("", include("predictions.testbench.urls")),
    path("", include("predictions.deployments.urls")),
    path("", include("predictions.agreement.urls")),
    path("", include("predictions.feedback.urls")),
    path("", include("predictions.monitoring.urls")),
    path("models/<slug:algorithm>/", models.model, name="model"),
    path("models/<slug:algorithm>/comparison/", comparison.comparison, name="model_comparison"),
    path("favicon.ico", preferences.favicon, name="favicon"),
    path("preferences/language/", preferences.set_language, name="set_language"),
    path("preferences/theme/", preferences.set_theme, name="set_theme"),
]
