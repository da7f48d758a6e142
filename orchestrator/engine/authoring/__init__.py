"""What authors of plugins and recipes use.

Of plugins: looking at a component, running it alone against a mock canister, recording and replaying. Of recipes: rendering one,
looking for what could go wrong with it, running its cases. Nothing here needs a project or a network. Names are imported where
they are used first.
"""
