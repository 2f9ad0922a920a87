"""What leaves the house: documents of a study, ordered in the web process and written by a worker.

``registry`` and ``ordering`` are light; ``rendering`` imports a renderer only when it writes with it.
"""
