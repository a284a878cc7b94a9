"""One B: slot or drop, the two roads, the threads, the collector, and what keeps B from costing A anything."""
