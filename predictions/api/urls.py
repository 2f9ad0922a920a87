"""Addresses of the API below ``/api/``."""

from __future__ import annotations

from django.urls import path

from predictions.api import (
    agreements,
    algorithms,
    audit,
    batches,
    births,
    docs,
    documents,
    emergencies,
    patients,
    readings,
    scorings,
    seeds,
    studies,
    testbench,
    tokens,
    versions,
)
from predictions.batches.intake import LARGEST_UPLOAD
from predictions.storage import takes

urlpatterns = [
    path("token", tokens.TokenView.as_view(), name="api-token"),
    path("agreements", agreements.AgreementsView.as_view(), name="api-agreements"),
    path("agreements/<uuid:agreement_id>", agreements.AgreementView.as_view(), name="api-agreement"),
    path("audit-events", audit.AuditEventsView.as_view(), name="api-audit-events"),
    path("algorithms", algorithms.AlgorithmsView.as_view(), name="api-algorithms"),
    path("algorithms/<slug:algorithm>/versions", versions.VersionsView.as_view(), name="api-versions"),
    path("algorithms/<slug:algorithm>/proposals", versions.ProposalsView.as_view(), name="api-proposals"),
    path(
        "algorithms/<slug:algorithm>/proposals/<uuid:proposal_id>",
        versions.ProposalView.as_view(),
        name="api-proposal",
    ),
    path("patients", patients.PatientsView.as_view(), name="api-patients"),
    path("patients/search", patients.PatientSearchView.as_view(), name="api-patient-search"),
    path("patients/emergency", emergencies.EmergencyView.as_view(), name="api-emergency"),
    path(
        "patients/emergency/<uuid:access_id>",
        emergencies.EmergencyEndView.as_view(),
        name="api-emergency-end",
    ),
    path("patients/<uuid:patient_id>", patients.PatientView.as_view(), name="api-patient"),
    path(
        "patients/<uuid:patient_id>/encounters/<uuid:encounter_id>/blood-loss",
        births.BloodLossView.as_view(),
        name="api-blood-loss",
    ),
    path("studies", studies.StudiesView.as_view(), name="api-studies"),
    path("studies/<uuid:study_id>", studies.StudyView.as_view(), name="api-study"),
    path("studies/<uuid:study_id>/result", studies.ResultView.as_view(), name="api-result"),
    path("studies/<uuid:study_id>/artefacts/<str:name>", studies.ArtefactView.as_view(), name="api-artefact"),
    path("studies/<uuid:study_id>/first-read", readings.FirstReadView.as_view(), name="api-first-read"),
    path("studies/<uuid:study_id>/report", readings.ReportView.as_view(), name="api-report"),
    path("studies/<uuid:study_id>/scoring", scorings.ScoringView.as_view(), name="api-scoring"),
    path(
        "studies/<uuid:study_id>/scoring/events",
        scorings.ScoringEventsView.as_view(),
        name="api-scoring-events",
    ),
    path(
        "studies/<uuid:study_id>/scoring/comparison",
        scorings.ScoringComparisonView.as_view(),
        name="api-scoring-comparison",
    ),
    path("studies/<uuid:study_id>/documents", documents.DocumentsView.as_view(), name="api-documents"),
    path(
        "studies/<uuid:study_id>/documents/<uuid:document_id>",
        documents.DocumentView.as_view(),
        name="api-document",
    ),
    path(
        "studies/<uuid:study_id>/documents/<uuid:document_id>/content",
        documents.DocumentContentView.as_view(),
        name="api-document-content",
    ),
    path("studies/<uuid:study_id>/review", studies.ReviewView.as_view(), name="api-review"),
    path("studies/<uuid:study_id>/sign", studies.SignView.as_view(), name="api-sign"),
    path("studies/<uuid:study_id>/amend", studies.AmendView.as_view(), name="api-amend"),
    path("studies/<uuid:study_id>/retry", studies.RetryView.as_view(), name="api-retry"),
    path("studies/<uuid:study_id>/repeat", studies.RepeatView.as_view(), name="api-repeat"),
    path("batches", takes(LARGEST_UPLOAD)(batches.BatchesView.as_view()), name="api-batches"),
    path("batches/<uuid:batch_id>", batches.BatchView.as_view(), name="api-batch"),
    path("batches/<uuid:batch_id>/rows", batches.BatchRowsView.as_view(), name="api-batch-rows"),
    path("batches/<uuid:batch_id>/withdraw", batches.BatchWithdrawView.as_view(), name="api-batch-withdraw"),
    path("batches/<uuid:batch_id>/retry", batches.BatchRetryView.as_view(), name="api-batch-retry"),
    path(
        "batches/<uuid:batch_id>/result.<str:form>",
        batches.BatchResultView.as_view(),
        name="api-batch-result",
    ),
    path("credit/predict", seeds.CreditView.as_view(), name="api-credit"),
    path("credit/predict/batch", seeds.CreditBatchView.as_view(), name="api-credit-batch"),
    path("testbench", testbench.BenchView.as_view(), name="api-testbench"),
    path("testbench/<uuid:bench_run_id>", testbench.BenchRunView.as_view(), name="api-bench-run"),
    path("schema", docs.SchemaView.as_view(), name="api-schema"),
    path("docs", docs.DocsView.as_view(), name="api-docs"),
]
