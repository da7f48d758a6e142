"""The client of the Internet Computer's HTTP interface."""
