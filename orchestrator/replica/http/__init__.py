"""The network's HTTP side: the API of the interface specification and the gateway, on one port."""
