"""Figures and how a person reads them: medians, tables, the chart, the targets and the slope of a soak."""
