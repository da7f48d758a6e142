"""What client and replica share on the wire: CBOR, request ids, envelopes, keys, hash trees, certificates."""
