"""Collected static files under names that carry a hash of the content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Also rewrites `import` in our JavaScript modules, so that a page never mixes files of two releases."""

    support_js_module_import_aggregation = True
    manifest_strict = True
