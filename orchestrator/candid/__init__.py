"""Candid: types, the .did parser, text values, encoding, decoding with subtyping."""
