"""JSON Schemas (draft 2020-12) of the files that people write, for editors and other checkers.

They say what the readers of `orchestrator.manifest` accept, key by key, as far as a schema can: references between names, files
and the grammar of Candid are the readers' alone. A test holds both to the same keys.
"""

from orchestrator.manifest.json_schema.files import SCHEMA_NAMES, SchemaName, make_schema, schema_file

__all__ = ["SCHEMA_NAMES", "SchemaName", "make_schema", "schema_file"]
