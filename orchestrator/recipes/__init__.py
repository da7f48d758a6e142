"""Recipe templates: address, pin, render, expand."""
