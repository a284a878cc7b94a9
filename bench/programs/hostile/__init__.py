"""The hostile server: answers that cost their reader far more than an ordinary answer. It can be A or B."""
