"""The ground floor: the dimension legend and the errors of the house."""
