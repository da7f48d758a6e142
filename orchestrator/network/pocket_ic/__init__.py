"""PocketIC, by icp-cli's network launcher or by its own server."""
