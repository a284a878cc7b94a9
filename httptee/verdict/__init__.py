"""Can B replace A? Five rooms: `court` judges, `pairs` is the worker's side, `judge` the process beside the workers,
`evidence` what is kept, `display` how it is read. Others import from these."""
