"""Each connection is an open file; the usual limit of 1024 is meant for people at a terminal."""

import resource

ENOUGH = 65_536


def allow_many() -> None:
    """For this process and those it starts; a limit that is high already stays."""
    granted, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if most == resource.RLIM_INFINITY else min(most, ENOUGH)
    if granted != resource.RLIM_INFINITY and granted < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
