"""`python -m tests.worlds`: serves one side of a world until it is ended."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.worlds import SERVICES, World
from tests.worlds.server import WorldServer, shared_hits


def listed(text: str) -> list[str]:
    """The words of a list with commas."""
    return [word for word in text.split(",") if word]


def arguments() -> argparse.ArgumentParser:
    """The parser."""
    parser = argparse.ArgumentParser(prog="python -m tests.worlds", description="Serve one side of a world.")
    parser.add_argument("--service", choices=SERVICES, default="shop", help="which world (default: %(default)s)")
    parser.add_argument("--side", choices=["a", "b"], default="a", help="defects are in B only (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one and prints it")
    parser.add_argument("--seed", type=int, default=1, help="of the data, the same for A and B")
    parser.add_argument("--defects", type=listed, default=[], metavar="NAME,...", help="planted in B")
    parser.add_argument("--noises", type=listed, metavar="NAME,...", help="of A and B (default: all of the table)")
    parser.add_argument("--hits", type=Path, metavar="FILE", help="for the counter that A and B share")
    parser.add_argument("--instant", action="store_true", help="answer without the service's latencies")
    return parser


def main(words: list[str]) -> int:
    """Serve until a signal."""
    options = arguments().parse_args(words)
    service = SERVICES[options.service]
    for kind, known in (("defects", service.defects), ("noises", service.noises)):
        unknown = [name for name in getattr(options, kind) or () if name not in known]
        if unknown:
            print(f"unknown {kind} {', '.join(unknown)}: there are {', '.join(known)}", file=sys.stderr)
            return 2
    hits = shared_hits(options.hits) if options.hits else None
    world = World(options.seed, options.defects, options.noises, service, hits)
    with WorldServer(world, options.side, options.port, not options.instant) as server:
        print(f"http://127.0.0.1:{server.port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
