"""Static files with a hash in their name, compressed once by ``collectstatic``."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class VersionedStaticFiles(CompressedManifestStaticFilesStorage):
    """Serves the plain name while nothing has been collected (tests, first start)."""

    manifest_strict = False

    def stored_name(self, name: str) -> str:
        """Return the name to link to: the hashed one, or ``name`` itself before ``collectstatic``."""
        return super().stored_name(name) if self.hashed_files else self.clean_name(name)
