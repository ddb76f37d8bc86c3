"""The same settings and the same database; only the addresses differ."""

from lockbay.settings import *  # noqa: F403  a variant of the whole file

ROOT_URLCONF = "benchmarks.naive.urls"
