"""What client and replica share on the wire: CBOR, request ids, envelopes, keys, hash trees, certificates.

`cbor`, `request_id`, `hash_tree`, `bls`, `certificate`, `keys`, `pem`, `envelope` and `response` are imported
by their own names: whoever needs only hashing does not pay for loading key formats.
"""
