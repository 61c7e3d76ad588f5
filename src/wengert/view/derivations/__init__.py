"""How a derivation is found and written: rules, formulas, notation, and the formats."""
