"""Static files with a hash in their name, compressed once by ``collectstatic``."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class VersionedStaticFiles(CompressedManifestStaticFilesStorage):
    """Serves the plain name while nothing has been collected (tests, first start)."""

    manifest_strict = False
