"""Events, errors and plans as text or JSON lines."""
