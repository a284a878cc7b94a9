"""Replays a recording. Three rooms: `replaying` reads it and judges the answers, `figures` is what it says at the end,
`sending` the processes that send. Others import from these."""
