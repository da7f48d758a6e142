"""The local network of dfx, found by the files that dfx writes."""
