"""One thread of BLAS and OpenMP for a training from a table.

Sums in another order end in other digits, so that the number of cores of a machine would show in a package.
And it is faster: on the small matrices of a table two threads spend their time waiting for each other.
"""

from __future__ import annotations

from threadpoolctl import threadpool_limits

one_thread = threadpool_limits.wrap(limits=1)
"""Decorates what trains or evaluates: its libraries compute in one thread for as long as it runs."""
