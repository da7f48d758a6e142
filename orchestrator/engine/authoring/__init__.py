"""What plugin authors use: looking at a component, running it alone against a mock canister, recording and replaying.

Nothing here knows a project or a network. Names are imported where they are used first.
"""
