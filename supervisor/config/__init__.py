"""Files -> the frozen specs of core; every complaint names file:line:col, key and hint."""
