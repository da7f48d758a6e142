"""Everything on disk: layout, atomic writes, locks, ids, artifacts, journal, records."""
