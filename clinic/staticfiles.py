"""Static files with a hash in their name, compressed once by ``collectstatic``."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

IMPORT = r"""(?P<matched>import(?P<names>\s*\{[^}]*\}\s*)from\s*["'](?P<url>\./[^"']+)["'];)"""


class VersionedStaticFiles(CompressedManifestStaticFilesStorage):
    """Serves the plain name while nothing has been collected (tests, first start)."""

    manifest_strict = False
    # Our own modules import each other by name; a browser must not mix those of two versions. Django's own
    # switch for this stumbles over a comment in a script of somebody else.
    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", ((IMPORT, 'import%(names)sfrom "%(url)s";'),)),
    )

    def stored_name(self, name: str) -> str:
        """Return the name to link to: the hashed one, or ``name`` itself before ``collectstatic``."""
        return super().stored_name(name) if self.hashed_files else self.clean_name(name)
