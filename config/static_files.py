"""Collected static files under names that carry a hash of the content."""

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Also rewrites `import` in our own JavaScript modules, so that a page never mixes files of two releases. Only in
    ours: Django's search for imports reads comments too, and those of other packages name files that are not there."""

    _, _imports = HashedFilesMixin._js_module_import_aggregation_patterns  # type: ignore[attr-defined]
    patterns = (*HashedFilesMixin.patterns, ("flightdeck/js/*.js", _imports))
