"""Detection learnt from data, and false alarms that are counted, whatever the method."""
