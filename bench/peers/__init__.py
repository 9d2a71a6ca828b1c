"""The same job written for other frameworks, each as its own documentation advises for many short
tasks. `python -m bench.peers.with_<name> COUNT` puts messages into its queue."""
