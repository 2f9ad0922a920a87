"""A study and everything that happens to it: files, predictions, explanations, reviews, signatures."""

from predictions.models.birth import SEVERE_ML, BloodLoss, LossMethod
from predictions.models.disclosure import Disclosure
from predictions.models.document import Document, DocumentState, Draft
from predictions.models.inquiry import Inquiry, InquiryKind
from predictions.models.job import JOB_ENDED, JOB_PENDING, Job, JobState
from predictions.models.mapping import ChannelMapping
from predictions.models.reading import (
    GIVEN_REASONS,
    Amendment,
    Confidence,
    FirstRead,
    Impression,
    ReadingReport,
    Reason,
    Review,
    Signature,
    Verdict,
)
from predictions.models.result import Explanation, ExplanationStatus, Prediction, StoredArtefact
from predictions.models.scoring import Kind, Origin, ReportedHypnogram, Scoring, ScoringEvent
from predictions.models.study import Study, StudyFile

__all__ = [
    "GIVEN_REASONS",
    "JOB_ENDED",
    "JOB_PENDING",
    "SEVERE_ML",
    "Amendment",
    "BloodLoss",
    "ChannelMapping",
    "Confidence",
    "Disclosure",
    "Document",
    "DocumentState",
    "Draft",
    "Explanation",
    "ExplanationStatus",
    "FirstRead",
    "Impression",
    "Inquiry",
    "InquiryKind",
    "Job",
    "JobState",
    "Kind",
    "LossMethod",
    "Origin",
    "Prediction",
    "ReadingReport",
    "Reason",
    "ReportedHypnogram",
    "Review",
    "Scoring",
    "ScoringEvent",
    "Signature",
    "StoredArtefact",
    "Study",
    "StudyFile",
    "Verdict",
]
