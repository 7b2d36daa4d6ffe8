"""Makes up card transactions, with fraud, late chargebacks, drift and faults; nothing here comes from real people."""
